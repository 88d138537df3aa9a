import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import { type Codec, createSessions } from "../../mod.ts";
import { storageKey } from "../../src/crypto/session_id.ts";
import { ParsedValues, toPlain } from "../../src/data/values.ts";

const secrets = ["a secret for the tests of values"];
const parsed = (text: string) => new ParsedValues(JSON.parse(text));

/** A session whose record somebody has filled with this text, and the text that is there. */
async function filled(text: string) {
  const store = new MemoryStore();
  const sessions = createSessions({ store, secrets });
  const first = await sessions.open();
  await first.set("n", 1).save();
  const key = await storageKey(first.id!);
  const record = store.load(key)!;
  store.save(key, { ...record, data: text }, record.version);
  return { session: await sessions.open(first.id), data: () => store.load(key)!.data };
}

describe("values that were parsed", () => {
  it("SR-072 __proto__, constructor and numbers are keys like others, before and after it is a map", () => {
    const text = '{"a":1,"__proto__":{"admin":true},"constructor":2}';
    for (const touch of [(_: ParsedValues) => {}, (values: ParsedValues) => values.delete("none")]) {
      const values = parsed(text);
      touch(values);
      assert.deepEqual(values.get("__proto__"), { admin: true });
      assert.equal(values.get("constructor"), 2);
      assert.equal(values.get("toString"), undefined);
      assert.equal(values.has("toString"), false);
      assert.equal(values.get("admin"), undefined);
      values.set("__proto__", 7);
      assert.equal(values.get("__proto__"), 7);
      assert.equal(JSON.stringify(values.plain), '{"a":1,"__proto__":7,"constructor":2}');
    }
    const values = parsed("{}");
    values.set("__proto__", { admin: true });
    assert.equal(values.get("admin"), undefined);
    assert.equal(JSON.stringify(values.plain), '{"__proto__":{"admin":true}}');
  });

  it("tell of a key that is deleted whether it was there", () => {
    const values = parsed('{"a":1,"b":2}');
    assert.deepEqual([values.delete("none"), values.delete("a"), values.delete("a")], [false, true, false]);
    assert.deepEqual([...values], [["b", 2]]);
  });

  it("SR-072 become an ordinary object, or one without prototype for a value named __proto__", () => {
    const plain = toPlain(new Map([["a", 1], ["constructor", 2]]));
    assert.equal(Object.getPrototypeOf(plain), Object.prototype);
    assert.equal(JSON.stringify(plain), '{"a":1,"constructor":2}');
    const other = toPlain(new Map<string, unknown>([["__proto__", { admin: true }], ["a", 1]]));
    assert.equal(Object.getPrototypeOf(other), null);
    assert.equal(JSON.stringify(other), '{"__proto__":{"admin":true},"a":1}');
  });

  it("new keys stand where they were set, also those that look like numbers", () => {
    const values = parsed('{"b":1,"a":2}');
    values.set("a", 3);
    assert.deepEqual([...values], [["b", 1], ["a", 3]]);
    values.set("7", 4);
    assert.deepEqual([...values.keys()], ["b", "a", "7"]);
    assert.deepEqual([...values.values()], [1, 3, 4]);
    assert.equal(values.size, 3);
    values.clear();
    assert.deepEqual([values.size, values.has("a"), values.get("a")], [0, false, undefined]);
  });

  it("SR-071 -0 stays -0 wherever it is, whatever else is written", async () => {
    const store = new MemoryStore();
    const sessions = createSessions({ store, secrets });
    const first = await sessions.open();
    first.assign({ deep: { list: [-0, 0] }, top: -0, n: 1 });
    await first.save();
    for (const write of ["n", "top", "other"]) {
      const session = await sessions.open(first.id);
      session.set(write, write === "top" ? -0 : 5);
      await session.save();
      const again = await sessions.open(first.id);
      assert.ok(Object.is(again.get("top"), -0));
      assert.ok(Object.is(again.get("deep").list[0], -0) && Object.is(again.get("deep").list[1], 0));
    }
    const session = await sessions.open(first.id);
    session.delete("deep");
    session.delete("top");
    session.update("n", () => -0);
    await session.save();
    assert.ok(Object.is((await sessions.open(first.id)).get("n"), -0));
  });

  it("SR-071 a -0 that is set where there was none stays -0", async () => {
    const sessions = createSessions({ store: new MemoryStore(), secrets });
    const first = await sessions.open();
    await first.set("n", 1).save();
    for (const change of ["set", "assign", "update"] as const) {
      const session = await sessions.open(first.id);
      if (change === "set") session.set("n", -0);
      else if (change === "assign") session.assign({ n: -0 });
      else session.update("n", () => -0);
      await session.save();
      assert.ok(Object.is((await sessions.open(first.id)).get("n"), -0), change);
      await session.set("n", 1).save();
    }
  });

  it("SR-071 what was put into a loaded session is looked at before it is written", async () => {
    const store = new MemoryStore();
    const sessions = createSessions({ store, secrets });
    const first = await sessions.open();
    first.assign({ list: [1], n: 1 });
    await first.save();
    const session = await sessions.open(first.id);
    session.get("list").push(new Date(0));
    await assert.rejects(session.save(), { code: "ERR_SERIALIZE" });
    session.get("list").pop();
    session.set("n", 2);
    await session.save();
    const [, other] = [session.set("n", 3), await sessions.open(first.id)];
    const bad: unknown[] = [];
    other.set("n", 9);
    await other.save();
    // The save finds another version, and makes the value once more: this time it cannot be carried.
    session.update("n", () => bad.length === 0 ? bad.push(1) : () => {});
    await assert.rejects(session.save(), { code: "ERR_SERIALIZE" });
  });

  it("SR-071 a number that no double holds is never saved as null or 0", async () => {
    for (const number of ["1e999", "9".repeat(320), "[1,-9e999]", "-1e-999", '{"a":-1E-400}']) {
      const text = `{"serial":${number},"n":1}`;
      const { session, data } = await filled(text);
      const saving = session.set("n", 2).save();
      if (number.startsWith("-1") || number.startsWith("{")) {
        await saving;
        assert.match(data(), /-0/);
      } else {
        await assert.rejects(saving, { code: "ERR_SERIALIZE" });
        assert.equal(data(), text);
      }
    }
  });

  it("SR-071 a number that no double holds can be put right within its object", async () => {
    const { session, data } = await filled(`{"list":[1e999]}`);
    session.get("list")[0] = 1;
    await session.save();
    assert.equal(data(), `{"list":[1]}`);
  });

  it("SR-050 what somebody has put on the prototype of all objects is no part of a session", async () => {
    const sessions = createSessions({ store: new MemoryStore(), secrets });
    const first = await sessions.open();
    await first.assign({ a: "x".repeat(200), b: { c: [{}] } }).save();
    Object.defineProperty(Object.prototype, "planted", { value: {}, enumerable: true, configurable: true });
    try {
      assert.equal((await sessions.open(first.id)).get("a").length, 200);
    } finally {
      delete (Object.prototype as { planted?: unknown }).planted;
    }
  });

  it("a function that fails in an update is what is told, whatever it did to the session before", async () => {
    const sessions = createSessions({ store: new MemoryStore(), secrets });
    const session = await sessions.open();
    for (const undo of [() => session.delete("list"), () => session.clear()]) {
      session.set("list", [1]);
      assert.throws(
        () =>
          session.update("list", () => {
            undo();
            throw new RangeError("its own");
          }),
        { message: "its own" },
      );
      assert.equal(session.has("list"), false);
    }
  });

  it("an object that a codec of somebody else's keeps is not changed", async () => {
    const kept = new Map<string, Record<string, unknown>>();
    const decode = (text: string) => {
      const object = kept.get(text) ?? JSON.parse(text);
      kept.set(text, object);
      return object;
    };
    const codec: Codec = { encode: JSON.stringify, decode };
    const sessions = createSessions({ store: new MemoryStore(), secrets, codec });
    const first = await sessions.open();
    first.set("n", 1);
    await first.save();
    const session = await sessions.open(first.id);
    session.set("n", 2);
    await session.save();
    assert.equal((await sessions.open(first.id)).get("n"), 2);
    assert.ok(kept.has('{"n":1}') && kept.has('{"n":2}'));
    for (const [text, object] of kept) assert.deepEqual(object, JSON.parse(text));
  });
});
