/** The ends that this process gave to sessions lately, in order. */

import { Recent } from "./recent.ts";

/** Tells a touch whether another request has set another end since its own request loaded the session. */
export class Ends {
  readonly #ends = new Recent<string, { readonly end: number; readonly turn: number }>(1024);
  #turn = 0;

  /** A point in the order of events. */
  begin(): number {
    return ++this.#turn;
  }

  /** A session with this storage key ends then, in milliseconds. */
  set(key: string, end: number): void {
    this.#ends.set(key, { end, turn: ++this.#turn });
  }

  /** The end given after a point, or 0. */
  since(key: string, begun: number): number {
    const last = this.#ends.get(key);
    return last !== undefined && last.turn > begun ? last.end : 0;
  }
}
