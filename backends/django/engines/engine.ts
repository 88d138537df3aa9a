/** What Django calls a session engine: where a site keeps its sessions, as rows of an encoded text and an end. */

import type { MaybePromise } from "../../../src/store.ts";

/** One stored session. The text is compared and handed on, never looked into. */
export interface DjangoRow {
  /** The encoded session, exactly as it is stored: Django's column, file or cache entry. */
  readonly text: string;
  /**
   * When the row ends, in milliseconds since the epoch: Django's `expire_date`. Rows to be written always have it. A row that was
   * loaded has it, or `savedAt` where nothing of the kind is stored.
   */
  readonly expiresAt?: number;
  /** When the row was written, in milliseconds since the epoch, where no end is stored: a file's time of modification. */
  readonly savedAt?: number;
}

/**
 * What takes the place of a session that ended and whose row cannot be removed, because other tables refer to it. It is no session
 * any more: nothing is found, replaced or removed there.
 */
export const emptied: DjangoRow = { text: "", expiresAt: 0 };

/**
 * Where a Django site keeps its sessions. Django's formats lie above it: it moves texts.
 *
 * Keys are Django's session keys: at least 8 characters of visible ASCII, as the visitor sent them, so a place with narrower
 * names (files) answers "not found" by itself, and two keys that differ only in case are two. "Not found" is a value; a throw
 * means trouble, and a row that cannot be one is a `SessionError` `ERR_DAMAGED`. Whatever waits gives up in time and without
 * blocking the server. Time zones are the engine's own matter (`useTz`): here an instant is milliseconds. Rows that have
 * expired are shown like any other, as far as they are still stored.
 */
export interface DjangoEngine {
  /**
   * What the texts are: `"signed"`, Django's signed and perhaps compressed form (tables, files), or `"json"`, the plain
   * JSON of the session (a cache with a JSON serializer).
   */
  readonly format: "signed" | "json";
  /** The cookie's name, where it is part of what is stored (file names); `djangoSessions` refuses to run with another one. */
  readonly cookieName?: string;
  /** The site's `USE_TZ`, where the engine was told: it also decides how dates in session data are spelled. */
  readonly useTz?: boolean;
  /** The row under a key, expired or not. */
  load(key: string): MaybePromise<DjangoRow | undefined>;
  /** Inserts a row; `false`: the key is taken. */
  create(key: string, row: DjangoRow): MaybePromise<boolean>;
  /**
   * Replaces the row whose text is still `was`, and says `true` also when nothing had to change; `false`: another text,
   * or gone.
   */
  replace(key: string, row: DjangoRow, was: string): MaybePromise<boolean>;
  /**
   * Moves a session whose text is still `was` to a new key, with new content, in one atomic step where the place has such; the old
   * key is dead afterwards. `false`: another text, or gone, or the new key is taken, and nothing changed.
   */
  rotate(oldKey: string, newKey: string, row: DjangoRow, was: string): MaybePromise<boolean>;
  /** Removes the row; whether there was one. */
  delete(key: string): MaybePromise<boolean>;
  /**
   * Removes at most `limit` rows that ended before `now`; the number removed. `endOf` tells the end of a row that has only
   * `savedAt`, in milliseconds, and `undefined` for one that cannot be read, which stays.
   */
  clearExpired(
    now: number,
    limit: number,
    endOf: (row: DjangoRow) => MaybePromise<number | undefined>,
  ): MaybePromise<number>;
  /** Releases what the engine opened itself. May be called twice. */
  close?(): MaybePromise<void>;
}
