/** What one process remembers of its own changes, and for how long. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OwnWrites } from "../backends/cached_writes.ts";

/** The changes of a process that serves copies for five seconds. */
function setUp() {
  const clock = { now: 0 };
  return { clock, writes: new OwnWrites(5_000, () => clock.now) };
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
    assert.equal(writes.allow("a", undefined, "1"), true);
    writes.end("a", writes.begin("a"), "2");
    const seen = writes.of("a");
    assert.equal(writes.allow("a", seen, "2"), true);
    assert.equal(writes.allow("a", seen, "1"), false);
    assert.equal(writes.allow("a", undefined, "2"), false);
    writes.end("a", writes.begin("a"), "2");
    assert.equal(writes.allow("a", seen, "2"), false);
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

  it("a change is forgotten ten seconds after the last copy from before it has become too old", () => {
    const { clock, writes } = setUp();
    writes.begin("a");
    clock.now = 1;
    writes.begin("b");
    clock.now = 10;
    writes.begin("a");
    clock.now = 15_000;
    writes.begin("c");
    assert.ok(writes.of("b"));
    clock.now = 15_001;
    writes.begin("d");
    assert.equal(writes.of("b"), undefined);
    assert.ok(writes.of("a"));
    clock.now = 15_010;
    writes.begin("d");
    assert.equal(writes.of("a"), undefined);
    assert.ok(writes.of("c"));
  });
});
