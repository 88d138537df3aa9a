/** A connection as `bun:sqlite`, `node:sqlite` and similar drivers provide it, and how to open one. */
import { closeSync, openSync } from "node:fs";
import { SessionError } from "../../src/errors.ts";

/** A prepared statement of {@linkcode SqliteDatabase}. */
export interface SqliteStatement {
  /** Runs the statement to completion. */
  run(...values: (string | number | null)[]): { readonly changes: number | bigint };
  /** The first row, or nothing. */
  get(...values: (string | number | null)[]): unknown;
  /** All rows. */
  all(...values: (string | number | null)[]): unknown[];
  /** Releases the statement, for drivers that do not do so when the connection closes. */
  finalize?(): void;
}

/** An open SQLite connection: a `Database` of `bun:sqlite`, a `DatabaseSync` of `node:sqlite`, or one of the same shape. */
export interface SqliteDatabase {
  /** Compiles one statement. */
  prepare(sql: string): SqliteStatement;
  /** Closes the connection. */
  close(): void;
  /** Whether a transaction is open, by Bun's name. */
  readonly inTransaction?: boolean;
  /** Whether a transaction is open, by the name of Node and Deno. */
  readonly isTransaction?: boolean;
}

/** Whether this is a connection to SQLite. */
export function isDatabase(value: unknown): value is SqliteDatabase {
  return typeof value === "object" && value !== null &&
    typeof (value as SqliteDatabase).prepare === "function" &&
    ("inTransaction" in value || "isTransaction" in value);
}

/**
 * Refuses a connection that reads rows as arrays.
 *
 * @throws {TypeError} If a row has no column names.
 */
export function demandNamedColumns(database: SqliteDatabase): void {
  let row: unknown;
  try {
    const statement = database.prepare("SELECT 1 AS one");
    row = statement.get();
    statement.finalize?.();
  } catch {
    return; // Any other error is reported where the connection is used.
  }
  if (Array.isArray(row)) {
    throw new TypeError(
      'Cannot use this database: expected one that reads rows as objects: received one opened with "returnArrays: true"',
    );
  }
}

/** Whether a transaction is open on the connection. */
export function inTransaction(database: SqliteDatabase): boolean {
  return database.inTransaction ?? database.isTransaction ?? false;
}

/** Opens a file with the driver of this runtime. A new file is readable by its owner only. */
export async function openDatabase(path: string): Promise<SqliteDatabase> {
  // In a variable, as Deno resolves literal specifiers ahead of time and does not know `bun:`.
  const driver: string = "Bun" in globalThis ? "bun:sqlite" : "node:sqlite";
  const { Database, DatabaseSync = Database } = await import(driver);
  if (path !== "" && path !== ":memory:" && !path.startsWith("file:")) createPrivate(path);
  try {
    return new DatabaseSync(path);
  } catch (cause) {
    throw new SessionError("ERR_STORE", "The session database cannot be opened", { cause });
  }
}

function createPrivate(path: string): void {
  let file;
  try {
    // Never opens a file that exists: closing it again would drop the locks of this process's other connections.
    file = openSync(path, "wx", 0o600);
  } catch {
    return; // It exists, or cannot be created, which the driver reports better.
  }
  closeSync(file);
}
