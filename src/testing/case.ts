/** The cases of the store contract, and how they are run. */
import type { MaybePromise, SessionStore } from "../store.ts";
import type { Random } from "./random.ts";

/** Returns a fresh, empty store. */
export type OpenStore = () => MaybePromise<SessionStore>;

/** What a case may use besides the store. */
export interface CaseTools {
  readonly random: Random;
  readonly seed: number;
  readonly runs: number;
  readonly maxBytes: number;
  /** Whether records are removed automatically when they expire. */
  readonly expiresAlone: boolean;
  readonly without: readonly OptionalMethod[];
  /** Reopens the same place, for cases that need it. */
  readonly reopen: (store: SessionStore) => MaybePromise<SessionStore>;
  /** Breaks the backend of the store, for cases that need it. */
  readonly fail: (store: SessionStore) => MaybePromise<void>;
  /** Makes a record unreadable, for cases that need it. */
  readonly damage: (store: SessionStore, key: string) => MaybePromise<void>;
}

/** A method that a store may leave out. */
export type OptionalMethod = "touch" | "clearExpired" | "list" | "version" | "close";

/** A requirement of the contract, tested on a store of its own. */
export interface StoreCase {
  /** The name; begins with the requirement number if there is one. */
  readonly name: string;
  /** The optional methods without which there is nothing to test. */
  readonly methods?: readonly OptionalMethod[];
  /** The option without which the case is left out. */
  readonly option?: "reopen" | "fail" | "damage";
  /** Throws if the requirement is violated. */
  readonly run: (store: Required<SessionStore>, tools: CaseTools) => MaybePromise<void>;
}

/** Runs a case on a fresh store and closes it. Resolves to the optional method that is missing, if any. */
export async function runCase(
  { methods = [], option, run }: StoreCase,
  open: OpenStore,
  tools: CaseTools,
): Promise<OptionalMethod | undefined> {
  const store = await open();
  let failed = true;
  try {
    const missing = methods.find((method) => store[method] === undefined);
    if (missing === undefined) await run(store as Required<SessionStore>, tools);
    failed = false;
    return missing;
  } finally {
    try {
      await store.close?.();
    } catch (error) {
      // A store that was broken on purpose may fail to close, and the first failure is the one to report.
      // deno-lint-ignore no-unsafe-finally
      if (!failed && option !== "fail") throw error;
    }
  }
}

/** Lets `count` rounds of waiting promises go first. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await null;
}
