/** From a request's cookies, or an id, to the one live session they lead to. */

import type { StoredSession } from "../transport/transport.ts";
import { SessionError } from "../errors.ts";
import { endOf } from "../data/lifetime.ts";
import { check } from "./save.ts";
import type { Draft } from "../data/format.ts";
import type { MaybePromise } from "../store.ts";
import { type SessionContext, UnitOfWork } from "./unit_of_work.ts";

/** Whether a session may still be used: decided here, whatever the store still holds (SR-038). */
export function isLive(context: SessionContext, { record }: StoredSession, draft: Draft): boolean {
  return context.now() < Math.min(record.expiresAt, endOf(context.limits, draft));
}

/**
 * The unit of work for a request: on the one live session that its cookies lead to, or on a new one.
 *
 * @throws {SessionError} `ERR_STORE`: never an empty session instead (SR-046).
 */
export function load(context: SessionContext, header: string | null): MaybePromise<UnitOfWork> {
  const found = context.transport.find(header);
  return found instanceof Promise
    ? found.then((all) => choose(context, header, all))
    : choose(context, header, found);
}

/** The unit of work on the session with this id, outside any request. */
export async function open(context: SessionContext, id: string | undefined): Promise<UnitOfWork> {
  const found = await context.transport.open(id);
  return await choose(context, undefined, found === undefined ? [] : [found]);
}

function choose(
  context: SessionContext,
  header: string | null | undefined,
  all: readonly StoredSession[],
): MaybePromise<UnitOfWork> {
  const [found] = all;
  if (found === undefined) return stale(context, header);
  if (all.length === 1 && found.ref.replacedBy === undefined) {
    const draft = read(context, found);
    if (draft !== undefined && isLive(context, found, draft)) return admit(context, header, found, draft);
  }
  return chooseOne(context, header, all);
}

async function chooseOne(
  context: SessionContext,
  header: string | null | undefined,
  all: readonly StoredSession[],
): Promise<UnitOfWork> {
  const live: [StoredSession, Draft][] = [];
  const damaged: StoredSession[] = [];
  let newerUntil = 0;
  for (const found of all) {
    if (found.ref.replacedBy !== undefined) {
      newerUntil = Math.max(newerUntil, found.ref.newerCookieUntil ?? 0);
      continue;
    }
    const draft = read(context, found);
    if (draft === undefined) {
      damaged.push(found);
      context.events.emit("damaged", found.ref.key);
    } else if (isLive(context, found, draft)) live.push([found, draft]);
    else await retire(context, found);
  }
  if (live.length > 1) context.events.emit("rejected", undefined, "ambiguous");
  if (live.length === 1) return await admit(context, header, ...live[0]!);
  const hidden = [...live.map(([found]) => found), ...damaged];
  const unit = hidden.length === 0 ? stale(context, header) : fresh(context, header, hidden);
  unit.newerCookieUntil = newerUntil;
  return unit;
}

/** A new session for a visitor who cannot be shown these, and may log out of them. */
function fresh(
  context: SessionContext,
  header: string | null | undefined,
  hidden: readonly StoredSession[],
): UnitOfWork {
  const unit = new UnitOfWork(context, header);
  unit.hidden = hidden;
  return unit;
}

/** A new session for cookies that lead to none, or are none. */
function stale(context: SessionContext, header: string | null | undefined): UnitOfWork {
  const unit = new UnitOfWork(context, header);
  unit.staleCookies = header;
  return unit;
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

/** An expired record goes at once. If that fails, the visitor is anonymous all the same. */
async function retire(context: SessionContext, found: StoredSession): Promise<void> {
  context.events.emit("expired", found.ref.key);
  try {
    await context.transport.removeExpired(found);
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
  }
}

function admit(
  context: SessionContext,
  header: string | null | undefined,
  found: StoredSession,
  draft: Draft,
): MaybePromise<UnitOfWork> {
  const isStamped = context.stampOf !== undefined && draft.userId !== undefined;
  if (!isStamped && (context.schema === undefined || draft.values.size === 0)) {
    return new UnitOfWork(context, header, found, draft);
  }
  return admitChecked(context, header, found, draft);
}

/** A session whose credentials have changed is over (as with Django's session auth hash). */
async function admitChecked(
  context: SessionContext,
  header: string | null | undefined,
  found: StoredSession,
  draft: Draft,
): Promise<UnitOfWork> {
  const { userId, meta: { stamp } } = draft;
  if (context.stampOf !== undefined && userId !== undefined && await context.stampOf(userId) !== stamp) {
    if (await context.transport.end(found)) context.events.emit("ended", found.ref.key, "stamp");
    return new UnitOfWork(context, header);
  }
  return context.schema === undefined || draft.values.size === 0
    ? new UnitOfWork(context, header, found, draft)
    : await fit(context, header, found, draft);
}

/** Data that does not fit the schema: a fresh session for the visitor, and the record stays until it expires or is logged out. */
async function fit(
  context: SessionContext,
  header: string | null | undefined,
  found: StoredSession,
  draft: Draft,
): Promise<UnitOfWork> {
  const data = await check(context, found.record, draft);
  if (data !== undefined) return new UnitOfWork(context, header, found, data);
  context.events.emit("invalid", found.ref.key);
  return fresh(context, header, [found]);
}
