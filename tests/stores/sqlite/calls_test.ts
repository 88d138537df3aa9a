/** What the calls of an SQLite store refuse, and how it counts. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers";
import { SqliteStore } from "../../../backends/sqlite.ts";
import {
  connect,
  insertSql,
  keyOf,
  recordOf,
  run,
  summaryOf,
  trouble,
  watched,
} from "../../support/sqlite/rig.ts";

const [a, b] = [keyOf(1), keyOf(2)] as const;

describe("the calls of an SQLite store", () => {
  it("an instant that is none is refused, and nothing is changed", async () => {
    await using store = await SqliteStore.open(":memory:");
    const version = (await store.create(a, recordOf("a", { userId: "ada" })))!;
    const wrong = [NaN, Infinity, 2 ** 53, "1" as unknown as number];
    for (const instant of wrong) {
      for (const name of ["createdAt", "touchedAt", "expiresAt"]) {
        const record = recordOf("wrong", { [name]: instant });
        const calls = [
          () => store.create(b, record),
          () => store.save(a, record, version),
        ];
        for (const call of calls) {
          await assert.rejects(async () => await call(), new RegExp(`^\\w+: "${name}"`));
        }
      }
      await assert.rejects(async () => await store.touch(a, instant, 1, version), /^\w+: "touchedAt"/);
      await assert.rejects(async () => await store.touch(a, 1, instant, version), /^\w+: "expiresAt"/);
      if (instant === Infinity) continue; // the end of time, by which all have expired
      await assert.rejects(async () => await store.clearExpired(instant, 10), /^\w+: "now"/);
    }
    assert.deepEqual(await store.list("ada"), {
      entries: [{ key: a, record: summaryOf(recordOf("a", { userId: "ada" })) }],
    });
    assert.deepEqual(store.load(a), { ...recordOf("a", { userId: "ada" }), version });
    assert.equal(store.load(b), undefined);
  });

  it("counts twenty rows at a time, and others have their turn in between", async () => {
    const connection = connect(":memory:");
    const { database, ran } = watched(connection);
    await using store = new SqliteStore(database);
    await Promise.all(Array.from({ length: 1001 }, (_, n) => store.create(keyOf(n), recordOf("xyz"))));
    ran.length = 0;
    let turns = 0;
    const next = () => {
      turns++;
      timer = setImmediate(next);
    };
    let timer = setImmediate(next);
    const stats = await store.stats(5_000, []);
    clearImmediate(timer);
    assert.deepEqual(stats, {
      live: 1001,
      expired: 0,
      damaged: 0,
      bytes: 3003,
      oldest: 1_000,
      newest: 1_000,
      ages: [1001],
    });
    assert.equal(ran.length, 52); // 50 full pages, one with the last row, and one without any
    assert.ok(turns >= 51, `${turns} turns`);
    connection.close();
  });

  it("counts only what is under a key of the store", async () => {
    const connection = connect(":memory:");
    await using store = new SqliteStore(connection);
    await store.create(a, recordOf("xyz"));
    run(connection, insertSql("meta", recordOf("x")));
    assert.equal((await store.stats(5_000, [])).live, 1);
    await store.close();
    connection.close();
  });

  it("SR-055 counting waits for a busy database", async () => {
    const connection = connect(":memory:");
    let isBusy = false;
    const database = {
      prepare(sql: string) {
        const statement = connection.prepare(sql);
        const { all } = statement;
        statement.all = (...values) => {
          if (!isBusy) return all.apply(statement, values);
          isBusy = false;
          throw Object.assign(new Error("locked"), { errno: 5 });
        };
        return statement;
      },
      close() {},
      inTransaction: false,
    };
    await using store = new SqliteStore(database);
    await store.create(a, recordOf("x"));
    isBusy = true;
    assert.equal((await store.stats(5_000, [])).live, 1);
    connection.close();
  });

  it("a database that cannot be used is refused at once, and one that is busy only when it stays so", async () => {
    const connection = connect(":memory:");
    let code = 10;
    const database = {
      prepare(sql: string) {
        if (code !== 0) throw Object.assign(new Error("locked"), { errno: code });
        return connection.prepare(sql);
      },
      close() {},
      inTransaction: false,
    };
    await trouble(() => new SqliteStore(database), "ERR_STORE");
    code = 5;
    await using store = new SqliteStore(database, { timeout: 5 });
    const created = store.create(a, recordOf("x"));
    code = 0;
    assert.ok(await created);
    connection.close();
  });
});
