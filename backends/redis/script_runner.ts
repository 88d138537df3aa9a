/** One way to Redis: every question is a script, has an end in time, and gets its own answer or an error. */

import { SessionError } from "../../src/errors.ts";
import { Deadlines } from "../../src/guard/deadlines.ts";
import type { Client } from "./client.ts";
import { versionWidth } from "./record.ts";
import type { Script } from "./scripts.ts";
import { ServerClock } from "../support/server_clock.ts";

/** Error replies that say: not applied, and soon it may be. Redis 6 wraps those of a script: `… -READONLY …`. */
const passing =
  /(?:^|\s-)(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|BUSY|NOREPLICAS)(?:\s|$)/;

/** Pauses between attempts, in milliseconds, grow from the one to the other. */
const shortestPause = 8;
const longestPause = 128;

/** At least so often an answer has to bear its token and the time, in milliseconds. */
const tokenEvery = 1000;

/** Puts questions to Redis. */
export class ScriptRunner {
  /** Whether two keys may live on two servers. */
  readonly cluster: boolean;
  readonly #client: Client;
  readonly #timeout: number;
  readonly #maxWaiting: number;
  readonly #limit: Deadlines = new Deadlines();
  readonly #origin: string = hex(crypto.getRandomValues(new Uint8Array(12)));
  /** By the name of the server. */
  readonly #clocks: Map<string, ServerClock> = new Map();
  #count = 0;
  #waiting = 0;

  /** Over a client; `timeout` in seconds. */
  constructor(client: Client, cluster: boolean, timeout: number, maxWaiting: number) {
    this.cluster = cluster;
    this.#client = client;
    this.#timeout = timeout;
    this.#maxWaiting = maxWaiting;
  }

  /** A text that was never given out before, by this process or another, as long as a version is. */
  token(): string {
    return this.#origin + (this.#count++).toString(36).padStart(versionWidth - this.#origin.length, "0");
  }

  /** When an operation that starts now has to be over. */
  deadline(): number {
    return performance.now() + this.#timeout * 1000;
  }

  /**
   * Runs a script and answers what it answered. A command that was certainly not applied is sent again while there is
   * time; one whose outcome is unknown is not: it was applied by `by`, or never will be.
   */
  run(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    by: number,
    token: string = this.token(),
  ): Promise<unknown[]> {
    return this.#ask(script, keys, [token, this.cluster ? "" : "alone", ...args], by);
  }

