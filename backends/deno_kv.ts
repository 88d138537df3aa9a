/**
 * Sessions in Deno KV: a local file, memory, Deno Deploy, or a remote database; over `@deno/kv` also on other runtimes.
 *
 * @module
 */

import { SessionError } from "../src/errors.ts";
import { handlesAll } from "../src/handled.ts";
import { check } from "../src/option_checks.ts";
import * as is from "../src/option_checks.ts";
import { checkInstant, checkInstants, checkMoment } from "./support/instants.ts";
import type {
  CountableStore,
  IndexedRecord,
  ListOptions,
  SessionPage,
  SessionRecord,
  StoredRecord,
  StoreStats,
} from "../src/store.ts";
import { RunningCalls } from "./support/running_calls.ts";
import type { DenoKv, DenoKvAtomic, DenoKvKey } from "./deno_kv/client.ts";
import { KvKeys } from "./deno_kv/keys.ts";
import { openKv } from "./deno_kv/open.ts";
import { type DenoKvStoreOptions, readOptions } from "./deno_kv/options.ts";
import type { Edit, Found, IndexEntry, Plan, Put } from "./deno_kv/plan.ts";
import { decodeRecord, decodeSummary, encodeRecord, salvage, summaryOf } from "./deno_kv/record.ts";
import { countRecords } from "./deno_kv/stats.ts";
import { type BoundedCall, withDeadline } from "./deno_kv/within.ts";
import { checkPage } from "./support/pages.ts";

export type { DenoKv, DenoKvAtomic, DenoKvKey, DenoKvStoreOptions };

/** The maximum number of times that an operation reads and commits; only touches and deletes of the same session make it retry. */
const tries = 6;
/** Deno KV may remove a record this many ms after its expiry, so that cleanup tolerates clock skew. */
const expiryGraceMs = 60_000;
/** The longest `expireIn` in ms that is passed to Deno KV, which refuses longer ones. */
const maxExpireIn = 1e12;
/** How many records are read or removed concurrently. */
const concurrency = 32;

/**
 * A session store over Deno KV.
 *
 * Every change is one atomic operation, checked against the versionstamp that was read, which keeps the record, the
 * user index and the expiry index together. All reads are strong. Records have versions of their own, random and never
 * repeated: a touch changes the versionstamp but not the version, and a commit that was applied although its response was
 * lost is recognised. Deno KV removes records a minute after their expiry, by `expireIn`; until then the session
 * library's own expiry check decides. Several processes may share one local file: while another one writes, an operation waits
 * within its `timeout`. One record takes 70 bytes, the user id, the head and the data in UTF-8, together at most 65,536 bytes.
 *
 * @example
 * ```ts
 * import { DenoKvStore } from "@sojourn/session/deno-kv";
 * import assert from "node:assert/strict";
 *
 * await using store = await DenoKvStore.open(":memory:");
 * const key = "0".repeat(64);
 * const now = Date.now();
 * const version = await store.create(key, { data: "{}", createdAt: now, touchedAt: now, expiresAt: now + 60_000 });
 * assert.equal((await store.load(key))?.version, version);
 * assert.equal(await store.delete(key), true);
 * ```
 */
export class DenoKvStore implements CountableStore {
  readonly #kv: DenoKv;
  readonly #keys: KvKeys;
  readonly #timeout: number;
  readonly #now: () => number;
  readonly #calls = new RunningCalls();
  #opened = false;
  #closing: Promise<void> | undefined;

  /**
   * A store over an open database; `close` leaves it open.
   *
   * On runtimes other than Deno, pass the result of `openKv` of `npm:@deno/kv`. Its `encodeV8` and `decodeV8` are never used.
   *
   * @throws {TypeError} If `kv` does not have the methods of a `Deno.Kv`, or an option is unknown or of the wrong type.
   * @throws {RangeError} If an option is out of range.
   */
  constructor(kv: DenoKv, options: DenoKvStoreOptions = {}) {
    check("DenoKvStore", "kv", is.having("a Deno.Kv", ["get", "list", "atomic", "close"]), kv);
    const { prefix, timeout, now } = readOptions(options);
    this.#kv = kv;
    this.#keys = new KvKeys(prefix);
    this.#timeout = timeout;
    this.#now = now;
  }

