/** Django's `django_session` table in PostgreSQL, MySQL or MariaDB, over the client that the program already has. */

import { SessionError } from "../../src/errors.ts";
import { readDate, toColumn, toExpiry } from "./dates.ts";
import type { DjangoDbSettings } from "./db_options.ts";
import type { DjangoEngine, DjangoRow } from "./engine.ts";
import type { Sql, SqlAnswer } from "./sql_client.ts";
import { refusalOf } from "./sql_trouble.ts";

/** What differs between the two dialects. */
export interface Spelling {
  /** An instant (ms) as the column takes it. PostgreSQL keeps instants; MySQL has no zones. */
  write(instant: number, useTz: boolean): string;
  /** What `end` means, in ms. */
  read(text: string, useTz: boolean): number | undefined;
  /** A placeholder for the end of a row. */
  date(place: number): string;
  /** The end of a row as text. */
  readonly end: string;
  /** Exact equality, whatever the collation of the column. */
  equal(column: string, place: number): string;
  /** A key is looked up by its index first, and then compared as `equal` does. */
  key(first: number): { readonly sql: string; readonly count: number };
}

/** Both dialects. */
export const spellings: Record<Sql["dialect"], Spelling> = {
  postgresql: {
    write: (instant) => toExpiry(instant, true),
    read: (text) => Number(text),
    date: (place) => `$${place}::text::timestamptz`,
    end: "(floor(extract(epoch from expire_date) * 1000))::text",
    equal: (column, place) => `${column} = $${place}`,
    key: (first) => ({ sql: `session_key = $${first}`, count: 1 }),
  },
  mysql: {
    write: toColumn,
    read: readDate,
    date: (place) => `$${place}`,
    end: "CAST(expire_date AS CHAR)",
    equal: (column, place) => `CAST(${column} AS BINARY) = CAST($${place} AS BINARY)`,
    key: (first) => ({
      sql: `session_key = $${first} AND CAST(session_key AS BINARY) = CAST($${first + 1} AS BINARY)`,
      count: 2,
    }),
  },
};

/** See the first line of this file. Every operation is one statement, and so is atomic by itself. */
export class SqlEngine implements DjangoEngine {
  readonly format = "signed";
  readonly #sql: Sql;
  readonly #spelling: Spelling;
  readonly #table: string;
  readonly #timeout: number;
  readonly #useTz: boolean;

  constructor(sql: Sql, { table, timeout, useTz }: Pick<DjangoDbSettings, "table" | "timeout" | "useTz">) {
    this.#sql = sql;
    this.#spelling = spellings[sql.dialect];
    this.#table = sql.dialect === "mysql" ? `\`${table}\`` : `"${table}"`;
    this.#timeout = timeout;
    this.#useTz = useTz;
  }

  /** Whether the table is there, with Django's columns. @throws {SessionError} `ERR_STORE` If it is not. */
  async check(): Promise<void> {
    await this.#run(`SELECT session_key, session_data, expire_date FROM ${this.#table} WHERE 1 = 0`);
  }

  async load(key: string): Promise<DjangoRow | undefined> {
    const { sql, values } = this.#at(key, 1);
    const { rows } = await this.#run(
      `SELECT session_data AS t, ${this.#spelling.end} AS e FROM ${this.#table} WHERE ${sql}`,
      values,
    );
    const row = rows[0];
    if (row === undefined) return undefined;
    const expiresAt = this.#spelling.read(String(row["e"]), this.#useTz);
    const text = row["t"];
    if (typeof text !== "string" || !Number.isFinite(expiresAt)) {
      throw new SessionError("ERR_DAMAGED", "A row of the Django site's sessions is no session");
    }
    return { text, expiresAt: expiresAt! };
  }

  async create(key: string, row: DjangoRow): Promise<boolean> {
    const changed = await this.#write(
      `INSERT INTO ${this.#table} (session_key, session_data, expire_date) VALUES ($1, $2, ${
        this.#spelling.date(3)
      })`,
      [key, row.text, this.#end(row)],
    );
    return changed === 1;
  }

  async replace(key: string, row: DjangoRow, was: string): Promise<boolean> {
    const { sql, values } = this.#at(key, 3);
    const changed = await this.#write(
      `UPDATE ${this.#table} SET session_data = $1, expire_date = ${
        this.#spelling.date(2)
      } WHERE ${sql} AND ${this.#spelling.equal("session_data", 3 + values.length)}`,
      [row.text, this.#end(row), ...values, was],
    );
    if (changed === 1) return true;
    // Some clients of MySQL count only what became different
    return row.text === was && (await this.load(key))?.text === was;
  }

  async rotate(oldKey: string, newKey: string, row: DjangoRow, was: string): Promise<boolean> {
    const { sql, values } = this.#at(oldKey, 4);
    const changed = await this.#write(
      `UPDATE ${this.#table} SET session_key = $1, session_data = $2, expire_date = ${
        this.#spelling.date(3)
      } WHERE ${sql} AND ${this.#spelling.equal("session_data", 4 + values.length)}`,
      [newKey, row.text, this.#end(row), ...values, was],
    );
    return changed === 1;
  }

  async delete(key: string): Promise<boolean> {
    const { sql, values } = this.#at(key, 1);
    return await this.#write(`DELETE FROM ${this.#table} WHERE ${sql}`, values) > 0;
  }

  async clearExpired(now: number, limit: number): Promise<number> {
    const most = Math.min(limit, 2 ** 31 - 1);
    const before = this.#spelling.write(now, this.#useTz);
    const old = `expire_date < ${this.#spelling.date(1)} ORDER BY expire_date LIMIT ${most}`;
    if (this.#sql.dialect === "mysql") {
      return await this.#write(`DELETE FROM ${this.#table} WHERE ${old}`, [before]);
    }
    // A row that somebody renews at this moment is locked, and left to the next time
    return await this.#write(
      `DELETE FROM ${this.#table} WHERE session_key IN (SELECT session_key FROM ${this.#table} WHERE ${old} ` +
        "FOR UPDATE SKIP LOCKED)",
      [before],
    );
  }

  /** Nothing: the client is the program's. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  #at(key: string, first: number): { readonly sql: string; readonly values: readonly string[] } {
    const { sql, count } = this.#spelling.key(first);
    return { sql, values: new Array<string>(count).fill(key) };
  }

  #end(row: DjangoRow): string {
    return this.#spelling.write(row.expiresAt!, this.#useTz);
  }

  /** The number of rows that a statement changed; none, if it would have given a key to two rows. */
  async #write(text: string, values: readonly string[]): Promise<number> {
    try {
      return (await this.#run(text, values)).changed;
    } catch (error) {
      if (refusalOf((error as SessionError).cause) === "duplicate") return 0;
      throw error;
    }
  }

  async #run(text: string, values: readonly string[] = []): Promise<SqlAnswer> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () =>
        reject(
          new SessionError(
            "ERR_STORE",
            `The Django site's database did not answer within ${this.#timeout} s`,
          ),
        ),
      this.#timeout * 1000,
    );
    try {
      return await Promise.race([this.#sql.run(text, values), promise]);
    } catch (error) {
      if (error instanceof SessionError) throw error;
      throw new SessionError("ERR_STORE", this.#explanation(error), { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  #explanation(error: unknown): string {
    switch (refusalOf(error)) {
      case "table":
        return `The database has no table ${this.#table}: make it with manage.py migrate, or name it in the option table`;
      case "column":
        return `The table ${this.#table} is not Django's: expected session_key, session_data and expire_date`;
      default:
        return "The Django site's database failed";
    }
  }
}
