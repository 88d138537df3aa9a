/** Create, load and delete. */
import assert from "node:assert/strict";
import type { StoreCase } from "../case.ts";
import { assertFree, assertHolds, expiredRecord, put, record, version } from "../records.ts";

export const basicCases: readonly StoreCase[] = [
  {
    name: "load answers undefined for a key that was never used",
    async run(store, { random }) {
      await assertFree(store, random.key());
    },
  },
  {
    name: "create keeps the record and answers the version that load shows",
    async run(store, { random }) {
      const key = random.key();
      const value = record({ userId: "alice" });
      await assertHolds(store, key, value, await put(store, key, value));
    },
  },
  {
    name: "load with `fresh` gives what load gives, whatever has happened",
    async run(store, { random }) {
      const key = random.key();
      const assertFresh = async () => {
        const found = await store.load(key, { fresh: true });
        assert.deepEqual(found, await store.load(key));
        assert.deepEqual(found, await store.load(key, { fresh: false }));
        return found;
      };
      assert.equal(await assertFresh(), undefined);
      const value = record({ userId: "alice", head: "head" });
      const born = await put(store, key, value);
      assert.equal((await assertFresh())?.version, born);
      await store.touch?.(key, value.touchedAt + 1, value.expiresAt + 1, born);
      assert.equal((await assertFresh())?.expiresAt, value.expiresAt + (store.touch === undefined ? 0 : 1));
      const saved = version(await store.save(key, record({ data: "saved" }), born), "save");
      assert.equal((await assertFresh())?.version, saved);
      await store.delete(key);
      assert.equal(await assertFresh(), undefined);
      const again = await put(store, key, record({ data: "again" }));
      assert.equal((await assertFresh())?.version, again);
    },
  },
  {
    name: "keys that differ in one digit are different keys",
    async run(store, { random }) {
      const middle = random.text(62, "0123456789abcdef");
      const keys = [`0${middle}0`, `1${middle}0`, `0${middle}1`, "0".repeat(64), "f".repeat(64)];
      for (const key of keys) await put(store, key, record({ data: key }));
      for (const key of keys) assert.equal((await store.load(key))?.data, key);
      assert.equal(await store.delete(keys[0]!), true);
      await assertFree(store, keys[0]!);
      for (const key of keys.slice(1)) assert.equal((await store.load(key))?.data, key);
    },
  },
  {
    name: "create refuses a taken key and changes nothing",
    async run(store, { random }) {
      const key = random.key();
      const first = record({ userId: "alice", data: "first" });
      const born = await put(store, key, first);
      assert.equal(await store.create(key, record({ userId: "mallory", data: "second" })), undefined);
      await assertHolds(store, key, first, born);
    },
  },
  {
    name: "create takes a key again after delete, and nothing of the record before is left",
    async run(store, { random }) {
      const key = random.key();
      const dead = await put(store, key, record({ userId: "alice", head: "head", data: "dead" }));
      assert.equal(await store.delete(key), true);
      const fresh = record({ data: "fresh", createdAt: 5, touchedAt: 6 });
      const born = await put(store, key, fresh);
      assert.notEqual(born, dead, "a version is never used twice for one key");
      await assertHolds(store, key, fresh, born);
    },
  },
  {
    name: "create refuses a key whose record lives for another minute only",
    async run(store, { random }) {
      const key = random.key();
      const first = record({ expiresAt: Date.now() + 60_000 });
      const born = await put(store, key, first);
      assert.equal(await store.create(key, record({ data: "second" })), undefined);
      await assertHolds(store, key, first, born);
    },
  },
  {
    name: "create replaces a record that has expired",
    async run(store, { random }) {
      const key = random.key();
      const dead = await put(store, key, expiredRecord({ userId: "alice", data: "dead" }));
      const fresh = record({ data: "fresh" });
      const born = await put(store, key, fresh);
      assert.notEqual(born, dead, "a version is never used twice for one key");
      await assertHolds(store, key, fresh, born);
      assert.equal(await store.save(key, record(), dead), undefined, "the dead record's version is dead too");
      await assertHolds(store, key, fresh, born);
    },
  },
  {
    name: "create replaces a record that a save let expire",
    async run(store, { random }) {
      const key = random.key();
      const born = await put(store, key, record());
      version(await store.save(key, expiredRecord({ data: "ended" }), born), "save");
      const fresh = record({ data: "fresh" });
      await assertHolds(store, key, fresh, await put(store, key, fresh));
    },
  },
  {
    name: "an expired record is shown as it was, or not at all",
    async run(store, { random }) {
      const key = random.key();
      const dead = expiredRecord({ userId: "alice" });
      const born = await put(store, key, dead);
      if (await store.load(key) !== undefined) await assertHolds(store, key, dead, born);
      await store.delete(key);
      await assertFree(store, key, "a deleted expired record");
    },
  },
  {
    name: "SR-034 delete removes, answers whether there was a record, and may be repeated",
    async run(store, { random }) {
      const [key, other, never] = [random.key(), random.key(), random.key()];
      const neighbour = record({ userId: "alice" });
      await put(store, key, record({ userId: "alice" }));
      const kept = await put(store, other, neighbour);
      assert.equal(await store.delete(key), true, "there was a record");
      await assertFree(store, key);
      assert.equal(await store.delete(key), false, "there was none any more");
      assert.equal(await store.delete(never), false, "there never was one");
      await assertFree(store, never);
      await assertHolds(store, other, neighbour, kept);
    },
  },
];
