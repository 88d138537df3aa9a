import { writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { SqliteStore } from "../../../backends/sqlite.ts";
import { connect, keyOf, recordOf, run, temporaryPaths, trouble, watched } from "../../support/sqlite/rig.ts";

const newPath = temporaryPaths();
const [a, b, c] = [keyOf(1), keyOf(2), keyOf(3)] as const;

/** The longest time that a 1 ms timer was late while `work` ran, in ms. */
async function lagOf(work: () => Promise<unknown>): Promise<number> {
  let worst = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    worst = Math.max(worst, now - last);
    last = now;
  }, 1);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return Math.max(worst, performance.now() - last);
}

/** Holds the write lock for `ms`. */
async function lock(path: string, ms: number, begin = "BEGIN IMMEDIATE") {
  const other = connect(path);
  run(other, begin);
  await setTimeout(ms);
  run(other, "COMMIT");
  other.close();
}

describe("SqliteStore while the database is busy", () => {
  it("SR-055 waits for the lock, and the event loop runs on", async () => {
    const path = newPath();
    await using store = await SqliteStore.open(path);
    const version = (await store.create(a, recordOf("1")))!;
    let answers: unknown[] = [];
    const lag = await lagOf(async () => {
      const locked = lock(path, 300);
      const writes = [
        store.save(a, recordOf("2"), version),
        store.create(b, recordOf("b")),
        store.touch(a, 3_000, 4e12, version),
        store.save(a, recordOf("3"), version),
        store.clearExpired(0, 10),
        store.delete(c),
      ];
      assert.equal((await store.load(a))?.data, "1");
      answers = await Promise.all(writes);
      await locked;
    });
    assert.ok(lag < 60, `the event loop stood still for ${lag} ms`);
    assert.deepEqual(answers.map(Boolean), [true, true, false, false, false, false]);
    assert.equal((await store.load(a))?.data, "2");
    assert.equal((await store.load(a))?.touchedAt, 2_000);
    assert.equal((await store.load(b))?.data, "b");
  });

  it("SR-055 gives up in time, and applies nothing afterwards", async () => {
    const path = newPath();
    await using store = await SqliteStore.open(path, { timeout: 0.2 });
    const version = (await store.create(a, recordOf("1")))!;
    const other = connect(path);
    run(other, "BEGIN IMMEDIATE");
    const calls = [
      () => store.save(a, recordOf("2"), version),
      () => store.create(b, recordOf("b")),
      () => store.delete(a),
      () => store.touch(a, 3_000, 5e12, version),
      () => store.clearExpired(Infinity, 10),
    ];
    const start = performance.now();
    const errors = await Promise.all(calls.map((call) => trouble(call, "ERR_STORE")));
    const took = performance.now() - start;
    assert.ok(took >= 190 && took < 500, `${took} ms`);
    for (const error of errors) {
      assert.match(error.message, /busy/);
      assert.match((error.cause as Error).message, /locked/);
      assert.equal(error.retryable, true);
    }
    // A later write is served when the lock goes, and is the only one.
    const later = store.create(c, recordOf("c"));
    run(other, "COMMIT");
    other.close();
    assert.ok(await later);
    assert.deepEqual(store.load(a), { ...recordOf("1"), version });
    assert.equal(store.load(b), undefined);
  });

  it("SR-055 gives every write its own time", async () => {
    const path = newPath();
    await using store = await SqliteStore.open(path, { timeout: 0.3 });
    const other = connect(path);
    run(other, "BEGIN IMMEDIATE");
    const early = trouble(() => store.create(a, recordOf("a")), "ERR_STORE");
    await setTimeout(150);
    const late = store.create(b, recordOf("b"));
    await early;
    run(other, "COMMIT");
    other.close();
    assert.ok(await late);
    assert.equal(store.load(a), undefined);
  });

  it("SR-055 refuses a write that the event loop came to too late", async () => {
    await using store = await SqliteStore.open(newPath(), { timeout: 0.01 });
    store.create(b, recordOf("b")); // at once, so that the next one of this turn waits for its end
    const created = trouble(() => store.create(a, recordOf("a")), "ERR_STORE");
    for (const start = performance.now(); performance.now() - start < 15;);
    assert.match((await created).message, /timed out before the write started/);
    assert.equal(store.load(a), undefined);
  });

  it("SR-055 loads wait for a lock that keeps readers out, too", async () => {
    const path = newPath();
    const store = await SqliteStore.open(path);
    await store.create(a, recordOf("a", { userId: "ada" }));
    await store.close();
    const other = connect(path);
    run(other, "PRAGMA locking_mode = EXCLUSIVE");
    run(other, "BEGIN IMMEDIATE");
    run(other, "COMMIT");
    const opening = SqliteStore.open(path, { timeout: 2 });
    await trouble(() => SqliteStore.open(path, { timeout: 0.1 }), "ERR_STORE");
    other.close();
    await (await opening).close();

    // With a rollback journal a writer that commits keeps readers out for a moment.
    const journal = connect(path);
    run(journal, "PRAGMA journal_mode = DELETE");
    const handed = watched(connect(path));
    const reader = new SqliteStore(handed.database, { timeout: 0.4 });
    run(handed.database, "PRAGMA journal_mode = DELETE");
    run(journal, "BEGIN EXCLUSIVE");
    const loaded = reader.load(a);
    const listed = reader.list("ada");
    assert.ok(loaded instanceof Promise && listed instanceof Promise);
    run(journal, "COMMIT");
    assert.equal((await loaded)?.data, "a");
    assert.equal((await listed).entries.length, 1);
    run(journal, "BEGIN EXCLUSIVE");
    await trouble(() => reader.load(a), "ERR_STORE");
    run(journal, "COMMIT");
    journal.close();
    await reader.close();
    handed.database.close();
  });

  it("SR-055 opens a database that is locked for a moment, and many at once open a new one", async () => {
    const path = newPath();
    writeFileSync(path, "");
    const locked = lock(path, 100, "BEGIN EXCLUSIVE");
    const stores = await Promise.all(Array.from({ length: 4 }, () => SqliteStore.open(path)));
    await locked;
    const created = await Promise.all(stores.map((store, n) => store.create(keyOf(n), recordOf(`${n}`))));
    assert.ok(created.every(Boolean));
    assert.deepEqual(created.map((_, n) => (stores[3 - n]!.load(keyOf(n)) as { data: string }).data), [
      "0",
      "1",
      "2",
      "3",
    ]);
    for (const store of stores) await store.close();
  });

  it("a connection handed in while busy is made ready at its first use", async () => {
    const path = newPath();
    const other = connect(path);
    run(other, "BEGIN EXCLUSIVE");
    const database = connect(path);
    await using store = new SqliteStore(database);
    const loaded = store.load(a);
    assert.ok(loaded instanceof Promise);
    const created = store.create(a, recordOf("a"));
    run(other, "COMMIT");
    other.close();
    await loaded;
    assert.ok(await created);
    database.close();
  });

  it("waits while the owner of the connection is inside a transaction, and never joins it", async () => {
    const path = newPath();
    const database = connect(path);
    await using store = new SqliteStore(database, { timeout: 0.2 });
    run(database, "BEGIN");
    run(database, "CREATE TABLE mine (x)");
    const created = store.create(a, recordOf("a"));
    await setTimeout(20);
    assert.equal(run(database, "SELECT count(*) FROM sojourn_session"), 0);
    run(database, "ROLLBACK");
    assert.ok(await created);
    assert.equal((await store.load(a))?.data, "a");

    run(database, "BEGIN");
    assert.match((await trouble(() => store.delete(a), "ERR_STORE")).message, /busy/);
    run(database, "COMMIT");
    assert.equal(await store.touch(b, 1, 2, "v"), false);
    assert.equal((await store.load(a))?.data, "a");
    database.close();
  });
});
