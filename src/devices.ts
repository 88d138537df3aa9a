/** A user's sessions, seen from outside: listing them and ending them. */

import { endOf } from "./lifetime.ts";
import { readText } from "./record.ts";
import { unitOf } from "./session_map.ts";
import type { IndexedRecord, SessionRecord } from "./store.ts";
import type { Core } from "./unit.ts";

/** One of a user's sessions, safe to show and to log. Instants in milliseconds since the epoch. */
export interface SessionInfo {
  /** Names the session for `revoke`. It is not the id and is of no use as a cookie. */
  readonly handle: string;
  /** When it was created or the user logged in. */
  readonly createdAt: number;
  /** The last activity. */
  readonly touchedAt: number;
  /** When it ends, if nothing more happens. */
  readonly expiresAt: number;
  /** What `setLabel` was given. */
  readonly label?: string;
  /** Whether it is the session that was passed as `current`. */
  readonly current: boolean;
}

/** How often `revokeAll` looks again. */
const mostRounds = 10;

const isHandle = (value: unknown): value is string =>
  typeof value === "string" && /^[0-9a-f]{64}$/.test(value);

/** The storage key of a session; `undefined` if it has no record. */
function keyOf(session: object | undefined): string | undefined {
  return session === undefined ? undefined : unitOf(session).found?.place.key;
}

/** @throws {TypeError} If it is no string: a mistake that would else look like a user without sessions. */
function demandUserId(what: string, userId: unknown): void {
  if (typeof userId === "string") return;
  const received = userId === null ? "null" : typeof userId;
  throw new TypeError(`Cannot ${what}: expected a user id, a string: received ${received}`);
}

/** The live sessions of a user. @throws {TypeError} If the user id is no string. */
export async function list(core: Core, userId: string, current: object | undefined): Promise<SessionInfo[]> {
  demandUserId("list the sessions of a user", userId);
  const mine = keyOf(current);
  const infos: SessionInfo[] = [];
  for (const { key, record } of await live(core, userId)) {
    const { createdAt, touchedAt } = record;
    const expiresAt = endOfRecord(core, record);
    const { label } = readText(record.data).notes;
    infos.push({
      handle: key,
      createdAt,
      touchedAt,
      expiresAt,
      ...(label === undefined ? {} : { label }),
      current: key === mine,
    });
  }
  return infos;
}

/** When a record ends, by its own account and by the limits. @throws {SessionError} If it is damaged. */
function endOfRecord(core: Core, record: SessionRecord): number {
  const { notes } = readText(record.data);
  const { userId, createdAt, touchedAt, expiresAt } = record;
  return Math.min(expiresAt, endOf(core.limits, { notes, userId, createdAt, touchedAt }));
}

/** Whether a record has expired; a damaged one has not. */
function isOver(core: Core, record: SessionRecord): boolean {
  try {
    return core.now() >= endOfRecord(core, record);
  } catch {
    return false;
  }
}

function isReadable({ record }: IndexedRecord): boolean {
  try {
    readText(record.data);
    return true;
  } catch {
    return false;
  }
}

async function live(core: Core, userId: string): Promise<IndexedRecord[]> {
  const records = await core.carrier.list(userId);
  return records.filter((one) =>
    one.record.userId === userId && isReadable(one) && !isOver(core, one.record)
  );
}

/**
 * Ends one session; the number ended. With a `userId`, even an undefined one, only if it is that user's.
 *
 * @throws {TypeError} If the user id is no string and not undefined.
 */
export async function revoke(
  core: Core,
  handle: string,
  options: { readonly userId?: string },
): Promise<number> {
  const { userId } = options;
  if (userId !== undefined) demandUserId("end a session", userId);
  if (!isHandle(handle)) return 0;
  if ("userId" in options) {
    // An undefined one comes from a visitor who is not logged in, and whose nothing is.
    if (userId === undefined || (await core.carrier.inspect(handle))?.userId !== userId) return 0;
  }
  return await end(core, handle);
}

/**
 * Ends all sessions of a user but one; the number ended, expired ones not counted.
 *
 * @throws {TypeError} If the user id is no string.
 */
export async function revokeAll(core: Core, userId: string, except: object | undefined): Promise<number> {
  demandUserId("end all sessions of a user", userId);
  const found = except && unitOf(except).found;
  let ended = 0;
  // Again until nothing is left: a session may get a new id between the look and the end.
  for (let round = 0; round < mostRounds; round++) {
    let isNothingLeft = true;
    const records = await core.carrier.list(userId);
    // Asked after the list: another request may have given it a new id, with grace.
    const mine = found && [found.place.key, (await core.carrier.reload(found.place))?.place.key];
    for (const { key, record } of records) {
      if (mine?.includes(key)) continue;
      isNothingLeft = false;
      const count = await end(core, key);
      if (!isOver(core, record)) ended += count;
    }
    if (isNothingLeft) break;
  }
  return ended;
}

async function end(core: Core, key: string): Promise<number> {
  if (!await core.carrier.revoke(key)) return 0;
  core.events.emit("ended", key);
  return 1;
}
