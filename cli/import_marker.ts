/** The progress of `import-django`, kept in the store as a record that no cookie leads to. */

import { SessionError } from "../src/errors.ts";
import { noteTime } from "../backends/support/instants.ts";
import { storageKey } from "../src/crypto/session_id.ts";
import type { AnyStore } from "./open.ts";

/** A text that is not an id, so that no session has its key. */
const name = "the import from Django";
/** Its minimum lifetime, in ms. */
const least = 86_400_000;

/** The progress of an import. */
export interface Reached {
  /** Everything up to here is done: the beginning of a Django key, too little of it to open a session. */
  readonly from: string;
  /** The rows before that could not be read. */
  readonly unreadable: number;
  readonly isDone: boolean;
}

/**
 * The marker of one store. It lives as long as the last imported session: after that a second import could not restore anything.
 */
export class ImportMarker {
  readonly #store: AnyStore;
  readonly #key: string;
  readonly #now: number;
  #version: string | undefined;
  #end: number;
  /** The stored progress; `undefined` if there was no import. */
  readonly reached: Reached | undefined;

  private constructor(
    store: AnyStore,
    key: string,
    now: number,
    found: { readonly version: string; readonly end: number; readonly reached: Reached } | undefined,
  ) {
    this.#store = store;
    this.#key = key;
    this.#now = now;
    this.#version = found?.version;
    this.#end = Math.max(now + least, found?.end ?? 0);
    this.reached = found?.reached;
  }

  /** Loads the marker; `now` in ms. */
  static async find(store: AnyStore, now: number): Promise<ImportMarker> {
    const key = await storageKey(name);
    const record = await store.load(key);
    if (record === undefined || record.expiresAt <= now) return new ImportMarker(store, key, now, undefined);
    const { version, expiresAt: end, data } = record;
    return new ImportMarker(store, key, now, { version, end, reached: read(data) });
  }

  /** Whether an import was begun, now or before. */
  get isBegun(): boolean {
    return this.#version !== undefined;
  }

  /** Stores the progress; `end` is the latest expiry, in ms, of the sessions that come next. */
  async put(reached: Reached, end: number = 0): Promise<void> {
    this.#end = Math.max(this.#end, end);
    const record = {
      data: JSON.stringify(reached),
      createdAt: noteTime,
      touchedAt: this.#now,
      expiresAt: this.#end,
    };
    this.#version = this.#version === undefined
      ? await this.#store.create(this.#key, record)
      : await this.#store.save(this.#key, record, this.#version);
    if (this.#version === undefined) {
      throw new SessionError("ERR_STORE", "Another import into this store is running");
    }
  }
}

function read(text: string): Reached {
  const { from, unreadable, isDone } = JSON.parse(text);
  return { from: String(from), unreadable: Number(unreadable), isDone: isDone === true };
}
