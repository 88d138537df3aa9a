/** What is accepted comes back equal, what cannot is refused at `set`; sizes and depths (SR-064, SR-071). */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { SqliteStore } from "../../backends/sqlite.ts";
import { type Codec, createSessions, type SessionStore } from "../../mod.ts";
import { strictJson } from "../../src/codec.ts";
import { begin, fails, FaultyStore, secrets, seed, Site, Visitor } from "../support/fault_rig.ts";
import { temporaryPaths } from "../support/sqlite/rig.ts";

const newPath = temporaryPaths();
const nest = (depth: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { a: value };
  return value;
};
class Basket {
  items = 1;
}
const loop: unknown[] = [];
loop.push({ loop });
const holey: unknown[] = [1];
holey[3] = 1;
const named = Object.assign([1], { name: "x" });
const hidden = Object.defineProperty({ a: 1 }, "b", { value: 2 });

const refused: Record<string, [value: unknown, path?: string]> = {
  "a function": [() => {}],
  "a symbol": [Symbol("x")],
  "a BigInt": [1n],
  "a BigInt inside": [{ a: [1n] }, "key.a[0]"],
  "undefined inside an object": [{ a: { b: undefined } }, "key.a.b"],
  "undefined inside an array": [[1, undefined], "key[1]"],
  "a function inside": [{ f() {} }, "key.f"],
  "NaN": [NaN],
  "Infinity": [Infinity],
  "-Infinity inside": [{ list: [{ n: -Infinity }] }, "key.list[0].n"],
  "a Date": [new Date(0)],
  "a Date inside": [{ "at once": new Date(0) }, 'key["at once"]'],
  "an invalid Date": [new Date(NaN)],
  "a Map": [new Map([["a", 1]])],
  "a Set": [new Set([1])],
  "a RegExp": [/x/],
  "an Error": [new Error("x")],
  "a class instance": [new Basket()],
  "a class instance inside": [[[new Basket()]], "key[0][0]"],
  "an object that inherits": [Object.create({ inherited: 1 })],
  "a subclass of Array": [new (class extends Array {})()],
  "a typed array": [new Uint8Array(2)],
  "an ArrayBuffer": [new ArrayBuffer(2)],
  "a boxed string": [Object("x")],
  "a boxed BigInt": [Object(1n)],
  "a promise": [Promise.resolve()],
  "a URL": [new URL("https://a/")],
  "a sparse array": [holey],
  "an array with names": [named],
  "a hidden property": [hidden],
  "a symbol as a key": [{ [Symbol("x")]: 1 }],
  "a cycle": [loop],
  "toJSON": [{ toJSON: () => "other" }],
  "arguments": [(function () {
    return arguments;
  })()],
  "a getter that throws": [{
    get a() {
      throw new Error("hostile");
    },
  }],
  "a Proxy that throws": [
    new Proxy({}, {
      ownKeys() {
        throw new Error("hostile");
      },
    }),
  ],
  "a revoked Proxy": [(() => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  })()],
  "65 levels": [nest(65)],
};

describe("what the codec refuses", () => {
  for (const [what, [value, path]] of Object.entries(refused)) {
    it(`SR-071 ${what} is refused at set, and the session stays as it was`, async () => {
      const site = new Site();
      const visitor = await begin(site, { key: "before", other: 1 });
      await visitor.visit(async (session) => {
        const error = await fails(() => session.set("key", value), "ERR_SERIALIZE");
        assert.ok(error.message.includes(path ?? ""), `${error.message} names ${path}`);
        await fails(() => session.assign({ fine: 1, key: value }), "ERR_SERIALIZE");
        await fails(() => session.setDefault("fresh", value), "ERR_SERIALIZE");
        // A promise is refused as one, and who asks a revoked Proxy for its `then` is told off by the Proxy.
        if (/promise|revoked/.test(what)) assert.throws(() => session.update("key", () => value), TypeError);
        else await fails(() => session.update("key", () => value), "ERR_SERIALIZE");
        assert.deepEqual({ ...session.toObject() }, { key: "before", other: 1 });
        assert.equal(session.modified, false);
      });
      assert.deepEqual(site.store.taken(), ["load"]);
      assert.deepEqual(await visitor.data(), { key: "before", other: 1 });
    });
  }

  it("SR-071 undefined is refused, and says what to do instead", async () => {
    const session = await new Site().sessions.open();
    const error = await fails(() => session.set("key", undefined), "ERR_SERIALIZE");
    assert.match(error.message, /key.*delete/);
    await fails(() => session.assign({ a: 1, key: undefined }), "ERR_SERIALIZE");
    await fails(() => session.setDefault("key", undefined), "ERR_SERIALIZE");
    assert.equal(session.size, 0);
  });

  it("SR-071 names the path in every kind of key, and never the value", async () => {
    const session = await new Site().sessions.open();
    const value = { "a.b": [{ "": { 'q"': { c: NaN, secret: "hunter2" } } }] };
    const error = await fails(() => session.set("my key", value), "ERR_SERIALIZE");
    assert.ok(error.message.includes(String.raw`"my key"["a.b"][0][""]["q\""].c`), error.message);
    assert.doesNotMatch(error.message, /hunter2/);
  });

  it("SR-071 a value put in place into what was handed out is refused at the commit, and what was stored stays", async () => {
    const site = new Site();
    const visitor = await begin(site, { list: [1] });
    for (const value of [new Date(0), nest(65), undefined]) {
      await fails(() => visitor.visit((session) => session.get("list").push(value)), "ERR_SERIALIZE");
      assert.deepEqual(await visitor.data(), { list: [1] });
    }
  });

  it("SR-071 a value that says another thing at every look is refused, or stored as it was shown", async () => {
    for (const looksBefore of [1, 2, 3, 4]) {
      let looks = 0;
      const shifty = {
        get a() {
          return looks++ < looksBefore ? 1 : () => {};
        },
      };
      const { sessions } = new Site();
      const session = await sessions.open();
      try {
        session.set("key", shifty);
        await session.save();
      } catch {
        continue;
      }
      assert.deepEqual((await sessions.open(session.id)).get("key"), { a: 1 }, `after ${looksBefore} looks`);
    }
  });
});

