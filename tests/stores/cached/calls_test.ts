/** What `CachedStore` asks of its two stores, when, and what it leaves in the cache. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CachedStore, SessionStore } from "../../../backends/cached.ts";
import { gate } from "../../support/browser.ts";
import { key, record, startTime, world } from "../../support/cached/world.ts";
import { turn } from "../../support/commit_rig.ts";
import { gatedStore, MapStore } from "../../support/stores/map_store.ts";

const a = key(1);
const wait = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms));
/** The same store, whose answers come a turn later. */
const later = (store: SessionStore) =>
  gatedStore(store, async (_, go) => {
    await turn();
    return go();
  });
/** The same store, which works at once and answers a turn later. */
const slowAfter = (store: SessionStore) =>
  gatedStore(store, async (_, go) => {
    const answer = go();
    await turn();
    return answer;
  });

describe("the calls of a CachedStore", () => {
  it("are none of the cache's, if a copy could save nothing", async () => {
    const { open, cache } = world();
    const store = open();
    const version = await store.create(a, record("1"));
    assert.equal((await store.load(a))?.data, "1");
    const next = await store.save(a, record("2"), version!);
    assert.equal(await store.touch!(a, 1, 2, next!), true);
    assert.equal(await store.delete(a), true);
    assert.deepEqual(cache.calls, []);
  });

  it("are one to the cache while the copy is young, whoever read it", async () => {
    const { open, durable, cache, clock } = world();
    const [one, two] = [open({ staleness: 5 }), open({ staleness: 5 })];
    await one.create(a, record("1", "ada"));
    const asked = async (store: CachedStore, now: number) => {
      durable.calls.length = cache.calls.length = 0;
      clock.now = startTime + now;
      const { version: _, ...found } = (await store.load(a))!;
      assert.deepEqual(found, record("1", "ada"));
      return [cache.calls.join(" "), durable.calls.join(" ")];
    };
    for (const store of [one, two]) assert.deepEqual(await asked(store, 0), ["load", ""]);
    for (const store of [one, two]) assert.deepEqual(await asked(store, 4_999), ["load", ""]);
    assert.deepEqual(await asked(two, 5_000), ["load delete create", "load"]);
    assert.deepEqual(await asked(two, 5_000), ["load", ""]);
    assert.deepEqual(await asked(two, 4_999), ["load delete create", "load"], "a copy from the future");
  });

  it("are none to the durable store in the very millisecond, if that is how stale a copy may be", async () => {
    const { open, durable } = world();
    const store = open({ staleness: 0.001 });
    await store.create(a, record());
    assert.ok(await store.load(a));
    assert.deepEqual(durable.calls, ["create"]);
  });

  it("SR-034 are none to the cache after a deletion, and for what is nowhere nothing is written", async () => {
    const { open, cache } = world(true);
    const store = open();
    assert.equal(await store.load(a), undefined);
    assert.deepEqual(cache.calls.splice(0), ["load"]);
    await store.create(a, record());
    await store.delete(a);
    cache.calls.length = 0;
    assert.equal(await store.load(a), undefined);
    assert.deepEqual(cache.calls, []);
  });

  it("take a copy out of the cache when the durable store has no such record", async () => {
    const { open, durable, cache } = world(true);
    const store = open();
    await store.create(a, record());
    durable.delete(a);
    assert.equal(await store.load(a), undefined);
    assert.equal(cache.records.size, 0);
  });

  it("do not serve an expired copy, nor one that may have been cleared", async () => {
    const { open, durable, clock, cache } = world();
    const keeps = gatedStore(cache, (method, go) => method === "clearExpired" ? 0 : go());
    const asked = async (store: CachedStore) => {
      durable.calls.length = 0;
      await store.load(a);
      return durable.calls.includes("load");
    };
    const one = open({ staleness: 30 }, { cache: keeps });
    await one.create(a, record("1", undefined, startTime + 10_000));
    clock.now = startTime + 9_999;
    assert.equal(await asked(one), false);
    clock.now = startTime + 10_000;
    assert.equal(await asked(one), true);

    clock.now = startTime;
    const two = open({ staleness: 30 }, { cache: keeps });
    await two.create(key(2), record("2", undefined, startTime + 10_000));
    assert.equal(await two.clearExpired!(startTime + 9_999, 10), 0);
    assert.equal((await two.load(key(2)))?.data, "2");
    assert.equal(await two.clearExpired!(startTime + 10_000, 10), 2);
    assert.equal(await two.clearExpired!(startTime, 10), 0);
    assert.equal(await two.load(key(2)), undefined);
  });

  it("put copies into the cache for as long as they may be served", async () => {
    for (
      const [versioned, expiresAt] of [[true, startTime + 3_600_000], [false, startTime + 5_000]] as const
    ) {
      const { open, cache } = world(versioned);
      await open({ staleness: 5 }).create(a, record());
      assert.equal(cache.records.get(a)!.expiresAt, expiresAt);
      await open({ staleness: 5 }).create(key(2), record("2", undefined, startTime + 4_000));
      assert.equal(cache.records.get(key(2))!.expiresAt, startTime + 4_000);
    }
  });

  it("have ended with the call, also those to the cache", async () => {
    for (const [versioned, options] of [[true, {}], [false, { staleness: 30 }]] as const) {
      const { open, durable, cache } = world(versioned);
      const store = open(options, { cache: later(cache), store: later(durable) });
      const shown = async (data: string) => {
        assert.match(cache.records.get(a)!.data, new RegExp(`\n${data}$`));
        durable.calls.length = 0;
        assert.equal((await store.load(a))?.data, data);
        assert.deepEqual(durable.calls, versioned ? ["version"] : []);
      };
      const version = (await store.create(a, record("1")))!;
      await shown("1");
      const next = (await store.save(a, record("2"), version))!;
      await shown("2");
      cache.records.clear();
      assert.equal((await store.load(a))?.version, next);
      await shown("2");
      const stale = cache.records.get(a)!;
      await store.touch!(a, startTime, startTime + 5_000_000, next);
      assert.equal(cache.records.size, 0);
      assert.equal((await store.load(a))?.expiresAt, startTime + 5_000_000);
      cache.records.set(key(9), { ...stale, expiresAt: startTime });
      const order: string[] = [];
      const told = (name: string, inner: SessionStore) =>
        gatedStore(inner, async (method, go) => {
          if (name === "store") await turn();
          await turn();
          const answer = go();
          order.push(`${name} ${method}`);
          return answer;
        });
      const clears = open(options, { cache: told("cache", cache), store: told("store", durable) });
      assert.equal(await clears.clearExpired!(startTime + 5_000_000, 10), 1);
      assert.deepEqual(order, ["store clearExpired", "cache clearExpired"]);
      assert.equal(cache.records.size, 0);
    }
  });

  it("SR-044 leave no copy of what was read before a save that overlapped", async () => {
    const { open, durable } = world(true);
    const [asked, held] = [gate(), gate()];
    let isHeld = false;
    const store = open({}, {
      store: gatedStore(durable, async (method, go) => {
        const answer = go();
        if (method === "load" && isHeld) {
          asked.open();
          await held.wait;
        }
        return answer;
      }),
    });
    const version = durable.create(a, record("old"))!;
    isHeld = true;
    const loading = store.load(a);
    await asked.wait;
    await store.save(a, record("new"), version);
    held.open();
    assert.equal((await loading)?.data, "old");
    durable.calls.length = 0;
    assert.equal((await store.load(a))?.data, "new");
    assert.deepEqual(durable.calls, ["version"]);
  });

  it("leave no copy of two changes that overlapped, nor one that was outdated while it was put", async () => {
    const { open, durable, cache } = world(true);
    const held = gate();
    const slow = open({}, {
      store: gatedStore(durable, async (method, go) => {
        const answer = go();
        if (method === "save") await held.wait;
        return answer;
      }),
    });
    const version = (await slow.create(a, record("1")))!;
    const saving = slow.save(a, record("2"), version);
    await slow.touch!(a, startTime, startTime + 5_000_000, version);
    held.open();
    assert.ok(await saving);
    assert.equal(cache.records.size, 0);

    const [asked, free] = [gate(), gate()];
    let isHeld = true;
    const store = open({}, {
      cache: gatedStore(cache, async (method, go) => {
        if (method === "delete" && isHeld) {
          isHeld = false;
          asked.open();
          await free.wait;
        }
        return go();
      }),
    });
    const loading = store.load(a);
    await asked.wait;
    await store.delete(a);
    free.open();
    await loading;
    assert.equal(cache.records.size, 0);
  });

  it("leave no copy of a change that brought no record, whatever the durable store answers", async () => {
    const { open, durable, cache } = world(true);
    const store = open({}, { store: gatedStore(durable, (method, go) => method === "touch" ? "1" : go()) });
    const version = await store.create(a, record("1"));
    assert.equal(version, "1");
    await store.touch!(a, startTime, startTime + 5_000_000, version!);
    assert.equal(cache.records.size, 0);
    assert.equal((await store.load(a))?.data, "1");
  });

  it("keep what was given at the call, whatever becomes of the object", async () => {
    for (const isLate of [true, false]) {
      const { open, durable, cache } = world(true);
      const store = open({}, { cache: later(cache), store: isLate ? slowAfter(durable) : durable });
      const given = { ...record("1", "ada") };
      const creating = store.create(a, given);
      Object.assign(given, { data: "2", userId: "bob" });
      const version = await creating;
      assert.deepEqual(await store.load(a), { ...record("1", "ada"), version });
    }
  });
});

