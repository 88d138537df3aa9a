/** Ends many waits in time with one timer between them: on Deno a timer costs more than all else that a call is made of. */

/** What a timer can be set to, in milliseconds. */
const longest = 2 ** 31 - 1;

interface Wait {
  /** By `performance.now()`. */
  readonly until: number;
  reject(error: unknown): void;
  late(): unknown;
}

/** One timer, there only while something waits. */
export class TimeLimit {
  readonly #waits = new Set<Wait>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = Infinity;

  /** What `promise` comes to, or from `until` on, by `performance.now()`, the error that `late` makes. */
  within<T>(promise: PromiseLike<T>, until: number, late: () => unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      const wait: Wait = { until, reject, late };
      this.#waits.add(wait);
      if (until < this.#due) this.#arm(until);
      Promise.resolve(promise).then((value) => {
        this.#end(wait);
        resolve(value);
      }, (error) => {
        this.#end(wait);
        reject(error);
      });
    });
  }

  #end(wait: Wait): void {
    this.#waits.delete(wait);
    if (this.#waits.size === 0) this.#disarm();
  }

  #arm(until: number): void {
    this.#disarm();
    this.#due = until;
    const left = Math.max(0, Math.ceil(until - performance.now()));
    this.#timer = setTimeout(() => this.#ring(), Math.min(left, longest));
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#due = Infinity;
  }

  #ring(): void {
    const now = performance.now();
    let next = Infinity;
    for (const wait of this.#waits) {
      if (wait.until > now) {
        next = Math.min(next, wait.until);
        continue;
      }
      this.#waits.delete(wait);
      wait.reject(wait.late());
    }
    this.#due = Infinity;
    if (next < Infinity) this.#arm(next);
  }
}
