/** Lets timers and other requests have their turn, as work on a local disk never waits for anything by itself. */

import { pause } from "../support/stats_counter.ts";

/** How many ms of work one turn of the event loop may hold. */
const sliceMs = 5;

/** The turn of the event loop that is going on. */
export class TimeSlice {
  #began: number | undefined;

  /** To be awaited before the next piece of work; nothing to wait for while the turn is young. */
  yieldIfDue(): Promise<void> | undefined {
    if (this.#began === undefined) {
      this.#began = performance.now();
      setImmediate(() => this.#began = undefined);
      return undefined;
    }
    return performance.now() - this.#began < sliceMs ? undefined : pause();
  }
}
