/** Stores that tell wrong versions. */
import type { SessionRecord } from "../../../src/store.ts";
import { CorrectStore } from "../stores/correct_store.ts";
import { type BrokenStore, fault } from "./fault.ts";

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
      override touch(key: string, touchedAt: number, expiresAt: number, version: string) {
        this.#touches++;
        return super.touch(key, touchedAt, expiresAt, version);
      }
      override version(key: string) {
        const found = this.records.get(key)?.version;
        return this.#touches ? found && `${found}+${this.#touches}` : found;
      }
    },
  ),
];
