/** What can be chosen about a `DenoKvStore`, and the checks of it. */

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

const DEFAULTS: Required<DenoKvStoreOptions> = { prefix: "sessions", timeout: 2, now: () => Date.now() };

/** The options with their defaults; throws on a wrong one. */
export function checkOptions(options: DenoKvStoreOptions): Required<DenoKvStoreOptions> {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(DEFAULTS, name)) {
      throw new TypeError(`DenoKvStore has no option ${JSON.stringify(name)}`);
    }
  }
  const { prefix = DEFAULTS.prefix, timeout = DEFAULTS.timeout, now = DEFAULTS.now } = options;
  if (typeof prefix !== "string") throw new TypeError(`prefix must be a string: received ${typeof prefix}`);
  if (prefix.length < 1 || prefix.length > 256) {
    throw new RangeError(`prefix must have 1 to 256 characters: received ${prefix.length}`);
  }
  if (typeof timeout !== "number") {
    throw new TypeError(`timeout must be a number: received ${typeof timeout}`);
  }
  if (!(timeout > 0 && timeout <= 3600)) {
    throw new RangeError(`timeout must be over 0 and at most 3600: received ${timeout}`);
  }
  if (typeof now !== "function") throw new TypeError(`now must be a function: received ${typeof now}`);
  return { prefix, timeout, now };
}
