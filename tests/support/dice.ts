/** Randomness that can be repeated. */

import process from "node:process";

/** Set `SOJOURN_SEED` to repeat a run. */
export const seed: number = Number(process.env["SOJOURN_SEED"] ?? Date.now() % 2 ** 31);

/** Whole numbers from 0 up to `below`, the same for the same seed (mulberry32). */
export function dice(from: number): (below: number) => number {
  let state = from | 0;
  return (below) => {
    state = (state + 0x6D2B79F5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
