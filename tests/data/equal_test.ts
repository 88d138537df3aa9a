/** What a codec of somebody else's does not give back equal is refused when it is set, and what it does give back is taken. */

import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import v8 from "node:v8";
import { MemoryStore } from "../../backends/memory.ts";
import { type Codec, createSessions, type Session, SessionError } from "../../mod.ts";
import { difference } from "../../src/data/equal.ts";
import { begin, Site as Staged } from "../support/commit_rig.ts";
import { overEveryStore } from "../support/every_store.ts";

const secrets = [Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 1)];
const json: Codec = { encode: (data) => JSON.stringify(data), decode: (text) => JSON.parse(text) };

/** The codec of the documentation, which knows dates. */
const dates: Codec = {
  encode: (data) =>
    JSON.stringify(data, function (key) {
      const value = this[key];
      return value instanceof Date ? { $date: value.getTime() } : value;
    }),
  decode: (text) =>
    JSON.parse(text, (_, value) => value?.$date === undefined ? value : new Date(value.$date)),
};

/** The structured clone of the runtime as text: maps, sets, dates, bytes, cycles and all. */
const clones: Codec = {
  encode: (data) => v8.serialize(data).toString("base64"),
  decode: (text) => v8.deserialize(Buffer.from(text, "base64")),
};

class Point {
  readonly x: number = 1;
}

/** Values that JSON changes or drops, and where. */
const lost: Record<string, [value: unknown, path: string, words: string]> = {
  "a Map": [new Map([["a", 1]]), "v", "as Object, not as Map"],
  "an empty Map": [new Map(), "v", "as Object, not as Map"],
  "a Set inside": [{ tags: [new Set(["a"])] }, "v.tags[0]", "as Object, not as Set"],
  "a Date inside": [{ "at last": { when: new Date(5) } }, 'v["at last"].when', "as string, not as Date"],
  "NaN": [NaN, "v", "as null, not as number"],
  "Infinity inside": [[1, Infinity], "v[1]", "as null, not as number"],
  "-0": [-0, "v", "as another number"],
  "undefined inside": [{ a: 1, b: undefined }, "v.b", "leaves it out"],
  "undefined in a list": [[undefined], "v[0]", "as null, not as undefined"],
  "a function inside": [{ a: 1, f() {} }, "v.f", "leaves it out"],
  "a symbol as a key": [{ [Symbol("s")]: 1 }, 'v["Symbol(s)"]', "leaves it out"],
  "bytes": [new Uint8Array([1, 2]), "v", "as Object, not as Uint8Array"],
  "a class instance": [[new Point()], "v[0]", "as Object, not as Point"],
  "a pattern": [/a/, "v", "as Object, not as RegExp"],
  "an error": [new TypeError("no"), "v", "as Object, not as TypeError"],
  "an address": [new URL("https://a.b/"), "v", "as string, not as URL"],
  "a boxed string": [Object("s"), "v", "as string, not as String"],
  "a sparse list": [Object.assign(new Array(2), { 1: 1 }), "v", "as another Array"],
  "a property of a list": [Object.assign([1], { extra: 1 }), "v[extra]", "leaves it out"],
  "a hidden property": [Object.defineProperty({ a: 1 }, "h", { value: 1 }), "v.h", "leaves it out"],
  "what toJSON hides": [{ secret: 1, toJSON: () => ({}) }, "v.secret", "leaves it out"],
};

/** Values that a structured clone gives back, and JSON would not. */
const kept: Record<string, () => unknown> = {
  "a Map in a Map": () => new Map<unknown, unknown>([["a", new Map([[1, new Date(5)]])], [{ k: 1 }, 2]]),
  "Sets": () => [new Set(), new Set([1, "é", { a: 1 }])],
  "dates": () => ({ at: new Date(5), never: new Date(NaN) }),
  "numbers": () => [NaN, -0, Infinity, 2n ** 70n],
  "undefined": () => ({ a: undefined, b: [undefined] }),
  "bytes": () => [new Uint8Array([1, 2]), new Uint8Array([3]).buffer, new Float64Array([NaN, -0])],
  "a pattern": () => /a/giu,
  "itself": () => {
    const value: Record<string, unknown> = { a: [1] };
    value["self"] = value;
    value["again"] = value["a"];
    return value;
  },
  "text": () => "Grüße \u{1f98a}",
};

