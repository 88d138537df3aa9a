/**
 * Sessions in an SQLite file, through the driver built into the runtime: `bun:sqlite` on Bun, `node:sqlite` on
 * Deno and Node.
 *
 * @module
 */
import { handlesAll } from "../src/handled.ts";
import { check } from "../src/option_checks.ts";
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
import { Connection, type Statements } from "./sqlite/connection.ts";
import { isDatabase, openDatabase, type SqliteDatabase, type SqliteStatement } from "./sqlite/database.ts";
import { readOptions, type SqliteStoreOptions } from "./sqlite/options.ts";
import { committed, RowMemory } from "./sqlite/row_cache.ts";
import {
  type Columns,
  lastAfter,
  legible,
  readRow,
  readSummary,
  readVersion,
  toColumn,
  toColumns,
  toStored,
} from "./sqlite/rows.ts";
import { isBusy, troubleOf } from "./sqlite/errors.ts";
import { Reads } from "./sqlite/reads.ts";
import { touch, touched } from "./sqlite/touch.ts";
import { Writes } from "./sqlite/group_commit.ts";
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
export type { SqliteDatabase, SqliteStatement, SqliteStoreOptions };

/** How many rows are counted in one step; few, as they are read with their data. */
const rowsPerPage = 20;

/**
 * A store that keeps its records in one table of an SQLite database.
 *
 * Writes that arrive in the same turn of the event loop share one transaction, and each is acknowledged only after its
 * commit. Both drivers are synchronous, so the store never lets them wait: a busy database is tried again from a timer
 * until `timeout` has passed. Several processes, of both runtimes, may share one file.
 *
 * Failures are a `SessionError` with the driver's error as its `cause`. `ERR_STORE`: the database is busy, full, read-only, failing, or
 * found to be damaged after it was opened, or its file was removed or replaced, which is noticed within two seconds. `ERR_DAMAGED`: the
 * database is damaged when it is opened, or a record is not exactly what was written under its key. The store never deletes, recreates or
 * truncates the file.
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
  /** Absent over a handed-in connection, through which its owner may write unnoticed. */
  #rows: RowMemory | undefined;
  readonly #now: () => number;
  /** Random, so that versions differ between processes and between runs; then a counter. */
  readonly #versionPrefix = crypto.getRandomValues(new BigUint64Array(1))[0]!.toString(36);
  #versions = 0;
  #owned: SqliteDatabase | undefined;
  #closing: Promise<void> | undefined;

  /**
   * A store over a database that is already open; `close` leaves it open.
   *
   * The connection is set to write-ahead logging, to `synchronous`, and to no busy wait in the driver; the table is created
   * if it is missing. While the owner has a transaction open on it, the store's writes wait: they never join it. Where handlers keep
   * transactions open across an `await`, give the store a connection of its own.
   *
   * @throws {TypeError} If `database` is none, or reads rows as arrays, or an option is unknown or of another type.
   * @throws {RangeError} If `timeout` is not above 0, or over a day.
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
   * Opens a file, or creates it, readable by its owner only. The folder must exist. `":memory:"` is a database that
   * lasts as long as the store.
   *
   * @throws {TypeError} If `path` is no string, or an option is unknown or of another type.
   * @throws {RangeError} If `timeout` is not above 0, or over a day.
   * @throws {SessionError} If the file cannot be opened, stays busy for `timeout`, or has a table of that name with other
   * columns (`ERR_STORE`), or if it is damaged or not a database (`ERR_DAMAGED`).
   */
  static async open(path: string, options?: SqliteStoreOptions): Promise<SqliteStore> {
    check("SqliteStore", "path", is.text("a string"), path);
    const settings = readOptions(options);
    const database = await openDatabase(path);
    try {
      const store = new SqliteStore(database, settings);
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
   * Returns the record under `key`, or `undefined`. It is a plain value, or a promise while the database is busy.
   *
   * @throws {SessionError} If the record is damaged (`ERR_DAMAGED`), or the database cannot be read (`ERR_STORE`).
   */
  load(key: string): MaybePromise<StoredRecord | undefined> {
    return this.#reads.run(({ load, dataVersion }) => {
      const known = this.#rows?.get(key, dataVersion, this.#connection.turn);
      if (known !== undefined) return known;
      const row = load.get(key) ?? undefined; // Bun returns null
      if (row === undefined) return undefined;
      const record = readRow(key, row);
      this.#rows?.set(key, record);
      return record;
    });
  }

  /**
   * Inserts a record if the key is free or its record has expired. Returns its version, or `undefined` if the key is taken.
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
   * Replaces the record if it still has `version`. Returns the new version, or `undefined` if it has another version or is gone.
   *
   * @throws {SessionError} If the database cannot be written within the time limit (`ERR_STORE`).
   */
  save(key: string, record: SessionRecord, version: string): MaybePromise<string | undefined> {
    checkInstants(record);
    const next = this.#nextVersion();
    const columns = toColumns(key, record, next);
    const [data, , head, dataSum, recordSum, ...others] = columns;
    return this.#writes.add(({ saveData, save }) => {
      const saved = saveData.run(data, next, head, dataSum, recordSum, key, version, ...others).changes ||
        save.run(...columns, key, version).changes;
      return saved ? next : undefined;
    }, (version) => this.#learn(key, record, version));
  }

  /**
   * Removes the record, even a damaged one. Returns whether there was one.
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
   * Moves `touchedAt` and `expiresAt` (ms since the epoch) forward if the record still has `version`. Returns whether it had.
   *
   * @throws {SessionError} If they are damaged, which they then stay (`ERR_DAMAGED`), or the database cannot be written within the time limit
   * (`ERR_STORE`).
   */
  touch(key: string, touchedAt: number, expiresAt: number, version: string): MaybePromise<boolean> {
    checkInstant("touchedAt", touchedAt);
    checkInstant("expiresAt", expiresAt);
    const answer = this.#writes.add(
      (statements) => touch(statements, key, touchedAt, expiresAt, version),
      () => this.#learn(key),
    );
    return answer instanceof Promise ? answer.then(touched) : touched(answer);
  }

  /**
   * Removes at most `limit` records that expired at or before `now` (ms since the epoch). Returns the number removed.
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
   * A page of one user's records, without their data, at a cost that does not grow with other users' records. Damaged rows are
   * left out, so that they do not hide a user's other sessions.
   *
   * @throws {RangeError} If `limit` is not a positive integer.
   * @throws {SessionError} If the database cannot be read (`ERR_STORE`).
   */
  list(userId: string, options: ListOptions = {}): MaybePromise<SessionPage> {
    const { after = "", limit } = checkPage(options);
    return this.#reads.run(({ list }) => {
      const rows = list.all(toColumn(userId), after, limit) as { readonly key: string }[];
      const entries = rows.flatMap((row): IndexedRecord[] => {
        const record = legible(() => readSummary(row.key, row));
        return record?.userId === userId ? [{ key: row.key, record }] : [];
      });
      const next = rows.length < limit ? undefined : lastAfter(rows, after);
      return next === undefined ? { entries } : { entries, next };
    });
  }

  /**
   * Returns the version of the record under `key`, or `undefined`. It costs a fraction of a `load`, as the data is not read.
   *
   * @throws {SessionError} If the record is damaged (`ERR_DAMAGED`), or the database cannot be read (`ERR_STORE`).
   */
  version(key: string): MaybePromise<string | undefined> {
    return this.#reads.run(({ version, dataVersion }) => {
      const known = this.#rows?.get(key, dataVersion, this.#connection.turn);
      if (known !== undefined) return known.version;
      const row = version.get(key) ?? undefined; // Bun returns null
      return row && readVersion(row);
    });
  }

  /**
   * Reads and counts all records, a few at a time; `bounds` are ages in ms, ascending.
   *
   * @throws {SessionError} If the database cannot be read (`ERR_STORE`).
   */
  async stats(now: number, bounds: readonly number[]): Promise<StoreStats> {
    const tally = new StatsCounter(now, bounds);
    for (let last: string | undefined = ""; last !== undefined; await pause()) {
      const from: string = last;
      const rows = await this.#reads.run(({ page }) => page.all(from, rowsPerPage)) as { key: string }[];
      let before = from;
      for (const row of rows) {
        // Damage may lead through the same page of the file twice: what is out of order was counted, or will be.
        const isInOrder = row.key > before;
        before = row.key > before ? row.key : before;
        const record = isInOrder ? legible(() => readRow(row.key, row)) : undefined;
        if (record === undefined) tally.addDamaged();
        else tally.add(record.createdAt, record.expiresAt, Buffer.byteLength(record.data));
      }
      last = lastAfter(rows, from);
    }
    return tally.stats;
  }

  /** Finishes waiting writes, then closes what `open` opened. Later calls fail with `ERR_STORE`. May be called twice. */
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

  /** After a commit: updates the cache with what is now under a key, as far as that is known. */
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
