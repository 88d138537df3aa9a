/** Removes expired records batch by batch, with pauses for everything else that the store has to do. */

import type { Transport } from "./transport.ts";

/** The most records of one batch: some 5 ms of a large SQLite database, which nothing else can use meanwhile. More is no faster. */
const batchSize = 50;

/** The longest pause after a batch, in milliseconds. It is as long as the batch took, so that half of the time is for others. */
const longestPause = 50;

/** Which records `clearExpired` removes. */
export interface ClearOptions {
  /** The most records. @default Infinity */
  readonly limit?: number;
  /** Stops after the batch that is under way. */
  readonly signal?: AbortSignal;
}

/**
 * Removes the records that have expired, all of them or at most `limit`; the number removed.
 *
 * @throws {TypeError} @throws {RangeError} If `limit` is not a whole number. @throws {SessionError} `ERR_UNSUPPORTED`, or `ERR_STORE`.
 * Throws the signal's reason when it is aborted.
 */
export async function clearExpired(
  { transport, now }: { readonly transport: Transport; readonly now: () => number },
  { limit = Infinity, signal }: ClearOptions,
): Promise<number> {
  if (typeof limit !== "number") {
    throw new TypeError(
      `Cannot clear expired sessions: expected a number as limit: received ${typeof limit}`,
    );
  }
  if (limit !== Infinity && !(Number.isInteger(limit) && limit >= 0)) {
    throw new RangeError(`Cannot clear expired sessions: limit must be a whole number: received ${limit}`);
  }
  let removed = 0;
  while (removed < limit) {
    signal?.throwIfAborted();
    const most = Math.min(batchSize, limit - removed);
    const began = performance.now();
    const count = await transport.clearExpired(now(), most);
    removed += count;
    if (count < most) break;
    const pause = Math.min(longestPause, performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return removed;
}
