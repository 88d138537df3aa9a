/** Remembers the sessions in cookies that this process has seen. */

import type { SessionRef, StoredSession } from "../../src/transport/transport.ts";
import { BoundedCache } from "../../src/bounded_cache.ts";
import type { SessionRecord } from "../../src/store.ts";
import type { Carried } from "./chunks.ts";

/** A change that this process made to a session, with its position in the order of events. */
export interface Deed {
  readonly at: number;
  /** The session as it was saved; `undefined` if it was ended. */
  readonly found: StoredSession | undefined;
}

/** The last change that this process made to a session. All requests that use the session share this object. */
export interface Last {
  deed: Deed | undefined;
}

/** The contents of a cookie. */
export interface Contents {
  readonly id: string;
  readonly key: string;
  readonly issuedAt: number;
  readonly record: SessionRecord;
  readonly hasOldKey: boolean;
  readonly last: Last;
  /** The bytes that it takes in memory. */
  readonly weight: number;
}

/** A session in a cookie. */
export interface CookieRef extends SessionRef {
  /** The number of pieces. */
  readonly count: number;
  /** The `Cookie` header that it came with or was created for. */
  readonly header: string | null;
  /** Whether that header has more than one cookie that our keys can open. */
  readonly isDouble: boolean;
  /** The position in this process's order of events at which it was seen. */
  readonly seen: number;
  readonly last: Last;
}

/** A `Cookie` header that does not need to be parsed again: its only session cookie, with the contents. */
export interface Known {
  readonly contents: Contents;
  readonly carried: Carried;
}

/** Bytes per generation of each memory: a thousand cookies, or fewer of long ones. */
const remembered = 4 * 1024 * 1024;
/** The minimum weight of an entry. */
const small = 4096;
/** A `Cookie` header with more characters is not remembered. */
const longestHeader = 2048;

/** The bytes that a session takes in memory: a character of data takes one or two. */
export function weightOf(token: string, header: string | null, { data, userId = "" }: SessionRecord): number {
  return 2 * token.length + (header?.length ?? 0) + 2 * (data.length + userId.length);
}

/** The memory of a process: contents of cookies, whole headers, and the last change of each session. */
export class Memory {
  /** Cookies that were opened or sealed before, so that they need not be decrypted again. */
  readonly #contents: BoundedCache<string, Contents> = new BoundedCache(
    remembered,
    (_token, { weight }) => Math.max(small, weight),
  );
  /** Whole `Cookie` headers that hold exactly one of them. */
  readonly #headers: BoundedCache<string, Known> = new BoundedCache(
    remembered,
    (header, { contents: { weight } }) => Math.max(small, header.length + weight),
  );
  /** By storage key, for as long as an entry here or a running request refers to one. */
  readonly #lasts = new Map<string, WeakRef<Last>>();
  readonly #lost: FinalizationRegistry<string> = new FinalizationRegistry((key) => {
    if (this.#lasts.get(key)?.deref() === undefined) this.#lasts.delete(key);
  });

  /** The known contents of a header. */
  header(header: string): Known | undefined {
    return this.#headers.get(header);
  }

  /** Remembers a header with exactly one session cookie. */
  keepHeader(header: string, known: Known): void {
    if (header.length <= longestHeader) this.#headers.set(header, known);
  }

  /** The known contents of a cookie. */
  contents({ token, count }: Carried): Contents | undefined {
    return this.#contents.get(`${count}.${token}`);
  }

  /** Remembers a cookie that was opened or sealed. */
  keepContents({ token, count }: Carried, contents: Contents): void {
    this.#contents.set(`${count}.${token}`, contents);
  }

  /** The last change that this process made to the session of a storage key. */
  last(key: string): Last {
    const known = this.#lasts.get(key)?.deref();
    if (known !== undefined) return known;
    const last: Last = { deed: undefined };
    this.#lasts.set(key, new WeakRef(last));
    this.#lost.register(last, key);
    return last;
  }
}
