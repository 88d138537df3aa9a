import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { SqliteStore } from "../../../backends/sqlite.ts";
import {
  connect,
  Driver,
  keyOf,
  recordOf,
  run,
  summaryOf,
  temporaryPaths,
  trouble,
} from "../../support/sqlite/rig.ts";

const newPath = temporaryPaths();
const [a, b] = [keyOf(1), keyOf(2)] as const;

describe("SqliteStore as it opens and closes", () => {
  it("keeps its records across a restart", async () => {
    const path = newPath();
    const store = await SqliteStore.open(path);
    const version = await store.create(a, recordOf("x", { userId: "ada" }));
    await store.close();
    await using again = await SqliteStore.open(path);
    assert.deepEqual(again.load(a), { ...recordOf("x", { userId: "ada" }), version });
    assert.equal((await again.list("ada")).entries.length, 1);
  });

  it("keeps several tables in one database apart", async () => {
    const path = newPath();
    await using one = await SqliteStore.open(path, { table: "one" });
    await using two = await SqliteStore.open(path, { table: "two" });
    await one.create(a, recordOf("1", { userId: "ada" }));
    assert.equal(two.load(a), undefined);
    assert.deepEqual(await two.list("ada"), { entries: [] });
  });

  it("makes a new file readable by its owner alone, and leaves the mode of an old one", async () => {
    const path = newPath();
    await using store = await SqliteStore.open(path);
    await store.create(a, recordOf("x"));
    for (const name of [path, `${path}-wal`, `${path}-shm`]) assert.equal(statSync(name).mode & 0o777, 0o600);

    const old = newPath();
    writeFileSync(old, "", { mode: 0o640 });
    await using _ = await SqliteStore.open(old);
    assert.equal(statSync(old).mode & 0o777, 0o640);
  });

  it("keeps a database in memory when asked, and makes no file of that name", async () => {
    await using store = await SqliteStore.open(":memory:");
    assert.ok(await store.create(a, recordOf("x")));
    assert.equal((await store.load(a))?.data, "x");
    assert.throws(() => statSync(":memory:"));
  });

  it("does not close a database that was handed in, and closes one that it opened", async () => {
    const path = newPath();
    const database = connect(path);
    const store = new SqliteStore(database);
    await store.create(a, recordOf("x"));
    await store.close();
    assert.equal(run(database, "SELECT count(*) FROM sojourn_session"), 1);
    database.close();

    const opened = await SqliteStore.open(path);
    await opened.create(b, recordOf("x"));
    assert.ok(readFileSync(`${path}-wal`).length > 0);
    await opened.close();
    assert.throws(() => statSync(`${path}-wal`), { code: "ENOENT" });
  });

  it("survives that its database is closed by the owner first", async () => {
    const database = connect(newPath());
    const store = new SqliteStore(database);
    await store.create(a, recordOf("x"));
    database.close();
    await trouble(() => store.create(b, recordOf("x")), "ERR_STORE");
    await store.close();
  });

  it("works over a connection that reads integers as bigints", async () => {
    const database = new Driver(newPath(), {
      readBigInts: true,
      safeIntegers: true,
      readwrite: true,
      create: true,
    });
    await using store = new SqliteStore(database);
    const record = recordOf("x", { userId: "ada", head: "[1]", createdAt: 1, touchedAt: 3, expiresAt: 30 });
    const version = (await store.create(a, record))!;
    assert.deepEqual(store.load(a), { ...record, version });
    assert.equal(await store.version(a), version);
    assert.deepEqual(await store.list("ada"), { entries: [{ key: a, record: summaryOf(record) }] });
    await store.create(b, { ...record, expiresAt: 3 });
    assert.deepEqual(await store.stats(11, [5, 10]), {
      live: 1,
      expired: 1,
      damaged: 0,
      bytes: 2,
      oldest: 1,
      newest: 1,
      ages: [0, 0, 1],
    });
    const saved = (await store.save(a, { ...record, data: "y" }, version))!;
    assert.ok(saved);
    assert.equal(await store.save(a, record, version), undefined);
    assert.equal(await store.touch(a, 4, 29, saved), true);
    assert.deepEqual(store.load(a), { ...record, data: "y", touchedAt: 4, version: saved });
    assert.equal(await store.touch(a, 3, 31, saved), true);
    assert.equal((await store.load(a))?.expiresAt, 31);
    assert.equal(await store.clearExpired(31, 5), 2);
    assert.equal(await store.delete(a), false);
    await store.close();
    database.close();
  });

  // Bun has no such option, and ignores it
  it(
    "refuses a connection whose rows have no names",
    { skip: "Bun" in globalThis && "no such option" },
    () => {
      const database = new Driver(newPath(), { returnArrays: true });
      assert.throws(() => new SqliteStore(database), {
        name: "TypeError",
        message:
          'Cannot use this database: expected one that reads rows as objects: received one opened with "returnArrays: true"',
      });
      database.close();
    },
  );

  it("SR-075 finishes the writes that wait before it closes, and may be closed twice", async () => {
    const path = newPath();
    const store = await SqliteStore.open(path);
    const writes = Array.from({ length: 50 }, (_, n) => store.create(keyOf(n), recordOf("x")));
    await Promise.all([store.close(), store.close(), store[Symbol.asyncDispose]()]);
    assert.ok((await Promise.all(writes)).every(Boolean));
    await store.close();
    await using again = await SqliteStore.open(path);
    for (let n = 0; n < 50; n++) assert.ok(again.load(keyOf(n)));
  });

  it("answers ERR_STORE after close", async () => {
    const store = await SqliteStore.open(newPath());
    const version = (await store.create(a, recordOf("x")))!;
    await store.close();
    const calls = [
      () => store.load(a),
      () => store.list("ada"),
      () => store.create(b, recordOf("x")),
      () => store.save(a, recordOf("x"), version),
      () => store.delete(a),
      () => store.touch(a, 1, 2, version),
      () => store.clearExpired(1, 1),
    ];
    for (const call of calls) assert.match((await trouble(call, "ERR_STORE")).message, /closed/);
  });

  it("SR-075 is closed when its disposal ends, with the writes that waited", async () => {
    const path = newPath();
    const store = await SqliteStore.open(path);
    const writes = Array.from({ length: 5 }, (_, n) => store.create(keyOf(n), recordOf("x")));
    await store[Symbol.asyncDispose]();
    assert.ok(!existsSync(`${path}-wal`));
    assert.ok((await Promise.all(writes)).every(Boolean));
  });

  it("SR-055 opens no database that stays locked, and the same one when the lock is gone", async () => {
    const path = newPath();
    const other = connect(path);
    run(other, "BEGIN EXCLUSIVE");
    assert.match(
      (await trouble(() => SqliteStore.open(path, { timeout: 0.02 }), "ERR_STORE")).message,
      /busy/,
    );
    const opening = SqliteStore.open(path, { timeout: 20 });
    run(other, "COMMIT");
    other.close();
    await using store = await opening;
    assert.ok(await store.create(a, recordOf("x")));
  });

  it("leaves nothing open that it refuses, and makes no file for wrong arguments", async () => {
    const path = newPath();
    const database = connect(path);
    run(database, "CREATE TABLE sojourn_session (key TEXT)");
    database.close();
    await trouble(() => SqliteStore.open(path), "ERR_STORE");
    for (const name of [`${path}-wal`, `${path}-shm`]) assert.ok(!existsSync(name), "the connection is open");

    const none = newPath();
    await assert.rejects(SqliteStore.open(none, { timeout: -1 }), RangeError);
    assert.ok(!existsSync(none));
    await assert.rejects(SqliteStore.open(7 as never), {
      name: "TypeError",
      message: "SqliteStore: path must be a string: received 7",
    });
  });

  it("refuses wrong options and wrong databases", async () => {
    const database = connect(":memory:");
    const wrong = [
      { synchronous: "OFF" },
      { timeout: 0 },
      { timeout: NaN },
      { timeout: 3_000_000 },
      { timeout: "2" },
      { table: "" },
      { table: "a b" },
      { table: 'a"; DROP TABLE b; --' },
      { table: "sqlite_x" },
      { table: "é" },
      { now: 1 },
      { durability: "os" },
    ];
    for (const options of wrong) {
      const [name] = Object.keys(options);
      const expected = (error: Error) =>
        (typeof options.timeout === "number" ? error instanceof RangeError : error instanceof TypeError) &&
        (error.message.startsWith(`SqliteStore: ${name} must be `) ||
          error.message.startsWith(`SqliteStore: unknown option "${name}"`));
      assert.throws(() => new SqliteStore(database, options as never), expected);
      await assert.rejects(SqliteStore.open(newPath(), options as never), expected);
    }
    for (const none of [undefined, null, "sessions.db", {}, { prepare() {} }]) {
      assert.throws(() => new SqliteStore(none as never), TypeError);
    }
    await assert.rejects(SqliteStore.open(undefined as never), TypeError);
    database.close();
  });
});
