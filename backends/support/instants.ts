/** What an instant is: the one check that all stores make before they change anything. */

import type { SessionRecord } from "../../src/store.ts";

/** The `createdAt` of a record that is no session, but a note which a program keeps in the store. Nobody counts it. */
export const noteTime: number = Number.MIN_SAFE_INTEGER;

/** Refuses what no clock tells. @throws {TypeError} For what is no number. @throws {RangeError} For `NaN` and numbers beyond 2^53. */
export function checkInstant(name: string, value: unknown): void {
  if (Math.abs(value as number) <= Number.MAX_SAFE_INTEGER && typeof value === "number") return;
  const expected = `"${name}" must be a number of milliseconds since the epoch, below 2^53`;
  if (typeof value !== "number") throw new TypeError(`${expected}: received ${typeof value}`);
  throw new RangeError(`${expected}: received ${value}`);
}

/** The same for the instants of a record. */
export function checkInstants(record: SessionRecord): void {
  checkInstant("createdAt", record.createdAt);
  checkInstant("touchedAt", record.touchedAt);
  checkInstant("expiresAt", record.expiresAt);
}

/** The same for the moment by which records have expired, which may be the end of time: `Infinity` means all of them. */
export function checkMoment(name: string, value: unknown): number {
  if (value === Infinity) return Number.MAX_SAFE_INTEGER;
  checkInstant(name, value);
  return value as number;
}
