/** Stores whose user index is broken. */
import type { IndexedRecord, SessionRecord, StoredRecord } from "../../src/store.ts";
import { CorrectStore } from "../stores/correct_store.ts";
import { type BrokenStore, fault } from "./fault.ts";

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

export const listFaults: readonly BrokenStore[] = [
  ...Object.entries({
    "two normal forms of a user id are one user": (userId: string) => userId.normalize("NFC"),
    "user ids are told apart by their first 255 characters": (userId: string) => userId.slice(0, 255),
    "user ids end at a NUL": (userId: string) => userId.split("\0")[0]!,
    "user ids go through UTF-8": (userId: string) => userId.toWellFormed(),
  }).map(([name, same]) =>
    fault(
      name,
      name.endsWith("UTF-8") ? "never mixed up with another" : "hostile user ids are told apart",
      class extends CorrectStore {
        override list(userId: string) {
          return [...this.records].filter(([, record]) =>
            record.userId !== undefined && same(record.userId) === same(userId)
          ).map(([key, record]) => ({ key, record }));
        }
      },
    )
  ),
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
  ),
  fault(
    "the index is stale after a change of user",
    "the index follows saves",
    class extends IndexedStore {
      override list(userId: string): IndexedRecord[] {
        return this.entries(userId).flatMap(([key, record]) => record === undefined ? [] : [{ key, record }]);
      }
    },
  ),
  fault(
    "list shows other users by prefix",
    "hostile user ids",
    class extends CorrectStore {
      override list(userId: string): IndexedRecord[] {
        return [...this.records].filter(([, record]) => record.userId?.startsWith(userId))
          .map(([key, record]) => ({ key, record }));
      }
    },
  ),
  fault(
    "list does not tell capitals",
    "hostile user ids",
    class extends CorrectStore {
      override list(userId: string): IndexedRecord[] {
        return [...this.records].filter(([, record]) => record.userId?.toLowerCase() === userId.toLowerCase())
          .map(([key, record]) => ({ key, record }));
      }
    },
  ),
  fault(
    "list stops at 100",
    "list shows all of 150",
    class extends CorrectStore {
      override list(userId: string): IndexedRecord[] {
        return (super.list(userId) as IndexedRecord[]).slice(0, 100);
      }
    },
  ),
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
  ),
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
  ),
];
