/** The edges of a sealed token: the shortest, the first salt, the older secret. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromBase64url, toBase64url } from "../../src/crypto/base64url.ts";
import { Sealer } from "../../src/crypto/sealer.ts";

const secretOf = (n: number) => Uint8Array.from({ length: 32 }, (_, i) => i * 5 + n);

describe("a sealed token", () => {
  it("SR-022 has a random salt from the first one on, whatever the clock says", async () => {
    for (const now of [0, 1, 1e12]) {
      const salts = new Set<string>();
      for (let i = 0; i < 3; i++) {
        const sealer = new Sealer([secretOf(1)], "seal", "sid", () => now);
        const token = fromBase64url(await sealer.close("x", ""))!;
        salts.add(toBase64url(token.subarray(5, 21)));
      }
      assert.equal(salts.size, 3);
    }
  });

  it("that is too short for its tag is malformed, one byte more is forged", async () => {
    const sealer = new Sealer([secretOf(1)], "seal", "sid", Date.now);
    const bytes = fromBase64url(await sealer.close("some text", ""))!;
    const open = (length: number) => sealer.open(toBase64url(bytes.subarray(0, length)), "");
    for (const length of [0, 1, 5, 17, 18, 33, 47, 48]) {
      assert.equal(await open(length), "malformed", `${length}`);
    }
    assert.equal(await open(49), "forged");
    assert.deepEqual(await sealer.open(await sealer.close("", ""), ""), { text: "", hasOldKey: false });
  });

  it("SR-025 is stale under the second secret already", async () => {
    const [a, b, c] = [secretOf(1), secretOf(2), secretOf(3)];
    const token = await new Sealer([a], "seal", "sid", Date.now).close("x", "");
    for (
      const [secrets, hasOldKey] of [[[a], false], [[a, b], false], [[b, a], true], [
        [c, b, a],
        true,
      ]] as const
    ) {
      assert.deepEqual(await new Sealer(secrets, "seal", "sid", Date.now).open(token, ""), {
        text: "x",
        hasOldKey,
      });
    }
  });
});
