/**
 * Sessions in the memory of one process: for tests, for development, and as the cache of `CachedStore`.
 *
 * @module
 */
import { handled } from "../src/handled.ts";
import { checkOptions, type Table } from "../src/option_checks.ts";
import * as is from "../src/option_checks.ts";
import { checkInstant, checkInstants, checkMoment } from "./support/instants.ts";
import type {
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
import { checkPage } from "./support/pages.ts";
import { pause, StatsCounter } from "./support/stats_counter.ts";

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
};

/** One record in a ring of records, which runs from the least to the most recently used. */
interface Entry {
  readonly key: string;
  /** Frozen, so it can be shared. */
  record: StoredRecord;
  older: Entry;
  newer: Entry;
}

/** How a {@linkcode MemoryStore} behaves. */
export interface MemoryStoreOptions {
  /**
   * The maximum number of records, a positive integer. Beyond it, the least recently used record without a user is dropped;
   * a record with a user is dropped only if there is no other or if it has expired. With `Infinity`, none is dropped, and
   * only `clearExpired` keeps the store from growing.
   *
   * @default 10_000
   */
  readonly maxEntries?: number;
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default () => Date.now()
   */
  readonly now?: () => number;
}

const table: Table<MemoryStoreOptions> = { maxEntries: [is.wholeOrInfinity, 10_000], now: is.clock };

/**
 * A store that keeps its records in memory, for the life of the process.
 *
 * By default it is bounded: beyond `maxEntries` the least recently used record is dropped. Sessions of anonymous visitors never displace
 * those of logged-in users; if all records have a user, a new anonymous one is not kept. Each live session that is dropped emits an
 * `evicted` event. All methods return plain values, so no call waits for a promise. There is nothing to open or close.
 *
 * @example
 * ```ts
 * import { MemoryStore } from "@sojourn/session/memory";
 * import assert from "node:assert/strict";
 *
 * const store = new MemoryStore({ maxEntries: 1_000 });
 * const key = "ab".repeat(32);
 * const record = { data: "{}", createdAt: 0, touchedAt: 0, expiresAt: Date.now() + 60_000 };
 *
 * const version = store.create(key, record);
 * assert.deepEqual(store.load(key), { ...record, version });
 * assert.equal(store.create(key, record), undefined); // the key is taken
 * ```
 */
export class MemoryStore implements CountableStore {
  readonly #entries = new Map<string, Entry>();
  /** The sentinel of the ring of records without a user. (A Map keeps an order too, but finding its first key is slow after deletes.) */
  readonly #anonymous = {} as Entry;
  /** The sentinel of the ring of records with a user. */
  readonly #known = {} as Entry;
  /** The keys of each user, in the order in which they were assigned to the user, with their positions in that order. */
  readonly #users = new Map<string, Map<string, number>>();
  #lastPlace = 0;
  /** Whether records are dropped to make room; `false` with `maxEntries: Infinity`. */
  readonly forgets: boolean;
  readonly #maxEntries: number;
  readonly #now: () => number;
  readonly #evictionListeners: ((key: string) => void)[] = [];
  #lastVersion = 0;

  /**
   * An empty store.
   *
   * @throws {TypeError} If an option is unknown or of the wrong type.
   * @throws {RangeError} If `maxEntries` is neither a positive integer nor `Infinity`.
   */
  constructor(options: MemoryStoreOptions = {}) {
    const { maxEntries, now } = checkOptions("MemoryStore", table, options);
    this.forgets = maxEntries !== Infinity;
    this.#maxEntries = maxEntries;
    this.#now = now;
    for (const ring of [this.#anonymous, this.#known]) ring.older = ring.newer = ring;
  }

  /** The number of records held, expired ones included. */
  get size(): number {
    return this.#entries.size;
  }

  /** The record under `key`, or `undefined`. This counts as use. */
  load(key: string): StoredRecord | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#leave(entry);
    this.#join(entry);
    return entry.record;
  }

  /** Inserts a record if the key is free or its record has expired. Returns its version, or `undefined` if the key is taken. */
  create(key: string, record: SessionRecord): string | undefined {
    checkInstants(record);
    if (this.#isTaken(key)) return undefined;
    const version = this.#put(key, record);
    if (this.#entries.size > this.#maxEntries) this.#evict();
    return version;
  }

  /** Replaces the record if it still has `version`. Returns the new version, or `undefined` if it has another one or is gone. */
  save(key: string, record: SessionRecord, version: string): string | undefined {
    checkInstants(record);
    return this.#entries.get(key)?.record.version === version ? this.#put(key, record) : undefined;
  }

  /** Removes the record. Returns whether there was one. */
  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    const { userId } = entry.record;
    if (userId !== undefined) {
      const keys = this.#users.get(userId);
      keys?.delete(key);
      if (keys?.size === 0) this.#users.delete(userId);
    }
    this.#leave(entry);
    return this.#entries.delete(key);
  }

  /** Moves `touchedAt` and `expiresAt` (ms since the epoch) forward if the record still has `version`. Returns whether it had. */
  touch(key: string, touchedAt: number, expiresAt: number, version: string): boolean {
    checkInstant("touchedAt", touchedAt);
    checkInstant("expiresAt", expiresAt);
    const record = this.load(key);
    if (record?.version !== version) return false;
    this.#entries.get(key)!.record = Object.freeze({
      ...record,
      touchedAt: Math.max(record.touchedAt, touchedAt),
      expiresAt: Math.max(record.expiresAt, expiresAt),
    });
    return true;
  }

