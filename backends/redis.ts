/**
 * Sessions in Redis 7, Valkey or a Redis Cluster, over the client that you already have.
 *
 * @module
 */

import { SessionError } from "../src/errors.ts";
import type { IndexedRecord, SessionRecord, SessionStore, StoredRecord } from "../src/store.ts";
import { recognise, type RedisClient } from "./redis/client.ts";
import { damaged, type Found, read, userOf, written } from "./redis/record.ts";
import { moveBetween } from "./redis/rotate.ts";
import * as scripts from "./redis/scripts.ts";
import { Wire } from "./redis/wire.ts";

export type {
  BunRedisClient,
  IoRedisClient,
  NodeRedisClient,
  NodeRedisCluster,
  RedisClient,
} from "./redis/client.ts";
export type { IndexedRecord, MaybePromise, SessionRecord, SessionStore, StoredRecord } from "../src/store.ts";

/** Settings of a {@linkcode RedisStore}. */
export interface RedisStoreOptions {
  /**
   * What the name of every key begins with. With a hash tag (`"{sessions}:"`) a cluster keeps all of them on one server.
   * @default "sojourn:"
   */
  readonly prefix?: string;
  /**
   * Seconds that one operation may take, retries included.
   * @default 2
   */
  readonly timeout?: number;
  /**
   * How many commands may be waiting for an answer. One more is refused at once, so that a server that has stopped
   * answering does not fill the memory.
   * @default 10_000
   */
  readonly maxWaiting?: number;
  /**
   * Whether two keys may live on two servers. Found out from the client; to be given for a client that does not know it
   * talks to a cluster (through a proxy), or as `false` when `prefix` has a hash tag.
   */
  readonly cluster?: boolean;
  /**
   * The clock, in milliseconds since the epoch.
   * @default Date.now
   */
  readonly now?: () => number;
}

/** A dead entry stays in the index for this long, in milliseconds: another machine's clock may be behind. */
const slack = 3_600_000;

/** So many records are read at once when listing. */
const page = 64;

