/**
 * Django's engine `db` over SQLite: the site's own table `django_session`. Journal mode and schema are never changed; a busy
 * database is retried without blocking the event loop, until the timeout.
 */

import { statSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { SessionError } from "../../../src/errors.ts";
import type { MaybePromise } from "../../../src/store.ts";
import { openDatabase, type SqliteDatabase } from "../../sqlite/database.ts";
import { backoff, closed, isBusy, isReferenced, type Step, troubleOf } from "../../sqlite/errors.ts";
import { Writes } from "../../sqlite/group_commit.ts";
import { clearInParts } from "./clear.ts";
import { readDate, toBound, toColumn } from "../format/dates.ts";
import { type DjangoEngine, type DjangoRow, emptied } from "./engine.ts";
import type { DjangoDbSettings } from "./db_options.ts";
import { Table, type TableStatements } from "./table.ts";

/** The `db` engine over SQLite. */
export class SqliteEngine implements DjangoEngine {
  readonly format = "signed";
  readonly useTz: boolean;
  readonly #table: Table;
  readonly #writes: Writes<TableStatements>;
  readonly #timeout: number;
  #closing: Promise<void> | undefined;

  /** An engine over an open database; `close` leaves it open. */
  constructor(database: SqliteDatabase, { useTz, timeout, table }: DjangoDbSettings) {
    this.useTz = useTz;
    this.#timeout = timeout * 1000;
    this.#table = new Table(database, table);
    this.#writes = new Writes(this.#table, this.#timeout);
    try {
      void this.#table.statements;
    } catch (error) {
      if (!isBusy(error)) throw troubleOf(error, "open");
    }
  }

  /** Checks that the table exists, once the database is not busy. */
  async check(): Promise<void> {
    await this.#read(() => {}, "open");
  }

  load(key: string): MaybePromise<DjangoRow | undefined> {
    return this.#read(({ load }) => {
      const row = (load.get(key) ?? undefined) as Record<string, unknown> | undefined; // Bun returns null
      return row && this.#row(row);
    });
  }

  #row({ session_data: text, expire_date: date }: Record<string, unknown>): DjangoRow {
    const expiresAt = typeof date === "string" ? readDate(date, this.useTz) : undefined;
    if (typeof text === "string" && expiresAt !== undefined) return { text, expiresAt };
    throw new SessionError("ERR_DAMAGED", "A row of the session table was not written by Django");
  }

  create(key: string, { text, expiresAt }: DjangoRow): Promise<boolean> {
    return this.#writes.queue(({ create }) => create.run(text, this.#date(expiresAt), key).changes > 0);
  }

  replace(key: string, { text, expiresAt }: DjangoRow, was: string): Promise<boolean> {
    return this.#writes.queue(({ replace }) =>
      replace.run(text, this.#date(expiresAt), key, was).changes > 0
    );
  }

  async rotate(
    oldKey: string,
    newKey: string,
    { text, expiresAt }: DjangoRow,
    was: string,
  ): Promise<boolean> {
    const date = this.#date(expiresAt);
    const done = await this.#attempt(({ rotate }) => rotate.run(newKey, text, date, oldKey, was).changes > 0);
    return done ??
      await this.#writes.queue(({ empty }) =>
        this.#table.copy(newKey, text, date, oldKey, was) &&
        empty.run(this.#date(emptied.expiresAt), oldKey).changes > 0
      );
  }

  async delete(key: string): Promise<boolean> {
    return await this.#attempt((statements) => statements.delete.run(key).changes > 0) ??
      await this.#writes.queue(({ empty }) => empty.run(this.#date(emptied.expiresAt), key).changes > 0);
  }

  clearExpired(now: number, limit: number): Promise<number> {
    const before = toBound(now, this.useTz);
    return clearInParts(
      Math.min(limit, Number.MAX_SAFE_INTEGER),
      performance.now() + this.#timeout / 2,
      async (most) =>
        await this.#attempt(({ clear }) => Number(clear.run(before, most).changes)) ?? "referenced",
      () => this.#writes.queue(({ emptyOld }) => Number(emptyOld.run(before, 1).changes)),
    );
  }

  /** The result of a write; `undefined` if other tables refer to the row to remove. */
  async #attempt<T>(write: (statements: TableStatements) => T): Promise<T | undefined> {
    try {
      return await this.#writes.queue(write);
    } catch (error) {
      if (isReferenced((error as SessionError).cause)) return undefined;
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#closing ??= this.#finish();
  }

  async #finish(): Promise<void> {
    await this.#writes.close();
    this.#table.release();
  }

  #date(at: number | undefined): string {
    return toColumn(at!, this.useTz);
  }

  #read<T>(query: (statements: TableStatements) => T, step: Step = "read"): MaybePromise<T> {
    try {
      if (this.#closing) throw closed();
      return query(this.#table.statements);
    } catch (error) {
      if (isBusy(error)) return this.#readLater(query, step);
      throw troubleOf(error, step);
    }
  }

  async #readLater<T>(query: (statements: TableStatements) => T, step: Step): Promise<T> {
    const deadline = performance.now() + this.#timeout;
    for (let attempt = 0;; attempt++) {
      await setTimeout(Math.max(0, Math.min(backoff(attempt), deadline - performance.now())));
      try {
        if (this.#closing) throw closed();
        return query(this.#table.statements);
      } catch (error) {
        if (!isBusy(error) || performance.now() >= deadline) throw troubleOf(error, step);
      }
    }
  }
}

/** Opens an existing file; the driver itself would create an empty one. */
export async function openSite(path: string): Promise<SqliteDatabase> {
  if (path !== ":memory:") demandFile(path);
  return await openDatabase(path);
}

function demandFile(path: string): void {
  try {
    if (statSync(path).isFile()) return;
  } catch (cause) {
    throw new SessionError("ERR_STORE", "The site's database cannot be opened: there is no such file", {
      cause,
    });
  }
  throw new SessionError("ERR_STORE", "The site's database cannot be opened: it is not a file");
}