const refusal = (path: string, words: string) => (error: unknown) => {
  assert.ok(error instanceof SessionError, String(error));
  assert.equal(error.code, "ERR_SERIALIZE");
  assert.ok(
    error.message.startsWith(`Cannot store the value at "${path}": the codec`),
    error.message,
  );
  assert.ok(error.message.includes(words), error.message);
  return true;
};

/** The ways to set a value. */
const ways: Record<string, (session: Session, value: unknown) => unknown> = {
  set: (session, value) => session.set("v", value),
  assign: (session, value) => session.assign({ first: 1, v: value }),
  setDefault: (session, value) => session.setDefault("v", value),
  update: (session, value) => session.update("v", () => value),
};

describe("with a codec that loses it", () => {
  for (const [what, [value, path, words]] of Object.entries(lost)) {
    for (const [way, put] of Object.entries(ways)) {
      it(`SR-071 ${what} is refused by ${way}, with its place, and nothing changes`, async () => {
        const session = await createSessions({ store: new MemoryStore(), secrets, codec: json }).open();
        assert.throws(() => put(session, value), refusal(path, words));
        assert.deepEqual([session.size, session.modified], [0, false]);
      });
    }
  }

  it("SR-071 the codec of the documentation keeps dates, and a Map no longer becomes {}", async () => {
    const session = await createSessions({ store: new MemoryStore(), secrets, codec: dates }).open();
    session.set("v", [new Date(5)]);
    assert.throws(() => session.set("v", { seen: new Map() }), refusal("v.seen", "as Object, not as Map"));
    assert.throws(() => session.set("v", { $date: 5 }), refusal("v", "as Date, not as Object"));
    assert.deepEqual(session.get("v"), [new Date(5)]);
  });

  it("SR-071 text that it takes for something else is refused", async () => {
    const codec: Codec = {
      ...json,
      decode: (text) => JSON.parse(text, (_, value) => /^\d{4}-/.test(value) ? new Date(value) : value),
    };
    const session = await createSessions({ store: new MemoryStore(), secrets, codec }).open();
    assert.throws(() => session.set("v", "2027-01-15"), refusal("v", "as Date, not as string"));
    session.set("v", "on 2027-01-15");
  });

  it("SR-071 no message shows the data", async () => {
    const session = await createSessions({ store: new MemoryStore(), secrets, codec: json }).open();
    for (const value of [new Set(["hunter2"]), new URL("https://hunter2/"), [NaN, "hunter2"]]) {
      assert.throws(() => session.set("v", value), ({ message }) => !message.includes("hunter2"));
    }
  });

  for (
    const [what, decode] of Object.entries({
      "throws": () => {
        throw new Error("hunter2");
      },
      "answers nothing": () => undefined,
      "answers another key": () => ({ other: 1 }),
    } as Record<string, () => unknown>)
  ) {
    it(`SR-071 a decode that ${what} makes the value one that cannot be stored`, async () => {
      const codec = { ...json, decode: decode as Codec["decode"] };
      const session = await createSessions({ store: new MemoryStore(), secrets, codec }).open();
      assert.throws(() => session.set("v", 1), (error: SessionError) => {
        assert.equal(error.code, "ERR_SERIALIZE");
        assert.match(error.message, /^Cannot store the value at "v": the codec/);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      });
    });
  }

  it("SR-071 a value made anew from what others saved is looked at, too", async () => {
    const site = new Staged(undefined, { codec: json });
    const browser = await begin(site, { n: 1 });
    const other = browser.twin(site.other());
    const answer = browser.visit(async (session) => {
      session.update("n", (n) => n === 1 ? 2 : NaN);
      await other.visit((session) => void session.set("n", 5));
    });
    await assert.rejects(answer, refusal("n", "as null, not as number"));
    assert.deepEqual(await site.stored(await browser.id()), { n: 5 });
  });

  it("reading costs no look, and what is read and left alone is no change", async () => {
    let decoded = 0;
    const codec: Codec = { ...json, decode: (text) => (decoded++, JSON.parse(text)) };
    const site = new Staged(undefined, { codec });
    const browser = await begin(site, { v: { a: [1] } });
    decoded = 0;
    await browser.visit((session) => session.get("v").a.length);
    assert.equal(decoded, 1);
    assert.deepEqual(site.store.taken(), { load: 1 });
  });
});

