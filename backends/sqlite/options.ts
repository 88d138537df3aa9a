/** Every option of the SQLite store, its default, and its validation. */

import { checkOptions, type Table } from "../../src/option_checks.ts";
import * as is from "../../src/option_checks.ts";

/** How a `SqliteStore` behaves. */
export interface SqliteStoreOptions {
  /**
   * When SQLite syncs to the disk. `"FULL"`: at every commit, so an acknowledged write survives power loss. `"NORMAL"`:
   * only at checkpoints, which is several times faster; a killed process still loses nothing, but power loss may roll
   * the last commits back, a log-out among them.
   *
   * @default "FULL"
   */
  readonly synchronous?: "FULL" | "NORMAL";
  /**
   * The most that one call waits for a busy database, in seconds. The event loop runs on meanwhile.
   *
   * @default 2
   */
  readonly timeout?: number;
  /**
   * The name of the table: letters, digits and underscores, made when it does not exist.
   *
   * @default "sojourn_session"
   */
  readonly table?: string;
  /**
   * The clock that says which records `create` may replace: milliseconds since the epoch.
   *
   * @default () => Date.now()
   */
  readonly now?: () => number;
}

const isName = (name: string) => /^(?!sqlite_)[a-z_][a-z0-9_]{0,63}$/i.test(name);
const table: Table<SqliteStoreOptions> = {
  synchronous: [is.oneOf("FULL", "NORMAL"), "FULL"],
  timeout: [is.seconds, 2],
  table: [is.text("a name of at most 64 letters, digits and underscores", isName), "sojourn_session"],
  now: is.clock,
};

/** The options with their defaults. @throws {TypeError} If one is unknown or of another type. @throws {RangeError} If one is out of range. */
export function readOptions(given: SqliteStoreOptions = {}): Required<SqliteStoreOptions> {
  return checkOptions("SqliteStore", table, given);
}
