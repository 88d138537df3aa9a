import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { noEntry, UserIndex } from "../../../backends/redis/user_index.ts";
import { ScriptRunner } from "../../../backends/redis/script_runner.ts";
import { type Answer, answering, clientOf } from "../../support/redis/script_rig.ts";

describe("the index of a user's sessions in a cluster", () => {
  function indexOf(answer: Answer, cluster = true) {
    const { send, log } = answering(answer);
    const wire = new ScriptRunner(clientOf(send), cluster, 1, 100);
    return { index: new UserIndex(wire, "p:"), log, by: wire.deadline() };
  }

  it("is named after the prefix and the user", () => {
    assert.equal(indexOf(() => []).index.name('"ann"'), 'p:user:"ann"');
  });

  it("is entered with the life of the record, and tells until when it holds the entry", async () => {
    const { index, log, by } = indexOf(() => [1234]);
    assert.deepEqual(await index.enter('"ann"', "key", "entry", "50", by), {
      entry: "entry",
      latest: "1234",
    });
    assert.deepEqual(await index.enter('"ann"', "key", "", "50", by), { entry: "", latest: "1234" });
    assert.deepEqual(log.map((one) => [one.script, ...one.keys, ...one.args]), [
      ["index", 'p:user:"ann"', "key entry", "50"],
      ["index", 'p:user:"ann"', "key", "50"],
    ]);
    assert.equal(await index.enter("", "key", "entry", "50", by), noEntry);
    assert.deepEqual(noEntry, { entry: "", latest: "0" });
    assert.equal(log.length, 2);
  });

  it("is left with the entry of that life", async () => {
    const { index, log, by } = indexOf(() => []);
    await index.leave('"ann"', "key", "entry", by);
    await index.leave('"ann"', "key", "", by);
    assert.deepEqual(log.map((one) => [one.script, ...one.keys, ...one.args]), [
      ["unindex", 'p:user:"ann"', "key entry"],
      ["unindex", 'p:user:"ann"', "key"],
    ]);
  });

  it("is not left by nobody, nor where the scripts do it themselves", async () => {
    const { index, log, by } = indexOf(() => []);
    for (const user of ["", null, undefined, 5, {}]) await index.leave(user, "key", "entry", by);
    const single = indexOf(() => [], false);
    await single.index.leave('"ann"', "key", "entry", by);
    assert.equal(log.length + single.log.length, 0);
  });

  it("is left when the answer is there, and a failure to leave it is none", async () => {
    let isDone = false;
    const { index, by } = indexOf(async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      isDone = true;
      throw new Error("WRONGTYPE");
    });
    assert.equal(await index.leave('"ann"', "key", "entry", by), undefined);
    assert.equal(isDone, true);
  });

  it("tells a page of keys, each once and without the entries, and where the next one begins", async () => {
    const { index, log, by } = indexOf((_, n) => [
      n === 1 ? ["a x", "5", "b", "5", "a y", "6", "c z w", "7"] : ["d", "8"],
    ]);
    assert.deepEqual(await index.keys('"ann"', undefined, 4, by), { keys: ["a", "b", "c"], next: "7 c z w" });
    assert.deepEqual(await index.keys('"ann"', "7 c z w", 4, by), { keys: ["d"], next: undefined });
    assert.deepEqual(log.map((one) => [one.script, ...one.keys, ...one.args]), [
      ["members", 'p:user:"ann"', "", "", "4"],
      ["members", 'p:user:"ann"', "7", "c z w", "4"],
    ]);
  });
});
