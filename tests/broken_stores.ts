/** Deliberately broken stores: each breaks one promise, as real stores have done. */
import type { IndexedRecord, SessionRecord, SessionStore, StoredRecord } from "../src/store.ts";
import { turns } from "../src/testing/case.ts";
import { CorrectStore } from "./stores/correct_store.ts";

/** A store with a fault, and one of the cases (a part of its name) that must catch it. */
export interface BrokenStore {
  readonly fault: string;
  readonly caughtBy: string;
  readonly open: () => SessionStore;
}

const broken: BrokenStore[] = [];

function fault(fault: string, caughtBy: string, Store: new () => CorrectStore): void {
  broken.push({ fault, caughtBy, open: () => new Store() });
}

/** A store whose records pass through `change` on their way in. */
function changing(change: (record: SessionRecord) => SessionRecord): new () => CorrectStore {
  return class extends CorrectStore {
    override put(key: string, record: SessionRecord, version: string): string {
      return super.put(key, change(record), version);
    }
  };
}

const changingData = (change: (data: string) => string) =>
  changing((record) => ({ ...record, data: change(record.data) }));

// Create

fault(
  "create overwrites",
  "create refuses a taken key",
  class extends CorrectStore {
    override isTaken(): boolean {
      return false;
    }
  },
);
fault(
  "create refuses to replace an expired record",
  "create replaces a record that has expired",
  class extends CorrectStore {
    override isTaken(key: string): boolean {
      return this.records.has(key);
    }
  },
);
fault(
  "create answers a version for a taken key, and changes nothing",
  "create refuses a taken key",
  class extends CorrectStore {
    override create(key: string, record: SessionRecord) {
      return this.isTaken(key) ? this.records.get(key)!.version : super.create(key, record);
    }
  },
);
fault(
  "create checks, waits, then writes",
  "creates of one key exactly one wins",
  class extends CorrectStore {
    override async create(key: string, record: SessionRecord) {
      if (this.isTaken(key)) return undefined;
      await turns(2);
      return this.put(key, record, this.nextVersion(key));
    }
  },
);
fault(
  "load answers null for what is not there",
  "load answers undefined",
  class extends CorrectStore {
    override load(key: string) {
      return this.records.get(key) ?? null as unknown as undefined;
    }
  },
);
fault(
  "keys are cut short",
  "keys that differ in one digit",
  class extends CorrectStore {
    override create(key: string, record: SessionRecord) {
      return super.create(key.slice(0, 63), record);
    }
    override load(key: string) {
      return super.load(key.slice(0, 63));
    }
    override delete(key: string) {
      return super.delete(key.slice(0, 63));
    }
  },
);

// Save and versions

