/** The sums that bind a record to its key: the same on every runtime, and another for every change. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bytesSum, instantsSum, type Summed, sumsOf } from "../../backends/support/checksum.ts";

const record: Summed = {
  key: "0123456789abcdef".repeat(4),
  version: "v-1",
  data: '{"name":"Grüße 😀"}',
  head: "1 é\n{}",
  userId: "zoë",
  createdAt: 1_700_000_000_000.5,
  touchedAt: 1_750_000_000_001,
  expiresAt: -1,
};
const sums = sumsOf(record);

describe("the sums of a record", () => {
  it("are these, wherever they are computed: databases are shared between runtimes and machines", () => {
    assert.deepEqual(sums, { data: 73_428_554, record: 3_199_648_582, instants: 704_327_336 });
    assert.deepEqual(sumsOf({ ...record, userId: null }), { ...sums, record: 3_725_375_848 });
    assert.deepEqual(sumsOf({ ...record, userId: undefined }), { ...sums, record: 3_725_375_848 });
    assert.equal(instantsSum(record.key, record.touchedAt, record.expiresAt), sums.instants);
    assert.equal(bytesSum("key", Uint8Array.of(0, 127, 255)), 296_862_629);
    assert.equal(bytesSum("", new TextEncoder().encode("123456789")), 0xcbf43926); // CRC-32's own check value
  });

  it("change with each of their fields, and only with theirs", () => {
    const changes: [keyof Summed, unknown, ...(keyof typeof sums)[]][] = [
      ["key", record.key.replace("0", "1"), "data", "record", "instants"],
      ["version", "v-2", "data", "record"],
      ["data", '{"name":"Grüße 😁"}', "data"],
      ["head", "1 è\n{}", "record"],
      ["head", "", "record"],
      ["userId", "zoe", "record"],
      ["userId", "", "record"],
      ["createdAt", 1_700_000_000_000, "record"],
      ["touchedAt", 1_750_000_000_002, "instants"],
      ["expiresAt", 1, "instants"],
    ];
    for (const [field, value, ...changed] of changes) {
      const others = sumsOf({ ...record, [field]: value });
      const found = Object.keys(sums).filter((name) =>
        others[name as keyof typeof sums] !== sums[name as keyof typeof sums]
      );
      assert.deepEqual(found, changed, field);
    }
  });

  it("tell no user from one whose name is empty, and one instant from the other", () => {
    const nobody = sumsOf({ ...record, userId: null });
    assert.notEqual(nobody.record, sumsOf({ ...record, userId: "" }).record);
    const headless = sumsOf({ ...record, head: undefined });
    assert.deepEqual(headless, sumsOf({ ...record, head: null }));
    assert.notEqual(headless.record, sumsOf({ ...record, head: "" }).record);
    assert.notEqual(
      sumsOf({ ...record, userId: "ab", head: "c" }).record,
      sumsOf({ ...record, userId: "a", head: "bc" }).record,
    );
    assert.notEqual(instantsSum("k", 1, 2), instantsSum("k", 2, 1));
  });

  it("are those of 0 for -0, which some stores keep as 0", () => {
    assert.equal(instantsSum("k", -0, -0), instantsSum("k", 0, 0));
    assert.equal(sumsOf({ ...record, createdAt: -0 }).record, sumsOf({ ...record, createdAt: 0 }).record);
  });

  it("are others for every single bit of a text or of bytes", () => {
    const text = "a session's data, of one letter a byte";
    const bytes = new TextEncoder().encode(text);
    const seen = new Set([bytesSum("k", bytes)]);
    const texts = new Set([sumsOf({ ...record, data: text }).data]);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      seen.add(bytesSum("k", flipped));
      if (bit % 8 < 7) texts.add(sumsOf({ ...record, data: new TextDecoder().decode(flipped) }).data);
    }
    assert.equal(seen.size, bytes.length * 8 + 1);
    assert.equal(texts.size, bytes.length * 7 + 1);
  });
});
