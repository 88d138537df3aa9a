/** The interface of Django's session engines, which keep sessions as rows of an encoded text and an expiry. */

import type { MaybePromise } from "../../../src/store.ts";

/** One stored session. The text is compared and passed on, never decoded. */
export interface DjangoRow {
  /** The encoded session, exactly as it is stored: Django's column, file or cache entry. */
  readonly text: string;
  /**
   * When the row expires, in milliseconds since the epoch: Django's `expire_date`. Rows to be written always have it. A loaded row has
   * it, or `savedAt` if the engine does not store an expiry.
   */
  readonly expiresAt?: number;
  /** When the row was written, in milliseconds since the epoch, where no expiry is stored: a file's modification time. */
  readonly savedAt?: number;
}

/**
 * Replaces a session that ended but whose row cannot be removed, because other tables refer to it. It is no longer a session: nothing is
 * found, replaced or removed there.
 */
export const emptied: DjangoRow = { text: "", expiresAt: 0 };

/**
 * The place where a Django site keeps its sessions. It stores texts; Django's formats are handled above it.
 *
 * Keys are Django's session keys: at least 8 characters of visible ASCII, as the visitor sent them, so an engine with stricter
 * names (files) returns "not found" itself, and two keys that differ only in case are distinct. "Not found" is a value; failures
 * are thrown, and an invalid row is a `SessionError` `ERR_DAMAGED`. Operations that wait have a time limit and do not block
 * the server. Engines handle time zones themselves (`useTz`): here instants are milliseconds. Expired rows are returned
 * like any other, as long as they are stored.
 */
export interface DjangoEngine {
  /**
   * The form of the texts: `"signed"`, Django's signed and perhaps compressed form (tables, files), or `"json"`, the plain
   * JSON of the session (a cache with a JSON serializer).
   */
  readonly format: "signed" | "json";
  /** The cookie's name, where it is part of what is stored (file names); `djangoSessions` refuses to run with another one. */
  readonly cookieName?: string;
  /** The site's `USE_TZ`, if the engine has that option; it also decides the format of dates in session data. */
  readonly useTz?: boolean;
  /** The row under a key, expired or not. */
  load(key: string): MaybePromise<DjangoRow | undefined>;
  /** Inserts a row. Returns `false` if the key is taken. */
  create(key: string, row: DjangoRow): MaybePromise<boolean>;
  /**
   * Replaces the row if its text is still `was`. Returns `true`, also if nothing had to change, or `false` if it has another
   * text or is gone.
   */
  replace(key: string, row: DjangoRow, was: string): MaybePromise<boolean>;
  /**
   * Moves a session to a new key, with new content, if its text is still `was`, in one atomic step if the engine has those. Afterwards the
   * old key is invalid. Returns `false`, with nothing changed, if it has another text or is gone, or the new key is taken.
   */
  rotate(oldKey: string, newKey: string, row: DjangoRow, was: string): MaybePromise<boolean>;
  /** Removes the row. Returns whether there was one. */
  delete(key: string): MaybePromise<boolean>;
  /**
   * Removes at most `limit` rows that expired before `now`. Returns the number removed. `endOf` returns the expiry, in milliseconds, of a
   * row that has only `savedAt`, or `undefined` for one that cannot be read, which is kept.
   */
  clearExpired(
    now: number,
    limit: number,
    endOf: (row: DjangoRow) => MaybePromise<number | undefined>,
  ): MaybePromise<number>;
  /** Releases what the engine opened itself. May be called twice. */
  close?(): MaybePromise<void>;
}
