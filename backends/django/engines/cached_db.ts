/** Django's engine `cached_db`: the site's table, with a cache in front from which Django reads. */

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
   * The seconds that removing an entry from the cache may take. A write does so twice, and waits for the table in between: the `timeout`
   * of `djangoSessions` covers all three.
   * @default 0.5
   */
  readonly timeout?: number;
}

/** Memcached does not accept longer names, and Django's session keys are shorter. */
const longestName = 250;

/** After this many ms an entry is removed again, as a read by Django that began before the write has finished by then. */
const settling = 1000;

/**
 * The sessions of a Django site with `SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"`.
 *
 * The table is authoritative, and this store reads only the table: Django writes it before its cache. After a write here Django must not
 * use its cache entry, so the entry is removed: before the write, so that nothing outdated remains whatever happens next; after it,
 * because a request to Django may have read the old row in between; and again a second later, for a slower request. The entries are
 * pickles and are not read. If a row does not exist, its entry is removed too.
 *
 * If the cache cannot be reached, a write fails with `ERR_STORE` and the row is unchanged. If the cache fails after the row was written,
 * that is `ERR_STORE` too, as Django may still show the old data. New sessions have no entry and need no cache.
 *
 * The cache is the one that `SESSION_CACHE_ALIAS` names. For Redis pass ioredis, node-redis or `Bun.RedisClient`, of a single server; for
 * Memcached a client whose `delete` returns a promise, such as memcache or memjs. With several servers, remove the entry from each:
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
  /** Entries to remove again, the next one first, with the time by `performance.now()`. */
  readonly #late: Map<string, number> = new Map();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  /**
   * A store over the site's table `db` and its cache.
   *
   * @throws {TypeError} If `db` is not a `DjangoDbStore`, `cache` is not a client or is one of a Redis cluster, or an option is unknown
   * or of the wrong type.
   * @throws {RangeError} If a number is out of range.
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
   * @throws {SessionError} If the database fails, or there is no row and the cache fails (`ERR_STORE`), or the row is damaged
   * (`ERR_DAMAGED`).
   */
  load(key: string): MaybePromise<DjangoRow | undefined> {
    const row = this.#db.load(key);
    if (row instanceof Promise) return row.then((row) => row ?? this.#missing(key));
    return row ?? this.#missing(key);
  }

  /**
   * Inserts a row. Resolves to `false` if the key is taken.
   *
   * @throws {SessionError} If the database fails (`ERR_STORE`).
   */
  create(key: string, row: DjangoRow): Promise<boolean> {
    return this.#db.create(key, row);
  }

  /**
   * Replaces the row if its text is still `was`. Resolves to `false` if it has another text or is gone.
   *
   * @throws {SessionError} If the database or the cache fails (`ERR_STORE`).
   */
  replace(key: string, row: DjangoRow, was: string): Promise<boolean> {
    return this.#write(key, () => this.#db.replace(key, row, was));
  }

  /**
   * Moves a session to a new key if its text is still `was`. Resolves to `false`, with nothing changed, if it has another text or is
   * gone, or the new key is taken.
   *
   * @throws {SessionError} If the database or the cache fails (`ERR_STORE`).
   */
  rotate(oldKey: string, newKey: string, row: DjangoRow, was: string): Promise<boolean> {
    return this.#write(oldKey, () => this.#db.rotate(oldKey, newKey, row, was));
  }

  /**
   * Removes the row. Resolves to whether there was one.
   *
   * @throws {SessionError} If the database or the cache fails (`ERR_STORE`).
   */
  delete(key: string): Promise<boolean> {
    return this.#write(key, () => this.#db.delete(key));
  }

  /**
   * Removes at most `limit` rows that expired before `now` (ms); their cache entries expire by themselves.
   *
   * @throws {SessionError} If the database fails (`ERR_STORE`).
   */
  clearExpired(now: number, limit: number): Promise<number> {
    return this.#db.clearExpired(now, limit);
  }

  /** Immediately removes the entries that were due later, then closes the table's store. May be called twice. */
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

  /** If a row was removed by another program, its cache entry may remain, with a login that has ended. */
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
    // The timer does not keep the program running
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
