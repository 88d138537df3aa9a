/** Reads of a database that is busy, broken or closed. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { Connection, Statements } from "../../../backends/sqlite/connection.ts";
import { Reads } from "../../../backends/sqlite/reads.ts";
import type { Step } from "../../../backends/sqlite/errors.ts";

const statements = {} as Statements;
const busy = () => Object.assign(new Error("locked"), { errno: 5 });
const broken = (errno: number) => Object.assign(new Error("broken"), { errno });

/** Reads whose queries meet these faults, in turn, and then answer; `after` is called after each. */
function reading(faults: (Error | undefined)[], timeout: number, after = () => {}) {
  const reads = new Reads({ statements } as Connection, timeout);
  let tries = 0;
  const query = (given: Statements) => {
    assert.equal(given, statements);
    const fault = faults[Math.min(tries++, faults.length - 1)];
    after();
    if (fault) throw fault;
    return "answer";
  };
  return { reads, run: (step?: Step) => reads.run(query, step), tries: () => tries };
}

describe("the reads of SQLite", () => {
  const { now } = performance;
  const { random } = Math;
  let time = 0;
  beforeEach(() => void (time = 1000));
  afterEach(() => {
    performance.now = now;
    Math.random = random;
  });

  it("answer at once with what is there", () => {
    const { run, tries } = reading([undefined], 5);
    assert.equal(run(), "answer");
    assert.equal(tries(), 1);
  });

  it("SR-055 try again while the database is busy", async () => {
    const { run, tries } = reading([busy(), busy(), busy(), undefined], 60_000);
    const answer = run();
    assert.ok(answer instanceof Promise);
    assert.equal(tries(), 1);
    assert.equal(await answer, "answer");
    assert.equal(tries(), 4);
  });

  it("SR-055 wait longer from try to try, and as long as the time limit says", async () => {
    const begun = now.call(performance);
    const { run } = reading([...Array(6).fill(busy()), undefined], 60_000);
    await run();
    // 1 + 2 + 4 + 8 + 16 + 25 ms, less up to a half
    assert.ok(now.call(performance) - begun >= 26, `${now.call(performance) - begun} ms`);
    const { run: short } = reading([busy()], 1);
    const started = now.call(performance);
    await assert.rejects(async () => await short(), { code: "ERR_STORE" });
    assert.ok(now.call(performance) - started >= 1);
  });

  it("SR-055 wait no longer than what is left of the time limit", async () => {
    performance.now = () => time;
    Math.random = () => 0; // pauses as long as can be: 900 ms in all
    const { run, tries } = reading([...Array(40).fill(busy()), undefined], 0.5);
    const begun = now.call(performance);
    await run();
    assert.equal(tries(), 41);
    assert.ok(now.call(performance) - begun < 450, `${now.call(performance) - begun} ms`);
  });

  it("SR-055 give up when the database stayed busy up to the time limit, and say so", async () => {
    performance.now = () => time;
    const { run, tries } = reading([busy()], 30, () => time += 10);
    // At 1010 the waiting begins; the tries end at 1020, 1030 and 1040
    await assert.rejects(async () => await run(), {
      code: "ERR_STORE",
      message: "The session database stayed busy",
    });
    assert.equal(tries(), 4);
  });

  it("SR-050 other trouble ends them, at once or after waiting", async () => {
    for (const [errno, code] of [[10, "ERR_STORE"], [11, "ERR_DAMAGED"]] as const) {
      for (const step of ["open", "read"] as const) {
        const expected = { code: step === "open" ? code : "ERR_STORE" };
        assert.throws(() => reading([broken(errno)], 5).run(step), expected);
        const { run, tries } = reading([busy(), broken(errno), undefined], 60_000);
        await assert.rejects(async () => await run(step), expected);
        assert.equal(tries(), 2);
      }
    }
  });

  it("SR-075 a closed store is not asked, also by those that wait", async () => {
    const closed = { code: "ERR_STORE", message: "The session store is closed" };
    const { reads, run, tries } = reading([busy(), undefined], 60_000);
    const waiting = Promise.resolve(run());
    reads.close();
    await assert.rejects(waiting, closed);
    assert.throws(() => run(), closed);
    assert.equal(tries(), 1);
  });
});
