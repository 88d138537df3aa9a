/** Django's engine `cached_db`: the site's table, and a cache before it from which Django reads. */

import { setTimeout } from "node:timers";
import type { MaybePromise } from "../../../src/store.ts";
import type { RedisClient } from "../../redis/client.ts";
import { readCacheOptions } from "./cache_options.ts";
import { type DjangoCacheClient, type Removal, removalBy } from "./cache_removal.ts";
import { DjangoDbStore } from "./db.ts";
import type { DjangoEngine, DjangoRow } from "./engine.ts";

/** Settings of a {@linkcode DjangoCachedDbStore}. */
export interface DjangoCachedDbStoreOptions {
  /**
   * Django's `CACHES[…]["KEY_PREFIX"]`.
   * @default ""
   */
  readonly keyPrefix?: string;
  /**
   * Django's `CACHES[…]["VERSION"]`.
   * @default 1
   */
  readonly version?: number;
  /**
   * Seconds that the cache has to take an entry away. A write does so twice, and waits for the table in between: the `timeout` of
   * `djangoSessions` is for all three.
   * @default 0.5
   */
  readonly timeout?: number;
}

/** Memcached takes no longer names, and no session that Django makes has one. */
const longestName = 250;

/** When an entry is taken away once more, in ms after a write: a read of Django's that began before it is over by then. */
const settling = 1000;

/**
 * The sessions of a Django site with `SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"`.
 *
 * The table has the truth, and here nothing but the table is read: Django writes it before its cache. What is written here Django has to
 * read anew, so its cache entry is taken away: before the write, so that nothing old is left there whatever happens next; after
 * it, because a request of Django's may have read the old row in between; and once more a second later, for one that was slower. The
 * entries are pickles, and are not read. A row that is not there takes its entry with it, too.
 *
 * A cache that cannot be reached is `ERR_STORE`, and the row is as it was; if the cache fails after the row was written, it is
 * `ERR_STORE` too, for Django may still show what was before. New sessions have no entry, and need no cache.
 *
 * The cache is the one that `SESSION_CACHE_ALIAS` names. On Redis hand in ioredis, node-redis or `Bun.RedisClient`, of one server; on
 * Memcached a client whose `delete` gives a promise, such as memcache or memjs. With several servers, take the entry away on each:
 * `{ delete: (key) => Promise.all(clients.map((client) => client.delete(key))) }`. Clients stay yours: `close` does not close them.
 *
 * @example
 * ```ts
 * import { DjangoCachedDbStore, DjangoDbStore } from "@sojourn/session/django";
 * import assert from "node:assert/strict";
 *
 * // Any client of either: `new pg.Pool()`; `new Memcache("127.0.0.1:11211")` of memcache, `new Redis()` of ioredis
 * const client = { query: () => Promise.resolve({ rows: [], rowCount: 1 }) };
 * const cache = { delete: (_key: string) => Promise.reject(new Error("ECONNREFUSED")) };
 * const store = new DjangoCachedDbStore(new DjangoDbStore(client), cache, { keyPrefix: "shop" });
 * await assert.rejects(store.delete("0bx7fsq7qztrm9xmy96yli5n76090kha"), { code: "ERR_STORE" });
 * ```
 */
export class DjangoCachedDbStore implements DjangoEngine {
  /** The texts are Django's signed ones. */
  readonly format = "signed";
  /** Whether dates are UTC, as in the table. */
  readonly useTz: boolean;
  readonly #db: DjangoDbStore;
  readonly #prefix: string;
  readonly #remove: Removal;
  /** Entries to take away once more, the next one first, and when: by `performance.now()`. */
  readonly #late: Map<string, number> = new Map();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  /**
   * The site's table `db` behind its cache.
   *
   * @throws {TypeError} If `db` is no `DjangoDbStore`, `cache` no client or one of a Redis cluster, or an option is unknown or of the
   * wrong type.
   * @throws {RangeError} If a number is out of its range.
   */
  constructor(
    db: DjangoDbStore,
    cache: RedisClient | DjangoCacheClient,
    options: DjangoCachedDbStoreOptions = {},
  ) {
    if (!(db instanceof DjangoDbStore)) {
      const hint = (db as unknown) instanceof Promise ? "; a promise has to be awaited" : "";
      throw new TypeError(`Cannot share cached_db: expected a DjangoDbStore, received ${typeof db}${hint}`);
    }
    const { prefix, timeout } = readCacheOptions(options, "DjangoCachedDbStore", 0.5);
    this.#db = db;
    this.useTz = db.useTz;
    this.#prefix = `${prefix}django.contrib.sessions.cached_db`;
    this.#remove = removalBy(cache, timeout);
  }

