/** Stores whose saves or versions are broken. */
import type { SessionRecord } from "../../../src/store.ts";
import { turns } from "../../../src/testing/case.ts";
import { CorrectStore } from "../stores/correct_store.ts";
import { type BrokenStore, fault } from "./fault.ts";

export const saveFaults: readonly BrokenStore[] = [
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
  ),
  fault(
    "save ignores the version",
    "save with an older version",
    class extends CorrectStore {
      override save(key: string, record: SessionRecord) {
        return this.records.has(key) ? this.put(key, record, this.nextVersion(key)) : undefined;
      }
    },
  ),
  fault(
    "save keeps the version",
    "save replaces the whole record",
    class extends CorrectStore {
      override save(key: string, record: SessionRecord, version: string) {
        return this.records.get(key)?.version === version ? this.put(key, record, version) : undefined;
      }
    },
  ),
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
  ),
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
  ),
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
  ),
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
  ),
  fault(
    "the version counter restarts with each record",
    "a version is never used twice for one key, across",
    class extends CorrectStore {
      override nextVersion(key: string) {
        return String(Number(this.records.get(key)?.version ?? 0) + 1);
      }
    },
  ),
  fault(
    "versions are a checksum of the data",
    "a version is never used twice for one key, across",
    class extends CorrectStore {
      override put(key: string, record: SessionRecord) {
        return super.put(key, record, `sum ${record.data}`);
      }
    },
  ),
  fault(
    "versions come round again after eight",
    "a version is never used twice for one key, across",
    class extends CorrectStore {
      override nextVersion() {
        return String(this.lastVersion++ % 8);
      }
    },
  ),
  fault(
    "save writes the data, waits, then writes the rest",
    "half the old and half the new",
    class extends CorrectStore {
      override async save(key: string, record: SessionRecord, version: string) {
        const found = this.records.get(key);
        if (found?.version !== version) return undefined;
        const next = this.put(key, { ...found, data: record.data }, this.nextVersion(key));
        await turns(4);
        return this.records.get(key)?.version === next ? this.put(key, record, next) : next;
      }
    },
  ),
  fault(
    "save writes under a version, waits, then gives the version that it answers",
    "half the old and half the new",
    class extends CorrectStore {
      override async save(key: string, record: SessionRecord, version: string) {
        const first = super.save(key, record, version) as string | undefined;
        await turns(4);
        return first === undefined ? undefined : super.save(key, record, first);
      }
    },
  ),
  fault(
    "save removes, waits, then writes",
    "at no moment of a save",
    class extends CorrectStore {
      override async save(key: string, record: SessionRecord, version: string) {
        if (this.records.get(key)?.version !== version) return undefined;
        this.records.delete(key);
        await turns(4);
        return this.put(key, record, this.nextVersion(key));
      }
    },
  ),
  fault(
    "save checks, waits, then writes unless the key is free",
    "changes nothing of what is created after it",
    class extends CorrectStore {
      override async save(key: string, record: SessionRecord, version: string) {
        if (this.records.get(key)?.version !== version) return undefined;
        await turns(3);
        return this.records.has(key) ? this.put(key, record, this.nextVersion(key)) : undefined;
      }
    },
  ),
];
