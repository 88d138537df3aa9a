import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CachedStore } from "../../../backends/cached.ts";
import { packCopy, unpackCopy } from "../../../backends/cached/copy.ts";
import { OwnWrites } from "../../../backends/cached/own_writes.ts";
import type { SessionStore } from "../../../src/store.ts";
import { key, record, startTime, world } from "../../support/cached/world.ts";
import { gatedStore } from "../../support/stores/map_store.ts";

describe("CachedStore and the writes of other processes", () => {
  it("by default nothing is stale, and without versions the cache is left alone", async () => {
    const { open, cache, durable } = world();
    const [a, b] = [open(), open()];
    let version = await a.create(key(1), record("0"));
    for (let i = 1; i < 10; i++) {
      assert.equal((await b.load(key(1)))?.data, `${i - 1}`);
      version = await a.save(key(1), record(`${i}`), version!);
    }
    await a.delete(key(1));
    assert.equal(await b.load(key(1)), undefined);
    assert.deepEqual(cache.calls, []);
    assert.equal(durable.calls.filter((call) => call === "load").length, 10);
  });

  it("with versions nothing is stale, and unchanged records are not loaded again", async () => {
    const { open, durable } = world(true);
    const [a, b] = [open(), open()];
    let version = await a.create(key(1), record("0"));
    for (let i = 1; i < 10; i++) {
      for (const store of [a, b]) assert.equal((await store.load(key(1)))?.data, `${i - 1}`);
      version = await a.save(key(1), record(`${i}`), version!);
    }
    assert.equal(durable.calls.filter((call) => call === "load").length, 0);
    durable.save(key(1), record("behind the cache"), version!);
    for (const store of [a, b]) assert.equal((await store.load(key(1)))?.data, "behind the cache");
    assert.equal(durable.calls.filter((call) => call === "load").length, 1);
    durable.delete(key(1));
    for (const store of [a, b]) assert.equal(await store.load(key(1)), undefined);
  });

  it("with staleness a change is seen after that many seconds at the latest, and until then the cache answers", async () => {
    const { open, durable, clock } = world();
    const store = open({ staleness: 30 });
    const version = await store.create(key(1), record("1"));
    durable.save(key(1), record("2"), version!);
    clock.now += 29_999;
    assert.equal((await store.load(key(1)))?.data, "1");
    assert.deepEqual(durable.calls, ["create", "save"]);
    clock.now += 1;
    assert.equal((await store.load(key(1)))?.data, "2");
    durable.delete(key(1));
    clock.now += 30_000;
    assert.equal(await store.load(key(1)), undefined);
  });

  it("SR-038 a copy from the future, an expired one and one of another session are not believed", async () => {
    const { open, durable, cache, clock } = world();
    const store = open({ staleness: 30 });
    const version = (await store.create(key(1), record("1", "u", startTime + 5000)))!;
    durable.touch(key(1), startTime, startTime + 60_000, version);
    clock.now += 5000;
    assert.equal((await store.load(key(1)))?.expiresAt, startTime + 60_000);
    clock.now -= 5001;
    durable.calls.length = 0;
    await store.load(key(1));
    assert.deepEqual(durable.calls, ["load"]);
    await store.create(key(2), record("2", "v"));
    const fresh = open({ staleness: 30 });
    cache.records.set(key(1), cache.records.get(key(2))!);
    assert.equal((await fresh.load(key(1)))?.userId, "u");
  });

  it("SR-034 a load that was on its way when the session ended puts nothing back", async () => {
    for (const [versioned, options] of [[true, {}], [false, { staleness: 30 }]] as const) {
      for (const way of ["delete", "save"]) {
        const { open, durable, cache } = world(versioned);
        const old = durable.create(key(1), record("old"))!;
        let [release, loading] = [() => {}, () => {}];
        const begun = new Promise<void>((resolve) => loading = resolve);
        const gate = new Promise<void>((resolve) => release = resolve);
        const store = open(options, {
          store: gatedStore(durable, (method, go) => {
            const answer = go();
            if (method !== "load") return answer;
            loading();
            return gate.then(() => answer);
          }),
        });
        const late = store.load(key(1));
        await begun;
        if (way === "delete") await store.delete(key(1));
        else await store.save(key(1), record("new"), old);
        release();
        assert.equal((await late)?.data, "old");
        assert.notEqual(unpackCopy(key(1), cache.records.get(key(1)))?.record.data, "old");
      }
    }
  });

  it("SR-034 a copy that a slow cache was asked to keep is not kept after the session ended", async () => {
    const { open, durable, cache, clock } = world();
    durable.create(key(1), record("old"));
    let release = () => {};
    const gate = new Promise<void>((resolve) => release = resolve);
    const store = open({ staleness: 30, timeout: 0.01 }, {
      cache: gatedStore(cache, (method, go) => method === "delete" ? gate.then(go) : go()),
    });
    assert.equal((await store.load(key(1)))?.data, "old");
    clock.now += 1000;
    await store.delete(key(1));
    release();
    await gate;
    await new Promise((resolve) => setTimeout(resolve));
    assert.deepEqual([...cache.records], []);
    assert.equal(await store.load(key(1)), undefined);
  });

  it("SR-048 a cache that hung is left alone for a second, then asked again", async () => {
    const { open, clock, cache } = world();
    let asked = 0;
    let hung = true;
    const store = open({ staleness: 30, timeout: 0.01 }, {
      cache: gatedStore(cache, (_, go) => (asked++, hung ? new Promise(() => {}) : go())),
    });
    await store.create(key(1), record());
    for (let i = 0; i < 100; i++) await store.load(key(1));
    assert.equal(asked, 1);
    hung = false;
    clock.now += 1000;
    await store.load(key(1));
    assert.ok(asked > 1);
    assert.equal(cache.records.size, 1);
  });

  it("SR-045 a cache that evicts costs a load, no more", async () => {
    const { open, cache } = world();
    const store = open({ staleness: 30 });
    const version = await store.create(key(1), record("1"));
    cache.records.clear();
    assert.deepEqual(await store.load(key(1)), { ...record("1"), version });
    assert.equal(cache.records.size, 1);
  });
});

