/** How one session stands in its file: a line of format number and checksum, then JSON. */

import { createHash } from "node:crypto";
import { SessionError } from "../../src/errors.ts";
import type { SessionRecord, StoredRecord } from "../../src/store.ts";
import { MAX_FILE_BYTES } from "./disk.ts";

const FORMAT = 1;
const HEAD = /^sojourn-session ([1-9][0-9]{0,5}) ([A-Za-z0-9_-]{43})\n/;

// The key is part of the sum, so the file of one session under the name of another is not accepted.
function checksum(key: string, body: Uint8Array): string {
  return createHash("sha256").update(`sojourn-session ${FORMAT} ${key}\n`).update(body).digest("base64url");
}

/** The bytes of a record's file. JSON carries every string, lone surrogates too, which UTF-8 alone would not. */
export function encodeFile(key: string, record: SessionRecord, version: string): Uint8Array {
  const { userId, createdAt, touchedAt, expiresAt, data } = record;
  const body = Buffer.from(JSON.stringify({ version, userId, createdAt, touchedAt, expiresAt, data }));
  const bytes = Buffer.concat([Buffer.from(`sojourn-session ${FORMAT} ${checksum(key, body)}\n`), body]);
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
  const file = Buffer.from(bytes ?? []);
  const head = HEAD.exec(file.toString("latin1", 0, 80));
  if (!head) throw damaged();
  if (Number(head[1]) > FORMAT) {
    throw new SessionError("ERR_STORE", `The session's file has the newer format ${head[1]}`);
  }
  const body = file.subarray(head[0].length);
  if (head[2] !== checksum(key, body)) throw damaged();
  try {
    return JSON.parse(body.toString()) as StoredRecord;
  } catch {
    throw damaged();
  }
}

function damaged(): SessionError {
  return new SessionError("ERR_DAMAGED", "The session's file is not what was written");
}
