/** Ids as cookies carry them, signed: read, verified once, and remembered. */

import { type CookieWriter, readCookie } from "./cookie.ts";
import { type Secrets, Signer } from "../crypto/signer.ts";
import { BoundedCache } from "../bounded_cache.ts";
import { proofOf, storageKey } from "../crypto/session_id.ts";

/** A verified cookie: everything that reading it again would cost crypto to find out. */
export interface VerifiedId {
  readonly id: string;
  readonly key: string;
  readonly proof: string;
  readonly cookieValue: string;
  readonly hasOldSignature: boolean;
}

/** Verified cookies remembered per generation. */
const remembered = 4096;
/** A `Cookie` header of more characters is read anew each time. */
const longestKnown = 512;

/** `<id>.<tag>` in its one spelling: a 32-byte tag leaves two spare bits, which are zero (SR-026). */
const isToken = (value: string) => /^[A-Za-z0-9_-]{32}\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(value);

export class SignedIds {
  readonly #cookie: CookieWriter;
  readonly #signer: Signer;
  /** Keyed by whole cookies that were verified before, so a look-up tells nothing about a tag (SR-006). */
  readonly #verified: BoundedCache<string, VerifiedId> = new BoundedCache(remembered);
  /** Keyed by whole `Cookie` headers in which one of them was found alone: browsers send the same one again and again. */
  readonly #headers: BoundedCache<string, VerifiedId> = new BoundedCache(remembered);

  constructor(secrets: Secrets, cookie: CookieWriter) {
    this.#cookie = cookie;
    this.#signer = new Signer(secrets, "session id", cookie.name);
  }

  /** The values in a `Cookie` header that have the shape of one of ours, at most so many and one more. */
  read(header: string | null, most: number): ReturnType<typeof readCookie> {
    return readCookie(header, this.#cookie.name, isToken, most);
  }

  /** What a header leads to that was read before. */
  ofHeader(header: string): VerifiedId | undefined {
    return this.#headers.get(header);
  }

  /** What a value that is alone in its header leads to, if it was verified before. */
  ofOnly(value: string, header: string): VerifiedId | undefined {
    const identity = this.#verified.get(value);
    if (identity !== undefined && header.length <= longestKnown) this.#headers.set(header, identity);
    return identity;
  }

  /** The identity of a value, if its tag is right. */
  async verify(value: string): Promise<VerifiedId | undefined> {
    const known = this.#verified.get(value);
    if (known !== undefined) return known;
    const token = copyOf(value);
    const id = token.slice(0, 32);
    // Together: to wait for one after the other takes longer than the two hashes that a forged cookie costs in vain.
    const [secret, key, proof] = await Promise.all([
      this.#signer.verify(id, token.slice(33)),
      storageKey(id),
      proofOf(id),
    ]);
    return secret < 0
      ? undefined
      : this.remember({ id, key, proof, cookieValue: token, hasOldSignature: secret > 0 });
  }

  /** The identity of an id, under the newest secret. */
  async sign(id: string): Promise<VerifiedId> {
    const [key, proof, tag] = await Promise.all([storageKey(id), proofOf(id), this.#signer.sign(id)]);
    return { id, key, proof, cookieValue: `${id}.${tag}`, hasOldSignature: false };
  }

  /** Remembers a cookie that was made here, or is right. */
  remember(identity: VerifiedId): VerifiedId {
    this.#verified.set(identity.cookieValue, identity);
    return identity;
  }
}

/** The same text in memory of its own: on Bun a part of a header keeps the whole header alive. */
function copyOf(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text));
}
