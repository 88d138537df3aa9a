/** Sealed texts: AES-256-GCM under a key of their own salt, bound to format, purpose and cookie name (SR-020 to SR-023). */

import { fromBase64url, toBase64url } from "./base64url.ts";
import { keyInfo, type Secrets } from "./signer.ts";
import { BoundedCache } from "../bounded_cache.ts";

/** What opening a token gives. */
export interface OpenedSeal {
  readonly text: string;
  /** Whether it was made with an older secret. */
  readonly hasOldKey: boolean;
}

/** Makes tokens from texts and takes them apart; a token it did not make is a reason, not an error. */
export interface Seal {
  /** A token for the text. `context` must be the same when it is opened. */
  close(text: string, context: string): Promise<string>;
  open(token: string, context: string): Promise<OpenedSeal | "malformed" | "unknown-key" | "forged">;
}

/** Token: format (1 byte), key id (4), salt (16), IV (12), ciphertext, tag (16). */
const format = 1;
const keyIdAt = 1;
const saltAt = 5;
const ivAt = 21;
const textAt = 33;
const tagBytes = 16;

/** One salt serves at most this many messages, and this long, so no request pays for a derivation (SR-022). */
const messagesPerSalt = 2 ** 20;
const saltAge = 3_600_000;
const derivedKeys = 256;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

interface Root {
  readonly key: CryptoKey;
  readonly id: Uint8Array;
}

/** Seals texts so that only a holder of the secrets can read or make them. */
export class Sealer implements Seal {
  readonly #secrets: Secrets;
  readonly #purpose: string;
  readonly #cookieName: string;
  readonly #now: () => number;
  readonly #derived: BoundedCache<string, Promise<CryptoKey>> = new BoundedCache(derivedKeys);
  #roots: Promise<readonly Root[]> | undefined;
  #salt = new Uint8Array();
  #messages = 0;
  #since = 0;

  constructor(secrets: Secrets, purpose: string, cookieName: string, now: () => number) {
    this.#secrets = secrets;
    this.#purpose = purpose;
    this.#cookieName = cookieName;
    this.#now = now;
  }

  async close(text: string, context: string): Promise<string> {
    const [root] = await this.#made();
    const now = this.#now();
    if (this.#messages === 0 || this.#messages >= messagesPerSalt || Math.abs(now - this.#since) >= saltAge) {
      this.#salt = crypto.getRandomValues(new Uint8Array(16));
      this.#messages = 0;
      this.#since = now;
    }
    this.#messages++;
    const salt = this.#salt;
    const head = new Uint8Array(textAt);
    head[0] = format;
    head.set(root!.id, keyIdAt);
    head.set(salt, saltAt);
    head.set(crypto.getRandomValues(new Uint8Array(textAt - ivAt)), ivAt);
    const sealed = await crypto.subtle.encrypt(
      this.#parameters(head, context),
      await this.#key(root!, salt),
      encoder.encode(text),
    );
    const token = new Uint8Array(textAt + sealed.byteLength);
    token.set(head);
    token.set(new Uint8Array(sealed), textAt);
    return toBase64url(token);
  }

  async open(token: string, context: string): Promise<OpenedSeal | "malformed" | "unknown-key" | "forged"> {
    const bytes = fromBase64url(token);
    if (bytes === undefined || bytes.length < textAt + tagBytes || bytes[0] !== format) return "malformed";
    const roots = await this.#made();
    const index = roots.findIndex(({ id }) => id.every((byte, i) => byte === bytes[keyIdAt + i]));
    if (index < 0) return "unknown-key";
    const key = await this.#key(roots[index]!, bytes.subarray(saltAt, ivAt));
    try {
      const text = await crypto.subtle.decrypt(this.#parameters(bytes, context), key, bytes.subarray(textAt));
      return { text: decoder.decode(text), hasOldKey: index > 0 };
    } catch {
      return "forged";
    }
  }

  #parameters(head: Uint8Array<ArrayBuffer>, context: string): AesGcmParams {
    const bound = encoder.encode(`${this.#purpose}\n${this.#cookieName}\n${context}\n`);
    const additionalData = new Uint8Array(bound.length + saltAt);
    additionalData.set(bound);
    additionalData.set(head.subarray(0, saltAt), bound.length);
    return { name: "AES-GCM", iv: head.subarray(ivAt, textAt), additionalData, tagLength: tagBytes * 8 };
  }

  #key({ key, id }: Root, salt: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
    const name = toBase64url(id) + toBase64url(salt);
    let derived = this.#derived.get(name);
    if (derived === undefined) {
      const info = keyInfo(this.#purpose, this.#cookieName);
      derived = crypto.subtle.deriveKey(
        { name: "HKDF", hash: "SHA-256", salt, info },
        key,
        { name: "AES-GCM", length: 256 },
        false,
        ["encrypt", "decrypt"],
      );
      derived.catch(() => this.#derived.delete(name));
      this.#derived.set(name, derived);
    }
    return derived;
  }

  #made(): Promise<readonly Root[]> {
    return this.#roots ??= this.#make().catch((error) => {
      this.#roots = undefined;
      throw error;
    });
  }

  #make(): Promise<readonly Root[]> {
    return Promise.all(this.#secrets.map(async (secret) => {
      const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey", "deriveBits"]);
      const info = keyInfo(`${this.#purpose} key id`, this.#cookieName);
      const id = await crypto.subtle.deriveBits(
        { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info },
        key,
        32,
      );
      return { key, id: new Uint8Array(id) };
    }));
  }
}
