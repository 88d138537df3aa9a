import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Writes } from "../../../backends/sqlite/group_commit.ts";

const busy = () => Object.assign(new Error("locked"), { errno: 5 });
const broken = () => Object.assign(new Error("disk I/O error"), { errno: 10 });

/** Transactions over nothing, which remember how many writes each had, and whose next ones fail as `faults` say. */
function counting(timeout = 2000) {
  const sizes: number[] = [];
  const faults: (Error | undefined)[] = [];
  const told = { failures: 0 };
  const once = <T>(work: (statements: undefined) => T): T => {
    sizes.push(0);
    const fault = faults.shift();
    if (fault) throw fault;
    return work(undefined);
  };
  const writes = new Writes<undefined>(
    { autocommit: once, transaction: once },
    timeout,
    () => told.failures++,
  );
  const count = () => void sizes[sizes.length - 1]!++;
  const add = () => Promise.resolve(writes.add(count));
  const queue = () => writes.queue(count);
  return { writes, sizes, faults, told, add, queue };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const codesOf = async (all: readonly Promise<unknown>[]) =>
  (await Promise.allSettled(all)).map((one) => one.status === "rejected" ? one.reason.code : one.value);

describe("the writes of SQLite", () => {
  const real = performance.now;
  let time = 1000;
  beforeEach(() => void (performance.now = () => time));
  afterEach(() => void (performance.now = real));

  it("writes of a turn, and of those that follow it closely, are one transaction", async () => {
    const { writes, sizes, add, queue } = counting();
    for (let round = 1; round < 4; round++) {
      const all = [queue(), queue()];
      all.push((async () => {
        await turn();
        await Promise.all([add(), add()]);
      })());
      await Promise.all(all);
      assert.deepEqual(sizes, Array(round).fill(4));
    }
    await writes.close();
  });

  it("a write that waits alone still waits for one more turn, at first and later", async () => {
    const { writes, sizes, queue } = counting();
    for (let round = 1; round < 4; round++) {
      const first = queue();
      await turn();
      await Promise.all([first, queue()]);
      assert.deepEqual(sizes, Array(round).fill(2));
    }
    await writes.close();
  });

  it("SR-048 however many turns bring one more, nobody waits for more than some of them", async () => {
    const { writes, add, queue } = counting();
    const all = [queue(), queue()];
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

  it("a transaction does not wait for others when 256 writes are there, or the first is there for 2 ms", async () => {
    for (const [count, waited, turns] of [[255, 0, 2], [256, 0, 1], [2, 1.9, 2], [2, 2, 1]] as const) {
      const { writes, sizes, queue } = counting();
      const all = Array.from({ length: count }, queue);
      time += waited;
      await turn();
      assert.deepEqual(sizes, turns === 1 ? [count] : [], `${count} writes after ${waited} ms`);
      await turn();
      assert.deepEqual(sizes, [count]);
      await Promise.all(all);
      await writes.close();
    }
  });

  it("a write that is the first of its turn is done at once, and the next one waits", async () => {
    const { writes, sizes } = counting();
    for (let n = 0; n < 3; n++) {
      assert.equal(writes.add(() => n), n);
      await turn();
    }
    assert.equal(writes.add(() => "first"), "first");
    const second = writes.add(() => "second");
    assert.ok(second instanceof Promise);
    assert.equal(sizes.length, 4);
    assert.equal(await second, "second");
    assert.equal(sizes.length, 5);
  });

  it("each write that has waited for others in vain lets twice as many be done at once, up to 64", async () => {
    const { writes, queue } = counting();
    const atOnce = async () => {
      let count = 0;
      for (;; count++) {
        const done = writes.add(() => {});
        if (done instanceof Promise) {
          await done;
          return count;
        }
      }
    };
    const counts = [];
    for (let n = 0; n < 8; n++) {
      await turn();
      await turn();
      counts.push(await atOnce());
    }
    assert.deepEqual(counts, [1, 3, 5, 9, 17, 33, 65, 65]);

    await Promise.all([queue(), queue()]);
    await turn();
    const waiting = writes.add(() => {});
    assert.ok(waiting instanceof Promise, "others are likely");
    await waiting;
    await turn();
    await turn();
    assert.equal(await atOnce(), 3);
  });

  it("a write never overtakes those that wait, and its result is its own", async () => {
    const { writes } = counting();
    const log: string[] = [];
    const write = (name: string) => () => (log.push(name), name);
    const all = [writes.queue(write("a")), writes.add(write("b")), writes.add(write("c"))];
    assert.deepEqual(log, []);
    assert.deepEqual(await Promise.all(all), ["a", "b", "c"]);
    assert.deepEqual(log, ["a", "b", "c"]);
  });

  it("all of a transaction are told of it before anybody hears of it", async () => {
    const { writes } = counting();
    const log: string[] = [];
    const write = (name: string) => writes.queue(() => name, (result) => log.push(`done ${result}`));
    await Promise.all(["a", "b"].map((name) => write(name).then((result) => log.push(result))));
    assert.deepEqual(log, ["done a", "done b", "a", "b"]);
    await turn();
    writes.add(() => "c", (result) => log.push(`done ${result}`)); // others are likely: it waits
    await writes.close();
    assert.deepEqual(log.slice(4), ["done c"]);
  });

  it("a write done at once that fails is not tried again, and nobody knows what it did", async () => {
    const { writes, sizes, faults, told } = counting();
    faults.push(broken());
    const failed = writes.add(() => {}, () => assert.fail("it was not done"));
    assert.equal(told.failures, 1);
    assert.deepEqual(await codesOf([failed as Promise<void>]), ["ERR_STORE"]);
    await turn();
    await turn();
    assert.deepEqual(sizes, [0]);
  });

  it("SR-055 a write done at once that finds the database busy is tried again", async () => {
    const { writes, sizes, faults, told } = counting();
    faults.push(busy(), busy(), busy());
    assert.equal(await writes.add(() => 7), 7);
    assert.equal(sizes.length, 4);
    assert.equal(told.failures, 2, "of those that had begun a transaction");
  });

  it("a failure halves the transactions, down to the write at fault, and success doubles them", async () => {
    const { sizes, faults, told, queue } = counting();
    const all = Array.from({ length: 15 }, queue);
    all[0]!.catch(() => {});
    faults.push(broken(), broken(), broken(), broken(), broken());
    for (let turns = 0; turns < 20; turns++) await turn();
    assert.equal(sizes.length, 9, "no timer is waited for");
    assert.deepEqual(await codesOf(all), ["ERR_STORE", ...Array(14).fill(undefined)]);
    assert.deepEqual(sizes, [0, 0, 0, 0, 0, 1, 2, 4, 7]);
    assert.equal(told.failures, 5);

    sizes.length = 0;
    faults.push(broken());
    assert.deepEqual(await codesOf([queue()]), ["ERR_STORE"]);
    await Promise.all([queue(), queue(), queue()]);
    assert.deepEqual(sizes, [0, 3], "nothing is halved for those that come later");
  });

  it("SR-055 a busy database is asked again after a while, each time a longer one", async () => {
    performance.now = real;
    const { sizes, faults, queue } = counting(100);
    faults.push(...Array.from({ length: 10_000 }, busy));
    const error = await queue().catch((error) => error);
    assert.match(error.message, /busy/);
    assert.equal(error.cause.errno, 5);
    assert.ok(sizes.length > 1 && sizes.length < 30, `${sizes.length} times`);
  });

  it("SR-055 a write is refused from its deadline on, without a transaction, and later ones are served", async () => {
    const { writes, sizes, queue } = counting(50);
    const early = [queue(), queue()];
    time += 20;
    const late = queue();
    time += 30;
    assert.deepEqual(await codesOf(early), ["ERR_STORE", "ERR_STORE"]);
    await late;
    assert.deepEqual(sizes, [1]);

    const alone = queue();
    time += 49;
    await alone;
    const refused = queue();
    time += 50;
    assert.match((await refused.catch((error) => error)).message, /timed out before the write started/);
    assert.deepEqual(sizes, [1, 1]);
    await writes.close();
  });

  it("a write that comes too late is not told of a failure that others have had before", async () => {
    const { faults, queue } = counting(50);
    faults.push(busy());
    await queue();
    const late = queue();
    time += 50;
    assert.equal((await late.catch((error) => error)).cause, undefined);
  });

  it("SR-075 close waits for the writes that wait, and takes no others", async () => {
    const { writes, sizes, queue, add } = counting();
    const all = [queue(), queue()];
    const closing = writes.close();
    assert.deepEqual(await codesOf([add(), queue()]), ["ERR_STORE", "ERR_STORE"]);
    await closing;
    assert.deepEqual(sizes, [2]);
    await Promise.all(all);
    await writes.close();
    assert.deepEqual(await codesOf([add(), queue()]), ["ERR_STORE", "ERR_STORE"]);
  });
});
