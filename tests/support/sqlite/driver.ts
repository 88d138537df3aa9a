/** This runtime's SQLite driver, past the store. */

import type { SqliteDatabase } from "../../../backends/sqlite.ts";

type Driver = new (path: string, options?: Record<string, unknown>) => SqliteDatabase;
const module = await import("Bun" in globalThis ? "bun:sqlite" : "node:sqlite" as string);

/** The class of this runtime's driver. */
export const Driver: Driver = module.Database ?? module.DatabaseSync;

/** A connection of this runtime's driver. */
export const connect = (path: string): SqliteDatabase => new Driver(path);

export const connectReadOnly = (path: string): SqliteDatabase =>
  new Driver(path, "Bun" in globalThis ? { readonly: true } : { readOnly: true });

/** Runs one statement. */
export function run(database: SqliteDatabase, sql: string): unknown {
  const statement = database.prepare(sql);
  try {
    return statement.all().map((row) => Object.values(row as object)[0])[0];
  } finally {
    statement.finalize?.();
  }
}
