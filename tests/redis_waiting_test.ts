import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Wire } from "../backends/redis/wire.ts";
import { type Asked, bare, onClock, pause, script, type Setting, thrown, wireOf } from "./redis_wire_rig.ts";

const full = /commands are waiting for Redis already/;

describe("how many commands wait for Redis", () => {
  /** Whether another command would be refused, where one may wait. */
  async function isFull(wire: Wire): Promise<boolean> {
    const message = await wire.ask(script(), ["k"], [], performance.now() + 5).then(
      () => "",
      (error) => (error as Error).message,
    );
    return full.test(message);
  }

  it("is counted until they are answered, and no more than may are sent", async () => {
    const open: ((answer: unknown) => void)[] = [];
    const { ask, wire } = bare(() => new Promise((resolve) => open.push(resolve)), { maxWaiting: 2 });
    const first = [ask(), ask()];
    assert.match((await thrown(ask())).message, /^2 commands are waiting for Redis already$/);
    assert.equal(open.length, 2);
    open[0]!(["t", "1", "yes"]);
    await first[0];
    const third = ask();
    assert.equal(open.length, 3);
    assert.equal(await isFull(wire), true);
    open[1]!(["t", "1", "yes"]);
    open[2]!(["t", "1", "yes"]);
    await Promise.all([...first, third]);
  });

  it("is counted beyond their time, as long as the client holds them", async () => {
    const held: ((answer: unknown) => void)[] = [];
    let refuse = (_: unknown) => {};
    const { ask } = bare(() =>
      new Promise((resolve, reject) => {
        held.push(resolve);
        refuse = reject;
      }), { maxWaiting: 1, timeout: 0.01 });
    assert.match((await thrown(ask())).message, /no answer/);
    assert.match((await thrown(ask())).message, full);
    held[0]!(["t", "1"]);
    await pause(0);
    assert.match((await thrown(ask())).message, /no answer/);
    assert.match((await thrown(ask())).message, full);
    refuse(new Error("gone"));
    await pause(0);
    assert.match((await thrown(ask())).message, /no answer/);
  });

  it("counts none that the client threw away, and one that pauses or has no name yet", async () => {
    const { ask } = bare(() => {
      throw new Error("closed");
    }, { maxWaiting: 1 });
    for (let i = 0; i < 3; i++) assert.doesNotMatch((await thrown(ask())).message, full);
    const away = wireOf(() => ["yes"], { maxWaiting: 1 });
    away.state.ready = false;
    const pausing = away.ask();
    await pause(2);
    assert.match((await thrown(away.ask())).message, full);
    away.state.ready = true;
    await pausing;
    for (let i = 0; i < 3; i++) assert.deepEqual(await away.ask(), ["yes"]);
    const unnamed = wireOf(() => ["yes"], { maxWaiting: 1 });
    const naming = unnamed.ask([], script(false));
    assert.match((await thrown(unnamed.ask())).message, full);
    assert.deepEqual(await naming, ["yes"]);
    for (let i = 0; i < 3; i++) assert.deepEqual(await unnamed.ask([], script(false)), ["yes"]);
  });
});

describe("a record on its way in a cluster", () => {
  const modes = (log: Asked[]) => log.map((one) => one.mode);

  it("is waited for, with pauses, and then no more", () =>
    onClock(async (clock) => {
      const soon = wireOf((_, n) => [n < 3 ? "wait" : "yes", "more"], { cluster: true });
      assert.deepEqual(await soon.ask(["x"]), ["yes", "more"]);
      assert.deepEqual(modes(soon.log), ["patient", "patient", "patient"]);
      assert.deepEqual(soon.log[2]!.args, ["x"]);
      assert.deepEqual(clock.waited.splice(0), [1, 2]);
      const never = wireOf(({ mode }) => [mode === "" ? "told" : "wait"], { cluster: true });
      assert.deepEqual(await never.ask(["x"], script(), clock.now + 23), ["told"]);
      assert.deepEqual(clock.waited, [1, 2, 4, 8]);
      assert.deepEqual(modes(never.log), [...Array(4).fill("patient"), ""]);
      assert.deepEqual(never.log.at(-1)!.args, ["x"]);
    }));

  it("is waited for less than a quarter of a second", () =>
    onClock(async (clock) => {
      const begun = clock.now;
      const { ask, log } = wireOf(({ mode }, n) => {
        // So that a pause would end just then
        if (n === 1) clock.now += 3;
        return [mode === "" ? "told" : "wait"];
      }, { cluster: true });
      assert.deepEqual(await ask(), ["told"]);
      assert.deepEqual([clock.now - begun, log.length, Math.max(...clock.waited)], [242, 33, 8]);
    }));

  it("has no time to be waited for where there is none", () =>
    onClock(async (clock) => {
      const { ask, log } = wireOf(() => ["wait"], { cluster: true });
      assert.deepEqual(await ask([], script(), clock.now + 0.9), ["wait"]);
      assert.deepEqual(modes(log), [""]);
    }));

  it("is nothing to wait for on one server", async () => {
    const { ask, log } = wireOf(() => ["wait"]);
    assert.deepEqual(await ask(), ["wait"]);
    assert.deepEqual(modes(log), ["alone"]);
  });
});

describe("a look by a plain command", () => {
  /** A wire that knows the time, and whose plain commands are answered this. */
  async function known(plain: () => unknown, setting: Setting = {}) {
    const { wire, log, state, ask } = wireOf((one) => one.command === "HMGET" ? plain() : [], setting);
    await ask();
    log.length = 0;
    return { wire, log, state, ask, look: () => wire.look("k", ["f", "g"], wire.deadline()) };
  }

  it("answers the fields", async () => {
    const { look, log } = await known(() => ["a", new TextEncoder().encode("b")]);
    assert.deepEqual(await look(), ["a", "b"]);
    assert.deepEqual(log.map(({ command, keys, args }) => [command, ...keys, ...args]), [[
      "HMGET",
      "k",
      "f",
      "g",
    ]]);
  });

  it("is none without a time, a connection or a place in the line", async () => {
    const { wire } = wireOf(() => []);
    assert.equal(wire.look("k", ["f"], wire.deadline()), undefined);
    const { look, state, wire: one, log } = await known(() => new Promise(() => {}), {
      maxWaiting: 1,
      timeout: 0.01,
    });
    state.ready = false;
    assert.equal(look(), undefined);
    state.ready = true;
    const open = look();
    assert.equal(look(), undefined);
    assert.equal(log.length, 1);
    assert.match((await thrown(open!)).message, /no answer/);
    assert.equal(one.look("k", ["f", "g"], one.deadline()), undefined);
  });

  it("is none of another server, nor after a second", async () => {
    const { wire } = wireOf(() => [], { server: (key) => key });
    await wire.ask(script(), ["a"], [], wire.deadline());
    assert.equal(wire.look("b", ["f"], wire.deadline()), undefined);
    await onClock(async (clock) => {
      const { look } = await known(() => ["a", "b"]);
      clock.now += 1000;
      assert.deepEqual(await look(), ["a", "b"]);
      clock.now += 0.5;
      assert.equal(look(), undefined);
    });
  });

  it("SR-061 tells nothing where the answer has another form, or is an error", async () => {
    for (const answer of [null, "ab", ["a"], ["a", "b", "c"], { length: 2 }, new Map()]) {
      assert.equal(await (await known(() => answer)).look(), undefined, `${answer}`);
    }
    assert.equal(await (await known(() => Promise.reject(new Error("LOADING")))).look(), undefined);
    assert.equal(await (await known(() => Promise.reject("LOADING"))).look(), undefined);
  });
});
