/** The map half of a session: typed keys and values over one unit of work. */

import type { SessionData, SessionKey } from "./codec.ts";
import { closed, SessionError } from "./errors.ts";
import type { UnitOfWork } from "./unit_of_work/unit_of_work.ts";
import { storedOf, toObject, type Values } from "./data/values.ts";

/** The unit of work behind a session. */
export let unitOf: (session: object) => UnitOfWork;

/** The unit of work, for a member that only shows something. That is use. */
export function read(session: object): UnitOfWork {
  const unit = unitOf(session);
  unit.isUsed = true;
  return unit;
}

/** The unit of work, for a member that changes something. @throws {SessionError} `ERR_CLOSED` when the answer has left. */
export function write(session: object): UnitOfWork {
  const unit = read(session);
  if (!unit.isClosed) return unit;
  throw closed("change");
}

/**
 * The members of a session that show and change its data, on top of the shape of a `Map`. All are synchronous. Objects
 * that are handed out may be changed in place; that is noticed and saved.
 *
 * @example
 * ```ts
 * import { createSessions, type SessionMap } from "@sojourn/session";
 * import { MemoryStore } from "@sojourn/session/memory";
 * import assert from "node:assert/strict";
 *
 * function add(session: SessionMap<{ cart: string[] }>, item: string): number {
 *   return session.setDefault("cart", []).push(item);
 * }
 *
 * const secrets = [crypto.getRandomValues(new Uint8Array(32))];
 * const sessions = createSessions<{ cart: string[] }>({ store: new MemoryStore(), secrets });
 * await sessions.wrap(async (request) => {
 *   const session = await request.session;
 *   add(session, "tea");
 *   assert.equal(add(session, "milk"), 2);
 *   return new Response();
 * })(new Request("https://localhost/"));
 * ```
 */
export class SessionMap<Data extends object = SessionData> {
  readonly #unit: UnitOfWork;

  /** Sessions are made by `createSessions`, not by hand. */
  constructor(unit: UnitOfWork) {
    this.#unit = unit;
  }

  static {
    unitOf = (session) => (session as SessionMap).#unit;
  }

  /** The value of a key, or `undefined` when there is none. Never throws. */
  get<K extends SessionKey<Data>>(key: K): Data[K] | undefined;
  /** The value of a key, or `fallback` when there is none. Never throws. */
  get<K extends SessionKey<Data>, F>(key: K, fallback: F): Exclude<Data[K], undefined> | F;
  get(key: string, fallback?: unknown): unknown {
    const { tracker } = read(this);
    return tracker.draft.values.has(key) ? tracker.track(key) : fallback;
  }

  /**
   * Sets a value.
   *
   * @throws {SessionError} `ERR_SERIALIZE` if the codec could not give it back, before anything changes; `ERR_CLOSED`.
   */
  set<K extends SessionKey<Data>>(key: K, value: Exclude<Data[K], undefined>): this {
    const { tracker } = write(this);
    tracker.set(named(key), defined(key, value));
    return this;
  }

  /** Whether there is a value. */
  has(key: SessionKey<Data>): boolean {
    return read(this).tracker.draft.values.has(key);
  }

  /** Removes a value; whether there was one. @throws {SessionError} `ERR_CLOSED`. */
  delete(key: SessionKey<Data>): boolean {
    return write(this).tracker.remove(key);
  }

  /** Removes a value and gives it back: the idiom for what is read once. @throws {SessionError} `ERR_CLOSED`. */
  pop<K extends SessionKey<Data>>(key: K): Data[K] | undefined;
  /** Removes a value and gives it back, or `fallback` when there is none. @throws {SessionError} `ERR_CLOSED`. */
  pop<K extends SessionKey<Data>, F>(key: K, fallback: F): Exclude<Data[K], undefined> | F;
  pop(key: string, fallback?: unknown): unknown {
    const { tracker } = write(this);
    const { values } = tracker.draft;
    if (!values.has(key)) return fallback;
    const value = values.get(key);
    tracker.remove(key);
    return value;
  }

