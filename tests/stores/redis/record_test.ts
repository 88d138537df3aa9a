import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sumsOf } from "../../../backends/support/checksum.ts";
import {
  damaged,
  instantsAt,
  isWhole,
  read,
  readSummary,
  storedUser,
  write,
  writtenInstants,
} from "../../../backends/redis/record.ts";
import type { SessionError } from "../../../src/errors.ts";
import type { SessionRecord } from "../../../src/store.ts";

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
  /** The text of a record at version `v`, after the server has put the rest of the first line in. */
  const textOf = (record: SessionRecord = given, rest = "- ") => {
    const { front, back } = write(key, record, "v");
    return `${front} ${rest}${back}`;
  };
  const text = textOf();

  it("a user is JSON, and nobody is empty", () => {
    assert.equal(storedUser(undefined), "");
    assert.equal(storedUser(""), '""');
    assert.equal(storedUser('a"\ud800'), '"a\\"\\ud800"');
  });

  it("a record is one text: a line with what a touch writes over, the user, the head, the data", () => {
    const { front, back, user, ends } = write(key, given, "v");
    const sums = sumsOf({ ...given, key, version: "v", head: given.head, userId: given.userId });
    const instants = writtenInstants(key, 2.5, 3);
    assert.equal(front, `2 ${key} ${instants} v ${sums.data} ${sums.record} 1`);
    assert.equal(back, `\n"ann"\n${JSON.stringify(given.head)}\n${given.data}`);
    assert.deepEqual([user, ends], ['"ann"', "3"]);
    assert.deepEqual(instants.trim().split(/ +/), [String(sums.instants), "2.5", "3"]);
    const { head: _, userId: __, ...nobody } = given;
    assert.equal(write(key, nobody, "v").back, `\n\n\n${given.data}`);
    assert.equal(write(key, nobody, "v").user, "");
    for (const wrong of [{ ...given, data: "\udc00" }, { ...given, head: "\ud800" }]) {
      assert.throws(() => write(key, wrong, "v"), { code: "ERR_SERIALIZE", message: /lone surrogate/ });
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
        assert.deepEqual(read(key, touched), { ...given, version: "v", touchedAt, expiresAt });
      }
    }
  });

  it("a text is read as it was written, whatever the server has put in", () => {
    for (const rest of ["- ", "entry ", "- a,b,c,", "entry a,b,"]) {
      assert.deepEqual(read(key, textOf(given, rest)), { ...given, version: "v" });
    }
    const { head: _, userId: __, ...nobody } = given;
    assert.deepEqual(
      Object.keys(read(key, textOf(nobody))).sort(),
      [...Object.keys(nobody), "version"].sort(),
    );
    const empty = { ...given, data: "", head: "", userId: "" };
    assert.deepEqual(read(key, textOf(empty)), { ...empty, version: "v" });
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
      assert.throws(() => read(key, but(2, value)), { code: "ERR_DAMAGED" }, value);
    }
    const words = lines[0]!.split(/ +/);
    for (let word = 2; word < 9; word++) {
      for (const value of ["x", "Infinity", "NaN", "7"]) {
        const width = words[word]!.length;
        const at = lines[0]!.lastIndexOf(` ${words.slice(word).join(" ")}`);
        const changed = at < 0
          ? lines[0]!.replace(words[word]!.padStart(width), value.padStart(width))
          : lines[0]!.slice(0, at + 1) + value + lines[0]!.slice(at + 1 + width);
        assert.throws(() => read(key, but(0, changed)), { code: "ERR_DAMAGED" }, `${word} ${value}`);
      }
    }
  });

  it("SR-050 a text of which a bit is another makes damage or another format, never another record", () => {
    const found = { right: 0, ERR_DAMAGED: 0, ERR_STORE: 0 };
    const bytes = new TextEncoder().encode(text);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      try {
        assert.deepEqual(read(key, new TextDecoder().decode(flipped)), { ...given, version: "v" });
        found.right++; // what the server has put in, or the same number in other letters
      } catch (error) {
        found[(error as SessionError).code as "ERR_STORE"]++;
      }
    }
    assert.ok(found.ERR_DAMAGED > 1000 && found.ERR_STORE < 8 && found.right < 150, JSON.stringify(found));
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
