/** The settings, the table and the statements of the store's connection. */
import { SessionError } from "../../src/errors.ts";
import type { SqliteDatabase } from "./database.ts";
import type { SqliteStoreOptions } from "./options.ts";
import { type Prepared, ReadyConnection } from "./ready.ts";

const columns = [
  "key TEXT NOT NULL PRIMARY KEY",
  "version TEXT NOT NULL",
  "user_id TEXT",
  "created_at INTEGER NOT NULL",
  "touched_at INTEGER NOT NULL",
  "expires_at INTEGER NOT NULL",
  "data_sum INTEGER NOT NULL",
  "record_sum INTEGER NOT NULL",
  "instants_sum INTEGER NOT NULL",
  "head TEXT",
  // Last, so that the columns before it can be read without it.
  "data TEXT NOT NULL",
];
const names = columns.map((column) => column.split(" ")[0]!);

/** Columns of many rows. Invalid numbers become null: one too large for the driver would fail a whole page of rows. */
function many(wanted: readonly string[]): string {
  const largest = Number.MAX_SAFE_INTEGER;
  return wanted.map((name) => {
    if (columns[names.indexOf(name)]!.split(" ")[1] === "TEXT") return name;
    const isOurs = `typeof(${name}) IN ('integer', 'real') AND ${name} BETWEEN -${largest} AND ${largest}`;
    return `iif(${isOurs}, ${name}, NULL) AS ${name}`;
  }).join(", ");
}

function sqlOf(table: string) {
  return {
    load: `SELECT ${names.slice(1).join(", ")} FROM ${table} WHERE key = ?`,
    version: `SELECT version FROM ${table} WHERE key = ?`,
    create: `INSERT INTO ${table}
      (data, version, head, data_sum, record_sum, user_id, created_at, touched_at, expires_at, instants_sum, key)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET
      ${
      names.slice(1).map((name) => `${name} = excluded.${name}`).join(", ")
    } WHERE ${table}.expires_at <= ?`,
    // An UPDATE rewrites the indexes of the columns it names, so the usual save names none of them.
    saveData:
      `UPDATE ${table} SET data = ?, version = ?, head = ?, data_sum = ?, record_sum = ? WHERE key = ? AND version = ?
      AND user_id IS ? AND created_at = ? AND touched_at = ? AND expires_at = ? AND instants_sum = ?`,
    save: `UPDATE ${table} SET data = ?, version = ?, head = ?, data_sum = ?, record_sum = ?,
      user_id = ?, created_at = ?, touched_at = ?, expires_at = ?, instants_sum = ? WHERE key = ? AND version = ?`,
    delete: `DELETE FROM ${table} WHERE key = ?`,
    touch: `UPDATE ${table} SET touched_at = ?, expires_at = ?, instants_sum = ? WHERE key = ? AND version = ?
      AND touched_at = ? AND expires_at = ? AND instants_sum = ?`,
    instants: `SELECT ${
      many(["touched_at", "expires_at", "instants_sum"])
    } FROM ${table} WHERE key = ? AND version = ?`,
    // The row decides: an index that is damaged does not end a session.
    clear: `DELETE FROM ${table} WHERE key IN
      (SELECT key FROM ${table} WHERE expires_at <= ? ORDER BY expires_at LIMIT ?) AND +expires_at <= ?`,
    dataVersion: "PRAGMA data_version",
    list: `SELECT ${
      many(names.slice(0, -1))
    } FROM ${table} WHERE user_id = ? AND key > ? ORDER BY key LIMIT ?`,
    page: `SELECT ${many(names)} FROM ${table} WHERE key > ? AND key < 'g' ORDER BY key LIMIT ?`,
  };
}

/** The names of the store's statements. */
type Name = keyof ReturnType<typeof sqlOf>;

/** The prepared statements, by name. */
export type Statements = Prepared<Name>;

/** One connection with the store's settings, its table, and its statements. */
export class Connection extends ReadyConnection<Name> {
  readonly #options: Required<SqliteStoreOptions>;

  constructor(database: SqliteDatabase, options: Required<SqliteStoreOptions>) {
    super(database, sqlOf(`"${options.table}"`));
    this.#options = options;
  }

  protected override makeReady(): void {
    this.once("PRAGMA busy_timeout = 0");
    this.once("PRAGMA journal_mode = WAL");
    this.once(`PRAGMA synchronous = ${this.#options.synchronous}`);
    this.#makeTable();
  }

  #makeTable(): void {
    const { table } = this.#options;
    const expected = columns.join();
    const found = () =>
      this.once(`SELECT name, type, "notnull", pk FROM pragma_table_info('${table}')`).map((row) => {
        const { name, type, notnull, pk } = row as Record<string, unknown>;
        return `${name} ${type}${Number(notnull) ? " NOT NULL" : ""}${Number(pk) ? " PRIMARY KEY" : ""}`;
      }).join();
    const made = found();
    if (made === "") {
      // One statement each: two processes may do this concurrently, and the second one finds it done.
      this.once(`CREATE TABLE IF NOT EXISTS "${table}" (${expected}) WITHOUT ROWID`);
    }
    if (made !== expected && found() !== expected) {
      throw new SessionError(
        "ERR_STORE",
        `The table "${table}" was not created by this release of the store`,
      );
    }
    const names = `'${table}_expires', '${table}_user'`;
    if (this.once(`SELECT name FROM pragma_index_list('${table}') WHERE name IN (${names})`).length === 2) {
      return;
    }
    this.once(`CREATE INDEX IF NOT EXISTS "${table}_expires" ON "${table}" (expires_at)`);
    this.once(
      `CREATE INDEX IF NOT EXISTS "${table}_user" ON "${table}" (user_id) WHERE user_id IS NOT NULL`,
    );
  }
}
