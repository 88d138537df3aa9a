/** What an SQLite file holds after each call, seen past the memory of the store that made it. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { SqliteStore } from "../../../backends/sqlite.ts";
import { readRow, toColumn, toColumns } from "../../../backends/sqlite/rows.ts";
import type { SessionRecord } from "../../../src/store.ts";
import { connect, Driver, keyOf, recordOf, run, temporaryPaths, trouble } from "../../support/sqlite/rig.ts";

const newPath = temporaryPaths();
const [a, b, c] = [keyOf(1), keyOf(2), keyOf(3)] as const;
const full = recordOf("full", { userId: "ada", head: "[0]", createdAt: 10, touchedAt: 20, expiresAt: 400 });

describe("the rows of an SQLite store", () => {
  let path = "";
  let store: SqliteStore;
  beforeEach(async () => {
    path = newPath();
    store = await SqliteStore.open(path, { now: () => 500 });
  });
  afterEach(() => store.close());

  /** The file holds exactly these. */
  async function holds(...rows: readonly (readonly [string, SessionRecord, string | undefined])[]) {
    await using other = await SqliteStore.open(path);
    for (const [key, record, version] of rows) {
      assert.deepEqual(await other.load(key), { ...record, version });
    }
    const database = connect(path);
    assert.equal(Number(run(database, "SELECT count(*) FROM sojourn_session")), rows.length);
    database.close();
  }

  it("each column is saved, whichever of them change, and no other row", async () => {
    const beside = await store.create(b, full);
    let version = (await store.create(a, full))!;
    const records = [
      { ...full, data: "other" },
      { ...full, head: "[1]" },
      { ...full, head: "" },
      { ...full, createdAt: 11 },
      { ...full, touchedAt: 21 },
      { ...full, expiresAt: 401 },
      { ...full, userId: "bob" },
      recordOf("anonymous"),
    ];
    for (const record of records) {
      version = (await store.save(a, record, version))!;
      await holds([a, record, version], [b, full, beside]);
      version = (await store.save(a, full, version))!;
      await holds([a, full, version], [b, full, beside]);
    }
  });

  it("SR-042 a save with an older version changes no column, whichever it would change", async () => {
    const older = (await store.create(a, full))!;
    const version = await store.save(a, full, older);
    for (const record of [{ ...full, data: "late" }, recordOf("late")]) {
      assert.equal(await store.save(a, record, older), undefined);
      assert.equal(await store.save(b, record, version!), undefined);
      await holds([a, full, version]);
    }
  });

  it("SR-004 all of an expired record is replaced, and nothing of a live one", async () => {
    await store.create(a, full);
    const record = recordOf("new");
    const version = await store.create(a, record);
    await holds([a, record, version]);
    assert.equal(await store.create(a, full), undefined);
    await holds([a, record, version]);
  });

  it("SR-035 a touch and a deletion concern one row", async () => {
    const versions = await Promise.all([a, b, c].map((key) => store.create(key, full)));
    assert.equal(await store.touch(b, 21, 401, versions[1]!), true);
    const touched = { ...full, touchedAt: 21, expiresAt: 401 };
    await holds([a, full, versions[0]], [b, touched, versions[1]], [c, full, versions[2]]);
    await store.delete(b);
    await holds([a, full, versions[0]], [c, full, versions[2]]);
  });

  it("no write joins a transaction of the connection's owner, and neither does the making of the table", async () => {
    const file = newPath();
    const database = connect(file);
    run(database, "BEGIN");
    run(database, "CREATE TABLE mine (x)");
    await using over = new SqliteStore(database, { timeout: 20 });
    const first = over.create(a, full);
    run(database, "ROLLBACK");
    const version = await first;
    assert.ok(version);
    await setImmediate();
    await setImmediate();
    run(database, "BEGIN");
    run(database, "CREATE TABLE mine (x)");
    const saved = over.save(a, recordOf("saved"), version);
    run(database, "ROLLBACK");
    assert.ok(await saved);
    assert.equal((await over.load(a))?.data, "saved");
    await over.close();
    database.close();
  });

  it("after a write of which nobody knows whether it was done, the row is read anew", async () => {
    const { prepare } = Driver.prototype;
    let isFailing = false;
    Driver.prototype.prepare = function (sql: string) {
      const statement = prepare.call(this, sql);
      const run = statement.run.bind(statement);
      const fail = (...values: string[]) => {
        const done = run(...values);
        if (!isFailing || !/^(UPDATE|COMMIT)/.test(sql)) return done;
        throw Object.assign(new Error("disk I/O error"), { errno: 10, errcode: 10 });
      };
      Object.defineProperty(statement, "run", { value: fail });
      return statement;
    };
    let unsure;
    try {
      unsure = await SqliteStore.open(newPath());
    } finally {
      Driver.prototype.prepare = prepare;
    }
    await using _ = unsure;
    const version = (await unsure.create(a, recordOf("0")))!;
    assert.equal((await unsure.load(a))?.data, "0");
    await setImmediate();
    await setImmediate(); // so that the save is alone in its turn, and no transaction takes it back
    isFailing = true;
    await trouble(() => unsure.save(a, recordOf("1"), version), "ERR_STORE");
    isFailing = false;
    const { data, version: next } = (await unsure.load(a))!;
    assert.equal(data, "1");
    await setImmediate();
    await setImmediate();
    isFailing = true;
    await trouble(() => unsure.touch(a, 3_000, 5e12, next), "ERR_STORE");
    assert.equal((await unsure.load(a))?.touchedAt, 3_000);
  });

  it("whoever comes second to a new file finds its table made", async () => {
    const fresh = newPath();
    const first = connect(fresh);
    const second = connect(fresh);
    let stores = 0;
    await using _ = new SqliteStore({
      prepare(sql) {
        if (sql.startsWith("CREATE TABLE") && stores++ === 0) new SqliteStore(first);
        return second.prepare(sql);
      },
      close() {},
      inTransaction: false,
    });
    assert.equal(stores, 1);
    assert.equal(Number(run(first, "SELECT count(*) FROM sojourn_session")), 0);
    first.close();
    second.close();
  });
});

