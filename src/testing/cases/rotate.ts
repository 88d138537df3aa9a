/** Rotation moves a session to a new key in one step. */
import assert from "node:assert/strict";
import { type StoreCase, turns } from "../case.ts";
import { assertFree, assertHolds, assertListed, expiredRecord, put, record, version } from "../records.ts";

export const rotateCases: readonly StoreCase[] = [
  {
    name: "SR-031 rotate puts the new content under the new key, and the old key is dead",
    async run(store, { random }) {
      const [key, next] = [random.key(), random.key()];
      const born = await put(store, key, record({ data: "before" }));
      const after = record({ data: "after", userId: "alice", createdAt: 5 });
      const moved = version(await store.rotate(key, next, after, born), "rotate");
      await assertFree(store, key, "the old key is dead");
      await assertHolds(store, next, after, moved);
      assert.equal(
        await store.save(key, record(), born),
        undefined,
        "nothing can be saved under the old key",
      );
      assert.equal(await store.delete(key), false);
      assert.equal(await store.rotate(key, random.key(), record(), born), undefined);
      await assertHolds(
        store,
        next,
        after,
        version(await store.save(next, after, moved), "save after rotate"),
      );
    },
  },
  {
    name: "rotate of a record that is gone is refused and creates nothing",
    async run(store, { random }) {
      const [key, next, never] = [random.key(), random.key(), random.key()];
      const born = await put(store, key, record());
      await store.delete(key);
      assert.equal(await store.rotate(key, next, record(), born), undefined);
      assert.equal(await store.rotate(never, next, record(), born), undefined);
      for (const free of [key, next, never]) await assertFree(store, free);
    },
  },
  {
    name: "rotate with an older version is refused and changes nothing",
    async run(store, { random }) {
      const [key, next] = [random.key(), random.key()];
      const stale = await put(store, key, record());
      const current = record({ data: "current" });
      const saved = version(await store.save(key, current, stale), "save");
      assert.equal(await store.rotate(key, next, record({ data: "late" }), stale), undefined);
      await assertFree(store, next);
      await assertHolds(store, key, current, saved);
      version(
        await store.save(key, current, saved),
        "save with the version that rotate must not have changed",
      );
    },
  },
  {
    name: "rotate to a taken key is refused and changes neither record",
    async run(store, { random }) {
      const [key, taken] = [random.key(), random.key()];
      const [mine, theirs] = [
        record({ data: "mine", userId: "alice" }),
        record({ data: "theirs", userId: "bob" }),
      ];
      const [myVersion, theirVersion] = [await put(store, key, mine), await put(store, taken, theirs)];
      assert.equal(await store.rotate(key, taken, record({ data: "moved" }), myVersion), undefined);
      await assertHolds(store, key, mine, myVersion);
      await assertHolds(store, taken, theirs, theirVersion);
      version(await store.save(key, mine, myVersion), "save under the old key afterwards");
    },
  },
  {
    name: "rotate to a key whose record has expired takes it or changes nothing",
    async run(store, { random }) {
      const [key, next] = [random.key(), random.key()];
      const before = record({ data: "before" });
      const born = await put(store, key, before);
      await put(store, next, expiredRecord());
      const after = record({ data: "after" });
      const moved = await store.rotate(key, next, after, born);
      if (moved === undefined) return assertHolds(store, key, before, born);
      await assertFree(store, key);
      await assertHolds(store, next, after, moved);
    },
  },
  {
    name: "a version is never used twice for one key, also when a session is rotated away and back",
    async run(store, { random }) {
      let [here, there] = [random.key(), random.key()];
      const used = new Set<string>();
      let current = await put(store, here, record());
      for (let round = 0; round < 12; round++) {
        assert.ok(!used.has(here + current), "every version is new");
        used.add(here + current);
        current = version(await store.rotate(here, there, record(), current), "rotate");
        [here, there] = [there, here];
      }
    },
  },
  {
    name: "SR-040 the user index follows a rotation",
    methods: ["list"],
    async run(store, { random }) {
      const [key, next, last] = [random.key(), random.key(), random.key()];
      let current = await put(store, key, record({ userId: "alice" }));
      const bob = record({ userId: "bob" });
      current = version(await store.rotate(key, next, bob, current), "rotate");
      await assertListed(store, "alice", []);
      await assertListed(store, "bob", [{ key: next, record: bob }]);
      version(await store.rotate(next, last, record(), current), "rotate");
      await assertListed(store, "bob", []);
    },
  },
  {
    name: "a refused rotation leaves the user index alone",
    methods: ["list"],
    async run(store, { random }) {
      const [key, taken] = [random.key(), random.key()];
      const [alice, bob] = [record({ userId: "alice" }), record({ userId: "bob" })];
      const born = await put(store, key, alice);
      await put(store, taken, bob);
      assert.equal(await store.rotate(key, taken, record({ userId: "eve" }), born), undefined);
      await assertListed(store, "alice", [{ key, record: alice }]);
      await assertListed(store, "bob", [{ key: taken, record: bob }]);
      await assertListed(store, "eve", []);
    },
  },
  {
    name: "SR-032 at no moment of a rotation is the session nowhere, or the new content under the old key",
    async run(store, { random }) {
      let key = random.key();
      let current = await put(store, key, record({ data: "0" }));
      for (let round = 1; round <= 12; round++) {
        const next = random.key();
        let done = false;
        const watch = async () => {
          for (let looks = 0; looks < 200 && !done; looks++) {
            const old = await store.load(key);
            if (old !== undefined) {
              assert.equal(old.data, String(round - 1), "the old key has the old content");
            } else assert.ok(await store.load(next) !== undefined, "the session was nowhere for a moment");
            await null;
          }
        };
        const rotating = async () => {
          await turns(round % 4);
          try {
            return await store.rotate(key, next, record({ data: String(round) }), current);
          } finally {
            done = true;
          }
        };
        const [moved] = await Promise.all([rotating(), watch()]);
        current = version(moved, "rotate");
        await assertFree(store, key);
        key = next;
      }
    },
  },
];
