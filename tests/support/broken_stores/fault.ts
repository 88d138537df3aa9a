/** What a broken store is. */
import type { SessionRecord, SessionStore } from "../../../src/store.ts";
import { CorrectStore } from "../stores/correct_store.ts";

/** A store with a fault, and one of the cases (a part of its name) that must catch it. */
export interface BrokenStore {
  readonly fault: string;
  readonly caughtBy: string;
  readonly open: () => SessionStore;
}

/** A broken store out of a class. */
export function fault(fault: string, caughtBy: string, Store: new () => SessionStore): BrokenStore {
  return { fault, caughtBy, open: () => new Store() };
}

/** A store whose records pass through `change` on their way in. */
export function changing(change: (record: SessionRecord) => SessionRecord): new () => CorrectStore {
  return class extends CorrectStore {
    override put(key: string, record: SessionRecord, version: string): string {
      return super.put(key, change(record), version);
    }
  };
}