describe("a cache that a CachedStore does not wait for", () => {
  it("SR-045 is left alone for a second after it was too slow", async () => {
    const { open, cache, clock, durable } = world(true);
    let calls = 0;
    let isSlow = true;
    durable.create(a, record());
    const store = open({ timeout: 0.005 }, {
      cache: gatedStore(cache, (_, go) => {
        calls++;
        return isSlow ? new Promise(() => {}) : go();
      }),
    });
    assert.ok(await store.load(a));
    assert.equal(calls, 1);
    isSlow = false;
    for (const ms of [0, 999]) {
      clock.now = startTime + ms;
      assert.ok(await store.load(a));
    }
    assert.equal(calls, 1);
    clock.now = startTime + 1_000;
    assert.ok(await store.load(a));
    assert.equal(calls, 4, "load, delete, create");
  });

  it("SR-045 is not left alone when it was quick, or slow within the time", async () => {
    const { open, cache, durable } = world(true);
    durable.create(a, record());
    const quick = open({ timeout: 0.005 }, { cache: gatedStore(cache, async (_, go) => await go()) });
    await quick.load(a);
    await wait(15);
    cache.calls.length = 0;
    await quick.load(a);
    assert.deepEqual(cache.calls, ["load"]);
    const patient = open({ timeout: 20 }, {
      cache: gatedStore(cache, async (_, go) => {
        await wait(5);
        return go();
      }),
    });
    durable.calls.length = 0;
    await patient.load(a);
    assert.deepEqual(durable.calls, ["version"]);
  });

  it("SR-045 is waited for a tenth of a second by default", async () => {
    const { open, durable } = world(true);
    durable.create(a, record());
    const store = open({}, { cache: gatedStore(new MapStore(), () => new Promise(() => {})) });
    const begun = performance.now();
    assert.equal((await store.load(a))?.data, "{}");
    assert.ok(performance.now() - begun < 900);
  });
});
