/** What a broken store is. */
import type { SessionStore } from "../../src/store.ts";

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
