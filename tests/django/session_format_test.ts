/** What Django's session data says of a session: its expiry, its user, and when it ends. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  authKeys,
  DjangoFormat,
  expiryKey,
  expiryOf,
  userIdOf,
} from "../../backends/django/format/session_format.ts";

const at = Date.UTC(2027, 0, 15, 8);
const settings = { cookieAge: 1000, useTz: true };
const format = new DjangoFormat(settings);
const life = { meta: {}, userId: undefined, createdAt: 1, touchedAt: 2 };
const record = (data: string) => ({ data, createdAt: 1, touchedAt: at, expiresAt: at + 500_000 });
const draft = (entries: [string, unknown][]) => format.draft(new Map(entries), life);

describe("a draft", () => {
  it("has its expiry among its values", () => {
    const one = draft([]);
    assert.deepEqual(one.meta, {});
    for (
      const [expiry, value] of [
        [60, 60],
        [0, 0],
        [{ at }, "2027-01-15T08:00:00+00:00"],
      ] as const
    ) {
      one.meta = { expiry };
      assert.deepEqual([...one.values], [[expiryKey, value]]);
      assert.deepEqual(one.meta, { expiry });
    }
    one.meta = {};
    assert.equal(one.values.size, 0);
    assert.deepEqual(one.meta, {});
  });

  it("spells a fixed end in the local time of a site without time zones", () => {
    const local = new DjangoFormat({ ...settings, useTz: false }).draft(new Map(), life);
    local.meta = { expiry: { at } };
    assert.match(String(local.values.get(expiryKey)), /^2027-01-1[456]T\d\d:\d\d:00$/);
    assert.deepEqual(local.meta, { expiry: { at } });
  });

  it("has its user among its values", () => {
    const one = draft([["a", 1]]);
    assert.equal(one.userId, undefined);
    one.userId = "42";
    assert.deepEqual([...one.values], [["a", 1], [authKeys.id, "42"]]);
    assert.equal(one.userId, "42");
    one.userId = undefined;
    assert.deepEqual([...one.values], [["a", 1]]);
  });

  it("has the times that it is given", () => {
    const { createdAt, touchedAt } = draft([]);
    assert.deepEqual({ createdAt, touchedAt }, { createdAt: 1, touchedAt: 2 });
  });
});

describe("reading", () => {
  it("tells the last activity from the end", () => {
    for (
      const [data, age] of [
        ["{}", 1000],
        ['{"_session_expiry":0}', 1000],
        ['{"_session_expiry":1}', 1],
        ['{"_session_expiry":700}', 700],
        ['{"_session_expiry":"2027-01-15T09:00:00+00:00"}', 1000],
      ] as const
    ) {
      const read = format.read(record(data));
      assert.equal(read.touchedAt, Math.min(at, at + 500_000 - age * 1000), data);
      assert.equal(read.createdAt, 1);
    }
  });

  it("refuses what is no object", () => {
    for (const data of ["", "[]", "{"]) {
      assert.throws(() => format.read(record(data)), { code: "ERR_DAMAGED" });
    }
  });
});

describe("a value", () => {
  it("is copied by its text", () => {
    const value = { a: [1, 2n ** 64n] };
    const text = format.encodeValue("key", value);
    assert.equal(text, '{"a":[1,18446744073709551616]}');
    const copy = format.decodeValue("key", text);
    assert.deepEqual(copy, value);
    assert.notEqual(copy, value);
    assert.throws(() => format.encodeValue("key", new Map()), /"key"/);
  });
});

describe("what is kept by Django's keys", () => {
  it("an end is fixed, or so many seconds after the last save", () => {
    const end = (...expiry: unknown[]) => format.endOf(new Map(expiry.map((one) => [expiryKey, one])), at);
    assert.equal(end(), at + 1_000_000);
    assert.equal(end(0), at + 1_000_000);
    assert.equal(end(60), at + 60_000);
    assert.equal(end(-60), at - 60_000);
    assert.equal(end("2027-01-15T08:00:01+00:00"), at + 1000);
    assert.equal(end("soon"), at + 1_000_000);
  });

  it("an expiry is a number of seconds or a date", () => {
    const most = 316_224_000_000;
    for (
      const [value, expiry] of [
        [60, 60],
        [-1.5, -1.5],
        [most, most],
        [1e300, most],
        [-1e300, -most],
        [NaN, undefined],
        [Infinity, undefined],
        ["2027-01-15T08:00:00Z", { at }],
        ["2027-01-15T08:00:00", { at }],
        ["tomorrow", undefined],
        [["2027-01-15T08:00:00Z"], undefined],
        [60n, undefined],
        [true, undefined],
        [null, undefined],
        [undefined, undefined],
      ] as const
    ) {
      assert.deepEqual(expiryOf(value, true), expiry);
    }
  });

  it("a user is the text of a primary key", () => {
    for (
      const [value, id] of [
        ["42", "42"],
        ["", undefined],
        [42, "42"],
        [0, "0"],
        [2n ** 64n, "18446744073709551616"],
        [1.5, undefined],
        [NaN, undefined],
        [true, undefined],
        [null, undefined],
        [["42"], undefined],
        [undefined, undefined],
      ] as const
    ) {
      assert.equal(userIdOf(value), id);
    }
  });
});
