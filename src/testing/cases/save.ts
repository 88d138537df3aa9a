/** Saves are compare-and-set, and versions are never used twice. */
import assert from "node:assert/strict";
import type { StoreCase } from "../case.ts";
import { assertFree, assertHolds, expiredRecord, put, record, version } from "../records.ts";

export const saveCases: readonly StoreCase[] = [
  {
    name: "save replaces the whole record and answers a new version",
    async run(store, { random }) {
      const key = random.key();
      const born = await put(store, key, record({ userId: "alice", head: "first" }));
      const next = record({ data: "next", createdAt: 1, touchedAt: 2 });
      const saved = version(await store.save(key, next, born), "save with the current version");
      assert.notEqual(saved, born);
      await assertHolds(store, key, next, saved);
      const last = record({ data: "last", userId: "bob" });
      await assertHolds(store, key, last, version(await store.save(key, last, saved), "save"));
    },
  },
  {
    name: "save of equal content gives a new version all the same",
    async run(store, { random }) {
      const key = random.key();
      const value = record();
      const born = await put(store, key, value);
      const saved = version(await store.save(key, value, born), "save");
      assert.notEqual(saved, born);
      assert.equal(await store.save(key, value, born), undefined, "the version before is stale");
      await assertHolds(store, key, value, saved);
    },
  },
  {
    name: "SR-042 save with an older version is refused and changes nothing",
    async run(store, { random }) {
      const key = random.key();
      const stale = await put(store, key, record());
      const current = record({ data: "current", userId: "alice" });
      const saved = version(await store.save(key, current, stale), "save");
      assert.equal(await store.save(key, record({ data: "late" }), stale), undefined);
      await assertHolds(store, key, current, saved);
    },
  },
  {
    name: "SR-034 save of a record that is gone is refused and brings nothing back",
    async run(store, { random }) {
      const key = random.key();
      const born = await put(store, key, record({ userId: "alice" }));
      await store.delete(key);
      assert.equal(await store.save(key, record({ userId: "alice" }), born), undefined);
      await assertFree(store, key);
    },
  },
  {
    name: "save under a key that was never used is refused and creates nothing",
    async run(store, { random }) {
      const [key, never] = [random.key(), random.key()];
      const born = await put(store, key, record());
      assert.equal(await store.save(never, record(), born), undefined);
      await assertFree(store, never);
    },
  },
  {
    name: "save of one record leaves the others alone",
    async run(store, { random }) {
      const [key, other] = [random.key(), random.key()];
      const neighbour = record({ data: "neighbour" });
      const born = await put(store, key, record());
      const kept = await put(store, other, neighbour);
      version(await store.save(key, record({ data: "changed" }), born), "save");
      await assertHolds(store, other, neighbour, kept);
    },
  },
  {
    name: "a version is never used twice for one key, across delete, create and expiry",
    async run(store, { random }) {
      const key = random.key();
      const used: string[] = [];
      for (let round = 0; round < 12; round++) {
        const lives = round % 3 > 0;
        used.push(await put(store, key, lives ? record() : expiredRecord()));
        for (let saves = 0; lives && saves < round % 4; saves++) {
          used.push(version(await store.save(key, record(), used.at(-1)!), "save"));
        }
        if (lives) await store.delete(key);
      }
      assert.equal(new Set(used).size, used.length, "every version is new");
    },
  },
  {
    name: "a version of an earlier life of the key saves nothing",
    async run(store, { random }) {
      const key = random.key();
      const stale = [await put(store, key, record())];
      for (let saves = 0; saves < 3; saves++) {
        stale.push(version(await store.save(key, record(), stale.at(-1)!), "save"));
      }
      await store.delete(key);
      const reborn = record({ data: "reborn" });
      let current = await put(store, key, reborn);
      for (let saves = 0; saves < 4; saves++) {
        for (const version of stale) {
          assert.equal(await store.save(key, record({ data: "ghost" }), version), undefined);
        }
        await assertHolds(store, key, reborn, current);
        current = version(await store.save(key, reborn, current), "save");
      }
    },
  },
];
