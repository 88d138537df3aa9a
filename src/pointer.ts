/** What a rotation with grace leaves under the old key: the way to the new session, for those who know the old id. */

import { fromBase64url, toBase64url } from "./base64url.ts";

/** A pointer as it is stored. */
export interface Pointer {
  /** Until when it may be followed, in milliseconds since the epoch. */
  readonly until: number;
  /** The new id, of no use to anybody who has only the store. */
  readonly masked: string;
}

/** A text that no record of a session begins with. */
const mark = ">";

/** 24 bytes that only who knows the id can make. An id is rotated away once, so its mask is used once. */
async function mask(id: string): Promise<Uint8Array> {
  const text = new TextEncoder().encode(`sojourn next id 1\n${id}`);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", text)).subarray(0, 24);
}

async function apply(id: string, oldId: string): Promise<string> {
  const bytes = fromBase64url(id)!;
  const over = await mask(oldId);
  return toBase64url(bytes.map((byte, i) => byte ^ over[i]!));
}

/** The text of a pointer from one id to the next. */
export async function writePointer(oldId: string, newId: string, until: number): Promise<string> {
  return `${mark}${until}:${await apply(newId, oldId)}`;
}

/** The pointer in a record's text, if it is one. */
export function readPointer(data: string): Pointer | undefined {
  if (!data.startsWith(mark)) return undefined;
  const [, until, masked] = /^>(\d{1,16}):([A-Za-z0-9_-]{32})$/.exec(data) ?? [];
  return until === undefined ? undefined : { until: Number(until), masked: masked! };
}

/** The id that a pointer leads to, for whoever knows the old one. */
export function follow(pointer: Pointer, oldId: string): Promise<string> {
  return apply(pointer.masked, oldId);
}
