/** The rows that an SQLite store remembers: never older than one turn of the event loop, and never older than this process's own writes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { SqliteStatement } from "../../../backends/sqlite/database.ts";
import { committed, RowMemory } from "../../../backends/sqlite/row_cache.ts";
import { SqliteStore } from "../../../backends/sqlite.ts";
import { instantsSum } from "../../../backends/support/checksum.ts";
import {
  connect,
  Driver,
  insertSql,
  keyOf,
  recordOf,
  run,
  temporaryPaths,
} from "../../support/sqlite/rig.ts";

const newPath = temporaryPaths();
const a = keyOf(1);
const b = keyOf(2);

/** A store on a file of its own, with the statements that it runs written down. */
async function watchedStore(path = newPath()): Promise<{ store: SqliteStore; ran: string[] }> {
  const ran: string[] = [];
  const { prepare } = Driver.prototype;
  Driver.prototype.prepare = function (sql: string) {
    const statement = prepare.call(this, sql);
    const get = statement.get.bind(statement);
    Object.defineProperty(statement, "get", {
      value: (...values: string[]) => (ran.push(sql.slice(0, 6)), get(...values)),
    });
    return statement;
  };
  try {
    const store = await SqliteStore.open(path);
    ran.length = 0;
    return { store, ran };
  } finally {
    Driver.prototype.prepare = prepare;
  }
}

