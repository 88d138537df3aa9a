/** The text of a record: a format number and the library's own notes, then the session data. */

import { SessionError } from "./errors.ts";
import type { SessionRecord } from "./store.ts";

/** What the library keeps beside the session data. */
export interface Notes {
  /** The session's own expiry: seconds of idle time, 0 for browser close, or a fixed end in milliseconds. */
  readonly expiry?: number | { readonly at: number };
  /** What `list` shows for this session. */
  readonly label?: string;
  /** What stood for the user's credentials at log-in. */
  readonly stamp?: string;
  /** Where the session was before it got its id: the beginning of that storage key. Leads log-outs that came by the old one. */
  readonly former?: string;
}

const noNotes: Notes = Object.freeze({});

/** One line with the format number and the notes, then the encoded data as it is. */
export function writeText(notes: Notes, data: string): string {
  return notes.expiry === undefined && notes.label === undefined && notes.stamp === undefined &&
      notes.former === undefined
    ? `1\n${data}`
    : `1${JSON.stringify(notes)}\n${data}`;
}

function damaged(): never {
  throw new SessionError("ERR_DAMAGED", "A stored session record is damaged");
}

/** Only the notes of a text. @throws {SessionError} As `readText` does. */
export function notesOf(text: string): Notes {
  return text.startsWith("1\n") ? noNotes : readText(text).notes;
}

/** Takes a text apart again. A newer format is trouble (`ERR_STORE`), anything else that was not written here is damage. */
export function readText(text: string): { notes: Notes; data: string } {
  if (text.startsWith("1\n")) return { notes: noNotes, data: text.slice(2) };
  const end = text.indexOf("\n");
  const head = /^(\d{1,9})(\{.*\})?$/s.exec(text.slice(0, Math.max(end, 0)));
  if (head === null) damaged();
  if (head[1] !== "1") {
    if (Number(head[1]) <= 1) damaged();
    throw new SessionError(
      "ERR_STORE",
      "A stored session record was written by a newer version of the library",
    );
  }
  return { notes: readNotes(head[2]), data: text.slice(end + 1) };
}

function readNotes(text: string | undefined): Notes {
  let notes: unknown;
  try {
    notes = JSON.parse(text ?? "");
  } catch {
    damaged();
  }
  const { expiry, label, stamp, former, ...others } = notes as Notes;
  const isText = (value: unknown) => value === undefined || typeof value === "string";
  const isExpiry = expiry === undefined || Number.isFinite(expiry) ||
    typeof expiry === "object" && expiry !== null && Number.isFinite(expiry.at);
  const isGood = isExpiry && isText(label) && isText(stamp) && isText(former) &&
    Object.keys(others).length === 0;
  return isGood ? notes as Notes : damaged();
}

/** As much of a storage key as tells one session from another. */
const formerOf = (key: string) => key.slice(0, 24);

/** The text of a session that leaves this storage key. */
export function withFormer(text: string, key: string): string {
  const { notes, data } = readText(text);
  return writeText({ ...notes, former: formerOf(key) }, data);
}

/** Whether a session left this storage key when it got its id; what cannot be read is no session. */
export function comesFrom({ data }: SessionRecord, key: string): boolean {
  try {
    return notesOf(data).former === formerOf(key);
  } catch {
    return false;
  }
}