overEveryStore("a codec of somebody else's", (site) => {
  it("SR-071 a change inside an object that would be lost is refused at the commit, and what was stored stays", async () => {
    const sessions = site.make({ codec: json });
    const browser = await site.begin({ cart: { items: [1] } }, sessions);
    await assert.rejects(
      browser.visit((session) => session.get("cart").items.push({ until: new Date(5) }), { sessions }),
      refusal("cart.items[1].until", "as string, not as Date"),
    );
    assert.deepEqual(await browser.data({ sessions }), { cart: { items: [1] } });
  });

  it("SR-071 what a structured clone gives back is kept", async () => {
    const sessions = site.make({ codec: clones, maxBytes: 65_536 });
    for (const [what, make] of Object.entries(kept)) {
      const browser = await site.begin({ v: make() }, sessions);
      await browser.see((session) => {
        assert.deepEqual(session.get("v"), make(), what);
        session.update("v", () => [make()]);
      }, { sessions });
      assert.deepEqual(await browser.data({ sessions }), { v: [make()] }, what);
    }
  });
});

describe("two values are equal", () => {
  const same: Record<string, [unknown, unknown]> = {
    "whatever the order of the keys": [{ a: 1, b: 2 }, { b: 2, a: 1 }],
    "with or without a prototype": [Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    "maps and sets in another order": [[new Map([[1, 2], [3, 4]]), new Set([1, 2])], [
      new Map([[3, 4], [1, 2]]),
      new Set([2, 1]),
    ]],
    "a Buffer and its bytes": [Buffer.from([1, 2]), new Uint8Array([1, 2])],
    "errors but for their stacks": [new TypeError("a", { cause: 1 }), new TypeError("a", { cause: 1 })],
  };
  for (const [what, [before, after]] of Object.entries(same)) {
    it(what, () => assert.equal(difference(before, after, "v"), undefined));
  }

  const others: Record<string, [before: unknown, after: unknown, path: string]> = {
    "not with a key more": [{ a: 1 }, { a: 1, b: undefined }, "v"],
    "not with another key": [{ a: undefined }, { b: undefined }, "v"],
    "not with an entry less": [new Map([["a", 1], ["b", 2]]), new Map([["a", 1]]), 'v.get("b")'],
    "not with an entry more": [new Map([["a", 1]]), new Map([["a", 1], ["b", 2]]), "v"],
    "not with another value in a Map": [new Map([[1, { a: 1 }]]), new Map([[1, { a: 2 }]]), "v.get(1).a"],
    "not with another object as a key": [new Map([[{ a: 1 }, 1]]), new Map([[{ a: 2 }, 1]]), "v.get(…).a"],
    "not with another member of a Set": [new Set([1]), new Set(["1"]), "v.get(1)"],
    "not with other bytes": [new Uint8Array([1, 2]).buffer, new Uint8Array([1, 3]).buffer, "v"],
    "not with fewer bytes": [new Uint8Array([1, 2]), new Uint8Array([1]), "v"],
    "not with bytes of another kind": [new Uint8Array([1]), new Int8Array([1]), "v"],
    "not a millisecond apart": [new Date(5), new Date(6), "v"],
    "not with another pattern": [/a/g, /a/, "v"],
    "not with another cause": [new Error("a", { cause: 1 }), new Error("a"), "v.cause"],
    "not a list and an object": [[1], { 0: 1, length: 1 }, "v"],
    "not with an accident of a list": [[1, 2], [1, 3], "v[1]"],
    "never with a function": [Math.max, Math.max, "v"],
  };
  for (const [what, [before, after, path]] of Object.entries(others)) {
    it(what, () => assert.equal(difference(before, after, "v")?.path, path));
  }
});
