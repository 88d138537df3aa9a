/** Every item of the specification has a test that names it, or a reason why not. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { allIds, outOfScope } from "../support/django/scope.ts";

const folder = new URL(".", import.meta.url);
const tested = new Set(
  readdirSync(folder).filter((name) => name.endsWith("_test.ts")).flatMap((name) => {
    const text = readFileSync(new URL(name, folder), "utf8");
    // The name of a test, or what a table of tests makes names from.
    return [...text.matchAll(/(?:\bit\(|\bids:)\s*[`"]([^`"]*)/g)].flatMap(([, title]) =>
      title!.match(/D[JX]-\d{3}/g) ?? []
    );
  }),
);

describe("the items of the specification", () => {
  it("each has a test or a reason", () => {
    const known = new Set([...tested, ...Object.keys(outOfScope)]);
    assert.deepEqual(allIds.filter((id) => !known.has(id)), []);
  });

  it("none has both, and none is unheard of", () => {
    assert.deepEqual(Object.keys(outOfScope).filter((id) => tested.has(id)), []);
    const all = new Set(allIds);
    assert.deepEqual([...tested, ...Object.keys(outOfScope)].filter((id) => !all.has(id)), []);
  });
});
