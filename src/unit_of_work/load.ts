/** From a request's cookies, or an id, to the one live session that they lead to. */

import { SessionError } from "../errors.ts";
import type { Draft } from "../data/format.ts";
import { endsAt } from "../data/lifetime.ts";
import { ignoreSessionErrors } from "../guard/call_guard.ts";
import type { MaybePromise } from "../store.ts";
import type { StoredSession } from "../transport/transport.ts";
import { endUnchanged } from "./live_sessions.ts";
import { check } from "./save.ts";
import type { Loaded, SessionContext } from "./context.ts";
import { UnitOfWork } from "./unit_of_work.ts";

/**
 * The unit of work for a request: on the one live session that its cookies lead to, or on a new one.
 *
 * @throws {SessionError} `ERR_STORE`: never an empty session instead (SR-046).
 */
export function load(context: SessionContext, header: string | null): MaybePromise<UnitOfWork> {
  const loaded = find(context, header);
  return loaded instanceof Promise
    ? loaded.then((loaded) => new UnitOfWork(context, header, loaded))
    : new UnitOfWork(context, header, loaded);
}

/** What a request's cookies lead to. */
export function find(context: SessionContext, header: string | null): MaybePromise<Loaded> {
  const found = context.transport.find(header);
  return found instanceof Promise ? found.then((all) => choose(context, all)) : choose(context, found);
}

/** The unit of work on the session with this id, outside any request. */
export async function open(context: SessionContext, id: string | undefined): Promise<UnitOfWork> {
  const found = await context.transport.open(id);
  const loaded = await choose(context, found === undefined ? [] : [found]);
  await context.events.pending;
  return new UnitOfWork(context, undefined, loaded);
}

/** No session, and cookies that are stale if there are any. */
const nothing: Loaded = { hasStaleCookies: true };

function choose(context: SessionContext, all: readonly StoredSession[]): MaybePromise<Loaded> {
  const [found] = all;
  if (found === undefined) return nothing;
  if (all.length === 1 && found.ref.replacedBy === undefined) {
    const draft = read(context, found);
    if (draft !== undefined && isLive(context, found, draft)) return admit(context, found, draft);
  }
  return chooseOne(context, all);
}

/** Of several sessions the one that is live; if more than one is, none is shown. */
async function chooseOne(context: SessionContext, all: readonly StoredSession[]): Promise<Loaded> {
  const live: [StoredSession, Draft][] = [];
  const damaged: StoredSession[] = [];
  let newerCookieUntil = 0;
  for (const found of all) {
    if (found.ref.replacedBy !== undefined) {
      newerCookieUntil = Math.max(newerCookieUntil, found.ref.newerCookieUntil ?? 0);
      continue;
    }
    const draft = read(context, found);
    if (draft === undefined) {
      damaged.push(found);
      context.events.emit("damaged", found.ref.key);
    } else if (isLive(context, found, draft)) live.push([found, draft]);
    else await removeExpired(context, found);
  }
  if (live.length > 1) context.events.emit("rejected", undefined, "ambiguous");
  if (live.length === 1) return await admit(context, ...live[0]!);
  const hidden = [...live.map(([found]) => found), ...damaged];
  return { hidden, newerCookieUntil, hasStaleCookies: hidden.length === 0 };
}

/** The content of a record; `undefined` if it is damaged. */
function read(context: SessionContext, { record }: StoredSession): Draft | undefined {
  try {
    return context.format.read(record);
  } catch (error) {
    if (error instanceof SessionError && error.code === "ERR_DAMAGED") return undefined;
    throw error;
  }
}

/** Whether a session may still be used: decided here, whatever the store still holds (SR-038). */
function isLive({ limits, now }: SessionContext, { record }: StoredSession, draft: Draft): boolean {
  return now() < endsAt(limits, record, draft);
}

/** An expired record is removed immediately. If that fails, the visitor is anonymous all the same. */
function removeExpired({ events, transport }: SessionContext, found: StoredSession): Promise<void> {
  events.emit("expired", found.ref.key);
  return ignoreSessionErrors(() => transport.removeExpired(found));
}

/** A live session, unless its credentials have changed or its data does not fit the schema. */
function admit(context: SessionContext, stored: StoredSession, draft: Draft): MaybePromise<Loaded> {
  const isStamped = context.stampOf !== undefined && draft.userId !== undefined;
  const isChecked = context.schema !== undefined && draft.values.size > 0;
  return isStamped || isChecked ? admitChecked(context, stored, draft) : { stored, draft };
}

async function admitChecked(context: SessionContext, stored: StoredSession, draft: Draft): Promise<Loaded> {
  const { stampOf, transport, events } = context;
  // A session whose credentials have changed is over (as with Django's session auth hash).
  if (
    stampOf !== undefined && draft.userId !== undefined && await stampOf(draft.userId) !== draft.meta.stamp
  ) {
    if (await endUnchanged(context, stored, "stamp")) return {};
    // It was changed since, perhaps by the login that brought the new credentials.
    const now = await transport.reload(stored);
    return now === undefined || now.ref.version === stored.ref.version ? {} : await choose(context, [now]);
  }
  const fitting = await check(context, stored.record, draft);
  if (fitting !== undefined) return { stored, draft: fitting };
  // The visitor gets a new session; the record stays until it expires or is logged out.
  events.emit("invalid", stored.ref.key);
  return { hidden: [stored] };
}
