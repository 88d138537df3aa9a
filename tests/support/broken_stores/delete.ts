/** Stores whose delete is broken. */
import { turns } from "../../../src/testing/case.ts";
import { CorrectStore } from "../stores/correct_store.ts";
import { type BrokenStore, fault } from "./fault.ts";

export const deleteFaults: readonly BrokenStore[] = [
  fault(
    "delete always answers true",
    "delete removes, answers whether",
    class extends CorrectStore {
      override delete(key: string) {
        super.delete(key);
        return true;
      }
    },
  ),
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
  ),
  fault(
    "delete throws when there is nothing",
    "delete removes, answers whether",
    class extends CorrectStore {
      override delete(key: string) {
        if (!this.records.has(key)) throw new Error("not found");
        return super.delete(key);
      }
    },
  ),
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
  ),
];
