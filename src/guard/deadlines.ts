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
export class Deadlines {
  readonly #waits = new Set<Wait>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = Infinity;

  /**
   * What `promise` comes to, by way of `done` or `failed` where they are given; or from `until` on, by `performance.now()`, the error
   * that `late` makes. (They are given here and not to `then`, because chains of promises are what calls cost.)
   */
  within<T, R = T>(
    promise: PromiseLike<T>,
    until: number,
    late: () => unknown,
    done?: (value: T) => R,
    failed?: (error: unknown) => unknown,
  ): Promise<R> {
    return new Promise((resolve, reject) => {
      const wait: Wait = { until, reject, late };
      this.#waits.add(wait);
      if (until < this.#due) this.#arm(until);
      const refuse = (error: unknown) => {
        if (this.#end(wait)) reject(failed === undefined ? error : failed(error));
      };
      try {
        Promise.resolve(promise).then((value) => {
          if (!this.#end(wait)) return;
          try {
            resolve(done === undefined ? value as unknown as R : done(value));
          } catch (error) {
            reject(error);
          }
        }, refuse);
      } catch (error) {
        refuse(error);
      }
    });
  }

  /** Whether it was waited for until now. */
  #end(wait: Wait): boolean {
    const isInTime = this.#waits.delete(wait);
    if (this.#waits.size === 0) this.#disarm();
    return isInTime;
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
