/** Django's engine `db` over SQLite: the site's own table `django_session`. */

import { statSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { SessionError } from "../../src/errors.ts";
import type { MaybePromise } from "../../src/store.ts";
import { isDatabase, openDatabase, type SqliteDatabase } from "../sqlite/database.ts";
import { backoff, closed, isBusy, troubleOf } from "../sqlite/trouble.ts";
import { Writes } from "../sqlite/writes.ts";
import { readDate, toColumn } from "./dates.ts";
import type { DjangoEngine, DjangoRow } from "./engine.ts";
import { Table, type TableStatements } from "./table.ts";

/** How a `DjangoDbStore` behaves. */
export interface DjangoDbStoreOptions {
  /** The site's `USE_TZ`: dates in the table are UTC. `false`: they are this process's local time. @default true */
  readonly useTz?: boolean;
  /** The most that one call waits for a busy database, in seconds. The event loop runs on meanwhile. @default 2 */
  readonly timeout?: number;
  /** The name of the table, for sites with a session model of their own. @default "django_session" */
  readonly table?: string;
}

function readOptions(given: DjangoDbStoreOptions = {}): Required<DjangoDbStoreOptions> {
  const { useTz = true, timeout = 2, table = "django_session", ...others } = given;
  for (const name of Object.keys(others)) {
    throw new TypeError(`"${name}" is not an option of DjangoDbStore; there are useTz, timeout, table`);
  }
  if (typeof useTz !== "boolean") {
    throw new TypeError(`"useTz" must be a boolean: received ${typeof useTz}`);
  }
  if (typeof timeout !== "number") {
    throw new TypeError(`"timeout" must be a number of seconds: received ${typeof timeout}`);
  }
  if (!Number.isFinite(timeout) || timeout <= 0) {
    throw new RangeError(`"timeout" must be a positive number of seconds: received ${timeout}`);
  }
  if (typeof table !== "string" || !/^(?!sqlite_)[a-z_][a-z0-9_]{0,127}$/i.test(table)) {
    throw new TypeError(
      `"table" must be a name of letters, digits and underscores: received ${String(table)}`,
    );
  }
  return { useTz, timeout, table };
}

/**
 * The sessions of a Django site in its own SQLite database, while the site runs.
 *
 * A write takes the place of exactly the text that was read, so neither parallel requests nor Django's own writes are
 * overwritten unseen. Journal mode and schema are never changed; a busy database is tried again without holding up the event loop,
 * until `timeout` has passed. Trouble is a `SessionError` `ERR_STORE` with the driver's error as its `cause`.
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
 * ```
 */
export class DjangoDbStore implements DjangoEngine {
  /** The texts are Django's signed ones. */
  readonly format = "signed";
  /** Whether dates are UTC. */
  readonly useTz: boolean;
  readonly #table: Table;
  readonly #writes: Writes<TableStatements>;
  readonly #timeout: number;
  #owned: SqliteDatabase | undefined;
  #closing: Promise<void> | undefined;

  /**
   * A store over a database of `bun:sqlite` or `node:sqlite` that is already open, and that `close` leaves open. The connection is set to
   * no busy wait in the driver. While its owner has a transaction open on it, writes wait.
   *
   * @throws {TypeError} @throws {RangeError} If `database` is none, or an option is wrong.
   * @throws {SessionError} `ERR_STORE` if there is no such table, or one with other columns; `ERR_DAMAGED` for a damaged
   * database. A busy one is tried again at the first call.
   */
  constructor(database: SqliteDatabase, options?: DjangoDbStoreOptions) {
    const { useTz, timeout, table } = readOptions(options);
    if (!isDatabase(database)) {
      throw new TypeError(
        "Expected an open database of bun:sqlite or node:sqlite; for a path use DjangoDbStore.open()",
      );
    }
    this.useTz = useTz;
    this.#timeout = timeout * 1000;
    this.#table = new Table(database, table);
    this.#writes = new Writes(this.#table, this.#timeout);
    try {
      void this.#table.statements;
    } catch (error) {
      if (!isBusy(error)) throw troubleOf(error, "read");
    }
  }

  /**
   * Opens the site's database, a file that exists.
   *
   * @throws {TypeError} @throws {RangeError} If `path` is no string, or an option is wrong.
   * @throws {SessionError} `ERR_STORE` if the file is missing, cannot be opened or stays busy, if it has no such table, or one with
   * other columns; `ERR_DAMAGED` if it is damaged or no database.
   */
  static async open(path: string, options?: DjangoDbStoreOptions): Promise<DjangoDbStore> {
    if (typeof path !== "string") throw new TypeError(`"path" must be a string: received ${typeof path}`);
    readOptions(options);
    if (path !== ":memory:") demandFile(path);
    const database = await openDatabase(path);
    try {
      const store = new DjangoDbStore(database, options);
      await store.#read(() => {});
      store.#owned = database;
      return store;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** The row under a key, expired or not. @throws {SessionError} `ERR_STORE`; `ERR_DAMAGED` for a row that is none. */
  load(key: string): MaybePromise<DjangoRow | undefined> {
    return this.#read(({ load }) => {
      const row = (load.get(key) ?? undefined) as Record<string, unknown> | undefined; // Bun says null
      return row && this.#row(row);
    });
  }

  #row({ session_data: text, expire_date: date }: Record<string, unknown>): DjangoRow {
    const expiresAt = typeof date === "string" ? readDate(date, this.useTz) : undefined;
    if (typeof text === "string" && expiresAt !== undefined) return { text, expiresAt };
    throw new SessionError("ERR_DAMAGED", "A row of the session table is not one that Django writes");
  }

  /** Inserts a row; `false`: the key is taken. @throws {SessionError} `ERR_STORE`. */
  create(key: string, { text, expiresAt }: DjangoRow): Promise<boolean> {
    return this.#writes.add(({ create }) => create.run(text, this.#date(expiresAt), key).changes > 0);
  }

  /** Replaces the row whose text is still `was`; `false`: another text, or gone. @throws {SessionError} `ERR_STORE`. */
  replace(key: string, { text, expiresAt }: DjangoRow, was: string): Promise<boolean> {
    return this.#writes.add(({ replace }) => replace.run(text, this.#date(expiresAt), key, was).changes > 0);
  }

  /**
   * Moves a session whose text is still `was` to a new key in one transaction; `false`: another text, or gone, or the new key is
   * taken, and nothing changed. @throws {SessionError} `ERR_STORE`.
   */
  rotate(oldKey: string, newKey: string, { text, expiresAt }: DjangoRow, was: string): Promise<boolean> {
    return this.#writes.add((statements) => {
      if (oldKey === newKey || !statements.has.get(oldKey, was)) return false;
      if (!statements.create.run(text, this.#date(expiresAt), newKey).changes) return false;
      return statements.delete.run(oldKey).changes > 0;
    });
  }

  /** Removes the row; whether there was one. @throws {SessionError} `ERR_STORE`. */
  delete(key: string): Promise<boolean> {
    return this.#writes.add((statements) => statements.delete.run(key).changes > 0);
  }

  /** Removes at most `limit` rows that ended before `now` (ms); the number removed. @throws {SessionError} `ERR_STORE`. */
  clearExpired(now: number, limit: number): Promise<number> {
    const rows = Math.max(0, Math.min(limit, Number.MAX_SAFE_INTEGER));
    return this.#writes.add(({ clear }) => Number(clear.run(this.#date(now), rows).changes));
  }

  /** Finishes the writes that wait, then closes what `open` opened. May be called twice. */
  close(): Promise<void> {
    return this.#closing ??= this.#finish();
  }

  /** As {@linkcode DjangoDbStore.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #finish(): Promise<void> {
    await this.#writes.close();
    this.#table.release();
    this.#owned?.close();
  }

  #date(at: number | undefined): string {
    return toColumn(at!, this.useTz);
  }

  #read<T>(query: (statements: TableStatements) => T): MaybePromise<T> {
    try {
      if (this.#closing) throw closed();
      return query(this.#table.statements);
    } catch (error) {
      if (isBusy(error)) return this.#readLater(query);
      throw troubleOf(error, "read");
    }
  }

  async #readLater<T>(query: (statements: TableStatements) => T): Promise<T> {
    const deadline = performance.now() + this.#timeout;
    for (let attempt = 0;; attempt++) {
      await setTimeout(Math.max(0, Math.min(backoff(attempt), deadline - performance.now())));
      try {
        if (this.#closing) throw closed();
        return query(this.#table.statements);
      } catch (error) {
        if (!isBusy(error) || performance.now() >= deadline) throw troubleOf(error, "read");
      }
    }
  }
}

/** The driver would make an empty file where there is none. */
function demandFile(path: string): void {
  try {
    if (statSync(path).isFile()) return;
  } catch (cause) {
    throw new SessionError("ERR_STORE", "The site's database cannot be opened: there is no such file", {
      cause,
    });
  }
  throw new SessionError("ERR_STORE", "The site's database cannot be opened: it is no file");
}
