/** Takes entries out of a Django site's cache, over the client that the program already has; none is ever read. */

import { SessionError } from "../../../src/errors.ts";
import type { MaybePromise } from "../../../src/store.ts";
import { Deadlines } from "../../../src/guard/deadlines.ts";
import { type Client, recognise, type RedisClient } from "../../redis/client.ts";
import { ScriptRunner } from "../../redis/script_runner.ts";
import { remove } from "./cache_scripts.ts";

/** What the store sees of a client of Memcached, or of whatever else a site caches in: those of `memcache` and of memjs fit. */
export interface DjangoCacheClient {
  /**
   * Takes an entry away; none is no error. What it answers tells nothing, but that it may be a promise: rejected, or not settled in
   * time, it means that the entry may still be there.
   */
  delete(key: string): MaybePromise<unknown>;
}

/** Takes an entry away. @throws {SessionError} `ERR_STORE` if it may still be there. */
export type Removal = (entry: string) => Promise<void>;

/** So many removals may wait for a cache that does not answer: they fill the memory. */
const mostWaiting = 10_000;

/** How to take entries away by a client, each within `timeout` seconds. @throws {TypeError} If it is none, or one of a cluster. */
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
    new SessionError("ERR_STORE", `${message}: Django may go on with what it holds`, { cause });
  return async (entry) => {
    if (waiting >= mostWaiting) throw trouble(`${waiting} removals are waiting for the site's cache already`);
    waiting++;
    const removed = (async () => {
      try {
        const answer = client.delete(entry);
        // A client with callbacks gives nothing back, and its failures to nobody
        if (answer === undefined) throw new TypeError("delete(key) of the cache client must give a promise");
        await answer;
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
