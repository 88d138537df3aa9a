/** What can be chosen about a `DenoKvStore`, and the checks of it. */

import { checkOptions, type Table } from "../../src/option_checks.ts";
import * as is from "../../src/option_checks.ts";

/** How a {@linkcode DenoKvStore} works. */
export interface DenoKvStoreOptions {
  /**
   * The first part of every key, so that the database can be shared: 1 to 256 characters.
   *
   * @default {"sessions"}
   */
  readonly prefix?: string;
  /**
   * Seconds after which an operation gives up with `ERR_STORE`.
   *
   * @default {2}
   */
  readonly timeout?: number;
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default {() => Date.now()}
   */
  readonly now?: () => number;
}

const prefix = is.kind(
  "a string of 1 to 256 characters",
  (value) => typeof value === "string",
  ({ length }: string) => length >= 1 && length <= 256,
);
const table: Table<DenoKvStoreOptions> = {
  prefix: [prefix, "sessions"],
  timeout: [is.seconds, 2],
  now: is.clock,
};

/** The options with their defaults. @throws {TypeError} If one is unknown or of another type. @throws {RangeError} If one is out of range. */
export function readOptions(given: DenoKvStoreOptions): Required<DenoKvStoreOptions> {
  return checkOptions("DenoKvStore", table, given);
}
