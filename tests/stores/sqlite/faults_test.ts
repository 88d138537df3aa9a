import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { SqliteStore } from "../../../backends/sqlite.ts";
import type { SessionError } from "../../../src/errors.ts";
import {
  connect,
  connectReadOnly,
  Driver,
  keyOf,
  recordOf,
  run,
  temporaryPaths,
  trouble,
  watched,
} from "../../support/sqlite/rig.ts";

const newPath = temporaryPaths();
const [a, b, c] = [keyOf(1), keyOf(2), keyOf(3)] as const;

describe("SqliteStore in trouble", () => {
  it("SR-055 a full database is a typed error; reads work, and later saves succeed", async () => {
    const database = connect(newPath());
    await using store = new SqliteStore(database);
    const version = (await store.create(a, recordOf("small")))!;
    const pages = Number(run(database, "PRAGMA page_count"));
    run(database, `PRAGMA max_page_count = ${pages + 2}`);
    const big = "x".repeat(60_000);
    const small = store.save(a, recordOf("smaller"), version);
    const errors = await Promise.all(
      [b, c].map((key) => trouble(() => store.create(key, recordOf(big)), "ERR_STORE")),
    );
    for (const error of errors) assert.match(error.message, /full/);
    const saved = await small;
    assert.deepEqual(store.load(a), { ...recordOf("smaller"), version: saved });
    run(database, "PRAGMA max_page_count = 100000");
    assert.ok(await store.create(b, recordOf(big)));
    assert.equal((await store.load(b))?.data, big);
    database.close();
  });

  it("one write that fails does not fail those that came with it", async () => {
    const database = connect(newPath());
    const { database: spied, ran } = watched(database);
    await using store = new SqliteStore(spied);
    run(
      database,
      `CREATE TRIGGER poison BEFORE INSERT ON sojourn_session WHEN new.data = 'poison'
        BEGIN SELECT RAISE(ROLLBACK, 'no'); END`,
    );
    ran.length = 0;
    const settled = await Promise.allSettled(
      Array.from(
        { length: 100 },
        (_, n) => store.create(keyOf(n), recordOf(n % 50 === 33 ? "poison" : `${n}`)),
      ),
    );
    for (const [n, { status }] of settled.entries()) {
      assert.equal(status, n % 50 === 33 ? "rejected" : "fulfilled");
      assert.equal((await store.load(keyOf(n)))?.data, n % 50 === 33 ? undefined : `${n}`);
    }
    await trouble(() => store.create(keyOf(200), recordOf("poison")), "ERR_STORE");
    const transactions = ran.filter((sql) => sql === "BEGIN IMMEDIATE").length;
    assert.ok(transactions < 60, `${transactions} transactions`);
    database.close();
  });

  it("SR-048 applies nothing twice, and nothing in part, when the commit fails", async () => {
    const { database } = watched(connect(newPath()));
    let failures = 0;
    const store = new SqliteStore({
      prepare(sql) {
        const statement = database.prepare(sql);
        const { run } = statement;
        if (sql === "COMMIT") {
          statement.run = () => {
            if (failures-- > 0) throw Object.assign(new Error("disk I/O error"), { errno: 10, errcode: 10 });
            return run();
          };
        }
        return statement;
      },
      close: () => database.close(),
      get inTransaction() {
        return database.inTransaction!;
      },
    });
    const version = (await store.create(a, recordOf("0")))!;
    failures = 2;
    const [saved, created] = await Promise.all(
      [store.save(a, recordOf("1"), version), store.create(b, recordOf("b"))]
        .map((write) => Promise.resolve(write).catch((error: SessionError) => error.code)),
    );
    // Two failures: the pair, then the first alone. The second alone succeeds.
    assert.equal(saved, "ERR_STORE");
    assert.ok(created);
    assert.deepEqual(store.load(a), { ...recordOf("0"), version });
    assert.deepEqual(store.load(b), { ...recordOf("b"), version: created });
    await store.close();
    database.close();
  });

  it("SR-056 every connection is synchronous = FULL and never waits in the driver", async () => {
    const opened = new Set<ReturnType<typeof connect>>();
    const { prepare } = Driver.prototype;
    Driver.prototype.prepare = function (this: ReturnType<typeof connect>, sql: string) {
      opened.add(this);
      return prepare.call(this, sql);
    };
    let stores;
    try {
      const path = newPath();
      stores = [await SqliteStore.open(path), await SqliteStore.open(path, { synchronous: "FULL" })];
    } finally {
      Driver.prototype.prepare = prepare;
    }
    assert.equal(opened.size, 2);
    const database = connect(newPath());
    run(database, "PRAGMA synchronous = OFF");
    run(database, "PRAGMA busy_timeout = 5000");
    await using _ = new SqliteStore(database);
    for (const connection of [...opened, database]) {
      assert.equal(run(connection, "PRAGMA synchronous"), 2);
      assert.equal(run(connection, "PRAGMA busy_timeout"), 0);
      assert.equal(run(connection, "PRAGMA journal_mode"), "wal");
    }
    for (const store of stores) await store.close();
    await using __ = new SqliteStore(database, { synchronous: "NORMAL" });
    assert.equal(run(database, "PRAGMA synchronous"), 1);
    database.close();
  });

  it("answers reads and refuses writes on a read-only connection", async () => {
    const path = newPath();
    const store = await SqliteStore.open(path);
    await store.create(a, recordOf("a"));
    const database = connectReadOnly(path);
    await using reader = new SqliteStore(database);
    assert.equal((await reader.load(a))?.data, "a");
    assert.match((await trouble(() => reader.delete(a), "ERR_STORE")).message, /read-only/);
    assert.equal((await reader.load(a))?.data, "a");
    await store.close();
    database.close();
  });

  it("says at open what cannot be opened", async () => {
    const missing = join(dirname(newPath()), "missing", "sessions.db");
    assert.ok((await trouble(() => SqliteStore.open(missing), "ERR_STORE")).cause);
    assert.ok(!existsSync(dirname(missing)));

    const folder = newPath();
    mkdirSync(folder);
    await trouble(() => SqliteStore.open(folder), "ERR_STORE");
    const closed = connect(newPath());
    closed.close();
    await trouble(() => new SqliteStore(closed), "ERR_STORE");
  });

  it("refuses a table with other columns, by name, and leaves it alone", async () => {
    for (const sql of ["key TEXT, data TEXT", "key TEXT PRIMARY KEY NOT NULL, format INTEGER"]) {
      const path = newPath();
      const database = connect(path);
      run(database, `CREATE TABLE sojourn_session (${sql})`);
      run(database, "INSERT INTO sojourn_session VALUES ('k', 1)");
      const error = await trouble(() => SqliteStore.open(path), "ERR_STORE");
      assert.match(error.message, /"sojourn_session"/);
      assert.equal((await trouble(() => new SqliteStore(database), "ERR_STORE")).message, error.message);
      assert.equal(run(database, "SELECT count(*) FROM sojourn_session"), 1);
      database.close();
    }
  });
});
