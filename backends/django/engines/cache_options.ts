/** The options of the stores that use Django's cache framework: the names of entries, and a timeout. */

import { within } from "../../redis/options.ts";

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

/** Checks the options of the store `name`. @throws {TypeError} @throws {RangeError} If one is wrong or unknown. */
export function readCacheOptions(given: CacheOptions, name: string, otherwise: number): CacheSettings {
  const { keyPrefix = "", version = 1, timeout = otherwise, ...rest } = given;
  for (const option in rest) throw new TypeError(`Cannot use the unknown option "${option}" of ${name}`);
  if (typeof keyPrefix !== "string") {
    throw new TypeError(`Cannot use the option "keyPrefix": expected a string, received ${typeof keyPrefix}`);
  }
  within("version", version, Number.isSafeInteger(version) && version >= 0, "a whole number from 0");
  within("timeout", timeout, timeout > 0 && timeout <= 86_400, "seconds, above 0 and at most 86400");
  return { prefix: `${keyPrefix}:${version}:`, timeout };
}
