/** Stands before a store: bounds every call in time, checks every answer, and makes every failure a typed one. */

import { SessionError } from "./errors.ts";
import type { IndexedRecord, MaybePromise, SessionRecord, SessionStore, StoredRecord } from "./store.ts";

const isInstant = (value: unknown) => Number.isFinite(value);

function isRecord(value: unknown): value is SessionRecord {
  if (typeof value !== "object" || value === null) return false;
  const { data, userId, createdAt, touchedAt, expiresAt } = value as SessionRecord;
  return typeof data === "string" && (userId === undefined || typeof userId === "string") &&
    isInstant(createdAt) && isInstant(touchedAt) && isInstant(expiresAt);
}

const isStored = (value: unknown): value is StoredRecord =>
  isRecord(value) && typeof (value as StoredRecord).version === "string";

const isStoredOrNone = (value: unknown): value is StoredRecord | undefined =>
  value === undefined || isStored(value);

const isVersion = (value: unknown): value is string | undefined =>
  value === undefined || (typeof value === "string" && value !== "");

/** Calls to what is not ours: they end in time, with an answer of the right kind or a `SessionError`. */
export class Guard {
  readonly #timeout: number;
  readonly #onFailure: () => void;

  /** `timeout` in seconds; `onFailure` is told of every failed call. */
  constructor(timeout: number, onFailure: () => void) {
    this.#timeout = timeout;
    this.#onFailure = onFailure;
  }

  /** Runs a call. */
  call<T>(run: () => MaybePromise<unknown>, isRight: (value: unknown) => value is T): MaybePromise<T> {
    let answer: unknown;
    try {
      answer = run();
      if (!isThenable(answer)) return checked(answer, isRight);
    } catch (error) {
      throw this.#failure(error);
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const timer = setTimeout(() => reject(this.#failure(late(this.#timeout))), this.#timeout * 1000);
    Promise.resolve(answer).then((value) => resolve(checked(value, isRight))).catch((error) =>
      reject(this.#failure(error))
    ).finally(() => clearTimeout(timer));
    return promise;
  }

  #failure(error: unknown): SessionError {
    const failure = error instanceof SessionError
      ? error
      : new SessionError("ERR_STORE", "The session store failed", { cause: error });
    if (failure.code === "ERR_STORE") this.#onFailure();
    return failure;
  }
}

/** A guarded session store. */
export class GuardedStore {
  readonly #store: SessionStore;
  readonly #guard: Guard;

  constructor(store: SessionStore, guard: Guard) {
    this.#store = store;
    this.#guard = guard;
  }

  load(key: string): MaybePromise<StoredRecord | undefined> {
    return this.#guard.call(() => this.#store.load(key), isStoredOrNone);
  }

  create(key: string, record: SessionRecord): MaybePromise<string | undefined> {
    return this.#write(() => this.#store.create(key, record), isVersion);
  }

  save(key: string, record: SessionRecord, version: string): MaybePromise<string | undefined> {
    return this.#write(() => this.#store.save(key, record, version), isVersion);
  }

  rotate(
    oldKey: string,
    newKey: string,
    record: SessionRecord,
    version: string,
  ): MaybePromise<string | undefined> {
    return this.#write(() => this.#store.rotate(oldKey, newKey, record, version), isVersion);
  }

  delete(key: string): MaybePromise<boolean> {
    return this.#write(() => this.#store.delete(key), isBoolean);
  }

  get canTouch(): boolean {
    return this.#store.touch !== undefined;
  }

  touch(key: string, touchedAt: number, expiresAt: number): MaybePromise<boolean> {
    return this.#write(() => this.#store.touch!(key, touchedAt, expiresAt), isBoolean);
  }

  clearExpired(now: number, limit: number): MaybePromise<number> {
    if (this.#store.clearExpired === undefined) unsupported("clear expired sessions");
    return this.#write(() => this.#store.clearExpired!(now, limit), isCount);
  }

  list(userId: string): MaybePromise<readonly IndexedRecord[]> {
    if (this.#store.list === undefined) unsupported("list a user's sessions");
    return this.#guard.call(() => this.#store.list!(userId), isIndex);
  }

  close(): MaybePromise<void> {
    return this.#guard.call(() => this.#store.close?.(), (value): value is void => value === value);
  }

  /** A write that meets damage is trouble: only a load can answer with an anonymous visitor. */
  #write<T>(run: () => MaybePromise<unknown>, isRight: (value: unknown) => value is T): MaybePromise<T> {
    return this.#guard.call(() => {
      try {
        const answer = run();
        return isThenable(answer) ? Promise.resolve(answer).catch(trouble) : answer;
      } catch (error) {
        return trouble(error);
      }
    }, isRight);
  }
}

/** Damage, told as trouble. */
export function trouble(error: unknown): never {
  if (!(error instanceof SessionError) || error.code !== "ERR_DAMAGED") throw error;
  throw new SessionError("ERR_STORE", "A write met a damaged record", { cause: error });
}

/** Work whose failure harms no answer: nothing that a visitor wrote is in it. */
export async function harmless(work: () => MaybePromise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
  }
}

/** Errors of calls that ran out of time, whose outcome nobody knows. */
const timeouts = new WeakSet<SessionError>();

function late(seconds: number): SessionError {
  const error = new SessionError("ERR_STORE", `The session store did not answer within ${seconds} s`);
  timeouts.add(error);
  return error;
}

/** Whether a failure means that the store hangs, so that nobody else should wait for it in turn. */
export function isTimeout(error: unknown): boolean {
  return error instanceof SessionError && timeouts.has(error);
}

function isThenable(value: unknown): value is Promise<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as Promise<unknown>).then === "function";
}

const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";

const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

const isIndex = (value: unknown): value is IndexedRecord[] =>
  Array.isArray(value) && value.every((item) => typeof item?.key === "string" && isRecord(item.record));

function checked<T>(value: unknown, isRight: (value: unknown) => value is T): T {
  const answer = value === null ? undefined : value;
  if (isRight(answer)) return answer;
  throw new SessionError("ERR_STORE", "The session store gave an answer of the wrong kind");
}

function unsupported(what: string): never {
  throw new SessionError("ERR_UNSUPPORTED", `This session store cannot ${what}`);
}
