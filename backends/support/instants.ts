/** Validates instants: the check that all stores make before they change anything. */

import type { SessionRecord } from "../../src/store.ts";

/** The `createdAt` of a record that is not a session but a note that a program keeps in the store. It is not counted. */
export const noteTime: number = Number.MIN_SAFE_INTEGER;

/**
 * Checks an instant.
 *
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is `NaN` or beyond 2^53.
 */
export function checkInstant(name: string, value: unknown): void {
  if (Math.abs(value as number) <= Number.MAX_SAFE_INTEGER && typeof value === "number") return;
  const expected = `"${name}" must be a number of milliseconds since the epoch, below 2^53`;
  if (typeof value !== "number") throw new TypeError(`${expected}: received ${typeof value}`);
  throw new RangeError(`${expected}: received ${value}`);
}

/** Checks the instants of a record. */
export function checkInstants(record: SessionRecord): void {
  checkInstant("createdAt", record.createdAt);
  checkInstant("touchedAt", record.touchedAt);
  checkInstant("expiresAt", record.expiresAt);
}

/** Checks the instant by which records have expired; `Infinity` means all of them. */
export function checkMoment(name: string, value: unknown): number {
  if (value === Infinity) return Number.MAX_SAFE_INTEGER;
  checkInstant(name, value);
  return value as number;
}
