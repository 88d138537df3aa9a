import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RedisStore } from "../backends/redis.ts";
import { shaped } from "./redis_clients.ts";
import { type Answer, answering, onClock } from "./redis_wire_rig.ts";

const now = 1000;
const record = { data: "{}", createdAt: 1, touchedAt: 2, expiresAt: 5000.5 };
const mine = { ...record, userId: "ann" };
/** How the two are written. */
const plain = ["{}", "1", "2", "5000.5", "", "4001"];
const owned = ["{}", "1", "2", "5000.5", '"ann"', "4001"];
const anns = 'p:user:"ann"';

/** A store over a function that answers scripts; `steps` are what it was asked. */
function storeOf(answer: Answer, cluster = false) {
  const { send, log } = answering(answer);
  const store = new RedisStore(shaped(send), { prefix: "p:", cluster, now: () => now });
  const steps = () => log.map(({ script, command, keys }) => `${script || command} ${keys}`);
  return { store, log, steps };
}

/** What a load script answers for a record under this key. */
function fieldsOf(key: string, more: { user?: string; version?: string; pending?: string } = {}) {
  const { user = '"ann"', version = "v", pending = null } = more;
  return ["1", key, version, "{}", "1", "2", "5000.5", user, pending];
}

const missing = Array(9).fill(null);

/** Answers by the name of the script, in turn where there are several. */
function inTurn(answers: Record<string, unknown[][]>): Answer {
  return ({ script }) => {
    const [next] = answers[script]!;
    if (answers[script]!.length > 1) answers[script]!.shift();
    return next;
  };
}

