/** What an instant is: the one check that all stores make before they change anything. */

import type { SessionRecord } from "./store.ts";

/** Refuses what is no whole number. @throws {TypeError} For what is no number. @throws {RangeError} For other numbers. */
export function checkInstant(name: string, value: unknown): void {
  if (Number.isSafeInteger(value)) return;
  const expected = `"${name}" must be a whole number of milliseconds since the epoch`;
  if (typeof value !== "number") throw new TypeError(`${expected}: received ${typeof value}`);
  throw new RangeError(`${expected}: received ${value}`);
}

/** The same for the instants of a record. */
export function checkInstants(record: SessionRecord): void {
  checkInstant("createdAt", record.createdAt);
  checkInstant("touchedAt", record.touchedAt);
  checkInstant("expiresAt", record.expiresAt);
}
