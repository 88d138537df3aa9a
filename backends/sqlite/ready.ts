/** The base of every SQLite connection of this library: set up at its first use, with prepared statements and transactions. */
import { setImmediate } from "node:timers";
import { demandNamedColumns, inTransaction, type SqliteDatabase, type SqliteStatement } from "./database.ts";
import { FileWatch } from "./file_watch.ts";
import { inOwnersTransaction } from "./errors.ts";

/** Statements by name; the three of a transaction are always among them. */
export type Prepared<Name extends string> = Record<Name | "begin" | "commit" | "rollback", SqliteStatement>;

/** A connection that is set up at its first use, because the setup may find the database busy. */
export abstract class ReadyConnection<Name extends string> {
  readonly #database: SqliteDatabase;
  readonly #sql: Record<Name, string>;
  #statements: Prepared<Name> | undefined;
  #file: FileWatch | undefined;
  #turn = 0;
  #isInTurn = false;

  /**
   * `sql` are the statements, by name.
   *
   * @throws {TypeError} If the database reads rows as arrays.
   */
  constructor(database: SqliteDatabase, sql: Record<Name, string>) {
    demandNamedColumns(database);
    this.#database = database;
    this.#sql = sql;
  }

  /** Sets the connection up and checks its table, with `once`, outside any transaction. */
  protected abstract makeReady(): void;

  /** Counts the turns of the event loop in which the statements were used. */
  get turn(): number {
    return this.#turn;
  }

  /**
   * The statements, on a connection that is ready.
   *
   * @throws {SessionError} If the file was removed or replaced (`ERR_STORE`).
   */
  get statements(): Prepared<Name> {
    if (!this.#isInTurn) this.#beginTurn();
    return this.#statements ??= this.#prepare();
  }

  #beginTurn(): void {
    this.#file?.check();
    this.#turn++;
    this.#isInTurn = true;
    setImmediate(() => this.#isInTurn = false);
  }

  #prepare(): Prepared<Name> {
    if (inTransaction(this.#database)) throw inOwnersTransaction();
    this.#file = FileWatch.over(
      (this.once("PRAGMA database_list")[0] as { file?: unknown } | undefined)?.file,
    );
    this.makeReady();
    const all = { begin: "BEGIN IMMEDIATE", commit: "COMMIT", rollback: "ROLLBACK", ...this.#sql };
    const statements: Partial<Prepared<string>> = {};
    for (const [name, sql] of Object.entries<string>(all)) statements[name] = this.#database.prepare(sql);
    return statements as Prepared<Name>;
  }

  /** Runs `work`, of which only one statement changes anything, so that it needs no explicit transaction. */
  autocommit<T>(work: (statements: Prepared<Name>) => T): T {
    if (inTransaction(this.#database)) throw inOwnersTransaction();
    return work(this.statements);
  }

  /** Runs all of `work` in one transaction. */
  transaction(work: (statements: Prepared<Name>) => void): void {
    if (inTransaction(this.#database)) throw inOwnersTransaction();
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
    for (const statement of Object.values<SqliteStatement>(this.#statements ?? {})) statement.finalize?.();
  }

  /** Runs a statement that is not kept. */
  protected once(sql: string, ...values: string[]): unknown[] {
    const statement = this.#database.prepare(sql);
    try {
      return statement.all(...values);
    } finally {
      statement.finalize?.();
    }
  }
}
