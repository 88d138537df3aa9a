/** What is measured: the three scenarios, and what a thing to measure has to bring. */

import type { IncomingMessage, ServerResponse } from "node:http";
import process from "node:process";

/** N: the session is never touched. R: one value is read. W: one value is read and one is written. */
export type Scenario = "N" | "R" | "W";

/** All of them, in the order of the tables. */
export const scenarios: readonly Scenario[] = ["N", "R", "W"];

/** A handler as `Deno.serve` and `Bun.serve` take it. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** A handler as `node:http` takes it. */
export type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** A subject made ready: one handler for each scenario, all over the same sessions. */
export interface Opened {
  readonly handlers: Readonly<Record<Scenario, Handler>>;
  /** How it is served over HTTP where it needs `node:http`. */
  readonly listeners?: Readonly<Record<Scenario, Listener>>;
  close?(): unknown;
}

/** What subjects are given: places to keep sessions. */
export interface Surroundings {
  /** A path for a file or a folder that does not exist yet. */
  path(): string;
  /** The port of a redis-server; `undefined` where there is none. */
  readonly redisPort: number | undefined;
}

/** One thing to measure. */
export interface Subject {
  readonly name: string;
  /** `limit`: written by hand, without any library. */
  readonly kind: "bare" | "limit" | "ours" | "peer";
  /** What is subtracted to see the session alone. @default "bare" */
  readonly bare?: string;
  /** The hand-written limit of the same work. */
  readonly limit?: string;
  /** Where its sessions are, so that like is compared with like. */
  readonly keeps?: "memory" | "SQLite" | "Redis" | "cookie" | "files" | "Deno KV";
  /** @default all of them */
  readonly only?: readonly Scenario[];
  /** So many sessions take turns. @default 256 */
  readonly visitors?: number;
  /** Why it cannot run here. */
  readonly absent?: string | undefined;
  /** Whether it is too much alike to another one to be worth the time over HTTP. */
  readonly inProcessOnly?: boolean;
  /** Whether it needs a server. */
  readonly httpOnly?: boolean;
  open(surroundings: Surroundings): Opened | Promise<Opened>;
}

/** What a session holds: 200 bytes as JSON. */
export interface Data {
  name: string;
  visits: number;
  language: string;
  cart: { sku: string; count: number }[];
}

/** The data of a visitor who is here for the first time. */
export function firstData(): Data {
  const cart = ["chair-oak-4", "table-oak-2", "lamp-green-1", "carpet-blue"].map((sku) => ({
    sku,
    count: 1,
  }));
  return { name: "Ann", visits: 100, language: "en-GB", cart };
}

/** The same handler in all scenarios. */
export function everywhere(handler: Handler): Opened["handlers"] {
  return { N: handler, R: handler, W: handler };
}

/** Whether this is Bun. */
export const onBun: boolean = "Bun" in globalThis;

/** Whether it is Bun that is measured; what leads the servers of the other runtime is told. */
export const isForBun: boolean = process.env.BENCH_TARGET === undefined
  ? onBun
  : process.env.BENCH_TARGET === "bun";
