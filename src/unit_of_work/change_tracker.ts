/** The state of one session in one unit of work: its values, what was handed out, and the log of changes. No I/O. */

import type { Rotation } from "../transport/transport.ts";
import type { DataFormat, Draft } from "../data/format.ts";
import type { SessionRecord } from "../store.ts";

/** One step of the change log. It is taken on the draft at once, and again on fresh data after a conflict. */
export type Change = (draft: Draft) => void;

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** How many objects of one key are watched that a merge has taken out of the session. */
const mostOlder = 4;

/** The text of an object that was loaded and cannot be carried: whatever becomes of it is a change. */
const unserializable = "";

/** What one unit of work knows of a session. */
export class ChangeTracker {
  /** The content as the handler sees it. */
  draft: Draft;
  /** The changes since the last save. */
  log: Change[] = [];
  /** The wish for a new id, if the next save is to be made under one. */
  rotation: Rotation | undefined;
  readonly #format: DataFormat;
  /** The objects that the handler holds, by key, with the text of what is known to be saved or logged of each. */
  #tracked: Map<string, Map<object, string>> | undefined;
  /** Whether what was loaded is what the text says; a schema may have changed it. */
  readonly #isVerbatim: boolean;

  constructor(format: DataFormat, draft: Draft, isVerbatim: boolean) {
    this.#format = format;
    this.draft = draft;
    this.#isVerbatim = isVerbatim;
  }

  /** Takes a change and logs it. */
  change(change: Change): void {
    change(this.draft);
    this.log.push(change);
  }

  /** Has the next save made under a new id. Of several wishes a log-in counts, and the shortest grace. */
  requestRotation(why: "rotated" | "login", grace: number): void {
    const { rotation } = this;
    this.rotation = {
      ...rotation,
      why: rotation?.why === "login" ? "login" : why,
      grace: Math.min(rotation?.grace ?? Infinity, grace),
    };
  }

  /** A value for the handler. Objects are compared at the commit, so that changes inside them are saved (SR-073). */
  track(key: string): unknown {
    const object = this.draft.values.get(key);
    if (isObject(object) && !this.#tracked?.get(key)?.has(object)) {
      this.draft.source = undefined;
      const text = this.#tryEncode(key, object);
      if (text !== undefined) this.#trackValue(key, object, text);
    }
    return object;
  }

  /** Sets a value; refused before anything changes when the codec cannot carry it (SR-071). */
  set(key: string, value: unknown, isDefault = false): void {
    const text = this.#textFor(key, value);
    // The log keeps a copy: the handler may go on changing the object that it set.
    const copy = isObject(value) ? () => this.#format.decodeValue(key, text) : () => value;
    this.draft.values.set(key, value);
    this.log.push(({ values }) => {
      if (!isDefault || !values.has(key)) values.set(key, copy());
    });
    this.#trackOnly(key, value, text);
  }

  /** Sets several values; all or none. */
  setAll(entries: readonly (readonly [string, unknown])[]): void {
    for (const [key, value] of entries) this.#textFor(key, value);
    for (const [key, value] of entries) this.set(key, value);
  }

  /** Removes a value; whether there was one. */
  remove(key: string): boolean {
    if (!this.draft.values.has(key)) return false;
    this.#tracked?.delete(key);
    this.change(({ values }) => values.delete(key));
    return true;
  }

  /** Sets a value made from the current one; the same is done again on fresh data after a conflict. */
  update(key: string, make: (current: unknown) => unknown): unknown {
    this.recordMutations(key);
    const current = this.track(key);
    let value: unknown;
    let text = "";
    try {
      value = make(current);
      if (value !== undefined) text = this.#textFor(key, value);
    } catch (error) {
      // The function may have removed the object itself, or it may be one that the codec cannot carry.
      const before = this.#tracked?.get(key)?.get(current as object);
      if (before) this.#restore(key, before);
      throw error;
    }
    if (value === undefined) this.draft.values.delete(key);
    else this.draft.values.set(key, value);
    this.log.push(({ values }) => {
      const fresh = make(values.get(key));
      if (fresh === undefined) values.delete(key);
      else {
        if (this.#format.requireEqual !== undefined) this.#textFor(key, fresh);
        values.set(key, fresh);
      }
    });
    this.#trackOnly(key, value, text);
    return value;
  }

  /** The text of a value that comes back equal; of a plain one nobody will ask for it. */
  #textFor(key: string, value: unknown): string {
    if (this.#format.isPlain?.(value)) return "";
    this.draft.source = undefined;
    const text = this.#format.encodeValue(key, value);
    this.#format.requireEqual?.(key, value, text);
    return text;
  }

  /** Undoes what a function that failed did to the object it was given. */
  #restore(key: string, text: string): void {
    const value = this.#format.decodeValue(key, text);
    this.draft.values.set(key, value);
    this.#trackOnly(key, value, text);
  }

  /** Empties the session; the user and the session's own expiry go too, as in Django. */
  clear(): void {
    this.#tracked = undefined;
    this.change((draft) => {
      draft.values.clear();
      draft.meta = {};
      draft.userId = undefined;
    });
  }

  /** What a schema made of the data may be more than the codec can carry; reading it is no error. */
  #tryEncode(key: string, object: object): string | undefined {
    try {
      return this.#format.encodeValue(key, object);
    } catch {
      return this.#isVerbatim ? unserializable : undefined;
    }
  }

  #trackValue(key: string, value: object, text: string): void {
    this.#tracked ??= new Map();
    const objects = this.#tracked.get(key);
    if (objects === undefined) this.#tracked.set(key, new Map([[value, text]]));
    else objects.set(value, text);
  }

  /** The value takes the place of whatever stood under its key. */
  #trackOnly(key: string, value: unknown, text: string): void {
    this.#tracked?.delete(key);
    if (isObject(value)) this.#trackValue(key, value, text);
  }

  /** Logs the changes inside objects that were handed out, of one key or of all. */
  recordMutations(only?: string): void {
    if (this.#tracked === undefined) return;
    for (const [key, objects] of this.#tracked) {
      if (only !== undefined && key !== only) continue;
      for (const [object, before] of objects) {
        const text = this.#format.encodeValue(key, object);
        if (text === before) continue;
        this.#format.requireEqual?.(key, object, text);
        objects.set(object, text);
        this.draft.values.set(key, object);
        this.log.push(({ values }) => values.set(key, this.#format.decodeValue(key, text)));
      }
    }
  }

  /** Whether there is anything to save. */
  get isModified(): boolean {
    this.recordMutations();
    return this.log.length > 0;
  }

  /** Goes on from what was saved, which is what this session showed when the save began. */
  saved(record: SessionRecord, draft: Draft = this.draft): void {
    this.draft = draft;
    draft.touchedAt = Math.max(draft.touchedAt, record.touchedAt);
  }

  /**
   * Goes on from what was saved together with others' changes. Objects that the handler holds are no longer those of the
   * session, but a change inside one is still noticed and saved.
   */
  merged(draft: Draft, record: SessionRecord): void {
    this.recordMutations();
    for (const objects of this.#tracked?.values() ?? []) {
      for (const object of [...objects.keys()].slice(0, -mostOlder)) objects.delete(object);
    }
    for (const change of this.log) change(draft);
    draft.source = undefined;
    this.saved(record, draft);
  }
}
