/** Stores that tell wrong versions, or take what is no instant. */
import type { SessionRecord } from "../../src/store.ts";
import { CorrectStore } from "../stores/correct_store.ts";
import { type BrokenStore, fault } from "./fault.ts";

/** A store that checks no instants: it writes first, and its records are compared as they are. */
class TrustingStore extends CorrectStore {
  override create(key: string, record: SessionRecord) {
    return this.isTaken(key) ? undefined : this.put(key, record, this.nextVersion(key));
  }
}

export const versionFaults: readonly BrokenStore[] = [
  fault(
    "version is remembered from the last create",
    "version tells what load would show",
    class extends CorrectStore {
      #created = new Map<string, string>();
      override create(key: string, record: SessionRecord) {
        const version = super.create(key, record) as string | undefined;
        if (version !== undefined) this.#created.set(key, version);
        return version;
      }
      override version(key: string) {
        return this.records.has(key) ? this.#created.get(key) : undefined;
      }
    },
  ),
  fault(
    "version is told of a record that is gone",
    "version tells what load would show",
    class extends CorrectStore {
      #seen = new Map<string, string>();
      override version(key: string) {
        const found = this.records.get(key)?.version;
        if (found !== undefined) this.#seen.set(key, found);
        return this.#seen.get(key);
      }
    },
  ),
  fault(
    "version changes with a touch",
    "version tells what load would show",
    class extends CorrectStore {
      #touches = 0;
      override touch(key: string, touchedAt: number, expiresAt: number) {
        this.#touches++;
        return super.touch(key, touchedAt, expiresAt);
      }
      override version(key: string) {
        const found = this.records.get(key)?.version;
        return this.#touches ? found && `${found}+${this.#touches}` : found;
      }
    },
  ),
  fault("create takes any instant", "refused by create, save and rotate", TrustingStore),
  fault(
    "save refuses a bad instant after it has written it",
    "refused by create, save and rotate",
    class extends CorrectStore {
      override save(key: string, record: SessionRecord, version: string) {
        const known = this.records.get(key)?.version === version;
        if (known && !Number.isSafeInteger(record.touchedAt)) this.put(key, record, version);
        return super.save(key, record, version);
      }
    },
  ),
  fault(
    "touch rounds what is no instant",
    "refused by touch",
    class extends CorrectStore {
      override touch(key: string, touchedAt: number, expiresAt: number) {
        return super.touch(key, Math.round(Number(touchedAt)) || 0, Math.round(Number(expiresAt)) || 0);
      }
    },
  ),
  fault(
    "clearExpired takes Infinity for everything",
    "refused by clearExpired",
    class extends CorrectStore {
      override clearExpired(now: number, limit: number) {
        return super.clearExpired(now === Infinity ? Number.MAX_SAFE_INTEGER : now, limit);
      }
    },
  ),
];
