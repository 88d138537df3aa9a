/**
 * Sessions in an SQLite file, through the driver that the runtime brings along: `bun:sqlite` on Bun, `node:sqlite` on
 * Deno and Node.
 *
 * @module
 */
import { handlesAll } from "../src/handled.ts";
import { checkInstant, checkInstants, checkMoment } from "../src/instants.ts";
import type {
  CountableStore,
  IndexedRecord,
  MaybePromise,
  SessionRecord,
  SessionStore,
  StoredRecord,
  StoreStats,
} from "../src/store.ts";
import { instantsSum } from "./checksum.ts";
import { Connection, type Statements } from "./sqlite/connection.ts";
import { isDatabase, openDatabase, type SqliteDatabase, type SqliteStatement } from "./sqlite/database.ts";
import { readOptions, type SqliteStoreOptions } from "./sqlite/options.ts";
import { committed, RowMemory } from "./sqlite/row_memory.ts";
import { type Columns, readRow, readVersion, toColumn, toColumns, toStored } from "./sqlite/rows.ts";
import { isBusy, troubleOf } from "./sqlite/trouble.ts";
import { Reads } from "./sqlite/reads.ts";
import { Writes } from "./sqlite/writes.ts";
import { pause, Tally } from "./tally.ts";

export type {
  CountableStore,
  IndexedRecord,
  MaybePromise,
  SessionRecord,
  SessionStore,
  StoredRecord,
  StoreStats,
};
export type { SqliteDatabase, SqliteStatement, SqliteStoreOptions };

/** How many rows are counted in one step: with their data, so they are few. */
const rowsPerPage = 20;

/**
 * A store that keeps its records in one table of an SQLite database.
 *
 * Writes that arrive in the same turn of the event loop share one transaction, and each is acknowledged only after its
 * commit. Both drivers are synchronous, so the store never lets them wait: a busy database is tried again from a timer
 * until `timeout` has passed. Several processes, of both runtimes, may share one file.
 *
 * Trouble is a `SessionError` with the driver's error as its `cause`: `ERR_STORE` for a database that is busy, full, read-only, failing,
 * or found damaged while it serves, and within two seconds for a file that was removed or replaced below it; `ERR_DAMAGED` for a database
 * that is damaged when it is opened, and for a record that is not, bit for bit, what was written under its key. The store never deletes,
 * recreates or truncates the file.
 *
 * @example
 * ```ts
 * import { SqliteStore } from "@sojourn/session/sqlite";
 * import assert from "node:assert/strict";
 *
 * await using store = await SqliteStore.open(":memory:");
 * const key = "ab".repeat(32);
 * const record = { data: "{}", createdAt: 0, touchedAt: 0, expiresAt: Date.now() + 60_000 };
 *
 * const version = await store.create(key, record);
 * assert.deepEqual(await store.load(key), { ...record, version });
 * assert.equal(await store.create(key, record), undefined); // the key is taken
 * ```
 */
export class SqliteStore implements CountableStore {
  readonly #connection: Connection;
  readonly #reads: Reads;
  readonly #writes: Writes;
  /** Absent over a connection of somebody else's, who may write through it without our knowing. */
  #rows: RowMemory | undefined;
  readonly #now: () => number;
  /** Random, so that versions differ between processes and between runs; then a counter. */
  readonly #versionPrefix = crypto.getRandomValues(new BigUint64Array(1))[0]!.toString(36);
  #versions = 0;
  #owned: SqliteDatabase | undefined;
  #closing: Promise<void> | undefined;

  /**
   * A store over a database that is already open, and that `close` leaves open.
   *
   * The connection is set to write-ahead logging, to `synchronous`, and to no busy wait in the driver; the table is made
   * if need be. While its owner has a transaction open on it, the store's writes wait: they never join it. Where handlers keep
   * transactions open across an `await`, give the store a connection of its own.
   *
   * @throws {TypeError} If `database` is none, or reads rows as arrays, or an option is of the wrong kind.
   * @throws {RangeError} If `timeout` is not positive, or over 86,400.
   * @throws {SessionError} If the database cannot be used: `ERR_STORE`, also when the table has other columns;
   * `ERR_DAMAGED` when the database is damaged. A busy one is tried again at the first call.
   */
  constructor(database: SqliteDatabase, options?: SqliteStoreOptions) {
    const settings = readOptions(options);
    if (!isDatabase(database)) {
      throw new TypeError(
        "Expected an open database of bun:sqlite or node:sqlite; for a path use SqliteStore.open()",
      );
    }
    this.#connection = new Connection(database, settings);
    this.#now = settings.now;
    const timeout = settings.timeout * 1000;
    this.#reads = new Reads(this.#connection, timeout);
    this.#writes = new Writes(this.#connection, timeout, () => this.#rows?.clear());
    try {
      void this.#connection.statements;
    } catch (error) {
      if (!isBusy(error)) throw troubleOf(error, "open");
    }
  }

