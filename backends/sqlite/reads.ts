/** Runs queries, and retries them from a timer while the database is busy. */
import { setTimeout } from "node:timers/promises";
import type { MaybePromise } from "../../src/store.ts";
import type { Connection, Statements } from "./connection.ts";
import { backoff, closed, isBusy, type Step, troubleOf } from "./errors.ts";

/** Runs queries immediately; while the database is busy, from a timer. */
export class Reads {
  readonly #connection: Connection;
  readonly #timeout: number;
  #closed = false;

  /** `timeout` in milliseconds. */
  constructor(connection: Connection, timeout: number) {
    this.#connection = connection;
    this.#timeout = timeout;
  }

  /** Returns the result of a query: a plain value, or a promise if the database is busy. */
  run<T>(query: (statements: Statements) => T, step: Step = "read"): MaybePromise<T> {
    try {
      return this.#try(query);
    } catch (error) {
      if (isBusy(error)) return this.#runLater(query, step);
      throw troubleOf(error, step);
    }
  }

  /** Accepts no more queries. */
  close(): void {
    this.#closed = true;
  }

  #try<T>(query: (statements: Statements) => T): T {
    if (this.#closed) throw closed();
    return query(this.#connection.statements);
  }

  async #runLater<T>(query: (statements: Statements) => T, step: Step): Promise<T> {
    const deadline = performance.now() + this.#timeout;
    for (let attempt = 0;; attempt++) {
      await setTimeout(Math.max(0, Math.min(backoff(attempt), deadline - performance.now())));
      try {
        return this.#try(query);
      } catch (error) {
        if (!isBusy(error) || performance.now() >= deadline) throw troubleOf(error, step);
      }
    }
  }
}
