/** The options of the store contract suite: their defaults, and what is refused. */
import { checkOptions, type Table } from "../option_checks.ts";
import * as is from "../option_checks.ts";
import type { MaybePromise, SessionStore } from "../store.ts";
import type { CaseTools } from "./case.ts";

/** Options of `testStore`. */
export interface StoreTestOptions {
  /**
   * The greatest size of a record's data, in bytes of UTF-8, that the store promises to hold.
   *
   * @default {65_536}
   */
  readonly maxBytes?: number;
  /**
   * How many random histories of each kind to run.
   *
   * @default {20}
   */
  readonly runs?: number;
  /**
   * Where the random histories start, a whole number below 2 ** 32. A failure prints the seed that repeats it.
   *
   * @default {a new one each time}
   */
  readonly seed?: number;
  /**
   * Says that records go by themselves when they end, as in Redis, so that `clearExpired` has nothing to do: its cases are
   * left out.
   *
   * @default {false}
   */
  readonly expiresAlone?: boolean;
  /**
   * The optional methods that the store leaves out on purpose: their cases are left out too, in place of being skipped.
   *
   * @default {none}
   */
  readonly without?: readonly ("touch" | "clearExpired" | "list" | "version" | "close")[];
  /**
   * Closes the store and opens the same place again, to show that everything survives. Leave it out for a store that
   * is meant to forget.
   */
  readonly reopen?: (store: SessionStore) => MaybePromise<SessionStore>;
  /**
   * Breaks what lies beneath the store (ends the server, closes the database), to show that every method then throws
   * `ERR_STORE` in place of an answer.
   */
  readonly fail?: (store: SessionStore) => MaybePromise<void>;
  /**
   * Makes the record under `key` one that cannot be read: cuts it short, or gives it the number of a newer format. Shows
   * that `load` then throws, that `delete` ends the session all the same, and that nothing else notices.
   */
  readonly damage?: (store: SessionStore, key: string) => MaybePromise<void>;
  /**
   * Takes the cases one by one, for a test runner that does not know `node:test`. `run` rejects if the case fails.
   *
   * @default {describe and it of node:test}
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
