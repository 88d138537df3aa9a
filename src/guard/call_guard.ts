/** Stands before a store: bounds every call in time, checks every answer, and makes every failure a typed one. */

import { SessionError } from "../errors.ts";
import type { Events } from "../events.ts";
import type {
  MaybePromise,
  SessionPage,
  SessionRecord,
  SessionStore,
  SessionSummary,
  StoredRecord,
} from "../store.ts";
import { isThenable } from "../handled.ts";
import { Deadlines } from "./deadlines.ts";
import { isTraced, traceCall } from "../diagnostics/channels.ts";

/** How many of a user's sessions are asked for at a time. */
const pageSize = 100;

const isInstant = (value: unknown) => Number.isFinite(value);

function isRecord(value: unknown): value is SessionRecord {
  if (typeof value !== "object" || value === null) return false;
  return typeof (value as SessionRecord).data === "string" && isSummary(value as SessionRecord);
}

function isSummary({ head, userId, createdAt, touchedAt, expiresAt }: SessionSummary): boolean {
  return (userId === undefined || typeof userId === "string") &&
    (head === undefined || typeof head === "string") &&
    isInstant(createdAt) && isInstant(touchedAt) && isInstant(expiresAt);
}

const isStored = (value: unknown): value is StoredRecord =>
  isRecord(value) && typeof (value as StoredRecord).version === "string";

const isStoredOrNone = (value: unknown): value is StoredRecord | undefined =>
  value === undefined || isStored(value);

const isVersion = (value: unknown): value is string | undefined =>
  value === undefined || (typeof value === "string" && value !== "");

/** What an error means to the caller of a call. */
type MapError = (error: unknown) => unknown;

/** Calls to what is not ours: they end in time, with an answer of the right kind or a `SessionError`. */
export class CallGuard {
  readonly #timeout: number;
  readonly #limit = new Deadlines();
  readonly #events: Events;

  /** `timeout` in seconds; `events` is told of every failed call. */
  constructor(timeout: number, events: Events) {
    this.#timeout = timeout;
    this.#events = events;
  }

  /**
   * Runs a call: `operation` and `key`, the storage key it is about, are for those who trace; `meaning` is told of what it threw
   * first.
   */
  call<T>(
    operation: string,
    run: () => MaybePromise<unknown>,
    isRight: (value: unknown) => value is T,
    key?: string,
    meaning?: MapError,
  ): MaybePromise<T> {
    if (!isTraced()) return this.#run(run, isRight, meaning);
    const tag = key === undefined ? undefined : this.#events.tagOf(key);
    return traceCall(operation, () => this.#run(run, isRight, meaning), tag);
  }

  #run<T>(
    run: () => MaybePromise<unknown>,
    isRight: (value: unknown) => value is T,
    meaning?: MapError,
  ): MaybePromise<T> {
    try {
      return this.answer(run(), isRight, meaning);
    } catch (error) {
      throw this.failure(error, meaning);
    }
  }

  /** What a call has answered, if it is of the right kind; a promise is waited for, within the time. */
  answer<T>(
    answer: unknown,
    isRight: (value: unknown) => value is T,
    meaning?: MapError,
  ): MaybePromise<T> {
    if (!isThenable(answer)) return checked(answer, isRight);
    return this.#limit.within(
      answer,
      performance.now() + this.#timeout * 1000,
      () => this.failure(late(this.#timeout)),
      (value) => {
        try {
          return checked(value, isRight);
        } catch (error) {
          throw this.failure(error);
        }
      },
      (error) => this.failure(error, meaning),
    );
  }

  /** The typed error for whatever a call threw. */
  failure(error: unknown, meaning?: MapError): SessionError {
    const what = meaning === undefined ? error : meaning(error);
    const failure = what instanceof SessionError
      ? what
      : new SessionError("ERR_STORE", "The session store failed", { cause: what });
    if (failure.code === "ERR_STORE") this.#events.emit("store-error");
    return failure;
  }
}

/** A guarded session store. */
export class GuardedStore {
  readonly #store: SessionStore;
  readonly #guard: CallGuard;

  constructor(store: SessionStore, guard: CallGuard) {
    this.#store = store;
    this.#guard = guard;
  }

  load(key: string): MaybePromise<StoredRecord | undefined> {
    if (isTraced()) return this.#guard.call("load", () => this.#store.load(key), isStoredOrNone, key);
    // Written out, without a closure: every request that uses its session comes by here.
    try {
      const answer: unknown = this.#store.load(key);
      return isStoredOrNone(answer) ? answer : this.#guard.answer(answer, isStoredOrNone);
    } catch (error) {
      throw this.#guard.failure(error);
    }
  }

