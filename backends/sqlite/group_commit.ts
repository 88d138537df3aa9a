/** Group commit: the writes of one turn of the event loop share a transaction, and a write that is alone needs none. */
import { setImmediate, setTimeout } from "node:timers";
import type { MaybePromise } from "../../src/store.ts";
import type { Statements } from "./connection.ts";
import { backoff, closed, isBusy, late, troubleOf } from "./errors.ts";

/** What transactions are made on. */
export interface Transactions<S> {
  /** Does `work`, of which only one statement changes anything, so that it needs no transaction of its own. */
  alone<T>(work: (statements: S) => T): T;
  /** Does all of `work` in one transaction, or nothing of it. */
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

/** The most writes that are done at once before one waits again to see whether others come in its turn. */
const mostHasty = 64;

/** So many writes do not wait for a turn that brings no others. */
const mostTogether = 256;
/** Nor any that has waited so long, in milliseconds. */
const longestWait = 2;

/** The writes that wait for the next transaction, in the order they came. */
export class Writes<S = Statements> {
  readonly #connection: Transactions<S>;
  readonly #timeout: number;
  #waiting: Write<S>[] = [];
  #flushing = false;
  #closed = false;
  #drained: (() => void) | undefined;
  /** How often in a row the database was busy. */
  #busy = 0;
  /** The size of the next transaction: halved by a failure, so that the write at fault is soon alone with it. */
  #size = Infinity;
  #lastError: unknown;
  /** Whether writes have come one at a time lately, so that waiting for others would be in vain. */
  #isLonely = true;
  /** Whether a write was done in this turn already. */
  #hasWritten = false;
  /** So many more writes that are not the first of their turn are done at once: more each time that one has waited for others in vain. */
  #hasty = 0;
  #span = 1;
  /** How many writes waited when the last turn ended. */
  #seen = 0;
  readonly #onFailure: () => void;

  /** `timeout` in milliseconds; `onFailure` is told when nobody knows what a failed write has done. */
  constructor(connection: Transactions<S>, timeout: number, onFailure: () => void = () => {}) {
    this.#connection = connection;
    this.#timeout = timeout;
    this.#onFailure = onFailure;
  }

  /**
   * The result of `apply`, once it is committed; `done` is told of it first. `apply` may run several times, but only one
   * run lasts. Of its statements only one may change anything.
   */
  add<T>(apply: (statements: S) => T, done?: (result: T) => void): MaybePromise<T> {
    if (this.#flushing || !this.#isLonely || this.#closed) return this.queue(apply, done);
    if (this.#hasWritten) {
      if (this.#hasty === 0) return this.queue(apply, done);
      this.#hasty--;
    } else {
      this.#hasWritten = true;
      setImmediate(() => this.#hasWritten = false);
    }
    let result: T;
    try {
      result = this.#connection.alone(apply);
    } catch (error) {
      if (isBusy(error)) return this.queue(apply, done);
      this.#onFailure();
      return Promise.reject(troubleOf(error, "write"));
    }
    done?.(result);
    return result;
  }

  /** The same for a change of several statements. */
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

  /** Takes no more writes; resolves when those that wait are done. */
  close(): Promise<void> {
    this.#closed = true;
    return new Promise((resolve) => this.#flushing ? this.#drained = resolve : resolve());
  }

  #flush(): void {
    const [first] = this.#waiting;
    const isEarly = first !== undefined && performance.now() - first.since < longestWait;
    if (isEarly && this.#waiting.length > this.#seen && this.#waiting.length < mostTogether) {
      this.#seen = this.#waiting.length;
      setImmediate(() => this.#flush());
      return;
    }
    this.#seen = 0;
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
    this.#isLonely = batch.length < 2;
    this.#span = this.#isLonely ? Math.min(this.#span * 2, mostHasty) : 1;
    this.#hasty = this.#span;
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

  /** Whoever was told "too late" must not be served after all, so this comes before every transaction. */
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
