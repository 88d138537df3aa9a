/** Django's engine `db`: the site's own table `django_session`, in SQLite, PostgreSQL, MySQL or MariaDB. */

import { handlesAll } from "../../../src/handled.ts";
import type { MaybePromise } from "../../../src/store.ts";
import { isDatabase, type SqliteDatabase } from "../../sqlite/database.ts";
import { type DjangoDbStoreOptions, readDbOptions } from "./db_options.ts";
import type { DjangoEngine, DjangoRow } from "./engine.ts";
import { recogniseSql, type SqlClient } from "./sql/client.ts";
import { SqlEngine } from "./sql/engine.ts";
import { openSite, SqliteEngine } from "./sqlite_engine.ts";

/**
 * The sessions of a Django site in its own database, while the site runs.
 *
 * SQLite is opened by path, or passed as a database of `bun:sqlite` or `node:sqlite`. For PostgreSQL, MySQL and MariaDB pass the
 * program's own client, which is recognised by its shape: postgres.js, `Bun.SQL`, a `Pool` or `Client` of pg, a pool or connection of
 * mysql2. `close` does not close it.
 *
 * A write replaces only the exact text that was read, in one atomic step, so neither parallel requests nor Django's own writes are
 * overwritten unnoticed. Journal mode and schema are never changed; a busy SQLite database is retried without blocking the event loop,
 * until `timeout` has passed. A write that timed out is not carried out later, neither from the queue of a pool nor after waiting for a
 * lock. Failures are a `SessionError` `ERR_STORE` with the driver's error as its `cause`.
 *
 * Rows that other tables refer to, and that the database therefore refuses to remove, are emptied and expired in place when their
 * session ends, gets a new key or is cleared: they are then no longer sessions, and Django's `clearsessions` removes them.
 *
 * @example
 * ```ts
 * import { DjangoDbStore, djangoSessions } from "@sojourn/session/django";
 * import assert from "node:assert/strict";
 *
 * // The site is missing here, so there is no table to share.
 * await assert.rejects(DjangoDbStore.open(":memory:"), { code: "ERR_STORE" });
 *
 * const open = async () =>
 *   djangoSessions({ secretKey: "the site's own", store: await DjangoDbStore.open("db.sqlite3") });
 *
 * // Any client: `postgres("postgres://…")`, `new Bun.SQL("…")`, `new pg.Pool()`, `mysql.createPool("mysql://…")`
 * const client = { query: () => Promise.reject(new Error("ECONNREFUSED")) };
 * const store = new DjangoDbStore(client);
 * await assert.rejects(async () => await store.load("0bx7fsq7qztrm9xmy96yli5n76090kha"), { code: "ERR_STORE" });
 * ```
 */
export class DjangoDbStore implements DjangoEngine {
  /** The texts are Django's signed ones. */
  readonly format = "signed";
  /** Whether dates are UTC. */
  readonly useTz: boolean;
  readonly #engine: SqliteEngine | SqlEngine;
  #owned: SqliteDatabase | undefined;
  #closing: Promise<void> | undefined;

  /**
   * A store over a database or a client that is already open; `close` leaves it open. A SQLite connection is set to no busy wait in the
   * driver and to enforce foreign keys, and writes wait while its owner has a transaction open on it. With SQLite the table is checked
   * immediately, with other databases at the first call; `open` checks it in advance.
   *
   * @throws {TypeError} If `database` is none, or an option is unknown or of another type.
   * @throws {RangeError} If `timeout` is out of range.
   * @throws {SessionError} `ERR_STORE` if there is no such table, or one with other columns; `ERR_DAMAGED` for a damaged
   * database. A busy one is tried again at the first call.
   */
  constructor(database: SqliteDatabase | SqlClient, options?: DjangoDbStoreOptions) {
    const settings = readDbOptions(options);
    this.useTz = settings.useTz;
    this.#engine = isDatabase(database)
      ? new SqliteEngine(database, settings)
      : new SqlEngine(recogniseSql(database, settings.dialect), settings);
  }

  /**
   * Opens the site's existing SQLite database, or checks through a client that the table exists.
   *
   * @throws {TypeError} If `database` is no path and no client, or an option is unknown or of another type.
   * @throws {RangeError} If `timeout` is out of range.
   * @throws {SessionError} `ERR_STORE` if the database cannot be reached, is missing or stays busy, if it has no such table, or one
   * with other columns; `ERR_DAMAGED` if it is damaged or no database.
   */
  static async open(database: string | SqlClient, options?: DjangoDbStoreOptions): Promise<DjangoDbStore> {
    const settings = readDbOptions(options);
    const owned = typeof database === "string" ? await openSite(database) : undefined;
    try {
      const store = new DjangoDbStore(owned ?? database as SqlClient, settings);
      await store.#engine.check();
      store.#owned = owned;
      return store;
    } catch (error) {
      owned?.close();
      throw error;
    }
  }

  /**
   * The row under a key, expired or not.
   *
   * @throws {SessionError} If the database fails (`ERR_STORE`), or the row is damaged (`ERR_DAMAGED`).
   */
  load(key: string): MaybePromise<DjangoRow | undefined> {
    return this.#engine.load(key);
  }

  /**
   * Inserts a row. Resolves to `false` if the key is taken.
   *
   * @throws {SessionError} If the database fails (`ERR_STORE`).
   */
  create(key: string, row: DjangoRow): Promise<boolean> {
    return this.#engine.create(key, row);
  }

  /**
   * Replaces the row if its text is still `was`. Resolves to `false` if it has another text or is gone.
   *
   * @throws {SessionError} If the database fails (`ERR_STORE`).
   */
  replace(key: string, row: DjangoRow, was: string): Promise<boolean> {
    return this.#engine.replace(key, row, was);
  }

  /**
   * Moves a session to a new key, in one atomic step, if its text is still `was`. Resolves to `false`, with nothing changed, if it has
   * another text or is gone, or the new key is taken.
   *
   * @throws {SessionError} If the database fails (`ERR_STORE`).
   */
  rotate(oldKey: string, newKey: string, row: DjangoRow, was: string): Promise<boolean> {
    return this.#engine.rotate(oldKey, newKey, row, was);
  }

  /**
   * Removes the row, or empties it if others refer to it. Resolves to whether there was one.
   *
   * @throws {SessionError} If the database fails (`ERR_STORE`).
   */
  delete(key: string): Promise<boolean> {
    return this.#engine.delete(key);
  }

  /**
   * Removes at most `limit` rows that expired before `now` (ms), or empties those that others refer to. Resolves to their number. It may
   * stop before `limit` when half of `timeout` has passed.
   *
   * @throws {SessionError} If the database fails (`ERR_STORE`).
   */
  clearExpired(now: number, limit: number): Promise<number> {
    return this.#engine.clearExpired(now, limit);
  }

  /** Finishes waiting writes, then closes what `open` opened. May be called twice. */
  close(): Promise<void> {
    return this.#closing ??= this.#engine.close().then(() => this.#owned?.close());
  }

  /** As {@linkcode DjangoDbStore.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

handlesAll(DjangoDbStore);
