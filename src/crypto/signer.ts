/** Secrets become keys here, once: one key per secret and purpose, never to be read out again. */

import { fromBase64url, toBase64url } from "./base64url.ts";

const text = new TextEncoder();

/** The secrets' bytes, newest first. */
export type Secrets = readonly Uint8Array<ArrayBuffer>[];

/** Keys are apart by library, format, purpose and cookie name (RFC 5869, section 3.2; SR-023). */
export function keyInfo(purpose: string, cookieName: string): Uint8Array<ArrayBuffer> {
  return text.encode(`sojourn 1\n${purpose}\n${cookieName}`);
}

/** Signs short texts with the first secret and accepts those signed with any (HMAC-SHA-256, full tag; SR-019, SR-025). */
export class Signer {
  readonly #secrets: Secrets;
  readonly #info: Uint8Array<ArrayBuffer>;
  readonly #keys: (Promise<CryptoKey> | undefined)[] = [];

  constructor(secrets: Secrets, purpose: string, cookieName: string) {
    this.#secrets = secrets;
    this.#info = keyInfo(purpose, cookieName);
  }

  #key(index: number): Promise<CryptoKey> {
    return this.#keys[index] ??= this.#derive(this.#secrets[index]!).catch((error) => {
      this.#keys[index] = undefined;
      throw error;
    });
  }

  async #derive(secret: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
    const root = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
    return await crypto.subtle.deriveKey(
      { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: this.#info },
      root,
      { name: "HMAC", hash: "SHA-256", length: 256 },
      false,
      ["sign", "verify"],
    );
  }

  /** The tag of a text under the newest secret: 43 characters. */
  async sign(message: string): Promise<string> {
    const tag = await crypto.subtle.sign("HMAC", await this.#key(0), text.encode(message));
    return toBase64url(new Uint8Array(tag));
  }

  /** Which secret made the tag (0 is the newest), or -1. The comparison is the platform's own (SR-006). */
  async verify(message: string, tag: string): Promise<number> {
    const bytes = fromBase64url(tag);
    if (bytes?.length !== 32) return -1;
    const data = text.encode(message);
    for (let i = 0; i < this.#secrets.length; i++) {
      if (await crypto.subtle.verify("HMAC", await this.#key(i), bytes, data)) return i;
    }
    return -1;
  }
}
