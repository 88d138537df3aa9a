/** Counts records one at a time, so that a store can count any number of them in little memory. */

import { noteTime } from "./instants.ts";
import type { StoreStats } from "../../src/store.ts";

/** The records of one store, counted. */
export class StatsCounter {
  readonly #now: number;
  readonly #bounds: readonly number[];
  readonly #ages: number[];
  #live = 0;
  #expired = 0;
  #damaged = 0;
  #bytes = 0;
  #oldest = Infinity;
  #newest = -Infinity;

  constructor(now: number, bounds: readonly number[]) {
    this.#now = now;
    this.#bounds = bounds;
    this.#ages = new Array(bounds.length + 1).fill(0);
  }

  /** Counts a record; one with an invalid instant or size counts as damaged, and a note does not count. */
  add(createdAt: unknown, expiresAt: unknown, bytes: unknown): void {
    if (createdAt === noteTime) return;
    if (!isNumber(createdAt) || !isNumber(expiresAt) || !isNumber(bytes)) {
      this.#damaged++;
      return;
    }
    this.#bytes += bytes;
    this.#newest = Math.max(this.#newest, createdAt);
    if (expiresAt <= this.#now) {
      this.#expired++;
      return;
    }
    this.#live++;
    this.#oldest = Math.min(this.#oldest, createdAt);
    const bucket = this.#bounds.findIndex((bound) => this.#now - createdAt < bound);
    this.#ages[bucket < 0 ? this.#bounds.length : bucket]!++;
  }

  /** Counts a record that cannot be read. */
  addDamaged(): void {
    this.#damaged++;
  }

  /** The counts so far. */
  get stats(): StoreStats {
    return {
      live: this.#live,
      expired: this.#expired,
      damaged: this.#damaged,
      bytes: this.#bytes,
      ...(this.#oldest === Infinity ? {} : { oldest: this.#oldest }),
      ...(this.#newest === -Infinity ? {} : { newest: this.#newest }),
      ages: [...this.#ages],
    };
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** Yields to other waiting work. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
