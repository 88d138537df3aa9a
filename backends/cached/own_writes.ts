/** Tracks what this process changed recently, so that it never serves an older copy, whichever process wrote it. */

/** The beginning or the end of one change. */
export interface ChangeMark {
  /** The only version that a copy may have; `undefined` during a change, and after one that ended the record. */
  readonly version: string | undefined;
  /** When the mark may be forgotten. */
  readonly until: number;
}

/** The maximum number of marks in a generation; two generations take about 8 MB. */
const maxMarks = 16_384;
/** The allowed clock skew, in ms, between machines that share a cache. */
const maxClockSkew = 10_000;

/**
 * Keeps a mark of each change for `staleness` milliseconds plus the clock skew, so that no copy from before a change is young enough to
 * be served after its mark is dropped. If there are too many marks, the oldest are dropped earlier; copies from before those are then no
 * longer served without asking the durable store.
 *
 * Every change sets a new mark when it begins and another when it ends. If a load finds the same mark object before and after, nothing
 * changed in between.
 */
export class OwnWrites {
  /** Two generations: the older one is dropped as a whole when the younger one is old enough, or full. */
  #young: Map<string, ChangeMark> = new Map();
  #old: Map<string, ChangeMark> = new Map();
  #youngUntil = -Infinity;
  #oldUntil = -Infinity;
  #nextAt = -Infinity;
  /** Until when marks that were dropped early would have been kept. */
  #lostUntil = -Infinity;
  readonly #keep: number;
  readonly #now: () => number;
  readonly #most: number;

  constructor(staleness: number, now: () => number, most: number = maxMarks) {
    this.#keep = staleness + maxClockSkew;
    this.#now = now;
    this.#most = most;
  }

  /** The mark of the last change, if there is one. */
  of(key: string): ChangeMark | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  /** Whether no copy can be current. */
  outdated(key: string): boolean {
    const mark = this.of(key);
    return mark !== undefined && mark.version === undefined;
  }

  /** Whether a copy with `version`, as of an instant, may be served by a load that began when `seen` was the mark. */
  allow(key: string, seen: ChangeMark | undefined, version: string, asOf: number): boolean {
    if (this.of(key) !== seen) return false;
    // Without a mark: only if the copy is newer than every dropped mark, also by the clock of another machine.
    return seen === undefined ? asOf + this.#keep > this.#lostUntil + maxClockSkew : seen.version === version;
  }

  /** Records the version that the durable store returned to a load that began when `seen` was the mark. Returns whether it may be cached. */
  learn(key: string, seen: ChangeMark | undefined, version: string | undefined): boolean {
    if (this.of(key) !== seen) return false;
    if (seen !== undefined) this.#young.set(key, { ...seen, version });
    return true;
  }

  /** Records that a change begins. */
  begin(key: string): ChangeMark {
    return this.#set(key, undefined);
  }

  /** Records that the change that began with `mark` has ended, with `version` if it is known. Returns whether no other change overlapped. */
  end(key: string, mark: ChangeMark, version: string | undefined): boolean {
    const wasAlone = this.of(key) === mark;
    this.#set(key, wasAlone ? version : undefined);
    return wasAlone;
  }

  #set(key: string, version: string | undefined): ChangeMark {
    const now = this.#now();
    if (this.#young.size >= this.#most || now >= this.#nextAt) this.#rotate(now);
    const mark = { version, until: now + this.#keep };
    this.#youngUntil = Math.max(this.#youngUntil, mark.until);
    this.#young.set(key, mark);
    return mark;
  }

  #rotate(now: number): void {
    if (this.#oldUntil > now) this.#lostUntil = Math.max(this.#lostUntil, this.#oldUntil);
    this.#old = this.#young;
    this.#oldUntil = this.#youngUntil;
    this.#young = new Map();
    this.#youngUntil = -Infinity;
    this.#nextAt = now + this.#keep;
  }
}
