/** A client of Redis that is made of one function, and the names of the scripts it is asked for. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers";
import * as scripts from "../../../backends/redis/scripts.ts";
import type { Client } from "../../../backends/redis/client.ts";
import type { Script } from "../../../backends/redis/scripts.ts";
import { ScriptRunner } from "../../../backends/redis/script_runner.ts";
import { SessionError } from "../../../src/errors.ts";

/** A command as the client gets it. */
export interface Asked {
  /** `EVALSHA`, `EVAL` or `GET`. */
  readonly command: string;
  /** The script's name in `scripts.ts`; empty for a plain command. */
  readonly script: string;
  readonly keys: readonly string[];
  readonly token: string;
  readonly mode: string;
  /** Until when it may be carried out, by the server's clock. */
  readonly until: number;
  /** What the script is given beyond that; for a plain command all that follows its key. */
  readonly args: readonly string[];
}

const names = new Map<string, string>();
for (const [name, script] of Object.entries(scripts)) {
  if (typeof script !== "object" || !("source" in script)) continue;
  names.set(script.source, name);
  names.set(createHash("sha1").update(script.source).digest("hex"), name);
}

/** Reads a command. */
export function asked([command, ...words]: readonly string[]): Asked {
  if (command === "GET") {
    return { command, script: "", keys: [words[0]!], token: "", mode: "", until: 0, args: words.slice(1) };
  }
  const [name, count, ...rest] = words;
  const n = Number(count);
  const [token, mode, , until, ...args] = rest.slice(n);
  return {
    command: command!,
    script: names.get(name!) ?? "unknown",
    keys: rest.slice(0, n),
    token: token!,
    mode: mode!,
    until: Number(until),
    args,
  };
}

/** What the answer to a script holds: its token, the seconds and the microseconds come first. */
export type Answer = (one: Asked, n: number) => unknown;

/** A command function that answers scripts with what `answer` gives, and tells what it was asked. */
export function answering(answer: Answer): { send(command: string[]): Promise<unknown>; log: Asked[] } {
  const log: Asked[] = [];
  return {
    log,
    async send(command) {
      const one = asked(command);
      log.push(one);
      const told = await answer(one, log.length);
      if (one.command === "GET" || !Array.isArray(told)) return told;
      return [one.token, ...timeOf(Date.now()), ...told];
    },
  };
}

/** A time in milliseconds as answers tell it: seconds and microseconds. */
export function timeOf(time: number): [seconds: string, microseconds: string] {
  const seconds = Math.floor(time / 1000);
  return [String(seconds), String(Math.round((time - seconds * 1000) * 1000))];
}

/** A client around a command function; `state` may be changed while it is used. */
export function clientOf(
  send: (command: string[], key: string) => unknown,
  state: { ready: boolean } = { ready: true },
  server: (key: string) => string = () => "",
): Client {
  return {
    cluster: false,
    ready: () => state.ready,
    run: (command, key) => send(command, key) as Promise<unknown>,
    server,
  };
}

/** A clock that goes only when all wait for it. */
export interface Clock {
  /** What `performance.now` tells. */
  now: number;
  /** How long the timers that have gone off were set to, in order. */
  readonly waited: number[];
}

/** Runs this on a clock of its own, where no pause takes any time. */
export async function onClock<T>(run: (clock: Clock) => Promise<T>): Promise<T> {
  const { setTimeout, clearTimeout } = globalThis, now = performance.now;
  const timers = new Map<object, { due: number; time: number; ring: () => void }>();
  const clock: Clock = { now: 10_000, waited: [] };
  performance.now = () => clock.now;
  globalThis.setTimeout = ((ring: () => void, time: number) => {
    const timer = {};
    timers.set(timer, { due: clock.now + time, time, ring });
    return timer;
  }) as unknown as typeof setTimeout;
  globalThis.clearTimeout = ((timer: object) => void timers.delete(timer)) as unknown as typeof clearTimeout;
  try {
    let isOver = false;
    const result = run(clock);
    const end = () => void (isOver = true);
    result.then(end, end);
    while (!isOver) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      const [next] = [...timers].sort(([, a], [, b]) => a.due - b.due);
      if (isOver || next === undefined) continue;
      const [timer, { due, time, ring }] = next;
      timers.delete(timer);
      clock.now = Math.max(clock.now, due);
      clock.waited.push(time);
      ring();
    }
    return await result;
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
    performance.now = now;
  }
}

/** A script whose name on the server is known, or is not. */
export const script = (isKnown = true): Script =>
  isKnown ? { source: "return 1", sha: "e0e1f9" } : { source: "return 1" };

/** What a wire is made of here, where it is not the usual. */
export interface Setting {
  readonly cluster?: boolean;
  /** In seconds. */
  readonly timeout?: number;
  readonly maxWaiting?: number;
  readonly server?: (key: string) => string;
}

/** A wire, whether its client is ready, and a question about `k` by the token `t`. */
export interface Asking {
  readonly wire: ScriptRunner;
  readonly state: { ready: boolean };
  readonly ask: (args?: string[], of?: Script, by?: number) => Promise<unknown[]>;
}

/** A wire over a function that answers scripts. */
export function wireOf(
  answer: Answer,
  { cluster = false, timeout = 1, maxWaiting = 100, server }: Setting = {},
): Asking & { readonly log: Asked[] } {
  const { send, log } = answering(answer);
  const state = { ready: true };
  const wire = new ScriptRunner(clientOf(send, state, server), cluster, timeout, maxWaiting);
  const ask = (args: string[] = [], of = script(), by = wire.deadline()) =>
    wire.run(of, ["k"], args, by, "t");
  return { wire, log, state, ask };
}

/** A wire over a function that gives whole answers. */
export function bare(
  send: (command: string[], key: string) => unknown,
  { timeout = 1, maxWaiting = 100 }: Setting = {},
): Asking {
  const state = { ready: true };
  const wire = new ScriptRunner(clientOf(send, state), false, timeout, maxWaiting);
  const ask = (args: string[] = [], of = script(), by = wire.deadline()) =>
    wire.run(of, ["k"], args, by, "t");
  return { wire, state, ask };
}

/** Waits for this many milliseconds. */
export const pause = (time: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, time));

/** What an operation throws. */
export async function thrown(run: Promise<unknown>): Promise<SessionError> {
  const error = await run.then(() => undefined, (error) => error);
  assert.ok(error instanceof SessionError, `${error}`);
  assert.equal(error.code, "ERR_STORE");
  return error;
}
