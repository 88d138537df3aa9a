/** Django's `django_session` table in PostgreSQL, MySQL or MariaDB, through the program's own client. */

import { SessionError } from "../../../../src/errors.ts";
import { ServerClock } from "../../../support/server_clock.ts";
import { clearInParts } from "../clear.ts";
import type { DjangoDbSettings } from "../db_options.ts";
import { type DjangoEngine, type DjangoRow, emptied } from "../engine.ts";
import type { Sql, SqlAnswer } from "./client.ts";
import { type Phrase, placed, raw, sql } from "./phrase.ts";
import { type Spelling, spellings } from "./spelling.ts";
import { type Refusal, refusalOf } from "./errors.ts";

/** Results include the server's time; if there was none for this many ms, a write first asks for it. */
const freshFor = 30_000;
const mostRows = 2 ** 31 - 1;

/**
 * The `db` engine over PostgreSQL, MySQL or MariaDB. Every operation is one statement and thus atomic, except the rotation of a row that
 * others refer to, which is two. Writes carry a deadline by the server's clock, so one that is late is never carried out.
 */
export class SqlEngine implements DjangoEngine {
  readonly format = "signed";
  readonly #sql: Sql;
  readonly #spelling: Spelling;
  readonly #name: string;
  readonly #table: Phrase;
  readonly #timeout: number;
  readonly #useTz: boolean;
  readonly #clock: ServerClock = new ServerClock();

  constructor(sql: Sql, { table, timeout, useTz }: Pick<DjangoDbSettings, "table" | "timeout" | "useTz">) {
    this.#sql = sql;
    this.#spelling = spellings[sql.dialect];
    this.#name = table;
    this.#table = raw(this.#spelling.quote(table));
    this.#timeout = timeout;
    this.#useTz = useTz;
  }

