/** Removes entries from a Django site's cache, through the program's own client; entries are never read. */

import { SessionError } from "../../../src/errors.ts";
import type { MaybePromise } from "../../../src/store.ts";
import { Deadlines } from "../../../src/guard/deadlines.ts";
import { type Client, recognise, type RedisClient } from "../../redis/client.ts";
import { ScriptRunner } from "../../redis/script_runner.ts";
import { remove } from "./cache_scripts.ts";

/** The part of a Memcached client, or of another cache client, that the store uses; `memcache` and memjs have it. */
export interface DjangoCacheClient {
  /**
   * Removes an entry; it is not an error if there is none. The result is ignored, unless it is a promise that is rejected or not settled
   * in time: then the entry may still be there.
   */
  delete(key: string): MaybePromise<unknown>;
}

/**
 * Removes an entry.
 *
 * @throws {SessionError} If the entry may still be there (`ERR_STORE`).
 */
export type Removal = (entry: string) => Promise<void>;

/** The maximum number of removals that wait for an unresponsive cache, to bound the memory they take. */
const mostWaiting = 10_000;

/**
 * Returns a function that removes entries through a client, each within `timeout` seconds.
 *
 * @throws {TypeError} If the client is not supported, or is a cluster client.
 */
export function removalBy(client: RedisClient | DjangoCacheClient, timeout: number): Removal {
  if (typeof (client as Partial<DjangoCacheClient> | null | undefined)?.delete === "function") {
    return byDelete(client as DjangoCacheClient, timeout);
  }
  const known = redis(client as RedisClient);
  const wire = new ScriptRunner(known, false, timeout, mostWaiting);
  return async (entry) => void await wire.run(remove, [entry], [], wire.deadline());
}

function redis(client: RedisClient): Client {
  let known: Client;
  try {
    known = recognise(client);
  } catch (error) {
    throw new TypeError(
      `${(error as Error).message}; for Memcached one with delete(key), such as memcache or memjs`,
    );
  }
  if (!known.cluster) return known;
  throw new TypeError("Cannot use the Redis client: expected one of a single server, received a cluster");
}

function byDelete(client: DjangoCacheClient, timeout: number): Removal {
  const limit = new Deadlines();
  let waiting = 0;
  const trouble = (message: string, cause?: unknown) =>
    new SessionError("ERR_STORE", `${message}: Django may still use the old entry`, { cause });
  return async (entry) => {
    if (waiting >= mostWaiting) throw trouble(`${waiting} removals are waiting for the site's cache already`);
    waiting++;
    const removed = (async () => {
      try {
        const removal = client.delete(entry);
        // A client with callbacks returns nothing, and its failures would be lost
        if (removal === undefined) {
          throw new TypeError("delete(key) of the cache client must return a promise");
        }
        await removal;
      } finally {
        waiting--;
      }
    })();
    await limit.within(
      removed,
      performance.now() + timeout * 1000,
      () => trouble(`The site's cache did not answer within ${timeout} s`),
      undefined,
      (error) => trouble("The site's cache did not take an entry away", error),
    );
  };
}
