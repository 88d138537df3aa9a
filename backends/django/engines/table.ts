/** The statements on the session table of a Django site's database. Only rows are changed. */

import { SessionError } from "../../../src/errors.ts";
import type { SqliteDatabase } from "../../sqlite/database.ts";
import { type Prepared, ReadyConnection } from "../../sqlite/ready.ts";

function sqlOf(table: string) {
  const old = `session_key IN
      (SELECT session_key FROM ${table} WHERE expire_date < ? AND session_data <> '' ORDER BY expire_date LIMIT ?)`;
  return {
    load: `SELECT session_data, expire_date FROM ${table} WHERE session_key = ? AND session_data <> ''`,
    create: `INSERT INTO ${table} (session_data, expire_date, session_key) VALUES (?, ?, ?)
      ON CONFLICT DO NOTHING`,
    replace:
      `UPDATE ${table} SET session_data = ?, expire_date = ? WHERE session_key = ? AND session_data = ?`,
    rotate: `UPDATE OR IGNORE ${table} SET session_key = ?, session_data = ?, expire_date = ?
      WHERE session_key = ? AND session_data = ?`,
    delete: `DELETE FROM ${table} WHERE session_key = ? AND session_data <> ''`,
    clear: `DELETE FROM ${table} WHERE ${old}`,
    // For rows that other tables refer to
    empty:
      `UPDATE ${table} SET session_data = '', expire_date = ? WHERE session_key = ? AND session_data <> ''`,
    emptyOld: `UPDATE ${table} SET session_data = '' WHERE ${old}`,
  };
}

type Name = keyof ReturnType<typeof sqlOf>;

/** The prepared statements, by name. */
export type TableStatements = Prepared<Name>;

const columns = ["session_key", "session_data", "expire_date"];

/** A connection to the database of a Django site. */
export class Table extends ReadyConnection<Name> {
  readonly #name: string;
  #copy = "";

  constructor(database: SqliteDatabase, name: string) {
    super(database, sqlOf(`"${name}"`));
    this.#name = name;
  }

  /** @throws {SessionError} If the table is missing or has other columns (`ERR_STORE`). */
  protected override makeReady(): void {
    this.once("PRAGMA busy_timeout = 0");
    // Only one of the two drivers does this by itself; Django always does
    this.once("PRAGMA foreign_keys = ON");
    this.#check();
  }

  /** Adds a copy of a row under another key. Returns whether that was possible. */
  copy(key: string, text: string, date: string, from: string, was: string): boolean {
    return this.once(this.#copy, key, text, date, from, was).length > 0;
  }

  #check(): void {
    const found = this.once(
      `SELECT name, "notnull", dflt_value, pk FROM pragma_table_info('${this.#name}')`,
    ) as { name: string; notnull: number; dflt_value: unknown; pk: number }[];
    if (found.length === 0) {
      throw new SessionError(
        "ERR_STORE",
        `There is no table "${this.#name}" in this database: is it the site's? (manage.py migrate sessions creates the table)`,
      );
    }
    const missing = columns.filter((column) => !found.some(({ name }) => name === column));
    const isKeyed = found.every(({ name, pk }) => Boolean(Number(pk)) === (name === "session_key"));
    // A site's own model may have more columns; rows can be added as long as those are optional.
    const isInTheWay = found.some(({ name, notnull, dflt_value }) =>
      !columns.includes(name) && Boolean(Number(notnull)) && dflt_value === null
    );
    if (missing.length > 0 || !isKeyed || isInTheWay) {
      throw new SessionError(
        "ERR_STORE",
        `The table "${this.#name}" has not the columns of Django's sessions: ${
          columns.join(", ")
        }, the first one as primary key`,
      );
    }
    const others = found.filter(({ name }) => !columns.includes(name))
      .map(({ name }) => `, "${name.replaceAll('"', '""')}"`).join("");
    this.#copy =
      `INSERT INTO "${this.#name}" (${columns}${others}) SELECT ?, ?, ?${others} FROM "${this.#name}"
      WHERE session_key = ? AND session_data = ? ON CONFLICT DO NOTHING RETURNING 1`;
  }
}
