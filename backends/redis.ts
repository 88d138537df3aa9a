/**
 * Sessions in Redis 7, Valkey or a Redis Cluster, over the client that you already have.
 *
 * @module
 */

import { SessionError } from "../src/errors.ts";
import { handlesAll } from "../src/handled.ts";
import { checkInstant, checkInstants, checkMoment } from "../src/instants.ts";
import type { CountableStore, IndexedRecord, SessionRecord, StoredRecord, StoreStats } from "../src/store.ts";
import { type Arrival, arrive } from "./redis/arrive.ts";
import { recognise, type RedisClient } from "./redis/client.ts";
import { readOptions, type RedisStoreOptions } from "./redis/options.ts";
import {
  count,
  damaged,
  type Found,
  isWhole,
  read,
  storedUser,
  written,
  writtenInstants,
} from "./redis/record.ts";
import * as scripts from "./redis/scripts.ts";
import { nowhere, UserIndex } from "./redis/user_index.ts";
import { Wire } from "./redis/wire.ts";
import { Tally } from "./tally.ts";

export type {
  BunRedisClient,
  IoRedisClient,
  NodeRedisClient,
  NodeRedisCluster,
  RedisClient,
} from "./redis/client.ts";
export type { RedisStoreOptions };
export type {
  CountableStore,
  IndexedRecord,
  MaybePromise,
  SessionRecord,
  SessionStore,
  StoredRecord,
  StoreStats,
} from "../src/store.ts";

/** So many records are read at once when listing. */
const page = 64;

/**
 * A store in Redis.
 *
 * The client is handed in, connected or about to be, and stays yours: `close` does not close it. It is recognised by its
 * shape: ioredis (`Redis`, `Cluster`), node-redis (`createClient`, `createClientPool`, `createCluster`) or `Bun.RedisClient`.
 *
 * A session is a hash under `prefix` + key, with the time to live of the session; a user's sessions are a sorted set under
 * `prefix` + `"user:"` + the user id as JSON, which loses its dead entries at each write and lives no longer than an hour after them.
 * Every operation is a script (the user needs the rights for `EVALSHA` and `EVAL`), so that record and index change in one atomic step and
 * one round trip. In a cluster they are on two servers: what moves a logged-in session, or its end, takes two to five steps, and is safe
 * to be killed between them; the servers' clocks have to agree within half an hour.
 *
 * While Redis is away, slow or full, operations throw `ERR_STORE` within `timeout`; what was certainly not applied is
 * tried again within it. Afterwards the store works again by itself. An evicted, flushed or forgotten session is "not found".
 *
 * A write that has run out of time has no effect later, wherever it lay about: every write tells the server until when it holds, by
 * the server's own clock, which the answers tell. The message of the error says whether nothing was changed or, without an answer,
 * that it was carried out in time or never will be. For this no clocks have to agree; only a server that
 * was paused together with its clock (a virtual machine), or had it set back while a write was waiting, can be late by as much.
 * To learn the time takes the first write of a process one round trip more, unless a load came before it.
 *
 * What a log-out removed can come back only if Redis itself forgets a write: use `appendfsync always`, or accept its last second.
 *
 * @example
 * ```ts
 * import { RedisStore } from "@sojourn/session/redis";
 * import assert from "node:assert/strict";
 *
 * // Any client: `new Redis()` of ioredis, `await createClient().connect()` of redis, `new Bun.RedisClient()`
 * const client = { isOpen: true, sendCommand: (_args: string[]) => Promise.reject(new Error("ECONNREFUSED")) };
 * const store = new RedisStore(client, { prefix: "shop:", timeout: 0.5 });
 * await assert.rejects(store.load("0".repeat(64)), { code: "ERR_STORE" });
 * await store.close();
 * ```
 */
export class RedisStore implements CountableStore, AsyncDisposable {
  readonly #wire: Wire;
  readonly #prefix: string;
  readonly #index: UserIndex;
  readonly #now: () => number;

  /**
   * A store over an open client.
   *
   * @throws {TypeError} If the client has no known shape, or an option is unknown or of the wrong type.
   * @throws {RangeError} If a number is out of its range.
   */
  constructor(client: RedisClient, options: RedisStoreOptions = {}) {
    const { prefix, timeout, maxWaiting, cluster, now } = readOptions(options);
    const known = recognise(client);
    this.#wire = new Wire(known, cluster ?? known.cluster, timeout, maxWaiting);
    this.#prefix = prefix;
    this.#index = new UserIndex(this.#wire, prefix);
    this.#now = now;
  }