/**
 * A store in Redis.
 *
 * The client is handed in, connected or about to be, and stays yours: `close` does not close it. It is recognised by its
 * shape: ioredis (`Redis`, `Cluster`), node-redis (`createClient`, `createClientPool`, `createCluster`) or `Bun.RedisClient`.
 *
 * A session is a hash under `prefix` + key, with the time to live of the session; a user's sessions are a sorted set under
 * `prefix` + `"user:"` + the user id as JSON, which loses its dead entries at each write and lives no longer than they do.
 * Every operation is a script (the user needs the rights for `EVALSHA` and `EVAL`) and so is atomic; in a cluster `rotate` takes three
 * steps on two servers and is safe to be killed between them.
 *
 * While Redis is away, slow or full, operations throw `ERR_STORE` within `timeout`; what was certainly not applied is
 * tried again within it. Afterwards the store works again by itself. An evicted, flushed or forgotten session is "not found".
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
export class RedisStore implements SessionStore, AsyncDisposable {
  readonly #wire: Wire;
  readonly #prefix: string;
  readonly #now: () => number;

  /**
   * A store over an open client.
   *
   * @throws {TypeError} If the client has no known shape, or an option is unknown or of the wrong type.
   * @throws {RangeError} If a number is out of its range.
   */
  constructor(client: RedisClient, options: RedisStoreOptions = {}) {
    const { prefix = "sojourn:", timeout = 2, maxWaiting = 10_000, cluster, now = Date.now, ...rest } =
      options;
    for (const name in rest) throw new TypeError(`Cannot use the unknown option "${name}" of RedisStore`);
    expect("prefix", prefix, typeof prefix === "string", "a string");
    expect("cluster", cluster, cluster === undefined || typeof cluster === "boolean", "a boolean");
    expect("now", now, typeof now === "function", "a function");
    within("timeout", timeout, timeout > 0 && timeout <= 86_400, "seconds, above 0 and at most 86400");
    within(
      "maxWaiting",
      maxWaiting,
      Number.isSafeInteger(maxWaiting) && maxWaiting > 0,
      "a whole number above 0",
    );
    const known = recognise(client);
    this.#wire = new Wire(known, cluster ?? known.cluster, timeout, maxWaiting);
    this.#prefix = prefix;
    this.#now = now;
  }

  /**
   * The record under `key`, in one round trip.
   *
   * @throws {SessionError} `ERR_STORE` if Redis is in trouble; `ERR_DAMAGED` if something else is stored there.
   */
  async load(key: string): Promise<StoredRecord | undefined> {
    const found = await this.#find(key, this.#wire.deadline());
    return found?.pending === false ? found.record : undefined;
  }

  /**
   * Inserts a record if the key is free, and answers its version.
   *
   * @throws {SessionError} `ERR_STORE` if Redis is in trouble or full.
   */
  async create(key: string, record: SessionRecord): Promise<string | undefined> {
    const by = this.#wire.deadline();
    const token = this.#wire.token();
    const args = [String(this.#now()), "", ...this.#written(key, record)];
    await this.#index(record.userId, key, record.expiresAt, by);
    const [made] = await this.#wire.ask(scripts.create, [this.#prefix + key], args, by, token);
    return made === "yes" ? token : undefined;
  }

  /**
   * Replaces the record if it still has `version`, and answers the new version. One round trip, unless the end of a
   * logged-in session moves.
   *
   * @throws {SessionError} `ERR_STORE` if Redis is in trouble or full.
   */
  async save(key: string, record: SessionRecord, version: string): Promise<string | undefined> {
    const by = this.#wire.deadline();
    const token = this.#wire.token();
    const ask = (indexed: string) =>
      this.#wire.ask(
        scripts.save,
        [this.#prefix + key],
        [version, indexed, ...this.#written(key, record)],
        by,
        token,
      );
    let [saved] = await ask("");
    if (saved === "index") {
      await this.#index(record.userId, key, record.expiresAt, by);
      [saved] = await ask("1");
    }
    return saved === "yes" ? token : undefined;
  }

  /**
   * Moves a session to a new key, with new content, and answers the new version. On a single server it is one step; in a
   * cluster a process killed half way may lose the session, but never leaves two, nor the old one with new data.
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
    const [from, to] = [this.#prefix + oldKey, this.#prefix + newKey];
    const now = this.#now();
    const args = this.#written(newKey, record);
    await this.#index(record.userId, newKey, record.expiresAt, by);
    let user: unknown;
    if (this.#wire.cluster) {
      user = await moveBetween(this.#wire, { from, to, version, now, record: args }, by, token);
    } else {
      const [moved, old] = await this.#wire.ask(
        scripts.rotate,
        [from, to],
        [String(now), version, ...args],
        by,
        token,
      );
      if (moved === "yes") user = old;
    }
    if (user === undefined) return undefined;
    await this.#unindex(user, oldKey, by);
    return token;
  }

  /**
   * Removes the record, whatever it is; whether there was one.
   *
   * @throws {SessionError} `ERR_STORE` if Redis is in trouble.
   */
  async delete(key: string): Promise<boolean> {
    const by = this.#wire.deadline();
    const [gone, user] = await this.#wire.ask(scripts.remove, [this.#prefix + key], [""], by);
    if (gone === "yes") await this.#unindex(user, key, by);
    return gone === "yes";
  }

  /**
   * Moves `touchedAt` and `expiresAt` of a record that exists; whether there was one.
   *
   * @throws {SessionError} `ERR_STORE` if Redis is in trouble or full.
   */
  async touch(key: string, touchedAt: number, expiresAt: number): Promise<boolean> {
    const by = this.#wire.deadline();
    const ask = (indexed: unknown) => {
      const args = [String(touchedAt), String(expiresAt), String(this.#life(expiresAt)), String(indexed)];
      return this.#wire.ask(scripts.touch, [this.#prefix + key], args, by);
    };
    let [touched, user] = await ask("");
    // More than once only if the user changes at the same time
    while (touched === "index") {
      await this.#index(userOf(user), key, expiresAt, by);
      [touched, user] = await ask(user);
    }
    return touched === "yes";
  }

  /** Answers 0: Redis removes what has expired by itself, and dead entries of an index go with the next write to it. */
  clearExpired(_now: number, _limit: number): number {
    return 0;
  }

  /**
   * The records of one user. A damaged record is left out.
   *
   * @throws {SessionError} `ERR_STORE` if Redis is in trouble.
   */
  async list(userId: string): Promise<readonly IndexedRecord[]> {
    const by = this.#wire.deadline();
    const [members] = await this.#wire.ask(scripts.members, [this.#userKey(userId)], [], by);
    const keys = members as string[];
    const records: IndexedRecord[] = [];
    for (let start = 0; start < keys.length; start += page) {
      const found = await Promise.all(
        keys.slice(start, start + page).map((key) => this.#listed(key, userId, by)),
      );
      for (const one of found) if (one !== undefined) records.push(one);
    }
    return records;
  }

  /** Does nothing: the client was handed in, so it is not closed. */
  async close(): Promise<void> {}

  /** The same as `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #find(key: string, by: number): Promise<Found | undefined> {
    try {
      return read(key, await this.#wire.ask(scripts.load, [this.#prefix + key], [], by));
    } catch (error) {
      const cause = error instanceof SessionError ? error.cause : undefined;
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

  /**
   * Enters a record into its user's index. The index may be on another server than the record, so it is written first:
   * killed in between, there is an entry too many, which lapses, and never a live session that cannot be found and
   * ended. For the same reason an entry's end only ever moves up, and listing removes nothing: what is missing may be about to come.
   */
  async #index(userId: string | undefined, key: string, expiresAt: number, by: number): Promise<void> {
    if (userId === undefined) return;
    const args = [key, String(expiresAt), String(this.#now() - slack)];
    await this.#wire.ask(scripts.index, [this.#userKey(userId)], args, by);
  }

  /** Takes the entry of a removed record out again. Left behind it lapses, so a failure here is none. */
  async #unindex(user: unknown, key: string, by: number): Promise<void> {
    if (user === "") return;
    await this.#wire.ask(scripts.unindex, [`${this.#prefix}user:${user}`], [key], by).catch(() => {});
  }

  #userKey(userId: string): string {
    return `${this.#prefix}user:${JSON.stringify(userId)}`;
  }

  #written(key: string, record: SessionRecord): string[] {
    return written(key, record, this.#life(record.expiresAt));
  }

  /** What is left of a life. Relative, so that the server's clock need not agree with ours. */
  #life(expiresAt: number): number {
    within("expiresAt", expiresAt, Number.isFinite(expiresAt), "a finite instant");
    return Math.ceil(Math.min(expiresAt - this.#now(), Number.MAX_SAFE_INTEGER));
  }
}

function expect(name: string, received: unknown, fits: boolean, expected: string): void {
  if (!fits) {
    throw new TypeError(`Cannot use the option "${name}": expected ${expected}, received ${typeof received}`);
  }
}

function within(name: string, received: number, fits: boolean, expected: string): void {
  if (typeof received !== "number") expect(name, received, false, "a number");
  if (!fits) throw new RangeError(`Cannot use "${name}": expected ${expected}, received ${received}`);
}
