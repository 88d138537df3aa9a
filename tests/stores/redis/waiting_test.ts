import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ScriptRunner } from "../../../backends/redis/script_runner.ts";
import {
  bare,
  onClock,
  pause,
  script,
  type Setting,
  thrown,
  wireOf,
} from "../../support/redis/script_rig.ts";

const full = /commands are waiting for Redis already/;

describe("how many commands wait for Redis", () => {
  /** Whether another command would be refused, where one may wait. */
  async function isFull(wire: ScriptRunner): Promise<boolean> {
    const message = await wire.run(script(), ["k"], [], performance.now() + 5).then(
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
    open[0]!(["t", "1", "0", "yes"]);
    await first[0];
    const third = ask();
    assert.equal(open.length, 3);
    assert.equal(await isFull(wire), true);
    open[1]!(["t", "1", "0", "yes"]);
    open[2]!(["t", "1", "0", "yes"]);
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
    held[0]!(["t", "1", "0"]);
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

describe("a look by a plain command", () => {
  /** A wire that knows the time, and whose plain commands are answered this. */
  async function known(plain: () => unknown, setting: Setting = {}) {
    const { wire, log, state, ask } = wireOf((one) => one.command === "GET" ? plain() : [], setting);
    await ask();
    log.length = 0;
    return { wire, log, state, ask, look: () => wire.look("k", wire.deadline()) };
  }

  it("answers the text, also of a client that answers bytes", async () => {
    const { look, log } = await known(() => "a");
    assert.equal(await look(), "a");
    assert.deepEqual(log.map(({ command, keys, args }) => [command, ...keys, ...args]), [["GET", "k"]]);
    assert.equal(await (await known(() => new TextEncoder().encode("é"))).look(), "é");
    assert.equal(await (await known(() => null)).look(), null);
  });

  it("is none without a time, a connection or a place in the line", async () => {
    const { wire } = wireOf(() => []);
    assert.equal(wire.look("k", wire.deadline()), undefined);
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
    assert.equal(one.look("k", one.deadline()), undefined);
  });

  it("is none of another server, nor after a second", async () => {
    const { wire } = wireOf(() => [], { server: (key) => key });
    await wire.run(script(), ["a"], [], wire.deadline());
    assert.equal(wire.look("b", wire.deadline()), undefined);
    await onClock(async (clock) => {
      const { look } = await known(() => "a");
      clock.now += 1000;
      assert.equal(await look(), "a");
      clock.now += 0.5;
      assert.equal(look(), undefined);
    });
  });

  it("SR-061 tells nothing where it is refused", async () => {
    assert.equal(await (await known(() => Promise.reject(new Error("LOADING")))).look(), undefined);
    assert.equal(await (await known(() => Promise.reject("LOADING"))).look(), undefined);
  });
});