  /**
   * The record under `key`, in one round trip.
   *
   * @throws {SessionError} `ERR_STORE` if Redis is in trouble; `ERR_DAMAGED` if something else is stored there.
   */
  load(key: string): Promise<StoredRecord | undefined> {
    return this.#find(key, this.#wire.deadline()).then((found) =>
      found?.pending === false ? found.record : undefined
    );
  }

  /**
   * Inserts a record if the key is free, and answers its version.
   *
   * @throws {SessionError} `ERR_STORE` if Redis is in trouble or full.
   */
  async create(key: string, record: SessionRecord): Promise<string | undefined> {
    const by = this.#wire.deadline();
    const token = this.#wire.token();
    const write = this.#written(key, record, token);
    if (this.#wire.cluster && record.userId !== undefined) {
      return await this.#arrive(key, record.userId, write, by, token);
    }
    const keys = [this.#prefix + key, ...this.#beside(record.userId)];
    const args = [String(this.#now()), "", ...write, nowhere.entry, nowhere.latest];
    const [made] = await this.#wire.ask(scripts.create, keys, args, by, token);
    return made === "yes" ? token : undefined;
  }

  /**
   * Replaces the record if it still has `version`, and answers the new version.
   *
   * @throws {SessionError} `ERR_STORE` if Redis is in trouble or full.
   */
  async save(key: string, record: SessionRecord, version: string): Promise<string | undefined> {
    const by = this.#wire.deadline();
    const token = this.#wire.token();
    const user = storedUser(record.userId);
    const write = this.#written(key, record, token);
    const keys = [this.#prefix + key, ...this.#beside(record.userId)];
    let { entry, latest } = nowhere;
    const ask = () => this.#wire.ask(scripts.save, keys, [version, ...write, entry, latest], by, token);
    let [saved, ...before] = await ask();
    if (saved === "index") {
      const [known] = before;
      ({ entry, latest } = await this.#index.enter(user, key, String(known || token), write.at(-1)!, by));
      [saved, ...before] = await ask();
    }
    const [oldUser, oldEntry] = before;
    if (saved !== "yes") {
      if (entry === token) await this.#index.leave(user, key, token, by);
      return undefined;
    }
    if (oldUser !== user) await this.#index.leave(oldUser, key, oldEntry, by);
    return token;
  }

  /**
   * Moves a session to a new key, with new content, and answers the new version. On a single server it is one step; in a
   * cluster a process killed, or a server stopped, half way may lose the session, but never leaves two, nor the old one with new data.
   *
   * @throws {SessionError} `ERR_STORE` if Redis is in trouble or full.
   */
  async rotate(
    oldKey: string,
    newKey: string,
    record: SessionRecord,
    version: string,
  ): Promise<string | undefined> {
    const by = this.#wire.deadline();
    const token = this.#wire.token();
    const write = this.#written(newKey, record, token);
    if (this.#wire.cluster) {
      const from = { key: oldKey, name: this.#prefix + oldKey, version };
      return await this.#arrive(newKey, record.userId, write, by, token, from);
    }
    const keys = [this.#prefix + oldKey, this.#prefix + newKey, ...this.#beside(record.userId)];
    const args = [String(this.#now()), version, ...write, oldKey];
    const [moved] = await this.#wire.ask(scripts.rotate, keys, args, by, token);
    return moved === "yes" ? token : undefined;
  }

  /**
   * Removes what is under the key, also if it is damaged or of a newer format, and its place in the index as far as the record
   * knows it; whether there was something.
   *
   * @throws {SessionError} `ERR_STORE` if Redis is in trouble.
   */
  async delete(key: string): Promise<boolean> {
    const by = this.#wire.deadline();
    const [gone, user, entry] = await this.#wire.ask(scripts.remove, [this.#prefix + key], [key, ""], by);
    if (gone === "yes") await this.#index.leave(user, key, entry, by);
    return gone === "yes";
  }

  /**
   * Moves `touchedAt` and `expiresAt` of a record that exists; whether there was one.
   *
   * @throws {SessionError} `ERR_STORE` if Redis is in trouble or full.
   */
  async touch(key: string, touchedAt: number, expiresAt: number): Promise<boolean> {
    checkInstant("touchedAt", touchedAt);
    checkInstant("expiresAt", expiresAt);
    const by = this.#wire.deadline();
    const life = String(this.#life(expiresAt));
    let { entry, latest } = nowhere;
    const ask = () => {
      const args = [key, ...writtenInstants(key, touchedAt, expiresAt), life, entry, latest];
      return this.#wire.ask(scripts.touch, [this.#prefix + key], args, by);
    };
    let [touched, user, old] = await ask();
    // More than once only if another session comes under the key, or another user, at the same time
    while (touched === "index") {
      ({ entry, latest } = await this.#index.enter(String(user), key, String(old), life, by));
      [touched, user, old] = await ask();
    }
    return touched === "yes";
  }

  /** Answers 0: Redis removes what has expired by itself, and dead entries of an index go with the next write to it. */
  clearExpired(now: number, _limit: number): number {
    checkMoment("now", now);
    return 0;
  }

  /**
   * The records of one user. A damaged record is left out.
   *
   * @throws {SessionError} `ERR_STORE` if Redis is in trouble.
   */
  async list(userId: string): Promise<readonly IndexedRecord[]> {
    const by = this.#wire.deadline();
    const keys = await this.#index.keys(storedUser(userId), by);
    const records: IndexedRecord[] = [];
    for (let start = 0; start < keys.length; start += page) {
      const found = await Promise.all(
        keys.slice(start, start + page).map((key) => this.#listed(key, userId, by)),
      );
      for (const one of found) if (one !== undefined) records.push(one);
    }
    return records;
  }

  /**
   * Reads and counts the records under `prefix`, by `SCAN`; `bounds` are ages in ms, ascending. One that Redis moves about meanwhile
   * may count twice.
   *
   * @throws {SessionError} `ERR_UNSUPPORTED` in a cluster, where no server knows all; `ERR_STORE` if Redis is in trouble.
   */
  async stats(now: number, bounds: readonly number[]): Promise<StoreStats> {
    if (this.#wire.cluster) {
      throw new SessionError("ERR_UNSUPPORTED", "Cannot count the records of a Redis Cluster");
    }
    const tally = new Tally(now, bounds);
    for (let cursor = "0", begun = false; cursor !== "0" || !begun; begun = true) {
      const by = this.#wire.deadline();
      const [next, found] = await this.#wire.ask(scripts.page, [this.#prefix], [cursor], by);
      count(tally, found as unknown[]);
      cursor = String(next);
    }
    return tally.stats;
  }

  /** Does nothing: the client was handed in, so it is not closed. */
  async close(): Promise<void> {}

  /** The same as `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #find(key: string, by: number): Promise<Found | undefined> {
    const at = this.#prefix + key;
    return this.#wire.look(at, scripts.recordFields, by)?.then((plain) =>
      plain !== undefined && isWhole(key, plain) ? read(key, plain) : this.#findSurely(key, at, by)
    ) ?? this.#findSurely(key, at, by);
  }

  async #findSurely(key: string, at: string, by: number): Promise<Found | undefined> {
    try {
      return read(key, await this.#wire.ask(scripts.load, [at], [], by));
    } catch (error) {
      const { cause } = error as SessionError;
      throw cause instanceof Error && /\bWRONGTYPE\b/.test(cause.message) ? damaged(cause) : error;
    }
  }

  /** An entry of the index proves nothing: the record does. */
  async #listed(key: string, userId: string, by: number): Promise<IndexedRecord | undefined> {
    const found = await this.#find(key, by).catch((error) => {
      if (error instanceof SessionError && error.code === "ERR_DAMAGED") return undefined;
      throw error;
    });
    if (found === undefined || found.record.userId !== userId) return undefined;
    const { version: _, ...record } = found.record;
    return { key, record };
  }

  /** Brings a record to its key in a cluster, entry first. */
  async #arrive(
    key: string,
    userId: string | undefined,
    record: readonly string[],
    by: number,
    token: string,
    from?: Arrival["from"],
  ): Promise<string | undefined> {
    const user = storedUser(userId);
    const entered = await this.#index.enter(user, key, token, record.at(-1)!, by);
    const to = { key, name: this.#prefix + key };
    const old = await arrive(this.#wire, { to, from, now: this.#now(), record, entered }, by, token);
    if (old === undefined) await this.#index.leave(user, key, token, by);
    else if (from !== undefined) await this.#index.leave(old[0], from.key, old[1], by);
    return old && token;
  }

  /** The user's index as one more key of a script, where it is on the same server. */
  #beside(userId: string | undefined): string[] {
    return this.#wire.cluster || userId === undefined ? [] : [this.#index.name(storedUser(userId))];
  }

  #written(key: string, record: SessionRecord, version: string): string[] {
    checkInstants(record);
    return written(key, record, version, this.#life(record.expiresAt));
  }

  /** What is left of a life. Relative, so that the server's clock need not agree with ours. */
  #life(expiresAt: number): number {
    return Math.ceil(Math.max(0, Math.min(expiresAt - this.#now(), Number.MAX_SAFE_INTEGER)));
  }
}

handlesAll(RedisStore);
