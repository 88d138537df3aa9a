/**
 * How one session stands in its file: a line of format number and two checksums, a line of JSON with all but the data, and the data as JSON.
 * With the key, the first sum is of the second line, for whoever reads no data; the second is of all the rest of the file, first sum included.
 */

import { hash } from "node:crypto";
import { SessionError } from "../../src/errors.ts";
import type { SessionRecord, SessionSummary, StoredRecord } from "../../src/store.ts";
import { maxFileBytes } from "./disk.ts";

const formatVersion = 2;
const headPattern = /^sojourn-session ([1-9][0-9]{0,5})(?: ([A-Za-z0-9_-]{43}) ([A-Za-z0-9_-]{43})\n|[ \n])/;

/** As much of a file as nearly always has all but the data. */
export const summaryBytes = 8192;

// The key is part of the sum, so the file of one session under the name of another is not accepted.
function checksum(key: string, part: string, text: string): string {
  return hash("sha256", `sojourn-session ${formatVersion} ${key} ${part}\n${text}`, "base64url");
}

/** The bytes of a record's file. JSON carries every string, lone surrogates too, which UTF-8 alone would not. */
export function encodeFile(key: string, record: SessionRecord, version: string): Uint8Array {
  const { data, head, userId, createdAt, touchedAt, expiresAt } = record;
  const summary = JSON.stringify({ version, head, userId, createdAt, touchedAt, expiresAt });
  const body = `${summary}\n${JSON.stringify(data)}`;
  const sum = checksum(key, "summary", summary);
  const bytes = Buffer.from(`sojourn-session ${formatVersion} ${sum} ${checksum(key, sum, body)}\n${body}`);
  if (bytes.length > maxFileBytes) {
    throw new SessionError(
      "ERR_TOO_LARGE",
      `The session is too large for a file: ${bytes.length} bytes, the limit is ${maxFileBytes}`,
    );
  }
  return bytes;
}

/** The record in a file that was read from under `key`'s name. `null` stands for what is not a plain file. */
export function decodeFile(key: string, bytes: Uint8Array | null): StoredRecord {
  const { body, end, sums } = open(bytes);
  if (end < 0 || sums[1] !== checksum(key, sums[0]!, body)) throw damaged();
  const summary = parse(body.slice(0, end)) as SessionSummary & { readonly version: string };
  return { ...summary, data: parse(body.slice(end + 1)) as string };
}

/** The same without its data, of a file that may have been read in part; `undefined` if too little of it was read. */
export function decodeSummary(key: string, bytes: Uint8Array | null): SessionSummary | undefined {
  const { body, end, sums } = open(bytes);
  if (end < 0 && bytes!.length === summaryBytes) return undefined;
  const line = end < 0 ? body : body.slice(0, end);
  if (sums[0] !== checksum(key, "summary", line)) throw damaged();
  const { version: _, ...summary } = parse(line) as SessionSummary & { version: string };
  return summary;
}

interface Opened {
  /** What follows the first line. */
  readonly body: string;
  /** Where its first line ends; -1: nowhere. */
  readonly end: number;
  readonly sums: readonly (string | undefined)[];
}

function open(bytes: Uint8Array | null): Opened {
  // Bytes that are no text become other text, which has another sum.
  const text = bytes === null ? "" : decoder.decode(bytes);
  const head = headPattern.exec(text);
  if (!head) throw damaged();
  const [line, format, ...sums] = head;
  if (Number(format) > formatVersion) {
    throw new SessionError("ERR_STORE", `The session's file has the newer format ${format}`);
  }
  if (Number(format) < formatVersion) throw damaged();
  const body = text.slice(line.length);
  return { body, end: body.indexOf("\n"), sums };
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged();
  }
}

function damaged(): SessionError {
  return new SessionError("ERR_DAMAGED", "The session's file is not what was written");
}
