/** What a session store is: the records it keeps, and the promises it makes about them. */

/** A value, or a promise of it. Plain values are the fast path. */
export type MaybePromise<T> = T | Promise<T>;

/**
 * What a store keeps for one session. All instants are milliseconds since the epoch: numbers below 2^53. The library's own
 * stores refuse anything else with a `TypeError` or `RangeError` before they change anything. (The core rounds a finer clock down.)
 *
 * Records are values: the one that `load` gave never changes afterwards.
 */
export interface SessionRecord {
  /** Opaque text: the session data as the codec encoded it. */
  readonly data: string;
  /** Opaque text of at most 4,096 bytes: what the library keeps beside the data, and shows without it. */
  readonly head?: string;
  /** The user who is logged in, for the user index. */
  readonly userId?: string;
  /** When the session was created; restarted by a log-in. */
  readonly createdAt: number;
  /** The last activity. */
  readonly touchedAt: number;
  /** From this instant on the record is dead, whatever the store still holds. */
  readonly expiresAt: number;
}

/** A record together with the version that the store gave it. */
export interface StoredRecord extends SessionRecord {
  /** Changes with every save and is never used twice for one key, also across `delete` and `create`. */
  readonly version: string;
}

/** A record without its data: what a list shows. */
export type SessionSummary = Omit<SessionRecord, "data">;

/** One of a user's sessions, as a store's index knows it. */
export interface IndexedRecord {
  /** The storage key. */
  readonly key: string;
  /** The record under it, without its data. */
  readonly record: SessionSummary;
}

/** Some of a user's sessions. */
export interface SessionPage {
  /** Possibly none, also when more follow; one may come up on two pages. */
  readonly entries: readonly IndexedRecord[];
  /** Where the next page begins: what to give as `after`. Absent on the last page. */
  readonly next?: string;
}

/** Which page of a user's sessions `list` is to give. */
export interface ListOptions {
  /** The `next` of the page before; without it the first page. */
  readonly after?: string | undefined;
  /** The most entries of the page, a positive integer. A store may give fewer. @default 100 */
  readonly limit?: number | undefined;
}

/** Counts over all the records of a store, as they were while it was looked through. */
export interface StoreStats {
  /** Records whose time is not over. */
  readonly live: number;
  /** Records that have expired and were not removed yet. */
  readonly expired: number;
  /** Records that cannot be read: damaged, or written by a newer version of the library. */
  readonly damaged: number;
  /** The bytes of all their data, as the codec encoded it, in UTF-8. */
  readonly bytes: number;
  /** When the oldest live one was created, in ms; absent if there is none. */
  readonly oldest?: number;
  /** When the newest one was created, in ms, expired or not; absent if there is none. */
  readonly newest?: number;
  /** The live ones by their age since creation: under the first bound, from there to the second, …, over the last. */
  readonly ages: readonly number[];
}

/**
 * A store that can look through all its records, for operators. It is no part of what sessions need from a store: the
 * command line asks for it, and says so where it is missing.
 */
export interface CountableStore extends SessionStore {
  /**
   * Counts all records, in steps that neither hold up the event loop nor gather records in memory. `bounds` are ages in ms,
   * ascending. What changes meanwhile may be counted or not.
   */
  stats(now: number, bounds: readonly number[]): MaybePromise<StoreStats>;
}

/**
 * A place where sessions are kept.
 *
 * A key is always 64 lower-case hex digits: a hash of the session id, so no store sees a usable id. "Not found" is a
 * value; a throw means trouble: down, full or damaged. A store that can tell a damaged record throws a `SessionError`
 * with code `ERR_DAMAGED`. Whatever waits inside a store gives up within the store's own time limit.
 *
 * Prove your own store with `testStore` from `@sojourn/session/testing`.
 */
export interface SessionStore {
  /**
   * Whether it drops records before their time to make room, as a cache does. What has to stay, such as which sessions have ended, is
   * not put there. @default {false}
   */
  readonly forgets?: boolean;
  /**
   * The record under `key`, or `undefined`. A record that has expired but is still stored may be shown. With `fresh` it comes from where it
   * is kept for good, past every copy.
   */
  load(key: string, options?: { readonly fresh?: boolean }): MaybePromise<StoredRecord | undefined>;
  /** Inserts a record, only if the key is free (an expired record does not count), and answers its version; `undefined`: the key is taken. */
  create(key: string, record: SessionRecord): MaybePromise<string | undefined>;
  /** Replaces the record if it still has `version`, and answers the new version; `undefined`: another version, or gone. */
  save(key: string, record: SessionRecord, version: string): MaybePromise<string | undefined>;
  /**
   * Removes the record; whether there was one. It goes by the key alone, so that a session can be ended whatever became of
   * its record: one that is damaged or of a newer format is removed too.
   */
  delete(key: string): MaybePromise<boolean>;
  /**
   * Moves `touchedAt` and `expiresAt` of the record forward if it still has `version`, and changes nothing else, the version neither; each
   * of the two stays as it is if it is later already. Whether the record had that version.
   */
  touch?(key: string, touchedAt: number, expiresAt: number, version: string): MaybePromise<boolean>;
  /** Removes at most `limit` records that expired at or before `now`; the number removed. What it cannot read it leaves alone. */
  clearExpired?(now: number, limit: number): MaybePromise<number>;
  /**
   * A page of one user's records, without their data, at a cost that does not grow with other users' records. Every record that is
   * the user's from the first page to the last is on one of them, whatever is saved, touched or removed meanwhile. What it cannot read
   * it leaves out.
   */
  list?(userId: string, options?: ListOptions): MaybePromise<SessionPage>;
  /**
   * The version of the record under `key`, or `undefined`: what `load` would give at this moment, for less. A `CachedStore`
   * asks for it before it serves a copy. Leave it out where it would cost as much as a `load`.
   */
  version?(key: string): MaybePromise<string | undefined>;
  /**
   * For a store that drops live records to stay within bounds: `tell` is to be called with the key of each. `createSessions` calls
   * this once, and makes it the event `evicted`; where several share a store, each is told of all.
   */
  onEvict?(tell: (key: string) => void): void;
  /** Releases what the store opened itself. May be called twice. */
  close?(): MaybePromise<void>;
}
