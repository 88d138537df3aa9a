/** What this process changed lately, so that no older copy is ever served here, wherever it comes from. */

/** The beginning or the end of one change. */
export interface ChangeMark {
  /** The only version that a copy may have; none while a change is running, and after one that ended the record. */
  readonly version: string | undefined;
  /** When the mark may be forgotten. */
  readonly until: number;
}

/** How many marks one generation has at most: two take some 8 MB. */
const maxMarks = 16_384;
/** How far, in ms, the clocks of machines that share a cache may be apart. */
const maxClockSkew = 10_000;

/**
 * The changes of the last `staleness` milliseconds and a bit, at least: no copy from before a change can be young enough to be
 * served after its mark is forgotten. If there are too many of them, the oldest go sooner: then copies from before those are no
 * longer served without asking the durable store.
 *
 * Every change sets a new mark when it begins and another when it ends. So a load whose mark is the same object before
 * and after has seen no change in between.
 */
export class OwnWrites {
  /** Two generations: the older one is dropped as a whole when the younger is as old as marks have to be, or is full. */
  #young: Map<string, ChangeMark> = new Map();
  #old: Map<string, ChangeMark> = new Map();
  #youngUntil = -Infinity;
  #oldUntil = -Infinity;
  #nextAt = -Infinity;
  /** Until when what was dropped too early would have been kept. */
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

  /** Whether no copy can be good. */
  outdated(key: string): boolean {
    const mark = this.of(key);
    return mark !== undefined && mark.version === undefined;
  }

  /** Whether a copy with `version`, as of an instant, may be served by a load that began when `seen` was the mark. */
  allow(key: string, seen: ChangeMark | undefined, version: string, asOf: number): boolean {
    if (this.of(key) !== seen) return false;
    // Without a mark: as long as it is from after every change that was lost, also by the clock of another machine.
    return seen === undefined ? asOf + this.#keep > this.#lostUntil + maxClockSkew : seen.version === version;
  }

  /** Takes in what the durable store told a load that began when `seen` was the mark; whether it may be kept. */
  learn(key: string, seen: ChangeMark | undefined, version: string | undefined): boolean {
    if (this.of(key) !== seen) return false;
    if (seen !== undefined) this.#young.set(key, { ...seen, version });
    return true;
  }

  /** A change begins. */
  begin(key: string): ChangeMark {
    return this.#set(key, undefined);
  }

  /** The change that began with `mark` has ended, with `version` if it is known; whether it was alone. */
  end(key: string, mark: ChangeMark, version: string | undefined): boolean {
    const alone = this.of(key) === mark;
    this.#set(key, alone ? version : undefined);
    return alone;
  }

  #set(key: string, version: string | undefined): ChangeMark {
    const now = this.#now();
    if (this.#young.size >= this.#most || now >= this.#nextAt) this.#turn(now);
    const mark = { version, until: now + this.#keep };
    this.#youngUntil = Math.max(this.#youngUntil, mark.until);
    this.#young.set(key, mark);
    return mark;
  }

  #turn(now: number): void {
    if (this.#oldUntil > now) this.#lostUntil = Math.max(this.#lostUntil, this.#oldUntil);
    this.#old = this.#young;
    this.#oldUntil = this.#youngUntil;
    this.#young = new Map();
    this.#youngUntil = -Infinity;
    this.#nextAt = now + this.#keep;
  }
}
