import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHmac, hkdfSync } from "node:crypto";
import { describe, it } from "node:test";
import type { Codec } from "../../mod.ts";
import { keyInfo, Signer } from "../../src/crypto/signer.ts";
import { makeId } from "../../src/crypto/session_id.ts";
import { begin, makeSite, read, secret, SpyStore } from "../support/identity_rig.ts";
import { itWithVectors, vectors, type Wycheproof } from "../support/vectors.ts";

const hex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

async function hmacVerifies(key: string, message: string, tag: string): Promise<boolean> {
  if (tag.length !== 64) {
    const full = createHmac("sha256", hex(key)).update(hex(message)).digest("hex");
    return full.startsWith(tag); // the library never accepts a short tag: the primitive only
  }
  const imported = await crypto.subtle.importKey("raw", hex(key), { name: "HMAC", hash: "SHA-256" }, false, [
    "verify",
  ]);
  return await crypto.subtle.verify("HMAC", imported, hex(tag), hex(message));
}

async function hkdf(ikm: string, salt: string, info: string, size: number): Promise<string> {
  const key = await crypto.subtle.importKey("raw", hex(ikm), "HKDF", false, ["deriveBits"]);
  const params = { name: "HKDF", hash: "SHA-256", salt: hex(salt), info: hex(info) };
  return Buffer.from(await crypto.subtle.deriveBits(params, key, size * 8)).toString("hex");
}

/** A site whose codec counts what it is asked to decode, and a look at one cookie that has to be refused early. */
async function makeGuarded() {
  let decoded = 0;
  const codec: Codec = {
    encode: (data) => JSON.stringify(data),
    decode: (text) => {
      decoded++;
      return JSON.parse(text);
    },
  };
  const store = new SpyStore();
  const site = makeSite({ store, codec });
  const token = await begin(makeSite({ store, codec }), "mine");
  const refuses = async (value: string) => {
    const [calls, before] = [store.count(), decoded];
    const answer = await site.visit(`__Host-sid=${value}`);
    return await answer.text() === "anonymous" && store.count() === calls && decoded === before;
  };
  return { site, store, token, refuses };
}

