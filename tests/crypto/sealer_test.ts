import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { describe, it } from "node:test";
import { keyInfo } from "../../src/crypto/signer.ts";
import { Sealer } from "../../src/crypto/sealer.ts";
import { cryptoCalls, secret } from "../support/cookie/rig.ts";

const hourMs = 3_600_000;
const bytesOf = (token: string) => Uint8Array.from(Buffer.from(token, "base64url"));
const tokenOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
const sealer = (
  { secrets = [secret(1)], purpose = "p", cookie = "sid", now = () => 0 }: {
    secrets?: Uint8Array<ArrayBuffer>[];
    purpose?: string;
    cookie?: string;
    now?: () => number;
  } = {},
) => new Sealer(secrets, purpose, cookie, now);

const saltOf = (token: string) => tokenOf(bytesOf(token).subarray(5, 21));
const ivOf = (token: string) => tokenOf(bytesOf(token).subarray(21, 33));

/** The format in another implementation's words: what makes it must be opened here, and the other way round. */
function derive(salt: Uint8Array, purpose = "p", cookie = "sid", from = secret(1)): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", from, salt, `sojourn 1\n${purpose}\n${cookie}`, 32));
}

function keyId(purpose = "p", cookie = "sid", from = secret(1)): Uint8Array {
  return new Uint8Array(
    hkdfSync("sha256", from, new Uint8Array(), `sojourn 1\n${purpose} key id\n${cookie}`, 4),
  );
}

interface Recipe {
  readonly format?: number;
  readonly iv?: number;
  readonly tag?: number;
  readonly bound?: string;
  readonly binds?: (head: Uint8Array, bound: string) => Uint8Array;
}

/** A token made with node:crypto, for the context "1". */
function make(
  text: string,
  { format = 1, iv = 12, tag = 16, bound = "p\nsid\n1\n", binds }: Recipe = {},
): string {
  const head = Uint8Array.of(format, ...keyId());
  const salt = Uint8Array.from({ length: 16 }, (_, i) => i);
  const nonce = Uint8Array.from({ length: iv }, (_, i) => 100 + i);
  const cipher = createCipheriv("aes-256-gcm", derive(salt), nonce, { authTagLength: tag });
  cipher.setAAD(binds === undefined ? Buffer.concat([Buffer.from(bound), head]) : binds(head, bound));
  const sealed = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  return tokenOf(Buffer.concat([head, salt, nonce, sealed]));
}

