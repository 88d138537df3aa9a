import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sumsOf } from "../../../backends/support/checksum.ts";
import {
  damaged,
  endsAt,
  instantsAt,
  isWhole,
  numberWidth,
  promisedAt,
  read,
  readSummary,
  storedUser,
  touchedAt,
  userAt,
  versionAt,
  versionWidth,
  write,
  writtenInstants,
} from "../../../backends/redis/record.ts";
import type { SessionError } from "../../../src/errors.ts";
import type { SessionRecord } from "../../../src/store.ts";
import { type PutIn, stored } from "../../support/redis/text.ts";

describe("records as Redis keeps them", () => {
  const key = "0123456789abcdef".repeat(4);
  const given: SessionRecord = {
    data: '{"a":"é\\n"}\n\n',
    head: 'first\n"second" ü',
    userId: "ann",
    createdAt: 1,
    touchedAt: 2.5,
    expiresAt: 3,
  };
  const version = "v".repeat(versionWidth);
  /** The text of a record, after the server has put the rest in. */
  const textOf = (record: SessionRecord = given, rest: PutIn = {}) =>
    stored(write(key, record, version), rest);
  const text = textOf();

  it("a user is JSON, and nobody is empty", () => {
    assert.equal(storedUser(undefined), "");
    assert.equal(storedUser(""), '""');
    assert.equal(storedUser('a"\ud800'), '"a\\"\\ud800"');
  });

  it("a record is one text: a line with what is written over, the user, what the server puts in, the head, the data", () => {
    const { front, middle, back, user, ends } = write(key, given, version);
    const sums = sumsOf({ ...given, key, version, head: given.head, userId: given.userId });
    const instants = writtenInstants(key, 2.5, 3);
    const [data, record] = [sums.data, sums.record].map((sum) => String(sum).padStart(10));
    assert.equal(front, `2 ${key} ${instants} `);
    assert.equal(middle, `${version} ${data} ${record} ${"1".padStart(24)}\n"ann"\n`);
    assert.equal(back, `\n${JSON.stringify(given.head)}\n${given.data}`);
    assert.deepEqual([user, ends], ['"ann"', "3".padStart(24)]);
    assert.deepEqual(instants.trim().split(/ +/), [String(sums.instants), "2.5", "3"]);
    const { head: _, userId: __, ...nobody } = given;
    assert.equal(write(key, nobody, version).back, `\n\n${given.data}`);
    assert.match(write(key, nobody, version).middle, / 1\n\n$/);
    assert.equal(write(key, nobody, version).user, "");
    for (const wrong of [{ ...given, data: "\udc00" }, { ...given, head: "\ud800" }]) {
      assert.throws(() => write(key, wrong, version), { code: "ERR_SERIALIZE", message: /lone surrogate/ });
    }
  });

  it("instants have the same place and width whatever they are, so that a touch changes nothing else", () => {
    const numbers = [0, 1, 2.5, 1.7e12, 1700000000000.1234, 5e-324, 1.7976931348623157e308, -1.1e-300];
    for (const touchedAt of numbers) {
      for (const expiresAt of numbers) {
        const instants = writtenInstants(key, touchedAt, expiresAt);
        assert.equal(instants.length, writtenInstants(key, 1, 2).length, `${touchedAt} ${expiresAt}`);
        const touched = text.slice(0, instantsAt) + instants + text.slice(instantsAt + instants.length);
        assert.equal(touched, textOf({ ...given, touchedAt, expiresAt }));
        assert.deepEqual(read(key, touched), { ...given, version, touchedAt, expiresAt });
      }
    }
  });

  it("every field of the first line has the same place, whatever the record is", () => {
    const others: SessionRecord[] = [
      given,
      { data: "", createdAt: 0, touchedAt: 0, expiresAt: 0 },
      {
        data: "é".repeat(999),
        head: "\n",
        userId: "\u0000é",
        createdAt: Number.MIN_SAFE_INTEGER,
        touchedAt: -1.1e-300,
        expiresAt: Number.MAX_SAFE_INTEGER,
      },
    ];
    for (const record of others) {
      const one = textOf(record, { promised: "1700000000000", again: "9999999999999999", entry: "e" });
      assert.deepEqual([promisedAt, versionAt, userAt], [128, 162, 244]);
      assert.equal(one.slice(touchedAt, touchedAt + numberWidth).trim(), String(record.touchedAt));
      assert.equal(one.slice(endsAt, endsAt + numberWidth).trim(), String(record.expiresAt));
      assert.equal(one.slice(promisedAt, versionAt), "   1700000000000 9999999999999999 ");
      assert.equal(one.slice(versionAt, versionAt + versionWidth + 1), `${version} `);
      assert.equal(one.indexOf("\n"), userAt - 1);
      assert.ok(one.startsWith(`${storedUser(record.userId)}\ne `, userAt));
    }
  });

  it("a text is read as it was written, whatever the server has put in", () => {
    for (
      const rest of [
        { entry: "entry" },
        { had: "a,b,c," },
        { entry: "entry", had: "a,b,", promised: "1700000000000" },
        { promised: "7", again: "x" },
      ]
    ) {
      assert.deepEqual(read(key, textOf(given, rest)), { ...given, version });
    }
    const { head: _, userId: __, ...nobody } = given;
    assert.deepEqual(
      Object.keys(read(key, textOf(nobody))).sort(),
      [...Object.keys(nobody), "version"].sort(),
    );
    const empty = { ...given, data: "", head: "", userId: "" };
    assert.deepEqual(read(key, textOf(empty)), { ...empty, version });
  });

  it("what a list shows is read without the data, however little of it is there", () => {
    const { data, ...summary } = given;
    for (const left of [data.length, 3, 0]) {
      assert.deepEqual(readSummary(key, text.slice(0, text.length - data.length + left)), summary);
    }
    const { head: _, userId: __, ...nobody } = given;
    assert.equal("head" in readSummary(key, textOf(nobody)), false);
    assert.equal("userId" in readSummary(key, textOf(nobody)), false);
    assert.throws(() => readSummary(key, text.slice(0, -data.length - 1)), { code: "ERR_DAMAGED" });
  });

  it("SR-050 a format that is another number is told, what is none is damage", () => {
    for (const format of ["1", "3", "10", "999999999"]) {
      const message = `A record in Redis has format ${format}: this release reads 2`;
      for (const other of [format + text.slice(1), `${format} anything`, `${format}\n`]) {
        assert.throws(() => read(key, other), { code: "ERR_STORE", message }, other);
        assert.throws(() => readSummary(key, other), { code: "ERR_STORE", message }, other);
      }
    }
    for (const none of ["", "0", "01", "-2", "1.5", "x2", "2x", "1234567890", "2", "3"]) {
      assert.throws(() => read(key, none), { code: "ERR_DAMAGED" }, none);
      if (none !== "2" && none !== "3") {
        assert.throws(() => read(key, none + text.slice(1)), { code: "ERR_DAMAGED" }, none);
      }
    }
  });

  it("SR-050 a record under another key, and one that is cut, is damage", () => {
    assert.throws(() => read(key.replace("0", "1"), text), { code: "ERR_DAMAGED" });
    for (let length = 0; length < text.length; length++) {
      assert.throws(() => read(key, text.slice(0, length)), { code: "ERR_DAMAGED" }, `${length}`);
    }
    assert.throws(() => read(key, text + " "), { code: "ERR_DAMAGED" });
  });

  it("SR-050 a part that is of another kind is damage", () => {
    const lines = text.split("\n");
    const but = (line: number, value: string) => lines.with(line, value).join("\n");
    for (const value of ["", "ann", "7", "null", '["ann"]', '"ann', '"anm"', '""']) {
      assert.throws(() => read(key, but(1, value)), { code: "ERR_DAMAGED" }, value);
      assert.throws(() => read(key, but(3, value)), { code: "ERR_DAMAGED" }, value);
    }
    const sums = versionAt + versionWidth + 1;
    const fields = [
      [instantsAt, 10],
      [touchedAt, numberWidth],
      [endsAt, numberWidth],
      [versionAt, versionWidth],
      [sums, 10],
      [sums + 11, 10],
      [sums + 22, numberWidth],
    ] as const;
    for (const [at, width] of fields) {
      for (const value of ["x", "Infinity", "NaN", "7", ""]) {
        const changed = text.slice(0, at) + value.padStart(width) + text.slice(at + width);
        assert.equal(changed.length, text.length);
        assert.throws(() => read(key, changed), { code: "ERR_DAMAGED" }, `${at} ${value}`);
      }
    }
  });

  it("SR-050 a text of which a bit is another makes damage or another format, never another record", () => {
    const found = { right: 0, ofServer: 0, ERR_DAMAGED: 0, ERR_STORE: 0 };
    const bytes = new TextEncoder().encode(text);
    const entryAt = text.indexOf("\n", userAt) + 1;
    const isOfServer = (at: number) =>
      at >= promisedAt && at < versionAt || at >= entryAt && at <= entryAt + versionWidth;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      try {
        assert.deepEqual(read(key, new TextDecoder().decode(flipped)), { ...given, version });
        found[isOfServer(bit >> 3) ? "ofServer" : "right"]++; // which are the same numbers in other letters
      } catch (error) {
        found[(error as SessionError).code as "ERR_STORE"]++;
      }
    }
    assert.ok(found.ERR_DAMAGED > 1000 && found.ERR_STORE < 8 && found.right < 100, JSON.stringify(found));
    // What the server has put in proves nothing, and is no part of a record: only a line that ends in it is damage
    const all = 8 * (versionAt - promisedAt + versionWidth + 1);
    assert.ok(found.ofServer >= all - 8 && found.ofServer <= all, JSON.stringify(found));
  });

  it("an error of damage has the cause it was given", () => {
    const cause = new Error("why");
    assert.equal(damaged(cause).cause, cause);
    assert.equal(damaged(cause).code, "ERR_DAMAGED");
    assert.match(damaged().message, /not what was written/);
  });

  it("a text is whole if it says itself whose it is", () => {
    assert.equal(isWhole(key, text), true);
    for (const other of [`1${text.slice(1)}`, text.slice(1), "", "x v,", null, undefined, 5, [text]]) {
      assert.equal(isWhole(key, other), false, `${other}`);
    }
    assert.equal(isWhole(key.replace("0", "1"), text), false);
  });
});
