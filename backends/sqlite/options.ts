/** Every option of the SQLite store, its default, and its validation. */

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

const defaults: Required<SqliteStoreOptions> = {
  synchronous: "FULL",
  timeout: 2,
  table: "sojourn_session",
  now: () => Date.now(),
};

/** The options with their defaults. */
export function readOptions(given: SqliteStoreOptions = {}): Required<SqliteStoreOptions> {
  const options = { ...defaults };
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaults, name)) throw new TypeError(`"${name}" is not an option of SqliteStore`);
    if (value !== undefined) Object.assign(options, { [name]: value });
  }
  const { synchronous, timeout, table, now } = options;
  if (synchronous !== "FULL" && synchronous !== "NORMAL") {
    throw new TypeError(`"synchronous" must be "FULL" or "NORMAL": received ${String(synchronous)}`);
  }
  if (!Number.isFinite(timeout) || timeout <= 0 || timeout > 86_400) {
    throw new RangeError(
      `"timeout" must be a positive number of seconds up to 86400: received ${String(timeout)}`,
    );
  }
  if (typeof table !== "string" || !/^(?!sqlite_)[a-z_][a-z0-9_]{0,63}$/i.test(table)) {
    throw new TypeError(
      `"table" must be a name of letters, digits and underscores: received ${String(table)}`,
    );
  }
  if (typeof now !== "function") throw new TypeError(`"now" must be a function: received ${typeof now}`);
  return options;
}
