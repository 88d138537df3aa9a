/** What this process changed lately, so that no older copy is ever served here, wherever it comes from. */

/** The beginning or the end of one change. */
export interface Mark {
  /** The only version that a copy may have; none while a change is running, and after one that ended the record. */
  readonly version: string | undefined;
  /** When the mark may be forgotten. */
  readonly until: number;
}

/** How far, in ms, the clocks of machines that share a cache may be apart. */
const SKEW = 10_000;

/**
 * The changes of the last `staleness` milliseconds and a bit: no copy from before a change can be young enough to be
 * served after its mark is forgotten.
 *
 * Every change sets a new mark when it begins and another when it ends. So a load whose mark is the same object before
 * and after has seen no change in between.
 */
export class OwnWrites {
  readonly #marks: Map<string, Mark> = new Map();
  readonly #keep: number;
  readonly #now: () => number;

  constructor(staleness: number, now: () => number) {
    this.#keep = staleness + SKEW;
    this.#now = now;
  }

  /** The mark of the last change, if there is one. */
  of(key: string): Mark | undefined {
    return this.#marks.get(key);
  }

  /** Whether no copy can be good. */
  outdated(key: string): boolean {
    const mark = this.#marks.get(key);
    return mark !== undefined && mark.version === undefined;
  }

  /** Whether a copy with `version` may be served by a load that began when `seen` was the mark. */
  allow(key: string, seen: Mark | undefined, version: string): boolean {
    return this.#marks.get(key) === seen && (seen === undefined || seen.version === version);
  }

  /** Takes in what the durable store told a load that began when `seen` was the mark; whether it may be kept. */
  learn(key: string, seen: Mark | undefined, version: string | undefined): boolean {
    if (this.#marks.get(key) !== seen) return false;
    if (seen !== undefined) this.#marks.set(key, { ...seen, version });
    return true;
  }

  /** A change begins. */
  begin(key: string): Mark {
    return this.#set(key, undefined);
  }

  /** The change that began with `mark` has ended, with `version` if it is known; whether it was alone. */
  end(key: string, mark: Mark, version: string | undefined): boolean {
    const alone = this.#marks.get(key) === mark;
    this.#set(key, alone ? version : undefined);
    return alone;
  }

  #set(key: string, version: string | undefined): Mark {
    const now = this.#now();
    for (const [old, { until }] of this.#marks) {
      if (until > now) break;
      this.#marks.delete(old);
    }
    const mark = { version, until: now + this.#keep };
    this.#marks.delete(key);
    this.#marks.set(key, mark);
    return mark;
  }
}
