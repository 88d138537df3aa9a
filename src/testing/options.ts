/** The options of the store contract suite: their defaults, and what is refused. */
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

const wholeNumbers = { maxBytes: [1, 2 ** 31], runs: [0, 1_000_000], seed: [0, 2 ** 32 - 1] } as const;
const functionNames = ["reopen", "fail", "damage", "register"] as const;

/** The options with their defaults; wrong ones are refused. */
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
