import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  countFields,
  damaged,
  isWhole,
  read,
  recordFields,
  storedUser,
  written,
} from "../backends/redis/record.ts";
import { SessionError } from "../src/errors.ts";
import { Tally } from "../backends/tally.ts";

describe("records as Redis keeps them", () => {
  const fields = ["1", "key", "v", "{}", "1", "2.5", "3", '"ann"', null];
  const record = { version: "v", data: "{}", createdAt: 1, touchedAt: 2.5, expiresAt: 3, userId: "ann" };
  /** The fields with some of them in another way, by name. */
  const but = (more: Record<string, unknown>) =>
    fields.map((field, i) => recordFields[i]! in more ? more[recordFields[i]!] : field);

  it("a user is JSON, and nobody is empty", () => {
    assert.equal(storedUser(undefined), "");
    assert.equal(storedUser(""), '""');
    assert.equal(storedUser('a"\ud800'), '"a\\"\\ud800"');
  });

  it("a record is written field by field", () => {
    const given = { data: "é", createdAt: 1, touchedAt: 2.5, expiresAt: 3 };
    assert.deepEqual(written("key", given, 7), ["key", "é", "1", "2.5", "3", "", "7"]);
    assert.deepEqual(written("key", { ...given, userId: "ann" }, 7), [
      "key",
      "é",
      "1",
      "2.5",
      "3",
      '"ann"',
      "7",
    ]);
    assert.throws(() => written("key", { ...given, data: "\udc00" }, 7), {
      code: "ERR_SERIALIZE",
      message: /lone surrogate/,
    });
  });

  it("the fields are read in their order", () => {
    assert.equal(recordFields.join(""), "fkvdcteup");
    assert.deepEqual(read("key", fields), { record, pending: false });
    assert.deepEqual(read("key", but({ p: "1" })), { record, pending: true });
    const { userId: _, ...nobody } = record;
    const found = read("key", but({ u: "" }));
    assert.deepEqual(found, { record: nobody, pending: false });
    assert.equal(Object.hasOwn(found!.record, "userId"), false);
    assert.equal(read("key", but({ u: '""' }))!.record.userId, "");
    assert.equal(read("key", but({ c: "-1", e: "0" }))!.record.createdAt, -1);
  });

  it("nothing is there without a format", () => {
    assert.equal(read("key", Array(9).fill(null)), undefined);
    assert.equal(read("key", []), undefined);
    assert.equal(read("key", but({ f: null })), undefined);
  });

  it("SR-050 a format that is a greater number is newer, any other is damage", () => {
    for (const f of ["2", "10", "999999999", 2]) {
      assert.throws(() => read("key", but({ f })), { code: "ERR_STORE", message: /newer format/ }, `${f}`);
    }
    for (const f of ["", "0", "01", "-2", "1.5", "x2", "2x", "1234567890", {}]) {
      assert.throws(() => read("key", but({ f })), { code: "ERR_DAMAGED" }, `${f}`);
    }
  });

  it("SR-050 a field that is missing or of another kind is damage", () => {
    const wrong: Record<string, unknown[]> = {
      k: ["other", null, undefined],
      v: [null, undefined, 5],
      d: [null, undefined, 5],
      c: [null, "", "x", "Infinity", 1, "NaN"],
      t: [null, "", "x", "Infinity", 1, "NaN"],
      e: [null, "", "x", "-Infinity", 1, "NaN"],
      u: [null, undefined, "ann", "7", "null", '["ann"]', '"ann'],
    };
    for (const [name, values] of Object.entries(wrong)) {
      for (const value of values) {
        assert.throws(
          () => read("key", but({ [name]: value })),
          (error) => error instanceof SessionError && error.code === "ERR_DAMAGED",
          `${name} ${value}`,
        );
      }
    }
    assert.equal(read("key", but({ d: "", v: "" }))!.record.data, "");
  });

  it("an error of damage has the cause it was given", () => {
    const cause = new Error("why");
    assert.equal(damaged(cause).cause, cause);
    assert.equal(damaged(cause).code, "ERR_DAMAGED");
    assert.match(damaged().message, /not what was written/);
  });

  it("fields are whole if they say whose they are, and not if they are on their way", () => {
    assert.equal(isWhole("key", fields), true);
    assert.equal(isWhole("other", fields), false);
    assert.equal(isWhole("key", but({ f: "2" })), false);
    assert.equal(isWhole("key", but({ f: null })), false);
    assert.equal(isWhole("key", but({ p: "1" })), false);
    assert.equal(isWhole("key", but({ p: "" })), false);
    assert.equal(isWhole("key", but({ p: undefined })), true);
  });

  it("sizes are counted by three, and an empty one is damage", () => {
    const tally = new Tally(100, [50]);
    countFields(tally, ["10", "200", "5", "60", "70", "6", "", "", "", "90", "200", "0"]);
    assert.deepEqual(tally.stats, {
      live: 2,
      expired: 1,
      damaged: 1,
      bytes: 11,
      oldest: 10,
      newest: 90,
      ages: [1, 1],
    });
    for (
      const one of [["", "200", "5"], ["10", "", "5"], ["10", "200", ""], ["10", "200"], ["x", "200", "5"]]
    ) {
      const tally = new Tally(100, []);
      countFields(tally, one);
      assert.deepEqual([tally.stats.live, tally.stats.damaged], [0, 1], `${one}`);
    }
    const none = new Tally(100, []);
    countFields(none, []);
    assert.deepEqual([none.stats.live, none.stats.damaged], [0, 0]);
  });
});
