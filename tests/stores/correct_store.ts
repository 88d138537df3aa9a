/** A small store that keeps every promise: the one that the broken stores break. */
import type { IndexedRecord, SessionRecord, SessionStore, StoredRecord } from "../../src/store.ts";

/** Records in a `Map`. Broken stores override one method or one of the small steps. */
export class CorrectStore implements SessionStore {
  records: Map<string, StoredRecord> = new Map();
  lastVersion = 0;

  nextVersion(_key: string): string {
    return String(++this.lastVersion);
  }

  put(
    key: string,
    { data, userId, createdAt, touchedAt, expiresAt }: SessionRecord,
    version: string,
  ): string {
    const user = userId === undefined ? {} : { userId };
    this.records.set(key, Object.freeze({ data, ...user, createdAt, touchedAt, expiresAt, version }));
    return version;
  }

  isTaken(key: string): boolean {
    return (this.records.get(key)?.expiresAt ?? -Infinity) > Date.now();
  }

  load(key: string): StoredRecord | undefined | Promise<StoredRecord | undefined> {
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

  rotate(
    oldKey: string,
    newKey: string,
    record: SessionRecord,
    version: string,
  ): string | undefined | Promise<string | undefined> {
    if (this.records.get(oldKey)?.version !== version || this.isTaken(newKey)) return undefined;
    this.records.delete(oldKey);
    return this.put(newKey, record, this.nextVersion(newKey));
  }

  delete(key: string): boolean | Promise<boolean> {
    return this.records.delete(key);
  }

  touch(key: string, touchedAt: number, expiresAt: number): boolean | Promise<boolean> {
    const found = this.records.get(key);
    if (found === undefined) return false;
    this.put(key, { ...found, touchedAt, expiresAt }, found.version);
    return true;
  }

  clearExpired(now: number, limit: number): number | Promise<number> {
    const dead = [...this.records].filter(([, { expiresAt }]) => expiresAt <= now).slice(0, limit);
    for (const [key] of dead) this.records.delete(key);
    return dead.length;
  }

  list(userId: string): IndexedRecord[] | Promise<IndexedRecord[]> {
    return [...this.records]
      .filter(([, record]) => record.userId === userId)
      .map(([key, record]) => ({ key, record }));
  }

  version(key: string): string | undefined | Promise<string | undefined> {
    return this.records.get(key)?.version;
  }

  close(): void | Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
