/** Python's JSON: nothing is lost on the way in and out, and what is written is what Python writes. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { DjangoFormat } from "../../backends/django/format/session_format.ts";
import { readJson, readMembers, writeJson } from "../../backends/django/format/python_json.ts";

const format = new DjangoFormat({ cookieAge: 1_209_600, useTz: true });
const record = (data: string) => ({ data, createdAt: 0, touchedAt: 0, expiresAt: 0 });
const life = { meta: {}, userId: undefined, createdAt: 0, touchedAt: 0 };
const write = (value: unknown) => writeJson(value, "key");

describe("writing", () => {
  it("spells as Python spells", () => {
    for (
      const [value, text] of [
        ["\u007f\u0080é\u2028😀\ud800/", String.raw`"\u007f\u0080\u00e9\u2028\ud83d\ude00\ud800/"`],
        ['"\\\n\r\t\b\f\u0000\u000b', String.raw`"\"\\\n\r\t\b\f\u0000\u000b"`],
        [[true, false, null, [], {}], "[true,false,null,[],{}]"],
        [-0, "-0.0"],
        [0.1, "0.1"],
        [1e-7, "1e-07"],
        [1.5e-10, "1.5e-10"],
        [0.0001, "0.0001"],
        [0.00001234, "1.234e-05"],
        [123456.789, "123456.789"],
        [2 ** 53 - 1, "9007199254740991"],
        [2 ** 53, "9007199254740992.0"],
        [9.1e15, "9100000000000000.0"],
        [1e16, "1e+16"],
        [1.2345678901234568e20, "1.2345678901234568e+20"],
        [5e-324, "5e-324"],
        [1.7976931348623157e308, "1.7976931348623157e+308"],
        [NaN, "NaN"],
        [-Infinity, "-Infinity"],
        [2n ** 64n, "18446744073709551616"],
        [-5n, "-5"],
      ] as const
    ) {
      assert.equal(write(value), text);
    }
  });

  it("refuses what could not be given back, and names the place", () => {
    const loop: unknown[] = [];
    loop.push(loop);
    for (
      const [value, message] of [
        [undefined, /undefined/],
        [{ a: [undefined] }, /key\."a"\[0\]/],
        [() => {}, /function/],
        [Symbol("s"), /symbol/],
        [new Date(), /toISOString/],
        [new Map(), /Map/],
        [new Map(), /a Map, not a plain object$/],
        [new (class List extends Array {})(), /not a plain array/],
        [loop, /contains itself/],
        // deno-lint-ignore no-sparse-arrays
        [[1, , 2], /sparse/],
        [{ [Symbol("s")]: 1 }, /symbol keys/],
        [{
          get a(): never {
            throw new Error("no");
          },
        }, /throws while it is read/],
        [JSON.parse("[".repeat(501) + "]".repeat(501)), /deeper than 500/],
        [10n ** 4300n, /more than 4300 digits/],
        [-(10n ** 4300n), /more than 4300 digits/],
      ] as const
    ) {
      assert.throws(() => write(value), (error) => {
        assert.equal((error as { code?: string }).code, "ERR_SERIALIZE");
        assert.match((error as Error).message, message);
        return true;
      });
    }
  });

  it("writes an object again wherever it stands beside itself", () => {
    const one = { a: [] };
    assert.equal(write([one, one, { one }]), '[{"a":[]},{"a":[]},{"one":{"a":[]}}]');
  });
});

describe("reading", () => {
  it("reads what Python writes, more than JSON.parse does", () => {
    assert.deepEqual(readJson(' {"a" : [ 1 , -2.5e3 , "x\\u00e9\\/" ] , "b":{} } '), {
      a: [1, -2500, "xé/"],
      b: {},
    });
    assert.deepEqual(readJson("[NaN,Infinity,-Infinity]"), [NaN, Infinity, -Infinity]);
    assert.equal(readJson("12345678901234567890"), 12345678901234567890n);
    assert.equal(readJson("-9007199254740993"), -9007199254740993n);
    const value = readJson('{"__proto__":{"polluted":true}}') as Record<string, unknown>;
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.deepEqual(Object.getOwnPropertyDescriptors(value), {
      ["__proto__"]: { value: { polluted: true }, writable: true, enumerable: true, configurable: true },
    });
    assert.deepEqual(
      [...readMembers('{"10":1,"9":2,"10":3}').entries()].map(([key, { value }]) => [key, value]),
      [
        ["10", 3],
        ["9", 2],
      ],
    );
  });

  it("takes blanks wherever they may stand, and none for a part of a value", () => {
    for (const blank of [" ", "\t", "\n", "\r"]) {
      const put = (text: string) => text.replaceAll("_", blank);
      assert.deepEqual(readJson(put("_[_]_")), []);
      assert.deepEqual(readJson(put('{_"a"_:_[_1_,_{_}_]_}')), { a: [1, {}] });
      assert.deepEqual(
        [...readMembers(put('_{_"a"_:_1.0_,_"b"_:_[_]_}_'))],
        [["a", { value: 1, text: "1.0" }], ["b", { value: [], text: put("[_]") }]],
      );
    }
  });

  it("agrees with JSON.parse on what is JSON and what is not", () => {
    const texts = [
      "",
      "{",
      "}",
      "[1,]",
      "{,}",
      '{"a"}',
      '{"a":}',
      "01",
      "1.",
      ".5",
      "+1",
      "1e",
      "tru",
      '"',
      '"\n"',
      '"\\x"',
      '"\\u12"',
      "[1 2]",
      "nul",
      "'a'",
      "-",
      "--1",
      "[",
      "]",
      '{"a":1,}',
      "{a:1}",
      "\u00a01",
      "1 1",
      "[1}",
      '{"a":1]',
      '{a":1}',
      '{"a"=1}',
      '{"a" 1}',
      '{"a',
      '["a\\"]',
      "\v1",
      "\f1",
      "\u000e1",
    ];
    for (const text of texts) {
      assert.throws(() => JSON.parse(text), SyntaxError);
      assert.throws(() => readJson(text), SyntaxError, text);
    }
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'{}[]:,"\\0123-.e+ truefalsn') }), (text) => {
      let expected: unknown;
      try {
        expected = JSON.parse(text);
      } catch {
        assert.throws(() => readJson(text), SyntaxError);
        return;
      }
      assert.equal(write(readJson(text)), write(expected));
    }));
  });

  it("tells of a string without an end what it tells of any other mistake", () => {
    const message = "This is not the JSON of a session";
    for (const text of ["x", '"\\x', '["\\x', '{"\\x']) assert.throws(() => readJson(text), { message });
  });

  it("gives back whatever JSON value was written", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => {
      assert.deepEqual(readJson(write(value)), value);
    }));
  });

  it("refuses what Python would not read either, without running out of stack", () => {
    assert.throws(() => readJson("[".repeat(100_000)), SyntaxError);
    assert.throws(() => readJson("9".repeat(5000)), SyntaxError);
    assert.throws(() => readJson('"' + "\\\\".repeat(500_000)), SyntaxError);
    assert.equal(readJson(`"${"\\u0041".repeat(500_000)}"`), "A".repeat(500_000));
    assert.equal(readJson(write('\\"'.repeat(500_000))), '\\"'.repeat(500_000));
    for (const text of ["[]", "1", '"a"', "null", ""]) assert.throws(() => readMembers(text), SyntaxError);
    for (const text of ['["a":1}', '{"a":1}x', '{"a":1}{}', '{"a":1']) {
      assert.throws(() => readMembers(text), SyntaxError);
    }
  });

  it("goes as deep and takes as many digits as writing does, and no further", () => {
    const arrays = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    const objects = (depth: number) => '{"a":'.repeat(depth) + "1" + "}".repeat(depth);
    const digits = (size: number) => "9".repeat(size);
    for (
      const [make, most] of [
        [arrays, 500],
        [objects, 500],
        [digits, 4300],
        [(size: number) => `-${digits(size)}`, 4300],
      ] as const
    ) {
      const [text, member] = [make(most), `{"a":${make(most)}}`];
      assert.equal(write(readJson(text)), text);
      assert.equal(readMembers(member).get("a")!.text, text);
      assert.equal(format.write(format.draft(format.read(record(member)).values, life)), member);
      assert.throws(() => readJson(make(most + 1)), SyntaxError);
      assert.throws(() => readMembers(`{"a":${make(most + 1)}}`), SyntaxError);
    }
  });
});

describe("a session that is read and written back", () => {
  const data =
    '{"n":1.0,"big":12345678901234567890,"e":1e5,"10":{"b":1,"9":2,"1":3},"s":"\\/\\u0041","x":[1.50]}';

  it("keeps the spelling of all that was not changed", () => {
    assert.equal(format.write(format.read(record(data))), data);
  });

  it("keeps the spelling of the rest when something is changed", () => {
    const draft = format.read(record(data));
    draft.values.set("new", true);
    draft.values.set("e", 7);
    draft.values.delete("s");
    assert.equal(
      format.write(draft),
      '{"n":1.0,"big":12345678901234567890,"e":7,"10":{"b":1,"9":2,"1":3},"x":[1.50],"new":true}',
    );
    (draft.values.get("x") as number[]).push(2);
    assert.match(format.write(draft), /"x":\[1\.5,2\]/);
  });
});
