/** When a session ends, when a touch is due, and how long its cookie lives. Pure arithmetic. */

import type { RecordMeta } from "./record_head.ts";

/** The longest life that browsers grant a cookie: 400 days, in seconds (RFC 6265bis, section 5.5). */
const maxCookieAge = 34_560_000;

/** What decides a session's end. Instants in milliseconds. */
export interface SessionAge {
  readonly meta: RecordMeta;
  readonly userId: string | undefined;
  readonly createdAt: number;
  readonly touchedAt: number;
}

/** The limits that `createSessions` was given. Ages in seconds. */
export interface Limits {
  readonly idleAge: number;
  readonly anonymousIdleAge: number;
  readonly absoluteAge: number | null;
  readonly expireAtBrowserClose: boolean;
}

/** The longest age, in seconds: ten years. Who means more has given milliseconds. */
export const mostAge: number = 3653 * 86_400;

/** The last instant that a `Date` can hold. */
const endOfTime = 8.64e15;

/** The session's own expiry, or what `setExpiry` would make of another one. */
export type Expiry = NonNullable<RecordMeta["expiry"]> | null;

/** Seconds of idle time that end this session: its own, or the policy's. A fixed end leaves the policy's. */
export function idleAge(limits: Limits, life: SessionAge): number {
  const own = life.meta.expiry;
  if (typeof own === "number" && own !== 0) return own;
  return life.userId === undefined ? limits.anonymousIdleAge : limits.idleAge;
}

function absoluteEnd(limits: Limits, life: SessionAge): number {
  return limits.absoluteAge === null ? endOfTime : life.createdAt + limits.absoluteAge * 1000;
}

/** The end counted from a given instant, with the session's own expiry or the one given. */
export function endFrom(limits: Limits, life: SessionAge, from: number, expiry: Expiry | undefined): number {
  if (expiry === undefined) return endOf(limits, life, from);
  return endOf(limits, { ...life, meta: expiry === null ? {} : { expiry } }, from);
}

/** The instant from which the session is dead (SR-037). */
export function endOf(limits: Limits, life: SessionAge, touchedAt: number = life.touchedAt): number {
  return Math.min(idleEndOf(limits, life, touchedAt), Math.floor(absoluteEnd(limits, life)));
}

/** When a session ends: as its record says, which may be by limits that have changed since, and as the limits say now. */
export function endsAt(limits: Limits, record: { readonly expiresAt: number }, age: SessionAge): number {
  return Math.min(record.expiresAt, endOf(limits, age));
}

/** The same without the absolute age. */
export function idleEndOf(limits: Limits, life: SessionAge, touchedAt: number): number {
  const own = life.meta.expiry;
  const end = typeof own === "object" ? own.at : touchedAt + idleAge(limits, life) * 1000;
  return Math.floor(Math.min(end, endOfTime));
}

/**
 * Whether renewing is due: since the last time, or for the end to move, a hundredth of the idle age, at least 60 s, at most an hour
 * or half the idle age. The end in the record may be by a policy that has changed since.
 */
export function isTouchDue(limits: Limits, life: SessionAge, expiresAt: number, now: number): boolean {
  const idle = idleAge(limits, life);
  const interval = Math.min(Math.max(60, idle / 100), 3600, idle / 2) * 1000;
  return now - life.touchedAt >= interval || endOf(limits, life, now) - expiresAt >= interval;
}

/** Whether the cookie is to end with the browser. */
export function endsWithBrowser(limits: Limits, notes: RecordMeta): boolean {
  return notes.expiry === undefined ? limits.expireAtBrowserClose : notes.expiry === 0;
}

/** The cookie's `Max-Age` in seconds, or `undefined` when it ends with the browser. Never more than the idle age. */
export function cookieAge(
  limits: Limits,
  life: SessionAge,
  expiresAt: number,
  now: number,
): number | undefined {
  if (endsWithBrowser(limits, life.meta)) return undefined;
  const idle = typeof life.meta.expiry === "object" ? Infinity : idleAge(limits, life);
  return Math.min(Math.max(Math.ceil(Math.min((expiresAt - now) / 1000, idle)), 0), maxCookieAge);
}
