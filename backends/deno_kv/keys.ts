/** The keys in Deno KV: of the records, the user index and the expiry index. */

import type { SessionRecord } from "../../src/store.ts";
import type { DenoKvKey } from "./client.ts";

/** Sorts after every storage key. */
const afterKeys = "g";

/** The keys under one prefix. The last part of each is the storage key. */
export class KvKeys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The prefix of all records. */
  get records(): DenoKvKey {
    return [this.#prefix, "record"];
  }

  /** The prefix of all users' entries. */
  get users(): DenoKvKey {
    return [this.#prefix, "user"];
  }

  /** The record itself. */
  record(key: string): DenoKvKey {
    return [...this.records, key];
  }

  /** The entry of a record in the expiry index. */
  expiry(key: string, { expiresAt }: SessionRecord): DenoKvKey {
    return [this.#prefix, "expires", expiresAt, key];
  }

  /** The entry of a record in the index of its user, if it has one. */
  async owned(key: string, { userId }: SessionRecord): Promise<DenoKvKey | undefined> {
    return userId === undefined ? undefined : [...await this.user(userId), key];
  }

  /** The prefix of a user's entries. It has a hash, as the length of keys is limited and user ids may be of any length. */
  async user(userId: string): Promise<DenoKvKey> {
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(userId));
    return [...this.users, new Uint8Array(hash)];
  }

  /** The entries of the expiry index up to and including `now`. */
  due(now: number): { prefix: DenoKvKey; end: DenoKvKey } {
    const prefix = [this.#prefix, "expires"];
    return { prefix, end: [...prefix, now, afterKeys] };
  }
}
