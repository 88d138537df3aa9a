/** Django's cache engine over Redis: the entries that Django's own Redis cache, or django-redis, keeps. */

import { SessionError } from "../../../src/errors.ts";
import { handlesAll } from "../../../src/handled.ts";
import { recognise, type RedisClient } from "../../redis/client.ts";
import type { Script } from "../../redis/scripts.ts";
import { ScriptRunner } from "../../redis/script_runner.ts";
import { readCacheOptions } from "./cache_options.ts";
import { create, load, remove, replace, rotate } from "./cache_scripts.ts";
import type { DjangoEngine, DjangoRow } from "./engine.ts";

/** Settings of a {@linkcode DjangoCacheStore}. */
export interface DjangoCacheStoreOptions {
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
   * Seconds that one operation may take, retries included.
   * @default 2
   */
  readonly timeout?: number;
}

/** An entry without an expiry is treated as one that expires after this many ms. */
const endless = 400 * 86_400_000;

/**
 * The sessions of a Django site with `SESSION_ENGINE = "django.contrib.sessions.backends.cache"` on Redis.
 *
 * Django pickles what it caches, and loading a pickle runs code. The site must therefore store its sessions as JSON, in a cache of their
 * own; a pickled entry is refused (`ERR_UNSUPPORTED`). For Django's own Redis cache (4.0 and later) this takes a class and a few settings:
 *
 * ```python
 * # mysite/cache.py
 * import json
 *
 * class JSONSerializer:
 *     def dumps(self, value):
 *         return json.dumps(value, separators=(",", ":")).encode()
 *     def loads(self, data):
 *         return json.loads(data)
 *
 * # settings.py
 * SESSION_CACHE_ALIAS = "sessions"
 * CACHES = {
 *     "default": {...}, # unchanged: `cache_page` and dates need pickle
 *     "sessions": {
 *         "BACKEND": "django.core.cache.backends.redis.RedisCache",
 *         "LOCATION": "redis://127.0.0.1:6379",
 *         "KEY_PREFIX": "sessions",
 *         "OPTIONS": {"serializer": "mysite.cache.JSONSerializer"},
 *     },
 * }
 * ```
 *
 * and for django-redis `"OPTIONS": {"SERIALIZER": "django_redis.serializers.json.JSONSerializer"}`, without a compressor. Here that is
 * `new DjangoCacheStore(client, { keyPrefix: "sessions" })`.
 *
 * The client stays yours: ioredis, node-redis or `Bun.RedisClient`, of a single server. Writes are a compare-and-set on the entry, in one
 * atomic script, which keeps a key `sojourn` + entry for a minute to recognise a repeated command. An entry that Redis evicted or lost is
 * "not found", as it is for Django.
 *
 * @example
 * ```ts
 * import { DjangoCacheStore } from "@sojourn/session/django";
 * import assert from "node:assert/strict";
 *
 * // Any client: `new Redis()` of ioredis, `await createClient().connect()` of redis, `new Bun.RedisClient()`
 * const client = { isOpen: true, sendCommand: (_args: string[]) => Promise.reject(new Error("ECONNREFUSED")) };
 * const store = new DjangoCacheStore(client, { keyPrefix: "shop", timeout: 0.5 });
 * await assert.rejects(store.load("0bx7fsq7qztrm9xmy96yli5n76090kha"), { code: "ERR_STORE" });
 * ```
 */
export class DjangoCacheStore implements DjangoEngine {
  /** The encoding of an entry. */
  readonly format = "json";
  readonly #wire: ScriptRunner;
  readonly #prefix: string;

  /**
   * The entries behind an open client.
   *
   * @throws {TypeError} If the client is not supported or is a cluster client, or an option is unknown or of the wrong type.
   * @throws {RangeError} If a number is out of range.
   */
  constructor(client: RedisClient, options: DjangoCacheStoreOptions = {}) {
    const { prefix, timeout } = readCacheOptions(options, "DjangoCacheStore", 2);
    const known = recognise(client);
    if (known.cluster) {
      throw new TypeError("Cannot use the Redis client: expected one of a single server, received a cluster");
    }
    this.#wire = new ScriptRunner(known, false, timeout, 10_000);
    this.#prefix = `${prefix}django.contrib.sessions.cache`;
  }

  /**
   * The entry under a session key.
   *
   * @throws {SessionError} If Redis fails (`ERR_STORE`), or the entry is not a JSON object (`ERR_UNSUPPORTED`).
   */
  async load(key: string): Promise<DjangoRow | undefined> {
    const [text, life] = await this.#ask(load, [key]);
    if (typeof text !== "string") return undefined;
    if (!text.startsWith("{")) {
      throw new SessionError(
        "ERR_UNSUPPORTED",
        "The Django site's cache holds something else than JSON, pickles most likely, which cannot be shared: give " +
          "sessions a cache of their own (SESSION_CACHE_ALIAS) with a KEY_PREFIX and a JSON serializer in its CACHES, " +
          'under OPTIONS as "serializer" (django-redis: "SERIALIZER")',
      );
    }
    const left = Number(life);
    return { text, expiresAt: Date.now() + (left < 0 ? endless : left) };
  }

  /**
   * Adds an entry. Resolves to `false` if there is one.
   *
   * @throws {SessionError} If Redis fails (`ERR_STORE`).
   */
  create(key: string, row: DjangoRow): Promise<boolean> {
    return this.#do(create, [key], row);
  }

  /**
   * Replaces the entry if its text is still `was`. Resolves to whether it was.
   *
   * @throws {SessionError} If Redis fails (`ERR_STORE`).
   */
  replace(key: string, row: DjangoRow, was: string): Promise<boolean> {
    return this.#do(replace, [key], row, was);
  }

  /**
   * Moves the entry if its text is still `was`. Resolves to whether it was.
   *
   * @throws {SessionError} If Redis fails (`ERR_STORE`).
   */
  rotate(oldKey: string, newKey: string, row: DjangoRow, was: string): Promise<boolean> {
    return this.#do(rotate, [oldKey, newKey], row, was);
  }

  /**
   * Removes the entry. Resolves to whether there was one.
   *
   * @throws {SessionError} If Redis fails (`ERR_STORE`).
   */
  async delete(key: string): Promise<boolean> {
    return (await this.#ask(remove, [key]))[0] === "yes";
  }

  /** Does nothing: Redis removes expired entries itself. */
  clearExpired(): number {
    return 0;
  }

  async #do(script: Script, keys: readonly string[], row: DjangoRow, ...was: string[]): Promise<boolean> {
    // An entry that has already expired is removed after a millisecond
    const life = Math.min(Math.max(1, Math.ceil(row.expiresAt! - Date.now())), 2 ** 52);
    return (await this.#ask(script, keys, row.text, String(life), ...was))[0] === "yes";
  }

  #ask(script: Script, keys: readonly string[], ...args: string[]): Promise<unknown[]> {
    return this.#wire.run(script, keys.map((key) => this.#prefix + key), args, this.#wire.deadline());
  }
}

handlesAll(DjangoCacheStore);
