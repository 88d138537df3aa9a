import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Deadlines } from "../../src/guard/deadlines.ts";

describe("the time limit of many waits", () => {
  const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  const now = performance.now;
  let time: number;
  /** The timers that are set, and how many ever were. */
  let timers: Map<unknown, { readonly run: () => void; readonly at: number }>;
  let made: number;

  beforeEach(() => {
    time = 1000.5;
    timers = new Map();
    made = 0;
    performance.now = () => time;
    const set = (run: () => void, wait: number) => {
      timers.set(++made, { run, at: time + wait });
      return made;
    };
    Object.assign(globalThis, {
      setTimeout: set,
      clearTimeout: (timer: unknown) => void timers.delete(timer),
    });
  });
  afterEach(() => {
    Object.assign(globalThis, real);
    performance.now = now;
  });

  function pass(milliseconds: number): void {
    time += milliseconds;
    for (const [timer, { run, at }] of timers) if (at <= time && timers.delete(timer)) run();
  }

  const never = () => new Promise<never>(() => {});
  const late = (name: string) => () => new Error(name);

  it("gives what the promise comes to, and leaves no timer behind", async () => {
    const limit = new Deadlines();
    assert.equal(await limit.within(Promise.resolve(5), time + 100, late("a")), 5);
    await assert.rejects(limit.within(Promise.reject(new Error("own")), time + 100, late("a")), {
      message: "own",
    });
    const throwing = { then: () => assert.fail("thrown") } as unknown as PromiseLike<void>;
    await assert.rejects(limit.within(throwing, time + 100, late("a")), { message: "thrown" });
    assert.equal(timers.size, 0);
  });

  it("a hundred waits at once take one timer", async () => {
    const limit = new Deadlines();
    const ends: (() => void)[] = [];
    const all = Array.from({ length: 100 }, () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      ends.push(resolve);
      return limit.within(promise, time++ + 100, late("a"));
    });
    assert.equal(made, 1);
    for (const end of ends) end();
    await Promise.all(all);
    assert.equal(timers.size, 0);
  });

  it("each ends at its own time, whatever their order", async () => {
    const limit = new Deadlines();
    const ended: string[] = [];
    for (const [name, length] of [["slow", 300], ["quick", 100], ["long", 500]] as const) {
      limit.within(never(), time + length, late(name)).catch((error) => ended.push(error.message));
    }
    const after = [[], ["quick"], ["quick"], ["quick", "slow"], ["quick", "slow"], ["quick", "slow"], [
      "quick",
      "slow",
      "long",
    ]];
    for (const expected of after) {
      pass(80);
      await Promise.resolve().then(() => {});
      assert.deepEqual(ended, expected);
    }
    assert.equal(timers.size, 0);
  });

  it("a timer that goes off too early ends nothing, and a limit longer than a timer can be is kept", async () => {
    const limit = new Deadlines();
    let ended = false;
    limit.within(never(), time + 2 ** 33, late("a")).catch(() => ended = true);
    const [first] = timers.values();
    assert.equal(first!.at - time, 2 ** 31 - 1);
    for (let i = 0; i < 3; i++) pass(2 ** 31);
    await Promise.resolve().then(() => {});
    assert.equal(ended, false);
    for (let i = 0; i < 2; i++) pass(2 ** 31);
    await Promise.resolve().then(() => {});
    assert.equal(ended, true);
  });

  it("gives it by way of what is done with it, and a failure too", async () => {
    const limit = new Deadlines();
    const until = time + 100;
    assert.equal(await limit.within(Promise.resolve(5), until, late("a"), (value) => value + 1), 6);
    const broken = () => {
      throw new Error("broken");
    };
    await assert.rejects(limit.within(Promise.resolve(5), until, late("a"), broken), { message: "broken" });
    const failed = (error: unknown) => new Error(`own: ${(error as Error).message}`);
    const failing = Promise.reject(new Error("down"));
    await assert.rejects(limit.within(failing, until, late("a"), undefined, failed), {
      message: "own: down",
    });
    const throwing = Object.assign(Promise.resolve(), { then: broken });
    await assert.rejects(limit.within(throwing, until, late("a"), undefined, failed), {
      message: "own: broken",
    });
    assert.equal(timers.size, 0);
  });

  it("has one timer at a time: for the first end, and no new one for the same", async () => {
    const limit = new Deadlines();
    const [first, second, third] = [200, 100, 100].map((length) =>
      limit.within(never(), time + length, late("late"))
    );
    assert.equal(made, 2);
    assert.deepEqual([...timers.values()].map(({ at }) => at - time), [100]);
    pass(100);
    await assert.rejects(second!, { message: "late" });
    await assert.rejects(third!, { message: "late" });
    assert.deepEqual([...timers.values()].map(({ at }) => at - time), [100]);
    pass(100);
    await assert.rejects(first!, { message: "late" });
    assert.equal(timers.size, 0);
  });

  it("goes on for the others when one has ended, and begins anew when all have", async () => {
    const limit = new Deadlines();
    for (let i = 0; i < 2; i++) {
      const other = limit.within(never(), time + 50, late("late"));
      await limit.within(Promise.resolve(), time + 50, late("a"));
      assert.equal(timers.size, 1);
      pass(50);
      await assert.rejects(other, { message: "late" });
      const next = limit.within(Promise.resolve(), time + 10, late("a"));
      assert.equal(timers.size, 1);
      await next;
      assert.equal(timers.size, 0);
    }
  });

  it("is over at once for who comes too late, and what comes after that is not looked at", async () => {
    const limit = new Deadlines();
    const told: string[] = [];
    const tell = (what: string) => () => void told.push(what);
    const { promise, resolve } = Promise.withResolvers<void>();
    const ended = limit.within(promise, time - 5, tell("late"), tell("done"), tell("failed"));
    const other = limit.within(never(), time + 50, late("other"));
    assert.deepEqual([...timers.values()].map(({ at }) => at - time), [0]);
    pass(0);
    await assert.rejects(ended, (error) => error === undefined);
    resolve();
    await promise;
    pass(50);
    await assert.rejects(other, { message: "other" });
    assert.deepEqual(told, ["late"]);
  });
});
