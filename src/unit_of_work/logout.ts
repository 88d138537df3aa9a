/** Log-out: what is to be ended, also where a save has moved it, and what the session goes back to when that fails. */

import type { StoredSession, Transport } from "../transport/transport.ts";
import type { Events } from "../events.ts";
import { ObservedPromise } from "./observed_promise.ts";
import type { Save } from "./save.ts";
import type { ChangeTracker } from "./change_tracker.ts";

/** A session as it was when a log-out began. */
export interface UnfinishedLogout {
  /** Where it was; `undefined` for a new one whose first save was under way. */
  readonly stored: StoredSession | undefined;
  readonly tracker: ChangeTracker;
  /** A save that failed and may have been written all the same. */
  readonly uncertainSave?: Save | undefined;
  /** Where a save that was under way has put it since. */
  readonly moved?: StoredSession;
  /** Others that the request's cookies lead to and that could not be shown. */
  readonly hidden?: readonly StoredSession[];
}

/** The log-outs of one unit of work. */
export class Logout {
  readonly #transport: Transport;
  readonly #events: Events;
  readonly #header: string | null | undefined;
  /** What could not be ended yet. */
  readonly #unfinished: Map<ChangeTracker, UnfinishedLogout> = new Map();
  /** Whether the cookies of the request may still lead to a session. */
  #mustEndByCookies = false;
  /** The last one, as the handler got it. */
  #exposed: ObservedPromise | undefined;
  #running: Promise<void> | undefined;

  /** `header` holds the request's cookies; `undefined` outside a request. */
  constructor(transport: Transport, events: Events, header: string | null | undefined) {
    this.#transport = transport;
    this.#events = events;
    this.#header = header;
  }

  /** Whether one failed and nobody waited for it, so that it is not to be answered as done. */
  get mustRetry(): boolean {
    return (this.#unfinished.size > 0 || this.#mustEndByCookies) && this.#exposed?.wasObserved === false;
  }

  /** The one under way. */
  get running(): Promise<void> | undefined {
    return this.#running;
  }

  /** What is still there, of the log-out that began last. */
  get unfinished(): UnfinishedLogout | undefined {
    return [...this.#unfinished.values()].at(-1);
  }

  /** A save that was under way when the session was ended has put it there. */
  moved(state: ChangeTracker, moved: StoredSession): void {
    this.#unfinished.set(state, { stored: undefined, ...this.#unfinished.get(state), tracker: state, moved });
  }

  /** A save that was under way when the session was ended has failed, and may have been written all the same. */
  markUncertain(saving: Save): void {
    this.#unfinished.set(saving.tracker, { ...this.#unfinished.get(saving.tracker)!, uncertainSave: saving });
  }

  /**
   * Ends the session after what was under way `before`, whatever another log-out could not end, and all else that the request's
   * own cookies prove; the fields that clear them.
   */
  async end(
    left: UnfinishedLogout | undefined,
    before: Promise<void> | undefined,
  ): Promise<readonly string[]> {
    if (left !== undefined) this.#unfinished.set(left.tracker, left);
    await before;
    this.#mustEndByCookies = true;
    const done = new Set<string>();
    for (const { stored, moved, tracker, hidden = [] } of [...this.#unfinished.values()]) {
      for (const one of [moved, stored, ...hidden]) {
        if (one === undefined || done.has(one.ref.key)) continue;
        if (await this.#transport.end(one)) this.#events.emit("ended", one.ref.key);
        done.add(one.ref.key);
      }
      this.#unfinished.delete(tracker);
    }
    if (this.#header === undefined) {
      this.#mustEndByCookies = false;
      return [];
    }
    const { ended, setCookies } = await this.#transport.endByCookies(this.#header, done);
    this.#mustEndByCookies = false;
    for (const key of ended) this.#events.emit("ended", key);
    return setCookies;
  }

  /** The promise of a log-out that a handler gets; `restore` is called when it has failed and somebody asks. */
  expose(work: Promise<void>, restore?: () => void): Promise<void> {
    this.#running = work;
    work.catch(() => {}).then(() => this.#running === work && (this.#running = undefined));
    return this.#exposed = ObservedPromise.of(work, restore);
  }
}
