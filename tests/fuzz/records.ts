/** Fuzz targets for what lies in a store: data, record texts, and each backend's own form of a record. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { packCopy, unpackCopy } from "../../backends/cached/copy.ts";
import { decodeRecord, encodeRecord } from "../../backends/deno_kv/record.ts";
import { decodeFile, encodeFile } from "../../backends/file/format.ts";
import { read as readRedis, write as writeRedis } from "../../backends/redis/record.ts";
import { readRow, toColumns } from "../../backends/sqlite/rows.ts";
import { SessionError, type SessionRecord, type StoredRecord } from "../../mod.ts";
import { strictJson } from "../../src/codec.ts";
import { lineOf, metaOf, type RecordMeta, withMeta } from "../../src/data/record_head.ts";
import { readProofs, withProofs } from "../../src/transport/id_proofs.ts";
import { makeSite, SpyStore, tokenOf } from "../support/identity_rig.ts";
import { stored as storedInRedis } from "../support/redis/text.ts";
import { bytesOf, type Target, utf8 } from "./inputs.ts";

const key = "a".repeat(64);
const version = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
/** A version in Redis has a length. */
const ofRedis = version.slice(2);

const datas: Record<string, unknown>[] = [
  {},
  { a: 1, b: [true, null, -0.5, "\u00e9\u{1f600}"], c: { d: { e: [] } } },
  JSON.parse('{"__proto__":{"admin":true},"constructor":1,"1":-0}'),
  { lone: "\ud800", control: "\0\n\u2028" },
];
const notes: RecordMeta[] = [
  {},
  { expiry: 0 },
  { expiry: { at: 1_800_000_000_000 }, label: 'Firefox on "Linux"\n', stamp: "\u00e9" },
];
const proofs = {
  proof: "0123456789abcdef".repeat(2).slice(0, 24),
  since: 1_700_000_000_000,
  logins: 2,
  formers: [],
};
const heads = notes.flatMap((one, i) => {
  const formers = [{ proof: "f".repeat(24), until: 1_800_000_000_000 }, { proof: "e".repeat(24), until: 0 }];
  return [withMeta(withProofs(undefined, { ...proofs, formers: formers.slice(0, i) }), one)];
});
const records: SessionRecord[] = datas.map((data) => strictJson.encode(data)).flatMap((data, i) => [
  {
    data,
    head: heads[i % heads.length]!,
    createdAt: i,
    touchedAt: 1_800_000_000_000,
    expiresAt: 1_800_000_000_001,
  },
  { data, userId: `user ${i}\u00e9"`, createdAt: -1, touchedAt: 0.5, expiresAt: 8.64e15 },
]);

/** What a reader made of damage: a record with fields of the right kind, or a typed error without a word of the data. */
function readsSafely(run: () => unknown): StoredRecord | undefined {
  let record: StoredRecord;
  try {
    record = run() as StoredRecord;
  } catch (error) {
    assert.ok(error instanceof SessionError, String(error));
    assert.ok(error.code === "ERR_DAMAGED" || error.code === "ERR_STORE", error.code);
    assert.ok(!/user|admin|Firefox/.test(error.message), error.message);
    assert.equal(error.cause, undefined);
    return undefined;
  }
  if (record === undefined) return undefined;
  assert.deepEqual(
    [record.data, record.version, record.createdAt, record.touchedAt, record.expiresAt].map((value) =>
      typeof value
    ),
    ["string", "string", "number", "number", "number"],
  );
  for (const text of [record.userId, record.head]) assert.ok(text === undefined || typeof text === "string");
  return record;
}

/** Values of any type for the columns and fields of a database: a letter for the type, then the value, divided by NUL. */
function valuesOf(input: Uint8Array): unknown[] {
  return utf8(input).split("\0").map((part) => {
    const rest = part.slice(1);
    switch (part[0]) {
      case "n":
        return Number(rest);
      case "i":
        return /^-?\d{1,30}$/.test(rest) ? BigInt(rest) : 0n;
      case "0":
        return null;
      case "b":
        return Buffer.from(rest);
      case "u":
        return undefined;
      default:
        return rest;
    }
  });
}
const toValues = (values: readonly unknown[]) =>
  bytesOf(
    values.map((value) => value === null ? "0" : typeof value === "number" ? `n${value}` : `s${value}`).join(
      "\0",
    ),
  );