  /** The value of a key, which is set first when there is none. @throws {SessionError} As `set` does. */
  setDefault<K extends SessionKey<Data>>(
    key: K,
    value: Exclude<Data[K], undefined>,
  ): Exclude<Data[K], undefined> {
    const { tracker } = write(this);
    if (!tracker.draft.values.has(named(key))) tracker.set(key, defined(key, value), true);
    return tracker.track(key) as Exclude<Data[K], undefined>;
  }

  /**
   * Sets a value made from the current one. When another request saved first, `make` is called again with the fresh value,
   * so no increment is lost; what is returned is what this request saw. A result of `undefined` removes the key.
   *
   * @throws {TypeError} If `make` is not a function or gives a promise. @throws {SessionError} As `set` does.
   */
  update<K extends SessionKey<Data>, R extends Data[K] | undefined>(
    key: K,
    make: (current: Data[K] | undefined) => R,
  ): R {
    const { tracker } = write(this);
    if (typeof make !== "function") {
      throw new TypeError(`Cannot update "${named(key)}": expected a function: received ${typeof make}`);
    }
    return tracker.update(named(key), (current) => {
      const value = make(current as Data[K] | undefined) as unknown;
      if (typeof (value as PromiseLike<unknown> | undefined)?.then === "function") {
        if (value instanceof Promise) value.catch(() => {});
        throw new TypeError(`Cannot update "${key}": the function must be synchronous: received a promise`);
      }
      return value;
    }) as R;
  }

  /** Sets several values; all or none. @throws {SessionError} As `set` does. */
  assign(values: Partial<Data>): this {
    const { tracker } = write(this);
    const entries = Object.entries(values);
    for (const [key, value] of entries) defined(key, value);
    tracker.setAll(entries);
    return this;
  }

  /** The names of the values, in the order in which they were set; after a load, in the order of `JSON.parse`. */
  keys(): MapIterator<SessionKey<Data>> {
    return read(this).tracker.draft.values.keys() as MapIterator<SessionKey<Data>>;
  }

  /** The values. */
  values(): MapIterator<Data[SessionKey<Data>]> {
    return this.#all().values() as MapIterator<Data[SessionKey<Data>]>;
  }

  /** Names and values. */
  entries(): MapIterator<[SessionKey<Data>, Data[SessionKey<Data>]]> {
    return this.#all().entries() as MapIterator<[SessionKey<Data>, Data[SessionKey<Data>]]>;
  }

  /** Names and values. */
  [Symbol.iterator](): MapIterator<[SessionKey<Data>, Data[SessionKey<Data>]]> {
    return this.entries();
  }

  /** Names and values as an object without prototype. */
  toObject(): Partial<Data> {
    return toObject(this.#all()) as Partial<Data>;
  }

  #all(): Values {
    const { tracker } = read(this);
    const { values } = tracker.draft;
    for (const key of values.keys()) tracker.track(key);
    return values;
  }

  /** How many values there are. */
  get size(): number {
    return read(this).tracker.draft.values.size;
  }

  /** Whether there is no value. */
  get isEmpty(): boolean {
    return this.size === 0;
  }

  /** Removes all values, the user and the session's own expiry; keeps the id. @throws {SessionError} `ERR_CLOSED`. */
  clear(): void {
    const { tracker } = write(this);
    const { values, userId, meta } = tracker.draft;
    if (storedOf(values).size > 0 || userId !== undefined || Object.keys(meta).length > 0) tracker.clear();
  }
}

function named(key: unknown): string {
  if (typeof key === "string") return key;
  throw new TypeError(`Cannot use a session key that is not a string: received ${typeof key}`);
}

function defined(key: string, value: unknown): unknown {
  if (value !== undefined) return value;
  throw new SessionError("ERR_SERIALIZE", `Cannot store the value at "${key}": it is undefined; use delete`);
}
