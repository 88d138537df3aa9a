/** A client of Redis that is made of one function, and the names of the scripts it is asked for. */

import { createHash } from "node:crypto";
import { setImmediate } from "node:timers";
import * as scripts from "../backends/redis/scripts.ts";
import type { Client } from "../backends/redis/client.ts";

/** A command as the client gets it. */
export interface Asked {
  /** `EVALSHA`, `EVAL` or `HMGET`. */
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
  if (typeof script !== "object") continue;
  names.set(script.source, name);
  names.set(createHash("sha1").update(script.source).digest("hex"), name);
}

/** Reads a command. */
export function asked([command, ...words]: readonly string[]): Asked {
  if (command === "HMGET") {
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

/** What the answer to a script holds: its token and the time come first. */
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
      if (one.command === "HMGET" || !Array.isArray(told)) return told;
      return [one.token, String(Date.now()), ...told];
    },
  };
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