describe("CachedStore in detail", () => {
  it("has the optional methods that the durable store has", () => {
    const { open, durable } = world();
    const full = open();
    assert.ok(full.touch && full.list && full.clearExpired);
    const bare: SessionStore = {
      load: (key) => durable.load(key),
      create: (key, record) => durable.create(key, record),
      save: (key, record, version) => durable.save(key, record, version),
      delete: (key) => durable.delete(key),
    };
    const store = new CachedStore(durable, bare);
    for (const name of ["touch", "list", "clearExpired"]) {
      assert.equal(name in store && store[name as "touch"] !== undefined, false);
    }
  });

  it("closes neither store, and may be closed twice", async () => {
    const { open, durable, cache } = world();
    {
      await using store = open();
      store.close();
    }
    assert.deepEqual([...durable.calls, ...cache.calls], []);
  });

  it("refuses wrong stores and options", () => {
    const { durable, cache } = world();
    for (const wrong of [{ staleness: "1" }, { timeout: null }, { now: 1 }, { stalenes: 1 }]) {
      assert.throws(() => new CachedStore(cache, durable, wrong as object), TypeError);
    }
    for (
      const wrong of [{ staleness: -1 }, { staleness: NaN }, { staleness: Infinity }, { timeout: 0 }, {
        timeout: 86_401,
      }]
    ) {
      assert.throws(() => new CachedStore(cache, durable, wrong), RangeError);
    }
    for (const wrong of [undefined, null, {}, { load() {} }]) {
      assert.throws(() => new CachedStore(wrong as never, durable), TypeError);
      assert.throws(() => new CachedStore(cache, wrong as never), TypeError);
    }
  });

  it("a copy is read back only as what was packed, for its own key", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.option(fc.string()), fc.integer(), (data, user, asOf) => {
        const head = user === null ? {} : { head: `${user}\n${data}` };
        const stored = { ...record(data, user ?? undefined), ...head, version: "v" };
        const packed = packCopy(key(1), { record: stored, asOf }, startTime);
        assert.deepEqual(unpackCopy(key(1), packed), { asOf, record: stored });
        assert.equal(unpackCopy(key(2), packed), undefined);
        assert.equal(packed.userId, undefined);
      }),
    );
    fc.assert(fc.property(fc.string(), (data) => {
      assert.equal(unpackCopy(key(1), record(data)), undefined);
      assert.equal(unpackCopy(key(1), record(`[${data}]\n`)), undefined);
    }));
  });

  it("SR-075 what it remembers of its own changes does not grow for ever", () => {
    let now = startTime;
    const writes = new OwnWrites(30_000, () => now, 50);
    const change = (from: number, to: number, ms: number) => {
      for (let i = from; i < to; i++) {
        writes.end(key(i), writes.begin(key(i)), "1");
        now += ms;
      }
      const some = Array.from({ length: to }, (_, i) => writes.of(key(i)));
      assert.ok(some.at(-1));
      return some.filter(Boolean).length;
    };
    // Two generations: of the 40 seconds for which a change has to be remembered each, and of 50 changes at the most.
    const slowly = change(0, 1000, 1000);
    assert.ok(slowly >= 40 && slowly <= 80, `${slowly}`);
    const quickly = change(1000, 2000, 0);
    assert.ok(quickly >= 50 && quickly <= 100, `${quickly}`);
  });
});
