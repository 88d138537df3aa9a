/** What one process remembers of its own changes, and for how long. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CachedStore } from "../../../backends/cached.ts";
import { OwnWrites } from "../../../backends/cached/own_writes.ts";
import { MemoryStore } from "../../../backends/memory.ts";

/** The changes of a process that serves copies for five seconds. */
function setUp(most?: number) {
  const clock = { now: 0 };
  return { clock, writes: new OwnWrites(5_000, () => clock.now, most) };
}

describe("what a process remembers of its own changes", () => {
  it("no copy is good while a change runs, nor after one that gave no version", () => {
    const { writes } = setUp();
    assert.equal(writes.outdated("a"), false);
    const mark = writes.begin("a");
    assert.equal(writes.of("a"), mark);
    assert.equal(writes.outdated("a"), true);
    assert.equal(writes.outdated("b"), false);
    assert.equal(writes.end("a", mark, "1"), true);
    assert.equal(writes.outdated("a"), false);
    assert.equal(writes.end("a", writes.begin("a"), undefined), true);
    assert.equal(writes.outdated("a"), true);
  });

  it("of two changes that overlap neither gives the version", () => {
    const { writes } = setUp();
    const [one, two] = [writes.begin("a"), writes.begin("a")];
    assert.equal(writes.end("a", one, "1"), false);
    assert.equal(writes.of("a")!.version, undefined);
    assert.equal(writes.end("a", two, "2"), false);
    assert.equal(writes.of("a")!.version, undefined);
  });

  it("a copy may be served if nothing was changed, or if it is what the last change made", () => {
    const { writes } = setUp();
    assert.equal(writes.allow("a", undefined, "1", 0), true);
    writes.end("a", writes.begin("a"), "2");
    const seen = writes.of("a");
    assert.equal(writes.allow("a", seen, "2", 0), true);
    assert.equal(writes.allow("a", seen, "1", 0), false);
    assert.equal(writes.allow("a", undefined, "2", 0), false);
    writes.end("a", writes.begin("a"), "2");
    assert.equal(writes.allow("a", seen, "2", 0), false);
  });

  it("what the durable store told is taken in if nothing was changed meanwhile", () => {
    const { clock, writes } = setUp();
    assert.equal(writes.learn("a", undefined, "1"), true);
    assert.equal(writes.of("a"), undefined);
    writes.end("a", writes.begin("a"), undefined);
    const seen = writes.of("a")!;
    clock.now = 7;
    assert.equal(writes.learn("a", undefined, "1"), false);
    assert.equal(writes.of("a"), seen);
    assert.equal(writes.learn("a", seen, "1"), true);
    assert.deepEqual(writes.of("a"), { version: "1", until: seen.until });
    assert.equal(writes.learn("a", seen, "2"), false);
    assert.equal(writes.of("a")!.version, "1");
  });

  it("a change is forgotten when the last copy from before it has been too old for ten seconds, and not much later", () => {
    const { clock, writes } = setUp();
    writes.begin("a");
    clock.now = 1;
    writes.begin("b");
    clock.now = 10;
    writes.begin("a");
    for (const now of [14_999, 15_000, 29_999]) {
      clock.now = now;
      writes.begin("c");
      assert.ok(writes.of("a"), `${now}`);
      assert.ok(writes.of("b"), `${now}`);
    }
    clock.now = 30_000;
    writes.begin("d");
    assert.equal(writes.of("a"), undefined);
    assert.equal(writes.of("b"), undefined);
    assert.ok(writes.of("c"));
    assert.equal(writes.allow("a", undefined, "1", 15_011), true, "nothing was lost");
  });

  it("of too many changes the oldest are forgotten, and what was copied before them is not served", () => {
    const { clock, writes } = setUp(100);
    const mark = writes.begin("a");
    clock.now = 3;
    writes.end("a", mark, "1");
    for (let i = 1; i < 200; i++) writes.begin(`${i}`);
    assert.ok(writes.of("a"));
    assert.equal(writes.allow("other", undefined, "1", -1), true);
    clock.now = 4;
    writes.begin("200");
    assert.equal(writes.of("a"), undefined);
    assert.ok(writes.of("100"));
    for (const [asOf, isNew] of [[0, false], [3, false], [10_003, false], [10_004, true]] as const) {
      assert.equal(writes.allow("a", undefined, "0", asOf), isNew, `${asOf}`);
    }
  });

  it("a change whose mark is lost among 33,000 others is seen all the same", async () => {
    const clock = { now: 1_000_000 };
    const now = () => clock.now;
    const [cache, durable] = [new MemoryStore({ now }), new MemoryStore({ maxEntries: Infinity, now })];
    const store = new CachedStore(cache, durable, { staleness: 300, now });
    const key = (n: number) => n.toString(16).padStart(64, "0");
    const record = (data: string) => ({ data, createdAt: 0, touchedAt: 0, expiresAt: 9_000_000 });
    const version = (await store.create(key(0), record("alt")))!;
    const old = cache.load(key(0))!;
    clock.now++;
    await store.save(key(0), record("neu"), version);
    for (let n = 1; n < 33_000; n++) await store.delete(key(n));
    // As another process would, that had read it before the save.
    cache.delete(key(0));
    cache.create(key(0), old);
    assert.equal((await store.load(key(0)))!.data, "neu");
  });
});
