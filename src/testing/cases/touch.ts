/** A touch moves the two instants of activity forward, of the version it names, and nothing else. */
import assert from "node:assert/strict";
import type { StoreCase } from "../case.ts";
import {
  assertFree,
  assertHolds,
  assertListed,
  expiredRecord,
  hourMs,
  put,
  record,
  stored,
  version,
} from "../records.ts";

export const touchCases: readonly StoreCase[] = [
  {
    name: "SR-035 touch moves touchedAt and expiresAt and keeps the data, the head, the user and the version",
    methods: ["touch"],
    async run(store, { random }) {
      const key = random.key();
      const before = record({ userId: "alice", head: "kept", data: "kept" });
      const born = await put(store, key, before);
      const times = { touchedAt: before.touchedAt + 60_000, expiresAt: before.expiresAt + hourMs };
      assert.equal(await store.touch(key, times.touchedAt, times.expiresAt, born), true);
      await assertHolds(store, key, { ...before, ...times }, born);
      const after = record({ data: "saved" });
      const saved = version(
        await store.save(key, after, born),
        "save with the version from before the touch",
      );
      await assertHolds(store, key, after, saved);
    },
  },
  {
    name: "SR-035 touch with another version answers false and changes nothing",
    methods: ["touch"],
    async run(store, { random }) {
      const [key, other] = [random.key(), random.key()];
      const stale = await put(store, key, record());
      const value = record({ userId: "alice", data: "saved" });
      const saved = version(await store.save(key, value, stale), "save");
      await put(store, other, record());
      const foreign = version(
        await store.save(other, record(), (await stored(store, other)).version),
        "save",
      );
      for (const wrong of [stale, foreign, "never"]) {
        if (wrong === saved) continue;
        const answer = await store.touch(key, value.touchedAt + 5, value.expiresAt + 5, wrong);
        assert.equal(answer, false, `the answer to the version ${JSON.stringify(wrong)}`);
        await assertHolds(store, key, value, saved);
      }
      assert.equal(await store.touch(key, value.touchedAt + 5, value.expiresAt + 5, saved), true);
    },
  },
  {
    name: "touch moves each of the two instants forward only, whatever becomes of the other",
    methods: ["touch"],
    async run(store, { random }) {
      const before = record();
      for (
        const [touched, expires] of [[-1000, -1000], [-1, 1], [1, -1], [0, 0], [0, 1], [1, 0], [
          1,
          1,
        ]] as const
      ) {
        const key = random.key();
        const born = await put(store, key, before);
        const asked = [before.touchedAt + touched, before.expiresAt + expires] as const;
        assert.equal(await store.touch(key, ...asked, born), true, "it had that version");
        const times = {
          touchedAt: before.touchedAt + Math.max(touched, 0),
          expiresAt: before.expiresAt + Math.max(expires, 0),
        };
        await assertHolds(store, key, { ...before, ...times }, born);
      }
    },
  },
  {
    name: "two touches of one version may come in either order",
    methods: ["touch"],
    async run(store, { random }) {
      const before = record();
      const one = [before.touchedAt + 9, before.expiresAt + 2] as const;
      const other = [before.touchedAt + 3, before.expiresAt + 8] as const;
      for (const touches of [[one, other], [other, one]]) {
        const key = random.key();
        const born = await put(store, key, before);
        for (const instants of touches) assert.equal(await store.touch(key, ...instants, born), true);
        await assertHolds(store, key, { ...before, touchedAt: one[0], expiresAt: other[1] }, born);
      }
    },
  },
  {
    name: "a save may set the instants back, and a touch moves them forward from there",
    methods: ["touch"],
    async run(store, { random }) {
      const key = random.key();
      const before = record();
      const born = await put(store, key, before);
      assert.equal(await store.touch(key, before.touchedAt + 100, before.expiresAt + hourMs, born), true);
      const after = record({ touchedAt: before.touchedAt - 50, expiresAt: before.expiresAt - 50 });
      const saved = version(await store.save(key, after, born), "save");
      await assertHolds(store, key, after, saved);
      const times = { touchedAt: after.touchedAt + 1, expiresAt: after.expiresAt + 1 };
      assert.equal(await store.touch(key, times.touchedAt, times.expiresAt, saved), true);
      await assertHolds(store, key, { ...after, ...times }, saved);
    },
  },
  {
    name: "SR-035 touch of a record that is gone answers false and brings nothing back",
    methods: ["touch"],
    async run(store, { random }) {
      const [key, never] = [random.key(), random.key()];
      const value = record({ userId: "alice" });
      const born = await put(store, key, value);
      await store.delete(key);
      for (const gone of [key, never]) {
        assert.equal(await store.touch(gone, value.touchedAt, value.expiresAt, born), false);
        await assertFree(store, gone);
      }
      if (store.list !== undefined) await assertListed(store, "alice", []);
    },
  },
  {
    name: "SR-034 touch with a version of an earlier life of the key changes nothing",
    methods: ["touch"],
    async run(store, { random }) {
      const key = random.key();
      const stale = [await put(store, key, record())];
      stale.push(version(await store.save(key, record(), stale[0]!), "save"));
      await store.delete(key);
      const value = record({ data: "reborn" });
      let current = await put(store, key, value);
      for (let saves = 0; saves < 3; saves++) {
        for (const version of stale) {
          assert.equal(
            await store.touch(key, value.touchedAt + hourMs, value.expiresAt + hourMs, version),
            false,
          );
        }
        await assertHolds(store, key, value, current);
        current = version(await store.save(key, value, current), "save");
      }
    },
  },
  {
    name: "touch of one record leaves the others alone",
    methods: ["touch"],
    async run(store, { random }) {
      const [key, other] = [random.key(), random.key()];
      const neighbour = record({ userId: "alice" });
      const born = await put(store, key, record({ userId: "alice" }));
      const kept = await put(store, other, neighbour);
      assert.equal(await store.touch(key, neighbour.touchedAt + 5, neighbour.expiresAt + 5, born), true);
      await assertHolds(store, other, neighbour, kept);
    },
  },
  {
    name: "an expired record that is touched is alive again, or was gone, as the answer says",
    methods: ["touch"],
    async run(store, { random }) {
      const key = random.key();
      const dead = expiredRecord();
      const born = await put(store, key, dead);
      const times = { touchedAt: Date.now(), expiresAt: Date.now() + hourMs };
      if (!await store.touch(key, times.touchedAt, times.expiresAt, born)) {
        await put(store, key, record());
        return;
      }
      await assertHolds(store, key, { ...dead, ...times }, born);
      assert.equal(await store.create(key, record()), undefined, "the key is taken");
    },
  },
  {
    name: "the user index shows the instants of the last touch, and follows none with another version",
    methods: ["touch", "list"],
    async run(store, { random }) {
      const key = random.key();
      const before = record({ userId: "alice" });
      const born = await put(store, key, before);
      const times = { touchedAt: before.touchedAt + 60_000, expiresAt: before.expiresAt + hourMs };
      assert.equal(await store.touch(key, times.touchedAt, times.expiresAt, born), true);
      await assertListed(store, "alice", [{ key, record: { ...before, ...times } }]);
      const bob = record({ userId: "bob" });
      version(await store.save(key, bob, born), "save");
      assert.equal(await store.touch(key, times.touchedAt + hourMs, times.expiresAt + hourMs, born), false);
      await assertListed(store, "alice", []);
      await assertListed(store, "bob", [{ key, record: bob }]);
    },
  },
];
