import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SessionError } from "../src/errors.ts";
import { comesFrom, readText, withFormer, writeText } from "../src/record.ts";

const withCode = (code: string) => (error: unknown) => error instanceof SessionError && error.code === code;

describe("the text of a record", () => {
  it("is a format number and the data; notes stand between them only where there are some", () => {
    assert.equal(writeText({}, '{"a":1}'), '1\n{"a":1}');
    for (
      const notes of [{ expiry: 0 }, { expiry: { at: 5 } }, { label: "" }, { stamp: "s" }, {
        label: "l",
        stamp: "s",
      }]
    ) {
      const text = writeText(notes, '{"a":1}');
      assert.equal(text, `1${JSON.stringify(notes)}\n{"a":1}`);
      assert.deepEqual(readText(text), { notes, data: '{"a":1}' });
    }
    assert.deepEqual(readText('1\n{"a":"\\n"}\n'), { notes: {}, data: '{"a":"\\n"}\n' });
  });

  it("SR-050 of a newer format is trouble, anything else that was not written here is damage", () => {
    for (const text of ["2\n{}", "2{}\n{}", '999999999{"new":1}\n']) {
      assert.throws(() => readText(text), withCode("ERR_STORE"), text);
    }
    const damaged = [
      "",
      "\n",
      "1",
      "2",
      "01\n{}",
      "2{}",
      "0\n{}",
      "-1\n{}",
      "1 \n{}",
      "1234567890\n{}",
      "x\n{}",
      "1{\n{}",
      "1[]\n{}",
    ];
    damaged.push(
      '1{"other":1}\n{}',
      '1{"label":1}\n{}',
      '1{"stamp":null}\n{}',
      '1{"former":1}\n{}',
      '1{"expiry":"5"}\n{}',
      '1{"expiry":null}\n{}',
    );
    damaged.push('1{"expiry":{}}\n{}', '1{"expiry":{"at":"5"}}\n{}');
    for (const text of damaged) {
      assert.throws(() => readText(text), withCode("ERR_DAMAGED"), JSON.stringify(text));
    }
  });

  it("SR-034 says which key a session left, beside its other notes; what cannot be read left none", () => {
    const [left, other] = ["a".repeat(64), "b".repeat(64)];
    const times = { createdAt: 1, touchedAt: 2, expiresAt: 3 };
    const data = withFormer(writeText({ label: "l" }, "{}"), left);
    assert.equal(readText(data).notes.label, "l");
    assert.equal(comesFrom({ data, ...times }, left), true);
    assert.equal(comesFrom({ data, ...times }, other), false);
    assert.equal(comesFrom({ data: withFormer(data, other), ...times }, left), false);
    for (const data of ["1\n{}", "", "x", "2\n{}", '1{"former":1}\n{}']) {
      assert.equal(comesFrom({ data, ...times }, left), false, data);
    }
  });
});
