import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Arrival, arrive } from "../backends/redis/arrive.ts";
import { Wire } from "../backends/redis/wire.ts";
import { type Answer, answering, clientOf, onClock } from "./redis_wire_rig.ts";

describe("the arrival of a record in a cluster", () => {
  const to = { key: "new", name: "p:new" };
  const from = { key: "old", name: "p:old", version: "v1" };
  const record = ["new", "{}", "1", "2", "3", '"ann"', "3600000"];
  const entered = { entry: "entry", latest: "9999" };

  /** Lets a record arrive where the scripts answer this. */
  function run(answer: Answer, more: Partial<Arrival> = {}) {
    return onClock(async ({ now }) => {
      const { send, log } = answering(answer);
      const wire = new Wire(clientOf(send), true, 1, 100);
      const result = await arrive(
        wire,
        { to, from, now: 42, record, entered, ...more },
        now + 499.5,
        "token",
      );
      return { result, log, steps: log.map(({ script, keys }) => `${script} ${keys}`) };
    });
  }

  it("is on its way with a short life, takes the old one away, and is activated with its own life", async () => {
    const { result, log, steps } = await run(({ script }) =>
      script === "remove" ? ["yes", '"bob"', "old entry"] : ["yes"]
    );
    assert.deepEqual(result, ['"bob"', "old entry"]);
    assert.deepEqual(steps, ["create p:new", "remove p:old", "activate p:new"]);
    const [going, gone, live] = log;
    assert.deepEqual(going!.args, ["42", "1", ...record.slice(0, -1), "10500", "entry", ""]);
    assert.equal(going!.token, "token");
    assert.deepEqual(gone!.args, ["old", "v1"]);
    assert.notEqual(gone!.token, "token");
    assert.deepEqual(live!.args, ["token", "3600000", "9999"]);
  });

  it("of a new one takes nothing away", async () => {
    const { result, steps } = await run(() => ["yes"], { from: undefined });
    assert.deepEqual(result, []);
    assert.deepEqual(steps, ["create p:new", "activate p:new"]);
  });

  it("ends where the key is taken", async () => {
    const { result, steps } = await run(() => ["no"]);
    assert.equal(result, undefined);
    assert.deepEqual(steps, ["create p:new"]);
  });

  it("ends where the old one is not what it was, and takes back what was on its way", async () => {
    for (const fails of [false, true]) {
      let isTakenBack = false;
      const { result, log, steps } = await run(async ({ script, keys }) => {
        if (script !== "remove") return ["yes"];
        if (keys[0] === from.name) return ["no"];
        await new Promise((resolve) => setTimeout(resolve, 5));
        isTakenBack = true;
        if (fails) throw new Error("broken");
        return ["yes"];
      });
      assert.equal(result, undefined);
      assert.deepEqual(steps, ["create p:new", "remove p:old", "remove p:new"]);
      assert.deepEqual(log[2]!.args, ["new", "token"]);
      assert.equal(isTakenBack, true);
    }
  });

  it("failed where what was on its way is gone at the last step", async () => {
    const { result, steps } = await run(({ script }) => [script === "activate" ? "no" : "yes"]);
    assert.equal(result, undefined);
    assert.equal(steps.length, 3);
  });
});
