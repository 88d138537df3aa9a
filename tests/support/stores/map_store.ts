/** A session store in a `Map`, small enough to be seen through, which counts its calls. */

import { checkPage } from "../../../backends/support/pages.ts";
import type {
  ListOptions,
  SessionPage,
  SessionRecord,
  SessionStore,
  StoredRecord,
} from "../../../src/store.ts";

/** The smallest store that keeps every promise of `SessionStore`. */
export class MapStore implements SessionStore {
  /** What is stored. */
  readonly records: Map<string, StoredRecord> = new Map();
  /** The names of the methods that were called, in order. */
  readonly calls: string[] = [];
  #serial = 0;
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  load(key: string): StoredRecord | undefined {
    this.calls.push("load");
    return this.records.get(key);
  }

  create(key: string, record: SessionRecord): string | undefined {
    this.calls.push("create");
    const old = this.records.get(key);
    if (old !== undefined && old.expiresAt > this.#now()) return undefined;
    return this.#put(key, record);
  }

  save(key: string, record: SessionRecord, version: string): string | undefined {
    this.calls.push("save");
    return this.records.get(key)?.version === version ? this.#put(key, record) : undefined;
  }

  delete(key: string): boolean {
    this.calls.push("delete");
    return this.records.delete(key);
  }

  touch(key: string, touchedAt: number, expiresAt: number, version: string): boolean {
    this.calls.push("touch");
    const old = this.records.get(key);
    if (old?.version !== version) return false;
    const [touched, expires] = [Math.max(touchedAt, old.touchedAt), Math.max(expiresAt, old.expiresAt)];
    this.records.set(key, Object.freeze({ ...old, touchedAt: touched, expiresAt: expires }));
    return true;
  }

  clearExpired(now: number, limit: number): number {
    this.calls.push("clearExpired");
    const dead = [...this.records].filter(([, { expiresAt }]) => expiresAt <= now).slice(0, limit);
    for (const [key] of dead) this.records.delete(key);
    return dead.length;
  }

  list(userId: string, options: ListOptions = {}): SessionPage {
    this.calls.push("list");
    const { after = "", limit } = checkPage(options);
    const mine = [...this.records].filter(([key, record]) => record.userId === userId && key > after)
      .sort(([one], [other]) => one < other ? -1 : 1);
    const entries = mine.slice(0, limit)
      .map(([key, { data: _, version: __, ...record }]) => ({ key, record }));
    return { entries, ...mine.length > limit && { next: entries.at(-1)!.key } };
  }

  close(): void {
    this.calls.push("close");
  }

  #put(key: string, record: SessionRecord): string {
    const { data, head, userId, createdAt, touchedAt, expiresAt } = record;
    const version = String(++this.#serial);
    const some = { ...head !== undefined && { head }, ...userId !== undefined && { userId } };
    this.records.set(key, Object.freeze({ data, ...some, createdAt, touchedAt, expiresAt, version }));
    return version;
  }
}

/** A `MapStore` that tells versions cheaply. */
export class VersionedMapStore extends MapStore {
  /** The version of the record under `key`. */
  version(key: string): string | undefined {
    this.calls.push("version");
    return this.records.get(key)?.version;
  }
}

/** A store whose calls go through `gate`, which may delay, fail or swallow them; `go` runs the real one. */
export function gatedStore(
  store: SessionStore,
  gate: (method: string, go: () => unknown) => unknown,
): SessionStore {
  return new Proxy(store, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as ((...args: unknown[]) => unknown) | undefined;
      if (typeof method !== "function") return method;
      return (...args: unknown[]) => gate(String(name), () => method.apply(target, args));
    },
  });
}
