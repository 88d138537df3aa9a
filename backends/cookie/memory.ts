/** What a process remembers of the sessions in cookies that it has seen. */

import type { SessionRef, StoredSession } from "../../src/transport/transport.ts";
import { BoundedCache } from "../../src/bounded_cache.ts";
import type { SessionRecord } from "../../src/store.ts";
import type { Carried } from "./chunks.ts";

/** What this process has done with a session, at a point in its own order of events. */
export interface Deed {
  readonly at: number;
  /** The session as it was saved; `undefined`: it was ended. */
  readonly found: StoredSession | undefined;
}

/** What this process did last with a session. All requests that have the session at hand share this one object. */
export interface Last {
  deed: Deed | undefined;
}

/** What a cookie holds. */
export interface Contents {
  readonly id: string;
  readonly key: string;
  readonly issuedAt: number;
  readonly record: SessionRecord;
  readonly hasOldKey: boolean;
  readonly last: Last;
  /** What remembering it takes, in bytes. */
  readonly weight: number;
}

/** A session in a cookie. */
export interface CookieRef extends SessionRef {
  /** In how many pieces. */
  readonly count: number;
  /** The `Cookie` header that it came with, or that it was made for. */
  readonly header: string | null;
  /** Whether that header has more than one cookie that our keys open. */
  readonly isDouble: boolean;
  /** When this process saw it, in its own order of events. */
  readonly seen: number;
  readonly last: Last;
}

/** A `Cookie` header that needs no more looking into: the one cookie of ours in it, and what that holds. */
export interface Known {
  readonly contents: Contents;
  readonly carried: Carried;
}

/** Bytes per generation of each memory: a thousand cookies, or fewer of long ones. */
const remembered = 4 * 1024 * 1024;
/** What a small one is taken for. */
const small = 4096;
/** A `Cookie` header of more characters is read anew each time. */
const longestHeader = 2048;

/** What remembering a session takes, in bytes: a character of data takes one or two. */
export function weightOf(token: string, header: string | null, { data, userId = "" }: SessionRecord): number {
  return 2 * token.length + (header?.length ?? 0) + 2 * (data.length + userId.length);
}

/** See the first line of this file. */
export class Memory {
  /** Cookies that were opened or sealed before, so that seeing one again costs no crypto. */
  readonly #contents: BoundedCache<string, Contents> = new BoundedCache(
    remembered,
    (_token, { weight }) => Math.max(small, weight),
  );
  /** Whole `Cookie` headers in which one of them was found alone. */
  readonly #headers: BoundedCache<string, Known> = new BoundedCache(
    remembered,
    (header, { contents: { weight } }) => Math.max(small, header.length + weight),
  );
  /** By storage key, for as long as anything here or a request under way holds one: nobody else can ask. */
  readonly #lasts = new Map<string, WeakRef<Last>>();
  readonly #lost: FinalizationRegistry<string> = new FinalizationRegistry((key) => {
    if (this.#lasts.get(key)?.deref() === undefined) this.#lasts.delete(key);
  });

  /** What a header is known to hold. */
  header(header: string): Known | undefined {
    return this.#headers.get(header);
  }

  /** One cookie of ours was found in a header, alone. */
  keepHeader(header: string, known: Known): void {
    if (header.length <= longestHeader) this.#headers.set(header, known);
  }

  /** What a cookie is known to hold. */
  contents({ token, count }: Carried): Contents | undefined {
    return this.#contents.get(`${count}.${token}`);
  }

  /** A cookie was opened or sealed. */
  keepContents({ token, count }: Carried, contents: Contents): void {
    this.#contents.set(`${count}.${token}`, contents);
  }

  /** What this process did last with the session of a storage key. */
  last(key: string): Last {
    const known = this.#lasts.get(key)?.deref();
    if (known !== undefined) return known;
    const last: Last = { deed: undefined };
    this.#lasts.set(key, new WeakRef(last));
    this.#lost.register(last, key);
    return last;
  }
}
