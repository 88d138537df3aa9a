/** Log-out: what is to be ended, also where a save has moved it, and what the session goes back to when that fails. */

import type { Carrier, Found } from "./carrier.ts";
import type { Events } from "./events.ts";
import { Reported } from "./reported.ts";
import type { State } from "./state.ts";

/** A session as it was when a log-out began. */
export interface Left {
  readonly found: Found;
  readonly state: State;
  readonly isDoubtful: boolean;
}

/** The log-outs of one unit of work. */
export class LogOut {
  /** Where a save that was under way when the session was ended has put it. */
  moved: Found | undefined;
  readonly #carrier: Carrier;
  readonly #events: Events;
  /** What could not be ended yet, the last one at the end. */
  #left: readonly Left[] = [];
  /** The last one, as the handler got it. */
  #told: Reported | undefined;
  #running: Promise<void> | undefined;

  constructor(carrier: Carrier, events: Events) {
    this.#carrier = carrier;
    this.#events = events;
  }

  /** What one has left that failed and that nobody waited for, so that it is not to be answered as done. */
  get owed(): Left | undefined {
    return this.#told?.isSeen === false ? this.#left.at(-1) : undefined;
  }

  /** The one under way. */
  get running(): Promise<void> | undefined {
    return this.#running;
  }

  /** Ends the session after what was under way `before`. A failure goes to `restore` first, with what is still there. */
  async end(
    left: Left | undefined,
    before: Promise<void> | undefined,
    restore: (left: Left) => void,
  ): Promise<void> {
    if (left !== undefined) this.#left = [...this.#left.filter(({ state }) => state !== left.state), left];
    // A save under way when the session was ended may have moved it.
    await before;
    const owed = this.#left.at(-1);
    const all = new Set([this.moved, ...this.#left.map(({ found }) => found)]);
    try {
      for (const one of all) {
        if (one !== undefined && await this.#carrier.end(one)) this.#events.emit("ended", one.place.key);
      }
    } catch (error) {
      if (owed !== undefined) restore({ ...owed, found: this.moved ?? owed.found });
      throw error;
    }
    this.moved = undefined;
    this.#left = [];
  }

  /** The promise of a log-out that a handler gets. */
  tell(work: Promise<void>): Promise<void> {
    this.#running = work;
    work.catch(() => {}).then(() => this.#running === work && (this.#running = undefined));
    return this.#told = Reported.of(work);
  }
}
