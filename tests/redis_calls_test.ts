import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RedisStore } from "../backends/redis.ts";
import {
  anns,
  fieldsOf,
  mine,
  missing,
  now,
  owned,
  plain,
  record,
  storeOf,
  sumOf,
} from "./redis_calls_rig.ts";
import { shaped } from "./redis_clients.ts";

describe("what RedisStore asks one server", () => {
  it("a create is one script with the record and its index", async () => {
    const { store, log, steps } = storeOf(() => ["yes"]);
    assert.equal(await store.create("k", record), log[0]!.token);
    assert.equal(await store.create("k", mine), log[1]!.token);
    assert.deepEqual(steps(), ["create p:k", `create p:k,${anns}`]);
    assert.deepEqual(log[0]!.args, ["1000", "", ...plain("k", log[0]!.token), "", ""]);
    assert.deepEqual(log[1]!.args, ["1000", "", ...owned("k", log[1]!.token), "", ""]);
    for (const told of ["no", "Yes", null]) {
      assert.equal(await storeOf(() => [told]).store.create("k", mine), undefined);
    }
  });

  it("a save is one script with the version", async () => {
    const { store, log, steps } = storeOf(() => ["yes", '"bob"', "entry"]);
    assert.equal(await store.save("k", record, "v"), log[0]!.token);
    assert.equal(await store.save("k", mine, "v"), log[1]!.token);
    assert.deepEqual(steps(), ["save p:k", `save p:k,${anns}`]);
    assert.deepEqual(log[0]!.args, ["v", ...plain("k", log[0]!.token), "", ""]);
    assert.deepEqual(log[1]!.args, ["v", ...owned("k", log[1]!.token), "", ""]);
    const not = storeOf(() => ["no"]);
    assert.equal(await not.store.save("k", mine, "v"), undefined);
    assert.equal(not.log.length, 1);
  });

  it("a rotation is one script over both keys", async () => {
    const { store, log, steps } = storeOf(() => ["yes"]);
    assert.equal(await store.rotate("a", "b", record, "v"), log[0]!.token);
    assert.equal(await store.rotate("a", "b", mine, "v"), log[1]!.token);
    assert.deepEqual(steps(), ["rotate p:a,p:b", `rotate p:a,p:b,${anns}`]);
    assert.deepEqual(log[1]!.args, ["1000", "v", ...owned("b", log[1]!.token), "a"]);
    assert.equal(await storeOf(() => ["no"]).store.rotate("a", "b", mine, "v"), undefined);
  });

  it("a removal is one script, and tells whether there was something", async () => {
    const { store, log, steps } = storeOf(() => ["yes", '"ann"', "entry"]);
    assert.equal(await store.delete("k"), true);
    assert.deepEqual(steps(), ["remove p:k"]);
    assert.deepEqual(log[0]!.args, ["k", ""]);
    assert.equal(await storeOf(() => ["no"]).store.delete("k"), false);
  });

  it("a touch is one script, and tells whether there was a record", async () => {
    const { store, log, steps } = storeOf(() => ["yes"]);
    assert.equal(await store.touch("k", 7, 3000.5), true);
    assert.deepEqual(steps(), ["touch p:k"]);
    assert.deepEqual(log[0]!.args, ["k", "7", "3000.5", sumOf("k", 7, 3000.5), "2001", "", ""]);
    assert.equal(await storeOf(() => ["no"]).store.touch("k", 7, 3000), false);
  });

  it("a life is a whole number of milliseconds from 0 on", async () => {
    const { store, log } = storeOf(() => ["yes"]);
    const ends = [now - 5, now, now + 0.1, now + 1];
    for (const end of ends) await store.touch("k", 1, end);
    const lives = log.map((one) => one.args[4]);
    assert.deepEqual(lives, ["0", "0", "1", "1"]);
  });

  it("an instant that is none is refused before anything is asked", async () => {
    const { store, log } = storeOf(() => ["yes"]);
    await assert.rejects(store.touch("k", NaN, 1), /touchedAt/);
    await assert.rejects(store.touch("k", 1, NaN), /expiresAt/);
    const { createdAt: _, ...rest } = record;
    await assert.rejects(store.create("k", { ...rest, createdAt: NaN }), RangeError);
    await assert.rejects(store.save("k", { ...rest, createdAt: NaN }, "v"), RangeError);
    await assert.rejects(store.rotate("k", "l", { ...rest, createdAt: NaN }, "v"), RangeError);
    assert.throws(() => store.clearExpired(NaN, 1), RangeError);
    assert.equal(store.clearExpired(1, 1), 0);
    assert.equal(log.length, 0);
  });

  it("a load asks a script first, and then by a plain command", async () => {
    const { store, log, steps } = storeOf(({ keys: [key] }) => fieldsOf(key!.slice(2)));
    const found = { ...mine, version: "v" };
    assert.deepEqual(await store.load("k"), found);
    assert.deepEqual(await store.load("k"), found);
    assert.deepEqual(steps(), ["load p:k", "HMGET p:k"]);
    assert.deepEqual(log[0]!.args, []);
    assert.deepEqual(log[1]!.args, [..."fkvdcteuszp"]);
  });

  it("a record that is not there, or on its way, is none", async () => {
    assert.equal(await storeOf(() => missing).store.load("k"), undefined);
    assert.equal(await storeOf(() => fieldsOf("k", { pending: "1" })).store.load("k"), undefined);
  });

  it("SR-050 what a script cannot read is damaged, any other trouble is not", async () => {
    for (
      const [reply, code] of [["WRONGTYPE key", "ERR_DAMAGED"], ["ERR WRONGTYPES", "ERR_STORE"]] as const
    ) {
      const { store } = storeOf(() => Promise.reject(new Error(reply)));
      await assert.rejects(store.load("k"), { code });
    }
    const { store } = storeOf(() => Promise.reject(new Error("WRONGTYPE key")));
    await assert.rejects(
      store.load("k"),
      (error: Error) => (error.cause as Error).message === "WRONGTYPE key",
    );
  });

  it("a plain answer that is not the live record under the key is not believed", async () => {
    for (const answer of [fieldsOf("other"), fieldsOf("k", { pending: "1" }), missing, null]) {
      const { store, steps } = storeOf(({ command }) => command === "HMGET" ? answer : fieldsOf("k"));
      await store.load("k");
      assert.deepEqual(await store.load("k"), { ...mine, version: "v" });
      assert.deepEqual(steps(), ["load p:k", "HMGET p:k", "load p:k"]);
    }
  });

  it("a list holds the user's records without their versions, and no other", async () => {
    const { store, log } = storeOf(({ script, keys: [at] }) => {
      const key = at!.slice(2);
      if (script === "members") return [["a", "b", "gone", "bob", "damaged"]];
      if (key === "gone") return missing;
      if (key === "damaged") return ["", ...missing.slice(1)];
      return fieldsOf(key, key === "bob" ? { user: '"bob"' } : {});
    });
    assert.deepEqual(await store.list("ann"), [{ key: "a", record: mine }, { key: "b", record: mine }]);
    assert.deepEqual([log[0]!.script, ...log[0]!.keys], ["members", anns]);
    const troubled = storeOf(({ script }) =>
      script === "members" ? [["a"]] : Promise.reject(new Error("ERR broken"))
    );
    await assert.rejects(troubled.store.list("ann"), { code: "ERR_STORE" });
  });

  it("SR-050 a record of a newer format fails the list, which would not be whole", async () => {
    const { store } = storeOf(({ script }) => script === "members" ? [["a"]] : ["3", ...missing.slice(1)]);
    await assert.rejects(store.list("ann"), { code: "ERR_STORE", message: /format 3/ });
  });

  it("a long list is read by 64 at a time", async () => {
    let open = 0, most = 0;
    const keys = Array.from({ length: 130 }, (_, i) => `k${i}`);
    const { store, log } = storeOf(async ({ script, keys: [at] }) => {
      if (script === "members") return [keys];
      most = Math.max(most, ++open);
      await new Promise((resolve) => setImmediate(resolve));
      open--;
      return fieldsOf(at!.slice(2));
    });
    const found = await store.list("ann");
    assert.deepEqual(found.map((one) => one.key), keys);
    assert.deepEqual([most, log.length], [64, 131]);
  });

  it("stats go from step to step until the first one comes again", async () => {
    const steps = [
      ["7", ["a", ...fieldsOf("a")]],
      ["9", []],
      ["0", ["b", ...fieldsOf("a"), "c", "", ...missing.slice(1), "d", ...fieldsOf("d", { pending: "1" })]],
    ];
    const { store, log } = storeOf(() => steps.shift()!);
    assert.deepEqual(await store.stats(1000, [5]), {
      live: 1,
      expired: 0,
      damaged: 2,
      bytes: 2,
      oldest: 1,
      newest: 1,
      ages: [0, 1],
    });
    assert.deepEqual(log.map(({ script, keys, args }) => [script, ...keys, ...args]), [
      ["page", "p:", "0"],
      ["page", "p:", "7"],
      ["page", "p:", "9"],
    ]);
  });

  it("closing does nothing to the client", async () => {
    const { store, log } = storeOf(() => missing);
    assert.equal(await store.close(), undefined);
    assert.equal(await store[Symbol.asyncDispose](), undefined);
    assert.equal(await store.load("k"), undefined);
    assert.equal(log.length, 1);
  });

  it("disposing of it is closing it", async () => {
    let isClosed = false;
    class Own extends RedisStore {
      override async close() {
        await new Promise((resolve) => setImmediate(resolve));
        isClosed = true;
      }
    }
    await new Own(shaped(() => Promise.resolve(null)))[Symbol.asyncDispose]();
    assert.equal(isClosed, true);
  });
});
