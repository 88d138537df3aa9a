/** Log-out: what is to be ended, also where a save has moved it, and what the session goes back to when that fails. */

import type { Carrier, Found } from "../transport/transport.ts";
import type { Events } from "../events.ts";
import { Reported } from "./observed_promise.ts";
import type { Saving } from "./save.ts";
import type { State } from "./change_tracker.ts";

/** A session as it was when a log-out began. */
export interface Left {
  /** Where it was; `undefined` for a new one whose first save was under way. */
  readonly found: Found | undefined;
  readonly state: State;
  /** A save that failed and may have been written all the same. */
  readonly doubtful?: Saving | undefined;
  /** Where a save that was under way has put it since. */
  readonly moved?: Found;
  /** Others that the request's cookies lead to and that could not be shown. */
  readonly hidden?: readonly Found[];
}

/** The log-outs of one unit of work. */
export class LogOut {
  readonly #carrier: Carrier;
  readonly #events: Events;
  readonly #header: string | null | undefined;
  /** What could not be ended yet. */
  readonly #left: Map<State, Left> = new Map();
  /** Whether the cookies of the request may still lead to a session. */
  #isCarriedOwed = false;
  /** The last one, as the handler got it. */
  #told: Reported | undefined;
  #running: Promise<void> | undefined;

  /** `header` holds the request's cookies; `undefined` outside a request. */
  constructor(carrier: Carrier, events: Events, header: string | null | undefined) {
    this.#carrier = carrier;
    this.#events = events;
    this.#header = header;
  }

  /** Whether one failed and nobody waited for it, so that it is not to be answered as done. */
  get isOwed(): boolean {
    return (this.#left.size > 0 || this.#isCarriedOwed) && this.#told?.isSeen === false;
  }

  /** The one under way. */
  get running(): Promise<void> | undefined {
    return this.#running;
  }

  /** What is still there, of the log-out that began last. */
  get left(): Left | undefined {
    return [...this.#left.values()].at(-1);
  }

  /** A save that was under way when the session was ended has put it there. */
  moved(state: State, moved: Found): void {
    this.#left.set(state, { found: undefined, ...this.#left.get(state), state, moved });
  }

  /** A save that was under way when the session was ended has failed, and may have been written all the same. */
  doubt(saving: Saving): void {
    this.#left.set(saving.state, { ...this.#left.get(saving.state)!, doubtful: saving });
  }

  /**
   * Ends the session after what was under way `before`, whatever another log-out could not end, and all else that the request's
   * own cookies prove; the fields that clear them.
   */
  async end(left: Left | undefined, before: Promise<void> | undefined): Promise<readonly string[]> {
    if (left !== undefined) this.#left.set(left.state, left);
    await before;
    this.#isCarriedOwed = true;
    const done = new Set<string>();
    for (const { found, moved, state, hidden = [] } of [...this.#left.values()]) {
      for (const one of [moved, found, ...hidden]) {
        if (one === undefined || done.has(one.place.key)) continue;
        if (await this.#carrier.end(one)) this.#events.emit("ended", one.place.key);
        done.add(one.place.key);
      }
      this.#left.delete(state);
    }
    if (this.#header === undefined) {
      this.#isCarriedOwed = false;
      return [];
    }
    const { ended, fields } = await this.#carrier.endCarried(this.#header, done);
    this.#isCarriedOwed = false;
    for (const key of ended) this.#events.emit("ended", key);
    return fields;
  }

  /** The promise of a log-out that a handler gets; `restore` is called when it has failed and somebody asks. */
  tell(work: Promise<void>, restore?: () => void): Promise<void> {
    this.#running = work;
    work.catch(() => {}).then(() => this.#running === work && (this.#running = undefined));
    return this.#told = Reported.of(work, restore);
  }
}