  /**
   * A text in one plain command, which costs Redis a sixth of a script. `undefined`: ask by a script, because an answer
   * that bears a token, and the time, is due, or because the command failed. Only an answer that says itself whom it belongs to
   * may be believed.
   */
  look(key: string, by: number): Promise<unknown> | undefined {
    const clock = this.#clocks.get(this.#client.server(key));
    if (clock === undefined || clock.age(performance.now()) > tokenEvery || !this.#client.ready()) {
      return undefined;
    }
    if (this.#waiting >= this.#maxWaiting) return undefined;
    return this.#run(["GET", key], key, by, text).catch((error) => {
      if (error instanceof SessionError) throw error;
      return undefined;
    });
  }

  #ask(script: Script, keys: readonly string[], args: Arguments, by: number): Promise<unknown[]> {
    if (this.#waiting >= this.#maxWaiting) {
      return Promise.reject(
        new SessionError("ERR_STORE", `${this.#maxWaiting} commands are waiting for Redis already`),
      );
    }
    const send = (command: string, what: string) => this.#send(command, what, keys, args, by);
    if (script.sha === undefined || !this.#client.ready()) return this.#persist(script, send, by);
    // Nearly always the first attempt is all there is.
    const first = send("EVALSHA", script.sha);
    const again = () => this.#persist(script, send, by, first);
    return first.then((answer) => answer[0] === "late" ? again() : answer, again);
  }

  /** Sends it with the time in which it may be carried out, and learns from the answer, however late, what time it is there. */
  #send(
    command: string,
    what: string,
    keys: readonly string[],
    [token, mode, ...args]: Arguments,
    by: number,
  ): Promise<unknown[]> {
    const server = this.#client.server(keys[0]!);
    let clock = this.#clocks.get(server);
    if (clock === undefined) this.#clocks.set(server, clock = new ServerClock());
    const known = clock;
    const sent = performance.now();
    const [from, until] = known.window(sent, by);
    const all = [command, what, String(keys.length), ...keys, token, mode, from, until, ...args];
    return this.#run(all, keys[0]!, by, (reply) => {
      const [seconds, microseconds, ...answer] = own(reply, token);
      known.learn(Number(seconds) * 1000 + Number(microseconds) / 1000, sent, performance.now());
      return answer;
    });
  }

  /**
   * Sends a command, and reads its answer, which has to come by `by`. What the client still holds counts as waiting, also after its
   * caller has given up: that is what fills the memory. The client's promise is never left without a handler.
   */
  #run<T>(command: string[], key: string, by: number, read: (reply: unknown) => T): Promise<T> {
    let reply: Promise<unknown>;
    try {
      reply = Promise.resolve(this.#client.run(command, key));
    } catch (error) {
      return Promise.reject(error);
    }
    this.#waiting++;
    const answer = reply.then((reply) => {
      this.#waiting--;
      return read(reply);
    }, (error) => {
      this.#waiting--;
      throw error;
    });
    return this.#limit.within(
      answer,
      by,
      () => this.#late("had no answer from Redis", "it was carried out by now, or never will be"),
    );
  }

  /** All attempts together, of which the first may have been made already. */
  async #persist(
    script: Script,
    send: Send,
    by: number,
    first?: Promise<unknown[]>,
  ): Promise<unknown[]> {
    if (script.sha === undefined) {
      this.#waiting++;
      const name = crypto.subtle.digest("SHA-1", encoder.encode(script.source));
      script.sha = hex(new Uint8Array(await name.finally(() => this.#waiting--)));
    }
    let what = "had no connection to Redis";
    let reason: unknown;
    let told = false;
    for (let pause = shortestPause;; pause = Math.min(pause * 2, longestPause)) {
      // Commands are never left to a client's own queue, where they would wait without end and be late for their turn
      const made = first;
      first = undefined;
      if (made !== undefined || this.#client.ready()) {
        try {
          const answer = await evaluate(script as Required<Script>, send, made);
          if (answer[0] !== "late") return answer;
          [what, reason] = ["did not come to Redis", undefined];
          // The answer has told what time it is there. More often than once is strange, and no reason to hurry
          if (!told && performance.now() < by) {
            told = true;
            continue;
          }
        } catch (error) {
          if (error instanceof SessionError) throw error;
          [what, reason] = ["was refused by Redis", redacted(error)];
          if (!passing.test(messageOf(error))) {
            throw new SessionError("ERR_STORE", "Redis refused a command, or the connection to it broke", {
              cause: reason,
            });
          }
        }
      }
      if (performance.now() + pause >= by) throw this.#late(what, "it changed nothing", reason);
      this.#waiting++;
      await new Promise((resolve) => setTimeout(resolve, pause));
      this.#waiting--;
    }
  }

  #late(what: string, outcome: string, cause?: unknown): SessionError {
    const message = `A command ${what} within ${this.#timeout} s: ${outcome}`;
    return new SessionError("ERR_STORE", message, cause === undefined ? undefined : { cause });
  }
}

type Arguments = readonly [token: string, mode: string, ...string[]];

type Send = (command: string, what: string) => Promise<unknown[]>;

/** By name, or in full to a server that does not know the script (yet, or again after a restart). */
async function evaluate(
  script: Required<Script>,
  send: Send,
  first?: Promise<unknown[]>,
): Promise<unknown[]> {
  try {
    return await (first ?? send("EVALSHA", script.sha));
  } catch (error) {
    if (!/^NOSCRIPT\b/.test(messageOf(error))) throw error;
    return await send("EVAL", script.source);
  }
}

/**
 * The answer without its token. Another question's token means that the client has lost count (as redis-py did in 2023):
 * then nothing in the answer is believed.
 */
function own(reply: unknown, token: string): unknown[] {
  if (
    !Array.isArray(reply) || text(reply[0]) !== token ||
    !Number.isFinite(Number(text(reply[1])) + Number(text(reply[2])))
  ) {
    throw new SessionError("ERR_STORE", "The Redis client gave an answer that belongs to another command");
  }
  return texts(reply.slice(1));
}

/** Replies whose bytes are texts. */
function texts(values: readonly unknown[]): unknown[] {
  return values.map((value) => Array.isArray(value) ? value.map(text) : text(value));
}

/** Clients can be set to answer bytes. */
function text(value: unknown): unknown {
  return value instanceof Uint8Array ? decoder.decode(value) : value;
}

/** The client's error without what else hangs on it: ioredis keeps the whole command there, session data and all. */
function redacted(error: unknown): Error {
  const clean = new Error(messageOf(error));
  if (error instanceof Error) {
    clean.name = error.name;
    if (error.stack !== undefined) clean.stack = error.stack;
    if ("code" in error && typeof error.code === "string") Object.assign(clean, { code: error.code });
  }
  return clean;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const encoder: TextEncoder = new TextEncoder();
const decoder: TextDecoder = new TextDecoder();
