/** Records as the scripts take and give them. */

import { SessionError } from "../../src/errors.ts";
import type { SessionRecord, StoredRecord } from "../../src/store.ts";
import { instantsSum, sumsOf } from "../checksum.ts";
import type { Tally } from "../tally.ts";
import { FORMAT, recordFields } from "./scripts.ts";

/** A user as it is stored: JSON, or empty for none. */
export function storedUser(userId: string | undefined): string {
  return userId === undefined ? "" : JSON.stringify(userId);
}

/** The arguments of a script that writes a record, but for its place in the index. */
export function written(key: string, record: SessionRecord, version: string, life: number): string[] {
  const { data, createdAt, touchedAt, expiresAt } = record;
  if (!data.isWellFormed()) {
    throw new SessionError("ERR_SERIALIZE", "The encoded data has a lone surrogate, which Redis cannot keep");
  }
  const userId = storedUser(record.userId);
  const sums = sumsOf({ key, version, data, userId, createdAt, touchedAt, expiresAt });
  return [
    key,
    data,
    String(createdAt),
    String(touchedAt),
    String(expiresAt),
    userId,
    `${sums.data} ${sums.record}`,
    String(sums.instants),
    String(life),
  ];
}

/** The instants as the touch script takes them, with their sum. */
export function writtenInstants(key: string, touchedAt: number, expiresAt: number): string[] {
  return [String(touchedAt), String(expiresAt), String(instantsSum(key, touchedAt, expiresAt))];
}

/** What the load script found. */
export interface Found {
  /** The record. */
  readonly record: StoredRecord;
  /** Whether it is on its way, and no session yet. */
  readonly pending: boolean;
}

/** Whether these fields say themselves that they are the live record under this key. */
export function isWhole(key: string, fields: readonly unknown[]): boolean {
  return fields[0] === FORMAT && fields[1] === key && typeof fields[10] !== "string";
}

/** The record in an answer of the load script; `undefined` for none. */
export function read(key: string, answer: readonly unknown[]): Found | undefined {
  const [format, owner, version, data, created, touched, expires, user, sums, instants, pending] = answer;
  if (format === null || format === undefined) return undefined;
  if (format !== FORMAT && /^[1-9]\d{0,8}$/.test(String(format))) {
    throw new SessionError(
      "ERR_STORE",
      `A record in Redis has format ${format}: this release reads ${FORMAT}`,
    );
  }
  if (format !== FORMAT || owner !== key || typeof version !== "string" || typeof data !== "string") {
    throw damaged();
  }
  const [createdAt, touchedAt, expiresAt] = [instant(created), instant(touched), instant(expires)];
  const expected = sumsOf({ key, version, data, userId: String(user), createdAt, touchedAt, expiresAt });
  if (sums !== `${expected.data} ${expected.record}` || instants !== String(expected.instants)) {
    throw damaged();
  }
  const userId = userOf(user);
  const record = userId === undefined
    ? { version, data, createdAt, touchedAt, expiresAt }
    : { version, data, createdAt, touchedAt, expiresAt, userId };
  return { record, pending: typeof pending === "string" };
}

/** Counts what the page script answers: the key of each record, then its fields. One on its way is left out. */
export function count(tally: Tally, answer: readonly unknown[]): void {
  const size = recordFields.length + 1;
  for (let at = 0; at + size <= answer.length; at += size) {
    const [key, ...fields] = answer.slice(at, at + size);
    try {
      const { record, pending } = read(String(key), fields)!;
      if (!pending) tally.add(record.createdAt, record.expiresAt, Buffer.byteLength(record.data));
    } catch {
      tally.addDamaged();
    }
  }
}

function userOf(value: unknown): string | undefined {
  if (value === "") return undefined;
  try {
    const user: unknown = JSON.parse(value as string);
    if (typeof user === "string") return user;
  } catch { /* damaged, below */ }
  throw damaged();
}

/** An error for what nobody here has written. */
export function damaged(cause?: unknown): SessionError {
  return new SessionError("ERR_DAMAGED", "A record in Redis is not what was written", { cause });
}

function instant(value: unknown): number {
  const number = typeof value === "string" && value !== "" ? Number(value) : NaN;
  if (!Number.isFinite(number)) throw damaged();
  return number;
}
