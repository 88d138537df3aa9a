/**
 * Records as texts. Five parts, each but the last on a line of its own:
 *
 * 1. the format, the key, the sum of the instants, `touchedAt`, `expiresAt`, until when the index of the user holds the session (twice), the
 *    version, the sums of data and record, `createdAt`. All have fixed places, so that a touch writes over some and a script finds them at once.
 * 2. the user as JSON, or nothing.
 * 3. in a cluster the entry in the index (else `-`), and the versions before this one.
 * 4. the head as JSON, or nothing.
 * 5. the data as it is.
 */

import { SessionError } from "../../src/errors.ts";
import type { SessionRecord, SessionSummary, StoredRecord } from "../../src/store.ts";
import { dataSum, instantsSum, recordSum, type Summed, sumsOf } from "../support/checksum.ts";

/** The format that this version of the library writes. */
export const FORMAT = "2";
/** The most characters of a 32-bit number, of any number, of an instant in whole milliseconds and of a version. */
export const sumWidth = 10;
export const numberWidth = 24;
export const promisedWidth = 16;
export const versionWidth = 34;
/** Where the fields of fixed places are, the sum of the instants first. */
export const instantsAt: number = `${FORMAT} `.length + 64 + 1;
export const touchedAt: number = instantsAt + sumWidth + 1;
export const endsAt: number = touchedAt + numberWidth + 1;
export const promisedAt: number = endsAt + numberWidth + 1;
export const versionAt: number = promisedAt + 2 * (promisedWidth + 1);
/** Where the sums of data and record are, and where the second line begins, as all of the first has a width. */
const sumsAt: number = versionAt + versionWidth + 1;
const createdAtAt: number = sumsAt + 2 * (sumWidth + 1);
export const userAt: number = createdAtAt + numberWidth + 1;

/** A user as it is stored: JSON, or empty for none. */
export function storedUser(userId: string | undefined): string {
  return userId === undefined ? "" : JSON.stringify(userId);
}

/** A record's text, but for what the server puts in: what the index holds behind `front`, entry and versions behind `middle`. */
export interface Written {
  readonly front: string;
  readonly middle: string;
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
  return `${sumText(sum)} ${numberText(touchedAt)} ${numberText(expiresAt)}`;
}

const sumText = (sum: number) => String(sum).padStart(sumWidth);
const numberText = (number: number) => String(number).padStart(numberWidth);

/** The text of a record. @throws {SessionError} `ERR_SERIALIZE` for a lone surrogate, which UTF-8 has none of. */
export function write(key: string, record: SessionRecord, version: string): Written {
  const { data, head, userId, createdAt, touchedAt, expiresAt } = record;
  if (!data.isWellFormed() || head?.isWellFormed() === false) {
    throw new SessionError("ERR_SERIALIZE", "The record has a lone surrogate, which Redis cannot keep");
  }
  const user = storedUser(userId);
  const sums = sumsOf({ key, version, data, head, userId, createdAt, touchedAt, expiresAt });
  const instants = instantsText(sums.instants, touchedAt, expiresAt);
  return {
    front: `${FORMAT} ${key} ${instants} `,
    middle: `${version} ${sumText(sums.data)} ${sumText(sums.record)} ${numberText(createdAt)}\n${user}\n`,
    back: `\n${head === undefined ? "" : JSON.stringify(head)}\n${data}`,
    user,
    ends: numberText(expiresAt),
  };
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
  const number = (at: number, width: number) => numberOf(text.slice(at, at + width));
  const first = text.indexOf("\n", userAt);
  const second = text.indexOf("\n", first + 1);
  const third = text.indexOf("\n", second + 1);
  if (first < 0 || second < 0 || third < 0) throw damaged();
  const summed = {
    key,
    version: text.slice(versionAt, versionAt + versionWidth),
    head: jsonOf(text.slice(second + 1, third)),
    userId: jsonOf(text.slice(userAt, first)),
    createdAt: number(createdAtAt, numberWidth),
    touchedAt: number(touchedAt, numberWidth),
    expiresAt: number(endsAt, numberWidth),
  };
  const isGood = number(sumsAt + sumWidth + 1, sumWidth) === recordSum(summed) &&
    number(instantsAt, sumWidth) === instantsSum(key, summed.touchedAt, summed.expiresAt);
  if (!isGood) throw damaged();
  return { summed, dataSum: number(sumsAt, sumWidth), dataAt: third + 1 };
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

function numberOf(value: string): number {
  const number = Number(value);
  if (!Number.isFinite(number)) throw damaged();
  return number;
}
