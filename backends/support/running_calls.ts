/** Tracks the running calls of a store, so that closing it can wait for them. */

import { SessionError } from "../../src/errors.ts";

/** Runs calls until it is ended. */
export class RunningCalls {
  readonly #running = new Set<Promise<unknown>>();
  #isEnded = false;

  /** Runs one, unless calls were ended. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isEnded) throw new SessionError("ERR_STORE", "The session store is closed");
    const running = call();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Accepts no more calls, and resolves when the running ones have settled. */
  async end(): Promise<void> {
    this.#isEnded = true;
    await Promise.allSettled(this.#running);
  }
}
