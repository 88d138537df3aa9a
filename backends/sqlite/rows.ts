/** Between records and rows. */
import { SessionError } from "../../src/errors.ts";
import type { SessionRecord, StoredRecord } from "../../src/store.ts";
import { sumsOf } from "../checksum.ts";

/**
 * SQLite cuts text at NUL and cannot hold half a surrogate pair. Such text, which JSON never is, is kept as a
 * backslash and its JSON form; so is text that begins with a backslash, which makes the reading unambiguous.
 */
export function toColumn(text: string): string {
  return text.startsWith("\\") || text.includes("\0") || !text.isWellFormed()
    ? "\\" + JSON.stringify(text)
    : text;
}

function fromColumn(value: string): string {
  if (!value.startsWith("\\")) return value;
  let text: unknown;
  try {
    text = JSON.parse(value.slice(1));
  } catch {
    // Falls through: what is no JSON is no text either.
  }
  if (typeof text !== "string") throw damaged();
  return text;
}

function numberOf(value: unknown): number {
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number" || !(Math.abs(number) <= Number.MAX_SAFE_INTEGER)) throw damaged();
  return number;
}

function damaged(): SessionError {
  return new SessionError("ERR_DAMAGED", "A row of the session database is not what was written");
}

/** A row as the record under `key`. @throws {SessionError} `ERR_DAMAGED` if it is not the one that was written there. */
export function readRow(key: string, row: unknown): StoredRecord {
  const { data, version, user_id: userId, ...numbers } = row as Record<string, unknown>;
  if (
    typeof data !== "string" || typeof version !== "string" || userId !== null && typeof userId !== "string"
  ) throw damaged();
  const createdAt = numberOf(numbers["created_at"]);
  const touchedAt = numberOf(numbers["touched_at"]);
  const expiresAt = numberOf(numbers["expires_at"]);
  const sums = sumsOf({ key, version, data, userId, createdAt, touchedAt, expiresAt });
  if (
    sums.data !== numberOf(numbers["data_sum"]) || sums.record !== numberOf(numbers["record_sum"]) ||
    sums.instants !== numberOf(numbers["instants_sum"])
  ) throw damaged();
  const record = { data: fromColumn(data), createdAt, touchedAt, expiresAt };
  return toStored(userId === null ? record : { ...record, userId: fromColumn(userId) }, version);
}

/** The version in a row. */
export function readVersion(row: unknown): string {
  const { version } = row as { version: unknown };
  if (typeof version !== "string") throw damaged();
  return version;
}

/** A record with its version, for many to share. */
export function toStored(record: SessionRecord, version: string): StoredRecord {
  const { data, userId, createdAt, touchedAt, expiresAt } = record;
  return Object.freeze(
    userId === undefined
      ? { data, createdAt, touchedAt, expiresAt, version }
      : { data, userId, createdAt, touchedAt, expiresAt, version },
  );
}

/** What a row holds besides its key, in the order of its writing. */
export type Columns = readonly [
  data: string,
  version: string,
  dataSum: number,
  recordSum: number,
  userId: string | null,
  createdAt: number,
  touchedAt: number,
  expiresAt: number,
  instantsSum: number,
];

/** The columns of the record under `key`. */
export function toColumns(key: string, record: SessionRecord, version: string): Columns {
  const { createdAt, touchedAt, expiresAt } = record;
  const data = toColumn(record.data);
  const userId = record.userId === undefined ? null : toColumn(record.userId);
  const sums = sumsOf({ key, version, data, userId, createdAt, touchedAt, expiresAt });
  return [data, version, sums.data, sums.record, userId, createdAt, touchedAt, expiresAt, sums.instants];
}
