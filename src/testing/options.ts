/** The options of the store contract suite, with defaults and validation. */
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

const wholeNumbers = { maxBytes: [1, 2 ** 31], runs: [0, 1_000_000], seed: [0, 2 ** 32 - 1] } as const;
const functionNames = ["reopen", "fail", "damage", "register"] as const;

/** The options with their defaults; invalid ones are refused. */
export function readOptions(options: StoreTestOptions): Omit<CaseTools, "random"> {
  for (const name of Object.keys(options)) {
    const known = name in wholeNumbers || (functionNames as readonly string[]).includes(name);
    if (!known && name !== "expiresAlone" && name !== "without") {
      throw new TypeError(`Cannot test the store as there is no option "${name}"`);
    }
  }
  for (const [name, [least, most]] of Object.entries(wholeNumbers)) {
    const value = options[name as keyof typeof wholeNumbers];
    if (value !== undefined && !(Number.isInteger(value) && value >= least && value <= most)) {
      throw new RangeError(
        `Cannot test the store as "${name}" must be a whole number from ${least} to ${most}: received ${value}`,
      );
    }
  }
  for (const name of functionNames) {
    const value = options[name];
    if (value !== undefined && typeof value !== "function") {
      throw new TypeError(`Cannot test the store as "${name}" must be a function: received ${typeof value}`);
    }
  }
  const { expiresAlone = false, without = [] } = options;
  if (!Array.isArray(without)) {
    throw new TypeError(
      `Cannot test the store as "without" must be a list of methods: received ${typeof without}`,
    );
  }
  if (typeof expiresAlone !== "boolean") {
    throw new TypeError(
      `Cannot test the store as "expiresAlone" must be a boolean: received ${typeof expiresAlone}`,
    );
  }
  return {
    expiresAlone,
    without,
    maxBytes: options.maxBytes ?? 65_536,
    runs: options.runs ?? 20,
    seed: options.seed ?? Math.floor(Math.random() * 2 ** 32),
    reopen: options.reopen ?? unused,
    fail: options.fail ?? unused,
    damage: options.damage ?? unused,
  };
}

function unused(): never {
  throw new TypeError("Cannot run this case as its option was not given");
}
