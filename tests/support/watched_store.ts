/** Any store with every call noted: what went in, and a say before and after what the store really does. */

import { setImmediate } from "node:timers";
import type { MaybePromise, SessionStore } from "../../mod.ts";

/** One call that a store was given. */
export interface Call {
  readonly method: string;
  readonly args: readonly unknown[];
}

/** A store under watch. */
export interface Watched {
  readonly store: SessionStore;
  /** All calls, in order. */
  readonly calls: Call[];
  /** May wait or throw. */
  before: ((call: Call) => MaybePromise<void>) | undefined;
  after: ((call: Call) => MaybePromise<void>) | undefined;
  /** The names of the calls since the last look. */
  taken(): string[];
}

/** Watches a store; `without` names optional methods that it is to lack. */
export function watch(inner: SessionStore, without: readonly string[] = []): Watched {
  let seen = 0;
  const watched: Watched = {
    calls: [],
    before: undefined,
    after: undefined,
    taken: () => watched.calls.slice(seen, seen = watched.calls.length).map(({ method }) => method),
    store: new Proxy(inner, {
      get(target, name) {
        const method = Reflect.get(target, name, target) as unknown;
        if (typeof name !== "string" || typeof method !== "function") return method;
        if (without.includes(name)) return undefined;
        return (...args: unknown[]) => {
          const call = { method: name, args };
          watched.calls.push(call);
          const run = () => method.apply(target, args);
          const { before, after } = watched;
          if (before === undefined && after === undefined) return run();
          return (async () => {
            await before?.(call);
            const answer = await run();
            await after?.(call);
            return answer;
          })();
        };
      },
    }),
  };
  return watched;
}

/** Holds store calls back and lets them through one at a time, as the dice fall. */
export class Interleaving {
  readonly #roll: (below: number) => number;
  readonly #held: (() => void)[] = [];

  constructor(roll: (below: number) => number) {
    this.#roll = roll;
  }

  /** To be waited for before, and after, each call. */
  readonly hold = (): Promise<void> => new Promise((resolve) => this.#held.push(resolve));

  /** Runs until the work is done; a call is let through when everybody who can has arrived at one. */
  async through<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const mark = () => void (isDone = true);
    work.then(mark, mark);
    while (!isDone) {
      for (let quiet = 0, count = -1; quiet < 3 && !isDone; quiet++) {
        await new Promise((resolve) => setImmediate(resolve));
        if (this.#held.length !== count) quiet = 0;
        count = this.#held.length;
      }
      if (this.#held.length > 0) this.#held.splice(this.#roll(this.#held.length), 1)[0]!();
    }
    return await work;
  }
}
