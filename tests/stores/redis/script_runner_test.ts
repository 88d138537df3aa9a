import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ScriptRunner } from "../../../backends/redis/script_runner.ts";
import { bare, clientOf, onClock, pause, script, thrown, wireOf } from "../../support/redis/script_rig.ts";

const sha = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";

describe("the way to Redis", () => {
  it("has tokens that differ, of 24 hexadecimal digits and a number, all of one length", () => {
    const { wire } = wireOf(() => []);
    const tokens = Array.from({ length: 40 }, () => wire.token());
    assert.match(tokens[0]!, /^[0-9a-f]{24}0{10}$/);
    assert.deepEqual(tokens.slice(1, 3).map((token) => token.slice(24)), ["0000000001", "0000000002"]);
    assert.equal(tokens[36]!.slice(24), "0000000010");
    assert.equal(new Set(tokens.map((token) => token.slice(0, 24))).size, 1);
    assert.notEqual(wireOf(() => []).wire.token().slice(0, 24), tokens[0]!.slice(0, 24));
  });

  it("gives an operation its seconds", () => {
    const { wire } = wireOf(() => [], { timeout: 20 });
    const left = wire.deadline() - performance.now();
    assert.ok(left > 19_900 && left <= 20_000, `${left}`);
  });

  it("asks by name, with the token, the mode and the time, and answers what comes after them", async () => {
    const commands: string[][] = [];
    const { ask } = bare((command) => {
      commands.push(command);
      return [
        "t",
        "1700000000",
        "500600",
        "yes",
        ["a", new TextEncoder().encode("b")],
        new TextEncoder().encode("é"),
        null,
        5,
      ];
    });
    assert.deepEqual(await ask(), ["yes", ["a", "b"], "é", null, 5]);
    assert.deepEqual(commands[0], ["EVALSHA", "e0e1f9", "1", "k", "t", "alone", "0", "0"]);
    await ask();
    const [from, until] = commands[1]!.slice(6).map(Number);
    const told = 1_700_000_000_500;
    assert.ok(from! >= told - 10 && from! < told + 500, `${commands[1]}`);
    assert.ok(until! - from! >= 900 && until! - from! <= 1001, `${commands[1]}`);
  });

  it("tells the client whom a command is about", async () => {
    const keys: string[] = [];
    const wire = new ScriptRunner(clientOf((_, key) => (keys.push(key), ["t", "1", "0"])), false, 1, 100);
    await wire.run(script(), ["a", "b"], [], wire.deadline(), "t");
    await wire.look("c", wire.deadline());
    assert.deepEqual(keys, ["a", "c"]);
  });

  it("learns the time of each server by itself", async () => {
    const { wire, log } = wireOf(() => ["yes"], { server: (key) => key });
    const ask = (key: string) => wire.run(script(), [key, "other"], ["x"], wire.deadline());
    for (const key of ["a", "b", "a", "b"]) await ask(key);
    assert.deepEqual(log.map((one) => one.until > 0), [false, false, true, true]);
    assert.deepEqual(log[0]!.args, ["x"]);
    assert.deepEqual(log[0]!.keys, ["a", "other"]);
  });

  it("SR-061 an answer without its token and a time is refused", async () => {
    const none = { 0: "t", 1: "1", 2: "0" };
    for (
      const answer of [
        ["u", "1", "0"],
        ["t"],
        ["t", "1"],
        ["t", "x", "0"],
        ["t", "1", "x"],
        [null, "1", "0"],
        "t10",
        null,
        none,
        [],
      ]
    ) {
      const { ask, wire } = bare(() => answer);
      assert.match((await thrown(ask())).message, /belongs to another command/, `${answer}`);
      assert.equal(wire.look("k", wire.deadline()), undefined, "no time was learned");
    }
    const bytes = (text: string) => new TextEncoder().encode(text);
    assert.deepEqual(await bare(() => [bytes("t"), bytes("1"), bytes("0"), "yes"]).ask(), ["yes"]);
  });

  it("finds out the name of a script, once, and sends it in full where it is not known", async () => {
    const one = script(false);
    const { ask, log } = wireOf(({ command }) => {
      if (command === "EVALSHA") throw new Error("NOSCRIPT No matching script. Please use EVAL.");
      return ["yes"];
    });
    assert.deepEqual(await ask(["x"], one), ["yes"]);
    assert.equal(one.sha, sha);
    assert.deepEqual(await ask(["y"], one), ["yes"]);
    assert.deepEqual(log.map(({ command, args }) => [command, ...args]), [
      ["EVALSHA", "x"],
      ["EVAL", "x"],
      ["EVALSHA", "y"],
      ["EVAL", "y"],
    ]);
    const commands: string[][] = [];
    const { ask: again } = bare((command) => {
      commands.push(command);
      if (command[0] === "EVALSHA") return Promise.reject(new Error("NOSCRIPT"));
      return ["t", "1", "0"];
    });
    await again([], script(false));
    assert.deepEqual(commands.map(([, what]) => what), [sha, "return 1"]);
  });

  it("what is refused in full is refused, and told without what hangs on it", async () => {
    const { ask, log } = wireOf(({ command }) => {
      throw new Error(command === "EVAL" ? "WRONGTYPE in full" : "NOSCRIPT");
    });
    assert.equal(((await thrown(ask())).cause as Error).message, "WRONGTYPE in full");
    assert.equal(log.length, 2);
    const told = Object.assign(new TypeError("ERR broken"), { code: "ECONNRESET", command: ["secret"] });
    told.stack = "the stack";
    const error = await thrown(wireOf(() => Promise.reject(told)).ask());
    assert.match(error.message, /^Redis refused a command/);
    const cause = error.cause as Error & { code?: string };
    assert.notEqual(cause, told);
    assert.deepEqual([cause.message, cause.name, cause.stack, cause.code], [
      "ERR broken",
      "TypeError",
      "the stack",
      "ECONNRESET",
    ]);
    assert.equal("command" in cause, false);
    for (const code of [5, undefined]) {
      const told = Object.assign(new Error("ERR"), code === undefined ? {} : { code });
      delete (told as { stack?: string }).stack;
      const { cause } = await thrown(wireOf(() => Promise.reject(told)).ask());
      assert.equal("code" in (cause as Error), false);
      assert.equal(typeof (cause as Error).stack, "string");
    }
    const text = await thrown(wireOf(() => Promise.reject("just text")).ask());
    assert.equal((text.cause as Error).message, "just text");
    assert.equal((text.cause as Error).name, "Error");
  });

  it("what was certainly not applied is sent again", () =>
    onClock(async () => {
      for (
        const reply of ["LOADING it", "READONLY", "ERR x: -READONLY of a script", "ASK 1 h:1", "MOVED 1 h:1"]
      ) {
        const { ask, log } = wireOf((_, n) => n < 3 ? Promise.reject(new Error(reply)) : ["yes"]);
        assert.deepEqual(await ask(), ["yes"], reply);
        assert.equal(log.length, 3);
      }
      for (const reply of ["XLOADING", "LOADINGS", "ERR LOADING", "-x READONLYish"]) {
        const { ask, log } = wireOf(() => Promise.reject(new Error(reply)));
        assert.equal(((await thrown(ask())).cause as Error).message, reply);
        assert.equal(log.length, 1);
      }
    }));

  it("what is refused until the end is an error that says so, with the last reason", () =>
    onClock(async ({ waited }) => {
      const { ask, log } = wireOf(() => Promise.reject(new Error("BUSY")), { timeout: 0.05 });
      const error = await thrown(ask());
      assert.equal(error.message, "A command was refused by Redis within 0.05 s: it changed nothing");
      assert.equal((error.cause as Error).message, "BUSY");
      assert.deepEqual([waited, log.length], [[8, 16], 3], "32 more would be too long");
    }));

  it("a pause that would end with the time is none", () =>
    onClock(async ({ waited }) => {
      const { ask, log } = wireOf(() => Promise.reject(new Error("BUSY")), { timeout: 0.008 });
      await thrown(ask());
      assert.deepEqual([waited, log.length], [[], 1]);
    }));

  it("what comes late is sent again at once, since the time is known then, and after that with pauses", () =>
    onClock(async ({ waited }) => {
      const { ask, log } = wireOf((_, n) => [n === 1 ? "late" : "yes"]);
      assert.deepEqual(await ask(), ["yes"]);
      assert.deepEqual(log.map((one) => one.until > 0), [false, true]);
      assert.deepEqual(waited, []);
      const never = wireOf(() => ["late"], { timeout: 0.05 });
      const error = await thrown(never.ask());
      assert.equal(error.message, "A command did not come to Redis within 0.05 s: it changed nothing");
      assert.equal(Object.hasOwn(error, "cause"), false);
      assert.deepEqual([waited, never.log.length], [[16, 32], 4]);
      // Refused first: that is not the reason any more
      const turned = wireOf((_, n) => n === 1 ? Promise.reject(new Error("BUSY")) : ["late"], {
        timeout: 0.03,
      });
      assert.equal((await thrown(turned.ask())).cause, undefined);
    }));

  it("a name that is known is not found out again", async () => {
    const commands: string[][] = [];
    const { ask } = bare((
      command,
    ) => (commands.push(command), ["t", "1", "0", commands.length === 1 ? "late" : "yes"]));
    assert.deepEqual(await ask(), ["yes"]);
    assert.deepEqual(commands.map(([, name]) => name), ["e0e1f9", "e0e1f9"]);
  });

  it("what comes late when its time is over is not sent again", () =>
    onClock(async (clock) => {
      for (const beyond of [0, 500]) {
        const { ask, log, wire } = wireOf(() => {
          clock.now = by + beyond;
          return ["late"];
        });
        const by = wire.deadline();
        await thrown(ask([], script(), by));
        assert.equal(log.length, 1);
      }
    }));

  it("without a connection nothing is sent, until there is one", async () => {
    const { ask, log, state } = wireOf(() => ["yes"], { timeout: 0.04 });
    state.ready = false;
    for (const one of [script(), script(false)]) {
      const error = await thrown(ask([], one));
      assert.equal(error.message, "A command had no connection to Redis within 0.04 s: it changed nothing");
      assert.equal(Object.hasOwn(error, "cause"), false);
    }
    assert.equal(log.length, 0);
    const asking = ask([], script(), performance.now() + 1000);
    await pause(2);
    state.ready = true;
    assert.deepEqual(await asking, ["yes"]);
  });

  it("the pauses double, from 8 to 128 milliseconds", () =>
    onClock(async ({ waited }) => {
      await thrown(wireOf(() => Promise.reject(new Error("BUSY"))).ask());
      assert.deepEqual(waited, [8, 16, 32, 64, 128, 128, 128, 128, 128, 128]);
    }));

  it("a client that throws, or breaks the connection, is trouble at once", async () => {
    const { ask } = bare(() => {
      throw new Error("Connection is closed.");
    });
    assert.equal(((await thrown(ask())).cause as Error).message, "Connection is closed.");
    assert.deepEqual(
      await bare(() => ["t", "1", "0", "yes"]).ask(),
      ["yes"],
      "an answer need not be a promise",
    );
  });

  it("an answer that does not come ends in time", async () => {
    const { ask } = bare(() => new Promise(() => {}), { timeout: 0.02 });
    const error = await thrown(ask());
    assert.equal(
      error.message,
      "A command had no answer from Redis within 0.02 s: it was carried out by now, or never will be",
    );
    assert.equal(Object.hasOwn(error, "cause"), false);
  });
});
