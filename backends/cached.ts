/**
 * A cache in front of a durable store: Django's `cached_db`.
 *
 * @module
 */

import { handlesAll } from "../src/handled.ts";
import { check, checkOptions, type Table } from "../src/option_checks.ts";
import * as is from "../src/option_checks.ts";
import { checkMoment } from "./support/instants.ts";
import type {
  CountableStore,
  ListOptions,
  MaybePromise,
  SessionPage,
  SessionRecord,
  SessionStore,
  StoredRecord,
  StoreStats,
} from "../src/store.ts";
import { type Copy, packCopy, unpackCopy } from "./cached/copy.ts";
import { OwnWrites } from "./cached/own_writes.ts";

/** How a {@linkcode CachedStore} works. */
export interface CachedStoreOptions {
  /**
   * For how many seconds a copy may be served without asking the durable store, which is also the longest time that a
   * change made by another process stays unseen. Clocks of machines that share a cache must agree within ten seconds.
   *
   * @default 0
   */
  readonly staleness?: number;
  /**
   * The seconds to wait for the cache. A cache that was too slow is not used for a second.
   *
   * @default 0.1
   */
  readonly timeout?: number;
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default () => Date.now()
   */
  readonly now?: () => number;
}

const staleness = is.number(
  "a number of seconds from 0 to 86400",
  (value) => value >= 0 && value <= 86_400,
);
const table: Table<CachedStoreOptions> = {
  staleness: [staleness, 0],
  timeout: [is.seconds, 0.1],
  now: is.clock,
};
/** How many ms a cache that was too slow is left alone. */
const pauseMs = 1000;

/**
 * A {@linkcode SessionStore} that writes through to a durable store and keeps copies in a cache. The durable store
 * is authoritative: every change happens there first, and only its errors are thrown. A cache that is down, slow, full
 * or loses entries costs only time.
 *
 * A copy is served
 * - with `staleness: 0`, the default, only if the durable store's {@linkcode SessionStore.version | version} method
 *   confirms that it is current. If the durable store does not have that method, the record itself is loaded from it
 *   every time and the cache, which could then save nothing, is not used at all;
 * - with `staleness: n`, also without asking, for up to `n` seconds after it was read.
 *
 * In both cases a copy that this process has outdated by a save, flush or revocation is never served, nor is one that has
 * expired, and a copy never decides that a session's id was replaced: the durable store is asked instead. A touch by
 * another process may be seen late, as it does not change the version.
 *
 * `touch`, `list` and `clearExpired` exist if the durable store has them. `close` closes neither store, as both were
 * handed in.
 *
 * @example
 * ```ts
 * import { CachedStore } from "@sojourn/session/cached";
 * import { DenoKvStore } from "@sojourn/session/deno-kv";
 * import assert from "node:assert/strict";
 *
 * await using cache = await DenoKvStore.open(":memory:");
 * await using durable = await DenoKvStore.open(":memory:");
 * const store = new CachedStore(cache, durable, { staleness: 5 });
 * const key = "0".repeat(64);
 * const now = Date.now();
 * const version = await store.create(key, { data: "{}", createdAt: now, touchedAt: now, expiresAt: now + 60_000 });
 * assert.equal((await store.load(key))?.version, version);
 * assert.equal(await store.delete(key), true);
 * assert.equal(await store.load(key), undefined);
 * ```
 */
export class CachedStore implements SessionStore {
  readonly #cache: SessionStore;
  readonly #store: SessionStore;
  readonly #staleness: number;
  readonly #timeout: number;
  readonly #now: () => number;
  readonly #writes: OwnWrites;
  #restUntil = -Infinity;
  /** Copies of records that expired by then may be of removed records. */
  #clearedUntil = -Infinity;

  /** As in the durable store, which is asked for anything that the cache has lost. */
  readonly forgets: boolean;
  /** As in {@linkcode SessionStore.touch}; there if the durable store has it. */
  readonly touch?: (key: string, touchedAt: number, expiresAt: number, version: string) => Promise<boolean>;
  /** As in {@linkcode SessionStore.clearExpired}; there if the durable store has it. Clears the cache too. */
  readonly clearExpired?: (now: number, limit: number) => Promise<number>;
  /** As in {@linkcode SessionStore.list}, from the durable store alone; there if that has it. */
  readonly list?: (userId: string, options?: ListOptions) => MaybePromise<SessionPage>;
  /** As in {@linkcode SessionStore.onEvict}; there if the durable store has it. The cache drops only copies. */
  readonly onEvict?: (listener: (key: string) => void) => void;
  /** As in {@linkcode CountableStore.stats}, from the durable store alone; there if that has it. */
  readonly stats?: (now: number, bounds: readonly number[]) => MaybePromise<StoreStats>;

  /**
   * A store that keeps copies of `store`'s records in `cache`.
   *
   * @throws {TypeError} If `cache` or `store` is no session store, or an option is unknown or of the wrong type.
   * @throws {RangeError} If an option is out of range.
   */
  constructor(cache: SessionStore, store: SessionStore, options: CachedStoreOptions = {}) {
    check("CachedStore", "cache", is.store, cache);
    check("CachedStore", "store", is.store, store);
    const { staleness, timeout, now } = checkOptions("CachedStore", table, options);
    this.#cache = cache;
    this.#store = store;
    this.forgets = store.forgets ?? false;
    this.#staleness = staleness * 1000;
    this.#timeout = timeout * 1000;
    this.#now = now;
    this.#writes = new OwnWrites(this.#staleness, now);
    if (store.touch !== undefined) {
      this.touch = (key, touchedAt, expiresAt, version) =>
        this.#write(key, () => store.touch!(key, touchedAt, expiresAt, version));
    }
    if (store.clearExpired !== undefined) {
      this.clearExpired = async (now, limit) => {
        now = checkMoment("now", now);
        this.#clearedUntil = Math.max(this.#clearedUntil, now);
        const removed = await store.clearExpired!(now, limit);
        await this.#ask(() => cache.clearExpired?.(now, limit));
        return removed;
      };
    }
    if (store.list !== undefined) this.list = (userId, options) => store.list!(userId, options);
    if (store.onEvict !== undefined) this.onEvict = (listener) => store.onEvict!(listener);
    if (isCountable(store)) this.stats = (now, bounds) => store.stats(now, bounds);
  }

