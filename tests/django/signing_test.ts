/** Django's signer by itself: times in base 62, what is refused, and its keys. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DjangoSigner, fromBase62, toBase62 } from "../../backends/django/format/signing.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const secrets = [encode("new"), encode("old")];
const signer = new DjangoSigner(secrets, "salt");

describe("base 62", () => {
  it("spells whole numbers, those below zero too", () => {
    for (
      const [value, text] of [
        [0, "0"],
        [9, "9"],
        [10, "A"],
        [61, "z"],
        [62, "10"],
        [-1, "-1"],
        [-62, "-10"],
        [1_800_000_000, "1xocE4"],
      ] as const
    ) {
      assert.equal(toBase62(value), text);
      assert.equal(fromBase62(text), value);
    }
  });

  it("is nothing else", () => {
    for (const text of ["", "-", "--1", "+1", " 1", "1\n", "1.5", "é", "123456789"]) {
      assert.equal(fromBase62(text), undefined, text);
    }
  });
});

describe("what is signed", () => {
  it("is no text without a signature", async () => {
    for (const text of ["", ":", "A".repeat(43), "value", "value:", `value:${"A".repeat(43)}`]) {
      assert.equal(await signer.unsign(text), undefined, text);
      assert.equal(await signer.unsignAt(text), "forged", text);
    }
  });

  it("has a time, or is malformed", async () => {
    for (const value of ["", "abc", "a:", "a:!", "a:123456789"]) {
      const text = await signer.sign(value);
      assert.deepEqual(await signer.unsign(text), { value, secret: 0 });
      assert.equal(await signer.unsignAt(text), "malformed", value);
    }
    for (const [now, signedAt] of [[1_800_000_000_999, 1_800_000_000], [-1500, -2]] as const) {
      assert.deepEqual(await signer.unsignAt(await signer.signAt("a:b", now)), {
        value: "a:b",
        secret: 0,
        signedAt,
      });
    }
  });

  it("tells which secret signed it", async () => {
    const text = await new DjangoSigner([secrets[1]!], "salt").sign("value");
    assert.deepEqual(await signer.unsign(text), { value: "value", secret: 1 });
  });
});

describe("the keys of the signer", () => {
  it("can never be read out again, and are made again after making them failed", async () => {
    const failure = new Error("no entropy today");
    const fresh = new DjangoSigner(secrets, "salt");
    const calls: unknown[][] = [];
    const real = crypto.subtle.importKey as (...args: unknown[]) => Promise<unknown>;
    const watched = (...args: unknown[]) =>
      calls.push(args) === 1 ? Promise.reject(failure) : real.apply(crypto.subtle, args);
    Object.defineProperty(crypto.subtle, "importKey", { value: watched, configurable: true });
    try {
      await assert.rejects(fresh.sign("value"), (error) => error === failure);
      assert.equal(await fresh.sign("value"), await signer.sign("value"));
      await fresh.sign("another");
    } finally {
      Reflect.deleteProperty(crypto.subtle, "importKey");
    }
    assert.equal(calls.length, 2);
    for (const call of calls) assert.equal(call[3], false, "the key is extractable");
  });
});
