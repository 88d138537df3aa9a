/**
 * Sessions in Redis 7, Valkey or a Redis Cluster, over the client that you already have.
 *
 * @module
 */

import { SessionError } from "../src/errors.ts";
import { handlesAll } from "../src/handled.ts";
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
import { recognise, type RedisClient } from "./redis/client.ts";
import { readOptions, type RedisStoreOptions } from "./redis/options.ts";
import { keySum } from "./support/checksum.ts";
import { checkPage } from "./support/pages.ts";
import {
  damaged,
  isWhole,
  read,
  readSummary,
  storedUser,
  write,
  type Written,
  writtenInstants,
} from "./redis/record.ts";
import * as scripts from "./redis/scripts.ts";
import { noEntry, UserIndex } from "./redis/user_index.ts";
import { ScriptRunner } from "./redis/script_runner.ts";
import { StatsCounter } from "./support/stats_counter.ts";

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
  ListOptions,
  MaybePromise,
  SessionPage,
  SessionRecord,
  SessionStore,
  SessionSummary,
  StoredRecord,
  StoreStats,
} from "../src/store.ts";

/** For how much longer than a write can take a removed record leaves its mark, in milliseconds. */
const markFor = 1000;
/** So many records of a list are asked for at once in a cluster, if so many commands may wait. */
const headsAtOnce = 16;
/** The longest life that Redis is told, in milliseconds: 220,000 years, so that what an index promises has at most 16 digits. */
const longestLife = 7e15;

