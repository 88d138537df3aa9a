/** What strict JSON refuses at its edges, and in which words. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { strictJson } from "../../src/codec.ts";
import { SessionError } from "../../src/errors.ts";

const refused = (code: string, words: RegExp) => (error: unknown) =>
  error instanceof SessionError && error.code === code && words.test(error.message);

describe("strict JSON", () => {
  it("SR-050 of anything but an object is damaged", () => {
    for (const text of ["null", "[]", "[1]", "1", '"x"', "true"]) {
      assert.throws(() => strictJson.decode(text), refused("ERR_DAMAGED", /not an object/), text);
    }
  });

  it("SR-071 says why it refuses: a cycle, a date, a class, a value that throws", () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = { cycle };
    assert.throws(() => strictJson.encode({ cycle }), refused("ERR_SERIALIZE", /contains itself/));
    assert.throws(() => strictJson.encode({ a: new Date(0) }), refused("ERR_SERIALIZE", /Date.*getTime/));
    assert.throws(
      () => strictJson.encode({ a: new Map() }),
      refused("ERR_SERIALIZE", /Map, not a plain object$/),
    );
    const Nameless = class {};
    Object.defineProperty(Nameless, "name", { value: "" });
    assert.throws(() => strictJson.encode({ a: new Nameless() }), refused("ERR_SERIALIZE", /class instance/));
    const trap = {
      get b() {
        throw new RangeError("hostile");
      },
    };
    assert.throws(() => strictJson.encode({ trap }), refused("ERR_SERIALIZE", /throws while it is read/));
  });

  it("SR-071 refuses an object that has the methods of an array", () => {
    const a = Object.assign(Object.create(Array.prototype), { b: 1 });
    assert.throws(() => strictJson.encode({ a }), refused("ERR_SERIALIZE", /Array, not a plain object$/));
  });

  it("SR-071 a -0 beside them changes nothing for values that stand in many places", () => {
    const twin = { list: [1] };
    const twins = Array(70).fill(twin);
    assert.equal(
      strictJson.encode({ twins, n: [-0] }),
      `{"twins":[${twins.map(() => '{"list":[1]}').join()}],"n":[-0]}`,
    );
  });

  it("SR-064 takes 64 levels of arrays, objects or both, and no more, in both directions", () => {
    const kinds: ((level: number) => [string, string])[] = [
      () => ["[", "]"],
      () => ['{"a":', "}"],
      (level) => level % 2 ? ["[", "]"] : ['{"a":', "}"],
      (level) => level % 2 ? ['{"a":', "}"] : ["[", "]"],
    ];
    for (const kind of kinds) {
      const nested = (depth: number) => {
        let text = "1";
        for (let i = 0; i < depth; i++) text = kind(i).join(text);
        return `{"first":0,"key":${text},"last":{}}`;
      };
      assert.equal(strictJson.encode(strictJson.decode(nested(64))), nested(64));
      assert.throws(() => strictJson.decode(nested(65)), refused("ERR_DAMAGED", /64 levels/));
      assert.throws(() => strictJson.encode(JSON.parse(nested(65))), refused("ERR_SERIALIZE", /64 levels/));
    }
  });
});
