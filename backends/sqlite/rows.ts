/** Converts records to rows and back. */
import { SessionError } from "../../src/errors.ts";
import type { SessionRecord, SessionSummary, StoredRecord } from "../../src/store.ts";
import { dataSum, instantsSum, recordSum, sumsOf } from "../support/checksum.ts";

/**
 * SQLite cuts text at NUL and cannot hold half a surrogate pair. Such text, which JSON never is, is kept as a
 * backslash and its JSON form; so is text that begins with a backslash, so that it can be read unambiguously.
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
    // Falls through: text that is not JSON was not written here.
  }
  if (typeof text !== "string") throw damaged();
  return text;
}

function numberOf(value: unknown): number {
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number" || !(Math.abs(number) <= Number.MAX_SAFE_INTEGER)) throw damaged();
  return number;
}

/** An error for what the store has not written. */
export function damaged(): SessionError {
  return new SessionError("ERR_DAMAGED", "A row of the session database is not what was written");
}

/**
 * The record under `key` in a row.
 *
 * @throws {SessionError} If the row is not what was written (`ERR_DAMAGED`).
 */
export function readRow(key: string, row: unknown): StoredRecord {
  const { data, data_sum: sum } = row as Record<string, unknown>;
  if (typeof data !== "string") throw damaged();
  const { version, ...summary } = open(key, row);
  if (dataSum(key, version, data) !== numberOf(sum)) throw damaged();
  return toStored({ data: fromColumn(data), ...summary }, version);
}

/** The same for a row without its data. */
export function readSummary(key: string, row: unknown): SessionSummary {
  const { version: _, ...summary } = open(key, row);
  return summary;
}

function open(key: string, row: unknown): SessionSummary & { readonly version: string } {
  const { version, user_id: userId, head, ...numbers } = row as Record<string, unknown>;
  if (
    typeof version !== "string" || userId !== null && typeof userId !== "string" ||
    head !== null && typeof head !== "string"
  ) throw damaged();
  const createdAt = numberOf(numbers["created_at"]);
  const touchedAt = numberOf(numbers["touched_at"]);
  const expiresAt = numberOf(numbers["expires_at"]);
  const isGood = recordSum({ key, version, head, userId, createdAt }) === numberOf(numbers["record_sum"]) &&
    instantsSum(key, touchedAt, expiresAt) === numberOf(numbers["instants_sum"]);
  if (!isGood) throw damaged();
  const summary: { -readonly [Name in keyof SessionSummary]: SessionSummary[Name] } & { version: string } = {
    version,
    createdAt,
    touchedAt,
    expiresAt,
  };
  if (head !== null) summary.head = fromColumn(head);
  if (userId !== null) summary.userId = fromColumn(userId);
  return summary;
}

/** The instants in a row and their sum; `undefined` if they are not what was written. */
export function readInstants(
  key: string,
  row: unknown,
): [touchedAt: number, expiresAt: number, sum: number] | undefined {
  const { touched_at: touchedAt, expires_at: expiresAt, instants_sum: sum } = row as Record<string, unknown>;
  const found = legible(() => [numberOf(touchedAt), numberOf(expiresAt), numberOf(sum)] as const);
  return found && instantsSum(key, found[0], found[1]) === found[2] ? [...found] : undefined;
}

/** The version in a row. */
export function readVersion(row: unknown): string {
  const { version } = row as { version: unknown };
  if (typeof version !== "string") throw damaged();
  return version;
}

/** A frozen record with its version, which callers can share. */
export function toStored(record: SessionRecord, version: string): StoredRecord {
  const { data, head, userId, createdAt, touchedAt, expiresAt } = record;
  const stored: { -readonly [Name in keyof StoredRecord]: StoredRecord[Name] } = {
    data,
    createdAt,
    touchedAt,
    expiresAt,
    version,
  };
  if (head !== undefined) stored.head = head;
  if (userId !== undefined) stored.userId = userId;
  return Object.freeze(stored);
}

/** The columns of a row besides its key, in the order they are written. */
export type Columns = readonly [
  data: string,
  version: string,
  head: string | null,
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
  const head = record.head === undefined ? null : toColumn(record.head);
  const userId = record.userId === undefined ? null : toColumn(record.userId);
  const sums = sumsOf({ key, version, data, head, userId, createdAt, touchedAt, expiresAt });
  return [
    data,
    version,
    head,
    sums.data,
    sums.record,
    userId,
    createdAt,
    touchedAt,
    expiresAt,
    sums.instants,
  ];
}

/** The record in a row; `undefined` if it is damaged. */
export function legible<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Where the next page begins. In a damaged index keys may be out of order, and the cursor must never move back. */
export function lastAfter(rows: readonly { readonly key: string }[], from: string): string | undefined {
  return rows.findLast(({ key }) => key > from)?.key;
}
