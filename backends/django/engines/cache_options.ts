/** The options of the stores that use Django's cache framework: the names of entries, and a timeout. */

import { checkOptions, type Table } from "../../../src/option_checks.ts";
import * as is from "../../../src/option_checks.ts";

/** The cache options of both stores. */
export interface CacheOptions {
  readonly keyPrefix?: string;
  readonly version?: number;
  readonly timeout?: number;
}

/** The options with their defaults. */
export interface CacheSettings {
  /** The prefix that Django adds to a key. */
  readonly prefix: string;
  /** In seconds. */
  readonly timeout: number;
}

/** Checks the options of the store `by`. @throws {TypeError} If one is unknown or of another type. @throws {RangeError} If one is out of range. */
export function readCacheOptions(given: CacheOptions, by: string, otherwise: number): CacheSettings {
  const table: Table<CacheOptions> = {
    keyPrefix: [is.text(), ""],
    version: [is.whole(0), 1],
    timeout: [is.seconds, otherwise],
  };
  const { keyPrefix, version, timeout } = checkOptions(by, table, given);
  return { prefix: `${keyPrefix}:${version}:`, timeout };
}