/**
 * A store in Redis.
 *
 * The client is handed in, connected or about to be, and stays yours: `close` does not close it. It is recognised by its
 * shape: ioredis (`Redis`, `Cluster`), node-redis (`createClient`, `createClientPool`, `createCluster`) or `Bun.RedisClient`.
 *
 * A session is a string under `prefix` + key, with the time to live of the session; a user's sessions are a sorted set under
 * `prefix` + `"user:"` + the user id as JSON, which loses its dead entries as it changes and lives no longer than an hour after them.
 * Every operation is a script (the user needs the rights for `EVALSHA` and `EVAL`), so that record and index change in one atomic step and
 * one round trip. In a cluster they are on two servers: a log-in takes two or three steps, and so does a renewal of a logged-in session for which
 * its entry in the index has to stay longer, which is about one for each quarter of its life. To be killed between them is safe; the servers'
 * clocks have to agree within half an hour.
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
  readonly #wire: ScriptRunner;
  readonly #prefix: string;
  readonly #index: UserIndex;
  readonly #now: () => number;
  readonly #headsAtOnce: number;

  /**
   * A store over an open client.
   *
   * @throws {TypeError} If the client has no known shape, or an option is unknown or of the wrong type.
   * @throws {RangeError} If a number is out of its range.
   */
  constructor(client: RedisClient, options: RedisStoreOptions = {}) {
    const { prefix, timeout, maxWaiting, cluster, now } = readOptions(options);
    const known = recognise(client);
    this.#wire = new ScriptRunner(known, cluster ?? known.cluster, timeout, maxWaiting);
    this.#prefix = prefix;
    this.#index = new UserIndex(this.#wire, prefix);
    this.#now = now;
    this.#headsAtOnce = Math.min(headsAtOnce, maxWaiting);
  }

  /**
   * The record under `key`, in one round trip.
   *
   * @throws {SessionError} `ERR_STORE` if Redis is in trouble; `ERR_DAMAGED` if something else is stored there.
   */
  load(key: string): Promise<StoredRecord | undefined> {
    const by = this.#wire.deadline();
    const at = this.#prefix + key;
    return this.#wire.look(at, by)?.then((text) =>
      isWhole(key, text) ? read(key, text) : this.#loadSurely(key, by)
    ) ??
      this.#loadSurely(key, by);
  }

  async #loadSurely(key: string, by: number): Promise<StoredRecord | undefined> {
    let text: unknown;
    try {
      [text] = await this.#wire.run(scripts.load, [this.#prefix + key], [], by);
    } catch (error) {
      const { cause } = error as SessionError;
      throw cause instanceof Error && /\bWRONGTYPE\b/.test(cause.message) ? damaged(cause) : error;
    }
    return typeof text === "string" ? read(key, text) : undefined;
  }

  /**
   * Inserts a record if the key is free, and answers its version.
   *
   * @throws {SessionError} `ERR_STORE` if Redis is in trouble or full.
   */
  async create(key: string, record: SessionRecord): Promise<string | undefined> {
    const by = this.#wire.deadline();
    const token = this.#wire.token();
    const { front, middle, back, user } = this.#written(key, record, token);
    const life = this.#life(record.expiresAt);
    const { entry, latest } = this.#wire.cluster
      ? await this.#index.enter(user, key, token, life, by)
      : noEntry;
    const args = [String(this.#now()), front, middle, back, user, life, entry, latest];
    const [made] = await this.#wire.run(scripts.create, [this.#prefix + key], args, by, token);
    if (made === "yes") return token;
    await this.#index.leave(user, key, token, by);
    return undefined;
  }

  /**
   * Replaces the record if it still has `version`, and answers the new version.
   *
   * @throws {SessionError} `ERR_STORE` if Redis is in trouble or full.
   */
  async save(key: string, record: SessionRecord, version: string): Promise<string | undefined> {
    const by = this.#wire.deadline();
    const token = this.#wire.token();
    const { front, middle, back, user, ends } = this.#written(key, record, token);
    const life = this.#life(record.expiresAt);
    let { entry, latest } = noEntry;
    const ask = () => {
      const args = [version, front, middle, back, user, ends, life, entry, latest];
      return this.#wire.run(scripts.save, [this.#prefix + key], args, by, token);
    };
    let [saved, ...before] = await ask();
    if (saved === "index") {
      const [known] = before;
      ({ entry, latest } = await this.#index.enter(user, key, String(known || token), life, by));
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
   * Removes what is under the key, also if it is damaged or of a newer format, and its place in the index as far as the record
   * knows it; whether there was something.
   *
   * @throws {SessionError} `ERR_STORE` if Redis is in trouble.
   */
  async delete(key: string): Promise<boolean> {
    const by = this.#wire.deadline();
    const window = String(Math.ceil(by - performance.now()) + markFor);
    const [gone, user, entry] = await this.#wire.run(scripts.remove, [this.#prefix + key], [window], by);
    if (gone === "yes") await this.#index.leave(user, key, entry, by);
    return gone === "yes";
  }

  /**
   * Moves `touchedAt` and `expiresAt` forward if the record still has `version`; whether it had.
   *
   * @throws {SessionError} `ERR_STORE` if Redis is in trouble or full; `ERR_DAMAGED` if the instants are not what was written.
   */
  async touch(key: string, touchedAt: number, expiresAt: number, version: string): Promise<boolean> {
    checkInstant("touchedAt", touchedAt);
    checkInstant("expiresAt", expiresAt);
    const by = this.#wire.deadline();
    const sum = String(keySum(key));
    let { entry, latest } = noEntry;
    for (;;) {
      const life = this.#life(expiresAt);
      const instants = writtenInstants(key, touchedAt, expiresAt);
      const args = [version, String(touchedAt), String(expiresAt), instants, sum, life, entry, latest];
      const [touched, first, second] = await this.#wire.run(scripts.touch, [this.#prefix + key], args, by);
      // More than once only if another session comes under the key, or another user, at the same time
      if (touched === "index") {
        ({ entry, latest } = await this.#index.enter(String(first), key, String(second), life, by));
      } else if (touched === "other") [touchedAt, expiresAt] = [Number(first), Number(second)];
      else if (touched === "damaged") throw damaged();
      else return touched === "yes";
    }
  }

  /** Answers 0: Redis removes what has expired by itself, and dead entries of an index go with the next write to it. */
  clearExpired(now: number, _limit: number): number {
    checkMoment("now", now);
    return 0;
  }

  /**
   * A page of one user's records, without their data. A damaged record is left out.
   *
   * @throws {RangeError} If `limit` is not a positive integer. @throws {SessionError} `ERR_STORE` if Redis is in trouble.
   */
  async list(userId: string, options: ListOptions = {}): Promise<SessionPage> {
    const { after, limit } = checkPage(options);
    const by = this.#wire.deadline();
    const { keys, next } = await this.#index.keys(storedUser(userId), after, limit, by);
    const texts = await this.#heads(keys, by);
    const entries = keys.flatMap((key, i): IndexedRecord[] => {
      const record = summaryOf(key, texts[i]);
      // An entry of the index proves nothing: the record does.
      return record?.userId === userId ? [{ key, record }] : [];
    });
    return next === undefined ? { entries } : { entries, next };
  }

  /** The beginnings of records: in one question, but in a cluster, where each may be on another server, a few at a time. */
  async #heads(keys: readonly string[], by: number): Promise<unknown[]> {
    const ask = async (some: readonly string[]) => {
      const [texts] = await this.#wire.run(scripts.heads, some.map((key) => this.#prefix + key), [], by);
      return texts as unknown[];
    };
    if (keys.length === 0) return [];
    if (!this.#wire.cluster) return await ask(keys);
    const texts: unknown[] = [];
    while (texts.length < keys.length) {
      const some = keys.slice(texts.length, texts.length + this.#headsAtOnce);
      texts.push(...(await Promise.all(some.map((key) => ask([key])))).flat());
    }
    return texts;
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
    const tally = new StatsCounter(now, bounds);
    for (let cursor = "0", begun = false; cursor !== "0" || !begun; begun = true) {
      const by = this.#wire.deadline();
      const [next, found] = await this.#wire.run(scripts.page, [this.#prefix], [cursor], by);
      count(tally, found as string[]);
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

  #written(key: string, record: SessionRecord, version: string): Written {
    checkInstants(record);
    return write(key, record, version);
  }

  /** What is left of a life. Relative, so that the server's clock need not agree with ours. */
  #life(expiresAt: number): string {
    return String(Math.ceil(Math.max(0, Math.min(expiresAt - this.#now(), longestLife))));
  }
}

/** A record in a list; nothing for one that is gone or cannot be read. */
function summaryOf(key: string, text: unknown): IndexedRecord["record"] | undefined {
  try {
    return isWhole(key, text) ? readSummary(key, text) : undefined;
  } catch {
    return undefined;
  }
}

/** Counts keys and texts; a mark of a removed record is none. */
function count(tally: StatsCounter, found: readonly string[]): void {
  for (let i = 0; i < found.length; i += 2) {
    const [key, text] = [found[i]!, found[i + 1]!];
    if (text.startsWith("x ")) continue;
    try {
      const { createdAt, expiresAt, data } = read(key, text);
      tally.add(createdAt, expiresAt, Buffer.byteLength(data));
    } catch {
      tally.addDamaged();
    }
  }
}

handlesAll(RedisStore);
