/** Between records and rows. */
import { SessionError } from "../../src/errors.ts";
import type { SessionRecord, StoredRecord } from "../../src/store.ts";

/**
 * SQLite cuts text at NUL and cannot hold half a surrogate pair. Such text, which JSON never is, is kept as a
 * backslash and its JSON form; so is text that begins with a backslash, which makes the reading unambiguous.
 */
export function toColumn(text: string): string {
  return text.startsWith("\\") || text.includes("\0") || !text.isWellFormed()
    ? "\\" + JSON.stringify(text)
    : text;
}

function fromColumn(value: unknown): string {
  if (typeof value !== "string") throw damaged();
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

function instant(value: unknown): number {
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number" || !(Math.abs(number) <= Number.MAX_SAFE_INTEGER)) throw damaged();
  return number;
}

function damaged(): SessionError {
  return new SessionError("ERR_DAMAGED", "A row of the session database is not what was written");
}

/** A row as a record. */
export function readRow(row: unknown): SessionRecord {
  const { data, user_id, created_at, touched_at, expires_at } = row as Record<string, unknown>;
  const record = {
    data: fromColumn(data),
    createdAt: instant(created_at),
    touchedAt: instant(touched_at),
    expiresAt: instant(expires_at),
  };
  return user_id === null ? record : { ...record, userId: fromColumn(user_id) };
}

/** A row as a record with its version. */
export function readVersionedRow(row: unknown): StoredRecord {
  return toStored(readRow(row), readVersion(row));
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

/** The columns `data, user_id, created_at, touched_at, expires_at` of a record. */
export function toColumns(record: SessionRecord): [string, string | null, number, number, number] {
  const userId = record.userId === undefined ? null : toColumn(record.userId);
  return [toColumn(record.data), userId, record.createdAt, record.touchedAt, record.expiresAt];
}
