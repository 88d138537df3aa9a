/** The format of a record in Deno KV: one value of bytes, so that its exact size is known before the call. */

import { SessionError } from "../../src/errors.ts";
import type { SessionRecord, SessionSummary, StoredRecord } from "../../src/store.ts";
import { bytesSum } from "../support/checksum.ts";
import type { Found } from "./plan.ts";

/** The most bytes that one value may have in Deno KV. */
const maxRecordBytes = 65_536;

/**
 * Format 2: format, flags, createdAt, touchedAt, expiresAt (float64), version (36 letters), lengths of the user id and of the head
 * (uint16); then the user id, the head and the data in UTF-8; last a checksum (uint32) of the storage key and everything before it. What is not
 * text has a fixed size, so a touch never makes a record too large. An entry of the user index is the same without the data.
 */
const formatVersion = 2;
const hasUserFlag = 1;
/** Text with lone surrogates has no UTF-8 form and is kept as a JSON string. */
const escapedFlag = 2;
const hasHeadFlag = 4;
const versionAt = 26;
const userLengthAt = 62;
const headLengthAt = 64;
const textsAt = 66;
const checksumBytes = 4;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes of the record under `key`, or `ERR_TOO_LARGE`. */
export function encodeRecord(key: string, record: SessionRecord, version: string): Uint8Array<ArrayBuffer> {
  const { data, head, userId } = record;
  const escaped = [data, head, userId].some((text) => text?.isWellFormed() === false);
  const utf8 = (text: string | undefined) =>
    text === undefined ? new Uint8Array() : encoder.encode(escaped ? JSON.stringify(text) : text);
  const [user, top, body] = [utf8(userId), utf8(head), utf8(data)];
  const size = textsAt + user.length + top.length + body.length + checksumBytes;
  if (size > maxRecordBytes) {
    throw new SessionError(
      "ERR_TOO_LARGE",
      `The record takes ${size} bytes: Deno KV holds at most ${maxRecordBytes}`,
    );
  }
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes[0] = formatVersion;
  bytes[1] = (userId === undefined ? 0 : hasUserFlag) | (head === undefined ? 0 : hasHeadFlag) |
    (escaped ? escapedFlag : 0);
  view.setFloat64(2, record.createdAt);
  view.setFloat64(10, record.touchedAt);
  view.setFloat64(18, record.expiresAt);
  bytes.set(encoder.encode(version), versionAt);
  view.setUint16(userLengthAt, user.length);
  view.setUint16(headLengthAt, top.length);
  bytes.set(user, textsAt);
  bytes.set(top, textsAt + user.length);
  bytes.set(body, textsAt + user.length + top.length);
  view.setUint32(size - checksumBytes, bytesSum(key, bytes.subarray(0, -checksumBytes)));
  return bytes;
}

/** The record in the `value` under `key`; `ERR_DAMAGED` if `encodeRecord` did not write it, `ERR_STORE` for another format. */
export function decodeRecord(key: string, value: unknown): StoredRecord {
  if (!(value instanceof Uint8Array) || value.length < textsAt + checksumBytes) throw damaged();
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const format = view.getUint8(0);
  if (format !== formatVersion && format !== 0) {
    throw new SessionError(
      "ERR_STORE",
      `A record in Deno KV has format ${format}: this release reads ${formatVersion}`,
    );
  }
  const end = value.length - checksumBytes;
  if (view.getUint32(end) !== bytesSum(key, value.subarray(0, end))) throw damaged();
  return decodeTexts(value, view, end);
}

/** A record as a list shows it. */
export function summaryOf({ data: _, version: __, ...summary }: StoredRecord): SessionSummary {
  return summary;
}

/** What an entry of the user index says of a record; `undefined` if it cannot be read. */
export function decodeSummary(key: string, value: unknown): SessionSummary | undefined {
  try {
    return summaryOf(decodeRecord(key, value));
  } catch {
    return undefined;
  }
}

/** The record, or what can still be made out of one that cannot be read, to take it out of the indexes. */
export function salvage(key: string, value: unknown): Omit<Found, "stamp"> {
  try {
    return { record: decodeRecord(key, value) };
  } catch (error) {
    return { record: remains(value), isDamaged: true, isNewer: (error as SessionError).code === "ERR_STORE" };
  }
}

function remains(value: unknown): StoredRecord | undefined {
  if (
    !(value instanceof Uint8Array) || value.length < textsAt + checksumBytes || value[0] !== formatVersion
  ) {
    return undefined;
  }
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  try {
    return decodeTexts(value, view, value.length - checksumBytes);
  } catch {
    return undefined;
  }
}

function decodeTexts(value: Uint8Array, view: DataView, end: number): StoredRecord {
  const [format, flags] = value as unknown as [number, number];
  const headAt = textsAt + view.getUint16(userLengthAt);
  const bodyAt = headAt + view.getUint16(headLengthAt);
  const [createdAt, touchedAt, expiresAt] = [view.getFloat64(2), view.getFloat64(10), view.getFloat64(18)];
  const instants = [createdAt, touchedAt, expiresAt].every(Number.isFinite);
  if (
    format !== formatVersion || flags > (hasUserFlag | escapedFlag | hasHeadFlag) || bodyAt > end || !instants
  ) {
    throw damaged();
  }
  const text = (from: number, to: number) => {
    const utf8 = decoder.decode(value.subarray(from, to));
    return flags & escapedFlag ? String(JSON.parse(utf8)) : utf8;
  };
  try {
    return {
      data: text(bodyAt, end),
      ...(flags & hasHeadFlag ? { head: text(headAt, bodyAt) } : {}),
      ...(flags & hasUserFlag ? { userId: text(textsAt, headAt) } : {}),
      createdAt,
      touchedAt,
      expiresAt,
      version: decoder.decode(value.subarray(versionAt, userLengthAt)),
    };
  } catch {
    throw damaged(); // without the parser's error, which would quote the data
  }
}

function damaged(): SessionError {
  return new SessionError("ERR_DAMAGED", "A record in Deno KV is not what was written");
}