  /**
   * Checks that the table exists, with Django's columns.
   *
   * @throws {SessionError} If it does not (`ERR_STORE`).
   */
  async check(): Promise<void> {
    await this.#run(
      sql`SELECT session_key, session_data, expire_date FROM ${this.#table} WHERE 1 = 0`,
      this.#end(),
    );
  }

  load(key: string): Promise<DjangoRow | undefined> {
    return this.#load(key, this.#end());
  }

  async #load(key: string, until: number): Promise<DjangoRow | undefined> {
    const { at, clock, end, read } = this.#spelling;
    const row = await this.#ask(
      sql`SELECT session_data AS t, ${raw(end)} AS e, ${clock} AS n FROM ${this.#table} WHERE ${at(key)}`,
      until,
    );
    if (row === undefined || row["t"] === "") return undefined;
    const expiresAt = read(String(row["e"]), this.#useTz);
    const text = row["t"];
    if (typeof text !== "string" || !Number.isFinite(expiresAt)) {
      throw new SessionError("ERR_DAMAGED", "A row of the Django site's sessions is not a session");
    }
    return { text, expiresAt: expiresAt! };
  }

  async create(key: string, row: DjangoRow): Promise<boolean> {
    const until = this.#end();
    for (;;) {
      const done = await this.#write(
        (by) => this.#spelling.insert(this.#table, { session_key: key, ...this.#columns(row) }, by),
        until,
      );
      if (done !== 0) return done === 1;
      await this.#askTime(until); // late by the server's clock, which was adjusted
    }
  }

  async replace(key: string, row: DjangoRow, was: string): Promise<boolean> {
    const until = this.#end();
    if (await this.#replace(key, row, was, until) === 1) return true;
    if (row.text !== was) return false;
    // Some clients of MySQL count only rows that became different
    const now = await this.#load(key, until);
    return now?.text === was && this.#columns(now).expire_date === this.#columns(row).expire_date;
  }

  #replace(key: string, row: DjangoRow, was: string, until: number): Promise<number | Refusal> {
    const { at, update } = this.#spelling;
    return this.#write((by) => update(this.#table, at(key, was), this.#columns(row), by), until);
  }

  async rotate(oldKey: string, newKey: string, row: DjangoRow, was: string): Promise<boolean> {
    const until = this.#end();
    const { at, update } = this.#spelling;
    const fresh = { session_key: newKey, ...this.#columns(row) };
    const done = await this.#write((by) => update(this.#table, at(oldKey, was), fresh, by), until);
    if (done !== "referenced") return done === 1;
    const others = await this.#others(until);
    const { copy } = this.#spelling;
    if (await this.#write((by) => copy(this.#table, at(oldKey, was), others, fresh, by), until) !== 1) {
      return false;
    }
    if (await this.#replace(oldKey, emptied, was, until) === 1) return true;
    await this.delete(newKey); // the old one was written in the meantime
    return false;
  }

  /** The names of the columns of a site's own model. */
  async #others(until: number): Promise<readonly string[]> {
    const { rows } = await this.#run(this.#spelling.columns(this.#name), until);
    return rows.map(({ c }) => String(c)).filter((name) =>
      !/^(session_key|session_data|expire_date)$/.test(name)
    );
  }

  async delete(key: string): Promise<boolean> {
    const until = this.#end();
    const { at, remove, update } = this.#spelling;
    const where = sql`${at(key)} AND session_data <> ''`;
    for (;;) {
      let done = await this.#write((by) => remove(this.#table, where, by), until);
      if (done === "referenced") {
        done = await this.#write((by) => update(this.#table, where, this.#columns(emptied), by), until);
      }
      if (done === 1) return true;
      // A row that still exists was not removed because the deadline had passed by the server's clock, which was adjusted
      if (await this.#load(key, until) === undefined) return false;
    }
  }

  async clearExpired(now: number, limit: number): Promise<number> {
    const until = this.#end();
    const old = (most: number) => this.#spelling.old(this.#table, now, this.#useTz, most);
    return await clearInParts(
      Math.min(limit, mostRows),
      until - this.#timeout * 500,
      (most) => this.#attempt(sql`DELETE FROM ${this.#table} WHERE ${old(most)}`, until),
      async () =>
        (await this.#run(sql`UPDATE ${this.#table} SET session_data = '' WHERE ${old(1)}`, until)).changed,
    );
  }

  /** Does nothing: the client belongs to the program. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  #columns({ text, expiresAt }: DjangoRow): { readonly session_data: string; readonly expire_date: string } {
    return { session_data: text, expire_date: this.#spelling.write(expiresAt!, this.#useTz) };
  }

  /** The deadline of an operation that begins now, by `performance.now()`. */
  #end(): number {
    return performance.now() + this.#timeout * 1000;
  }

  /** The result of a write that may only be carried out until then. */
  async #write(statement: (by: string) => Phrase, until: number): Promise<number | Refusal> {
    if (this.#clock.age(performance.now()) > freshFor) await this.#askTime(until);
    const [, by] = this.#clock.window(performance.now(), until);
    return await this.#attempt(statement(by), until);
  }

  /** The number of rows that a statement changed, or why the table does not allow it. */
  async #attempt(statement: Phrase, until: number): Promise<number | Refusal> {
    try {
      return (await this.#run(statement, until)).changed;
    } catch (error) {
      const refusal = refusalOf((error as SessionError).cause);
      if (refusal === "duplicate" || refusal === "referenced") return refusal;
      throw error;
    }
  }

  #askTime(until: number): Promise<unknown> {
    return this.#ask(sql`SELECT ${this.#spelling.clock} AS n`, until);
  }

  /** The row that a query finds, with the server's time in `n`. */
  async #ask(query: Phrase, until: number): Promise<Readonly<Record<string, unknown>> | undefined> {
    const sent = performance.now();
    const { rows: [row] } = await this.#run(query, until);
    const time = Number(row?.["n"]);
    if (Number.isFinite(time)) this.#clock.learn(time, sent, performance.now());
    return row;
  }

  async #run(phrase: Phrase, until: number): Promise<SqlAnswer> {
    const left = until - performance.now();
    if (left <= 0) throw this.#late();
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(this.#late()), left);
    try {
      return await Promise.race([this.#sql.run(placed(phrase), phrase.values), promise]);
    } catch (error) {
      if (error instanceof SessionError) throw error;
      throw new SessionError("ERR_STORE", this.#explanation(error), { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  #late(): SessionError {
    return new SessionError(
      "ERR_STORE",
      `The Django site's database did not answer within ${this.#timeout} s`,
    );
  }

  #explanation(error: unknown): string {
    const table = this.#spelling.quote(this.#name);
    switch (refusalOf(error)) {
      case "table":
        return `The database has no table ${table}: create it with manage.py migrate, or name it in the option table`;
      case "column":
        return `The table ${table} is not Django's: expected session_key, session_data and expire_date`;
      default:
        return "The Django site's database failed";
    }
  }
}
