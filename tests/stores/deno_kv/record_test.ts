/** The bytes of one record in Deno KV. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bytesSum } from "../../../backends/support/checksum.ts";
import { decodeRecord, encodeRecord } from "../../../backends/deno_kv/record.ts";
import { SessionError } from "../../../src/errors.ts";

const key = "k".repeat(64);
const version = "01234567-89ab-4cde-8f01-23456789abcd";
const instants = { createdAt: 1, touchedAt: -2, expiresAt: 3.5e12 };
const fixed = (flags: number, userLength: number, headLength = 0) => {
  const bytes = Buffer.alloc(66);
  bytes.set([2, flags]);
  bytes.writeDoubleBE(1, 2);
  bytes.writeDoubleBE(-2, 10);
  bytes.writeDoubleBE(3.5e12, 18);
  bytes.write(version, 26);
  bytes.writeUInt16BE(userLength, 62);
  bytes.writeUInt16BE(headLength, 64);
  return bytes;
};
/** The bytes with their sum behind them. */
const summed = (bytes: Uint8Array) => {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(bytesSum(key, bytes));
  return Buffer.concat([bytes, sum]);
};
const records: [flags: number, user: string | undefined, data: string, userBytes: string, bytes: string][] = [
  [0, undefined, "", "", ""],
  [0, undefined, '{"a":"é"}', "", '{"a":"é"}'],
  [1, "", "{}", "", "{}"],
  [1, "ada", "\uFEFF{}", "ada", "\uFEFF{}"],
  [2, undefined, "\uD800", "", '"\\ud800"'],
  [3, "ada", "\uD800", '"ada"', '"\\ud800"'],
  [3, "\uDFFF", "{}", '"\\udfff"', '"{}"'],
];
const damage = (error: unknown) =>
  error instanceof SessionError && error.code === "ERR_DAMAGED" && error.cause === undefined;

describe("the bytes of a record in Deno KV", () => {
  it("are those of format 2, wherever they lie", () => {
    for (const [flags, userId, data, userBytes, dataBytes] of records) {
      const record = { data, ...(userId === undefined ? {} : { userId }), ...instants };
      const user = Buffer.from(userBytes);
      const expected = summed(Buffer.concat([fixed(flags, user.length), user, Buffer.from(dataBytes)]));
      assert.deepEqual(Buffer.from(encodeRecord(key, record, version)), expected);
      assert.deepEqual(decodeRecord(key, expected), { ...record, version });
      const inside = new Uint8Array(expected.length + 9).fill(9);
      inside.set(expected, 5);
      assert.deepEqual(decodeRecord(key, inside.subarray(5, 5 + expected.length)), { ...record, version });
    }
  });

  it("have the head between the user and the data, and say whether there is one", () => {
    for (const [top, flags] of [["", 5], ["1 é\n{}", 5], [undefined, 1]] as const) {
      const record = { data: "{}", ...(top === undefined ? {} : { head: top }), userId: "ada", ...instants };
      const text = Buffer.from(top ?? "");
      const expected = summed(
        Buffer.concat([fixed(flags, 3, text.length), Buffer.from("ada"), text, Buffer.from("{}")]),
      );
      assert.deepEqual(Buffer.from(encodeRecord(key, record, version)), expected);
      assert.deepEqual(decodeRecord(key, expected), { ...record, version });
    }
  });

  it("SR-058 are at most 65,536", () => {
    const record = (length: number) => ({ data: "x".repeat(length), userId: "ada", ...instants });
    assert.equal(encodeRecord(key, record(65_536 - 73), version).length, 65_536);
    assert.throws(() => encodeRecord(key, record(65_537 - 73), version), {
      code: "ERR_TOO_LARGE",
      message: "The record takes 65537 bytes: Deno KV holds at most 65536",
    });
  });

  it("SR-050 that are no record are damage, also without a cause that would quote them", () => {
    const good = Buffer.concat([fixed(1, 3), Buffer.from("ada{}")]);
    const changed = (change: (bytes: Buffer) => unknown) => {
      const bytes = Buffer.from(good);
      change(bytes);
      return summed(bytes);
    };
    const wrong: unknown[] = [
      undefined,
      "text",
      { length: 66 },
      good,
      summed(good).subarray(0, 69),
      summed(good.subarray(0, 68)),
      changed((bytes) => bytes[0] = 0),
      changed((bytes) => bytes[1] = 8),
      changed((bytes) => bytes[1] = 3),
      changed((bytes) => bytes.writeUInt16BE(6, 62)),
      changed((bytes) => bytes.writeUInt16BE(3, 64)),
      changed((bytes) => bytes[30] = 0xff),
      changed((bytes) => bytes[66] = 0xff),
      changed((bytes) => bytes[70] = 0xff),
      ...[2, 10, 18].flatMap((at) =>
        [NaN, Infinity, -Infinity].map((instant) => changed((bytes) => bytes.writeDoubleBE(instant, at)))
      ),
    ];
    for (const [index, value] of wrong.entries()) {
      assert.throws(() => decodeRecord(key, value), damage, `${index}`);
    }
    assert.equal(decodeRecord(key, summed(good.subarray(0, 69))).data, "");
  });

  it("SR-050 of which a bit is another, or that lie under another key, are damage or of another format", () => {
    const good = summed(Buffer.concat([fixed(1, 3), Buffer.from("ada{}")]));
    assert.throws(() => decodeRecord("b".repeat(64), good), damage);
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bytes = Buffer.from(good);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      assert.throws(() => decodeRecord(key, bytes), {
        code: bit < 8 && bytes[0] ? "ERR_STORE" : "ERR_DAMAGED",
      });
    }
  });

  it("SR-050 of another format are trouble, whatever follows", () => {
    for (const format of [1, 3, 255]) {
      const bytes = Buffer.alloc(70, fixed(9, 9)).fill(format, 0, 1);
      const message = `A record in Deno KV has format ${format}: this release reads 2`;
      assert.throws(() => decodeRecord(key, bytes), { code: "ERR_STORE", message });
    }
  });
});
