/** What strict JSON refuses at its edges, and in which words. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { strictJson } from "../src/codec.ts";
import { SessionError } from "../src/errors.ts";

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
});