  /** The record past every copy. */
  loadFresh(key: string): MaybePromise<StoredRecord | undefined> {
    return this.#guard.call("load", () => this.#store.load(key, { fresh: true }), isStoredOrNone, key);
  }

  create(key: string, record: SessionRecord): MaybePromise<string | undefined> {
    return this.#write("create", () => this.#store.create(key, record), isVersion, key);
  }

  save(key: string, record: SessionRecord, version: string): MaybePromise<string | undefined> {
    if (isTraced()) return this.#write("save", () => this.#store.save(key, record, version), isVersion, key);
    // Written out, as `load` is.
    try {
      return this.#guard.answer(this.#store.save(key, record, version), isVersion, asStoreError);
    } catch (error) {
      throw this.#guard.failure(error, asStoreError);
    }
  }

  delete(key: string): MaybePromise<boolean> {
    return this.#write("delete", () => this.#store.delete(key), isBoolean, key);
  }

  get canTouch(): boolean {
    return this.#store.touch !== undefined;
  }

  touch(key: string, touchedAt: number, expiresAt: number, version: string): MaybePromise<boolean> {
    return this.#write("touch", () => this.#store.touch!(key, touchedAt, expiresAt, version), isBoolean, key);
  }

  clearExpired(now: number, limit: number): MaybePromise<number> {
    if (this.#store.clearExpired === undefined) unsupported("clear expired sessions");
    return this.#write("clearExpired", () => this.#store.clearExpired!(now, limit), isCount);
  }

  get canList(): boolean {
    return this.#store.list !== undefined;
  }

  list(userId: string, after: string | undefined): MaybePromise<SessionPage> {
    if (this.#store.list === undefined) unsupported("list a user's sessions");
    return this.#guard.call("list", () => this.#store.list!(userId, { after, limit: pageSize }), isPage);
  }

  close(): MaybePromise<void> {
    return this.#guard.call(
      "close",
      () => this.#store.close?.(),
      (value): value is void => !isThenable(value),
    );
  }

  /** A write that meets damage is trouble: only a load can answer with an anonymous visitor. */
  #write<T>(
    operation: string,
    run: () => MaybePromise<unknown>,
    isRight: (value: unknown) => value is T,
    key?: string,
  ): MaybePromise<T> {
    return this.#guard.call(operation, run, isRight, key, asStoreError);
  }
}

/** Throws damage as trouble, and all else as it is. */
export function rethrowAsStoreError(error: unknown): never {
  throw asStoreError(error);
}

function asStoreError(error: unknown): unknown {
  return error instanceof SessionError && error.code === "ERR_DAMAGED"
    ? new SessionError("ERR_STORE", "A write met a damaged record", { cause: error })
    : error;
}

/** Work whose failure harms no answer: nothing that a visitor wrote is in it. */
export async function ignoreSessionErrors(work: () => MaybePromise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
  }
}

/** Marks errors of calls that ran out of time, whose outcome nobody knows; those of another copy of this package too. */
const hasTimedOut = Symbol.for("sojourn.hasTimedOut");

function late(seconds: number): SessionError {
  const error = new SessionError("ERR_STORE", `The session store did not answer within ${seconds} s`);
  return Object.defineProperty(error, hasTimedOut, { value: true });
}

/** Whether a failure means that the store hangs, so that nobody else should wait for it in turn. */
export function isTimeout(error: unknown): boolean {
  return error instanceof SessionError && hasTimedOut in error;
}

const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";

const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

function isPage(value: unknown): value is SessionPage {
  const { entries, next } = Object(value) as SessionPage;
  const isEntry = (one: unknown) => {
    const { key, record } = Object(one) as Partial<SessionPage["entries"][number]>;
    return typeof key === "string" && typeof record === "object" && record !== null && isSummary(record);
  };
  return Array.isArray(entries) && entries.every(isEntry) && (next === undefined || typeof next === "string");
}

function checked<T>(value: unknown, isRight: (value: unknown) => value is T): T {
  const answer = value === null ? undefined : value;
  if (isRight(answer)) return answer;
  throw new SessionError("ERR_STORE", "The session store gave an answer of the wrong kind");
}

function unsupported(what: string): never {
  throw new SessionError("ERR_UNSUPPORTED", `This session store cannot ${what}`);
}
