/** Caches rows that were recently read or written, until another connection writes to the database. */
import { BoundedCache } from "../../src/bounded_cache.ts";
import type { StoredRecord } from "../../src/store.ts";
import type { SqliteStatement } from "./database.ts";

/** Bytes per generation of the cache: 2,048 rows, or fewer long ones. */
const remembered = 8 * 1024 * 1024;
/** Rows with more text than this are not cached. */
const longest = 4096;

/** The text columns of a row, which can be long. */
const textOf = ({ data, head, userId }: StoredRecord) =>
  data.length + (head?.length ?? 0) + (userId?.length ?? 0);
/** The size in bytes: one or two for each character, and an allowance for the rest of the row. */
const weigh = (_key: string, record: StoredRecord) => Math.max(4096, 2 * textOf(record));

/** Counts the commits of all stores in this process: `data_version` shows a connection only the commits of others. */
let commits = 0;

/** Notifies every store of this process of a commit. */
export function committed(): void {
  commits++;
}

/**
 * Rows by key. Before it returns one, it asks SQLite whether another connection has committed since (`PRAGMA data_version`), once for
 * all reads of one turn of the event loop.
 */
export class RowMemory {
  #rows = new BoundedCache(remembered, weigh);
  #dataVersion: unknown;
  #commits = commits;
  #turn = -1;

  /** The row under `key`, if it is cached and current; `turn` is the number of this turn of the event loop. */
  get(key: string, dataVersion: SqliteStatement, turn: number): StoredRecord | undefined {
    if (this.#turn !== turn || this.#commits !== commits) this.#check(dataVersion, turn);
    return this.#rows.get(key);
  }

  #check(statement: SqliteStatement, turn: number): void {
    const now = (statement.get() as { data_version: unknown }).data_version;
    if (now !== this.#dataVersion) this.clear();
    this.#dataVersion = now;
    this.#commits = commits;
    this.#turn = turn;
  }

  /** Keeps a row that this connection has just read or committed. */
  set(key: string, record: StoredRecord): void {
    if (textOf(record) <= longest) this.#rows.set(key, record);
    else this.#rows.delete(key);
  }

  /** Drops a row that this connection has just changed or removed. */
  delete(key: string): void {
    this.#rows.delete(key);
  }

  /** Drops all rows. */
  clear(): void {
    this.#rows = new BoundedCache(remembered, weigh);
  }
}
