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
   * For how many seconds a copy may be served without asking the durable store: the longest time that a change made by
   * another process stays unseen here. Clocks of machines that share a cache must agree within ten seconds.
   *
   * @default {0}
   */
  readonly staleness?: number;
  /**
   * Seconds after which the cache is not waited for any longer. A cache that was too slow is left alone for a second.
   *
   * @default {0.1}
   */
  readonly timeout?: number;
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default {() => Date.now()}
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
const REST = 1000;

/**
 * A {@linkcode SessionStore} that writes through to a durable store and keeps copies in a cache. The durable store
 * decides: every change happens there first, and its errors are the only ones. A cache that is down, slow, full, or
 * forgets, costs time at most.
 *
 * A copy is served
 * - with `staleness: 0`, the default, only if the durable store's {@linkcode SessionStore.version | version} method says
 *   that it is current. A durable store without that method is asked for the record itself on every load, and as a copy
 *   could then save nothing, the cache is not used at all;
 * - with `staleness: n`, also without asking, for up to `n` seconds after it was read.
 *
 * Either way a copy that this process has outdated by a save, flush or revocation is never served, nor is one
 * that looks expired, and a copy never decides that a session's id was replaced: then the durable store is asked. A touch by another
 * process may show late, as it leaves the version alone.
 *
 * `touch`, `list` and `clearExpired` exist if the durable store has them. Both stores were handed in, so `close` closes
 * neither.
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
  /** Copies of records that ended by then may be of removed ones. */
  #clearedUntil = -Infinity;

  /** As the durable store says: what the cache forgets is asked of that. */
  readonly forgets: boolean;
  /** As in {@linkcode SessionStore.touch}; there if the durable store has it. */
  readonly touch?: (key: string, touchedAt: number, expiresAt: number, version: string) => Promise<boolean>;
  /** As in {@linkcode SessionStore.clearExpired}; there if the durable store has it. Clears the cache too. */
  readonly clearExpired?: (now: number, limit: number) => Promise<number>;
  /** As in {@linkcode SessionStore.list}; there if the durable store has it, which answers alone. */
  readonly list?: (userId: string, options?: ListOptions) => MaybePromise<SessionPage>;
  /** As in {@linkcode SessionStore.onEvict}; there if the durable store has it. What the cache drops is only a copy. */
  readonly onEvict?: (tell: (key: string) => void) => void;
  /** As in {@linkcode CountableStore.stats}; there if the durable store has it, which answers alone. */
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
    if (store.onEvict !== undefined) this.onEvict = (tell) => store.onEvict!(tell);
    if (isCountable(store)) this.stats = (now, bounds) => store.stats(now, bounds);
  }

  /**
   * The record under `key`, or `undefined`: a copy if it may be served and nothing `fresh` is asked for, else what the durable store holds.
   *
   * @throws {SessionError} If the durable store fails
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
   * Inserts a record if the key is free; `undefined`: the key is taken.
   *
   * @throws {SessionError} If the durable store fails
   */
  async create(key: string, record: SessionRecord): Promise<string | undefined> {
    return await this.#write(key, () => this.#store.create(key, record), record);
  }

  /**
   * Replaces the record if it still has `version` in the durable store; `undefined`: another version, or gone.
   *
   * @throws {SessionError} If the durable store fails
   */
  async save(key: string, record: SessionRecord, version: string): Promise<string | undefined> {
    return await this.#write(key, () => this.#store.save(key, record, version), record);
  }

  /**
   * Removes the record; whether there was one.
   *
   * @throws {SessionError} If the durable store fails
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

  /** Changes the durable store. The copy is dropped, or is `record` if a version is answered. */
  async #write<T>(key: string, change: () => MaybePromise<T>, record?: SessionRecord): Promise<T> {
    if (!this.#caching) return await change();
    const asOf = this.#now();
    const given = record && { ...record }; // the caller's object may change while the durable store works
    const begun = this.#writes.begin(key);
    let version: string | undefined;
    try {
      const answer = await change();
      if (typeof answer === "string") version = answer;
      return answer;
    } finally {
      const alone = this.#writes.end(key, begun, version);
      const copy = alone && given && version !== undefined
        ? { record: { ...given, version }, asOf }
        : undefined;
      await this.#keep(key, copy);
    }
  }

  /** What the cache has that is not known to be outdated or expired. */
  async #copy(key: string): Promise<Copy | undefined> {
    if (this.#writes.outdated(key)) return undefined;
    const copy = unpackCopy(key, await this.#ask(() => this.#cache.load(key)));
    const ended = Math.max(this.#now(), this.#clearedUntil);
    return copy !== undefined && copy.record.expiresAt > ended ? copy : undefined;
  }

  /** Puts a copy into the cache, or takes the old one out. */
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

  /** Asks the cache, but not for long; a failure is no answer. */
  async #ask<T>(call: () => MaybePromise<T>): Promise<T | undefined> {
    if (this.#now() < this.#restUntil) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const answer = call();
      if (!(answer instanceof Promise)) return answer;
      const late = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => {
          this.#restUntil = this.#now() + REST;
          resolve(undefined);
        }, this.#timeout);
      });
      return await Promise.race([answer, late]);
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
