/** A small store that keeps every promise: the one that the broken stores break. */
import type {
  ListOptions,
  SessionPage,
  SessionRecord,
  SessionStore,
  StoredRecord,
} from "../../../src/store.ts";

/** Records in a `Map`. Broken stores override one method or one of the small steps. */
export class CorrectStore implements SessionStore {
  records: Map<string, StoredRecord> = new Map();
  /** Where a key stands among all that were ever used, for the pages of a list. */
  places: Map<string, number> = new Map();
  lastVersion = 0;

  nextVersion(_key: string): string {
    return String(++this.lastVersion);
  }

  put(
    key: string,
    { data, head, userId, createdAt, touchedAt, expiresAt }: SessionRecord,
    version: string,
  ): string {
    const some = { ...head !== undefined && { head }, ...userId !== undefined && { userId } };
    this.records.set(key, Object.freeze({ data, ...some, createdAt, touchedAt, expiresAt, version }));
    if (!this.places.has(key)) this.places.set(key, this.places.size + 1);
    return version;
  }

  isTaken(key: string): boolean {
    return (this.records.get(key)?.expiresAt ?? -Infinity) > Date.now();
  }

  load(
    key: string,
    _options?: { fresh?: boolean },
  ): StoredRecord | undefined | Promise<StoredRecord | undefined> {
    return this.records.get(key);
  }

  create(key: string, record: SessionRecord): string | undefined | Promise<string | undefined> {
    return this.isTaken(key) ? undefined : this.put(key, record, this.nextVersion(key));
  }

  save(
    key: string,
    record: SessionRecord,
    version: string,
  ): string | undefined | Promise<string | undefined> {
    if (this.records.get(key)?.version !== version) return undefined;
    return this.put(key, record, this.nextVersion(key));
  }

  delete(key: string): boolean | Promise<boolean> {
    return this.records.delete(key);
  }

  touch(
    key: string,
    touchedAt: number,
    expiresAt: number,
    version: string,
  ): boolean | Promise<boolean> {
    const found = this.records.get(key);
    if (found?.version !== version) return false;
    this.put(key, {
      ...found,
      touchedAt: Math.max(touchedAt, found.touchedAt),
      expiresAt: Math.max(expiresAt, found.expiresAt),
    }, version);
    return true;
  }

  clearExpired(now: number, limit: number): number | Promise<number> {
    const dead = [...this.records].filter(([, { expiresAt }]) => expiresAt <= now).slice(0, limit);
    for (const [key] of dead) this.records.delete(key);
    return dead.length;
  }

  /** Whether a record is in the list of a user. */
  isListed(record: StoredRecord, userId: string): boolean {
    return record.userId === userId;
  }

  list(userId: string, options: ListOptions = {}): SessionPage | Promise<SessionPage> {
    const mine = [...this.records].filter(([, record]) => this.isListed(record, userId))
      .map(([key, record]) => ({ key, record, ref: this.places.get(key)! }));
    return pageOf(mine, options);
  }

  version(key: string): string | undefined | Promise<string | undefined> {
    return this.records.get(key)?.version;
  }

  close(): void | Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** A record and where it stands in a list. */
export interface Placed {
  readonly key: string;
  readonly record: StoredRecord;
  readonly ref: number;
}

/** One page of a list in the order of the places; the cursor is the place of the last entry. */
export function pageOf(list: readonly Placed[], { after, limit = 100 }: ListOptions): SessionPage {
  if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`limit: received ${limit}`);
  const rest = list.filter(({ ref }) => after === undefined || ref > Number(after))
    .sort((a, b) => a.ref - b.ref);
  const page = rest.slice(0, limit);
  const entries = page.map(({ key, record: { data: _, version: __, ...record } }) => ({ key, record }));
  return { entries, ...page.length < rest.length && { next: String(page.at(-1)!.ref) } };
}
