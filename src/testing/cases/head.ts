/** The head of a record: text beside the data, kept to the letter and shown without it. */
import assert from "node:assert/strict";
import type { SessionRecord } from "../../store.ts";
import type { StoreCase } from "../case.ts";
import { assertHolds, assertListed, hourMs, put, record, stored, version } from "../records.ts";
import { dataTexts } from "./values.ts";

/** The greatest size of a head, in bytes of UTF-8. */
const maxHeadBytes = 4096;

/** Heads of exactly the greatest size: of characters of one byte, and of several. */
const largestHeads: readonly string[] = [
  "x".repeat(maxHeadBytes),
  '"\\'.repeat(maxHeadBytes / 2),
  "é".repeat(maxHeadBytes / 2),
  `${"用".repeat((maxHeadBytes - 1) / 3)}x`,
  "🙂".repeat(maxHeadBytes / 4),
];

export const headCases: readonly StoreCase[] = [
  {
    name: "a head comes back as it was, and is left out when there is none",
    async run(store, { random }) {
      const key = random.key();
      const heads = [undefined, "", "first", "second", "", undefined, "last", undefined];
      let current = await put(store, key, record());
      for (const head of heads) {
        const value = record({ ...head !== undefined && { head }, data: `under ${head}` });
        current = version(await store.save(key, value, current), "save");
        await assertHolds(store, key, value, current);
        const other = random.key();
        await assertHolds(store, other, value, await put(store, other, value));
      }
    },
  },
  {
    name: "every kind of text comes back as it was as a head, and is never taken for the data or the user",
    async run(store, { random }) {
      for (const head of dataTexts) {
        const key = random.key();
        const value = record({ head, data: `data beside ${head}`, userId: "alice" });
        const current = await put(store, key, value);
        await assertHolds(store, key, value, current);
        const swapped = record({ head: value.data, data: head });
        await assertHolds(
          store,
          key,
          swapped,
          version(await store.save(key, swapped, current), "save"),
        );
      }
    },
  },
  {
    name: "a head of 4,096 bytes comes back whole, beside data of the greatest size",
    async run(store, { random, maxBytes }) {
      const key = random.key();
      let current = await put(store, key, record({ head: "small" }));
      for (const head of largestHeads) {
        const value = record({ head, data: "x".repeat(maxBytes), userId: "alice" });
        current = version(await store.save(key, value, current), "save");
        await assertHolds(store, key, value, current);
        const other = random.key();
        await assertHolds(store, other, value, await put(store, other, value));
        assert.equal(await store.delete(other), true);
      }
      const none = record();
      await assertHolds(store, key, none, version(await store.save(key, none, current), "save"));
    },
  },
  {
    name: "a head of undefined is no head",
    async run(store, { random }) {
      const key = random.key();
      // The type forbids it, and plain JavaScript does it all the same.
      const headless = { ...record(), head: undefined } as unknown as SessionRecord;
      const born = await put(store, key, headless);
      assert.equal((await stored(store, key)).head, undefined);
      const saved = version(await store.save(key, record({ head: "head" }), born), "save");
      version(await store.save(key, headless, saved), "save");
      assert.equal((await stored(store, key)).head, undefined);
    },
  },
  {
    name: "a refused create or save leaves the head alone",
    async run(store, { random }) {
      const key = random.key();
      const stale = await put(store, key, record({ head: "first" }));
      const value = record({ head: "second" });
      const saved = version(await store.save(key, value, stale), "save");
      assert.equal(await store.create(key, record({ head: "third" })), undefined);
      assert.equal(await store.save(key, record({ head: "fourth" }), stale), undefined);
      await assertHolds(store, key, value, saved);
    },
  },
  {
    name: "touch keeps the head",
    methods: ["touch"],
    async run(store, { random }) {
      for (const head of [undefined, "", "ü 🙂", ...largestHeads]) {
        const key = random.key();
        const before = record({ ...head !== undefined && { head } });
        const born = await put(store, key, before);
        const times = { touchedAt: before.touchedAt + 1, expiresAt: before.expiresAt + hourMs };
        assert.equal(await store.touch(key, times.touchedAt, times.expiresAt, born), true);
        await assertHolds(store, key, { ...before, ...times }, born);
      }
    },
  },
  {
    name: "list shows the head of the last save, also after a touch",
    methods: ["list"],
    async run(store, { random }) {
      const key = random.key();
      let current = await put(store, key, record({ userId: "alice", head: "first" }));
      for (const head of [undefined, "", "ü \u0000 🙂", ...largestHeads, undefined]) {
        let value = record({ userId: "alice", ...head !== undefined && { head } });
        current = version(await store.save(key, value, current), "save");
        await assertListed(store, "alice", [{ key, record: value }]);
        const times = { touchedAt: value.touchedAt + 1, expiresAt: value.expiresAt + 1 };
        if (await store.touch?.(key, times.touchedAt, times.expiresAt, current)) {
          value = { ...value, ...times };
        }
        await assertListed(store, "alice", [{ key, record: value }]);
      }
    },
  },
];