/** As Redis keeps them: a lone surrogate is refused at the write. */
const wellFormed = records.map((record) => ({ ...record, data: record.data.toWellFormed() }));
const writings = new Set(
  [...records, ...wellFormed].flatMap((record) =>
    [version, ofRedis].map((version) => textOf({ ...record, version }))
  ),
);

/** The same text for the same record. */
function textOf(record: StoredRecord): string {
  return JSON.stringify(record, Object.keys(record).sort());
}

/** It is one of those that were written, as it was. */
function isWritten(record: StoredRecord): void {
  assert.ok(writings.has(textOf(record)), "not what was written");
}

const files = records.map((record) => encodeFile(key, record, version));
const stored = new Set(
  records.map((record) => JSON.stringify({ ...record, version }, Object.keys(record).sort())),
);
const kv = records.map((record) => encodeRecord(key, record, version));
const damagedKv = [
  ["flags", 1, 8],
  ["an instant", 10, 0x7f, 0xff, 0xff],
  ["a user longer than all", 62, 0xff, 0xff],
  ["a head longer than all", 64, 0xff, 0xff],
  ["format 0", 0, 0],
  ["format 3", 0, 3],
].map(([, at, ...bytes]) => {
  const damaged = Uint8Array.from(kv[1]!);
  damaged.set(bytes as number[], at as number);
  return damaged;
});
const redis = wellFormed.map((record) => storedInRedis(writeRedis(key, record, ofRedis)));
const copies = records.map((record) => packCopy(key, { record: { ...record, version }, asOf: 5 }, 9));

const store = new SpyStore();
const site = makeSite({ store });
const token = tokenOf(
  await site.visit(undefined, (session) => {
    session.set("mark", "mine").login("ann");
    session.setLabel("here");
  }),
);
const [storedKey] = store.calls.find(({ method }) => method === "create")!.args as [string];
const whole = store.inner.load(storedKey) as StoredRecord;

