/** What a `CachedStore` is made of: two stores, what they can do, and options. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CachedStore, type CachedStoreOptions, type SessionStore } from "../../../backends/cached.ts";
import { MemoryStore } from "../../../backends/memory.ts";
import { key, record, startTime, world } from "../../support/cached/world.ts";
import { withoutTouch } from "../../support/commit_rig.ts";
import { MapStore } from "../../support/stores/map_store.ts";

const a = key(1);

describe("what a CachedStore is made of", () => {
  it("touches, clears, lists and counts if the durable store does", async () => {
    const bare = new CachedStore(new MapStore(), withoutTouch(new MapStore()));
    for (const name of ["touch", "clearExpired", "list", "stats"] as const) {
      assert.equal(bare[name], undefined);
    }
    const { open } = world();
    assert.equal(open().stats, undefined);
    const durable = new MemoryStore({ now: () => startTime });
    const store = open({ staleness: 5 }, { store: durable });
    const version = (await store.create(a, record("1", "ada")))!;
    assert.deepEqual((await store.list!("ada")).entries.map(({ key }) => key), [a]);
    assert.deepEqual(await store.stats!(startTime, []), await durable.stats(startTime, []));
    assert.equal(await store.touch!(a, startTime, startTime + 5, version), true);
    assert.equal(await store.clearExpired!(Infinity, 10), 1);
  });

  it("hands on the moment by which records have expired as an instant, and refuses what is none", async () => {
    const { durable, open } = world();
    const moments: number[] = [];
    durable.clearExpired = (now) => moments.push(now);
    const store = open();
    await store.clearExpired!(Infinity, 1);
    await assert.rejects(store.clearExpired!(NaN, 1), RangeError);
    assert.deepEqual(moments, [Number.MAX_SAFE_INTEGER]);
  });

  it("closes neither store", async () => {
    const { open, durable, cache } = world();
    const store = open({ staleness: 5 });
    store.close();
    const disposed = store[Symbol.asyncDispose]();
    assert.ok(disposed instanceof Promise);
    await disposed;
    assert.deepEqual([...durable.calls, ...cache.calls], []);
  });

  it("is two session stores and options that can be", () => {
    const [cache, durable] = [new MapStore(), new MapStore()];
    for (const method of ["load", "create", "save", "delete"]) {
      const none = { ...withoutTouch(new MapStore()), [method]: 1 } as unknown as SessionStore;
      for (
        const [name, work] of [
          ["cache", () => new CachedStore(none, durable)],
          ["store", () => new CachedStore(cache, none)],
        ] as const
      ) {
        assert.throws(work, {
          name: "TypeError",
          message: `CachedStore: ${name} must be a session store: received an object (no method ${method})`,
        });
      }
    }
    assert.throws(() => new CachedStore(cache, null as never), TypeError);
    const open = (options: object) => () => new CachedStore(cache, durable, options as CachedStoreOptions);
    for (const options of [{ staleness: 86_400 }, { staleness: 0 }, { timeout: 86_400 }, { timeout: 1e-9 }]) {
      assert.ok(open(options)());
    }
    for (
      const [options, name, message] of [
        [
          { stale: 1 },
          "TypeError",
          'CachedStore: unknown option "stale"; known options: staleness, timeout, now',
        ],
        [
          { staleness: "1" },
          "TypeError",
          "CachedStore: staleness must be a number of seconds from 0 to 86400: received a string",
        ],
        [
          { timeout: null },
          "TypeError",
          "CachedStore: timeout must be a number of seconds, above 0 and at most 86400: received null",
        ],
        [{ now: 1 }, "TypeError", "CachedStore: now must be a function: received 1"],
        ...[-1, 86_400.5, NaN].map((staleness) =>
          [
            { staleness },
            "RangeError",
            `CachedStore: staleness must be a number of seconds from 0 to 86400: received ${staleness}`,
          ] as const
        ),
        ...[-1, 0, 86_400.5, NaN].map((timeout) =>
          [
            { timeout },
            "RangeError",
            `CachedStore: timeout must be a number of seconds, above 0 and at most 86400: received ${timeout}`,
          ] as const
        ),
      ] as const
    ) {
      assert.throws(open(options), { name, message });
    }
  });
});
