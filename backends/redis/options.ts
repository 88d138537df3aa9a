/** Every option of the Redis store, its default, and its validation. */

/** Settings of a `RedisStore`. */
export interface RedisStoreOptions {
  /**
   * What the name of every key begins with. With a hash tag (`"{sessions}:"`) a cluster keeps all of them on one server.
   * @default "sojourn:"
   */
  readonly prefix?: string;
  /**
   * Seconds that one operation may take, retries included. Afterwards nothing of it happens any more.
   * @default 2
   */
  readonly timeout?: number;
  /**
   * How many commands may be waiting for an answer. One more is refused at once, so that a server that has stopped
   * answering does not fill the memory.
   * @default 10_000
   */
  readonly maxWaiting?: number;
  /**
   * Whether two keys may live on two servers. Found out from the client; to be given for a client that does not know it
   * talks to a cluster (through a proxy), or as `false` when `prefix` has a hash tag.
   */
  readonly cluster?: boolean;
  /**
   * The clock, in milliseconds since the epoch.
   * @default () => Date.now()
   */
  readonly now?: () => number;
}

/** The options with their defaults. @throws {TypeError} @throws {RangeError} If one is wrong or unknown. */
export function readOptions(
  options: RedisStoreOptions,
): Required<Omit<RedisStoreOptions, "cluster">> & Pick<RedisStoreOptions, "cluster"> {
  const { prefix = "sojourn:", timeout = 2, maxWaiting = 10_000, cluster, ...others } = options;
  const { now = () => Date.now(), ...rest } = others;
  for (const name in rest) throw new TypeError(`Cannot use the unknown option "${name}" of RedisStore`);
  expect("prefix", prefix, typeof prefix === "string", "a string");
  expect("cluster", cluster, cluster === undefined || typeof cluster === "boolean", "a boolean");
  expect("now", now, typeof now === "function", "a function");
  within("timeout", timeout, timeout > 0 && timeout <= 86_400, "seconds, above 0 and at most 86400");
  within(
    "maxWaiting",
    maxWaiting,
    Number.isSafeInteger(maxWaiting) && maxWaiting > 0,
    "a whole number above 0",
  );
  return { prefix, timeout, maxWaiting, now, ...(cluster === undefined ? {} : { cluster }) };
}

function expect(name: string, received: unknown, fits: boolean, expected: string): void {
  if (!fits) {
    throw new TypeError(`Cannot use the option "${name}": expected ${expected}, received ${typeof received}`);
  }
}

/** Checks a number. @throws {TypeError} @throws {RangeError} If it is none, or out of its range. */
export function within(name: string, received: number, fits: boolean, expected: string): void {
  if (typeof received !== "number") expect(name, received, false, "a number");
  if (!fits) throw new RangeError(`Cannot use "${name}": expected ${expected}, received ${received}`);
}
