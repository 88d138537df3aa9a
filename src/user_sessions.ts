/** A user's sessions, seen from outside: listing them and ending them. */

import { metaOf } from "./data/record_head.ts";
import { unitOf } from "./session_map.ts";
import type { SessionContext } from "./unit_of_work/context.ts";
import { endByKey, endOfRecord, endOwned, indexed, liveSessions } from "./unit_of_work/live_sessions.ts";

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

const isHandle = (value: unknown): value is string =>
  typeof value === "string" && /^[0-9a-f]{64}$/.test(value);

/** The storage key of a session; `undefined` if it has no record. */
function keyOf(session: object | undefined): string | undefined {
  return session === undefined ? undefined : unitOf(session).stored?.ref.key;
}

/** @throws {TypeError} If it is no string: a mistake that would else look like a user without sessions. */
function demandUserId(what: string, userId: unknown): void {
  if (typeof userId === "string") return;
  const received = userId === null ? "null" : typeof userId;
  throw new TypeError(`Cannot ${what}: expected a user id, a string: received ${received}`);
}

/** The live sessions of a user. @throws {TypeError} If the user id is no string. */
export async function list(
  context: SessionContext,
  userId: string,
  current: object | undefined,
): Promise<SessionInfo[]> {
  demandUserId("list the sessions of a user", userId);
  const mine = keyOf(current);
  return (await liveSessions(context, userId)).map(({ key, record, end: expiresAt }) => {
    const { createdAt, touchedAt } = record;
    const { label } = metaOf(record.head);
    const shown = label === undefined ? {} : { label };
    return { handle: key, createdAt, touchedAt, expiresAt, ...shown, current: key === mine };
  });
}

/**
 * Ends one session; the number ended. With a `userId`, even an undefined one, only if it is that user's.
 *
 * @throws {TypeError} If the user id is no string and not undefined.
 */
export async function revoke(
  context: SessionContext,
  handle: string,
  options: { readonly userId?: string },
): Promise<number> {
  context.policy.requireUserIndex();
  const { userId } = options;
  if (userId !== undefined) demandUserId("end a session", userId);
  if (!isHandle(handle)) return 0;
  // An undefined user id comes from a visitor who is not logged in, and owns nothing.
  const hasEnded = "userId" in options
    ? userId !== undefined && await endOwned(context, handle, userId)
    : await endByKey(context, handle);
  await context.events.pending;
  return Number(hasEnded);
}

/**
 * Ends all sessions of a user but one; the number ended, expired ones not counted. Each page is read once: a session keeps its key, and what
 * a log-in creates meanwhile is a later log-in.
 *
 * @throws {TypeError} If the user id is no string.
 */
export async function revokeAll(
  context: SessionContext,
  userId: string,
  except: object | undefined,
): Promise<number> {
  demandUserId("end all sessions of a user", userId);
  const mine = keyOf(except);
  let ended = 0;
  for await (const { key, record } of indexed(context.transport.list.bind(context.transport), userId)) {
    if (key === mine) continue;
    const end = endOfRecord(context.limits, record);
    const isOver = end !== undefined && context.now() >= end;
    if (await endByKey(context, key) && !isOver) ended++;
  }
  await context.events.pending;
  return ended;
}
