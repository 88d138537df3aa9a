/** A promise that knows whether anybody asked for its outcome. */

import { handled } from "../handled.ts";

/** Rejects without ending the process; whoever made it can tell whether the failure still has to be reported. */
export class Reported extends Promise<void> {
  /** Derived promises are ordinary ones. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** Whether it was awaited, or given a handler. */
  isSeen = false;
  /** What is done when it has failed and somebody asks, each time before they are told. */
  #onSeenFailure: (() => void) | undefined;
  #hasFailed = false;

  /** The outcome of `work`. */
  static of(work: Promise<void>, onSeenFailure?: () => void): Reported {
    const reported = new Reported((resolve, reject) =>
      work.then(resolve, (error) => {
        reported.#hasFailed = true;
        reported.#look();
        reject(error);
      })
    );
    reported.#onSeenFailure = onSeenFailure;
    return handled(reported);
  }

  #look(): void {
    if (this.isSeen && this.#hasFailed) this.#onSeenFailure?.();
  }

  override then<A = void, B = never>(
    onDone?: ((value: void) => A | PromiseLike<A>) | null,
    onFailed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.isSeen = true;
    this.#look();
    return super.then(onDone, onFailed);
  }
}
