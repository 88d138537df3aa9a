/** Stores whose delete or touch is broken. */
import { turns } from "../../src/testing/case.ts";
import { CorrectStore } from "../stores/correct_store.ts";
import { type BrokenStore, fault } from "./fault.ts";

export const deleteAndTouchFaults: readonly BrokenStore[] = [
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
  ),
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
  ),
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
  ),
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
  ),
  fault(
    "touch never shortens a life",
    "touch may shorten a life",
    class extends CorrectStore {
      override touch(key: string, touchedAt: number, expiresAt: number) {
        return super.touch(key, touchedAt, Math.max(expiresAt, this.records.get(key)?.expiresAt ?? 0));
      }
    },
  ),
];