  /**
   * Resolves to the record under `key`, or to `undefined`: from a copy if one may be served and `fresh` is not set, otherwise
   * from the durable store.
   *
   * @throws {SessionError} If the durable store fails.
   */
  async load(key: string, options: { readonly fresh?: boolean } = {}): Promise<StoredRecord | undefined> {
    if (!this.#caching) return await this.#store.load(key, options);
    const seen = this.#writes.of(key);
    const copy = options.fresh ? undefined : await this.#copy(key);
    if (copy !== undefined) {
      const age = this.#now() - copy.asOf;
      const young = age >= 0 && age < this.#staleness &&
        this.#writes.allow(key, seen, copy.record.version, copy.asOf);
      if (young || await this.#store.version?.(key) === copy.record.version) return copy.record;
    }
    const asOf = this.#now();
    const record = await this.#store.load(key, options);
    const keep = this.#writes.learn(key, seen, record?.version) && (record ?? copy) !== undefined;
    if (keep) await this.#keep(key, record && { record, asOf });
    return record;
  }

  /**
   * Inserts a record if the key is free. Resolves to its version, or to `undefined` if the key is taken.
   *
   * @throws {SessionError} If the durable store fails.
   */
  async create(key: string, record: SessionRecord): Promise<string | undefined> {
    return await this.#write(key, () => this.#store.create(key, record), record);
  }

  /**
   * Replaces the record if it still has `version` in the durable store. Resolves to the new version, or to `undefined` if it
   * has another one or is gone.
   *
   * @throws {SessionError} If the durable store fails.
   */
  async save(key: string, record: SessionRecord, version: string): Promise<string | undefined> {
    return await this.#write(key, () => this.#store.save(key, record, version), record);
  }

  /**
   * Removes the record. Resolves to whether there was one.
   *
   * @throws {SessionError} If the durable store fails.
   */
  async delete(key: string): Promise<boolean> {
    return await this.#write(key, () => this.#store.delete(key));
  }

  /** Does nothing: both stores were handed in and stay open. */
  close(): void {}

  /** Does nothing: both stores were handed in and stay open. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  get #caching(): boolean {
    return this.#staleness > 0 || this.#store.version !== undefined;
  }

  /** Changes the durable store. The copy is replaced by `record` if the change returns a version, otherwise dropped. */
  async #write<T>(key: string, change: () => MaybePromise<T>, record?: SessionRecord): Promise<T> {
    if (!this.#caching) return await change();
    const asOf = this.#now();
    const given = record && { ...record }; // the caller's object may change while the durable store is working
    const begun = this.#writes.begin(key);
    let version: string | undefined;
    try {
      const result = await change();
      if (typeof result === "string") version = result;
      return result;
    } finally {
      const wasAlone = this.#writes.end(key, begun, version);
      const copy = wasAlone && given && version !== undefined
        ? { record: { ...given, version }, asOf }
        : undefined;
      await this.#keep(key, copy);
    }
  }

  /** The copy in the cache, unless it is known to be outdated or expired. */
  async #copy(key: string): Promise<Copy | undefined> {
    if (this.#writes.outdated(key)) return undefined;
    const copy = unpackCopy(key, await this.#ask(() => this.#cache.load(key)));
    const ended = Math.max(this.#now(), this.#clearedUntil);
    return copy !== undefined && copy.record.expiresAt > ended ? copy : undefined;
  }

  /** Puts a copy into the cache, or removes the old one. */
  async #keep(key: string, copy: Copy | undefined): Promise<void> {
    const mark = this.#writes.of(key);
    await this.#ask(async () => {
      await this.#cache.delete(key);
      if (copy === undefined || this.#writes.of(key) !== mark) return;
      const { expiresAt } = copy.record;
      const end = this.#store.version ? expiresAt : Math.min(expiresAt, copy.asOf + this.#staleness);
      await this.#cache.create(key, packCopy(key, copy, end));
    });
  }

  /** Calls the cache with the time limit; a failure is ignored. */
  async #ask<T>(call: () => MaybePromise<T>): Promise<T | undefined> {
    if (this.#now() < this.#restUntil) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const result = call();
      if (!(result instanceof Promise)) return result;
      const late = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => {
          this.#restUntil = this.#now() + pauseMs;
          resolve(undefined);
        }, this.#timeout);
      });
      return await Promise.race([result, late]);
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}

handlesAll(CachedStore);

export type {
  CountableStore,
  IndexedRecord,
  ListOptions,
  MaybePromise,
  SessionPage,
  SessionRecord,
  SessionStore,
  SessionSummary,
  StoredRecord,
  StoreStats,
} from "../src/store.ts";

function isCountable(store: SessionStore): store is CountableStore {
  return typeof (store as Partial<CountableStore>).stats === "function";
}
