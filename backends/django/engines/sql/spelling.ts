/**
 * The statements on Django's table in the dialects of PostgreSQL and MySQL, each with a deadline after which it does nothing.
 *
 * The deadline is checked by the server's clock and, if a row is locked, after waiting for the lock: a write that timed out here is not
 * carried out later, however long the statement waited for a connection, in transit or for a lock.
 */

import { readDate, toBound, toColumn, toExpiry } from "../../format/dates.ts";
import type { Sql } from "./client.ts";
import { type Phrase, raw, sql } from "./phrase.ts";

/** The new values of a row, by column. */
export interface Columns {
  readonly session_key?: string;
  readonly session_data: string;
  /** As formatted by `write`. */
  readonly expire_date: string;
}

/** The differences between the two dialects. */
export interface Spelling {
  /** An instant (ms) in the column's format. PostgreSQL keeps instants; MySQL has no zones. */
  write(instant: number, useTz: boolean): string;
  /** The instant of `end`, in ms. */
  read(text: string, useTz: boolean): number | undefined;
  /** The end of a row as text. */
  readonly end: string;
  /** The server's clock when it is read, in ms since the epoch. */
  readonly clock: Phrase;
  /** At most the given number of rows that expired before `now` and are not empty. */
  old(table: Phrase, now: number, useTz: boolean, most: number): Phrase;
  quote(name: string): string;
  /** A row by its key and, if given, its text, both exactly as they are whatever the collation. */
  at(key: string, text?: string): Phrase;
  /** Adds a row, if it is before `by`. */
  insert(table: Phrase, row: Required<Columns>, by: string): Phrase;
  /** Changes a row, if it is before `by` once the row is held. */
  update(table: Phrase, where: Phrase, row: Columns, by: string): Phrase;
  /** Removes a row, if it is before `by` once the row is held. */
  remove(table: Phrase, where: Phrase, by: string): Phrase;
  /** Adds a copy of a row, in all columns but three, if it is before `by`. */
  copy(table: Phrase, where: Phrase, others: readonly string[], row: Required<Columns>, by: string): Phrase;
  /** The names of all columns of a table that can be written to, as `c`. */
  columns(table: string): Phrase;
}

const three = raw("session_key, session_data, expire_date");

/** Both dialects. */
export const spellings: Record<Sql["dialect"], Spelling> = { postgresql: postgresql(), mysql: mysql() };

/** The value of each column that is given, and its name before it where `isNamed`. */
function list(row: Columns, date: (text: string) => Phrase, isNamed: boolean): Phrase {
  let all: Phrase | undefined;
  for (const [name, value] of Object.entries(row) as [keyof Columns, string][]) {
    const one = name === "expire_date" ? date(value) : sql`${value}`;
    const shown = isNamed ? sql`${raw(name)} = ${one}` : one;
    all = all === undefined ? shown : sql`${all}, ${shown}`;
  }
  return all!;
}

function postgresql(): Spelling {
  const date = (text: string) => sql`${text}::text::timestamptz`;
  const clock = raw("(extract(epoch from clock_timestamp()) * 1000)::int8");
  const inTime = (by: string) => sql`${clock} < ${by}::text::int8`;
  // The clock is read after the lock is acquired; in the WHERE of a plain UPDATE it would be read before
  const held = (table: Phrase, where: Phrase, lock: string) =>
    sql`WITH held AS (SELECT session_key FROM ${table} WHERE ${where} FOR ${raw(lock)})`;
  const names = (others: readonly string[]) =>
    raw(others.map((name) => `, "${name.replaceAll('"', '""')}"`).join(""));
  return {
    write: (instant) => toExpiry(instant, true),
    read: (text) => Number(text),
    end: "(floor(extract(epoch from expire_date) * 1000))::text",
    clock,
    // A row that is being renewed is locked, and is left for the next call
    old: (table, now, _useTz, most) =>
      sql`session_key IN (SELECT session_key FROM ${table} WHERE expire_date < ${
        date(toExpiry(now, true))
      } AND session_data <> '' ORDER BY expire_date LIMIT ${raw(String(most))} FOR UPDATE SKIP LOCKED)`,
    quote: (name) => `"${name}"`,
    at: (key, text) =>
      text === undefined ? sql`session_key = ${key}` : sql`session_key = ${key} AND session_data = ${text}`,
    insert: (table, row, by) =>
      sql`INSERT INTO ${table} (${three}) SELECT ${list(row, date, false)} WHERE ${inTime(by)}`,
    update: (table, where, row, by) =>
      sql`${
        held(table, where, row.session_key === undefined ? "NO KEY UPDATE" : "UPDATE")
      } UPDATE ${table} AS s SET ${
        list(row, date, true)
      } FROM held WHERE s.session_key = held.session_key AND ${inTime(by)}`,
    remove: (table, where, by) =>
      sql`${
        held(table, where, "UPDATE")
      } DELETE FROM ${table} AS s USING held WHERE s.session_key = held.session_key AND ${inTime(by)}`,
    copy: (table, where, others, row, by) =>
      sql`INSERT INTO ${table} (${three}${names(others)}) SELECT ${list(row, date, false)}${
        names(others)
      } FROM ${table} WHERE ${where} AND ${inTime(by)}`,
    columns: (table) =>
      sql`SELECT attname::text AS c FROM pg_attribute WHERE attrelid = ${`"${table}"`}::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
  };
}

function mysql(): Spelling {
  const date = (text: string) => sql`${text}`;
  // Both clocks without a time zone, because one of those may show an hour twice
  const clock = raw("@@timestamp * 1000 + TIMESTAMPDIFF(MICROSECOND, NOW(6), SYSDATE(6)) / 1000");
  const inTime = (by: string) => sql`${clock} < ${by}`;
  const same = (column: string, text: string) =>
    sql`CAST(${raw(column)} AS BINARY) = CAST(${text} AS BINARY)`;
  const names = (others: readonly string[]) =>
    raw(others.map((name) => `, \`${name.replaceAll("`", "``")}\``).join(""));
  return {
    write: toColumn,
    read: readDate,
    end: "CAST(expire_date AS CHAR)",
    clock,
    old: (_table, now, useTz, most) =>
      sql`expire_date < ${toBound(now, useTz)} AND session_data <> '' ORDER BY expire_date LIMIT ${
        raw(String(most))
      }`,
    quote: (name) => `\`${name}\``,
    at(key, text) {
      // Looked up by its index first, and then compared
      const found = sql`session_key = ${key} AND ${same("session_key", key)}`;
      return text === undefined ? found : sql`${found} AND ${same("session_data", text)}`;
    },
    insert: (table, row, by) =>
      sql`INSERT INTO ${table} (${three}) SELECT ${list(row, date, false)} FROM DUAL WHERE ${inTime(by)}`,
    // InnoDB locks a row before it evaluates the condition
    update: (table, where, row, by) =>
      sql`UPDATE ${table} SET ${list(row, date, true)} WHERE ${where} AND ${inTime(by)}`,
    remove: (table, where, by) => sql`DELETE FROM ${table} WHERE ${where} AND ${inTime(by)}`,
    copy: (table, where, others, row, by) =>
      sql`INSERT INTO ${table} (${three}${names(others)}) SELECT ${list(row, date, false)}${
        names(others)
      } FROM ${table} WHERE ${where} AND ${inTime(by)}`,
    columns: (table) =>
      sql`SELECT column_name AS c FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ${table} AND COALESCE(generation_expression, '') = ''`,
  };
}
