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
