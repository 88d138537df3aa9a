/** A memory of what was seen lately, bounded by what its entries weigh. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BoundedCache } from "../../src/bounded_cache.ts";

describe("a memory of what was seen lately", () => {
  it("holds as many as its limit at least, and twice as many at most", () => {
    const recent = new BoundedCache<number, string>(3);
    for (let n = 1; n <= 7; n++) recent.set(n, `${n}`);
    assert.deepEqual([1, 2, 3].map((n) => recent.get(n)), [undefined, undefined, undefined]);
    assert.deepEqual([4, 5, 6, 7].map((n) => recent.get(n)), ["4", "5", "6", "7"]);
  });

  it("weighs its entries: no generation holds more than the limit", () => {
    const recent = new BoundedCache<string, string>(10, (key, value) => key.length + value.length);
    recent.set("a", "1234");
    recent.set("b", "1234");
    recent.set("c", "123456789");
    assert.equal(recent.get("c"), "123456789");
    recent.set("d", "1");
    assert.deepEqual(["a", "b"].map((key) => recent.get(key)), [undefined, undefined]);
    assert.deepEqual(["d", "c"].map((key) => recent.get(key)), ["1", "123456789"]);
  });

  it("takes an entry that is replaced or deleted off the weight", () => {
    const recent = new BoundedCache<string, string>(10, (_key, value) => value.length);
    recent.set("old", "1234567890");
    for (let i = 0; i < 100; i++) recent.set("a", "123");
    for (let i = 0; i < 100; i++) {
      recent.set("b", "1234567");
      recent.delete("b");
    }
    assert.equal(recent.get("b"), undefined);
    assert.equal(recent.get("a"), "123");
    recent.set("b", "1234567");
    recent.set("c", "1");
    assert.deepEqual(["a", "b", "c"].map((key) => recent.get(key)), ["123", "1234567", "1"]);
  });

  it("does not hold what is heavier than a whole generation, nor what that was before", () => {
    const recent = new BoundedCache<string, string>(10, (_key, value) => value.length);
    recent.set("a", "1");
    recent.set("b", "2");
    recent.set("a", "12345678901");
    assert.equal(recent.get("a"), undefined);
    assert.equal(recent.get("b"), "2");
  });
});
