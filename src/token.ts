/** Session ids: made from the platform's generator, recognised by their exact shape, and hashed for the store. */

import { toBase64url } from "./base64url.ts";

/** 24 random bytes as 32 characters of base64url (SR-001). */
export function makeId(): string {
  return toBase64url(crypto.getRandomValues(new Uint8Array(24)));
}

/** Whether a value has the shape of an id, before it reaches anything else (SR-003). */
export function isId(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9_-]{32}$/.test(value);
}

const text = new TextEncoder();

/** What a store sees of an id: 64 hex digits of a domain-separated SHA-256, useless as a cookie (SR-005). */
export function storageKey(id: string): Promise<string> {
  return hexDigest(`sojourn session key 1\n${id}`);
}

/** A SHA-256 as 64 hex digits. */
export async function hexDigest(of: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", text.encode(of)));
  let hex = "";
  for (const byte of hash) hex += byte.toString(16).padStart(2, "0");
  return hex;
}
