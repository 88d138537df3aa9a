/** Every option of the Redis store, its default, and its validation. */

import { type Checked, checkOptions, type Table } from "../../src/option_checks.ts";
import * as is from "../../src/option_checks.ts";

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

const table: Table<RedisStoreOptions, "cluster"> = {
  prefix: [is.text(), "sojourn:"],
  timeout: [is.seconds, 2],
  maxWaiting: [is.whole(1), 10_000],
  cluster: [is.flag],
  now: is.clock,
};

/** The options with their defaults. @throws {TypeError} If one is unknown or of another type. @throws {RangeError} If one is out of range. */
export function readOptions(given: RedisStoreOptions): Checked<RedisStoreOptions, "cluster"> {
  return checkOptions("RedisStore", table, given);
}