describe("sealing", () => {
  it("gives back what it was given, whatever the text, and every time another token", async () => {
    const box = sealer();
    for (const text of ["", "a", "é€😀", "\u0000", "x".repeat(100_000)]) {
      const [one, two] = [await box.close(text, "1"), await box.close(text, "1")];
      assert.notEqual(one, two);
      assert.match(one, /^[A-Za-z0-9_-]+$/);
      assert.deepEqual(await box.open(one, "1"), { text, hasOldKey: false });
      assert.deepEqual(await sealer().open(two, "1"), { text, hasOldKey: false });
    }
  });

  it("opens a token that was made by an earlier release", async () => {
    const token =
      "AYybiq1kikbnCo-c85toVgVsDNxn8K4qCbFrW65di9aOFrft1j3wb2zg6sVbWGnY5SyC-sfeTlDTGIquryhl3_reDGEpyA";
    assert.deepEqual(await sealer().open(token, "1"), { text: "kept for ever: é😀", hasOldKey: false });
  });

  it("SR-020 is AES-256-GCM with 96 bits of IV and a whole tag, as another implementation has it", async () => {
    assert.deepEqual(await sealer().open(make("theirs"), "1"), { text: "theirs", hasOldKey: false });
    const bytes = bytesOf(await sealer().close("ours", "1"));
    const bound = Buffer.concat([Buffer.from("p\nsid\n1\n"), bytes.subarray(0, 5)]);
    const open = createDecipheriv("aes-256-gcm", derive(bytes.subarray(5, 21)), bytes.subarray(21, 33));
    open.setAAD(bound).setAuthTag(bytes.subarray(-16));
    assert.equal(open.update(bytes.subarray(33, -16), undefined, "utf8") + open.final("utf8"), "ours");
    assert.equal(bytes.length, 1 + 4 + 16 + 12 + 4 + 16);
  });

  it("SR-020 refuses other lengths of IV and tag", async () => {
    for (const iv of [1, 4, 8, 11, 13, 16, 24, 60]) {
      const reason = await sealer().open(make("some text ".repeat(4), { iv }), "1");
      assert.ok(reason === "forged" || reason === "malformed", `IV of ${iv} bytes`);
    }
    for (const tag of [4, 8, 12, 13, 14, 15]) {
      assert.equal(
        await sealer().open(make("some text ".repeat(4), { tag }), "1"),
        "forged",
        `tag of ${tag} bytes`,
      );
    }
  });

  it("SR-020 refuses every change of one bit, every truncation and every extension", async () => {
    const token = await sealer().close("some text", "1");
    const bytes = bytesOf(token);
    const box = sealer();
    let tried = 0;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Uint8Array.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const reason = await box.open(tokenOf(changed), "1");
      const expected = bit < 8 ? "malformed" : bit < 40 ? "unknown-key" : "forged";
      assert.equal(reason, expected, `bit ${bit}`);
      tried++;
    }
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(
        typeof await box.open(tokenOf(bytes.subarray(0, length)), "1"),
        "string",
        `${length} bytes`,
      );
    }
    for (const more of [[0], [0, 0, 0], [...bytes]]) {
      assert.equal(await box.open(tokenOf(Uint8Array.of(...bytes, ...more)), "1"), "forged");
    }
    assert.equal(tried, bytes.length * 8);
    assert.deepEqual(await box.open(token, "1"), { text: "some text", hasOldKey: false });
  });

  it("SR-021 refuses every other version byte, also on a token that is right for it", async () => {
    for (let format = 0; format < 256; format++) {
      const answer = await sealer().open(make("some text", { format }), "1");
      if (format === 1) assert.deepEqual(answer, { text: "some text", hasOldKey: false });
      else assert.equal(answer, "malformed", `version ${format}`);
    }
  });

  it("SR-023 keys are apart by secret, purpose and cookie name, and all of them are bound as additional data", async () => {
    const token = await sealer().close("some text", "1");
    const others = {
      secret: { secrets: [secret(2)] },
      purpose: { purpose: "q" },
      cookie: { cookie: "sid2" },
      both: { purpose: "p\nsid", cookie: "" },
    };
    for (const [what, other] of Object.entries(others)) {
      assert.equal(await sealer(other).open(token, "1"), "unknown-key", what);
      // An attacker may write any key id into a token.
      const [purpose, cookie] = [
        "purpose" in other ? other.purpose : "p",
        "cookie" in other ? other.cookie : "sid",
      ];
      const from = "secrets" in other ? other.secrets[0]! : secret(1);
      const bytes = bytesOf(token);
      bytes.set(keyId(purpose, cookie, from), 1);
      assert.equal(await sealer(other).open(tokenOf(bytes), "1"), "forged", what);
    }
    for (const context of ["", "2", "11", "1\n"]) {
      assert.equal(await sealer().open(token, context), "forged", JSON.stringify(context));
    }
    for (const bound of ["", "p\nsid\n", "q\nsid\n1\n", "p\nsid2\n1\n", "p\nsid\n2\n"]) {
      assert.equal(await sealer().open(make("x", { bound }), "1"), "forged", JSON.stringify(bound));
    }
    assert.equal(await sealer().open(make("x", { binds: (_, bound) => Buffer.from(bound) }), "1"), "forged");
    assert.notDeepEqual(keyInfo("a\nb", "c"), keyInfo("a", "b c"));
  });

  it("SR-025 the key id picks the key: one decryption among ten secrets, none for an unknown id", async () => {
    const secrets = Array.from({ length: 10 }, (_, n) => secret(n + 1));
    const box = sealer({ secrets });
    for (const n of [0, 4, 9]) {
      const maker = sealer({ secrets: [secrets[n]!] });
      assert.deepEqual(await box.open(await maker.close("warm", "1"), "1"), {
        text: "warm",
        hasOldKey: n > 0,
      });
      const token = await maker.close("text", "1");
      const calls = await cryptoCalls(async () => {
        assert.deepEqual(await box.open(token, "1"), { text: "text", hasOldKey: n > 0 });
      });
      assert.deepEqual(calls, ["decrypt"], `secret ${n}`);
    }
    const unknown = await sealer({ secrets: [secret(11)] }).close("text", "1");
    const calls = await cryptoCalls(async () => assert.equal(await box.open(unknown, "1"), "unknown-key"));
    assert.deepEqual(calls, []);
  });

  it("SR-026 one token has one spelling", async () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (const text of ["", "a", "ab", "abc"]) {
      const token = await sealer().close(text, "1");
      const last = alphabet.indexOf(token.at(-1)!);
      const spare = [0, 0, 4, 2][token.length % 4]!;
      const spellings = [
        `${token}=`,
        `${token}==`,
        ` ${token}`,
        `${token} `,
        `${token}\n`,
        `${token}\0`,
        `%41${token.slice(1)}`,
      ];
      for (let bits = 1; bits < 2 ** spare; bits++) {
        spellings.push(token.slice(0, -1) + alphabet[last ^ bits]);
      }
      spellings.push(token.replace(/^./, "%41"), token.slice(0, 40) + "\u0141" + token.slice(41));
      for (const spelling of spellings) {
        assert.equal(await sealer().open(spelling, "1"), "malformed", JSON.stringify(spelling));
      }
    }
    let token = "";
    for (let n = 0; !/-/.test(token) || !/_/.test(token); n++) token = await sealer().close(`${n}`, "1");
    assert.equal(await sealer().open(token.replaceAll("-", "+"), "1"), "malformed");
    assert.equal(await sealer().open(token.replaceAll("_", "/"), "1"), "malformed");
  });
});

