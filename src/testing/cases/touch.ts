/** A touch moves the two instants of activity, and nothing else. */
import assert from "node:assert/strict";
import type { StoreCase } from "../case.ts";
import {
  assertFree,
  assertHolds,
  assertListed,
  expiredRecord,
  HOUR,
  put,
  record,
  version,
} from "../records.ts";

export const touchCases: readonly StoreCase[] = [
  {
    name: "SR-035 touch moves touchedAt and expiresAt and keeps the data, the user and the version",
    methods: ["touch"],
    async run(store, { random }) {
      const key = random.key();
      const before = record({ userId: "alice", data: "kept" });
      const born = await put(store, key, before);
      const times = { touchedAt: before.touchedAt + 60_000, expiresAt: before.expiresAt + HOUR };
      assert.equal(await store.touch(key, times.touchedAt, times.expiresAt), true);
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
    name: "touch may shorten a life too",
    methods: ["touch"],
    async run(store, { random }) {
      const key = random.key();
      const before = record();
      const born = await put(store, key, before);
      const times = { touchedAt: before.touchedAt - 1000, expiresAt: before.expiresAt - 1000 };
      assert.equal(await store.touch(key, times.touchedAt, times.expiresAt), true);
      await assertHolds(store, key, { ...before, ...times }, born);
    },
  },
  {
    name: "a record can be rotated with the version from before a touch",
    methods: ["touch"],
    async run(store, { random }) {
      const [key, next] = [random.key(), random.key()];
      const before = record();
      const born = await put(store, key, before);
      await store.touch(key, before.touchedAt + 1, before.expiresAt + 1);
      const after = record({ data: "after" });
      await assertHolds(store, next, after, version(await store.rotate(key, next, after, born), "rotate"));
      await assertFree(store, key);
    },
  },
  {
    name: "SR-035 touch of a record that is gone answers false and brings nothing back",
    methods: ["touch"],
    async run(store, { random }) {
      const [key, next, never] = [random.key(), random.key(), random.key()];
      const { touchedAt, expiresAt } = record();
      const born = await put(store, key, record());
      version(await store.rotate(key, next, record(), born), "rotate");
      await store.delete(next);
      for (const gone of [key, next, never]) {
        assert.equal(await store.touch(gone, touchedAt, expiresAt), false);
        await assertFree(store, gone);
      }
    },
  },
  {
    name: "touch of one record leaves the others alone",
    methods: ["touch"],
    async run(store, { random }) {
      const [key, other] = [random.key(), random.key()];
      const neighbour = record({ userId: "alice" });
      await put(store, key, record({ userId: "alice" }));
      const kept = await put(store, other, neighbour);
      await store.touch(key, neighbour.touchedAt + 5, neighbour.expiresAt + 5);
      await assertHolds(store, other, neighbour, kept);
    },
  },
  {
    name: "a record that a touch let expire may be replaced by create",
    methods: ["touch"],
    async run(store, { random }) {
      const key = random.key();
      await put(store, key, record());
      const { touchedAt, expiresAt } = expiredRecord();
      assert.equal(await store.touch(key, touchedAt, expiresAt), true);
      const fresh = record({ data: "fresh" });
      await assertHolds(store, key, fresh, await put(store, key, fresh));
    },
  },
  {
    name: "the user index shows the instants of the last touch",
    methods: ["touch", "list"],
    async run(store, { random }) {
      const key = random.key();
      const before = record({ userId: "alice" });
      await put(store, key, before);
      const times = { touchedAt: before.touchedAt + 60_000, expiresAt: before.expiresAt + HOUR };
      await store.touch(key, times.touchedAt, times.expiresAt);
      await assertListed(store, "alice", [{ key, record: { ...before, ...times } }]);
    },
  },
];