  /** Removes at most `limit` records that expired at or before `now` (ms since the epoch). Returns the number removed. */
  clearExpired(now: number, limit: number): number {
    now = checkMoment("now", now);
    let removed = 0;
    for (const { key, record } of this.#entries.values()) {
      if (removed >= limit) break;
      if (record.expiresAt <= now && this.delete(key)) removed++;
    }
    return removed;
  }

  /** A page of one user's records, without their data, at a cost that does not grow with other users' records. */
  list(userId: string, options: ListOptions = {}): SessionPage {
    const { after, limit } = checkPage(options);
    const begin = after === undefined ? 0 : Number(after);
    const entries: IndexedRecord[] = [];
    let last = 0;
    for (const [key, place] of this.#users.get(userId) ?? []) {
      if (place <= begin) continue;
      if (entries.length === limit) return { entries, next: String(last) };
      const { version: _, data: __, ...record } = this.#entries.get(key)!.record;
      entries.push({ key, record });
      last = place;
    }
    return { entries };
  }

  /** Counts all records, a thousand at a time; `bounds` are ages in ms, ascending. */
  stats(now: number, bounds: readonly number[]): Promise<StoreStats> {
    return handled(this.#stats(now, bounds));
  }

  async #stats(now: number, bounds: readonly number[]): Promise<StoreStats> {
    const tally = new StatsCounter(now, bounds);
    let seen = 0;
    // By the keys at the start: a record that is saved during the count would otherwise be counted twice.
    for (const key of [...this.#entries.keys()]) {
      const record = this.#entries.get(key)?.record;
      if (record) tally.add(record.createdAt, record.expiresAt, Buffer.byteLength(record.data));
      if (++seen % 1000 === 0) await pause();
    }
    return tally.stats;
  }

  /** Calls `listener` with the key of each live record that is dropped to make room. */
  onEvict(listener: (key: string) => void): void {
    this.#evictionListeners.push(listener);
  }

  /** Does nothing: a memory store holds nothing that must be released. */
  close(): void {}

  /** As {@linkcode MemoryStore.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #evict(): void {
    const now = this.#now();
    const [anonymous, known] = [this.#anonymous.newer, this.#known.newer];
    const isKnownFirst = anonymous === this.#anonymous ||
      known !== this.#known && known.record.expiresAt <= now;
    const { key, record } = isKnownFirst ? known : anonymous;
    this.delete(key);
    if (record.expiresAt > now) { for (const listener of this.#evictionListeners) listener(key); }
  }

  #isTaken(key: string): boolean {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.record.expiresAt > this.#now();
  }

  #put(key: string, record: SessionRecord): string {
    const version = String(++this.#lastVersion);
    const stored = withVersion(record, version);
    const present = this.#entries.get(key);
    if (present !== undefined && present.record.userId === record.userId) {
      present.record = stored;
      this.#leave(present);
      this.#join(present);
      return version;
    }
    this.delete(key);
    const entry = { key, record: stored } as Entry;
    this.#entries.set(key, entry);
    this.#join(entry);
    if (record.userId !== undefined) {
      const place = ++this.#lastPlace;
      const keys = this.#users.get(record.userId);
      if (keys) keys.set(key, place);
      else this.#users.set(record.userId, new Map([[key, place]]));
    }
    return version;
  }

  #join(entry: Entry): void {
    const ring = entry.record.userId === undefined ? this.#anonymous : this.#known;
    entry.newer = ring;
    entry.older = ring.older;
    entry.older.newer = entry.newer.older = entry;
  }

  #leave(entry: Entry): void {
    entry.older.newer = entry.newer;
    entry.newer.older = entry.older;
  }
}

/** A frozen copy of a record. (Written out, because spreading is slow.) */
function withVersion(record: SessionRecord, version: string): StoredRecord {
  const { data, head, userId, createdAt, touchedAt, expiresAt } = record;
  const stored: { -readonly [Name in keyof StoredRecord]: StoredRecord[Name] } = {
    data,
    createdAt,
    touchedAt,
    expiresAt,
    version,
  };
  if (head !== undefined) stored.head = head;
  if (userId !== undefined) stored.userId = userId;
  return Object.freeze(stored);
}