describe("salts and IVs", () => {
  it("SR-022 no salt and IV comes twice, over one sealer and over many", async () => {
    const seen = new Set<string>();
    const outputs = new Set<string>();
    let sealed = 0;
    for (const box of [sealer(), sealer(), sealer(), sealer()]) {
      for (let n = 0; n < 5_000; n += 500) {
        const tokens = await Promise.all(Array.from({ length: 500 }, () => box.close("the same", "1")));
        for (const token of tokens) {
          seen.add(saltOf(token) + ivOf(token));
          outputs.add(tokenOf(bytesOf(token).subarray(33)));
          sealed++;
        }
      }
    }
    assert.deepEqual([seen.size, outputs.size], [sealed, sealed]);
    assert.equal(new Set([...seen].map((one) => one.slice(0, 22))).size, 4);
  });

  it("SR-022 a salt serves 2^20 messages and no more", async () => {
    const box = sealer();
    const first = saltOf(await box.close("", "1"));
    // Encrypting a million times would take a minute and show nothing about salts.
    const quick = Promise.resolve(new ArrayBuffer(16));
    Object.defineProperty(crypto.subtle, "encrypt", {
      configurable: true,
      writable: true,
      value: () => quick,
    });
    try {
      for (let n = 1; n < 2 ** 20 - 1; n++) await box.close("", "1");
    } finally {
      Reflect.deleteProperty(crypto.subtle, "encrypt");
    }
    assert.equal(saltOf(await box.close("", "1")), first);
    const next = saltOf(await box.close("", "1"));
    assert.notEqual(next, first);
    assert.equal(saltOf(await box.close("", "1")), next);
  });

  it("SR-022 a salt serves an hour and no longer, also when the clock steps back", async () => {
    const clock = { now: 10 * hourMs };
    const box = sealer({ now: () => clock.now });
    const salt = async () => saltOf(await box.close("", "1"));
    const first = await salt();
    clock.now += hourMs - 1;
    assert.equal(await salt(), first);
    clock.now += 1;
    const second = await salt();
    assert.notEqual(second, first);
    clock.now -= hourMs;
    assert.notEqual(await salt(), second);
  });

  it("SR-022 no request pays for a derivation but the first", async () => {
    const [box, other] = [sealer(), sealer()];
    await box.close("warm", "1");
    const tokens = await Promise.all(Array.from({ length: 50 }, () => box.close("text", "1")));
    await other.open(tokens[0]!, "1");
    const calls = await cryptoCalls(async () => {
      for (const token of tokens) await other.open(await box.close(token, "1"), "1");
    });
    assert.deepEqual([...new Set(calls)].sort(), ["decrypt", "encrypt"]);
    assert.equal(calls.length, 100);
  });

  it("SR-022 a generator that fails is an error, never a constant, and it heals", async () => {
    const box = sealer();
    const real = crypto.getRandomValues;
    const fail = (after: number) =>
      Object.defineProperty(crypto, "getRandomValues", {
        configurable: true,
        writable: true,
        value(array: Uint8Array<ArrayBuffer>) {
          if (after-- <= 0) throw new Error("no entropy");
          return Reflect.apply(real, crypto, [array]);
        },
      });
    try {
      for (const after of [0, 1]) {
        const calls = await cryptoCalls(async () => {
          fail(after);
          await assert.rejects(box.close("text", "1"), /no entropy/);
        });
        assert.ok(!calls.includes("encrypt"));
      }
    } finally {
      Reflect.deleteProperty(crypto, "getRandomValues");
    }
    const tokens = [await box.close("text", "1"), await box.close("text", "1")];
    assert.equal(new Set(tokens.map(ivOf)).size, 2);
    for (const token of tokens) assert.notEqual(saltOf(token), "A".repeat(22));
    assert.deepEqual(await sealer().open(tokens[0]!, "1"), { text: "text", hasOldKey: false });
  });

  it("a failure of the platform is neither a forgery nor remembered", async () => {
    for (const name of ["importKey", "deriveKey", "deriveBits"] as const) {
      const token = await sealer().close("text", "1");
      const box = sealer();
      const value = () => Promise.reject(new Error("out of memory"));
      Object.defineProperty(crypto.subtle, name, { configurable: true, writable: true, value });
      try {
        await assert.rejects(box.close("text", "1"), /out of memory/, name);
        await assert.rejects(box.open(token, "1"), /out of memory/, name);
      } finally {
        Reflect.deleteProperty(crypto.subtle, name);
      }
      assert.deepEqual(await box.open(token, "1"), { text: "text", hasOldKey: false }, name);
      assert.deepEqual(await sealer().open(await box.close("text", "1"), "1"), {
        text: "text",
        hasOldKey: false,
      });
    }
  });

  it("SR-022 tokens with made-up salts neither fill the memory nor cost the server its own keys", async () => {
    const box = sealer();
    const own = await box.close("text", "1");
    for (let n = 0; n < 2_000; n++) {
      const bytes = bytesOf(own);
      new DataView(bytes.buffer).setUint32(5, n);
      assert.equal(await box.open(tokenOf(bytes), "1"), "forged");
    }
    assert.deepEqual(await box.open(own, "1"), { text: "text", hasOldKey: false });
    assert.deepEqual(await sealer().open(await box.close("text", "1"), "1"), {
      text: "text",
      hasOldKey: false,
    });
  });
});