  /**
   * The row under a key, expired or not.
   *
   * @throws {SessionError} `ERR_STORE` if the database is in trouble, or if there is no row and the cache is; `ERR_DAMAGED` for a row
   * that is none.
   */
  load(key: string): MaybePromise<DjangoRow | undefined> {
    const row = this.#db.load(key);
    if (row instanceof Promise) return row.then((row) => row ?? this.#missing(key));
    return row ?? this.#missing(key);
  }

  /** Inserts a row; `false`: the key is taken. @throws {SessionError} `ERR_STORE`. */
  create(key: string, row: DjangoRow): Promise<boolean> {
    return this.#db.create(key, row);
  }

  /** Replaces the row whose text is still `was`; `false`: another text, or gone. @throws {SessionError} `ERR_STORE`. */
  replace(key: string, row: DjangoRow, was: string): Promise<boolean> {
    return this.#write(key, () => this.#db.replace(key, row, was));
  }

  /**
   * Moves a session whose text is still `was` to a new key; `false`: another text, or gone, or the new key is taken, and nothing
   * changed. @throws {SessionError} `ERR_STORE`.
   */
  rotate(oldKey: string, newKey: string, row: DjangoRow, was: string): Promise<boolean> {
    return this.#write(oldKey, () => this.#db.rotate(oldKey, newKey, row, was));
  }

  /** Removes the row; whether there was one. @throws {SessionError} `ERR_STORE`. */
  delete(key: string): Promise<boolean> {
    return this.#write(key, () => this.#db.delete(key));
  }

  /** Removes at most `limit` rows that ended before `now` (ms); their entries have ended by themselves. @throws {SessionError} `ERR_STORE`. */
  clearExpired(now: number, limit: number): Promise<number> {
    return this.#db.clearExpired(now, limit);
  }

  /** Takes away at once what would be a second later, then closes the table's store. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const entries = [...this.#late.keys()];
    this.#late.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await Promise.allSettled(entries.map(this.#remove));
    await this.#db.close();
  }

  /** As {@linkcode DjangoCachedDbStore.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #write(key: string, write: () => Promise<boolean>): Promise<boolean> {
    const entry = this.#prefix + key;
    await this.#remove(entry);
    try {
      const isDone = await write();
      await this.#remove(entry);
      return isDone;
    } finally {
      this.#removeLater(entry);
    }
  }

  /** A row that somebody took away may have left its entry behind, with a log-in that has ended. */
  async #missing(key: string): Promise<undefined> {
    const entry = this.#prefix + key;
    if (entry.length <= longestName) await this.#remove(entry);
  }

  #removeLater(entry: string): void {
    if (this.#isClosed) return;
    this.#late.delete(entry); // to the end
    this.#late.set(entry, performance.now() + settling);
    if (this.#timer === undefined) this.#arm(settling);
  }

  #arm(wait: number): void {
    // It keeps no program running that has nothing else to do
    this.#timer = setTimeout(() => this.#ring(), wait).unref();
  }

  #ring(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const [entry, due] of this.#late) {
      if (due > now) return this.#arm(Math.ceil(due - now));
      this.#late.delete(entry);
      this.#remove(entry).catch(() => this.#removeLater(entry));
    }
  }
}
