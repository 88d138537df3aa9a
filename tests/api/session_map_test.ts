/** The members of a session that it shares with a `Map`, next to what Django's do. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Session } from "../../mod.ts";
import { begin, fails, seed, Site } from "../support/fault_rig.ts";

async function fresh(data: Record<string, unknown> = {}): Promise<Session> {
  return (await new Site().sessions.open()).assign(data);
}

describe("the map", () => {
  it("get gives the value, the fallback, or undefined", async () => {
    const session = await fresh({ a: 1, zero: 0, no: false, nil: null, empty: "" });
    assert.equal(session.get("a"), 1);
    assert.equal(session.get("a", 9), 1);
    assert.equal(session.get("b"), undefined);
    assert.equal(session.get("b", 9), 9);
    assert.equal(session.get("b", undefined), undefined);
    for (const key of ["zero", "no", "nil", "empty"]) assert.notEqual(session.get(key, 9), 9);
    assert.equal(session.size, 5);
  });

  it("get never throws, whatever the key", async () => {
    const session = await fresh();
    for (const key of ["", "\0", "\ud800", "x".repeat(10_000), "__proto__", 5, null, undefined, {}]) {
      assert.equal(session.get(key as string), undefined);
    }
  });

  it("set answers the session, has and delete answer booleans", async () => {
    const session = await fresh();
    assert.equal(session.set("a", 1).set("b", null), session);
    assert.deepEqual([session.has("a"), session.has("b"), session.has("c")], [true, true, false]);
    assert.deepEqual([session.delete("a"), session.delete("a")], [true, false]);
    assert.equal(session.has("a"), false);
  });

  it("refuses keys that are no strings", async () => {
    const session = await fresh();
    for (const key of [1, null, undefined, Symbol("x"), {}]) {
      assert.throws(() => session.set(key as string, 1), TypeError);
      assert.throws(() => session.setDefault(key as string, 1), TypeError);
      assert.throws(() => session.update(key as string, () => 1), TypeError);
    }
    assert.equal(session.size, 0);
  });

  it("refuses undefined, and says what to do instead", async () => {
    const session = await fresh();
    const code = "ERR_SERIALIZE";
    for (const set of [session.set, session.setDefault]) {
      assert.throws(() => set.call(session, "a", undefined), { code, message: /undefined; use delete/ });
    }
    assert.throws(() => session.assign({ a: undefined }), { code, message: /undefined; use delete/ });
    assert.equal(session.size, 0);
  });

  it("clear is a change where there is a value, a user or a note, and none where there is nothing", async () => {
    const nothing = await fresh();
    nothing.clear();
    assert.equal(nothing.modified, false);
    const things: ((session: Session) => unknown)[] = [
      (session) => session.set("a", 1),
      (session) => session.login("ada"),
      (session) => session.setExpiry(60),
    ];
    for (const set of things) {
      const { sessions } = new Site();
      const first = (await sessions.open()).set("gone", 1);
      await first.save();
      set(first.set("gone", 2));
      first.delete("gone");
      await first.save();
      const session = await sessions.open(first.id);
      session.clear();
      assert.equal(session.modified, true);
    }
  });

  it("pop reads once", async () => {
    const visitor = await begin(new Site(), { flash: "saved!", other: 1 });
    await visitor.visit((session) => {
      assert.equal(session.pop("flash"), "saved!");
      assert.equal(session.pop("flash"), undefined);
      assert.equal(session.pop("flash", "none"), "none");
      assert.equal(session.pop("other", 9), 1);
    });
    assert.deepEqual(await visitor.data(), {});
  });

  it("setDefault sets only what is missing, and answers what is there", async () => {
    const session = await fresh({ a: 1, nil: null });
    assert.equal(session.setDefault("a", 2), 1);
    assert.equal(session.setDefault("nil", 2), null);
    assert.equal(session.setDefault("b", 2), 2);
    assert.deepEqual({ ...session.toObject() }, { a: 1, nil: null, b: 2 });
  });

  it("update makes the value from the current one; undefined removes the key", async () => {
    const session = await fresh({ n: 1 });
    assert.equal(session.update("n", (n) => n + 1), 2);
    assert.equal(session.update("fresh", (n) => n === undefined ? "none" : "some"), "none");
    assert.equal(session.update("n", () => undefined), undefined);
    assert.equal(session.update("never", () => undefined), undefined);
    assert.deepEqual([...session.keys()], ["fresh"]);
  });

  it("update refuses a promise and what is no function, and changes nothing", async () => {
    const session = await fresh({ n: 1 });
    const asynchronous = [
      () => Promise.resolve(2),
      () => Promise.reject(new Error("x")),
      () => ({ then() {} }),
    ];
    for (const make of asynchronous) {
      assert.throws(() => session.update("n", make), { name: "TypeError", message: /must be synchronous/ });
    }
    for (const make of [2, undefined, null, {}]) {
      assert.throws(() => session.update("n", make as never), {
        name: "TypeError",
        message: `Cannot update "n": expected a function: received ${typeof make}`,
      });
    }
    assert.throws(() =>
      session.update("n", () => {
        throw new RangeError("mine");
      }), /mine/);
    assert.equal(session.get("n"), 1);
  });

  it("update that fails does not half-apply what it did inside a value that was handed to it", async () => {
    const site = new Site();
    const visitor = await begin(site, { list: [1] });
    await visitor.visit(async (session) => {
      await fails(() => session.update("list", () => [NaN]), "ERR_SERIALIZE");
      assert.deepEqual(session.get("list"), [1]);
    });
    assert.deepEqual(site.store.taken(), ["load"]);
  });

  it("assign sets several, all or none, and answers the session", async () => {
    const session = await fresh({ a: 1 });
    assert.equal(session.assign({ a: 2, b: 3 }), session);
    await fails(() => session.assign({ a: 9, c: NaN, d: 1 }), "ERR_SERIALIZE");
    assert.deepEqual({ ...session.toObject() }, { a: 2, b: 3 });
    session.assign({});
    assert.equal(session.size, 2);
  });

  it("keys, values, entries, iteration, size and toObject agree, in the order of insertion", async () => {
    const session = await fresh({ b: 1, a: { deep: 2 } });
    session.set("c", 3).set("b", 4);
    assert.deepEqual([...session.keys()], ["b", "a", "c"]);
    assert.deepEqual([...session.values()], [4, { deep: 2 }, 3]);
    assert.deepEqual([...session.entries()], [...session]);
    assert.deepEqual([...session], [["b", 4], ["a", { deep: 2 }], ["c", 3]]);
    assert.equal(session.size, 3);
    assert.deepEqual(Object.entries(session.toObject()), [...session]);
    assert.deepEqual(new Map(session), new Map<string, unknown>([["b", 4], ["a", { deep: 2 }], ["c", 3]]));
  });

  it("toObject is the caller's own: adding to it changes nothing", async () => {
    const session = await fresh({ a: 1 });
    const object = session.toObject();
    object["b"] = 2;
    delete object["a"];
    assert.deepEqual([...session], [["a", 1]]);
  });

  it("behaves like a Map under 500 random histories, also across requests", async () => {
    console.log(`session as a map: SOJOURN_SEED=${seed}`);
    const key = fc.constantFrom("a", "b", "c", "__proto__", "1");
    const value = fc.jsonValue({ maxDepth: 2 });
    const step = fc.oneof(
      fc.record({ type: fc.constant("set" as const), key, value }),
      fc.record({ type: fc.constantFrom("delete" as const, "pop" as const, "next" as const), key }),
      fc.record({ type: fc.constantFrom("setDefault" as const, "update" as const), key, value }),
      fc.record({ type: fc.constant("clear" as const), key }),
    );
    const { sessions } = new Site();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        let session = await sessions.open();
        const model = new Map<string, unknown>();
        for (const step of steps) {
          const { type, key } = step;
          if (type === "set") session.set(key, step.value), model.set(key, step.value);
          else if (type === "delete") assert.equal(session.delete(key), model.delete(key));
          else if (type === "clear") session.clear(), model.clear();
          else if (type === "pop") assert.deepEqual(session.pop(key), model.get(key)), model.delete(key);
          else if (type === "setDefault") {
            if (!model.has(key)) model.set(key, step.value);
            assert.deepEqual(session.setDefault(key, step.value), model.get(key));
          } else if (type === "update") {
            session.update(key, (old: unknown) => [old ?? null, step.value]);
            model.set(key, [model.get(key) ?? null, step.value]);
          } else {
            await session.save();
            session = await sessions.open(session.id);
          }
          assert.equal(session.size, model.size);
          assert.equal(session.isEmpty, model.size === 0);
        }
        const sorted = (entries: Iterable<[string, unknown]>) =>
          [...entries].sort(([a], [b]) => a < b ? -1 : 1);
        assert.deepEqual(sorted(session), sorted(model));
      }),
      { numRuns: 500, seed },
    );
  });
});
