/** Stores whose rotation is broken. */
import type { SessionRecord } from "../../src/store.ts";
import { turns } from "../../src/testing/case.ts";
import { CorrectStore } from "../stores/correct_store.ts";
import { type BrokenStore, fault } from "./fault.ts";

export const rotateFaults: readonly BrokenStore[] = [
  fault(
    "rotate keeps the old record",
    "the old key is dead",
    class extends CorrectStore {
      override rotate(oldKey: string, newKey: string, record: SessionRecord, version: string) {
        if (this.records.get(oldKey)?.version !== version || this.isTaken(newKey)) return undefined;
        return this.put(newKey, record, this.nextVersion(newKey));
      }
    },
  ),
  fault(
    "rotate of a record that is gone creates one",
    "rotate of a record that is gone",
    class extends CorrectStore {
      override rotate(oldKey: string, newKey: string, record: SessionRecord, version: string) {
        if (this.records.has(oldKey)) return super.rotate(oldKey, newKey, record, version);
        return this.put(newKey, record, this.nextVersion(newKey));
      }
    },
  ),
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
  ),
  fault(
    "rotate ignores the version",
    "rotate with an older version",
    class extends CorrectStore {
      override rotate(oldKey: string, newKey: string, record: SessionRecord) {
        const version = this.records.get(oldKey)?.version;
        return version === undefined ? undefined : super.rotate(oldKey, newKey, record, version);
      }
    },
  ),
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
  ),
  fault(
    "rotate moves the old content",
    "puts the new content under the new key",
    class extends CorrectStore {
      override rotate(oldKey: string, newKey: string, record: SessionRecord, version: string) {
        return super.rotate(oldKey, newKey, this.records.get(oldKey) ?? record, version);
      }
    },
  ),
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
  ),
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
  ),
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
  ),
];