describe("what the codec accepts", () => {
  const stores: [string, () => SessionStore | Promise<SessionStore>, number][] = [
    ["MemoryStore", () => new FaultyStore(), 10_000],
    ["SqliteStore", () => SqliteStore.open(newPath(), { synchronous: "NORMAL" }), 1_500],
  ];
  for (const [name, open, numRuns] of stores) {
    it(`SR-071 ${numRuns} JSON values come back equal from ${name}`, async () => {
      const store = await open();
      const sessions = createSessions({ store, secrets });
      const session = await sessions.open();
      await session.set("first", 1).save();
      const value = fc.jsonValue({ maxDepth: 5, stringUnit: "binary" });
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: "binary" }), value, async (key, value) => {
          session.clear();
          session.set(key, value);
          await session.save();
          const again = await sessions.open(session.id);
          assert.deepEqual(again.get(key), value);
          assert.deepEqual([...again.keys()], [key]);
        }),
        { numRuns, seed },
      );
      await sessions.close();
    });
  }

  const tricky: Record<string, unknown> = {
    "-0": -0,
    "-0 inside": [{ n: -0 }, 0],
    "the smallest number": 5e-324,
    "the largest number": Number.MAX_VALUE,
    "a lone surrogate": "\ud800x\udfff",
    "a NUL and line separators": "\0\u2028\u2029\n",
    "an empty key": { "": { "": 0 } },
    "the same object twice": (() => {
      const twin = { a: 1 };
      return [twin, twin];
    })(),
    "an object without prototype": Object.assign(Object.create(null), { a: 1 }),
    "a frozen object": Object.freeze({ a: Object.freeze([1]) }),
    "64 levels": nest(64),
    "null": null,
    "an array of 10,000": Array.from({ length: 10_000 }, (_, i) => i),
  };
  for (const [what, value] of Object.entries(tricky)) {
    it(`SR-071 ${what} comes back equal`, async () => {
      const site = new Site();
      const visitor = await begin(site, { key: value });
      await visitor.visit((session) => {
        assert.deepEqual(JSON.stringify(session.get("key")), JSON.stringify(value));
        if (typeof value !== "object") assert.ok(Object.is(session.get("key"), value));
      });
    });
  }

  it("SR-071 -0 stays -0 at every depth", () => {
    const data = strictJson.decode(strictJson.encode({ a: [{ b: -0 }], c: -0, d: 0 }));
    assert.ok(Object.is((data["a"] as { b: number }[])[0]!.b, -0) && Object.is(data["c"], -0));
    assert.ok(Object.is(data["d"], 0));
  });

  it("SR-071 integer-like keys come first after a load, as JSON.parse has it", async () => {
    const visitor = await begin(new Site(), { b: 1, 10: 1, a: 1, 2: 1 });
    assert.deepEqual(Object.keys(await visitor.data()), ["2", "10", "b", "a"]);
  });
});

describe("the size limit", () => {
  it("SR-064 the limit is saved; one byte more is ERR_TOO_LARGE, and the data before stays", async () => {
    for (
      const [maxBytes, filler] of [[undefined, "x"], [200, "x"], [200, "\u20ac"], [200, "\u{1f600}"]] as const
    ) {
      const limit = maxBytes ?? 65_536;
      const site = new Site(maxBytes === undefined ? {} : { maxBytes });
      const visitor = await begin(site, { a: "before" });
      const overhead = '{"a":""}'.length;
      const unit = new TextEncoder().encode(filler).length;
      const room = limit - overhead;
      const exact = filler.repeat(Math.floor(room / unit)) + "x".repeat(room % unit);
      await fails(() => visitor.visit((session) => session.set("a", exact + "x")), "ERR_TOO_LARGE");
      assert.deepEqual(await visitor.data(), { a: "before" });
      const error = await fails(async () => {
        const session = await site.sessions.open(visitor.id);
        await session.set("a", exact + "x").save();
      }, "ERR_TOO_LARGE");
      assert.ok(error.message.includes(String(limit)), error.message);
      assert.equal((await visitor.visit((session) => session.set("a", exact))).status, 200);
      assert.deepEqual(await visitor.data(), { a: exact });
    }
  });

  it("SR-064 a new session that is too large makes no record and no cookie", async () => {
    const site = new Site({ maxBytes: 10 });
    const visitor = new Visitor(site);
    await fails(() => visitor.visit((session) => session.set("a", "x".repeat(10))), "ERR_TOO_LARGE");
    assert.equal(site.store.inner.size, 0);
    assert.equal(visitor.cookie, undefined);
  });

  it("SR-064 the limit counts what the codec made", async () => {
    const codec: Codec = {
      encode: (data) => strictJson.encode(data) + " ".repeat(50),
      decode: strictJson.decode,
    };
    const site = new Site({ maxBytes: 57, codec });
    const session = await site.sessions.open();
    await session.set("a", 1).save();
    await fails(() => session.set("a", 10).save(), "ERR_TOO_LARGE");
  });
});
