/** What the errors of either driver become. */
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import {
  backoff,
  closed,
  inOwnersTransaction,
  isBusy,
  late,
  troubleOf,
} from "../../../backends/sqlite/errors.ts";
import { SessionError } from "../../../src/errors.ts";

const said: [code: unknown, meaning: string][] = [
  [1, "failed"],
  [5, "stayed busy"],
  [6, "stayed busy"],
  [8, "is read-only"],
  [10, "had an input or output error"],
  [11, "is damaged"],
  [13, "is full"],
  [14, "cannot be opened"],
  [26, "is damaged or is no database"],
  [0, "failed"],
  ["5", "failed"],
  [undefined, "failed"],
];

describe("trouble with SQLite", () => {
  const { random } = Math;
  afterEach(() => void (Math.random = random));

  it("SR-050 has the meaning of the primary code, whatever the driver calls it; damage is of opening only", () => {
    for (const [code, meaning] of said) {
      // The extended code has more in its upper bytes
      const extended = typeof code === "number" ? [code, code + 256, code + 65_536 - 256] : [code];
      for (const own of extended) {
        for (const cause of [{ errno: own }, { errcode: own }]) {
          assert.equal(isBusy(cause), code === 5 || code === 6);
          for (const step of ["open", "read", "write"] as const) {
            const error = troubleOf(cause, step);
            const damaged = step === "open" && (code === 11 || code === 26);
            assert.equal(error.code, damaged ? "ERR_DAMAGED" : "ERR_STORE", `${own} ${step}`);
            assert.equal(error.message, `The session database ${meaning}`);
            assert.equal(error.cause, cause);
          }
        }
      }
    }
    assert.equal(troubleOf({ errno: 13, errcode: 5 }, "read").message, "The session database is full");
  });

  it("SR-050 a number that the driver does not read is damage of its row", () => {
    const cause = { code: "ERR_OUT_OF_RANGE" };
    assert.equal(isBusy(cause), false);
    assert.equal(troubleOf(cause, "read").code, "ERR_DAMAGED");
    assert.equal(troubleOf(cause, "read").message, "A row of the session database is not what was written");
    for (const step of ["open", "write"] as const) assert.equal(troubleOf(cause, step).code, "ERR_STORE");
  });

  it("what is no error of a driver has failed, and an error of ours stays what it is", () => {
    for (const cause of [undefined, null, "text", 5, new Error("other"), { code: "ERR_OTHER" }]) {
      assert.equal(isBusy(cause), false);
      assert.equal(troubleOf(cause, "read").message, "The session database failed");
    }
    const own = new SessionError("ERR_CONFLICT", "ours");
    assert.equal(troubleOf(own, "read"), own);
  });

  it("a connection within a transaction counts as busy; a closed store and a late write are said", () => {
    assert.ok(inOwnersTransaction() instanceof Error && isBusy(inOwnersTransaction()));
    assert.deepEqual({ ...inOwnersTransaction() }, { errno: 5 });
    assert.deepEqual([closed().code, closed().message], ["ERR_STORE", "The session store is closed"]);
    assert.deepEqual([late().code, late().message], [
      "ERR_STORE",
      "The session store timed out before the write started",
    ]);
  });

  it("waits 1, 2, 4 … 25 ms before the next try, less up to a half", () => {
    for (const [chance, least] of [[0, 1], [0.5, 0.75], [1, 0.5]] as const) {
      Math.random = () => chance;
      const waits = [0, 1, 2, 3, 4, 5, 50].map(backoff);
      assert.deepEqual(waits, [1, 2, 4, 8, 16, 25, 25].map((wait) => wait * least));
    }
  });
});
