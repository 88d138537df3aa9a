/**
 * The logouts of one unit of work, which end the record, wherever a save has put it since, and all that the request's cookies prove.
 *
 * | state     | what it means                                 | leads to                                                      |
 * | --------- | --------------------------------------------- | ------------------------------------------------------------- |
 * | `none`    | nothing is left to end                        | `ending`, when the handler ends the session                   |
 * | `ending`  | the sessions are being ended, one by one      | `none`, when all have ended; `failed`, when one could not be  |
 * | `failed`  | one of them may still be there                | `ending`, when the handler, a save or the response tries again |
 *
 * A failed logout that the handler awaited is the handler's: the session is as it was. One that nobody awaited is tried again before the
 * response leaves, and the response is an error if that fails too (SR-033, SR-049).
 */

import type { StoredSession, Transport } from "../transport/transport.ts";
import type { Events } from "../events.ts";
import { ObservedPromise } from "./observed_promise.ts";
import type { Save } from "./save.ts";
import type { ChangeTracker } from "./change_tracker.ts";

/** A session as it was when its logout began. */
export interface UnfinishedLogout {
  /** `undefined` for a new session whose first save was under way. */
  readonly stored: StoredSession | undefined;
  readonly tracker: ChangeTracker;
  /** A save that failed and may have been written all the same. */
  readonly uncertainSave?: Save | undefined;
  /** Where a save that was under way has put it since. */
  readonly moved?: StoredSession;
  /** Others that the request's cookies lead to and that could not be shown. */
  readonly hidden?: readonly StoredSession[];
}

export class Logout {
  readonly #transport: Transport;
  readonly #events: Events;
  readonly #header: string | null | undefined;
  readonly #unfinished: Map<ChangeTracker, UnfinishedLogout> = new Map();
  #state: "none" | "ending" | "failed" = "none";
  /** The last one, as the handler got it. */
  #exposed: ObservedPromise | undefined;
  #running: Promise<void> | undefined;

  /** `header` holds the request's cookies; `undefined` outside a request. */
  constructor(transport: Transport, events: Events, header: string | null | undefined) {
    this.#transport = transport;
    this.#events = events;
    this.#header = header;
  }

  /** Whether one failed that nobody has awaited: the response may not say that it is done. */
  get mustRetryBeforeResponding(): boolean {
    return this.#state === "failed" && this.#exposed?.wasObserved === false;
  }

  /** The one under way. */
  get running(): Promise<void> | undefined {
    return this.#running;
  }

  /** What is still there, of the logout that began last. */
  get unfinished(): UnfinishedLogout | undefined {
    return [...this.#unfinished.values()].at(-1);
  }

  /** A save that was under way when the session was ended has put it there. */
  moved(tracker: ChangeTracker, moved: StoredSession): void {
    this.#unfinished.set(tracker, { stored: undefined, ...this.#unfinished.get(tracker), tracker, moved });
  }

  /** A save that was under way when the session was ended has failed, and may have been written all the same. */
  markUncertain(save: Save): void {
    this.#unfinished.set(save.tracker, { ...this.#unfinished.get(save.tracker)!, uncertainSave: save });
  }

  /**
   * Ends a session after what was under way `before`, whatever an earlier logout could not end, and all else that the request's own
   * cookies prove; resolves to the fields that clear them.
   */
  async end(
    session: UnfinishedLogout | undefined,
    before: Promise<void> | undefined,
  ): Promise<readonly string[]> {
    this.#state = "ending";
    if (session !== undefined) this.#unfinished.set(session.tracker, session);
    await before;
    try {
      const fields = await this.#endAll();
      this.#state = "none";
      return fields;
    } catch (error) {
      this.#state = "failed";
      throw error;
    }
  }

  async #endAll(): Promise<readonly string[]> {
    const done = new Set<string>();
    for (const { stored, moved, tracker, hidden = [] } of [...this.#unfinished.values()]) {
      for (const one of [moved, stored, ...hidden]) {
        if (one === undefined || done.has(one.ref.key)) continue;
        if (await this.#transport.end(one)) this.#events.emit("ended", one.ref.key);
        done.add(one.ref.key);
      }
      this.#unfinished.delete(tracker);
    }
    if (this.#header === undefined) return [];
    const { ended, setCookies } = await this.#transport.endByCookies(this.#header, done);
    for (const key of ended) this.#events.emit("ended", key);
    return setCookies;
  }

  /** The promise of a logout that a handler gets; `restore` is called when it has failed and somebody asks. */
  expose(work: Promise<void>, restore?: () => void): Promise<void> {
    this.#running = work;
    work.catch(() => {}).then(() => this.#running === work && (this.#running = undefined));
    return this.#exposed = ObservedPromise.of(work, restore);
  }
}

/** Ends what a request's cookies lead to beside the session with this key: `hidden`, and what the transport has not looked for. */
export async function endOthers(
  { transport, events }: { readonly transport: Transport; readonly events: Events },
  header: string | null | undefined,
  hidden: readonly StoredSession[],
  key: string | undefined,
): Promise<void> {
  if (typeof header === "string") await transport.endOthers?.(header, key);
  for (const found of hidden) if (await transport.end(found)) events.emit("ended", found.ref.key);
}
