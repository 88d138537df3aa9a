/** A connection as `bun:sqlite`, `node:sqlite` and their likes give it, and how to open one. */
import { closeSync, openSync } from "node:fs";
import { SessionError } from "../../src/errors.ts";

/** A prepared statement of {@linkcode SqliteDatabase}. */
export interface SqliteStatement {
  /** Runs the statement to its end. */
  run(...values: (string | number | null)[]): { readonly changes: number | bigint };
  /** The first row, or nothing. */
  get(...values: (string | number | null)[]): unknown;
  /** All rows. */
  all(...values: (string | number | null)[]): unknown[];
  /** Releases the statement, where the driver does not do that when the connection closes. */
  finalize?(): void;
}

/** An open SQLite connection: a `Database` of `bun:sqlite`, a `DatabaseSync` of `node:sqlite`, or one of the same shape. */
export interface SqliteDatabase {
  /** Compiles one statement. */
  prepare(sql: string): SqliteStatement;
  /** Closes the connection. */
  close(): void;
  /** Whether a transaction is open, as Bun calls it. */
  readonly inTransaction?: boolean;
  /** Whether a transaction is open, as Node and Deno call it. */
  readonly isTransaction?: boolean;
}

/** Whether this is a connection to SQLite. */
export function isDatabase(value: unknown): value is SqliteDatabase {
  return typeof value === "object" && value !== null &&
    typeof (value as SqliteDatabase).prepare === "function" &&
    ("inTransaction" in value || "isTransaction" in value);
}

/** Refuses a connection whose rows have no names. @throws {TypeError} */
export function demandNamedColumns(database: SqliteDatabase): void {
  let row: unknown;
  try {
    const statement = database.prepare("SELECT 1 AS one");
    row = statement.get();
    statement.finalize?.();
  } catch {
    return; // What is wrong with it is told where it is used.
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

/** Opens a file with the driver of this runtime. A new file is readable by its owner alone. */
export async function openDatabase(path: string): Promise<SqliteDatabase> {
  // Held in a variable: Deno resolves literal specifiers ahead of time, and knows no `bun:` ones.
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
    return; // It exists, or cannot be made, which the driver is about to say better.
  }
  closeSync(file);
}
