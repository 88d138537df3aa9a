/** A promise that knows whether anybody asked for its outcome. */

import { handled } from "../handled.ts";

/** Rejects without ending the process; whoever made it can tell whether the failure still has to be reported. */
export class ObservedPromise extends Promise<void> {
  /** Derived promises are ordinary ones. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** Whether it was awaited, or given a handler. */
  wasObserved = false;
  /** What is done when it has failed and somebody asks, each time before they are told. */
  #onObservedFailure: (() => void) | undefined;
  #hasFailed = false;

  /** The outcome of `work`. */
  static of(work: Promise<void>, onSeenFailure?: () => void): ObservedPromise {
    const reported = new ObservedPromise((resolve, reject) =>
      work.then(resolve, (error) => {
        reported.#hasFailed = true;
        reported.#look();
        reject(error);
      })
    );
    reported.#onObservedFailure = onSeenFailure;
    return handled(reported);
  }

  #look(): void {
    if (this.wasObserved && this.#hasFailed) this.#onObservedFailure?.();
  }

  override then<A = void, B = never>(
    onDone?: ((value: void) => A | PromiseLike<A>) | null,
    onFailed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.wasObserved = true;
    this.#look();
    return super.then(onDone, onFailed);
  }
}
