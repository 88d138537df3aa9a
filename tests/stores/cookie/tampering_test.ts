import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { MemoryStore } from "../../../backends/memory.ts";
import { createSessions } from "../../../mod.ts";
import { Random } from "../../../src/testing/random.ts";
import { Browser } from "../../support/browser.ts";
import { cryptoCalls, secret, seed, sid, Site, start } from "../../support/cookie/rig.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const base64 = (value: string | Uint8Array) => Buffer.from(value as string).toString("base64url");

/** Sends every header to the site: how many were accepted, and how many could not be sent at all. */
async function attack(site: Site, headers: Iterable<string>): Promise<{ tried: number; accepted: string[] }> {
  const accepted: string[] = [];
  let tried = 0;
  for (const header of headers) {
    try {
      new Headers({ cookie: header });
    } catch {
      continue;
    }
    tried++;
    if (await site.mark(header) !== undefined) accepted.push(header);
  }
  return { tried, accepted };
}

/** Every change of one bit: in the bytes that the value stands for, and in its characters. */
function* flips(value: string): Generator<string> {
  const bytes = Buffer.from(value, "base64url");
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    yield changed.toString("base64url");
  }
  for (let bit = 0; bit < value.length * 8; bit++) {
    const code = value.charCodeAt(bit >> 3) ^ 1 << (bit & 7);
    yield value.slice(0, bit >> 3) + String.fromCharCode(code) + value.slice((bit >> 3) + 1);
  }
}

function* truncations(value: string): Generator<string> {
  for (let at = 0; at < value.length; at++) {
    yield value.slice(0, at);
    if (at > 0) yield value.slice(at);
    yield value.slice(0, at) + value.slice(at + 1);
  }
}

