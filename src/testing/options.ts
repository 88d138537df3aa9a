/** The options of the store contract suite: their defaults, and what is refused. */
import { checkOptions, type Table } from "../option_checks.ts";
import * as is from "../option_checks.ts";
import type { MaybePromise, SessionStore } from "../store.ts";
import type { CaseTools } from "./case.ts";

/** Options of `testStore`. */
export interface StoreTestOptions {
  /**
   * The maximum size of a record's data, in bytes of UTF-8, that the store accepts.
   *
   * @default 65_536
   */
  readonly maxBytes?: number;
  /**
   * How many random histories of each kind to run.
   *
   * @default 20
   */
  readonly runs?: number;
  /**
   * The seed of the random histories, a whole number below 2 ** 32. A failure prints the seed that repeats it.
   *
   * @default a new one each time
   */
  readonly seed?: number;
  /**
   * Whether the store itself removes expired records, as Redis does, so that `clearExpired` has nothing to do: its cases are
   * left out.
   *
   * @default false
   */
  readonly expiresAlone?: boolean;
  /**
   * The optional methods that the store omits on purpose: their cases are left out instead of being reported as skipped.
   *
   * @default none
   */
  readonly without?: readonly ("touch" | "clearExpired" | "list" | "version" | "close")[];
  /**
   * Closes the store and opens the same place again, to test that everything survives. Omit it for a store that is not
   * durable.
   */
  readonly reopen?: (store: SessionStore) => MaybePromise<SessionStore>;
  /**
   * Breaks the backend of the store (stops the server, closes the database), to test that every method then throws
   * `ERR_STORE`.
   */
  readonly fail?: (store: SessionStore) => MaybePromise<void>;
  /**
   * Makes the record under `key` unreadable: truncates it, or gives it the number of a newer format. Tests that `load` then
   * throws, that `delete` still ends the session, and that other sessions are not affected.
   */
  readonly damage?: (store: SessionStore, key: string) => MaybePromise<void>;
  /**
   * Receives the cases one by one, for a test runner without `node:test`. `run` rejects if the case fails.
   *
   * @default describe and it of node:test
   */
  readonly register?: (name: string, run: () => Promise<void>) => void;
}

type Hook = "reopen" | "fail" | "damage";
const optional = ["touch", "clearExpired", "list", "version", "close"];
const without = is.kind(
  `an array of optional methods (${optional.join(", ")})`,
  (value) => Array.isArray(value) && value.every((name) => optional.includes(name)),
);
const table: Table<StoreTestOptions, "seed" | Hook | "register"> = {
  maxBytes: [is.whole(1, 2 ** 31), 65_536],
  runs: [is.whole(0, 1_000_000), 20],
  seed: [is.whole(0, 2 ** 32 - 1)],
  expiresAlone: [is.flag, false],
  without: [without, []],
  reopen: [is.callback],
  fail: [is.callback],
  damage: [is.callback],
  register: [is.callback],
};

/** The options with their defaults. @throws {TypeError} If one is unknown or of another type. @throws {RangeError} If one is out of range. */
export function readOptions(given: StoreTestOptions): StoreTestOptions & Omit<CaseTools, "random" | Hook> {
  return { seed: Math.floor(Math.random() * 2 ** 32), ...checkOptions("testStore", table, given) };
}
