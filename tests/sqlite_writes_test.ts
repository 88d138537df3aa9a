import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Writes } from "../backends/sqlite/writes.ts";

/** Transactions over nothing, which remember how many writes each had. */
function counting() {
  const sizes: number[] = [];
  const writes = new Writes<undefined>({
    alone: (work) => (sizes.push(1), work(undefined)),
    transaction(work) {
      sizes.push(0);
      work(undefined);
    },
  }, 2000);
  const add = () => Promise.resolve(writes.add(() => void sizes[sizes.length - 1]!++));
  return { writes, sizes, add };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("the writes of SQLite", () => {
  const real = performance.now;
  let time = 1000;
  beforeEach(() => void (performance.now = () => time));
  afterEach(() => void (performance.now = real));

  it("writes of a turn, and of those that follow it closely, are one transaction", async () => {
    const { writes, sizes, add } = counting();
    const all = [writes.queue(() => {}), writes.queue(() => {})];
    all.push((async () => {
      await turn();
      await Promise.all([add(), add()]);
    })());
    await Promise.all(all);
    assert.equal(sizes.length, 1);
    await writes.close();
  });

  it("SR-048 however many turns bring one more, nobody waits for more than some of them", async () => {
    const { writes, add } = counting();
    const all = [writes.queue(() => {}), writes.queue(() => {})];
    let [turns, longest] = [0, 0];
    for (let i = 0; i < 200; i++) {
      const began = turns;
      all.push(add().then(() => void (longest = Math.max(longest, turns - began))));
      time += 1;
      turns++;
      await turn();
    }
    await Promise.all(all);
    assert.ok(longest <= 6, `${longest} turns`);
    await writes.close();
  });
});
