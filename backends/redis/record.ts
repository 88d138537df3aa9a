/** Records as the scripts take and give them. */

import { SessionError } from "../../src/errors.ts";
import type { SessionRecord, StoredRecord } from "../../src/store.ts";
import type { Tally } from "../tally.ts";
import { FORMAT } from "./scripts.ts";

/** A user as it is stored: JSON, or empty for none. */
export function storedUser(userId: string | undefined): string {
  return userId === undefined ? "" : JSON.stringify(userId);
}

/** The arguments of a script that writes a record, but for its place in the index. */
export function written(key: string, record: SessionRecord, life: number): string[] {
  if (!record.data.isWellFormed()) {
    throw new SessionError("ERR_SERIALIZE", "The encoded data has a lone surrogate, which Redis cannot keep");
  }
  return [
    key,
    record.data,
    String(record.createdAt),
    String(record.touchedAt),
    String(record.expiresAt),
    storedUser(record.userId),
    String(life),
  ];
}

/** What the load script found. */
export interface Found {
  /** The record. */
  readonly record: StoredRecord;
  /** Whether it is on its way, and no session yet. */
  readonly pending: boolean;
}

/** The fields that make a record, as the load script answers them. */
export const recordFields: readonly string[] = ["f", "k", "v", "d", "c", "t", "e", "u", "p"];

/** Whether these fields say themselves that they are the live record under this key. */
export function isWhole(key: string, fields: readonly unknown[]): boolean {
  return fields[0] === FORMAT && fields[1] === key && typeof fields[8] !== "string";
}

/** The record in an answer of the load script; `undefined` for none. */
export function read(key: string, answer: readonly unknown[]): Found | undefined {
  const [format, owner, version, data, created, touched, expires, user, pending] = answer;
  if (format === null || format === undefined) return undefined;
  if (format !== FORMAT && /^[1-9]\d{0,8}$/.test(String(format))) {
    throw new SessionError("ERR_STORE", "A record in Redis has a newer format");
  }
  if (format !== FORMAT || owner !== key || typeof version !== "string" || typeof data !== "string") {
    throw damaged();
  }
  const userId = userOf(user);
  const [createdAt, touchedAt, expiresAt] = [instant(created), instant(touched), instant(expires)];
  const record = userId === undefined
    ? { version, data, createdAt, touchedAt, expiresAt }
    : { version, data, createdAt, touchedAt, expiresAt, userId };
  return { record, pending: typeof pending === "string" };
}

/** Counts what the sizes script answers: created, expires and bytes of each record, empty where it is damaged. */
export function countFields(tally: Tally, fields: readonly unknown[]): void {
  const numberOf = (value: unknown) => value === "" ? NaN : Number(value);
  for (let i = 0; i < fields.length; i += 3) {
    tally.add(numberOf(fields[i]), numberOf(fields[i + 1]), numberOf(fields[i + 2]));
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
