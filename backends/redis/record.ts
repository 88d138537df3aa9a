/**
 * Records as texts. Four parts, each but the last on a line of its own:
 *
 * 1. the format, the key, the sum of the instants, `touchedAt`, `expiresAt`, the version, the sums of data and record, `createdAt`, in a cluster
 *    the entry in the index (else `-`), and the versions before this one. The first five have fixed places, so that a touch writes over three.
 * 2. the user as JSON, or nothing.
 * 3. the head as JSON, or nothing.
 * 4. the data as it is.
 */

import { SessionError } from "../../src/errors.ts";
import type { SessionRecord, SessionSummary, StoredRecord } from "../../src/store.ts";
import { dataSum, instantsSum, recordSum, type Summed, sumsOf } from "../support/checksum.ts";

/** The format that this version of the library writes. */
export const FORMAT = "2";
/** Where the sum of the instants and the instants are in a text. */
export const instantsAt: number = `${FORMAT} `.length + 64 + 1;
/** The most characters of a 32-bit number and of any number. */
const [sumWidth, numberWidth] = [10, 24];
const touchedFrom = instantsAt + sumWidth + 1;
const endsFrom = touchedFrom + numberWidth + 1;

/** A user as it is stored: JSON, or empty for none. */
export function storedUser(userId: string | undefined): string {
  return userId === undefined ? "" : JSON.stringify(userId);
}

/** A record's text, but for what the server puts in at the end of its first line. */
export interface Written {
  readonly front: string;
  readonly back: string;
  readonly user: string;
  /** `expiresAt`, as the text has it. */
  readonly ends: string;
}

/** The sum of the instants and the instants, as a touch writes them. */
export function writtenInstants(key: string, touchedAt: number, expiresAt: number): string {
  return instantsText(instantsSum(key, touchedAt, expiresAt), touchedAt, expiresAt);
}

function instantsText(sum: number, touchedAt: number, expiresAt: number): string {
  return `${String(sum).padStart(sumWidth)} ${String(touchedAt).padStart(numberWidth)} ${
    String(expiresAt).padStart(numberWidth)
  }`;
}

/** The text of a record. @throws {SessionError} `ERR_SERIALIZE` for a lone surrogate, which UTF-8 has none of. */
export function write(key: string, record: SessionRecord, version: string): Written {
  const { data, head, userId, createdAt, touchedAt, expiresAt } = record;
  if (!data.isWellFormed() || head?.isWellFormed() === false) {
    throw new SessionError("ERR_SERIALIZE", "The record has a lone surrogate, which Redis cannot keep");
  }
  const user = storedUser(userId);
  const sums = sumsOf({ key, version, data, head, userId, createdAt, touchedAt, expiresAt });
  const instants = instantsText(sums.instants, touchedAt, expiresAt);
  const front = `${FORMAT} ${key} ${instants} ${version} ${sums.data} ${sums.record} ${createdAt}`;
  const back = `\n${user}\n${head === undefined ? "" : JSON.stringify(head)}\n${data}`;
  return { front, back, user, ends: String(expiresAt) };
}

/** Whether a text says itself that it is a record under this key. */
export function isWhole(key: string, text: unknown): text is string {
  return typeof text === "string" && text.startsWith(key, 2) && text.startsWith(`${FORMAT} `);
}

/** The record in a text. @throws {SessionError} `ERR_DAMAGED`, or `ERR_STORE` for a newer format. */
export function read(key: string, text: string): StoredRecord {
  const { summed, dataSum: expected, dataAt } = open(key, text);
  const { version, head, userId, createdAt, touchedAt, expiresAt } = summed;
  const data = text.slice(dataAt);
  if (dataSum(key, version, data) !== expected) throw damaged();
  const record = { version, data, createdAt, touchedAt, expiresAt };
  return withOptional(record, head, userId);
}

/** The same without its data, of a text that may end where the data begins. */
export function readSummary(key: string, text: string): SessionSummary {
  const { head, userId, createdAt, touchedAt, expiresAt } = open(key, text).summed;
  return withOptional({ createdAt, touchedAt, expiresAt }, head, userId);
}

function withOptional<T extends object>(
  record: T,
  head: string | undefined,
  userId: string | undefined,
): T & { head?: string; userId?: string } {
  const whole: T & { head?: string; userId?: string } = record;
  if (head !== undefined) whole.head = head;
  if (userId !== undefined) whole.userId = userId;
  return whole;
}

interface Opened {
  readonly summed: Omit<Summed, "data" | "head" | "userId"> & {
    head: string | undefined;
    userId: string | undefined;
  };
  readonly dataSum: number;
  readonly dataAt: number;
}

function open(key: string, text: string): Opened {
  if (!isWhole(key, text)) throw foreign(text);
  const first = text.indexOf("\n");
  const second = text.indexOf("\n", first + 1);
  const third = text.indexOf("\n", second + 1);
  if (first < 0 || second < 0 || third < 0) throw damaged();
  const touchedAt = numberOf(text.slice(touchedFrom, touchedFrom + numberWidth));
  const expiresAt = numberOf(text.slice(endsFrom, endsFrom + numberWidth));
  const [version, ofData, sum, created] = text.slice(endsFrom + numberWidth + 1, first).split(" ", 4);
  const userId = jsonOf(text.slice(first + 1, second));
  const head = jsonOf(text.slice(second + 1, third));
  const summed = { key, version: version!, head, userId, createdAt: numberOf(created), touchedAt, expiresAt };
  const isGood = Number(sum) === recordSum(summed) &&
    Number(text.slice(instantsAt, instantsAt + sumWidth)) === instantsSum(key, touchedAt, expiresAt);
  if (!isGood) throw damaged();
  return { summed, dataSum: numberOf(ofData), dataAt: third + 1 };
}

/** What stands there instead of a record of this format. */
function foreign(text: string): SessionError {
  const format = /^([1-9]\d{0,8})[ \n]/.exec(text)?.[1];
  return format === undefined || format === FORMAT
    ? damaged()
    : new SessionError("ERR_STORE", `A record in Redis has format ${format}: this release reads ${FORMAT}`);
}

function jsonOf(text: string): string | undefined {
  if (text === "") return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "string") return value;
  } catch { /* damaged, below */ }
  throw damaged();
}

/** An error for what nobody here has written. */
export function damaged(cause?: unknown): SessionError {
  return new SessionError("ERR_DAMAGED", "A record in Redis is not what was written", { cause });
}

function numberOf(value: string | undefined): number {
  const number = value === undefined ? NaN : Number(value);
  if (!Number.isFinite(number)) throw damaged();
  return number;
}
