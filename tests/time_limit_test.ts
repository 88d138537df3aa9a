import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { TimeLimit } from "../src/time_limit.ts";

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
    const limit = new TimeLimit();
    assert.equal(await limit.within(Promise.resolve(5), time + 100, late("a")), 5);
    await assert.rejects(limit.within(Promise.reject(new Error("own")), time + 100, late("a")), {
      message: "own",
    });
    const throwing = { then: () => assert.fail("thrown") } as unknown as PromiseLike<void>;
    await assert.rejects(limit.within(throwing, time + 100, late("a")), { message: "thrown" });
    assert.equal(timers.size, 0);
  });

  it("a hundred waits at once take one timer", async () => {
    const limit = new TimeLimit();
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
    const limit = new TimeLimit();
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
    const limit = new TimeLimit();
    let ended = false;
    limit.within(never(), time + 2 ** 33, late("a")).catch(() => ended = true);
    const [first] = timers.values();
    assert.ok(first!.at - time < 2 ** 31);
    for (let i = 0; i < 3; i++) pass(2 ** 31);
    await Promise.resolve().then(() => {});
    assert.equal(ended, false);
    for (let i = 0; i < 2; i++) pass(2 ** 31);
    await Promise.resolve().then(() => {});
    assert.equal(ended, true);
  });
});
