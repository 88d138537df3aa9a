/** The way from an id that was given up with grace to the next one, as text that is of no use without the old id. */

import { fromBase64url, toBase64url } from "./base64url.ts";
import { hexDigest } from "./token.ts";

/** A pointer as it is stored, under a key of its own. */
export interface Pointer {
  /** From this instant on it leads log-outs only, in milliseconds since the epoch. */
  readonly until: number;
  /** The next storage key. */
  readonly key: string;
  /** The next id, for those who know the old one. */
  readonly masked: string;
}

/** Where the pointer from a storage key is. */
export function pointerKey(key: string): Promise<string> {
  return hexDigest(`sojourn pointer key 1\n${key}`);
}

/** Masks an id with another, and takes the mask off again. The mask is a hash that no store can make. */
export async function mask(id: string, by: string): Promise<string> {
  const text = new TextEncoder().encode(`sojourn pointer mask 1\n${by}`);
  const over = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return toBase64url(fromBase64url(id)!.map((byte, i) => byte ^ over[i]!));
}

/** The text of a pointer, which no session's begins with. */
export function writePointer({ until, key, masked }: Pointer): string {
  return `>${until} ${key} ${masked}`;
}

/** The pointer in a text, if it is one. */
export function readPointer(text: string): Pointer | undefined {
  const [, until, key, masked] = /^>(\d{1,16}) ([0-9a-f]{64}) ([A-Za-z0-9_-]{32})$/.exec(text) ?? [];
  return masked === undefined ? undefined : { until: Number(until), key: key!, masked };
}
