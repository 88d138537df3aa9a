/** Stores that clear too much, too little or the wrong records. */
import type { SessionRecord } from "../../../src/store.ts";
import { turns } from "../../../src/testing/case.ts";
import { CorrectStore } from "../stores/correct_store.ts";
import { type BrokenStore, fault } from "./fault.ts";

export const clearFaults: readonly BrokenStore[] = [
  fault(
    "clearExpired does not count",
    "clearExpired of an empty store",
    class extends CorrectStore {
      override clearExpired(now: number, limit: number) {
        super.clearExpired(now, limit);
        return undefined as unknown as number;
      }
    },
  ),
  fault(
    "clearExpired is a millisecond late",
    "to the millisecond",
    class extends CorrectStore {
      override clearExpired(now: number, limit: number) {
        return super.clearExpired(now - 1, limit);
      }
    },
  ),
  fault(
    "clearExpired goes by the store's own clock",
    "to the millisecond",
    class extends CorrectStore {
      override clearExpired(_now: number, limit: number) {
        return super.clearExpired(Date.now(), limit);
      }
    },
  ),
  fault(
    "clearExpired ignores the limit",
    "at most `limit`",
    class extends CorrectStore {
      override clearExpired(now: number, _limit: number) {
        return super.clearExpired(now, Infinity);
      }
    },
  ),
  fault(
    "clearExpired fills its batch with live records",
    "to the millisecond",
    class extends CorrectStore {
      override clearExpired(now: number, limit: number) {
        const batch = [...this.records].sort(([, a], [, b]) => a.expiresAt - b.expiresAt).slice(0, limit);
        if ((batch[0]?.[1].expiresAt ?? Infinity) > now) return 0;
        for (const [key] of batch) this.records.delete(key);
        return batch.length;
      }
    },
  ),
  fault(
    "clearExpired looks at the first records only",
    "at most `limit`",
    class extends CorrectStore {
      override clearExpired(now: number, limit: number) {
        const dead = [...this.records].slice(0, limit).filter(([, { expiresAt }]) => expiresAt <= now);
        for (const [key] of dead) this.records.delete(key);
        return dead.length;
      }
    },
  ),
  fault(
    "clearExpired goes by the expiry at creation",
    "by the expiry of the last save",
    class extends CorrectStore {
      #ends = new Map<string, number>();
      override create(key: string, record: SessionRecord) {
        this.#ends.set(key, record.expiresAt);
        return super.create(key, record);
      }
      override clearExpired(now: number, limit: number) {
        const dead = [...this.records.keys()].filter((key) => (this.#ends.get(key) ?? Infinity) <= now).slice(
          0,
          limit,
        );
        for (const key of dead) this.records.delete(key);
        return dead.length;
      }
    },
  ),
  fault(
    "clearExpired chooses, waits, then removes",
    "renewed while it is cleared",
    class extends CorrectStore {
      override async clearExpired(now: number, limit: number) {
        const dead = [...this.records].filter(([, { expiresAt }]) => expiresAt <= now).slice(0, limit);
        await turns(4);
        return dead.filter(([key]) => this.records.delete(key)).length;
      }
    },
  ),
  fault(
    "two sweepers count the same records",
    "two sweepers at once",
    class extends CorrectStore {
      override async clearExpired(now: number, limit: number) {
        const dead = [...this.records].filter(([, { expiresAt }]) => expiresAt <= now).slice(0, limit);
        await turns(1);
        for (const [key] of dead) this.records.delete(key);
        return dead.length;
      }
    },
  ),
];