describe("the rows an SQLite store remembers", () => {
  it("a row is read once, and then one look a turn tells that nobody else has written", async () => {
    const { store, ran } = await watchedStore();
    await using _ = store;
    const version = await store.create(a, recordOf("a"));
    await store.load(a);
    await setImmediate();
    await setImmediate();
    ran.length = 0;
    for (let n = 0; n < 10; n++) assert.deepEqual(store.load(a), { ...recordOf("a"), version });
    assert.deepEqual(ran, ["PRAGMA"]);
    await setImmediate();
    await setImmediate();
    store.load(a);
    assert.deepEqual(ran, ["PRAGMA", "PRAGMA"]);
    assert.equal(store.load(b), undefined); // what is not there is not remembered
    assert.deepEqual(ran, ["PRAGMA", "PRAGMA", "SELECT"]);
  });

  it("what another connection commits is seen in the next turn, whatever it does to the row", async () => {
    const path = newPath();
    const { store } = await watchedStore(path);
    await using _ = store;
    const other = connect(path);
    const replacing = insertSql(a, recordOf("other")).replace("INSERT", "INSERT OR REPLACE");
    const changes = [
      [replacing, "other"],
      ["DELETE FROM sojourn_session", undefined],
      [insertSql(a, recordOf("new", { touchedAt: 2 })), "new"],
      [`UPDATE sojourn_session SET expires_at = 7, instants_sum = ${instantsSum(a, 2, 7)}`, "new"],
    ] as const;
    await store.create(a, recordOf("a"));
    for (const [sql, data] of changes) {
      await store.load(a);
      run(other, sql);
      await setImmediate();
      await setImmediate();
      assert.equal((await store.load(a))?.data, data);
    }
    assert.equal((await store.load(a))?.expiresAt, 7);
    other.close();
  });

  it("what another store of this process commits is seen at once", async () => {
    const path = newPath();
    await using one = await SqliteStore.open(path);
    await using two = await SqliteStore.open(path);
    let version = (await one.create(a, recordOf("0")))!;
    for (let n = 1; n < 20; n++) {
      const [writer, reader] = n % 2 ? [two, one] : [one, two];
      assert.equal((await reader.load(a))?.version, version);
      version = (await writer.save(a, recordOf(`${n}`), version))!;
      assert.deepEqual(await reader.load(a), { ...recordOf(`${n}`), version });
    }
    await one.delete(a);
    assert.equal(await two.load(a), undefined);
    await two.create(a, recordOf("again"));
    assert.equal((await one.load(a))?.data, "again");
    await two.clearExpired(5_000_000_000_000, 10);
    assert.equal(await one.load(a), undefined);
  });

  it("every write of its own is seen at once", async () => {
    const { store } = await watchedStore();
    await using _ = store;
    const created = (await store.create(a, recordOf("0", { userId: "ada" })))!;
    assert.deepEqual(await store.load(a), { ...recordOf("0", { userId: "ada" }), version: created });
    const saved = (await store.save(a, recordOf("1"), created))!;
    assert.deepEqual(await store.load(a), { ...recordOf("1"), version: saved });
    assert.equal(await store.save(a, recordOf("2"), created), undefined);
    assert.equal((await store.load(a))?.data, "1");
    await store.touch(a, 3_000, 5e12, created);
    assert.deepEqual(await store.load(a), { ...recordOf("1"), version: saved });
    await store.touch(a, 3_000, 5e12, saved);
    assert.deepEqual(await store.load(a), {
      ...recordOf("1", { touchedAt: 3_000, expiresAt: 5e12 }),
      version: saved,
    });
    const again = (await store.save(a, recordOf("1", { head: "[1]" }), saved))!;
    assert.deepEqual(await store.load(a), { ...recordOf("1", { head: "[1]" }), version: again });
    await store.delete(a);
    assert.equal(await store.load(a), undefined);
  });

  it("nothing is remembered of a write that failed, of a long row, or over a connection of somebody else's", async () => {
    const path = newPath();
    const { store, ran } = await watchedStore(path);
    await using _ = store;
    const version = (await store.create(a, recordOf("0")))!;
    const other = connect(path);
    run(
      other,
      "CREATE TRIGGER poison BEFORE UPDATE ON sojourn_session BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    await setImmediate();
    await assert.rejects(async () => await store.save(a, recordOf("1"), version), { code: "ERR_STORE" });
    assert.equal((await store.load(a))?.data, "0");
    assert.ok(ran.includes("SELECT"));

    await store.create(b, recordOf("x".repeat(5000)));
    ran.length = 0;
    await store.load(b);
    await store.load(b);
    assert.equal(ran.filter((sql) => sql === "SELECT").length, 2);

    await using over = new SqliteStore(other);
    await over.load(a);
    run(other, "DELETE FROM sojourn_session");
    assert.equal(await over.load(a), undefined);
    await over.close();
    other.close();
  });

  it("what was written is remembered, and so is its version: neither is read again", async () => {
    const { store, ran } = await watchedStore();
    await using _ = store;
    await store.load(b); // the first look
    ran.length = 0;
    const created = (await store.create(a, recordOf("0")))!;
    assert.equal((await store.load(a))?.data, "0");
    assert.equal(await store.version(a), created);
    const saved = await store.save(a, recordOf("1"), created);
    assert.equal(await store.version(a), saved);
    assert.equal((await store.load(a))?.data, "1");
    assert.ok(!ran.includes("SELECT"));
    assert.equal(await store.version(b), undefined);
    assert.ok(ran.includes("SELECT"));
  });

  it("an expired row is forgotten when it is cleared, and when another takes its key", async () => {
    await using store = await SqliteStore.open(newPath(), { now: () => 5_000 });
    await store.create(a, recordOf("expired", { expiresAt: 400 }));
    assert.equal((await store.load(a))?.data, "expired");
    assert.equal(await store.clearExpired(500, 10), 1);
    assert.equal(await store.load(a), undefined);

    await store.create(a, recordOf("expired", { expiresAt: 400 }));
    assert.equal((await store.load(a))?.data, "expired");
    const version = await store.create(a, recordOf("live"));
    assert.deepEqual(await store.load(a), { ...recordOf("live"), version });
  });

  it("what was loaded cannot be changed under the feet of the next reader", async () => {
    await using store = await SqliteStore.open(newPath());
    await store.create(a, recordOf("0"));
    const loaded = (await store.load(a))! as { data: string };
    assert.throws(() => loaded.data = "1", TypeError);
    assert.equal((await store.load(a))?.data, "0");
  });
});

describe("the memory of rows", () => {
  /** A memory, a look into it, and how often it has asked for the version of the database. */
  function memoryOfRows() {
    const memory = new RowMemory();
    const looks = { count: 0 };
    const statement = { get: () => (looks.count++, { data_version: 1 }) } as unknown as SqliteStatement;
    let turn = 0;
    const next = () => void turn++;
    const get = (key: string) => memory.get(key, statement, turn)?.data;
    const set = (key: string, data: string, userId?: string, head?: string) => {
      const more = { ...userId !== undefined && { userId }, ...head !== undefined && { head } };
      memory.set(key, { ...recordOf(data, more), version: "1" });
    };
    get(a);
    return { get, set, next, looks };
  }

  it("holds 4,096 rows that were set or read lately", () => {
    for (const others of [4_095, 4_096]) {
      const { get, set } = memoryOfRows();
      set(a, "a");
      for (let i = 0; i < others; i++) set(`${i}`, "");
      assert.equal(get(a), others < 4_096 ? "a" : undefined);
    }
  });

  it("holds rows of up to 4,096 characters, and forgets one that has become longer", () => {
    const { get, set } = memoryOfRows();
    const [long, tooLong] = ["x".repeat(4_096), "x".repeat(4_097)];
    set(a, long);
    assert.equal(get(a), long);
    set(a, tooLong);
    assert.equal(get(a), undefined);
  });

  it("holds 16 MiB: half as many rows when their text is twice as long, user ids counted", () => {
    for (const [length, rows] of [[2_048, 4_096], [4_096, 2_048], [2_731, 3_070]] as const) {
      const { get, set } = memoryOfRows();
      for (let i = 0; i < 5_000; i++) set(`${i}`, "ä".repeat(length - 1_000), "u".repeat(1_000));
      let held = 0;
      while (get(`${4_999 - held}`) !== undefined) held++;
      assert.ok(held > rows / 2 && held <= rows, `${held} of ${length} characters`);
    }
  });

  it("does not hold a row whose data, user id and head have more than 4,096 characters together", () => {
    const { get, set } = memoryOfRows();
    const data = "x".repeat(4_000);
    set(a, data, "u".repeat(96));
    assert.equal(get(a), data);
    set(a, data, "u".repeat(97));
    assert.equal(get(a), undefined);
    set(a, data, "u".repeat(48), "h".repeat(48));
    assert.equal(get(a), data);
    set(a, data, "u".repeat(48), "h".repeat(49));
    assert.equal(get(a), undefined);
  });

  it("asks once in a turn, and once more after each commit of this process", () => {
    const { get, next, looks } = memoryOfRows();
    const counts: number[] = [];
    const look = () => {
      get(a);
      counts.push(looks.count);
    };
    look();
    committed();
    look();
    look();
    next();
    look();
    look();
    assert.deepEqual(counts, [1, 2, 2, 3, 3]);
  });
});
