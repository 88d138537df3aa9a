import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RedisStore } from "../../../backends/redis.ts";
import {
  anns,
  ends,
  inTurn,
  k,
  keyOf,
  mine,
  mineListed,
  moved,
  parts,
  record,
  storeOf,
  textOf,
} from "../../support/redis/calls_rig.ts";

describe("what RedisStore asks a cluster", () => {
  it("a create without a user is one script, with one the index comes first", async () => {
    const nobody = storeOf(() => ["yes"], true);
    assert.equal(await nobody.store.create(k, record), nobody.log[0]!.token);
    assert.deepEqual(nobody.steps(), ["create p:k"]);
    assert.deepEqual(nobody.log[0]!.args, ["1000", ...parts(record, nobody.log[0]!.token), "4001", "", "0"]);
    const { store, log, steps } = storeOf(inTurn({ index: [[99]], create: [["yes"]] }), true);
    const version = await store.create(k, mine);
    assert.deepEqual(steps(), [`index ${anns}`, "create p:k"]);
    assert.deepEqual(log[0]!.args, [`${k} ${version}`, "4001"]);
    assert.equal(log[1]!.token, version);
    assert.deepEqual(log[1]!.args, ["1000", ...parts(mine, version!), "4001", version, "99"]);
  });

  it("a load, a save and a rotation are one key and one script", async () => {
    const { store, log, steps } = storeOf(
      ({ command, script }) =>
        command === "GET" ? textOf() : [script === "load" ? textOf() : "yes", '"ann"', "e"],
      true,
    );
    await store.load(k);
    await store.load(k);
    assert.ok(await store.save(k, mine, "v"));
    assert.ok(await store.save(k, { ...mine, head: "another proof" }, "v"));
    assert.ok(await store.touch(k, 7, 3000, "v"));
    assert.deepEqual(steps(), ["load p:k", "GET p:k", "save p:k", "save p:k", "touch p:k"]);
    assert.ok(log.every(({ keys }) => keys.length === 1));
  });

  it("a create that finds its key taken leaves the index", async () => {
    const { store, log, steps } = storeOf(inTurn({ index: [[99]], create: [["no"]], unindex: [[]] }), true);
    assert.equal(await store.create(k, mine), undefined);
    assert.deepEqual(steps(), [`index ${anns}`, "create p:k", `unindex ${anns}`]);
    assert.deepEqual(log[2]!.args, log[0]!.args.slice(0, 1));
  });

  it("a removal takes the entry out that the record knows", async () => {
    const { store, log, steps } = storeOf(inTurn({ remove: [["yes", '"ann"', "e"]], unindex: [[]] }), true);
    assert.equal(await store.delete(k), true);
    assert.deepEqual(steps(), ["remove p:k", `unindex ${anns}`]);
    assert.deepEqual(log[1]!.args, [`${k} e`]);
    const none = storeOf(inTurn({ remove: [["no", '"ann"', "e"]], unindex: [[]] }), true);
    assert.equal(await none.store.delete(k), false);
    assert.deepEqual(none.steps(), ["remove p:k"]);
  });

  it("a save enters the index first if the record tells it to, under the entry that it has", async () => {
    const answers = { save: [["index", "old"], ["yes", '"ann"', "old"]], index: [[99]], unindex: [[]] };
    const { store, log, steps } = storeOf(inTurn(answers), true);
    const version = await store.save(k, mine, "v");
    assert.deepEqual(steps(), ["save p:k", `index ${anns}`, "save p:k"]);
    assert.equal(version, log[0]!.token);
    assert.equal(version, log[2]!.token);
    assert.deepEqual(log[0]!.args.slice(-2), ["", "0"]);
    assert.deepEqual(log[1]!.args, [`${k} old`, "4001"]);
    assert.deepEqual(log[2]!.args, ["v", ...parts(mine, version!), ends, "4001", "old", "99"]);
  });

  it("a save for another user takes the entry of the one before out", async () => {
    const answers = { save: [["index", ""], ["yes", '"bob"', "bobs"]], index: [[99]], unindex: [[]] };
    const { store, log, steps } = storeOf(inTurn(answers), true);
    const version = await store.save(k, mine, "v");
    assert.deepEqual(steps(), ["save p:k", `index ${anns}`, "save p:k", 'unindex p:user:"bob"']);
    assert.deepEqual(log[1]!.args, [`${k} ${version}`, "4001"]);
    assert.deepEqual(log[2]!.args.slice(-2), [version, "99"]);
    assert.deepEqual(log[3]!.args, [`${k} bobs`]);
  });

  it("a save that is lost takes out the entry that it made, and no other", async () => {
    const made = storeOf(inTurn({ save: [["index", ""], ["no"]], index: [[99]], unindex: [[]] }), true);
    assert.equal(await made.store.save(k, mine, "v"), undefined);
    assert.deepEqual(made.steps(), ["save p:k", `index ${anns}`, "save p:k", `unindex ${anns}`]);
    assert.deepEqual(made.log[3]!.args, [`${k} ${made.log[0]!.token}`]);
    const had = storeOf(inTurn({ save: [["index", "old"], ["no"]], index: [[99]], unindex: [[]] }), true);
    assert.equal(await had.store.save(k, mine, "v"), undefined);
    assert.deepEqual(had.steps(), ["save p:k", `index ${anns}`, "save p:k"]);
    const never = storeOf(inTurn({ save: [["no"]], unindex: [[]] }), true);
    assert.equal(await never.store.save(k, mine, "v"), undefined);
    assert.deepEqual(never.steps(), ["save p:k"]);
  });

  it("a touch enters the index first, as often as it is another's", async () => {
    const answers = {
      touch: [["index", '"ann"', "one"], ["index", '"bob"', "two"], ["yes"]],
      index: [[98], [99]],
    };
    const { store, log, steps } = storeOf(inTurn(answers), true);
    assert.equal(await store.touch(k, 7, 3000, "v"), true);
    assert.deepEqual(steps(), ["touch p:k", `index ${anns}`, "touch p:k", 'index p:user:"bob"', "touch p:k"]);
    assert.deepEqual(log[1]!.args, [`${k} one`, "2000"]);
    assert.deepEqual(log[2]!.args, ["v", ...moved(7, 3000, "2000"), "one", "98"]);
    assert.deepEqual(log[3]!.args, [`${k} two`, "2000"]);
    assert.deepEqual(log[4]!.args, ["v", ...moved(7, 3000, "2000"), "two", "99"]);
  });

  it("what takes an entry out has been answered before the operation is over", async () => {
    const answers: Record<string, unknown[][]> = {
      index: [[99]],
      remove: [["yes", '"bob"', "e"]],
    };
    const runs: [object, (store: RedisStore) => Promise<unknown>][] = [
      [{}, (store) => store.delete(k)],
      [{ create: [["no"]] }, (store) => store.create(k, mine)],
      [{ save: [["index", ""], ["no"]] }, (store) => store.save(k, mine, "v")],
      [{ save: [["yes", '"bob"', "e"]] }, (store) => store.save(k, mine, "v")],
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

  it("a list asks for each record by itself, as each may be on another server", async () => {
    const { store, steps } = storeOf(({ script, keys: [at] }) => {
      if (script === "heads") return [[textOf(at!.slice(2))]];
      return [[`${k} e`, "1", `${keyOf("l")} f`, "2", `${k} g`, "3"]];
    }, true);
    assert.deepEqual(await store.list("ann"), {
      entries: [{ key: k, record: mineListed }, { key: keyOf("l"), record: mineListed }],
    });
    assert.deepEqual(steps().sort(), ["heads p:k", "heads p:l", `members ${anns}`]);
  });

  it("stats are refused", async () => {
    const { store, log } = storeOf(() => ["0", []], true);
    await assert.rejects(store.stats(1000, []), { code: "ERR_UNSUPPORTED" });
    assert.equal(log.length, 0);
  });
});

describe("the client of RedisStore", () => {
  const client = (isCluster: boolean, modes: string[]) => ({
    status: "ready",
    isCluster,
    connect: () => Promise.resolve(),
    call: (_: string, ...args: string[]) => {
      const [token, mode] = args.slice(2 + Number(args[1]));
      modes.push(mode!);
      return Promise.resolve([token, "1", "0", "yes"]);
    },
  });

  it("tells whether it is a cluster's, unless the option does", async () => {
    for (
      const [isCluster, cluster, expected] of [
        [true, undefined, ""],
        [false, undefined, "alone"],
        [true, false, "alone"],
      ]
    ) {
      const modes: string[] = [];
      const options = cluster === undefined ? {} : { cluster: cluster as boolean };
      await new RedisStore(client(isCluster as boolean, modes), options).save(k, {
        ...mine,
        expiresAt: Date.now() + 1000,
      }, "v");
      assert.equal(modes[0], expected);
    }
  });
});
