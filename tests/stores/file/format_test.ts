/** The bytes of one session's file. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { decodeFile, decodeSummary, encodeFile, summaryBytes } from "../../../backends/file/format.ts";
import { SessionError } from "../../../src/errors.ts";

const key = "0a".repeat(32);
const other = "0b".repeat(32);
const full = { head: "1 é\ud801\n{}", userId: "ada", createdAt: 1, touchedAt: 2, expiresAt: 3 };
const sum = (part: string, body: string) =>
  createHash("sha256").update(`sojourn-session 2 ${key} ${part}\n${body}`).digest("base64url");
const damage = (error: unknown) =>
  error instanceof SessionError && error.code === "ERR_DAMAGED" && error.cause === undefined;

describe("the file of one session", () => {
  it("has a line with the format and two sums, one of JSON without the data, and the data as JSON", () => {
    for (const data of ["", '{"a":"é😀"}', "\uFEFF{}", "\uD800", "\0"]) {
      const summary = JSON.stringify({ version: "v", ...full });
      const body = `${summary}\n${JSON.stringify(data)}`;
      const first = sum("summary", summary);
      const bytes = Buffer.from(`sojourn-session 2 ${first} ${sum(first, body)}\n${body}`);
      assert.deepEqual(Buffer.from(encodeFile(key, { ...full, data }, "v")), bytes);
      assert.deepEqual(decodeFile(key, bytes), { ...full, data, version: "v" });
    }
    const { userId: _, head: __, ...own } = full;
    assert.deepEqual(decodeFile(key, encodeFile(key, { ...own, data: "{}" }, "v")), {
      ...own,
      data: "{}",
      version: "v",
    });
  });

  it("shows all but the data from its first bytes, and nothing of another session's or of damage", () => {
    const bytes = encodeFile(key, { ...full, data: "x".repeat(20_000) }, "v");
    assert.deepEqual(decodeSummary(key, bytes.subarray(0, summaryBytes)), full);
    assert.deepEqual(decodeSummary(key, bytes), full);
    assert.throws(() => decodeSummary(other, bytes), damage);
    const long = encodeFile(key, { ...full, userId: "ü".repeat(5000), data: "{}" }, "v");
    assert.equal(decodeSummary(key, long.subarray(0, summaryBytes)), undefined);
    assert.equal(decodeSummary(key, long)?.userId, "ü".repeat(5000));
    const end = bytes.indexOf(10, 120);
    for (let at = 0; at < end; at++) {
      if (at === 16 || (at >= 62 && at < 105)) continue; // the format's number, and the sum of the data
      const changed = Uint8Array.from(bytes, (byte, index) => index === at ? byte ^ 1 : byte);
      assert.throws(() => decodeSummary(key, changed), damage, `${at}`);
    }
  });

  it("has at most 16 MiB", () => {
    const record = (length: number) => ({ ...full, data: "x".repeat(length) });
    const room = 16_777_216 - encodeFile(key, record(0), "v").length;
    assert.equal(encodeFile(key, record(room), "v").length, 16_777_216);
    assert.throws(() => encodeFile(key, record(room + 1), "v"), {
      code: "ERR_TOO_LARGE",
      message: "The session is too large for a file: 16777217 bytes, the limit is 16777216",
    });
  });

  it("SR-050 is damaged if it is not what was written under its name", () => {
    const good = encodeFile(key, { ...full, data: "{}" }, "v");
    const wrong: (Uint8Array | null)[] = [
      null,
      new Uint8Array(),
      good.subarray(0, 61),
      good.subarray(0, -1),
      good.subarray(1),
      Buffer.from(` ${Buffer.from(good)}`),
      Buffer.from(`${Buffer.from(good)} `),
      encodeFile(other, { ...full, data: "{}" }, "v"),
      Buffer.from(`sojourn-session 2 ${sum("summary", "{")} ${sum("v", "{")}\n{\n{`),
    ];
    for (let at = 0; at < good.length; at++) {
      if (at === 16) continue; // the format's own number
      wrong.push(Uint8Array.from(good, (byte, index) => index === at ? byte ^ 1 : byte));
    }
    for (const [index, bytes] of wrong.entries()) {
      assert.throws(() => decodeFile(key, bytes), damage, `${index}`);
    }
  });

  it("SR-050 is trouble in a newer format, whatever follows", () => {
    for (const format of [3, 999_999]) {
      const bytes = Buffer.from(`sojourn-session ${format} ${"x".repeat(43)}\nanything`);
      assert.throws(() => decodeFile(key, bytes), {
        code: "ERR_STORE",
        message: `The session's file has the newer format ${format}`,
      });
    }
  });
});
