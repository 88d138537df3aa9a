/**
 * Session ids: made from the platform's generator, recognised by their exact shape, and hashed for the store.
 *
 * An id has two halves (a split token): the locator, which a session keeps for life and under which its record is found, and the nonce,
 * which is replaced at every rotation and log-in. A store sees a hash of the locator and a hash of the whole, never a half.
 */

import { toBase64url } from "./base64url.ts";

/** Characters of the locator: 96 bits, like the nonce behind it. */
const half = 16;

function random(bytes: number): string {
  return toBase64url(crypto.getRandomValues(new Uint8Array(bytes)));
}

/** A new id: 24 random bytes as 32 characters of base64url (SR-001). */
export function makeId(): string {
  return random(24);
}

/** Another id of the same session. */
export function nextId(id: string): string {
  return id.slice(0, half) + random(12);
}

/** Whether a value has the shape of an id, before it reaches anything else (SR-003). */
export function isId(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9_-]{32}$/.test(value);
}

const text = new TextEncoder();

/** What a store finds a session by: 64 hex digits of a domain-separated SHA-256 of the locator, useless as a cookie (SR-005). */
export function storageKey(id: string): Promise<string> {
  return hexDigest(`sojourn session key 2\n${id.slice(0, half)}`);
}

/** What a record knows its current id by: 24 hex digits of a hash of the whole id (SR-005). */
export async function proofOf(id: string): Promise<string> {
  return (await hexDigest(`sojourn session proof 1\n${id}`)).slice(0, 24);
}

/** A SHA-256 as 64 hex digits. */
async function hexDigest(of: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", text.encode(of)));
  let hex = "";
  for (const byte of hash) hex += byte.toString(16).padStart(2, "0");
  return hex;
}
