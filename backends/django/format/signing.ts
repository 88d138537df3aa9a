/** Django's signer: salted HMAC-SHA-256 over a text, and the same with the time of signing. */

import { fromBase64url, toBase64url } from "../../../src/crypto/base64url.ts";
import type { Secrets } from "../../../src/crypto/signer.ts";

const bytesOf = new TextEncoder();
const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** A whole number in base 62, as Django writes it. */
export function toBase62(value: number): string {
  if (value < 0) return `-${toBase62(-value)}`;
  let text = "";
  do {
    text = digits[value % 62]! + text;
    value = Math.floor(value / 62);
  } while (value > 0);
  return text;
}

/** The number of a text in base 62; `undefined` if it is invalid. */
export function fromBase62(text: string): number | undefined {
  if (!/^-?[0-9A-Za-z]{1,8}$/.test(text)) return undefined;
  if (text.startsWith("-")) return -fromBase62(text.slice(1))!;
  return Array.from(text).reduce((value, digit) => value * 62 + digits.indexOf(digit), 0);
}

/** The key of `salted_hmac(salt, …, secret)`. */
async function saltedKey(salt: string, secret: Uint8Array, hash: "SHA-256" | "SHA-1"): Promise<CryptoKey> {
  const before = bytesOf.encode(salt);
  const both = new Uint8Array(before.length + secret.length);
  both.set(before);
  both.set(secret, before.length);
  const raw = await crypto.subtle.digest(hash, both);
  return await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash }, false, ["sign", "verify"]);
}

/** Django's `salted_hmac(salt, value, secret).digest()`. */
export async function saltedHmac(
  salt: string,
  value: string,
  secret: Uint8Array,
  hash: "SHA-256" | "SHA-1" = "SHA-256",
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await saltedKey(salt, secret, hash);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, bytesOf.encode(value)));
}

/** A verified value, and the index of the secret that signed it: 0 is the newest. */
export interface Unsigned {
  readonly value: string;
  readonly secret: number;
}

/** Signs with the newest secret; accepts the signatures of all. */
export class DjangoSigner {
  readonly #secrets: Secrets;
  readonly #salt: string;
  readonly #keys: (Promise<CryptoKey> | undefined)[] = [];

  constructor(secrets: Secrets, salt: string) {
    this.#secrets = secrets;
    this.#salt = salt;
  }

  #key(index: number): Promise<CryptoKey> {
    return this.#keys[index] ??= saltedKey(`${this.#salt}signer`, this.#secrets[index]!, "SHA-256").catch(
      (error) => {
        this.#keys[index] = undefined;
        throw error;
      },
    );
  }

  /** `value:signature`. */
  async sign(value: string): Promise<string> {
    const signature = await crypto.subtle.sign("HMAC", await this.#key(0), bytesOf.encode(value));
    return `${value}:${toBase64url(new Uint8Array(signature))}`;
  }

  /** The signed value; `undefined` if the signature is wrong. Only its canonical form is accepted, compared in constant time by the platform. */
  async unsign(text: string): Promise<Unsigned | undefined> {
    const at = text.lastIndexOf(":");
    if (at < 0) return undefined;
    const signature = fromBase64url(text.slice(at + 1));
    if (signature?.length !== 32) return undefined;
    const value = text.slice(0, at);
    const data = bytesOf.encode(value);
    for (let secret = 0; secret < this.#secrets.length; secret++) {
      if (await crypto.subtle.verify("HMAC", await this.#key(secret), signature, data)) {
        return { value, secret };
      }
    }
    return undefined;
  }

  /** `value:timestamp:signature`; `now` in milliseconds. */
  signAt(value: string, now: number): Promise<string> {
    return this.sign(`${value}:${toBase62(Math.floor(now / 1000))}`);
  }

  /** The value and the time, in seconds, that `signAt` signed; `"forged"`, or `"malformed"` without a time inside. */
  async unsignAt(text: string): Promise<Unsigned & { readonly signedAt: number } | "forged" | "malformed"> {
    const unsigned = await this.unsign(text);
    if (unsigned === undefined) return "forged";
    const at = unsigned.value.lastIndexOf(":");
    const signedAt = at < 0 ? undefined : fromBase62(unsigned.value.slice(at + 1));
    return signedAt === undefined
      ? "malformed"
      : { value: unsigned.value.slice(0, at), secret: unsigned.secret, signedAt };
  }
}
