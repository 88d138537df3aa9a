import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RedisStore } from "../../../backends/redis.ts";
import {
  anns,
  ends,
  k,
  keyOf,
  mark,
  mine,
  mineListed,
  moved,
  now,
  parts,
  record,
  storeOf,
  textOf,
  v,
} from "../../support/redis/calls_rig.ts";
import { shaped } from "../../support/redis/clients.ts";

describe("what RedisStore asks one server", () => {
  it("a create is one script with the record", async () => {
    const { store, log, steps } = storeOf(() => ["yes"]);
    assert.equal(await store.create(k, record), log[0]!.token);
    assert.equal(await store.create(k, mine), log[1]!.token);
    assert.deepEqual(steps(), ["create p:k", "create p:k"]);
    assert.deepEqual(log[0]!.args, ["1000", ...parts(record, log[0]!.token), "4001", "", "0"]);
    assert.deepEqual(log[1]!.args, ["1000", ...parts(mine, log[1]!.token), "4001", "", "0"]);
    for (const told of ["no", "Yes", null]) {
      assert.equal(await storeOf(() => [told]).store.create(k, mine), undefined);
    }
  });

  it("a save, a rotation too, is one script with the version", async () => {
    const { store, log, steps } = storeOf(() => ["yes", '"bob"', "entry"]);
    assert.equal(await store.save(k, record, "v"), log[0]!.token);
    assert.equal(await store.save(k, mine, "v"), log[1]!.token);
    assert.deepEqual(steps(), ["save p:k", "save p:k"]);
    assert.deepEqual(log[0]!.args, ["v", ...parts(record, log[0]!.token), ends, "4001", "", "0"]);
    assert.deepEqual(log[1]!.args, ["v", ...parts(mine, log[1]!.token), ends, "4001", "", "0"]);
    const not = storeOf(() => ["no"]);
    assert.equal(await not.store.save(k, mine, "v"), undefined);
    assert.equal(not.log.length, 1);
  });

  it("a removal is one script, and tells whether there was something", async () => {
    const { store, log, steps } = storeOf(() => ["yes", '"ann"', "entry"]);
    assert.equal(await store.delete(k), true);
    assert.deepEqual(steps(), ["remove p:k"]);
    // The mark stays for a write's time, which is two seconds, and one more
    const window = Number(log[0]!.args[0]);
    assert.ok(window > 2900 && window <= 3001, `${window}`);
    assert.equal(await storeOf(() => ["no"]).store.delete(k), false);
  });

  it("a touch is one script with the version, and tells whether there was such a record", async () => {
    const { store, log, steps } = storeOf(() => ["yes"]);
    assert.equal(await store.touch(k, 7, 3000.5, "v"), true);
    assert.deepEqual(steps(), ["touch p:k"]);
    assert.deepEqual(log[0]!.args, ["v", ...moved(7, 3000.5, "2001"), "", "0"]);
    assert.equal(await storeOf(() => ["no"]).store.touch(k, 7, 3000, "v"), false);
    await assert.rejects(storeOf(() => ["damaged"]).store.touch(k, 7, 3000, "v"), { code: "ERR_DAMAGED" });
  });

  it("a touch of which one instant is later goes again with the two as they have to be", async () => {
    const { store, log, steps } = storeOf((_, n) => n === 1 ? ["other", "7", "4000.5"] : ["yes"]);
    assert.equal(await store.touch(k, 7, 3000, "v"), true);
    assert.deepEqual(steps(), ["touch p:k", "touch p:k"]);
    assert.deepEqual(log[1]!.args, ["v", ...moved(7, 4000.5, "3001"), "", "0"]);
  });

  it("a life is a whole number of milliseconds from 0 on, and of no more than 16 digits with a quarter more", async () => {
    const { store, log } = storeOf(() => ["yes"]);
    const ends = [now - 5, now, now + 0.1, now + 1, 7e15 + now - 1, 7e15 + now + 1, Number.MAX_SAFE_INTEGER];
    for (const end of ends) await store.touch(k, 1, end, "v");
    const lives = log.map((one) => one.args[5]);
    assert.deepEqual(lives, ["0", "0", "1", "1", String(7e15 - 1), String(7e15), String(7e15)]);
  });

  it("an instant or a limit that is none is refused before anything is asked", async () => {
    const { store, log } = storeOf(() => ["yes"]);
    await assert.rejects(store.touch(k, NaN, 1, "v"), /touchedAt/);
    await assert.rejects(store.touch(k, 1, NaN, "v"), /expiresAt/);
    const { createdAt: _, ...rest } = record;
    await assert.rejects(store.create(k, { ...rest, createdAt: NaN }), RangeError);
    await assert.rejects(store.save(k, { ...rest, createdAt: NaN }, "v"), RangeError);
    await assert.rejects(store.list("ann", { limit: 0 }), RangeError);
    assert.throws(() => store.clearExpired(NaN, 1), RangeError);
    assert.equal(store.clearExpired(1, 1), 0);
    assert.equal(log.length, 0);
  });

  it("a load asks a script first, and then by a plain command", async () => {
    const { store, log, steps } = storeOf(({ command }) => command === "GET" ? textOf() : [textOf()]);
    const found = { ...mine, version: v };
    assert.deepEqual(await store.load(k), found);
    assert.deepEqual(await store.load(k), found);
    assert.deepEqual(steps(), ["load p:k", "GET p:k"]);
    assert.deepEqual(log.map(({ args }) => args), [[], []]);
  });

  it("a record that is not there is none", async () => {
    for (const nothing of [null, undefined, 0]) {
      assert.equal(await storeOf(() => [nothing]).store.load(k), undefined);
    }
  });

  it("SR-050 what a script cannot read is damaged, any other trouble is not", async () => {
    for (
      const [reply, code] of [["WRONGTYPE key", "ERR_DAMAGED"], ["ERR WRONGTYPES", "ERR_STORE"]] as const
    ) {
      const { store } = storeOf(() => Promise.reject(new Error(reply)));
      await assert.rejects(store.load(k), { code });
    }
    const { store } = storeOf(() => Promise.reject(new Error("WRONGTYPE key")));
    await assert.rejects(
      store.load(k),
      (error: Error) => (error.cause as Error).message === "WRONGTYPE key",
    );
  });

  it("a plain answer that is not the record under the key is not believed", async () => {
    for (const answer of [textOf(keyOf("o")), mark, "", null, [textOf()], 5]) {
      const { store, steps } = storeOf(({ command }) => command === "GET" ? answer : [textOf()]);
      await store.load(k);
      assert.deepEqual(await store.load(k), { ...mine, version: v });
      assert.deepEqual(steps(), ["load p:k", "GET p:k", "load p:k"]);
    }
  });

  it("a list is two scripts: a page of the index, and the heads of its records", async () => {
    const texts: Record<string, unknown> = {
      a: textOf(keyOf("a")).slice(0, -1), // what comes of a text need not be all of its data
      b: textOf(keyOf("b")),
      c: "", // not there, or no text
      d: textOf(keyOf("d"), { ...mine, userId: "bob" }),
      e: textOf(keyOf("e")).replace("head", "hood"),
      f: mark,
      g: textOf(keyOf("g"), record),
    };
    const { store, log, steps } = storeOf(({ script }) =>
      script === "members"
        ? [Object.keys(texts).flatMap((letter, i) => [keyOf(letter), `${i}`])]
        : [Object.values(texts)]
    );
    assert.deepEqual(await store.list("ann"), {
      entries: [{ key: keyOf("a"), record: mineListed }, { key: keyOf("b"), record: mineListed }],
    });
    assert.deepEqual(steps(), [`members ${anns}`, "heads p:a,p:b,p:c,p:d,p:e,p:f,p:g"]);
    assert.deepEqual(log[0]!.args, ["", "", "100"]);
    const troubled = storeOf(({ script }) =>
      script === "members" ? [[k, "1"]] : Promise.reject(new Error("ERR broken"))
    );
    await assert.rejects(troubled.store.list("ann"), { code: "ERR_STORE" });
  });

  it("a page begins after the last entry of the one before, and an empty one reads nothing", async () => {
    const { store, log, steps } = storeOf(({ script }, n) =>
      script === "heads" ? [[textOf()]] : [n === 1 ? [k, "5"] : []]
    );
    const { entries, next } = await store.list("ann", { limit: 1 });
    assert.deepEqual(entries, [{ key: k, record: mineListed }]);
    assert.deepEqual(await store.list("ann", { limit: 1, after: next! }), { entries: [] });
    assert.deepEqual(steps(), [`members ${anns}`, "heads p:k", `members ${anns}`]);
    assert.deepEqual(log[2]!.args, ["5", k, "1"]);
  });

  it("stats go from step to step until the first one comes again, and count no marks", async () => {
    const steps = [
      ["7", [k, textOf()]],
      ["9", []],
      ["0", [keyOf("b"), textOf(), keyOf("c"), "", keyOf("d"), mark, keyOf("e"), "3 new"]],
    ];
    const { store, log } = storeOf(() => steps.shift()!);
    assert.deepEqual(await store.stats(1000, [5]), {
      live: 1,
      expired: 0,
      damaged: 3,
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
    const { store, log } = storeOf(() => [null]);
    assert.equal(await store.close(), undefined);
    assert.equal(await store[Symbol.asyncDispose](), undefined);
    assert.equal(await store.load(k), undefined);
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