describe("signatures", () => {
  it("SR-019 the primitive gives the known answers of RFC 4231", async () => {
    const cases = [
      [
        "0b".repeat(20),
        Buffer.from("Hi There").toString("hex"),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
      ],
      [
        Buffer.from("Jefe").toString("hex"),
        Buffer.from("what do ya want for nothing?").toString("hex"),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      ],
      ["aa".repeat(20), "dd".repeat(50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"],
      [
        "0102030405060708090a0b0c0d0e0f10111213141516171819",
        "cd".repeat(50),
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
      ],
      [
        "aa".repeat(131),
        Buffer.from("Test Using Larger Than Block-Size Key - Hash Key First").toString("hex"),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
      ],
    ];
    for (const [key, message, tag] of cases) {
      assert.ok(await hmacVerifies(key!, message!, tag!));
      assert.ok(!await hmacVerifies(key!, message!, `${tag!.slice(0, -1)}${tag!.endsWith("0") ? "1" : "0"}`));
    }
  });

  itWithVectors("SR-019 the primitive gives all answers of hmac-sha256.json", async () => {
    const { testGroups } = vectors<Wycheproof<{ key: string; msg: string; tag: string }>>("hmac-sha256.json");
    let count = 0;
    for (const { tests } of testGroups) {
      for (const { key, msg, tag, result, tcId } of tests) {
        assert.equal(await hmacVerifies(key, msg, tag), result === "valid", `case ${tcId}`);
        count++;
      }
    }
    assert.equal(count, 174);
  });

  it("SR-019 a tag is the whole HMAC-SHA-256 of the id, as another implementation computes it", async () => {
    for (const [number, name] of [[1, "__Host-sid"], [2, "sid"]] as const) {
      const purpose = "session id";
      const key = hkdfSync("sha256", secret(number), new Uint8Array(), keyInfo(purpose, name), 32);
      const id = makeId();
      const tag = createHmac("sha256", Buffer.from(key)).update(id).digest("base64url");
      const signer = new Signer([secret(number)], purpose, name);
      assert.equal(await signer.sign(id), tag);
      assert.equal(await signer.verify(id, tag), 0);
    }
  });

  it("SR-019 every changed bit is refused before store and codec are asked", async () => {
    const { site, token, refuses } = await makeGuarded();
    for (let at = 0; at < token.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = String.fromCharCode(token.charCodeAt(at) ^ (1 << bit));
        if (changed === ";" || changed === "\r" || changed === "\n" || changed === "\0") continue;
        const value = token.slice(0, at) + changed + token.slice(at + 1);
        if (value.trim() === token) continue;
        assert.ok(await refuses(value), `bit ${bit} of character ${at}`);
      }
    }
    const bytes = Buffer.from(token.slice(33), "base64url");
    for (let bit = 0; bit < 256; bit++) {
      const other = Buffer.from(bytes);
      other[bit >> 3]! ^= 1 << (bit & 7);
      assert.ok(
        await refuses(`${token.slice(0, 33)}${other.toString("base64url")}`),
        `bit ${bit} of the tag`,
      );
    }
    assert.equal(await (await site.visit(`__Host-sid=${token}`)).text(), "mine");
  });

  it("SR-019 every shorter and every longer form is refused", async () => {
    const { token, refuses } = await makeGuarded();
    for (let length = 0; length < token.length; length++) {
      assert.ok(await refuses(token.slice(0, length)));
      assert.ok(await refuses(token.slice(token.length - length)));
    }
    for (const extra of ["A", "AA", ".", ".A", `.${token.slice(33)}`, token, "=", "%00"]) {
      assert.ok(await refuses(token + extra));
      assert.ok(await refuses(extra + token));
    }
  });

  it("SR-021 there is no second way in when the signature fails", async () => {
    const { token, refuses } = await makeGuarded();
    const [id, tag] = [token.slice(0, 32), token.slice(33)];
    const json = JSON.stringify({ mark: "mine", id });
    const base64 = (text: string | Uint8Array) => Buffer.from(text).toString("base64url");
    const jwt = (alg: string) =>
      `${base64(JSON.stringify({ alg, typ: "JWT" }))}.${base64(json)}.${alg === "none" ? "" : tag}`;
    const raw = Buffer.from(id, "base64url");
    const sha1 = createHmac("sha1", secret(1)).update(id).digest("base64url");
    const sha512 = createHmac("sha512", secret(1)).update(id).digest("base64url");
    const bare = createHmac("sha256", secret(1)).update(id).digest("base64url");
    const forms = [
      encodeURIComponent(json),
      base64(json),
      id,
      `${id}.`,
      `.${tag}`,
      `${tag}.${id}`,
      `${id}:${tag}`,
      `${id}${tag}`,
      base64(Buffer.concat([Buffer.from([0]), raw])),
      base64(Buffer.concat([Buffer.from([255]), raw])),
      `${base64(Buffer.concat([Buffer.from([0]), raw]))}.${tag}`,
      `${base64(Buffer.concat([Buffer.from([255]), raw]))}.${tag}`,
      jwt("none"),
      jwt("HS256"),
      `${id}.${sha1}`,
      `${id}.${sha512}`,
      `${id}.${bare}`,
      `${id}.${"A".repeat(43)}`,
      `s:${id}.${tag}`,
      `v1.${id}.${tag}`,
      `${id}.${tag}.0`,
      `${id}:1qaz:${tag}`,
      `"${token}"`,
      `${id}..${tag}`,
      `${id}.${Buffer.from(tag, "base64url").toString("hex")}`,
    ];
    for (const form of forms) assert.ok(await refuses(form), form.slice(0, 40));
  });

  it("SR-023 the primitive gives the known answers of RFC 5869", async () => {
    const ascending = (from: number, count: number) =>
      Buffer.from(Array.from({ length: count }, (_, i) => from + i)).toString("hex");
    const answers = [
      [
        await hkdf("0b".repeat(22), ascending(0, 13), ascending(0xf0, 10), 42),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
      ],
      [
        await hkdf(ascending(0, 80), ascending(0x60, 80), ascending(0xb0, 80), 82),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
      ],
      [
        await hkdf("0b".repeat(22), "", "", 42),
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
      ],
    ];
    for (const [answer, known] of answers) assert.equal(answer, known);
  });

  itWithVectors("SR-023 the primitive gives the answers of hkdf-sha256.json", async () => {
    const { testGroups } = vectors<
      Wycheproof<{ ikm: string; salt: string; info: string; size: number; okm: string }>
    >("hkdf-sha256.json");
    for (const { tests } of testGroups) {
      for (const { ikm, salt, info, size, okm, result, tcId } of tests) {
        const made = await hkdf(ikm, salt, info, size).catch(() => undefined);
        if (result === "valid") assert.equal(made, okm, `case ${tcId}`);
        else assert.notEqual(made, okm, `case ${tcId}`);
      }
    }
  });

  it("SR-023 the cookie of one name is nothing under another name, with the same secret and store", async () => {
    const store = new SpyStore();
    const names = ["__Host-sid", "__Host-admin", "__Secure-sid", "sid", "__Host-sid2"];
    const sites = names.map((name) => makeSite({ store, cookie: { name } }));
    const handler = (i: number) =>
      sites[i]!.sessions.wrap(async (request) => {
        const session = await request.session;
        if (request.method === "POST") session.set("mark", names[i]);
        return new Response(String(read(session)));
      });
    for (const [i, own] of names.entries()) {
      const answer = await handler(i)(new Request("https://site.test/", { method: "POST" }));
      const token = answer.headers.getSetCookie()[0]!.slice(own.length + 1).split(";", 1)[0]!;
      for (const [j, other] of names.entries()) {
        const cookie = `${other}=${token}`;
        const seen = await (await handler(j)(new Request("https://site.test/", { headers: { cookie } })))
          .text();
        assert.equal(seen, i === j ? own : "anonymous");
      }
    }
  });

  it("SR-023 a tag made for another purpose is not one for a session", async () => {
    const { token, refuses } = await makeGuarded();
    const id = token.slice(0, 32);
    for (const purpose of ["log tag", "flash", "csrf", "session", "session id\n", "", "session data"]) {
      assert.ok(
        await refuses(`${id}.${await new Signer([secret(1)], purpose, "__Host-sid").sign(id)}`),
        purpose,
      );
    }
    assert.ok(await refuses(`${id}.${await new Signer([secret(1)], "session id", "__Host-sid2").sign(id)}`));
    // No name of a cookie can hold a line feed, so purpose and name never run into one another.
    assert.throws(() => makeSite({ cookie: { name: "b\nc" } }), TypeError);
  });

  it("SR-026 one value has one spelling", async () => {
    const { site, token, refuses } = await makeGuarded();
    const last = alphabet.indexOf(token.at(-1)!);
    assert.equal(last % 4, 0);
    for (let spare = 1; spare < 4; spare++) {
      assert.ok(await refuses(token.slice(0, -1) + alphabet[last + spare]));
    }
    assert.equal(site.events.at(-1)!.reason, "malformed", "spare bits are seen before anything is computed");
    const signer = new Signer([secret(1)], "session id", "__Host-sid");
    const [id, tag] = [token.slice(0, 32), token.slice(33)];
    assert.equal(await signer.verify(id, tag), 0);
    for (
      const form of [
        tag.slice(0, -1) + alphabet[last + 1],
        `${tag}=`,
        tag.slice(0, -1),
        `${tag}A`,
        "",
        `${tag} `,
        `${tag}\n`,
      ]
    ) {
      assert.equal(await signer.verify(id, form), -1);
    }
    const padded = ["=", "==", "%3D", "%3d"];
    for (const pad of padded) {
      assert.ok(await refuses(token + pad));
      assert.ok(await refuses(`${token.slice(0, 32)}${pad}.${token.slice(33)}`));
    }
    for (let at = 0; at < token.length; at++) {
      const [head, own, tail] = [token.slice(0, at), token[at]!, token.slice(at + 1)];
      const swap: Record<string, string> = { "-": "+", _: "/" };
      const percent = `%${own.charCodeAt(0).toString(16)}`;
      for (const form of [percent, percent.toUpperCase(), ` ${own}`, `${own}%20`, swap[own]]) {
        if (form === undefined || at === 0 && form === ` ${own}`) continue;
        assert.ok(await refuses(head + form + tail), `${form} at ${at}`);
      }
    }
    assert.equal(await (await site.visit(`__Host-sid= \t${token} \t`)).text(), "mine");
  });
});
