/** From a request's cookies, or an id, to the one live session they lead to. */

import type { Found } from "../transport/transport.ts";
import { SessionError } from "../errors.ts";
import { endOf } from "../data/lifetime.ts";
import { check } from "./save.ts";
import type { Draft } from "../data/format.ts";
import type { MaybePromise } from "../store.ts";
import { type Core, Unit } from "./unit_of_work.ts";

/** Whether a session may still be used: decided here, whatever the store still holds (SR-038). */
export function isLive(core: Core, { record }: Found, draft: Draft): boolean {
  return core.now() < Math.min(record.expiresAt, endOf(core.limits, draft));
}

/**
 * The unit of work for a request: on the one live session that its cookies lead to, or on a new one.
 *
 * @throws {SessionError} `ERR_STORE`: never an empty session instead (SR-046).
 */
export function load(core: Core, header: string | null): MaybePromise<Unit> {
  const found = core.carrier.find(header);
  return found instanceof Promise
    ? found.then((all) => choose(core, header, all))
    : choose(core, header, found);
}

/** The unit of work on the session with this id, outside any request. */
export async function open(core: Core, id: string | undefined): Promise<Unit> {
  const found = await core.carrier.open(id);
  return await choose(core, undefined, found === undefined ? [] : [found]);
}

function choose(core: Core, header: string | null | undefined, all: readonly Found[]): MaybePromise<Unit> {
  const [found] = all;
  if (found === undefined) return stale(core, header);
  if (all.length === 1 && found.place.replacedBy === undefined) {
    const draft = read(core, found);
    if (draft !== undefined && isLive(core, found, draft)) return admit(core, header, found, draft);
  }
  return chooseOne(core, header, all);
}

async function chooseOne(
  core: Core,
  header: string | null | undefined,
  all: readonly Found[],
): Promise<Unit> {
  const live: [Found, Draft][] = [];
  const damaged: Found[] = [];
  let newerUntil = 0;
  for (const found of all) {
    if (found.place.replacedBy !== undefined) {
      newerUntil = Math.max(newerUntil, found.place.newerUntil ?? 0);
      continue;
    }
    const draft = read(core, found);
    if (draft === undefined) {
      damaged.push(found);
      core.events.emit("damaged", found.place.key);
    } else if (isLive(core, found, draft)) live.push([found, draft]);
    else await retire(core, found);
  }
  if (live.length > 1) core.events.emit("rejected", undefined, "ambiguous");
  if (live.length === 1) return await admit(core, header, ...live[0]!);
  const hidden = [...live.map(([found]) => found), ...damaged];
  const unit = hidden.length === 0 ? stale(core, header) : fresh(core, header, hidden);
  unit.newerUntil = newerUntil;
  return unit;
}

/** A new session for a visitor who cannot be shown these, and may log out of them. */
function fresh(core: Core, header: string | null | undefined, hidden: readonly Found[]): Unit {
  const unit = new Unit(core, header);
  unit.hidden = hidden;
  return unit;
}

/** A new session for cookies that lead to none, or are none. */
function stale(core: Core, header: string | null | undefined): Unit {
  const unit = new Unit(core, header);
  unit.staleCookies = header;
  return unit;
}

/** The content of a record; `undefined` if it is damaged. */
function read(core: Core, { record }: Found): Draft | undefined {
  try {
    return core.format.read(record);
  } catch (error) {
    if (error instanceof SessionError && error.code === "ERR_DAMAGED") return undefined;
    throw error;
  }
}

/** An expired record goes at once. If that fails, the visitor is anonymous all the same. */
async function retire(core: Core, found: Found): Promise<void> {
  core.events.emit("expired", found.place.key);
  try {
    await core.carrier.retire(found);
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
  }
}

function admit(
  core: Core,
  header: string | null | undefined,
  found: Found,
  draft: Draft,
): MaybePromise<Unit> {
  const isStamped = core.stampOf !== undefined && draft.userId !== undefined;
  if (!isStamped && (core.schema === undefined || draft.values.size === 0)) {
    return new Unit(core, header, found, draft);
  }
  return admitChecked(core, header, found, draft);
}

/** A session whose credentials have changed is over (as with Django's session auth hash). */
async function admitChecked(
  core: Core,
  header: string | null | undefined,
  found: Found,
  draft: Draft,
): Promise<Unit> {
  const { userId, notes: { stamp } } = draft;
  if (core.stampOf !== undefined && userId !== undefined && await core.stampOf(userId) !== stamp) {
    if (await core.carrier.end(found)) core.events.emit("ended", found.place.key, "stamp");
    return new Unit(core, header);
  }
  return core.schema === undefined || draft.values.size === 0
    ? new Unit(core, header, found, draft)
    : await fit(core, header, found, draft);
}

/** Data that does not fit the schema: a fresh session for the visitor, and the record stays until it expires or is logged out. */
async function fit(
  core: Core,
  header: string | null | undefined,
  found: Found,
  draft: Draft,
): Promise<Unit> {
  const data = await check(core, found.record, draft);
  if (data !== undefined) return new Unit(core, header, found, data);
  core.events.emit("invalid", found.place.key);
  return fresh(core, header, [found]);
}
