/** What the tests of the SQLite store share: files, connections, records, and a connection that is watched. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import assert from "node:assert/strict";
import type { SqliteDatabase } from "../../../backends/sqlite.ts";
import { toColumns } from "../../../backends/sqlite/rows.ts";
import { SessionError, type SessionErrorCode } from "../../../src/errors.ts";
import type { SessionRecord, SessionSummary } from "../../../src/store.ts";

export { connect, connectReadOnly, Driver, run } from "./driver.ts";

/** Makes a folder that is removed after the calling file's tests; the answer gives paths in it that do not exist yet. */
export function temporaryPaths(): () => string {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-sqlite-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  let files = 0;
  return () => join(folder, `${++files}.db`);
}

export const keyOf = (n: number): string => n.toString(16).padStart(64, "0");

export const recordOf = (data: string, more: Partial<SessionRecord> = {}): SessionRecord => ({
  data,
  createdAt: 1_000,
  touchedAt: 2_000,
  expiresAt: 4_000_000_000_000,
  ...more,
});

/** The same record as a list shows it. */
export function summaryOf({ data: _, ...summary }: SessionRecord): SessionSummary {
  return summary;
}

/** The statement that puts a record into the store's table, past the store. */
export function insertSql(key: string, record: SessionRecord, version = "v"): string {
  const values = toColumns(key, record, version).map((value) =>
    value === null ? "NULL" : typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : value
  );
  return `INSERT INTO sojourn_session (data, version, head, data_sum, record_sum, user_id, created_at, touched_at,
    expires_at, instants_sum, key) VALUES (${values.join()}, '${key}')`;
}

/** The same connection, with every statement that is run written down. */
export function watched(database: SqliteDatabase): { database: SqliteDatabase; ran: string[] } {
  const ran: string[] = [];
  return {
    ran,
    database: {
      prepare(sql) {
        const statement = database.prepare(sql);
        return {
          run: (...values) => (ran.push(sql), statement.run(...values)),
          get: (...values) => (ran.push(sql), statement.get(...values)),
          all: (...values) => (ran.push(sql), statement.all(...values)),
          finalize: () => statement.finalize?.(),
        };
      },
      close: () => database.close(),
      get inTransaction() {
        return database.inTransaction ?? database.isTransaction ?? false;
      },
    },
  };
}

/** Awaits the trouble that `work` must end in, thrown or rejected. */
export async function trouble(work: () => unknown, code: SessionErrorCode): Promise<SessionError> {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof SessionError, String(error));
    assert.equal(error.code, code, `${error.code}: ${error.message} ${String(error.cause)}`);
    return error;
  }
  assert.fail(`expected ${code}`);
}
