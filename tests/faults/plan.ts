/** What a plan of faults is, and what comes of it. */

/** The room and the figures that a plan gets. */
export interface Size {
  /** An empty folder of its own. */
  readonly folder: string;
  readonly seed: number;
  /** Whether the full figures are wanted, half of them on each runtime; else a short form of it, for every change. */
  readonly isFull: boolean;
}

/** What came of a plan. All counts but `runs` have to be 0. */
export interface Outcome {
  /** How often the fault was made. */
  readonly runs: number;
  /** Acknowledged values that are missing. */
  lost: number;
  /** Values that are wrong in themselves, another's, or a mixture. */
  torn: number;
  /** Sessions that were ended, or got a new id, and are live under the old one. */
  back: number;
  /** Records that raise an error that is not to be expected. */
  unreadable: number;
  /** What was measured besides. */
  readonly notes: string[];
  /** The first few of what went wrong, in words. */
  readonly problems: string[];
}

/** One plan of the specification. */
export interface Plan {
  /** Its letter and number, and the store where there are several: `F1`, `S1`. */
  readonly id: string;
  /** What is done, and what has to hold. */
  readonly title: string;
  /** What has to be there for it, and whether it is. */
  readonly needs?: readonly [what: string, present: boolean];
  run(size: Size): Promise<Outcome>;
}

/** An outcome without any fault found yet. */
export function outcome(runs: number): Outcome {
  return { runs, lost: 0, torn: 0, back: 0, unreadable: 0, notes: [], problems: [] };
}

/** Counts a fault, and keeps the first few in words. */
export function found(
  outcome: Outcome,
  what: "lost" | "torn" | "back" | "unreadable",
  words: string,
): void {
  outcome[what]++;
  if (outcome.problems.length < 5) outcome.problems.push(`${what}: ${words}`);
}

/** Says in words what else has to hold and does not. */
export function expect(outcome: Outcome, holds: boolean, words: string): void {
  if (!holds && outcome.problems.length < 5) outcome.problems.push(words);
}

/** Adds what came of a part of a plan. */
export function add(to: Outcome, part: Outcome): void {
  for (const what of ["lost", "torn", "back", "unreadable"] as const) to[what] += part[what];
  to.problems.push(...part.problems);
  to.notes.push(...part.notes);
}

/** Awaits so many milliseconds. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
