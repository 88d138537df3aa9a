/** Closing, opening again, and trouble beneath the store. */
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
import { clearAll } from "./expiry.ts";

export const closeCases: readonly StoreCase[] = [
  {
    name: "SR-075 close may be called twice, also at once, and so may Symbol.asyncDispose",
    methods: ["close"],
    async run(store, { random }) {
      await put(store, random.key(), record());
      await Promise.all([store.close(), store.close()]);
      await store.close();
      const disposable = store as Partial<AsyncDisposable>;
      await disposable[Symbol.asyncDispose]?.();
      await disposable[Symbol.asyncDispose]?.();
    },
  },
  {
    name: "SR-075 writes that run when the store is closed are kept or refused aloud",
    methods: ["close"],
    async run(store, { random }) {
      const keys = Array.from({ length: 10 }, () => random.key());
      const writes = Promise.allSettled(keys.map(async (key) => await store.create(key, record())));
      await store.close();
      for (const result of await writes) {
        if (result.status === "fulfilled") assert.equal(typeof result.value, "string");
      }
    },
  },
  {
    name: "SR-046 a closed store throws or still answers, but never says that a record is not there",
    methods: ["close"],
    async run(store, { random }) {
      const key = random.key();
      const value = record({ userId: "alice" });
      const born = await put(store, key, value);
      await store.close();
      const questions: Record<string, [ask: () => unknown, lie: unknown]> = {
        load: [() => store.load(key), undefined],
        "load with fresh": [() => store.load(key, { fresh: true }), undefined],
        ...store.version !== undefined && { version: [() => store.version(key), undefined] },
        ...store.list !== undefined && { list: [() => store.list("alice"), { entries: [] }] },
        ...store.touch !== undefined && { touch: [() => store.touch(key, 1, value.expiresAt, born), false] },
        save: [() => store.save(key, value, born), undefined],
        delete: [() => store.delete(key), false],
      };
      for (const [method, [ask, lie]] of Object.entries(questions)) {
        let answer: unknown;
        try {
          answer = await ask();
        } catch {
          continue;
        }
        assert.notDeepEqual(answer, lie, `${method} answered that there is no record`);
      }
    },
  },
  {
    name: "SR-045 SR-046 a store that is down throws ERR_STORE from every method",
    option: "fail",
    async run(store: SessionStore, { random, fail }) {
      const key = random.key();
      const value = record({ userId: "alice" });
      const born = await put(store, key, value);
      await fail(store);
      const { touch, clearExpired, list, version: tell } = store;
      const calls: Record<string, () => unknown> = {
        load: () => store.load(key),
        "load with fresh": () => store.load(key, { fresh: true }),
        create: () => store.create(random.key(), value),
        save: () => store.save(key, value, born),
        delete: () => store.delete(key),
        ...touch && { touch: () => touch.call(store, key, value.touchedAt, value.expiresAt, born) },
        ...clearExpired && { clearExpired: () => clearExpired.call(store, Date.now(), 10) },
        ...list && { list: () => list.call(store, "alice") },
        ...tell && { version: () => tell.call(store, key) },
      };
      for (const [method, call] of Object.entries(calls)) {
        await assert.rejects(async () => await call(), (error: unknown) => {
          assert.equal(
            (error as { code?: unknown }).code,
            "ERR_STORE",
            `the code of what ${method} throws: ${error}`,
          );
          assert.ok(
            !String(error).includes(key) && !String(error).includes("alice"),
            "the message names a key or user",
          );
          return true;
        }, `${method} must throw`);
      }
    },
  },
  {
    name: "everything survives a reopen",
    option: "reopen",
    async run(store: SessionStore, { random, reopen }) {
      const [anonymous, known, gone, touched] = [random.key(), random.key(), random.key(), random.key()];
      const values = {
        anonymous: record({ data: "\u0000 é 🙂", head: "\u0000 ü 🙂" }),
        known: record({ userId: "alice" }),
        touched: record({ userId: "bob", head: "head" }),
      };
      const born = await put(store, anonymous, values.anonymous);
      const saved = version(await store.save(known, values.known, await put(store, known, record())), "save");
      await put(store, gone, record({ userId: "alice" }));
      await store.delete(gone);
      const kept = await put(store, touched, values.touched);
      const times = { touchedAt: values.touched.touchedAt + 1, expiresAt: values.touched.expiresAt + hourMs };
      if (await store.touch?.(touched, times.touchedAt, times.expiresAt, kept)) {
        Object.assign(values.touched, times);
      }
      const again = await reopen(store) as Required<SessionStore>;
      try {
        await assertHolds(again, anonymous, values.anonymous, born);
        await assertHolds(again, known, values.known, saved);
        await assertHolds(again, touched, values.touched, kept);
        await assertFree(again, gone);
        if (again.list !== undefined) {
          await assertListed(again, "alice", [{ key: known, record: values.known }]);
          await assertListed(again, "bob", [{ key: touched, record: values.touched }]);
        }
        assert.equal(await again.create(known, record()), undefined, "the key is still taken");
        version(await again.save(known, record(), saved), "save with a version from before the reopen");
        if (again.clearExpired !== undefined) {
          assert.equal(await clearAll(again, values.anonymous.expiresAt + 86_400_000, 10), 3);
        }
      } finally {
        await again.close?.();
      }
    },
  },
  {
    name: "a version is never used twice for one key, also across a reopen",
    option: "reopen",
    async run(store: SessionStore, { random, reopen }) {
      const key = random.key();
      const used: string[] = [];
      let current = store;
      try {
        for (let round = 0; round < 4; round++) {
          used.push(await put(current, key, round === 2 ? expiredRecord() : record()));
          if (round !== 2) {
            used.push(version(await current.save(key, record(), used.at(-1)!), "save"));
            await current.delete(key);
          }
          current = await reopen(current);
        }
      } finally {
        await current.close?.();
      }
      assert.equal(new Set(used).size, used.length, "every version is new");
    },
  },
];