export const recordTargets: readonly Target[] = [
  {
    name: "SR-071 the codec gives back what it reads, or refuses it",
    samples: [
      ...datas.map((data) => strictJson.encode(data)),
      "[]",
      "null",
      '{"a":1e999}',
      `{"a":${"[".repeat(64)}${"]".repeat(64)}}`,
      `{"a":${"[".repeat(65)}${"]".repeat(65)}}`,
    ].map(bytesOf),
    check(input) {
      let data: Record<string, unknown>;
      try {
        data = strictJson.decode(utf8(input));
      } catch (error) {
        return assert.ok(error instanceof SessionError || error instanceof SyntaxError, String(error));
      }
      assert.ok(typeof data === "object" && data !== null && !Array.isArray(data));
      assert.equal(({} as Record<string, unknown>)["admin"], undefined);
      let again: string;
      try {
        again = strictJson.encode(data);
      } catch (error) {
        // 1e999 is read as Infinity, which nobody here has written
        return assert.match(String(error), /not a finite number/);
      }
      assert.deepEqual(strictJson.decode(again), data);
    },
  },
  {
    name: "SR-074 the head of a record is taken apart as it was written, or is damaged or newer",
    samples: [
      ...heads,
      "1",
      "",
      "0",
      "2 x",
      '2\n{"label":1}',
      "1000000000",
      '1\n{"label":1}',
      '1\n{"stamp":{}}',
      '1\n{"expiry":"1"}',
      '1\n{"expiry":{"at":null}}',
      '1\n{"expiry":1e999}',
      '1\n{"other":1}',
      "1\n[]",
    ].map(bytesOf),
    check(input) {
      const head = utf8(input);
      const read = <T>(run: () => T): T | undefined => {
        try {
          return run();
        } catch (error) {
          assert.ok(error instanceof SessionError, String(error));
          const isNewer = /^(?!0*1?(?: |$))\d{1,9}(?: .*)?$/.test(lineOf(head));
          if (isNewer) assert.equal(error.code, "ERR_STORE");
          else assert.equal(error.code, "ERR_DAMAGED");
          return void assert.equal(error.cause, undefined);
        }
      };
      const found = read(() => metaOf(head));
      if (found !== undefined) {
        const { expiry, label, stamp, ...others } = found;
        assert.deepEqual(others, {});
        for (const one of [label, stamp]) assert.ok(one === undefined || typeof one === "string");
        assert.ok(expiry === undefined || Number.isFinite(typeof expiry === "object" ? expiry.at : expiry));
        const again = withMeta(head, found);
        assert.equal(lineOf(again), lineOf(head));
        assert.deepEqual(metaOf(again), found);
      }
      const shown = read(() => readProofs(head));
      if (shown !== undefined) assert.deepEqual(readProofs(withProofs(head, shown)), shown);
    },
  },
  {
    name:
      "SR-050 a request over a damaged record is an anonymous visitor, the same one, or a 503, and the record stays",
    samples: [bytesOf(whole.data)],
    async check(input) {
      const record = { ...whole, data: utf8(input) };
      store.fault = (method) => method === "load" ? record : undefined;
      store.calls.length = 0;
      const response = await site.visit(
        `__Host-sid=${token}`,
        (session) => String(session.get("mark", "anonymous")),
      );
      assert.ok(response.status === 200 || response.status === 503, String(response.status));
      assert.deepEqual(store.calls.map(({ method }) => method), ["load"]);
      assert.deepEqual(response.headers.getSetCookie(), []);
    },
  },
  {
    name: "SR-050 a session file is read as it was written, or is damaged",
    samples: files,
    check(input) {
      const record = readsSafely(() => decodeFile(key, input));
      if (record === undefined) return assert.ok(!files.some((file) => Buffer.compare(file, input) === 0));
      const { version: _, ...plain } = record;
      assert.ok(stored.has(JSON.stringify({ ...plain, version }, Object.keys(plain).sort())));
      readsSafely(() => decodeFile("b".repeat(64), input)) === undefined || assert.fail("under another key");
    },
  },
  {
    name: "SR-050 a value of Deno KV is a record or damaged",
    samples: [...kv, ...damagedKv],
    check(input) {
      const record = readsSafely(() => decodeRecord(key, input));
      if (record === undefined) return;
      assert.ok(!Number.isNaN(record.createdAt + record.touchedAt + record.expiresAt));
      assert.ok(kv.some((bytes) => Buffer.compare(bytes, input) === 0));
      readsSafely(() => decodeRecord("b".repeat(64), input)) === undefined ||
        assert.fail("under another key");
    },
  },
  {
    name: "SR-050 a row of SQLite is the record that was written or damaged",
    samples: [
      ...records.map((record) => toValues(toColumns(key, record, version))),
      ...["nNaN", "nInfinity", "n1e300", "i99999999999999999999", "s5", "0", "b5", "u"].flatMap((value) =>
        Array.from({ length: 10 }, (_, at) => {
          const columns = utf8(toValues(toColumns(key, records[1]!, version))).split("\0");
          return bytesOf(columns.with(at, value).join("\0"));
        })
      ),
    ],
    check(input) {
      const [
        data,
        version,
        head,
        data_sum,
        record_sum,
        user_id,
        created_at,
        touched_at,
        expires_at,
        instants_sum,
      ] = valuesOf(input);
      const row = {
        data,
        version,
        head,
        data_sum,
        record_sum,
        user_id,
        created_at,
        touched_at,
        expires_at,
        instants_sum,
      };
      const record = readsSafely(() => readRow(key, row));
      if (record === undefined) return;
      isWritten(record);
      readsSafely(() => readRow("b".repeat(64), row)) === undefined || assert.fail("under another key");
    },
  },
  {
    name: "SR-050 a text in Redis is the record that was written or damaged",
    samples: redis.map(bytesOf),
    check(input) {
      const text = utf8(input);
      const record = readsSafely(() => readRedis(key, text));
      if (record === undefined) return;
      isWritten(record);
      readsSafely(() => readRedis("b".repeat(64), text)) === undefined || assert.fail("under another key");
    },
  },
  {
    name: "SR-043 a copy in a cache is a copy of this session or none",
    samples: copies.map(({ data }) => bytesOf(data)),
    check(input) {
      const data = utf8(input);
      const cached = { data, createdAt: 1, touchedAt: 2, expiresAt: 3 };
      const copy = unpackCopy(key, cached);
      assert.equal(unpackCopy("b".repeat(64), cached), undefined);
      if (copy === undefined) return;
      assert.deepEqual(unpackCopy(key, { ...packCopy(key, copy, 3), createdAt: 1, touchedAt: 2 }), copy);
    },
  },
];
