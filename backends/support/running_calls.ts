/** The calls that a store has running, so that closing it can wait for them. */

import { SessionError } from "../../src/errors.ts";

/** Runs calls until it is ended. */
export class RunningCalls {
  readonly #running = new Set<Promise<unknown>>();
  #isEnded = false;

  /** Runs one, unless it is too late. */
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

  /** Takes no more, and resolves when those that run are done, well or not. */
  async end(): Promise<void> {
    this.#isEnded = true;
    await Promise.allSettled(this.#running);
  }
}
