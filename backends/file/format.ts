/**
 * How one session stands in its file: a line of format number and two checksums, a line of JSON with all but the data, and the data as JSON.
 * The sums are of the two lines that follow, each with the key.
 */

import { createHash } from "node:crypto";
import { SessionError } from "../../src/errors.ts";
import type { SessionRecord, SessionSummary, StoredRecord } from "../../src/store.ts";
import { MAX_FILE_BYTES } from "./disk.ts";

const FORMAT = 2;
const HEAD = /^sojourn-session ([1-9][0-9]{0,5})(?: ([A-Za-z0-9_-]{43}) ([A-Za-z0-9_-]{43})\n|[ \n])/;
/** The most bytes of the first line. */
const headBytes = 120;
const newline = 10;

/** As much of a file as nearly always has all but the data. */
export const summaryBytes = 8192;

// The key is part of the sum, so the file of one session under the name of another is not accepted.
function checksum(key: string, part: string, body: Uint8Array): string {
  return createHash("sha256").update(`sojourn-session ${FORMAT} ${key} ${part}\n`).update(body).digest(
    "base64url",
  );
}

/** The bytes of a record's file. JSON carries every string, lone surrogates too, which UTF-8 alone would not. */
export function encodeFile(key: string, record: SessionRecord, version: string): Uint8Array {
  const { head, userId, createdAt, touchedAt, expiresAt } = record;
  const summary = Buffer.from(JSON.stringify({ version, head, userId, createdAt, touchedAt, expiresAt }));
  const data = Buffer.from(JSON.stringify(record.data));
  const sums = `${checksum(key, "summary", summary)} ${checksum(key, version, data)}`;
  const bytes = Buffer.concat([
    Buffer.from(`sojourn-session ${FORMAT} ${sums}\n`),
    summary,
    Buffer.from("\n"),
    data,
  ]);
  if (bytes.length > MAX_FILE_BYTES) {
    throw new SessionError(
      "ERR_TOO_LARGE",
      `The session is too large for a file: ${bytes.length} bytes, the limit is ${MAX_FILE_BYTES}`,
    );
  }
  return bytes;
}

/** The record in a file that was read from under `key`'s name. `null` stands for what is not a plain file. */
export function decodeFile(key: string, bytes: Uint8Array | null): StoredRecord {
  const { summary, sum, data } = open(key, bytes);
  if (data === undefined || sum !== checksum(key, summary.version, data)) throw damaged();
  return { ...summary, data: parse(data) as string };
}

/** The same without its data, of a file that may have been read in part; `undefined` if too little of it was read. */
export function decodeSummary(key: string, bytes: Uint8Array | null): SessionSummary | undefined {
  if (bytes !== null && bytes.length === summaryBytes && bytes.indexOf(newline, headBytes) < 0) {
    return undefined;
  }
  const { version: _, ...summary } = open(key, bytes).summary;
  return summary;
}

interface Opened {
  readonly summary: SessionSummary & { readonly version: string };
  /** The sum that the data has to have. */
  readonly sum: string;
  readonly data: Uint8Array | undefined;
}

function open(key: string, bytes: Uint8Array | null): Opened {
  const file = Buffer.from(bytes ?? []);
  const head = HEAD.exec(file.toString("latin1", 0, headBytes));
  if (!head) throw damaged();
  const [line, format, summarySum, sum] = head;
  if (Number(format) > FORMAT) {
    throw new SessionError("ERR_STORE", `The session's file has the newer format ${format}`);
  }
  const end = file.indexOf(newline, line.length);
  const summary = file.subarray(line.length, end < 0 ? file.length : end);
  if (Number(format) < FORMAT || sum === undefined || summarySum !== checksum(key, "summary", summary)) {
    throw damaged();
  }
  const data = end < 0 ? undefined : file.subarray(end + 1);
  return { summary: parse(summary) as Opened["summary"], sum, data };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    throw damaged();
  }
}

function damaged(): SessionError {
  return new SessionError("ERR_DAMAGED", "The session's file is not what was written");
}