  /**
   * Opens the database at `path` with `Deno.openKv` and a store over it. `path` is a file, `":memory:"`, the URL of a
   * remote database, or nothing for the runtime's default database. The umask decides the file's permissions.
   *
   * @throws {TypeError} If an option is unknown or of the wrong type.
   * @throws {RangeError} If an option is out of range.
   * @throws {SessionError} If the runtime has no `Deno.openKv` (`ERR_UNSUPPORTED`), or there is no such database (`ERR_DAMAGED`, `ERR_STORE`).
   */
  static async open(path?: string, options: DenoKvStoreOptions = {}): Promise<DenoKvStore> {
    const settings = readOptions(options);
    const store = new DenoKvStore(await openKv(path), settings);
    store.#opened = true;
    return store;
  }

  /**
   * Resolves to the record under `key`, which may have expired, or to `undefined`.
   *
   * @throws {SessionError} If the record is not what was written (`ERR_DAMAGED`), or the database fails (`ERR_STORE`).
   */
  load(key: string): Promise<StoredRecord | undefined> {
    return this.#run(async (ask) => (await this.#read(ask, key)).record);
  }

  /**
   * Inserts a record if the key is free or its record has expired. Resolves to its version, or to `undefined` if the key is taken.
   *
   * @throws {SessionError} If the record is over 65,536 bytes (`ERR_TOO_LARGE`), or the database fails (`ERR_STORE`).
   */
  async create(key: string, record: SessionRecord): Promise<string | undefined> {
    checkInstants(record);
    const version = crypto.randomUUID();
    return await this.#write([key, record, version], async (ask, put) => {
      const old = await this.#read(ask, key);
      if (old.record?.version === version) return { result: version };
      if (old.record !== undefined && old.record.expiresAt > this.#now()) return { result: undefined };
      return { result: version, edits: [this.#check(key, old), await this.#remove(key, old.record), put] };
    });
  }

  /**
   * Replaces the record if it still has `version`. Resolves to the new version, or to `undefined` if it has another one or is gone.
   *
   * @throws {SessionError} If the record is over 65,536 bytes (`ERR_TOO_LARGE`), or touches keep changing it (`ERR_CONFLICT`); `ERR_STORE`.
   */
  async save(key: string, record: SessionRecord, version: string): Promise<string | undefined> {
    checkInstants(record);
    const next = crypto.randomUUID();
    return await this.#write([key, record, next], async (ask, put) => {
      const old = await this.#read(ask, key);
      if (old.record?.version === next) return { result: next };
      if (old.record?.version !== version) return { result: undefined };
      return { result: next, edits: [this.#check(key, old), await this.#remove(key, old.record), put] };
    });
  }

  /**
   * Removes the record, also one that cannot be read; whether there was one. A logout wins: when others keep changing the record, the last try
   * removes it whatever it has become. Index entries that this leaves behind are never listed, and go with the next list.
   *
   * @throws {SessionError} If the database fails (`ERR_STORE`).
   */
  delete(key: string): Promise<boolean> {
    return this.#calls.run(() =>
      this.#commit(async (ask, last) => {
        const old = await this.#read(ask, key, true);
        if (old.stamp === null) return { result: false };
        const removal = await this.#remove(key, old.record);
        return { result: true, edits: last ? [removal] : [this.#check(key, old), removal] };
      })
    );
  }

