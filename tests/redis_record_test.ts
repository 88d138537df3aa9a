import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instantsSum, sumsOf } from "../backends/checksum.ts";
import {
  count,
  damaged,
  isWhole,
  read,
  storedUser,
  written,
  writtenInstants,
} from "../backends/redis/record.ts";
import { recordFields } from "../backends/redis/scripts.ts";
import { SessionError } from "../src/errors.ts";
import { Tally } from "../backends/tally.ts";

describe("records as Redis keeps them", () => {
  const instants = { createdAt: 1, touchedAt: 2.5, expiresAt: 3 };
  /** The fields `s` and `z`. */
  const sums = (data: string, userId: string) => {
    const sums = sumsOf({ key: "key", version: "v", data, userId, ...instants });
    return [`${sums.data} ${sums.record}`, String(sums.instants)] as const;
  };
  const fields = ["2", "key", "v", "{}", "1", "2.5", "3", '"ann"', ...sums("{}", '"ann"'), null];
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
    const given = { data: "é", ...instants };
    const [none, ann] = [sums("é", ""), sums("é", '"ann"')];
    assert.deepEqual(written("key", given, "v", 7), ["key", "é", "1", "2.5", "3", "", ...none, "7"]);
    assert.deepEqual(
      written("key", { ...given, userId: "ann" }, "v", 7),
      ["key", "é", "1", "2.5", "3", '"ann"', ...ann, "7"],
    );
    assert.deepEqual(writtenInstants("key", 2.5, 3), ["2.5", "3", String(instantsSum("key", 2.5, 3))]);
    assert.throws(() => written("key", { ...given, data: "\udc00" }, "v", 7), {
      code: "ERR_SERIALIZE",
      message: /lone surrogate/,
    });
  });

  it("the fields are read in their order", () => {
    assert.equal(recordFields.join(""), "fkvdcteuszp");
    assert.deepEqual(read("key", fields), { record, pending: false });
    assert.deepEqual(read("key", but({ p: "1" })), { record, pending: true });
    const { userId: _, ...nobody } = record;
    const found = read("key", but({ u: "", s: sums("{}", "")[0] }));
    assert.deepEqual(found, { record: nobody, pending: false });
    assert.equal(Object.hasOwn(found!.record, "userId"), false);
    assert.equal(read("key", but({ u: '""', s: sums("{}", '""')[0] }))!.record.userId, "");
  });

  it("nothing is there without a format", () => {
    assert.equal(read("key", Array(11).fill(null)), undefined);
    assert.equal(read("key", []), undefined);
    assert.equal(read("key", but({ f: null })), undefined);
  });

  it("SR-050 a format that is another number is told, what is none is damage", () => {
    for (const f of ["1", "3", "10", "999999999", 3]) {
      const message = `A record in Redis has format ${f}: this release reads 2`;
      assert.throws(() => read("key", but({ f })), { code: "ERR_STORE", message }, `${f}`);
    }
    for (const f of ["", "0", "01", "-2", "1.5", "x2", "2x", "1234567890", {}]) {
      assert.throws(() => read("key", but({ f })), { code: "ERR_DAMAGED" }, `${f}`);
    }
  });

  it("SR-050 a field that is missing or of another kind is damage", () => {
    const wrong: Record<string, unknown[]> = {
      k: ["other", null, undefined],
      v: [null, undefined, 5, "w", ""],
      d: [null, undefined, 5, "[]", ""],
      c: [null, "", "x", "Infinity", 1, "NaN", "0"],
      t: [null, "", "x", "Infinity", 1, "NaN", "2"],
      e: [null, "", "x", "-Infinity", 1, "NaN", "7"],
      u: [null, undefined, "ann", "7", "null", '["ann"]', '"ann', '"anm"', ""],
      s: [null, undefined, "", "1 2", 5],
      z: [null, undefined, "", "1", 5],
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
    for (const text of ["null", "7", '["ann"]', "ann", '"ann']) {
      const s = sums("{}", text)[0];
      assert.throws(() => read("key", but({ u: text, s })), { code: "ERR_DAMAGED" }, text);
    }
    assert.equal(read("key", but({ d: "", s: sums("", '"ann"')[0] }))!.record.data, "");
  });

  it("SR-050 a field of which a bit is another makes damage or another format, never another record", () => {
    const found = { right: 0, ERR_DAMAGED: 0, ERR_STORE: 0 };
    for (const [at, field] of fields.entries()) {
      const bytes = new TextEncoder().encode(field ?? "");
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = bytes.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        try {
          assert.deepEqual(read("key", fields.with(at, new TextDecoder().decode(flipped))), {
            record,
            pending: false,
          });
          found.right++; // the same number in other letters
        } catch (error) {
          found[(error as SessionError).code as "ERR_STORE"]++;
        }
      }
    }
    assert.ok(found.ERR_DAMAGED > 300 && found.ERR_STORE < 8 && found.right < 8, JSON.stringify(found));
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
    assert.equal(isWhole("key", but({ f: "1" })), false);
    assert.equal(isWhole("key", but({ f: null })), false);
    assert.equal(isWhole("key", but({ p: "1" })), false);
    assert.equal(isWhole("key", but({ p: "" })), false);
    assert.equal(isWhole("key", but({ p: undefined })), true);
  });

  it("records are counted with their keys; what is under another key, or incomplete, is damage", () => {
    const tally = new Tally(2, [50]);
    const pending = but({ p: "1" });
    count(tally, ["key", ...fields, "other", ...fields, "key", ...but({ c: "5" }), "key", ...pending, "key"]);
    assert.deepEqual(tally.stats, {
      live: 1,
      expired: 0,
      damaged: 2,
      bytes: 2,
      oldest: 1,
      newest: 1,
      ages: [1, 0],
    });
    const later = new Tally(3, []);
    count(later, ["key", ...fields, "key", ...but({ f: "9" })]);
    assert.deepEqual([later.stats.live, later.stats.expired, later.stats.damaged], [0, 1, 1]);
    const none = new Tally(100, []);
    count(none, []);
    assert.deepEqual([none.stats.live, none.stats.damaged], [0, 0]);
  });
});