for (const seal of [true, false]) {
  describe(`a cookie that is ${seal ? "sealed" : "signed"}, in an attacker's hands`, () => {
    const site = new Site({ seal });
    const named = (value: string) => `${sid}=${value}`;
    const value = async (mark: string) => (await site.begin({ mark })).cookies.get(sid)!;

    it("SR-020 every change of one bit makes a visitor anonymous (C1)", async () => {
      const real = await value("live");
      const { tried, accepted } = await attack(site, [...flips(real)].map(named));
      assert.deepEqual(accepted, []);
      assert.ok(tried > real.length * 10, String(tried));
      assert.equal(await site.mark(named(real)), "live");
    });

    it("every truncation, and every character left out (C1)", async () => {
      const real = await value("live");
      const { tried, accepted } = await attack(site, [...truncations(real)].map(named));
      assert.deepEqual(accepted, []);
      assert.equal(tried, real.length * 3 - 1);
    });

    it("10,000 splices of two valid cookies (C1)", async () => {
      const random = new Random(seed);
      console.log(`splices: SOJOURN_SEED=${seed}`);
      const [one, two] = [await value("one"), await value("two, and longer")];
      const splices = new Set<string>();
      while (splices.size < 10_000) {
        const [a, b] = random.below(2) === 0 ? [one, two] : [two, one];
        const from = random.below(a.length);
        const to = random.below(b.length);
        const splice = [
          a.slice(0, from) + b.slice(from),
          a.slice(0, from) + b.slice(to),
          a.slice(0, from) + b.slice(from, from + to) + a.slice(from + to),
        ][random.below(3)]!;
        if (splice !== one && splice !== two) splices.add(splice);
      }
      const { tried, accepted } = await attack(site, [...splices].map(named));
      assert.deepEqual([tried, accepted], [10_000, []]);
    });

    it("SR-026 one cookie has one spelling", async () => {
      for (const mark of ["a", "ab", "abc", "abcd"]) {
        const real = await value(mark);
        const last = alphabet.indexOf(real.at(-1)!);
        const others = [...alphabet].map((_, bits) => real.slice(0, -1) + alphabet[last ^ bits]).slice(1);
        others.push(
          `${real}=`,
          `${real}==`,
          `"${real}"`,
          `${real.slice(0, 9)} ${real.slice(9)}`,
          `${real}.`,
          `.${real}`,
        );
        others.push(
          `%${real.charCodeAt(0).toString(16)}${real.slice(1)}`,
          `1.${real}`,
          `0.${real}`,
          `01.${real}`,
        );
        for (const [from, to] of [["-", "+"], ["_", "/"]] as const) {
          if (real.includes(from)) others.push(real.replaceAll(from, to));
        }
        assert.deepEqual((await attack(site, others.map(named))).accepted, []);
        assert.equal(await site.mark(`${sid}=${real}`), mark);
      }
    });

    it("SR-021 there is no second way in, and nothing unproven reaches the decoder", async () => {
      let decoded = 0;
      const guarded = site.other({
        codec: { encode: JSON.stringify, decode: (text) => (decoded++, JSON.parse(text)) },
      });
      const real = await value("live");
      const bytes = Buffer.from(real, "base64url");
      const data = JSON.stringify({ mark: "forged" });
      const head = JSON.stringify(["x".repeat(32), start, start, start, start + 1e9, null]);
      const otherSeal = (await site.other({ seal: !seal }).begin()).cookies.get(sid)!;
      const held = createSessions({ store: new MemoryStore(), secrets: [secret(1)], now: () => start });
      const heldBrowser = new Browser(held, () => start);
      const id = await heldBrowser.see(async (session) => {
        session.set("mark", "held");
        await session.save();
        return session.id!;
      });
      const strange = [
        data,
        encodeURIComponent(data),
        base64(data),
        base64(`${head}\n${data}`),
        base64(`${head}\n${data}`) + "A".repeat(43),
        base64(`${head}\n${data}`) + ".",
        `${base64('{"alg":"none"}')}.${base64(data)}.`,
        `${base64('{"alg":"HS256"}')}.${base64(data)}.${"A".repeat(43)}`,
        `s:${id}.${"A".repeat(43)}`,
        id,
        heldBrowser.cookies.get(sid)!,
        heldBrowser.cookies.get(sid)!.replace(".", ""),
        otherSeal,
        real.slice(0, seal ? -22 : -43),
        Buffer.concat([Uint8Array.of(0), bytes.subarray(1)]).toString("base64url"),
        Buffer.concat([Uint8Array.of(255), bytes.subarray(1)]).toString("base64url"),
        Buffer.concat([Uint8Array.of(0), bytes]).toString("base64url"),
        "",
        "A",
        "null",
        "undefined",
        "__proto__",
        "A".repeat(65_536),
      ];
      assert.deepEqual((await attack(guarded, strange.map(named))).accepted, []);
      assert.equal(decoded, 0);
      assert.equal(await guarded.mark(named(real)), "live");
      assert.ok(decoded > 0);
    });

    it("SR-023 a cookie is good under its own name and secret only", async () => {
      const real = await value("live");
      for (const name of ["__Host-other", "__Secure-sid", "sid", "__Host-Sid", "__Host-sid2"]) {
        const other = site.other({ cookie: { name } });
        assert.equal(await other.mark(`${name}=${real}`), undefined, name);
      }
      assert.equal(await site.other({ secrets: [secret(2)] }).mark(named(real)), undefined);
      assert.equal(await site.mark(`__host-sid=${real}`), undefined);
    });

    it("a refused cookie is not adopted, not cleared, is reported, and the next write starts a new session", async () => {
      const real = await value("live");
      const forged = real.replace(/.$/, (last) => last === "A" ? "E" : "A");
      site.reported();
      const browser = site.browser([[sid, forged]]);
      const read = await browser.visit((session) => session.get("mark"));
      assert.deepEqual(read.headers.getSetCookie(), []);
      assert.match(site.reported().join(), /^rejected (forged|malformed)$/);
      assert.equal(await browser.see((session) => session.set("mark", "new").isNew), true);
      assert.deepEqual(await browser.data(), { mark: "new" });
    });

    it("eight cookies of our name cost no decryption at all", async () => {
      const real = await value("live");
      const many = [...flips(real)].slice(0, 7).map(named);
      const calls = await cryptoCalls(async () => {
        assert.equal(
          await site.other({ onEvent: () => {} }).mark([...many, named(real)].join("; ")),
          undefined,
        );
      });
      assert.deepEqual(calls.filter((call) => call === "decrypt" || call === "verify"), []);
    });
  });
}

describe("a cookie that is only signed", () => {
  it("can be read by anyone, which is what seal: false says", async () => {
    const site = new Site({ seal: false });
    const browser = await site.begin({ mark: "in the open" });
    assert.ok(Buffer.from(browser.cookies.get(sid)!, "base64url").toString().includes("in the open"));
  });

  it("SR-021 is not accepted where cookies are sealed, nor the other way round", async () => {
    const [sealed, signed] = [new Site({ seal: true }), new Site({ seal: false })];
    assert.equal(await sealed.mark((await signed.begin()).header), undefined);
    assert.equal(await signed.mark((await sealed.begin()).header), undefined);
  });
});
