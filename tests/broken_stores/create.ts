/** Stores whose create, load or keys are broken. */
import type { SessionRecord } from "../../src/store.ts";
import { turns } from "../../src/testing/case.ts";
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
