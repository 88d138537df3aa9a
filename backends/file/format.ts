/**
 * The file format of one session: a line with the format number and two checksums, a line of JSON with everything but the data, and the
 * data as JSON. Both checksums include the key. The first covers the second line, for readers that skip the data; the second covers the
 * rest of the file, first checksum included.
 */

import { hash } from "node:crypto";
import { SessionError } from "../../src/errors.ts";
import type { SessionRecord, SessionSummary, StoredRecord } from "../../src/store.ts";
import { maxFileBytes } from "./disk.ts";

const formatVersion = 2;
const headPattern = /^sojourn-session ([1-9][0-9]{0,5})(?: ([A-Za-z0-9_-]{43}) ([A-Za-z0-9_-]{43})\n|[ \n])/;

/** The first bytes of a file, which nearly always include everything but the data. */
export const summaryBytes = 8192;

// The key is part of the sum, so the file of one session under the name of another is not accepted.
function checksum(key: string, part: string, text: string): string {
  return hash("sha256", `sojourn-session ${formatVersion} ${key} ${part}\n${text}`, "base64url");
}

/** The bytes of a record's file. JSON can hold every string, lone surrogates included, which plain UTF-8 cannot. */
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

/** The record in the file read for `key`. `null` stands for anything that is not a plain file. */
export function decodeFile(key: string, bytes: Uint8Array | null): StoredRecord {
  const { body, end, sums } = open(bytes);
  if (end < 0 || sums[1] !== checksum(key, sums[0]!, body)) throw damaged();
  const summary = parse(body.slice(0, end)) as SessionSummary & { readonly version: string };
  return { ...summary, data: parse(body.slice(end + 1)) as string };
}

/** The record without its data, from a file that may have been read in part; `undefined` if too little of it was read. */
export function decodeSummary(key: string, bytes: Uint8Array | null): SessionSummary | undefined {
  const { body, end, sums } = open(bytes);
  if (end < 0 && bytes!.length === summaryBytes) return undefined;
  const line = end < 0 ? body : body.slice(0, end);
  if (sums[0] !== checksum(key, "summary", line)) throw damaged();
  const { version: _, ...summary } = parse(line) as SessionSummary & { version: string };
  return summary;
}

interface Opened {
  /** The text after the first line. */
  readonly body: string;
  /** Where its first line ends; -1 if it does not. */
  readonly end: number;
  readonly sums: readonly (string | undefined)[];
}

function open(bytes: Uint8Array | null): Opened {
  // Bytes that are not valid UTF-8 become different text, which has a different checksum.
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
