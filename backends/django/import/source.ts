/** The rows of `django_session`, page by page, for reading all of them once. */

import { SessionError } from "../../../src/errors.ts";
import type { SqliteDatabase } from "../../sqlite/database.ts";
import { troubleOf } from "../../sqlite/errors.ts";
import { readDate } from "../format/dates.ts";
import type { SourceRow } from "./importer.ts";
import type { Sql } from "../engines/sql/client.ts";
import { spellings } from "../engines/sql/spelling.ts";

/** A table that can be read in the order of the keys, so that pages stay valid while the table changes. */
export interface Source {
  /** The number of rows after a key; "" for all. */
  count(from: string): Promise<number>;
  /** At most the given number of rows after a key. */
  pages(size: number, from: string): AsyncGenerator<SourceRow[]>;
}

interface Row {
  readonly k: unknown;
  readonly t: unknown;
  readonly e: unknown;
}

/** Over SQLite. `useTz`: dates are in UTC. */
export function sqliteSource(database: SqliteDatabase, table: string, useTz: boolean): Source {
  const query = (sql: string, ...values: string[]): Row[] => {
    try {
      const statement = database.prepare(sql);
      try {
        return statement.all(...values) as Row[];
      } finally {
        statement.finalize?.();
      }
    } catch (error) {
      throw troubleOf(error, "open");
    }
  };
  return {
    // deno-lint-ignore require-await -- so that what the driver throws is a rejection
    count: async (from) =>
      Number(
        query(`SELECT count(*) AS k, 0 AS t, 0 AS e FROM "${table}" WHERE session_key > ?`, from)[0]!.k,
      ),
    async *pages(size, from) {
      for (let last = from;;) {
        const rows = query(
          `SELECT session_key AS k, session_data AS t, expire_date AS e FROM "${table}" ` +
            `WHERE session_key > ? ORDER BY session_key LIMIT ${size}`,
          last,
        );
        if (rows.length === 0) return;
        last = rows.at(-1)!.k as string; // in whatever form SQLite returned it
        yield rows.map(({ k, t, e }) => ({
          key: k,
          text: t,
          end: typeof e === "string" ? readDate(e, useTz) : undefined,
        }));
      }
    },
  };
}

/** Over PostgreSQL, MySQL or MariaDB. */
export function sqlSource(sql: Sql, table: string, useTz: boolean): Source {
  const { end, read } = spellings[sql.dialect];
  const query = async (text: string, values: string[]): Promise<Row[]> => {
    try {
      return (await sql.run(text, values)).rows as unknown as Row[];
    } catch (cause) {
      throw new SessionError("ERR_STORE", "The Django site's database failed, or has no such table", {
        cause,
      });
    }
  };
  return {
    count: async (from) =>
      Number((await query(`SELECT count(*) AS k FROM ${table} WHERE session_key > $1`, [from]))[0]!.k),
    async *pages(size, from) {
      for (let last = from;;) {
        const rows = await query(
          `SELECT session_key AS k, session_data AS t, ${end} AS e FROM ${table} WHERE session_key > $1 ` +
            `ORDER BY session_key LIMIT ${size}`,
          [last],
        );
        if (rows.length === 0) return;
        last = String(rows.at(-1)!.k);
        yield rows.map(({ k, t, e }) => ({ key: k, text: t, end: read(String(e), useTz) }));
      }
    },
  };
}
