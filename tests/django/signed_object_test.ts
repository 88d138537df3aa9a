/** Django's signed objects by themselves: what is compressed, what is remembered, and how large they may be. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { deflateSync } from "node:zlib";
import { Envelope } from "../../backends/django/format/signed_object.ts";
import { DjangoSigner } from "../../backends/django/format/signing.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const secrets = [encode("new"), encode("old")];
const now = 1_800_000_000_999;
const signedAt = 1_800_000_000;
const most = 16 * 1024 * 1024;
const make = () => new Envelope(secrets, "salt");

/** Bytes as a text that was signed, compressed or not. */
function signed(bytes: Uint8Array, isPacked = true): Promise<string> {
  const payload = isPacked
    ? `.${deflateSync(bytes).toString("base64url")}`
    : Buffer.from(bytes).toString("base64url");
  return new DjangoSigner(secrets, "salt").signAt(payload, now);
}

/** JSON of a size that compresses well. */
const json = (size: number) => `"${"a".repeat(size - 2)}"`;

describe("closing", () => {
  it("compresses where that saves two bytes or more", async () => {
    const saved = new Set<number>();
    for (let size = 2; size < 50; size++) {
      const gain = size - deflateSync(json(size)).length;
      saved.add(gain);
      assert.equal((await make().close(json(size), now)).startsWith("."), gain >= 2, `${gain} bytes saved`);
    }
    for (const gain of [-1, 0, 1, 2, 3]) assert.ok(saved.has(gain));
  });

  it("takes any size to 16 MiB", async () => {
    for (const size of [4095, 4096, 4097, 100_000, most]) {
      const text = await make().close(json(size), now);
      assert.ok(text.startsWith("."), "is not compressed");
      const opened = await make().open(text);
      assert.equal(typeof opened === "string" ? opened : opened.json === json(size), true);
    }
    await assert.rejects(make().close(json(most + 1), now), { code: "ERR_TOO_LARGE" });
  });
});

describe("opening", () => {
  it("takes bytes for Latin-1, as Django does", async () => {
    const bytes = Uint8Array.from({ length: 20_000 }, (_, at) => at % 256);
    for (const isPacked of [true, false]) {
      const opened = await make().open(await signed(bytes, isPacked));
      assert.deepEqual(opened, { json: String.fromCharCode(...bytes), signedAt, hasOldKey: false });
    }
  });

  it("takes no more than 16 MiB", async () => {
    const opened = await make().open(await signed(Buffer.alloc(most, "a")));
    assert.equal(typeof opened === "string" ? opened : opened.json.length, most);
    assert.equal(await make().open(await signed(Buffer.alloc(most + 1, "a"))), "malformed");
  });

  it("tells when an older secret signed it", async () => {
    const text = await new Envelope([secrets[1]!], "salt").close("{}", now);
    assert.deepEqual(await make().open(text), { json: "{}", signedAt, hasOldKey: true });
    assert.deepEqual(await new Envelope([secrets[0]!], "salt").open(text), "forged");
  });
});

describe("what is remembered", () => {
  it("is what was closed or opened here", async () => {
    const [one, other] = [make(), make()];
    const text = await one.close("{}", now);
    const closed = one.known(text);
    assert.deepEqual(closed, { json: "{}", signedAt, hasOldKey: false });
    assert.equal(await one.open(text), closed);
    assert.equal(other.known(text), undefined);
    const opened = await other.open(text);
    assert.equal(other.known(text), opened);
    assert.equal(await other.open(text), opened);
    assert.equal(await other.open(`${text}A`), "forged");
    assert.equal(other.known(`${text}A`), undefined);
  });

  it("is short", async () => {
    for (const [size, isKnown] of [[4096, true], [4097, false]] as const) {
      const [one, other] = [make(), make()];
      const text = await one.close(json(size), now);
      assert.equal(one.known(text) !== undefined, isKnown);
      await other.open(text);
      assert.equal(other.known(text) !== undefined, isKnown);
    }
    const long = await signed(new Uint8Array(4000), false);
    const envelope = make();
    assert.equal(typeof await envelope.open(long), "object");
    assert.equal(envelope.known(long), undefined);
  });

  it("is at most 2048 texts, the latest", async () => {
    const envelope = make();
    const texts: string[] = [];
    for (let n = 0; n <= 2048; n++) texts.push(await envelope.close(String(n), now));
    assert.equal(texts.findIndex((text) => envelope.known(text) !== undefined), 1024);
    assert.equal(envelope.known(texts[2048]!)?.json, "2048");
  });
});
