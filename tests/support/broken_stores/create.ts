/** Stores whose create, load or keys are broken. */
import type { SessionRecord, StoredRecord } from "../../../src/store.ts";
import { turns } from "../../../src/testing/case.ts";
import { CorrectStore } from "../stores/correct_store.ts";
import { type BrokenStore, fault } from "./fault.ts";

export const createFaults: readonly BrokenStore[] = [
  fault(
    "create overwrites",
    "create refuses a taken key",
    class extends CorrectStore {
      override isTaken(): boolean {
        return false;
      }
    },
  ),
  fault(
    "create refuses to replace an expired record",
    "create replaces a record that has expired",
    class extends CorrectStore {
      override isTaken(key: string): boolean {
        return this.records.has(key);
      }
    },
  ),
  fault(
    "create answers a version for a taken key, and changes nothing",
    "create refuses a taken key",
    class extends CorrectStore {
      override create(key: string, record: SessionRecord) {
        return this.isTaken(key) ? this.records.get(key)!.version : super.create(key, record);
      }
    },
  ),
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
  ),
  fault(
    "load answers null for what is not there",
    "load answers undefined",
    class extends CorrectStore {
      override load(key: string) {
        return this.records.get(key) ?? null as unknown as undefined;
      }
    },
  ),
  fault(
    "load with fresh knows nothing",
    "load with `fresh`",
    class extends CorrectStore {
      override load(key: string, options?: { fresh?: boolean }) {
        return options?.fresh ? undefined : super.load(key);
      }
    },
  ),
  fault(
    "load without fresh shows what was there first",
    "load with `fresh`",
    class extends CorrectStore {
      #copies = new Map<string, StoredRecord>();
      override load(key: string, options?: { fresh?: boolean }) {
        const found = this.records.get(key);
        if (!options?.fresh && this.#copies.has(key)) return this.#copies.get(key);
        if (found !== undefined) this.#copies.set(key, found);
        return found;
      }
    },
  ),
  fault(
    "create after delete finds the head and the user of the record before",
    "nothing of the record before",
    class extends CorrectStore {
      #dead = new Map<string, StoredRecord>();
      override delete(key: string) {
        const found = this.records.get(key);
        if (found !== undefined) this.#dead.set(key, found);
        return super.delete(key);
      }
      override create(key: string, record: SessionRecord) {
        return super.create(key, { ...this.#dead.get(key), ...record });
      }
    },
  ),
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
  ),
];
