/** Stores whose user index is broken. */
import type {
  IndexedRecord,
  ListOptions,
  SessionPage,
  SessionRecord,
  StoredRecord,
} from "../../../src/store.ts";
import { turns } from "../../../src/testing/case.ts";
import { CorrectStore, pageOf } from "../stores/correct_store.ts";
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
  page(entries: readonly { key: string; record: StoredRecord }[], options: ListOptions): SessionPage {
    return pageOf(entries.map((entry) => ({ ...entry, ref: this.places.get(entry.key)! })), options);
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
        override isListed(record: StoredRecord, userId: string) {
          return record.userId !== undefined && same(record.userId) === same(userId);
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
      override list(userId: string, options: ListOptions = {}) {
        return this.page(
          this.entries(userId).map(([key, record]) => ({ key, record: record ?? this.#last.get(key)! })),
          options,
        );
      }
    },
  ),
  fault(
    "the index is stale after a change of user",
    "the index follows saves",
    class extends IndexedStore {
      override list(userId: string, options: ListOptions = {}) {
        return this.page(
          this.entries(userId).flatMap(([key, record]) => record === undefined ? [] : [{ key, record }]),
          options,
        );
      }
    },
  ),
  fault(
    "list shows other users by prefix",
    "hostile user ids",
    class extends CorrectStore {
      override isListed(record: StoredRecord, userId: string) {
        return record.userId?.startsWith(userId) ?? false;
      }
    },
  ),
  fault(
    "list does not tell capitals",
    "hostile user ids",
    class extends CorrectStore {
      override isListed(record: StoredRecord, userId: string) {
        return record.userId?.toLowerCase() === userId.toLowerCase();
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
      override isListed(record: StoredRecord, userId: string) {
        return super.isListed(record, userId) && this.#index[userId] instanceof Set;
      }
    },
  ),
  fault(
    "list hands out its own array",
    "what list gave does not change",
    class extends CorrectStore {
      #lists = new Map<string, IndexedRecord[]>();
      override list(userId: string, options: ListOptions = {}) {
        const entries = this.#lists.get(userId) ?? [];
        this.#lists.set(userId, entries);
        const page = super.list(userId, options) as SessionPage;
        entries.splice(0, entries.length, ...page.entries);
        return { ...page, entries };
      }
      override put(key: string, record: SessionRecord, version: string) {
        const answer = super.put(key, record, version);
        for (const userId of this.#lists.keys()) this.list(userId);
        return answer;
      }
    },
  ),
  fault(
    "a save that changes the user leaves one list, waits, then joins the other",
    "in neither list",
    class extends CorrectStore {
      #moving = new Set<string>();
      override isListed(record: StoredRecord, userId: string) {
        return super.isListed(record, userId) && !this.#moving.has(record.version);
      }
      override save(key: string, record: SessionRecord, version: string) {
        const saved = super.save(key, record, version) as string | undefined;
        if (saved !== undefined) this.#moving.add(saved);
        return turns(20).then(() => (saved !== undefined && this.#moving.delete(saved), saved));
      }
    },
  ),
];