  /**
   * Opens a file, and makes it, readable by its owner alone, if there is none. The folder must exist. `":memory:"` is a
   * database that ends with the store.
   *
   * @throws {TypeError} If `path` is no string, or an option is of the wrong kind.
   * @throws {RangeError} If `timeout` is not positive, or over 86,400.
   * @throws {SessionError} If the file cannot be opened, stays busy for `timeout`, or has a table of that name with other
   * columns: `ERR_STORE`. If it is damaged or no database: `ERR_DAMAGED`.
   */
  static async open(path: string, options?: SqliteStoreOptions): Promise<SqliteStore> {
    if (typeof path !== "string") throw new TypeError(`"path" must be a string: received ${typeof path}`);
    readOptions(options);
    const database = await openDatabase(path);
    try {
      const store = new SqliteStore(database, options);
      await store.#reads.run(() => {}, "open");
      store.#owned = database;
      store.#rows = new RowMemory();
      return store;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /**
   * The record under `key`, or `undefined`. A plain value; a promise only while the database is busy.
   *
   * @throws {SessionError} If the record is damaged (`ERR_DAMAGED`), or the database cannot be read (`ERR_STORE`).
   */
  load(key: string): MaybePromise<StoredRecord | undefined> {
    return this.#reads.run(({ load, dataVersion }) => {
      const known = this.#rows?.get(key, dataVersion, this.#connection.turn);
      if (known !== undefined) return known;
      const row = load.get(key) ?? undefined; // Bun says null
      if (row === undefined) return undefined;
      const record = readRow(key, row);
      this.#rows?.set(key, record);
      return record;
    });
  }

  /**
   * Inserts a record, only if the key is free or its record expired, and answers its version; `undefined`: taken.
   *
   * @throws {SessionError} If the database cannot be written within the time limit (`ERR_STORE`).
   */
  create(key: string, record: SessionRecord): MaybePromise<string | undefined> {
    checkInstants(record);
    const columns = toColumns(key, record, this.#nextVersion());
    return this.#writes.add(
      (statements) => this.#insert(statements, key, columns),
      (version) => this.#learn(key, record, version),
    );
  }

