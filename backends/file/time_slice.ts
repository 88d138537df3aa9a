/** Yields to timers and other requests, as synchronous work on a local disk never does so by itself. */

import { pause } from "../support/stats_counter.ts";

/** How many ms of work one turn of the event loop may hold. */
const sliceMs = 5;

/** The current turn of the event loop. */
export class TimeSlice {
  #began: number | undefined;

  /** Await this before the next piece of work; `undefined` while the slice lasts. */
  yieldIfDue(): Promise<void> | undefined {
    if (this.#began === undefined) {
      this.#began = performance.now();
      setImmediate(() => this.#began = undefined);
      return undefined;
    }
    return performance.now() - this.#began < sliceMs ? undefined : pause();
  }
}
