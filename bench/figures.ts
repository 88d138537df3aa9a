/** What the benches find out, as it is kept in bench/results/. */

import type { Scenario, Subject } from "./subjects/subject.ts";
import type { Spread } from "./spread.ts";
import type { Taken } from "./latency.ts";

/** The bytes of data in a session that is measured. */
export const dataBytes = 200;

/** The methods that are measured, in this order: what `create` made is there for `delete`. */
export const operations = ["load", "save", "touch", "create", "delete"] as const;

/** How long one method takes, in microseconds. */
export interface Latency extends Taken {
  readonly operation: typeof operations[number];
}

/** One store. */
export interface StoreFigures {
  readonly name: string;
  /** How many sessions were stored. */
  readonly records: number;
  /** What one session takes where it is kept. */
  readonly bytes?: number;
  readonly latencies: readonly Latency[];
}

/** One subject in one scenario. */
export interface RequestFigure extends Pick<Subject, "name" | "kind" | "keeps"> {
  readonly scenario: Scenario;
  /** In process: microseconds per request. Over HTTP: requests per second. */
  readonly value: Spread;
  /** Microseconds per request beyond the bare handler's. */
  readonly overBare?: Spread;
  /** The bare handler's requests per second are 1. */
  readonly toBare: Spread;
  /** Those of the same work written by hand are 1. */
  readonly toLimit?: Spread;
}

/** What made the figures. */
export interface Tag {
  readonly runtime: string;
  readonly at: string;
  readonly machine: string;
  /** Versions of everything that was measured. */
  readonly versions: Readonly<Record<string, string>>;
}

/** One format at one size, in microseconds. */
export interface SerializationFigure {
  readonly name: string;
  /** Bytes as JSON. */
  readonly size: number;
  /** What it makes of them, if it makes bytes. */
  readonly bytes?: number;
  readonly encode: Spread;
  readonly decode: Spread;
}

/** What memory grows by. */
export interface HeapFigure {
  readonly name: string;
  readonly scenario: Scenario;
  readonly requests: number;
  readonly bytesPerRequest: number;
}

/** Response times at half of what the server can do, in microseconds. */
export interface HalfLoadFigure {
  readonly name: string;
  readonly scenario: Scenario;
  /** Requests per second at most. */
  readonly peak: number;
  readonly perSecond: Spread;
  readonly p50: Spread;
  readonly p99: Spread;
}

/** The figures of one part on one runtime. */
export interface Result<T> extends Tag {
  readonly depth: string;
  /** `cpu`: the process's own time is told, which leaves out what it waits for. */
  readonly clock?: string;
  readonly rounds: number;
  readonly figures: T;
}

/** The time from when a visit was due to its response, in milliseconds. */
export interface Answers {
  readonly answers: number;
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

/** Expired records cleared while a server is under load. */
export interface Clearing {
  readonly records: number;
  /** Visits a second. */
  readonly rate: number;
  readonly seconds: number;
  readonly before: Answers;
  readonly during: Answers;
}

/** The time that `list` takes, in microseconds, for a user with five sessions. */
export interface Listing {
  readonly name: string;
  /** The sessions of others in the store. */
  readonly foreign: number;
  readonly p50: number;
  readonly p99: number;
}