  /**
   * Moves `touchedAt` and `expiresAt` forward if the record still has `version`. Resolves to whether it had.
   *
   * @throws {SessionError} If others kept changing the record (`ERR_CONFLICT`), or the database fails (`ERR_STORE`).
   */
  async touch(key: string, touchedAt: number, expiresAt: number, version: string): Promise<boolean> {
    checkInstant("touchedAt", touchedAt);
    checkInstant("expiresAt", expiresAt);
    return await this.#calls.run(() =>
      this.#commit(async (ask) => {
        const old = await this.#read(ask, key);
        if (old.record?.version !== version) return { result: false };
        const touched = {
          ...old.record,
          touchedAt: Math.max(old.record.touchedAt, touchedAt),
          expiresAt: Math.max(old.record.expiresAt, expiresAt),
        };
        const put = await this.#put(key, touched, version);
        return { result: true, edits: [this.#check(key, old), await this.#remove(key, old.record), put] };
      })
    );
  }

  /**
   * Removes at most `limit` records that expired at or before `now`. Resolves to the number removed. Rarely needed, as Deno KV
   * removes expired records itself. Records of a newer format are left alone.
   *
   * @throws {SessionError} If the database fails (`ERR_STORE`).
   */
  async clearExpired(now: number, limit: number): Promise<number> {
    now = checkMoment("now", now);
    let removed = 0;
    return await this.#run(async (ask) => {
      const due = this.#kv.list(this.#keys.due(now), { consistency: "strong" })[Symbol.asyncIterator]();
      while (removed < limit) {
        const batch: DenoKvKey[] = [];
        while (batch.length < Math.min(concurrency, limit - removed)) {
          const step = await ask(due.next());
          if (step.done) break;
          batch.push(step.value.key as DenoKvKey);
        }
        if (batch.length === 0) break;
        const swept = await Promise.all(batch.map((entry) => this.#sweep(ask, entry, now)));
        removed += swept.filter(Boolean).length;
      }
      return removed;
    });
  }

  /**
   * A page of one user's records, by their keys; expired ones may be among them. The index tells which they are, the records what
   * they are; for one that cannot be read its entry speaks. An entry without a record is taken out.
   *
   * @throws {RangeError} If `limit` is not a positive integer.
   * @throws {SessionError} If the database fails (`ERR_STORE`).
   */
  async list(userId: string, options: ListOptions = {}): Promise<SessionPage> {
    const { after, limit } = checkPage(options);
    return await this.#run(async (ask) => {
      const prefix = await this.#keys.user(userId);
      const next = [...prefix, `${after}0`]; // after this key and before any other
      const selector = after === undefined ? { prefix } : { prefix, start: next };
      const found = this.#kv.list(selector, { consistency: "strong", limit })[Symbol.asyncIterator]();
      const page: IndexEntry[] = [];
      for (let step = await ask(found.next()); !step.done; step = await ask(found.next())) {
        page.push(step.value as IndexEntry);
      }
      const entries: IndexedRecord[] = [];
      for (let i = 0; i < page.length; i += concurrency) {
        const some = page.slice(i, i + concurrency).map((entry) => this.#look(ask, entry));
        for (const one of await Promise.all(some)) if (one?.record.userId === userId) entries.push(one);
      }
      return page.length < limit ? { entries } : { entries, next: String(page.at(-1)!.key.at(-1)) };
    });
  }

  /**
   * Counts all records, in pages of a hundred; `bounds` are ages in ms, ascending.
   *
   * @throws {SessionError} If the database fails (`ERR_STORE`).
   */
  stats(now: number, bounds: readonly number[]): Promise<StoreStats> {
    return this.#calls.run(() => countRecords(this.#kv, this.#keys.records, this.#timeout, now, bounds));
  }

  /** Waits for running calls, then closes the database if `open` opened it. Later calls fail with `ERR_STORE`. May be called twice. */
  close(): Promise<void> {
    if (!this.#opened) return Promise.resolve();
    return this.#closing ??= this.#calls.end().then(() => this.#kv.close());
  }

  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Reads a record. One that cannot be read is an error or, with `anything`, whatever can still be recovered from it. */
  async #read(ask: BoundedCall, key: string, anything = false): Promise<Found> {
    const { value, versionstamp: stamp } = await ask(
      this.#kv.get(this.#keys.record(key), { consistency: "strong" }),
    );
    if (stamp === null) return { stamp, record: undefined };
    return { stamp, ...(anything ? salvage(key, value) : { record: decodeRecord(key, value) }) };
  }

  /** What an entry of the user index leads to. */
  async #look(ask: BoundedCall, entry: IndexEntry): Promise<IndexedRecord | undefined> {
    const key = String(entry.key.at(-1));
    const found = await this.#read(ask, key, true);
    // Whether that succeeds or not: the next list finds it again
    if (found.stamp === null) {
      await ask(this.#apply([this.#check(key, found), (write) => write.delete(entry.key)])).catch(() => {});
    }
    const record = found.isDamaged
      ? decodeSummary(key, entry.value)
      : found.record && summaryOf(found.record);
    return record && { key, record };
  }

  #check(key: string, found: Found): Edit {
    return (write) => write.check({ key: this.#keys.record(key), versionstamp: found.stamp });
  }

  async #remove(key: string, record: SessionRecord | undefined): Promise<Edit> {
    const keys = [this.#keys.record(key)];
    if (record !== undefined) {
      const owned = await this.#keys.owned(key, record);
      keys.push(this.#keys.expiry(key, record), ...owned === undefined ? [] : [owned]);
    }
    return (write) => keys.reduce((write, key) => write.delete(key), write);
  }

  async #put(key: string, record: SessionRecord, version: string): Promise<Edit> {
    const value = encodeRecord(key, record, version);
    const owned = await this.#keys.owned(key, record);
    const summary = owned && encodeRecord(key, { ...record, data: "" }, version);
    const life = Math.max(0, Math.ceil(record.expiresAt - this.#now())) + expiryGraceMs;
    const expiry = life < maxExpireIn ? { expireIn: life } : {};
    return (write) => {
      write.set(this.#keys.record(key), value, expiry);
      write.set(this.#keys.expiry(key, record), new Uint8Array(), expiry);
      return owned === undefined ? write : write.set(owned, summary, expiry);
    };
  }

  /** Removes the record of an entry of the expiry index. Resolves to whether there was one. */
  async #sweep(ask: BoundedCall, entry: DenoKvKey, now: number): Promise<boolean> {
    const key = String(entry.at(-1));
    const found = await this.#read(ask, key, true);
    if (found.isNewer) return false;
    const live = !found.isDamaged && found.record !== undefined && found.record.expiresAt > now;
    const edits: Edit[] = [this.#check(key, found), (write) => write.delete(entry)];
    if (!live) edits.push(await this.#remove(key, found.record));
    return (await ask(this.#apply(edits))).ok && !live && found.stamp !== null;
  }

  #apply(edits: readonly Edit[]): Promise<{ ok: boolean }> {
    return edits.reduce((write, edit) => edit(write), this.#kv.atomic()).commit();
  }

  #run<T>(work: (ask: BoundedCall) => Promise<T>): Promise<T> {
    return this.#calls.run(() => withDeadline(this.#timeout, work));
  }

  #write<T>(put: Put, plan: (ask: BoundedCall, put: Edit) => Promise<Plan<T>>): Promise<T> {
    return this.#calls.run(async () => {
      const edit = await this.#put(...put);
      return await this.#commit((ask) => plan(ask, edit));
    });
  }

  /** Plans and commits until a commit succeeds. */
  #commit<T>(plan: (ask: BoundedCall, last: boolean) => Promise<Plan<T>>): Promise<T> {
    return withDeadline(this.#timeout, async (ask) => {
      for (let left = tries; left > 0; left--) {
        const { result, edits } = await plan(ask, left === 1);
        if (edits === undefined || (await ask(this.#apply(edits))).ok) return result;
      }
      throw new SessionError("ERR_CONFLICT", `The session was changed by others ${tries} times in a row`);
    });
  }
}

handlesAll(DenoKvStore);
