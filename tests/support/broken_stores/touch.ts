/** Stores whose touch is broken. */
import { turns } from "../../../src/testing/case.ts";
import { CorrectStore } from "../stores/correct_store.ts";
import { type BrokenStore, fault } from "./fault.ts";

export const touchFaults: readonly BrokenStore[] = [
  fault(
    "touch brings back a dead record",
    "touch of a record that is gone",
    class extends CorrectStore {
      override touch(key: string, touchedAt: number, expiresAt: number, version: string) {
        if (!this.records.has(key)) {
          this.put(key, { data: "{}", createdAt: touchedAt, touchedAt, expiresAt }, version);
        }
        return super.touch(key, touchedAt, expiresAt, version);
      }
    },
  ),
  fault(
    "touch ignores the version",
    "touch with another version",
    class extends CorrectStore {
      override touch(key: string, touchedAt: number, expiresAt: number) {
        return super.touch(key, touchedAt, expiresAt, this.records.get(key)?.version ?? "none");
      }
    },
  ),
  fault(
    "touch answers for the key, whatever the version",
    "touch with another version",
    class extends CorrectStore {
      override touch(key: string, touchedAt: number, expiresAt: number, version: string) {
        super.touch(key, touchedAt, expiresAt, version);
        return this.records.has(key);
      }
    },
  ),
  fault(
    "touch of another version answers false, and moves the end all the same",
    "touch with another version",
    class extends CorrectStore {
      override touch(key: string, touchedAt: number, expiresAt: number, version: string) {
        const found = this.records.get(key);
        if (found === undefined || found.version === version) {
          return super.touch(key, touchedAt, expiresAt, version);
        }
        this.put(key, { ...found, expiresAt: Math.max(expiresAt, found.expiresAt) }, found.version);
        return false;
      }
    },
  ),
  fault(
    "touch renews the version",
    "touch moves touchedAt",
    class extends CorrectStore {
      override touch(key: string, touchedAt: number, expiresAt: number, version: string) {
        if (!super.touch(key, touchedAt, expiresAt, version)) return false;
        this.put(key, this.records.get(key)!, this.nextVersion(key));
        return true;
      }
    },
  ),
  fault(
    "touch loses the user",
    "touch moves touchedAt",
    class extends CorrectStore {
      override touch(key: string, touchedAt: number, expiresAt: number, version: string) {
        if (!super.touch(key, touchedAt, expiresAt, version)) return false;
        const { userId: _, ...rest } = this.records.get(key)!;
        this.put(key, rest, version);
        return true;
      }
    },
  ),
  fault(
    "touch sets both instants as they are given",
    "forward only",
    class extends CorrectStore {
      override touch(key: string, touchedAt: number, expiresAt: number, version: string) {
        const found = this.records.get(key);
        if (found?.version !== version) return false;
        this.put(key, { ...found, touchedAt, expiresAt }, version);
        return true;
      }
    },
  ),
  fault(
    "touch moves the activity back",
    "in either order",
    class extends CorrectStore {
      override touch(key: string, touchedAt: number, expiresAt: number, version: string) {
        if (!super.touch(key, touchedAt, expiresAt, version)) return false;
        this.put(key, { ...this.records.get(key)!, touchedAt }, version);
        return true;
      }
    },
  ),
  fault(
    "touch moves the end back",
    "in either order",
    class extends CorrectStore {
      override touch(key: string, touchedAt: number, expiresAt: number, version: string) {
        if (!super.touch(key, touchedAt, expiresAt, version)) return false;
        this.put(key, { ...this.records.get(key)!, expiresAt }, version);
        return true;
      }
    },
  ),
  fault(
    "touch changes nothing unless both instants are later",
    "forward only",
    class extends CorrectStore {
      override touch(key: string, touchedAt: number, expiresAt: number, version: string) {
        const found = this.records.get(key);
        if (found?.version !== version) return false;
        if (touchedAt < found.touchedAt || expiresAt < found.expiresAt) return true;
        return super.touch(key, touchedAt, expiresAt, version);
      }
    },
  ),
  fault(
    "touch answers false where it has nothing to move",
    "forward only",
    class extends CorrectStore {
      override touch(key: string, touchedAt: number, expiresAt: number, version: string) {
        const before = this.records.get(key);
        const isTouched = super.touch(key, touchedAt, expiresAt, version);
        const after = this.records.get(key);
        return isTouched &&
          (before?.touchedAt !== after?.touchedAt || before?.expiresAt !== after?.expiresAt);
      }
    },
  ),
  fault(
    "touch remembers the latest instants of the key, also across a save",
    "from there",
    class extends CorrectStore {
      #latest = new Map<string, number>();
      override touch(key: string, touchedAt: number, expiresAt: number, version: string) {
        const latest = Math.max(expiresAt, this.#latest.get(key) ?? 0);
        this.#latest.set(key, latest);
        return super.touch(key, touchedAt, latest, version);
      }
    },
  ),
  fault(
    "touch reads, waits, then writes back what it read",
    "a touch during a save",
    class extends CorrectStore {
      override async touch(key: string, touchedAt: number, expiresAt: number, version: string) {
        const found = this.records.get(key);
        if (found?.version !== version) return false;
        await turns(4);
        this.put(key, { ...found, touchedAt, expiresAt }, found.version);
        return true;
      }
    },
  ),
  fault(
    "touch checks the version, waits, then moves whatever is there",
    "a touch during a save",
    class extends CorrectStore {
      override async touch(key: string, touchedAt: number, expiresAt: number, version: string) {
        if (this.records.get(key)?.version !== version) return false;
        await turns(4);
        return super.touch(key, touchedAt, expiresAt, this.records.get(key)?.version ?? version);
      }
    },
  ),
];