  /**
   * Replaces the record if it still has `version`, and answers the new version; `undefined`: another version, or gone.
   *
   * @throws {SessionError} If the database cannot be written within the time limit (`ERR_STORE`).
   */
  save(key: string, record: SessionRecord, version: string): MaybePromise<string | undefined> {
    checkInstants(record);
    const next = this.#nextVersion();
    const columns = toColumns(key, record, next);
    const [data, , dataSum, recordSum, ...others] = columns;
    return this.#writes.add(({ saveData, save }) => {
      const saved = saveData.run(data, next, dataSum, recordSum, key, version, ...others).changes ||
        save.run(...columns, key, version).changes;
      return saved ? next : undefined;
    }, (version) => this.#learn(key, record, version));
  }

  /**
   * Moves a session to a new key, with new content, in one transaction; the old key is dead afterwards. Answers the new
   * version; `undefined`: the old record is gone or has another version, or the new key is taken, and nothing changed.
   *
   * @throws {SessionError} If the database cannot be written within the time limit (`ERR_STORE`).
   */
  async rotate(
    oldKey: string,
    newKey: string,
    record: SessionRecord,
    version: string,
  ): Promise<string | undefined> {
    checkInstants(record);
    const columns = toColumns(newKey, record, this.#nextVersion());
    return await this.#writes.queue((statements) => {
      if (oldKey === newKey || !statements.has.get(oldKey, version)) return undefined;
      const next = this.#insert(statements, newKey, columns);
      if (next !== undefined) statements.delete.run(oldKey);
      return next;
    }, (version) => {
      this.#learn(oldKey);
      this.#learn(newKey, record, version);
    });
  }

  /**
   * Removes the record, a damaged one too; whether there was one.
   *
   * @throws {SessionError} If the database cannot be written within the time limit (`ERR_STORE`).
   */
  delete(key: string): MaybePromise<boolean> {
    return this.#writes.add(
      (statements) => statements.delete.run(key).changes > 0,
      () => this.#learn(key),
    );
  }

  /**
   * Moves `touchedAt` and `expiresAt` (ms since the epoch) of a record that exists; whether there was one.
   *
   * @throws {SessionError} If the database cannot be written within the time limit (`ERR_STORE`).
   */
  touch(key: string, touchedAt: number, expiresAt: number): MaybePromise<boolean> {
    checkInstant("touchedAt", touchedAt);
    checkInstant("expiresAt", expiresAt);
    const sum = instantsSum(key, touchedAt, expiresAt);
    return this.#writes.add(
      ({ touch }) => touch.run(touchedAt, expiresAt, sum, key).changes > 0,
      () => this.#learn(key),
    );
  }

  /**
   * Removes at most `limit` records that expired at or before `now` (ms since the epoch); the number removed.
   *
   * @throws {SessionError} If the database cannot be written within the time limit (`ERR_STORE`).
   */
  clearExpired(now: number, limit: number): MaybePromise<number> {
    now = checkMoment("now", now);
    const rows = Math.max(0, Math.min(limit, Number.MAX_SAFE_INTEGER));
    return this.#writes.add(
      ({ clear }) => Number(clear.run(now, rows, now).changes),
      (removed) => {
        committed();
        if (removed > 0) this.#rows?.clear();
      },
    );
  }

  /**
   * The records of one user, at a cost that does not grow with other users' records. Rows that are damaged are left out,
   * so that they do not stand between a user and the rest.
   *
   * @throws {SessionError} If the database cannot be read (`ERR_STORE`).
   */
  list(userId: string): MaybePromise<readonly IndexedRecord[]> {
    return this.#reads.run(({ list }) =>
      list.all(toColumn(userId)).flatMap((row) => {
        const { key } = row as { key: string };
        const stored = legible(key, row);
        if (stored === undefined || stored.userId !== userId) return [];
        const { version: _, ...record } = stored;
        return [{ key, record }];
      })
    );
  }

  /**
   * The version of the record under `key`, or `undefined`: for a fraction of a `load`, as neither data nor index is read.
   *
   * @throws {SessionError} If the record is damaged (`ERR_DAMAGED`), or the database cannot be read (`ERR_STORE`).
   */
  version(key: string): MaybePromise<string | undefined> {
    return this.#reads.run(({ version, dataVersion }) => {
      const known = this.#rows?.get(key, dataVersion, this.#connection.turn);
      if (known !== undefined) return known.version;
      const row = version.get(key) ?? undefined; // Bun says null
      return row && readVersion(row);
    });
  }

  /**
   * Reads and counts all records, a few at a time; `bounds` are ages in ms, ascending.
   *
   * @throws {SessionError} If the database cannot be read (`ERR_STORE`).
   */
  async stats(now: number, bounds: readonly number[]): Promise<StoreStats> {
    const tally = new Tally(now, bounds);
    for (let last: string | undefined = ""; last !== undefined; await pause()) {
      const from: string = last;
      const rows = await this.#reads.run(({ page }) => page.all(from, rowsPerPage)) as { key: string }[];
      for (const row of rows) {
        const record = legible(row.key, row);
        if (record === undefined) tally.addDamaged();
        else tally.add(record.createdAt, record.expiresAt, Buffer.byteLength(record.data));
      }
      // In a damaged index keys may lie out of order, and the way must never lead back.
      last = rows.findLast(({ key }) => key > from)?.key;
    }
    return tally.stats;
  }

  /** Finishes the writes that wait, then closes what `open` opened. Calls after that are `ERR_STORE`. May be called twice. */
  close(): Promise<void> {
    return this.#closing ??= this.#finish();
  }

  /** As {@linkcode SqliteStore.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #finish(): Promise<void> {
    this.#reads.close();
    await this.#writes.close();
    this.#connection.release();
    this.#owned?.close();
  }

  #insert({ create }: Statements, key: string, columns: Columns): string | undefined {
    return create.run(...columns, key, this.#now()).changes ? columns[1] : undefined;
  }

  /** After a commit: what is now under a key, as far as that is known. */
  #learn(key: string, record?: SessionRecord, version?: string): void {
    committed();
    if (record === undefined || version === undefined) this.#rows?.delete(key);
    else this.#rows?.set(key, toStored(record, version));
  }

  #nextVersion(): string {
    return `${this.#versionPrefix}-${(++this.#versions).toString(36)}`;
  }
}

handlesAll(SqliteStore);
/** The record in a row; `undefined` for one that is damaged. */
function legible(key: string, row: unknown): StoredRecord | undefined {
  try {
    return readRow(key, row);
  } catch {
    return undefined;
  }
}