describe("the columns of a row", () => {
  /** The row of a record, as a driver reads it. */
  const rowOf = (record: SessionRecord) => {
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
    ] = toColumns(a, record, "v");
    return {
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
  };

  it("hold a text as it is, if SQLite can", () => {
    for (const text of ["", "{}", '"', "a\\b", "é\n😀"]) assert.equal(toColumn(text), text);
    for (const text of ["\\", "a\0b", "\uD800", "😀".slice(1)]) {
      assert.equal(toColumn(text), "\\" + JSON.stringify(text));
      const { data, userId, head } = readRow(a, rowOf(recordOf(text, { userId: text, head: text })));
      assert.deepEqual([data, userId, head], [text, text, text]);
    }
  });

  it("hold instants, also as big integers, and nothing else in their place", () => {
    for (const instant of [0, -0, -1, 1.5, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER]) {
      const row = rowOf(recordOf("{}", { createdAt: instant }));
      assert.equal(readRow(a, { ...row, created_at: instant + 0 }).createdAt, instant + 0);
    }
    const record = recordOf("{}", { createdAt: 5, touchedAt: 6, expiresAt: Number.MAX_SAFE_INTEGER });
    const big = Object.entries(rowOf(record)).map(([name, value]) =>
      [name, typeof value === "number" ? BigInt(value) : value] as const
    );
    assert.deepEqual(readRow(a, Object.fromEntries(big)), { ...record, version: "v" });
    for (const wrong of [2 ** 53, -(2 ** 53), 2n ** 53n, NaN, Infinity, "1", null, undefined]) {
      for (const name of Object.keys(rowOf(record)).filter((name) => /_at|_sum/.test(name))) {
        const row = { ...rowOf(record), [name]: wrong };
        assert.throws(() => readRow(a, row), { code: "ERR_DAMAGED" }, `${name} ${wrong}`);
      }
    }
  });

  it("SR-050 are those of one key: under another, or with a value of another row, they are damage", () => {
    const [one, other] = [
      full,
      recordOf("x", { userId: "eve", head: "[9]", createdAt: 1, touchedAt: 2, expiresAt: 3 }),
    ];
    assert.deepEqual(readRow(a, rowOf(one)), { ...one, version: "v" });
    assert.throws(() => readRow(b, rowOf(one)), { code: "ERR_DAMAGED" });
    for (const [name, value] of Object.entries(rowOf(other))) {
      if (name === "version") continue; // of all of them the same
      assert.throws(() => readRow(a, { ...rowOf(one), [name]: value }), { code: "ERR_DAMAGED" }, name);
    }
    assert.throws(() => readRow(a, { ...rowOf(one), version: "w" }), { code: "ERR_DAMAGED" });
    for (const name of ["user_id", "head"]) {
      assert.throws(() => readRow(a, { ...rowOf(one), [name]: null }), { code: "ERR_DAMAGED" }, name);
    }
    for (const [name, column] of [["userId", "user_id"], ["head", "head"]] as const) {
      const row = { ...rowOf(recordOf("x", { [name]: "" })), [column]: null };
      assert.throws(() => readRow(a, row), { code: "ERR_DAMAGED" }, name);
    }
    const swapped = { ...rowOf(one), head: one.userId, user_id: one.head };
    assert.throws(() => readRow(a, swapped), { code: "ERR_DAMAGED" });
  });
});
