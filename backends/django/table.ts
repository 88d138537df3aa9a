/** A connection to the database of a Django site, with the statements on its table of sessions. Nothing but rows is ever changed. */

import { SessionError } from "../../src/errors.ts";
import { inTransaction, type SqliteDatabase, type SqliteStatement } from "../sqlite/database.ts";
import { occupied } from "../sqlite/trouble.ts";
import type { Transactions } from "../sqlite/writes.ts";

function sqlOf(table: string) {
  return {
    begin: "BEGIN IMMEDIATE",
    commit: "COMMIT",
    rollback: "ROLLBACK",
    load: `SELECT session_data, expire_date FROM ${table} WHERE session_key = ?`,
    create: `INSERT INTO ${table} (session_data, expire_date, session_key) VALUES (?, ?, ?)
      ON CONFLICT DO NOTHING`,
    replace:
      `UPDATE ${table} SET session_data = ?, expire_date = ? WHERE session_key = ? AND session_data = ?`,
    has: `SELECT 1 FROM ${table} WHERE session_key = ? AND session_data = ?`,
    delete: `DELETE FROM ${table} WHERE session_key = ?`,
    clear: `DELETE FROM ${table} WHERE session_key IN
      (SELECT session_key FROM ${table} WHERE expire_date < ? ORDER BY expire_date LIMIT ?)`,
  };
}

/** The prepared statements, by name. */
export type TableStatements = Record<keyof ReturnType<typeof sqlOf>, SqliteStatement>;

const columns = ["session_key", "session_data", "expire_date"];

/** A connection that is made ready at its first use, because that may find the database busy. */
export class Table implements Transactions<TableStatements> {
  readonly #database: SqliteDatabase;
  readonly #name: string;
  #statements: TableStatements | undefined;

  constructor(database: SqliteDatabase, name: string) {
    this.#database = database;
    this.#name = name;
  }

  /** The statements. @throws {SessionError} `ERR_STORE` if the table is missing or another. */
  get statements(): TableStatements {
    if (this.#statements) return this.#statements;
    this.#once("PRAGMA busy_timeout = 0");
    this.#check();
    const statements: Partial<TableStatements> = {};
    for (const [name, sql] of Object.entries(sqlOf(`"${this.#name}"`))) {
      statements[name as keyof TableStatements] = this.#database.prepare(sql);
    }
    return this.#statements = statements as TableStatements;
  }

  /** Does all of `work` in one transaction, or nothing of it. */
  transaction(work: (statements: TableStatements) => void): void {
    if (inTransaction(this.#database)) throw occupied();
    const { statements } = this;
    statements.begin.run();
    try {
      work(statements);
      statements.commit.run();
    } catch (error) {
      if (inTransaction(this.#database)) statements.rollback.run();
      throw error;
    }
  }

  /** Releases the statements. */
  release(): void {
    for (const statement of Object.values(this.#statements ?? {})) statement.finalize?.();
  }

  #check(): void {
    const found = this.#once(
      `SELECT name, "notnull", dflt_value, pk FROM pragma_table_info('${this.#name}')`,
    ) as { name: string; notnull: number; dflt_value: unknown; pk: number }[];
    if (found.length === 0) {
      throw new SessionError(
        "ERR_STORE",
        `There is no table "${this.#name}" in this database: is it the site's? (manage.py migrate sessions makes the table)`,
      );
    }
    const missing = columns.filter((column) => !found.some(({ name }) => name === column));
    const isKeyed = found.every(({ name, pk }) => Boolean(Number(pk)) === (name === "session_key"));
    // A site's own model may have more columns; rows can be added as long as those may be empty.
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
  }

  #once(sql: string): unknown[] {
    const statement = this.#database.prepare(sql);
    try {
      return statement.all();
    } finally {
      statement.finalize?.();
    }
  }
}