fault(
  "save is an upsert",
  "save of a record that is gone",
  class extends CorrectStore {
    override save(key: string, record: SessionRecord, version: string) {
      return (this.records.get(key)?.version ?? version) === version
        ? this.put(key, record, this.nextVersion(key))
        : undefined;
    }
  },
);
fault(
  "save ignores the version",
  "save with an older version",
  class extends CorrectStore {
    override save(key: string, record: SessionRecord) {
      return this.records.has(key) ? this.put(key, record, this.nextVersion(key)) : undefined;
    }
  },
);
fault(
  "save keeps the version",
  "save replaces the whole record",
  class extends CorrectStore {
    override save(key: string, record: SessionRecord, version: string) {
      return this.records.get(key)?.version === version ? this.put(key, record, version) : undefined;
    }
  },
);
fault(
  "save of equal content is left out",
  "save of equal content",
  class extends CorrectStore {
    override save(key: string, record: SessionRecord, version: string) {
      const found = this.records.get(key);
      return found?.version === version && found.data === record.data
        ? version
        : super.save(key, record, version);
    }
  },
);
fault(
  "save answers its version before the write is there",
  "save replaces the whole record",
  class extends CorrectStore {
    override save(key: string, record: SessionRecord, version: string) {
      if (this.records.get(key)?.version !== version) return undefined;
      const next = this.nextVersion(key);
      turns(20).then(() => this.put(key, record, next));
      return next;
    }
  },
);
fault(
  "save checks, waits, then writes",
  "parallel increments",
  class extends CorrectStore {
    override async save(key: string, record: SessionRecord, version: string) {
      if (this.records.get(key)?.version !== version) return undefined;
      await turns(2);
      return this.put(key, record, this.nextVersion(key));
    }
  },
);
fault(
  "save checks, waits, and brings back what was deleted meanwhile",
  "deleted during a save",
  class extends CorrectStore {
    #busy = new Set<string>();
    override async save(key: string, record: SessionRecord, version: string) {
      if (this.records.get(key)?.version !== version || this.#busy.has(key)) return undefined;
      this.#busy.add(key);
      await turns(3);
      this.#busy.delete(key);
      return this.put(key, record, this.nextVersion(key));
    }
  },
);
fault(
  "the version counter restarts with each record",
  "a version is never used twice for one key, across",
  class extends CorrectStore {
    override nextVersion(key: string) {
      return String(Number(this.records.get(key)?.version ?? 0) + 1);
    }
  },
);
fault(
  "versions are a checksum of the data",
  "a version is never used twice for one key, across",
  class extends CorrectStore {
    override put(key: string, record: SessionRecord) {
      return super.put(key, record, `sum ${record.data}`);
    }
  },
);
fault(
  "versions come round again after eight",
  "a version is never used twice for one key, across",
  class extends CorrectStore {
    override nextVersion() {
      return String(this.lastVersion++ % 8);
    }
  },
);

// Rotate

fault(
  "rotate keeps the old record",
  "the old key is dead",
  class extends CorrectStore {
    override rotate(oldKey: string, newKey: string, record: SessionRecord, version: string) {
      if (this.records.get(oldKey)?.version !== version || this.isTaken(newKey)) return undefined;
      return this.put(newKey, record, this.nextVersion(newKey));
    }
  },
);
fault(
  "rotate of a record that is gone creates one",
  "rotate of a record that is gone",
  class extends CorrectStore {
    override rotate(oldKey: string, newKey: string, record: SessionRecord, version: string) {
      if (this.records.has(oldKey)) return super.rotate(oldKey, newKey, record, version);
      return this.put(newKey, record, this.nextVersion(newKey));
    }
  },
);
fault(
  "rotate overwrites a taken key",
  "rotate to a taken key",
  class extends CorrectStore {
    override rotate(oldKey: string, newKey: string, record: SessionRecord, version: string) {
      if (this.records.get(oldKey)?.version !== version) return undefined;
      this.records.delete(oldKey);
      return this.put(newKey, record, this.nextVersion(newKey));
    }
  },
);
fault(
  "rotate ignores the version",
  "rotate with an older version",
  class extends CorrectStore {
    override rotate(oldKey: string, newKey: string, record: SessionRecord) {
      const version = this.records.get(oldKey)?.version;
      return version === undefined ? undefined : super.rotate(oldKey, newKey, record, version);
    }
  },
);
fault(
  "rotate removes the old record before it finds the new key taken",
  "rotate to a taken key",
  class extends CorrectStore {
    override rotate(oldKey: string, newKey: string, record: SessionRecord, version: string) {
      if (this.records.get(oldKey)?.version !== version) return undefined;
      this.records.delete(oldKey);
      return this.isTaken(newKey) ? undefined : this.put(newKey, record, this.nextVersion(newKey));
    }
  },
);
fault(
  "rotate moves the old content",
  "puts the new content under the new key",
  class extends CorrectStore {
    override rotate(oldKey: string, newKey: string, record: SessionRecord, version: string) {
      return super.rotate(oldKey, newKey, this.records.get(oldKey) ?? record, version);
    }
  },
);
fault(
  "rotate removes, waits, then writes",
  "at no moment of a rotation",
  class extends CorrectStore {
    override async rotate(oldKey: string, newKey: string, record: SessionRecord, version: string) {
      if (this.records.get(oldKey)?.version !== version || this.isTaken(newKey)) return undefined;
      this.records.delete(oldKey);
      await turns(5);
      return this.put(newKey, record, this.nextVersion(newKey));
    }
  },
);
fault(
  "rotate writes, waits, then removes",
  "of a save and a rotation",
  class extends CorrectStore {
    override async rotate(oldKey: string, newKey: string, record: SessionRecord, version: string) {
      if (this.records.get(oldKey)?.version !== version || this.isTaken(newKey)) return undefined;
      const next = this.put(newKey, record, this.nextVersion(newKey));
      await turns(5);
      this.records.delete(oldKey);
      return next;
    }
  },
);
fault(
  "rotate puts the new content under the old key first",
  "at no moment of a rotation",
  class extends CorrectStore {
    override async rotate(oldKey: string, newKey: string, record: SessionRecord, version: string) {
      if (this.records.get(oldKey)?.version !== version || this.isTaken(newKey)) return undefined;
      const next = this.put(oldKey, record, this.nextVersion(newKey));
      await turns(5);
      this.records.delete(oldKey);
      return this.put(newKey, record, next);
    }
  },
);

// Delete

fault(
  "delete always answers true",
  "delete removes, answers whether",
  class extends CorrectStore {
    override delete(key: string) {
      super.delete(key);
      return true;
    }
  },
);
fault(
  "delete only marks, and load still shows the record",
  "delete removes, answers whether",
  class extends CorrectStore {
    #dead = new Set<string>();
    override delete(key: string) {
      const first = this.records.has(key) && !this.#dead.has(key);
      if (first) this.#dead.add(key);
      return first;
    }
  },
);
fault(
  "delete throws when there is nothing",
  "delete removes, answers whether",
  class extends CorrectStore {
    override delete(key: string) {
      if (!this.records.has(key)) throw new Error("not found");
      return super.delete(key);
    }
  },
);
fault(
  "delete looks, waits, then removes and answers what it saw",
  "deletes of one record",
  class extends CorrectStore {
    override async delete(key: string) {
      const found = this.records.has(key);
      await turns(2);
      this.records.delete(key);
      return found;
    }
  },
);

// Touch

fault(
  "touch brings back a dead record",
  "touch of a record that is gone",
  class extends CorrectStore {
    override touch(key: string, touchedAt: number, expiresAt: number) {
      const { data, createdAt } = this.records.get(key) ?? { data: "{}", createdAt: touchedAt };
      if (!this.records.has(key)) {
        this.put(
          key,
          { data, createdAt, touchedAt, expiresAt },
          this.nextVersion(key),
        );
      }
      return super.touch(key, touchedAt, expiresAt);
    }
  },
);
fault(
  "touch gives a new version",
  "touch moves touchedAt",
  class extends CorrectStore {
    override touch(key: string, touchedAt: number, expiresAt: number) {
      const found = this.records.get(key);
      if (found !== undefined) this.put(key, { ...found, touchedAt, expiresAt }, this.nextVersion(key));
      return found !== undefined;
    }
  },
);
fault(
  "touch loses the user",
  "touch moves touchedAt",
  class extends CorrectStore {
    override touch(key: string, touchedAt: number, expiresAt: number) {
      const found = this.records.get(key);
      if (found === undefined) return false;
      const { userId: _, version, ...rest } = found;
      this.put(key, { ...rest, touchedAt, expiresAt }, version);
      return true;
    }
  },
);
fault(
  "touch reads, waits, then writes back what it read",
  "a touch during a save",
  class extends CorrectStore {
    override async touch(key: string, touchedAt: number, expiresAt: number) {
      const found = this.records.get(key);
      if (found === undefined) return false;
      await turns(4);
      this.put(key, { ...found, touchedAt, expiresAt }, found.version);
      return true;
    }
  },
);
fault(
  "touch never shortens a life",
  "touch may shorten a life",
  class extends CorrectStore {
    override touch(key: string, touchedAt: number, expiresAt: number) {
      return super.touch(key, touchedAt, Math.max(expiresAt, this.records.get(key)?.expiresAt ?? 0));
    }
  },
);

// Clearing

fault(
  "clearExpired is a millisecond late",
  "to the millisecond",
  class extends CorrectStore {
    override clearExpired(now: number, limit: number) {
      return super.clearExpired(now - 1, limit);
    }
  },
);
fault(
  "clearExpired goes by the store's own clock",
  "to the millisecond",
  class extends CorrectStore {
    override clearExpired(_now: number, limit: number) {
      return super.clearExpired(Date.now(), limit);
    }
  },
);
fault(
  "clearExpired ignores the limit",
  "at most `limit`",
  class extends CorrectStore {
    override clearExpired(now: number, _limit: number) {
      return super.clearExpired(now, Infinity);
    }
  },
);
fault(
  "clearExpired fills its batch with live records",
  "to the millisecond",
  class extends CorrectStore {
    override clearExpired(now: number, limit: number) {
      const batch = [...this.records].sort(([, a], [, b]) => a.expiresAt - b.expiresAt).slice(0, limit);
      if ((batch[0]?.[1].expiresAt ?? Infinity) > now) return 0;
      for (const [key] of batch) this.records.delete(key);
      return batch.length;
    }
  },
);
fault(
  "clearExpired looks at the first records only",
  "at most `limit`",
  class extends CorrectStore {
    override clearExpired(now: number, limit: number) {
      const dead = [...this.records].slice(0, limit).filter(([, { expiresAt }]) => expiresAt <= now);
      for (const [key] of dead) this.records.delete(key);
      return dead.length;
    }
  },
);
fault(
  "clearExpired goes by the expiry at creation",
  "by the expiry of the last save",
  class extends CorrectStore {
    #ends = new Map<string, number>();
    override create(key: string, record: SessionRecord) {
      this.#ends.set(key, record.expiresAt);
      return super.create(key, record);
    }
    override clearExpired(now: number, limit: number) {
      const dead = [...this.records.keys()].filter((key) => (this.#ends.get(key) ?? Infinity) <= now).slice(
        0,
        limit,
      );
      for (const key of dead) this.records.delete(key);
      return dead.length;
    }
  },
);
fault(
  "clearExpired chooses, waits, then removes",
  "renewed while it is cleared",
  class extends CorrectStore {
    override async clearExpired(now: number, limit: number) {
      const dead = [...this.records].filter(([, { expiresAt }]) => expiresAt <= now).slice(0, limit);
      await turns(4);
      return dead.filter(([key]) => this.records.delete(key)).length;
    }
  },
);
fault(
  "two sweepers count the same records",
  "two sweepers at once",
  class extends CorrectStore {
    override async clearExpired(now: number, limit: number) {
      const dead = [...this.records].filter(([, { expiresAt }]) => expiresAt <= now).slice(0, limit);
      await turns(1);
      for (const [key] of dead) this.records.delete(key);
      return dead.length;
    }
  },
);

// List

/** A store whose index is kept apart from the records. */
class IndexedStore extends CorrectStore {
  index: Map<string, Set<string>> = new Map();
  override put(key: string, record: SessionRecord, version: string) {
    if (record.userId !== undefined) {
      if (!this.index.has(record.userId)) this.index.set(record.userId, new Set());
      this.index.get(record.userId)!.add(key);
    }
    return super.put(key, record, version);
  }
  entries(userId: string): [string, StoredRecord | undefined][] {
    return [...this.index.get(userId) ?? []].map((key) => [key, this.records.get(key)]);
  }
}
fault(
  "the index is stale after a delete",
  "the index follows delete",
  class extends IndexedStore {
    #last = new Map<string, StoredRecord>();
    override put(key: string, record: SessionRecord, version: string) {
      this.#last.set(key, { ...record, version });
      return super.put(key, record, version);
    }
    override list(userId: string): IndexedRecord[] {
      return this.entries(userId).map(([key, record]) => ({ key, record: record ?? this.#last.get(key)! }));
    }
  },
);
fault(
  "the index is stale after a change of user",
  "the index follows saves",
  class extends IndexedStore {
    override list(userId: string): IndexedRecord[] {
      return this.entries(userId).flatMap(([key, record]) => record === undefined ? [] : [{ key, record }]);
    }
  },
);
fault(
  "list shows other users by prefix",
  "hostile user ids",
  class extends CorrectStore {
    override list(userId: string): IndexedRecord[] {
      return [...this.records].filter(([, record]) => record.userId?.startsWith(userId))
        .map(([key, record]) => ({ key, record }));
    }
  },
);
fault(
  "list does not tell capitals",
  "hostile user ids",
  class extends CorrectStore {
    override list(userId: string): IndexedRecord[] {
      return [...this.records].filter(([, record]) => record.userId?.toLowerCase() === userId.toLowerCase())
        .map(([key, record]) => ({ key, record }));
    }
  },
);
fault(
  "list stops at 100",
  "list shows all of 150",
  class extends CorrectStore {
    override list(userId: string): IndexedRecord[] {
      return (super.list(userId) as IndexedRecord[]).slice(0, 100);
    }
  },
);
fault(
  "the index is a plain object",
  "hostile user ids",
  class extends CorrectStore {
    #index: Record<string, Set<string>> = {};
    override put(key: string, record: SessionRecord, version: string) {
      if (record.userId !== undefined) (this.#index[record.userId] ??= new Set()).add?.(key);
      return super.put(key, record, version);
    }
    override list(userId: string): IndexedRecord[] {
      const keys = this.#index[userId];
      return (super.list(userId) as IndexedRecord[]).filter(({ key }) =>
        keys instanceof Set && keys.has(key)
      );
    }
  },
);
fault(
  "list hands out its own array",
  "what list gave does not change",
  class extends CorrectStore {
    #lists = new Map<string, IndexedRecord[]>();
    override list(userId: string): IndexedRecord[] {
      const list = this.#lists.get(userId) ?? [];
      this.#lists.set(userId, list);
      if (list.length === 0 && this.#lists.size > 1) return list;
      list.splice(0, list.length, ...super.list(userId) as IndexedRecord[]);
      return list;
    }
    override put(key: string, record: SessionRecord, version: string) {
      const answer = super.put(key, record, version);
      for (const userId of this.#lists.keys()) this.list(userId);
      return answer;
    }
  },
);

// Values

fault(
  "the record is the caller's own object",
  "changing a record that was handed in",
  class extends CorrectStore {
    override put(key: string, record: SessionRecord, version: string) {
      this.records.set(key, Object.assign(Object.isFrozen(record) ? { ...record } : record, { version }));
      return version;
    }
  },
);
fault(
  "load hands out the store's own object",
  "changing a loaded record",
  class extends CorrectStore {
    override put(key: string, record: SessionRecord, version: string) {
      super.put(key, record, version);
      this.records.set(key, { ...this.records.get(key)! });
      return version;
    }
  },
);
fault(
  "save changes the record that load gave",
  "a loaded record never changes",
  class extends CorrectStore {
    override put(key: string, record: SessionRecord, version: string) {
      const known = this.records.get(key);
      if (known === undefined) this.records.set(key, { ...record, version });
      else Object.assign(known, record, { version });
      return version;
    }
  },
);
fault("the user is lost", "userId comes back", changing(({ userId: _, ...record }) => record));
fault(
  "an empty user is a null",
  "userId comes back",
  class extends CorrectStore {
    override load(key: string) {
      const found = this.records.get(key);
      return found && { ...found, userId: found.userId ?? null as unknown as string };
    }
  },
);
fault(
  "an undefined user is a field",
  "a userId of undefined",
  class extends CorrectStore {
    override put(key: string, record: SessionRecord, version: string) {
      this.records.set(key, Object.freeze({ ...record, version }));
      return version;
    }
  },
);
fault(
  "a user is kept when a save takes it away",
  "userId comes back",
  class extends CorrectStore {
    override put(key: string, record: SessionRecord, version: string) {
      return super.put(key, { ...this.records.get(key), ...record }, version);
    }
  },
);
fault("data is cut at 65,535", "data of the greatest size", changingData((data) => data.slice(0, 65_535)));
fault("data is lower-cased", "every kind of text", changingData((data) => data.toLowerCase()));
fault("data is trimmed", "every kind of text", changingData((data) => data.trim()));
fault("data ends at a NUL", "every kind of text", changingData((data) => data.split("\0")[0]!));
fault(
  "data loses its byte order mark",
  "every kind of text",
  changingData((data) => data.replace(/^\ufeff/, "")),
);
fault("data is normalised", "every kind of text", changingData((data) => data.normalize("NFC")));
fault("data is Latin-1", "every kind of text", changingData((data) => data.replace(/[^\0-\xff]/g, "?")));
fault(
  "data is parsed and written again",
  "every kind of text",
  changingData((data) => {
    try {
      return JSON.stringify(JSON.parse(data));
    } catch {
      return data;
    }
  }),
);
fault(
  "instants are whole seconds",
  "instants come back",
  changing((record) => ({
    ...record,
    expiresAt: Math.floor(record.expiresAt / 1000) * 1000,
  })),
);
fault(
  "instants are 32 bits wide",
  "instants come back",
  changing((record) => ({
    ...record,
    createdAt: record.createdAt >>> 0,
  })),
);
fault(
  "create writes its own instants",
  "create keeps the record",
  class extends CorrectStore {
    override create(key: string, record: SessionRecord) {
      return super.create(key, { ...record, touchedAt: Date.now(), createdAt: Date.now() });
    }
  },
);

// Closing

fault(
  "a second close throws",
  "close may be called twice",
  class extends CorrectStore {
    #closed = false;
    override close() {
      if (this.#closed) throw new Error("already closed");
      this.#closed = true;
    }
  },
);
fault(
  "errors are swallowed: a closed store answers that nothing is there",
  "a closed store throws",
  class extends CorrectStore {
    #closed = false;
    override close() {
      this.#closed = true;
    }
    override load(key: string) {
      try {
        if (this.#closed) throw new Error("closed");
        return super.load(key);
      } catch {
        return undefined;
      }
    }
  },
);

export const brokenStores: readonly BrokenStore[] = broken;
