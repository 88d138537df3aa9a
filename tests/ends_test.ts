/** The ends that a process remembers, so that no touch shortens one that another request has set (SR-035). */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Ends } from "../src/ends.ts";

describe("the ends given lately", () => {
  it("SR-035 count for who began before, and not for who began after", () => {
    const ends = new Ends();
    const before = ends.begin();
    ends.set("key", 5_000);
    const between = ends.begin();
    assert.equal(ends.since("key", before), 5_000);
    assert.equal(ends.since("key", between), 0);
    ends.set("key", 4_000);
    assert.equal(ends.since("key", before), 4_000);
    assert.equal(ends.since("key", between), 4_000);
    assert.equal(ends.since("key", ends.begin()), 0);
  });

  it("are 0 for a session that was given none", () => {
    const ends = new Ends();
    const begun = ends.begin();
    ends.set("other", 5_000);
    assert.equal(ends.since("key", begun), 0);
  });

  it("are those of the latest 1,024 sessions at least, and not of more than twice as many", () => {
    const ends = new Ends();
    const begun = ends.begin();
    for (let i = 1; i <= 2_049; i++) ends.set(`key ${i}`, i);
    assert.equal(ends.since("key 2049", begun), 2_049);
    assert.equal(ends.since("key 1026", begun), 1_026);
    assert.equal(ends.since("key 1", begun), 0);
  });
});
