/**
 * The head of a record: what is kept beside the session data, so that it can be read and listed without the data. Its first line is the
 * format number and what the transport adds to it; the rest, if there is any, is the session's notes as JSON.
 */

import { SessionError } from "../errors.ts";

/** What the library keeps beside the session data. */
export interface RecordMeta {
  /** The session's own expiry: seconds of idle time, 0 for browser close, or a fixed end in milliseconds. */
  readonly expiry?: number | { readonly at: number };
  /** What `list` shows for this session. */
  readonly label?: string;
  /** What stood for the user's credentials at log-in. */
  readonly stamp?: string;
}

const format = "1";
const noMeta: RecordMeta = Object.freeze({});

/** An error for a record that was not written here. */
export function damaged(): never {
  throw new SessionError("ERR_DAMAGED", "A stored session record is damaged");
}

/** The first line of a head, or of a new one. */
export function lineOf(head: string | undefined): string {
  if (head === undefined) return format;
  const end = head.indexOf("\n");
  return end < 0 ? head : head.slice(0, end);
}

/** A head with another first line. */
export function withLine(head: string | undefined, words: string): string {
  const end = head?.indexOf("\n") ?? -1;
  return `${format} ${words}${end < 0 ? "" : head!.slice(end)}`;
}

/** A head with other notes, over the first line of `head`. */
export function withMeta(head: string | undefined, notes: RecordMeta): string {
  const line = lineOf(head);
  return notes.expiry === undefined && notes.label === undefined && notes.stamp === undefined
    ? line
    : `${line}\n${JSON.stringify(notes)}`;
}

/** What the transport has added to the first line. @throws {SessionError} `ERR_DAMAGED`; `ERR_STORE` for a newer format. */
export function wordsOf(head: string | undefined): string {
  const [, number, words = ""] = /^(\d{1,9})(?: (.*))?$/.exec(lineOf(head ?? "")) ?? damaged();
  if (number === format) return words;
  if (Number(number) <= Number(format)) damaged();
  throw new SessionError(
    "ERR_STORE",
    "A stored session record was written by a newer version of the library",
  );
}

/** The notes in a head. @throws {SessionError} As `wordsOf` does. */
export function metaOf(head: string | undefined): RecordMeta {
  const end = head?.indexOf("\n") ?? -1;
  if (end < 0) {
    if (head !== format && !head?.startsWith(`${format} `)) wordsOf(head);
    return noMeta;
  }
  wordsOf(head);
  let notes: unknown;
  try {
    notes = JSON.parse(head!.slice(end + 1));
  } catch {
    damaged();
  }
  const { expiry, label, stamp, ...others } = Object(notes) as RecordMeta;
  if (Array.isArray(notes) || notes === null) damaged();
  const isText = (value: unknown) => value === undefined || typeof value === "string";
  const isExpiry = expiry === undefined || Number.isFinite(expiry) ||
    typeof expiry === "object" && expiry !== null && Number.isFinite(expiry.at);
  const isGood = typeof notes === "object" && isExpiry && isText(label) && isText(stamp) &&
    Object.keys(others).length === 0;
  return isGood ? notes as RecordMeta : damaged();
}
