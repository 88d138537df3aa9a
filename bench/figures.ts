/** What the bench of the stores finds out. */

/** The bytes of data in a session that is measured. */
export const dataBytes = 200;

/** The methods that are measured, in this order: what `create` made is there for `delete`. */
export const operations = ["load", "create", "save", "touch", "rotate", "delete"] as const;

/** How long one method takes, in microseconds. */
export interface Latency {
  readonly operation: typeof operations[number];
  readonly inFlight: number;
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
}

/** One store. */
export interface StoreFigures {
  readonly name: string;
  /** What one session takes where it is kept. */
  readonly bytes?: number;
  readonly latencies: readonly Latency[];
}

/** All stores on one runtime. */
export interface Figures {
  readonly runtime: string;
  readonly at: string;
  readonly machine: string;
  readonly stores: readonly StoreFigures[];
}

/** The time from when a visit was due to its answer, in milliseconds. */
export interface Latencies {
  readonly answers: number;
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

/** Expired records cleared while a server answers. */
export interface Clearing {
  readonly runtime: string;
  readonly records: number;
  /** Visits a second. */
  readonly rate: number;
  readonly removed: number;
  readonly seconds: number;
  readonly before: Latencies;
  readonly during: Latencies;
}

/** The time that `list` takes, in microseconds, for a user with five sessions. */
export interface Listing {
  readonly name: string;
  /** The sessions of others in the store. */
  readonly foreign: number;
  readonly p50: number;
  readonly p99: number;
}

/** `list` on one runtime. */
export interface Listings {
  readonly runtime: string;
  readonly at: string;
  readonly machine: string;
  readonly lists: readonly Listing[];
}
