/** What a store remembers of `import-django`: how far it came, and that it is done. Kept as a record that no cookie leads to. */

import { SessionError } from "../src/errors.ts";
import { noteTime } from "../backends/support/instants.ts";
import { storageKey } from "../src/crypto/session_id.ts";
import type { AnyStore } from "./open.ts";

/** A text that is no id, so that no session has its key. */
const name = "the import from Django";
/** It lasts for so long at least, in ms. */
const least = 86_400_000;

/** How far an import came. */
export interface Reached {
  /** Everything up to here is done: the beginning of a Django key, too little of it to open a session. */
  readonly from: string;
  /** The rows before that could not be read. */
  readonly unreadable: number;
  readonly isDone: boolean;
}

/**
 * The marker of one store. It lives as long as the last session that was imported: after that there is nothing that a second import
 * could bring back.
 */
export class ImportMarker {
  readonly #store: AnyStore;
  readonly #key: string;
  readonly #now: number;
  #version: string | undefined;
  #end: number;
  /** What the store remembers; `undefined`: there was no import. */
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

  /** Looks for the marker; `now` in ms. */
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

  /** Remembers how far the import came; `end` is that of the last session, in ms, of those that come next. */
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
      throw new SessionError("ERR_STORE", "Another import into this store runs at the same time");
    }
  }
}

function read(text: string): Reached {
  const { from, unreadable, isDone } = JSON.parse(text);
  return { from: String(from), unreadable: Number(unreadable), isDone: isDone === true };
}
