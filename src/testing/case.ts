/** One named case of the store contract, and how it is run. */
import type { MaybePromise, SessionStore } from "../store.ts";
import type { Random } from "./random.ts";

/** Gives a fresh, empty store. */
export type OpenStore = () => MaybePromise<SessionStore>;

/** What a case may use besides the store. */
export interface CaseTools {
  readonly random: Random;
  readonly seed: number;
  readonly runs: number;
  readonly maxBytes: number;
  /** Whether records go by themselves when they end. */
  readonly expiresAlone: boolean;
  readonly without: readonly OptionalMethod[];
  /** Opens the same place again; given where a case needs it. */
  readonly reopen: (store: SessionStore) => MaybePromise<SessionStore>;
  /** Breaks what lies beneath the store; given where a case needs it. */
  readonly fail: (store: SessionStore) => MaybePromise<void>;
  /** Makes a record unreadable; given where a case needs it. */
  readonly damage: (store: SessionStore, key: string) => MaybePromise<void>;
}

/** A method that a store may leave out. */
export type OptionalMethod = "touch" | "clearExpired" | "list" | "version" | "close";

/** A promise of the contract, put to the test on a store of its own. */
export interface StoreCase {
  /** What holds; begins with the requirement where there is one. */
  readonly name: string;
  /** The optional methods without which there is nothing to test. */
  readonly methods?: readonly OptionalMethod[];
  /** The option without which the case is left out. */
  readonly option?: "reopen" | "fail" | "damage";
  /** Throws if the promise is broken. */
  readonly run: (store: Required<SessionStore>, tools: CaseTools) => MaybePromise<void>;
}

/** Runs a case on a fresh store and closes it. Answers the optional method that is missing, if one is. */
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
      // What was broken on purpose may be past closing, and the first failure is the one to show.
      // deno-lint-ignore no-unsafe-finally
      if (!failed && option !== "fail") throw error;
    }
  }
}

/** Lets `count` rounds of waiting promises go first. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await null;
}
