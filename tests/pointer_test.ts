/** Pointers as text, and the mask on the id in them. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { mask, pointerKey, readPointer, writePointer } from "../src/pointer.ts";
import { makeId } from "../src/token.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest();

describe("the mask on the next id", () => {
  it("SR-005 is a hash of the old id, and comes off with it alone", async () => {
    const [old, next] = [makeId(), makeId()];
    const masked = await mask(next, old);
    const over = sha256(`sojourn pointer mask 1\n${old}`);
    const expected = Buffer.from(next, "base64url").map((byte, i) => byte ^ over[i]!);
    assert.equal(masked, Buffer.from(expected).toString("base64url"));
    assert.equal(await mask(masked, old), next);
    assert.notEqual(await mask(masked, makeId()), next);
  });
});

describe("a pointer", () => {
  const pointer = { until: 1_800_000_000_000, key: "0a".repeat(32), masked: "A_-z".repeat(8) };

  it("SR-005 is kept under a hash of the old key", async () => {
    assert.equal(await pointerKey("key"), sha256("sojourn pointer key 1\nkey").toString("hex"));
  });

  it("is read as it was written", () => {
    const text = writePointer(pointer);
    assert.equal(text, `>1800000000000 ${pointer.key} ${pointer.masked}`);
    assert.deepEqual(readPointer(text), pointer);
    assert.deepEqual(readPointer(writePointer({ ...pointer, until: 0 })), { ...pointer, until: 0 });
  });

  it("is none in any other text", () => {
    const text = writePointer(pointer);
    for (
      const other of ["", "1\n{}", ">", text.slice(1), text.slice(0, -1), `${text}A`, ` ${text}`, `${text}\n`]
    ) {
      assert.equal(readPointer(other), undefined, other);
    }
  });
});
