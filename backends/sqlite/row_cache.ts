/** The rows read or written lately, for as long as nobody else has written to the database. */
import { BoundedCache } from "../../src/bounded_cache.ts";
import type { StoredRecord } from "../../src/store.ts";
import type { SqliteStatement } from "./database.ts";

/** Bytes per generation of the memory: 2,048 rows, or fewer of long ones. */
const remembered = 8 * 1024 * 1024;
/** Rows with more text than this are read anew each time. */
const longest = 4096;

/** The text of a row that can be long. */
const textOf = ({ data, head, userId }: StoredRecord) =>
  data.length + (head?.length ?? 0) + (userId?.length ?? 0);
/** In bytes. A character takes one or two, and what else belongs to a row more than nothing. */
const weigh = (_key: string, record: StoredRecord) => Math.max(4096, 2 * textOf(record));

/** How often a store of this process has committed: SQLite tells a connection only of the commits of others. */
let commits = 0;

/** Tells every store of this process that one of them has committed. */
export function committed(): void {
  commits++;
}

/**
 * Rows by key. Before it gives one away it asks SQLite whether another connection has committed since (`PRAGMA data_version`),
 * once for all reads of one turn of the event loop.
 */
export class RowMemory {
  #rows = new BoundedCache(remembered, weigh);
  #dataVersion: unknown;
  #commits = commits;
  #turn = -1;

  /** The row under `key`, if it is known and still what the database holds; `turn` is the number of this turn of the event loop. */
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

  /** What this connection has just read, or committed. */
  set(key: string, record: StoredRecord): void {
    if (textOf(record) <= longest) this.#rows.set(key, record);
    else this.#rows.delete(key);
  }

  /** This connection has just changed or removed the row. */
  delete(key: string): void {
    this.#rows.delete(key);
  }

  /** Nothing is known any more. */
  clear(): void {
    this.#rows = new BoundedCache(remembered, weigh);
  }
}
