/** Clearing takes what has expired, at most so much at a time, and nothing else. */
import assert from "node:assert/strict";
import type { SessionStore } from "../../store.ts";
import type { StoreCase } from "../case.ts";
import {
  assertFree,
  assertHolds,
  assertListed,
  expiredRecord,
  hourMs,
  put,
  record,
  version,
} from "../records.ts";

type Clearing = Required<Pick<SessionStore, "clearExpired">>;

/** Clears until nothing is left to clear; the number removed. */
export async function clearAll(store: Clearing, now: number, limit: number): Promise<number> {
  for (let total = 0;;) {
    const removed = await store.clearExpired(now, limit);
    assert.ok(
      Number.isInteger(removed) && removed >= 0 && removed <= limit,
      `removed ${removed} of at most ${limit}`,
    );
    if (removed === 0) return total;
    total += removed;
    assert.ok(total < 100_000, "clearExpired never comes to an end");
  }
}

export const expiryCases: readonly StoreCase[] = [
  {
    name: "clearExpired of an empty store removes nothing",
    methods: ["clearExpired"],
    async run(store) {
      assert.equal(await store.clearExpired(Date.now(), 10), 0);
    },
  },
  {
    name: "SR-039 clearExpired removes what expired at or before the instant, to the millisecond",
    methods: ["clearExpired"],
    async run(store, { random }) {
      const edge = Date.now() + hourMs;
      const ends = [edge - hourMs / 2, edge - 1, edge, edge + 1, edge + hourMs];
      const keys = ends.map(() => random.key());
      const versions: string[] = [];
      for (const [n, key] of keys.entries()) {
        versions.push(await put(store, key, record({ expiresAt: ends[n]! })));
      }
      const survivors = async () => {
        const found = await Promise.all(keys.map(async (key) => await store.load(key)));
        return ends.filter((_, n) => found[n] !== undefined).map((end) => end - edge);
      };
      assert.equal(await clearAll(store, edge - hourMs, 10), 0);
      assert.equal(await clearAll(store, edge - 2, 10), 1);
      assert.deepEqual(await survivors(), [-1, 0, 1, hourMs]);
      assert.equal(await clearAll(store, edge, 10), 2);
      assert.deepEqual(await survivors(), [1, hourMs]);
      assert.equal(await clearAll(store, edge, 10), 0, "nothing is removed twice");
      version(await store.save(keys[3]!, record(), versions[3]!), "save of a record that was not cleared");
    },
  },
  {
    name: "SR-039 clearExpired removes at most `limit` at a time, and comes to an end",
    methods: ["clearExpired"],
    async run(store, { random }) {
      const edge = Date.now() + hourMs;
      const keys = Array.from({ length: 23 }, () => random.key());
      const value = record({ expiresAt: edge + 1 });
      const live = Array.from({ length: 7 }, () => random.key());
      const born = await Promise.all(live.map((key) => put(store, key, value)));
      await Promise.all(keys.map((key, n) => put(store, key, record({ expiresAt: edge - (n % 5) }))));
      const left = async () =>
        (await Promise.all(keys.map(async (key) => await store.load(key)))).filter(Boolean).length;
      for (let before = keys.length; before > 0;) {
        const removed = await store.clearExpired(edge, 5);
        const after = await left();
        assert.ok(removed <= 5, `removed ${removed} of at most 5`);
        assert.equal(removed, before - after, "the number removed");
        assert.ok(removed > 0, "expired records are left, and none was removed");
        before = after;
      }
      assert.equal(await store.clearExpired(edge, 5), 0);
      for (const [n, key] of live.entries()) await assertHolds(store, key, value, born[n]!);
    },
  },
  {
    name: "clearExpired takes records that were long dead when they were written",
    methods: ["clearExpired"],
    async run(store, { random }) {
      const [dead, ended, live] = [random.key(), random.key(), random.key()];
      const value = record();
      const born = await put(store, live, value);
      await put(store, dead, expiredRecord());
      version(await store.save(ended, expiredRecord(), await put(store, ended, record())), "save");
      await clearAll(store, Date.now(), 10);
      await assertFree(store, dead);
      await assertFree(store, ended);
      await assertHolds(store, live, value, born);
    },
  },
  {
    name: "clearExpired goes by the expiry of the last save or touch",
    methods: ["clearExpired"],
    async run(store, { random }) {
      const edge = Date.now() + hourMs;
      const [early, late] = [{ expiresAt: edge - 5 }, { expiresAt: edge + 5 }];
      const keep: string[] = [], drop: string[] = [];
      for (const [end, list] of [[late, keep], [early, drop]] as const) {
        const start = record(end === late ? early : late);
        const saved = random.key();
        version(await store.save(saved, record(end), await put(store, saved, start)), "save");
        list.push(saved);
      }
      if (store.touch !== undefined) {
        const [renewed, left] = [random.key(), random.key()];
        for (const [key, end, list] of [[renewed, late, keep], [left, early, drop]] as const) {
          const start = record(early);
          const born = await put(store, key, start);
          assert.equal(await store.touch(key, start.touchedAt, end.expiresAt, born), true);
          list.push(key);
        }
      }
      assert.equal(await clearAll(store, edge, 10), drop.length);
      for (const key of drop) await assertFree(store, key);
      for (const key of keep) assert.ok(await store.load(key) !== undefined, "a live record was removed");
    },
  },
  {
    name: "a cleared record is gone like a deleted one",
    methods: ["clearExpired"],
    async run(store, { random }) {
      const key = random.key();
      const dying = record({ userId: "alice" });
      const stale = await put(store, key, dying);
      assert.equal(await clearAll(store, dying.expiresAt, 10), 1);
      assert.equal(await store.save(key, record(), stale), undefined);
      assert.ok(
        !await store.touch?.(key, dying.touchedAt, dying.expiresAt + hourMs, stale),
        "a touch found it",
      );
      assert.equal(await store.delete(key), false);
      await assertFree(store, key);
      assert.notEqual(await put(store, key, record()), stale, "a version is never used twice for one key");
      assert.equal(await store.save(key, record(), stale), undefined);
    },
  },
  {
    name: "the user index follows clearExpired",
    methods: ["clearExpired", "list"],
    async run(store, { random }) {
      const [key, live] = [random.key(), random.key()];
      const dying = record({ userId: "alice" });
      const living = record({ userId: "alice", expiresAt: dying.expiresAt + 1 });
      await put(store, key, dying);
      await put(store, live, living);
      await clearAll(store, dying.expiresAt, 10);
      await assertListed(store, "alice", [{ key: live, record: living }]);
    },
  },
  {
    name: "SR-039 two sweepers at once remove every expired record once, and no other",
    methods: ["clearExpired"],
    async run(store, { random }) {
      const edge = Date.now() + hourMs;
      const keys = Array.from({ length: 40 }, () => random.key());
      const end = (n: number) => edge + (n % 2);
      await Promise.all(keys.map((key, n) => put(store, key, record({ expiresAt: end(n) }))));
      const removed = await Promise.all([clearAll(store, edge, 3), clearAll(store, edge, 7)]);
      assert.equal(removed[0] + removed[1], keys.length / 2, "the number removed by both");
      for (const [n, key] of keys.entries()) assert.equal(await store.load(key) !== undefined, end(n) > edge);
    },
  },
];
