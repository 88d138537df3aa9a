/** Group commit: the writes of one turn of the event loop share a transaction; a single write needs none. */
import { setImmediate, setTimeout } from "node:timers";
import type { MaybePromise } from "../../src/store.ts";
import type { Statements } from "./connection.ts";
import { backoff, closed, isBusy, late, troubleOf } from "./errors.ts";

/** A connection that can run transactions. */
export interface Transactions<S> {
  /** Runs `work`, of which only one statement changes anything, so that it needs no explicit transaction. */
  autocommit<T>(work: (statements: S) => T): T;
  /** Runs all of `work` in one transaction. */
  transaction(work: (statements: S) => void): void;
}

interface Write<S> {
  readonly apply: (statements: S) => unknown;
  readonly done: ((result: unknown) => void) | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** When to give up, by `performance.now()`. */
  readonly deadline: number;
  readonly since: number;
}

/** The maximum of further writes in a turn that are done immediately before the next one is queued to form a batch. */
const maxImmediate = 64;

/** A batch of this size is committed without waiting for a turn that adds no writes. */
const fullBatch = 256;
/** So is a batch whose first write has waited for this many milliseconds. */
const maxWaitMs = 2;

/** The writes that wait for the next transaction, in the order they came. */
export class Writes<S = Statements> {
  readonly #connection: Transactions<S>;
  readonly #timeout: number;
  #waiting: Write<S>[] = [];
  #flushing = false;
  #closed = false;
  #drained: (() => void) | undefined;
  /** How many times in a row the database was busy. */
  #busy = 0;
  /** The size of the next transaction, halved by each failure until the failing write is isolated. */
  #size = Infinity;
  #lastError: unknown;
  /** Whether the last batch had only one write, so that waiting for others is not worthwhile. */
  #lastBatchWasSingle = true;
  /** Whether a write was already done in this turn. */
  #hasWritten = false;
  /** How many more writes that are not the first of their turn are done immediately, before one is queued to see whether others follow. */
  #immediateBudget = 0;
  /** The next budget: doubled by each batch of a single write, reset by a larger one. */
  #budgetStep = 1;
  /** How many writes waited when the last turn ended. */
  #waitingBefore = 0;
  readonly #onFailure: () => void;

  /** `timeout` in milliseconds; `onFailure` is called when the effect of a failed write is unknown. */
  constructor(connection: Transactions<S>, timeout: number, onFailure: () => void = () => {}) {
    this.#connection = connection;
    this.#timeout = timeout;
    this.#onFailure = onFailure;
  }

  /**
   * Returns the result of `apply` once it is committed; `done` receives it first. `apply` may run several times, but only
   * one run is committed. Only one of its statements may change anything.
   */
  add<T>(apply: (statements: S) => T, done?: (result: T) => void): MaybePromise<T> {
    if (this.#flushing || !this.#lastBatchWasSingle || this.#closed) return this.queue(apply, done);
    if (this.#hasWritten) {
      if (this.#immediateBudget === 0) return this.queue(apply, done);
      this.#immediateBudget--;
    } else {
      this.#hasWritten = true;
      setImmediate(() => this.#hasWritten = false);
    }
    let result: T;
    try {
      result = this.#connection.autocommit(apply);
    } catch (error) {
      if (isBusy(error)) return this.queue(apply, done);
      this.#onFailure();
      return Promise.reject(troubleOf(error, "write"));
    }
    done?.(result);
    return result;
  }

  /** Does the same for a change of several statements. */
  queue<T>(apply: (statements: S) => T, done?: (result: T) => void): Promise<T> {
    if (this.#closed) return Promise.reject(closed());
    return new Promise<T>((resolve, reject) => {
      const deadline = performance.now() + this.#timeout;
      this.#waiting.push({
        apply,
        done: done as Write<S>["done"],
        resolve: resolve as Write<S>["resolve"],
        reject,
        deadline,
        since: deadline - this.#timeout,
      });
      if (this.#flushing) return;
      this.#flushing = true;
      setImmediate(() => this.#flush());
    });
  }

  /** Accepts no more writes; resolves when the waiting ones are done. */
  close(): Promise<void> {
    this.#closed = true;
    return new Promise((resolve) => this.#flushing ? this.#drained = resolve : resolve());
  }

  #flush(): void {
    const [first] = this.#waiting;
    const isEarly = first !== undefined && performance.now() - first.since < maxWaitMs;
    if (isEarly && this.#waiting.length > this.#waitingBefore && this.#waiting.length < fullBatch) {
      this.#waitingBefore = this.#waiting.length;
      setImmediate(() => this.#flush());
      return;
    }
    this.#waitingBefore = 0;
    this.#dropExpired();
    const batch = this.#waiting.slice(0, this.#size);
    const results: unknown[] = [];
    try {
      if (batch.length > 0) {
        this.#connection.transaction((statements) => {
          for (const { apply } of batch) results.push(apply(statements));
        });
      }
    } catch (error) {
      return this.#failed(batch, error);
    }
    this.#busy = 0;
    this.#size *= 2;
    this.#lastBatchWasSingle = batch.length < 2;
    this.#budgetStep = this.#lastBatchWasSingle ? Math.min(this.#budgetStep * 2, maxImmediate) : 1;
    this.#immediateBudget = this.#budgetStep;
    this.#waiting.splice(0, batch.length);
    for (const [index, { done }] of batch.entries()) done?.(results[index]);
    for (const [index, { resolve }] of batch.entries()) resolve(results[index]);
    this.#next();
  }

  #failed(batch: Write<S>[], error: unknown): void {
    this.#lastError = error;
    this.#onFailure();
    if (isBusy(error)) return this.#next(backoff(this.#busy++));
    this.#size = Math.ceil(batch.length / 2);
    if (batch.length === 1) this.#waiting.shift()?.reject(troubleOf(error, "write"));
    this.#next();
  }

  /** Rejects writes past their deadline. Runs before every transaction, so that a write reported as late is never applied. */
  #dropExpired(): void {
    const now = performance.now();
    while (this.#waiting[0] && this.#waiting[0].deadline <= now) {
      this.#waiting.shift()?.reject(troubleOf(this.#lastError ?? late(), "write"));
    }
  }

  #next(wait?: number): void {
    if (this.#waiting.length === 0) {
      this.#flushing = false;
      this.#busy = 0;
      this.#size = Infinity;
      this.#lastError = undefined;
      this.#drained?.();
    } else if (wait === undefined) setImmediate(() => this.#flush());
    else {
      const left = this.#waiting[0]!.deadline - performance.now();
      setTimeout(() => this.#flush(), Math.max(0, Math.min(wait, left)));
    }
  }
}