describe("what RedisStore asks one server", () => {
  it("a create is one script with the record and its index", async () => {
    const { store, log, steps } = storeOf(() => ["yes"]);
    assert.equal(await store.create("k", record), log[0]!.token);
    assert.equal(await store.create("k", mine), log[1]!.token);
    assert.deepEqual(steps(), ["create p:k", `create p:k,${anns}`]);
    assert.deepEqual(log[0]!.args, ["1000", "", "k", ...plain, "", ""]);
    assert.deepEqual(log[1]!.args, ["1000", "", "k", ...owned, "", ""]);
    for (const told of ["no", "Yes", null]) {
      assert.equal(await storeOf(() => [told]).store.create("k", mine), undefined);
    }
  });

  it("a save is one script with the version", async () => {
    const { store, log, steps } = storeOf(() => ["yes", '"bob"', "entry"]);
    assert.equal(await store.save("k", record, "v"), log[0]!.token);
    assert.equal(await store.save("k", mine, "v"), log[1]!.token);
    assert.deepEqual(steps(), ["save p:k", `save p:k,${anns}`]);
    assert.deepEqual(log[0]!.args, ["v", "k", ...plain, "", ""]);
    assert.deepEqual(log[1]!.args, ["v", "k", ...owned, "", ""]);
    const not = storeOf(() => ["no"]);
    assert.equal(await not.store.save("k", mine, "v"), undefined);
    assert.equal(not.log.length, 1);
  });

  it("a rotation is one script over both keys", async () => {
    const { store, log, steps } = storeOf(() => ["yes"]);
    assert.equal(await store.rotate("a", "b", record, "v"), log[0]!.token);
    assert.equal(await store.rotate("a", "b", mine, "v"), log[1]!.token);
    assert.deepEqual(steps(), ["rotate p:a,p:b", `rotate p:a,p:b,${anns}`]);
    assert.deepEqual(log[1]!.args, ["1000", "v", "b", ...owned, "a"]);
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
    assert.deepEqual(log[0]!.args, ["k", "7", "3000.5", "2001", "", ""]);
    assert.equal(await storeOf(() => ["no"]).store.touch("k", 7, 3000), false);
  });

  it("a life is a whole number of milliseconds from 0 on", async () => {
    const { store, log } = storeOf(() => ["yes"]);
    const ends = [now - 5, now, now + 0.1, now + 1];
    for (const end of ends) await store.touch("k", 1, end);
    const lives = log.map((one) => one.args[3]);
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
    assert.deepEqual(log[1]!.args, [..."fkvdcteup"]);
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
    const { store } = storeOf(({ script }) => script === "members" ? [["a"]] : ["2", ...missing.slice(1)]);
    await assert.rejects(store.list("ann"), { code: "ERR_STORE", message: /newer format/ });
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
    const steps = [["7", ["10", "5000", "3"]], ["9", []], ["0", ["", "", "", "20", "500", "4"]]];
    const { store, log } = storeOf(() => steps.shift()!);
    assert.deepEqual(await store.stats(1000, [5]), {
      live: 1,
      expired: 1,
      damaged: 1,
      bytes: 7,
      oldest: 10,
      newest: 20,
      ages: [0, 1],
    });
    assert.deepEqual(log.map(({ script, keys, args }) => [script, ...keys, ...args]), [
      ["sizes", "p:", "0"],
      ["sizes", "p:", "7"],
      ["sizes", "p:", "9"],
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

describe("what RedisStore asks a cluster", () => {
  it("a create without a user is one script, with one it is an arrival", async () => {
    const nobody = storeOf(() => ["yes"], true);
    assert.equal(await nobody.store.create("k", record), nobody.log[0]!.token);
    assert.deepEqual(nobody.steps(), ["create p:k"]);
    assert.deepEqual(nobody.log[0]!.args, ["1000", "", "k", ...plain, "", ""]);
    const { store, log, steps } = storeOf(
      inTurn({ index: [[99]], create: [["yes"]], activate: [["yes"]] }),
      true,
    );
    const version = await store.create("k", mine);
    assert.deepEqual(steps(), [`index ${anns}`, "create p:k", "activate p:k"]);
    assert.deepEqual(log[0]!.args, [`k ${version}`, "4001"]);
    assert.equal(log[1]!.token, version);
    assert.deepEqual(log[1]!.args.slice(0, 3), ["1000", "1", "k"]);
    assert.deepEqual(log[1]!.args.slice(-2), [version, ""]);
    assert.deepEqual(log[2]!.args, [version, "4001", "99"]);
  });

  it("a create that finds its key taken leaves the index", async () => {
    const { store, log, steps } = storeOf(inTurn({ index: [[99]], create: [["no"]], unindex: [[]] }), true);
    assert.equal(await store.create("k", mine), undefined);
    assert.deepEqual(steps(), [`index ${anns}`, "create p:k", `unindex ${anns}`]);
    assert.deepEqual(log[2]!.args, log[0]!.args.slice(0, 1));
  });

  it("a rotation is an arrival that takes the old entry out", async () => {
    const answers = {
      index: [[99]],
      create: [["yes"]],
      remove: [["yes", '"bob"', "old"]],
      activate: [["yes"]],
      unindex: [[]],
    };
    const { store, log, steps } = storeOf(inTurn(answers), true);
    const version = await store.rotate("a", "b", mine, "v");
    assert.equal(version, log[1]!.token);
    assert.deepEqual(steps(), [
      `index ${anns}`,
      "create p:b",
      "remove p:a",
      "activate p:b",
      'unindex p:user:"bob"',
    ]);
    assert.deepEqual(log[0]!.args, [`b ${version}`, "4001"]);
    assert.deepEqual(log[2]!.args, ["a", "v"]);
    assert.deepEqual(log[4]!.args, ["a old"]);
    const anonymous = storeOf(inTurn({ ...answers, remove: [["yes", "", ""]] }), true);
    assert.ok(await anonymous.store.rotate("a", "b", record, "v"));
    assert.deepEqual(anonymous.steps(), ["create p:b", "remove p:a", "activate p:b"]);
    const lost = storeOf(inTurn({ ...answers, create: [["no"]] }), true);
    assert.equal(await lost.store.rotate("a", "b", mine, "v"), undefined);
    assert.deepEqual(lost.steps(), [`index ${anns}`, "create p:b", `unindex ${anns}`]);
  });

  it("a removal takes the entry out that the record knows", async () => {
    const { store, log, steps } = storeOf(inTurn({ remove: [["yes", '"ann"', "e"]], unindex: [[]] }), true);
    assert.equal(await store.delete("k"), true);
    assert.deepEqual(steps(), ["remove p:k", `unindex ${anns}`]);
    assert.deepEqual(log[1]!.args, ["k e"]);
    const none = storeOf(inTurn({ remove: [["no", '"ann"', "e"]], unindex: [[]] }), true);
    assert.equal(await none.store.delete("k"), false);
    assert.deepEqual(none.steps(), ["remove p:k"]);
  });

  it("a save enters the index first if the record tells it to, under the entry that it has", async () => {
    const answers = { save: [["index", "old"], ["yes", '"ann"', "old"]], index: [[99]], unindex: [[]] };
    const { store, log, steps } = storeOf(inTurn(answers), true);
    const version = await store.save("k", mine, "v");
    assert.deepEqual(steps(), ["save p:k", `index ${anns}`, "save p:k"]);
    assert.equal(version, log[0]!.token);
    assert.equal(version, log[2]!.token);
    assert.deepEqual(log[0]!.args.slice(-2), ["", ""]);
    assert.deepEqual(log[1]!.args, ["k old", "4001"]);
    assert.deepEqual(log[2]!.args, ["v", "k", ...owned, "old", "99"]);
  });

  it("a save for another user takes the entry of the one before out", async () => {
    const answers = { save: [["index", ""], ["yes", '"bob"', "bobs"]], index: [[99]], unindex: [[]] };
    const { store, log, steps } = storeOf(inTurn(answers), true);
    const version = await store.save("k", mine, "v");
    assert.deepEqual(steps(), ["save p:k", `index ${anns}`, "save p:k", 'unindex p:user:"bob"']);
    assert.deepEqual(log[1]!.args, [`k ${version}`, "4001"]);
    assert.deepEqual(log[2]!.args.slice(-2), [version, "99"]);
    assert.deepEqual(log[3]!.args, ["k bobs"]);
  });

  it("a save that is lost takes out the entry that it made, and no other", async () => {
    const made = storeOf(inTurn({ save: [["index", ""], ["no"]], index: [[99]], unindex: [[]] }), true);
    assert.equal(await made.store.save("k", mine, "v"), undefined);
    assert.deepEqual(made.steps(), ["save p:k", `index ${anns}`, "save p:k", `unindex ${anns}`]);
    assert.deepEqual(made.log[3]!.args, [`k ${made.log[0]!.token}`]);
    const had = storeOf(inTurn({ save: [["index", "old"], ["no"]], index: [[99]], unindex: [[]] }), true);
    assert.equal(await had.store.save("k", mine, "v"), undefined);
    assert.deepEqual(had.steps(), ["save p:k", `index ${anns}`, "save p:k"]);
    const never = storeOf(inTurn({ save: [["no"]], unindex: [[]] }), true);
    assert.equal(await never.store.save("k", mine, "v"), undefined);
    assert.deepEqual(never.steps(), ["save p:k"]);
  });

  it("a touch enters the index first, as often as it is another's", async () => {
    const answers = {
      touch: [["index", '"ann"', "one"], ["index", '"bob"', "two"], ["yes"]],
      index: [[98], [99]],
    };
    const { store, log, steps } = storeOf(inTurn(answers), true);
    assert.equal(await store.touch("k", 7, 3000), true);
    assert.deepEqual(steps(), ["touch p:k", `index ${anns}`, "touch p:k", 'index p:user:"bob"', "touch p:k"]);
    assert.deepEqual(log[1]!.args, ["k one", "2000"]);
    assert.deepEqual(log[2]!.args, ["k", "7", "3000", "2000", "one", "98"]);
    assert.deepEqual(log[3]!.args, ["k two", "2000"]);
    assert.deepEqual(log[4]!.args, ["k", "7", "3000", "2000", "two", "99"]);
  });

  it("what takes an entry out has been answered before the operation is over", async () => {
    const answers: Record<string, unknown[][]> = {
      index: [[99]],
      activate: [["yes"]],
      remove: [["yes", '"bob"', "e"]],
    };
    const runs: [object, (store: RedisStore) => Promise<unknown>][] = [
      [{}, (store) => store.delete("k")],
      [{ create: [["no"]] }, (store) => store.create("k", mine)],
      [{ create: [["yes"]] }, (store) => store.rotate("k", "l", mine, "v")],
      [{ save: [["index", ""], ["no"]] }, (store) => store.save("k", mine, "v")],
      [{ save: [["yes", '"bob"', "e"]] }, (store) => store.save("k", mine, "v")],
    ];
    for (const [more, run] of runs) {
      const answer = inTurn({ ...answers, ...more });
      let isLeft = false;
      const { store } = storeOf(async (one, n) => {
        if (one.script !== "unindex") return answer(one, n);
        await new Promise((resolve) => setTimeout(resolve, 2));
        isLeft = true;
        return [];
      }, true);
      await run(store);
      assert.equal(isLeft, true);
    }
  });

  it("a record on its way, seen when the wait is over, is no session, and is in the list", async () => {
    const pending = fieldsOf("k", { pending: "1" });
    await onClock(async () => {
      const { store } = storeOf(({ script, mode }) => {
        if (script === "members") return [["k e"]];
        return mode === "patient" ? ["wait"] : pending;
      }, true);
      assert.equal(await store.load("k"), undefined);
      assert.deepEqual(await store.list("ann"), [{ key: "k", record: mine }]);
    });
  });

  it("stats are refused", async () => {
    const { store, log } = storeOf(() => ["0", []], true);
    await assert.rejects(store.stats(1000, []), { code: "ERR_UNSUPPORTED" });
    assert.equal(log.length, 0);
  });
});

describe("the client of RedisStore", () => {
  const client = (isCluster: boolean, keys: number[]) => ({
    status: "ready",
    isCluster,
    connect: () => Promise.resolve(),
    call: (_: string, ...args: string[]) => {
      keys.push(Number(args[1]));
      const token = args[2 + Number(args[1])];
      return Promise.resolve([token, "1", "yes"]);
    },
  });

  it("tells whether it is a cluster's, unless the option does", async () => {
    for (
      const [isCluster, cluster, expected] of [[true, undefined, 1], [false, undefined, 2], [true, false, 2]]
    ) {
      const keys: number[] = [];
      const options = cluster === undefined ? {} : { cluster: cluster as boolean };
      await new RedisStore(client(isCluster as boolean, keys), options).save("k", {
        ...mine,
        expiresAt: Date.now() + 1000,
      }, "v");
      assert.equal(keys[0], expected);
    }
  });
});
