import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { CachedStore, CachedStoreOptions } from "../../../backends/cached.ts";
import type { SessionStore } from "../../../src/store.ts";
import { key, record, startTime, world } from "../../support/cached/world.ts";
import { gatedStore, MapStore } from "../../support/stores/map_store.ts";

/** Every way to set it up; in all of them the promises to this process are the same. */
const setups: [string, boolean, CachedStoreOptions][] = [
  ["by default", false, {}],
  ["with versions", true, {}],
  ["with staleness", false, { staleness: 30 }],
  ["with versions and staleness", true, { staleness: 30 }],
];

for (const [setup, versioned, options] of setups) {
  describe(`CachedStore ${setup}`, () => {
    it("gives back exactly what it was given", async () => {
      const { open } = world(versioned);
      const store = open(options);
      for (const data of ["", "{}", "line\nbreak", "\uD800é😀", '"']) {
        for (const userId of [undefined, "", "u\n"]) {
          const version = await store.create(key(1), record(data, userId));
          for (let i = 0; i < 3; i++) {
            assert.deepEqual(await store.load(key(1)), { ...record(data, userId), version });
          }
          assert.equal(await store.create(key(1), record("taken")), undefined);
          assert.equal(await store.delete(key(1)), true);
          assert.equal(await store.delete(key(1)), false);
          assert.equal(await store.load(key(1)), undefined);
        }
      }
    });

    it("SR-044 shows every save, touch and new head of this process at once", async () => {
      const { open } = world(versioned);
      const store = open(options);
      let version = await store.create(key(1), record("1"));
      for (let i = 2; i < 6; i++) {
        await store.load(key(1));
        version = await store.save(key(1), record(`${i}`), version!);
        assert.deepEqual(await store.load(key(1)), { ...record(`${i}`), version });
        assert.equal(await store.touch!(key(1), startTime + i, startTime + 9e6, version!), true);
        for (let n = 0; n < 2; n++) {
          assert.deepEqual(await store.load(key(1)), {
            ...record(`${i}`),
            touchedAt: startTime + i,
            expiresAt: startTime + 9e6,
            version,
          });
        }
      }
      const rotated = { ...record("same", "u"), head: "[1]" };
      const next = await store.save(key(1), rotated, version!);
      for (let n = 0; n < 2; n++) assert.deepEqual(await store.load(key(1)), { ...rotated, version: next });
      assert.deepEqual(await store.load(key(1), { fresh: true }), { ...rotated, version: next });
    });

    it("SR-034 never serves a copy after a flush or save, even when the cache kept or got back the old one", async () => {
      for (const way of ["delete", "save"]) {
        const { open, cache, clock, durable } = world(versioned);
        const keeps = gatedStore(cache, (method, go) => method === "delete" ? false : go());
        const store = open(options, { cache: keeps });
        const version = await store.create(key(1), record("old", "u"));
        await store.load(key(1));
        const planted = cache.records.get(key(1));
        if (way === "delete") await store.delete(key(1));
        else await store.save(key(1), { ...record("new"), head: "[1]" }, version!);
        const left = durable.records.get(key(1));
        for (let second = 0; second < 100; second += 3) {
          clock.now = startTime + second * 1000;
          if (planted) cache.records.set(key(1), planted);
          assert.deepEqual(await store.load(key(1)), left);
        }
        assert.equal(left?.head, way === "delete" ? undefined : "[1]");
      }
    });

    it("SR-042 after a conflict the next load comes from the durable store", async () => {
      const { open, durable } = world(versioned);
      const [a, b] = [open(options), open(options)];
      const version = await a.create(key(1), record("1"));
      assert.equal((await b.load(key(1)))?.data, "1");
      await a.save(key(1), record("2"), version!);
      assert.equal(await b.save(key(1), record("3"), version!), undefined);
      const fresh = await b.load(key(1));
      assert.deepEqual(fresh, durable.records.get(key(1)));
      assert.ok(await b.save(key(1), record("3"), fresh!.version));
      assert.equal(await b.touch!(key(1), startTime + 1, startTime + 9e6, version!), false);
      assert.equal((await b.load(key(1)))?.data, "3");
    });

    it("SR-045 a cache that fails, hangs, throws or answers nonsense is never an error", async () => {
      const faults: (() => unknown)[] = [
        () => Promise.reject(new Error("down")),
        () => new Promise(() => {}),
        () => {
          throw new Error("down");
        },
        () => ({ data: "nonsense", expiresAt: "never" }),
        () => null,
        () => Promise.resolve({ ...record(`[1]\n{}`), version: "1" }),
      ];
      for (const fault of faults) {
        const { open, durable } = world(versioned);
        const store = open({ ...options, timeout: 0.01 }, { cache: gatedStore(new MapStore(), fault) });
        const version = await store.create(key(1), record("1", "u"));
        assert.equal((await store.load(key(1)))?.data, "1");
        const saved = await store.save(key(1), record("2", "u"), version!);
        assert.equal(await store.touch!(key(1), startTime, startTime + 5e6, saved!), true);
        assert.ok(await store.save(key(1), record("3", "u", startTime - 1), saved!));
        assert.equal((await store.list!("u")).entries.length, 1);
        assert.equal(await store.clearExpired!(startTime, 10), 1);
        assert.equal(await store.delete(key(1)), false);
        assert.equal(durable.records.size, 0);
      }
    });

    it("SR-046 trouble in the durable store is an error, whatever the cache has", async () => {
      const { open, durable } = world(versioned);
      const trouble = new Error("down");
      let down = false;
      const store = open(options, {
        store: gatedStore(durable, (_, go) => {
          if (down) throw trouble;
          return go();
        }),
      });
      const version = await store.create(key(1), record("1"));
      down = true;
      await assert.rejects(store.save(key(1), record("2"), version!), trouble);
      await assert.rejects(store.load(key(1)), trouble);
      await assert.rejects(store.delete(key(1)), trouble);
      await assert.rejects(store.touch!(key(1), 1, 2, version!), trouble);
      down = false;
      assert.deepEqual(await store.load(key(1)), { ...record("1"), version });
    });

    it("SR-049 a save of unknown outcome is looked up in the durable store", async () => {
      const { open, durable } = world(versioned);
      const store = open(options, {
        store: gatedStore(durable, (method, go) => {
          const answer = go();
          if (method === "save") throw new Error("cut");
          return answer;
        }),
      });
      const version = await store.create(key(1), record("1"));
      await store.load(key(1));
      await assert.rejects(store.save(key(1), record("2"), version!));
      assert.equal((await store.load(key(1)))?.data, "2");
    });

    it("SR-034 SR-044 random interleavings of two processes show this process nothing older than its own changes", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.scheduler(),
          fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 3, maxLength: 24 }),
          async (s, steps) => {
            const { durable, cache, open } = world(versioned);
            const slow = (store: SessionStore, name: string) =>
              gatedStore(store, (method, go) => {
                const through = async () => {
                  await s.schedule(Promise.resolve(), `${name} ${method} asks`);
                  const answer = go();
                  await s.schedule(Promise.resolve(), `${name} ${method} answers`);
                  return answer;
                };
                return through();
              });
            const over = { cache: slow(cache, "cache"), store: slow(durable, "store") };
            const [a, b] = [open({ ...options, timeout: 60 }, over), open({ ...options, timeout: 60 }, over)];
            durable.create(key(1), record("0"));
            // What one process has been told is done: a number that only grows, Infinity once it ended the session.
            const told = new Map([[a, 0], [b, 0]]);
            const change = async (store: CachedStore, n: number) => {
              const current = durable.records.get(key(1));
              if (!current) return;
              const data = String(Number(current.data) + 1);
              if (n === 0) {
                if (await store.delete(key(1))) told.set(store, Infinity);
              } else if (await store.save(key(1), record(data), current.version)) {
                told.set(store, Math.max(told.get(store)!, Number(data)));
              }
            };
            const read = async (store: CachedStore) => {
              const least = told.get(store)!;
              const found = await store.load(key(1));
              assert.ok(found ? Number(found.data) >= least : durable.records.size === 0);
            };
            const thread = async (number: number) => {
              const store = number % 2 ? a : b;
              for (const n of steps.filter((_, i) => i % 4 === number)) {
                await (n < 3 ? change(store, n) : read(store));
              }
            };
            await s.waitFor(Promise.all([0, 1, 2, 3].map(thread)));
            await s.waitFor(Promise.all([read(a), read(b)]));
          },
        ),
        { numRuns: 300 },
      );
    });
  });
}
