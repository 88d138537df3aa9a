import { setImmediate } from "node:timers/promises";
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { SqliteStore } from "../../../backends/sqlite.ts";
import {
  connect,
  keyOf,
  recordOf,
  run,
  summaryOf,
  temporaryPaths,
  watched,
} from "../../support/sqlite/rig.ts";

const newPath = temporaryPaths();
const [a, b] = [keyOf(1), keyOf(2)] as const;
const open = (now = 5_000) => SqliteStore.open(newPath(), { now: () => now });

describe("SqliteStore", () => {
  it("gives back what was created, as a plain value with its version", async () => {
    await using store = await open();
    const record = recordOf('{"n":1}', { userId: "ada", head: '["é😀"]' });
    const version = await store.create(a, record);
    assert.equal(typeof version, "string");
    const loaded = store.load(a);
    assert.ok(!(loaded instanceof Promise));
    assert.deepEqual(loaded, { ...record, version });
    assert.equal(store.load(b), undefined);
  });

  it("SR-071 carries any text, also what SQLite cannot hold", async () => {
    await using store = await open();
    const texts = [
      "",
      "\0",
      "a\0b",
      "\ud800",
      "\\",
      '\\"x"',
      "\\u0000",
      "é😀\u2028",
      "x".repeat(65_536),
      "\x1b'--",
    ];
    for (const [n, text] of texts.entries()) {
      const record = recordOf(text, { userId: text, head: text.slice(0, 4_096) });
      const version = await store.create(keyOf(n), record);
      assert.deepEqual(store.load(keyOf(n)), { ...record, version });
    }
    for (const [n, text] of texts.entries()) {
      const record = summaryOf(recordOf("", { userId: text, head: text.slice(0, 4_096) }));
      assert.deepEqual(await store.list(text), { entries: [{ key: keyOf(n), record }] });
    }
  });

  it("SR-004 inserts only if the key is free", async () => {
    await using store = await open();
    const version = await store.create(a, recordOf("old"));
    assert.equal(await store.create(a, recordOf("new")), undefined);
    assert.deepEqual(store.load(a), { ...recordOf("old"), version });
  });

  it("SR-004 lets one of many creations of the same key win", async () => {
    await using store = await open();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => store.create(a, recordOf(`${n}`))),
    );
    assert.equal(answers.filter((version) => version !== undefined).length, 1);
    assert.deepEqual(store.load(a), { ...recordOf("0"), version: answers[0] });
  });

  it("replaces an expired record, from the instant it expires on", async () => {
    await using store = await open(5_000);
    await store.create(a, recordOf("old", { expiresAt: 5_000, userId: "ada" }));
    await store.create(b, recordOf("old", { expiresAt: 5_001 }));
    assert.ok(await store.create(a, recordOf("new", { userId: "bob" })));
    assert.equal(await store.create(b, recordOf("new")), undefined);
    assert.deepEqual(await store.list("ada"), { entries: [] });
    const { version: _, ...record } = (await store.load(a))!;
    assert.deepEqual(record, recordOf("new", { userId: "bob" }));
  });

  it("saves only over the version that was loaded, whatever changes", async () => {
    await using store = await open();
    let version = (await store.create(a, recordOf("0")))!;
    const changes = [
      {},
      { head: "[1]" },
      { userId: "ada", head: "[2]" },
      { userId: "ada" },
      { userId: "ada", touchedAt: 9 },
      { expiresAt: 9e12 },
      {
        createdAt: 3,
      },
    ];
    for (const [n, change] of changes.entries()) {
      const record = recordOf(`${n}`, change);
      const next = (await store.save(a, record, version))!;
      assert.deepEqual(store.load(a), { ...record, version: next });
      assert.equal(await store.save(a, recordOf("late"), version), undefined);
      version = next;
    }
    assert.equal((await store.load(a))?.data, `${changes.length - 1}`);
    assert.equal(await store.save(b, recordOf("x"), version), undefined);
    assert.equal(store.load(b), undefined);
  });

  it("saves with one statement that names no indexed column while only the data changes", async () => {
    const { database, ran } = watched(connect(newPath()));
    await using store = new SqliteStore(database);
    const version = (await store.create(a, recordOf("1", { userId: "ada" })))!;
    ran.length = 0;
    await store.save(a, recordOf("2", { userId: "ada", head: "[2]" }), version);
    assert.deepEqual(ran.map((sql) => sql.split(" ")[0]), ["BEGIN", "UPDATE", "COMMIT"]);
    assert.match(ran[1]!, /SET data = \?, version = \?, head = \?, data_sum = \?, record_sum = \? WHERE/);
    database.close();
  });

  it("lets one of many saves over one version win", async () => {
    await using store = await open();
    const version = (await store.create(a, recordOf("old")))!;
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => store.save(a, recordOf(`${n}`, { head: `[${n}]` }), version)),
    );
    assert.deepEqual(answers.map(Boolean), answers.map((_, n) => n === 0));
    assert.deepEqual(store.load(a), { ...recordOf("0", { head: "[0]" }), version: answers[0] });
  });

  it("touches both instants of one version, forward only, and nothing else", async () => {
    await using store = await open();
    const record = recordOf("x", { userId: "ada", head: "[1]" });
    const old = (await store.create(a, record))!;
    const version = (await store.save(a, record, old))!;
    assert.equal(await store.touch(a, 2_007, 9e12, old), false);
    assert.equal(await store.touch(b, 2_007, 9e12, version), false);
    assert.deepEqual(store.load(a), { ...record, version });
    let at = { touchedAt: 2_000, expiresAt: 4e12 };
    for (const [touchedAt, expiresAt] of [[2_007, 9e12], [2_008, 8e12], [2_006, 10e12], [1, 2]] as const) {
      assert.equal(await store.touch(a, touchedAt, expiresAt, version), true);
      at = {
        touchedAt: Math.max(at.touchedAt, touchedAt),
        expiresAt: Math.max(at.expiresAt, expiresAt),
      };
      assert.deepEqual(store.load(a), { ...record, ...at, version });
    }
    assert.ok(await store.save(a, recordOf("y"), version));
  });

  it("deletes, and says whether there was one", async () => {
    await using store = await open();
    await store.create(a, recordOf("x"));
    assert.equal(await store.delete(a), true);
    assert.equal(await store.delete(a), false);
    assert.equal(store.load(a), undefined);
  });

  it("clears at most so many expired records, and no live one", async () => {
    await using store = await open();
    for (let n = 0; n < 10; n++) {
      await store.create(keyOf(n), recordOf("x", { expiresAt: n < 7 ? 400 : 600 }));
    }
    assert.equal(await store.clearExpired(500, 0), 0);
    assert.equal(await store.clearExpired(500, -1), 0);
    assert.equal(await store.clearExpired(400, 5), 5);
    assert.equal(await store.clearExpired(500, 5), 2);
    assert.equal(await store.clearExpired(500, 5), 0);
    assert.equal(await store.clearExpired(600, Infinity), 3);
  });

  it("SR-039 finds expired records through an index, which is made again where it is missing", async () => {
    const path = newPath();
    for (let round = 0; round < 2; round++) {
      await (await SqliteStore.open(path)).close();
      const other = connect(path);
      const statement = other.prepare(
        "EXPLAIN QUERY PLAN SELECT key FROM sojourn_session WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
      );
      assert.match(JSON.stringify(statement.all(1, 1)), /sojourn_session_expires/);
      statement.finalize?.();
      run(other, "DROP INDEX sojourn_session_expires");
      other.close();
    }
  });

  it("tells a version without the memory of its own writes", async () => {
    const path = newPath();
    await using one = await SqliteStore.open(path);
    await using two = await SqliteStore.open(path);
    const version = await one.create(a, recordOf("x"));
    assert.equal(two.version(a), version);
    assert.equal(two.version(b), undefined);
  });

  it("never uses a version twice, also across delete, create and stores", async () => {
    const path = newPath();
    const seen = new Set<string>();
    for (let round = 0; round < 3; round++) {
      await using store = await SqliteStore.open(path);
      for (let n = 0; n < 10; n++) {
        const created = (await store.create(a, recordOf("x")))!;
        const saved = (await store.save(a, recordOf("y"), created))!;
        await store.delete(a);
        for (const version of [created, saved]) {
          assert.ok(!seen.has(version));
          seen.add(version);
        }
      }
    }
  });

  it("commits the writes of one turn of the event loop together", async () => {
    const { database, ran } = watched(connect(newPath()));
    await using store = new SqliteStore(database);
    ran.length = 0;
    const keys = Array.from({ length: 100 }, (_, n) => keyOf(n));
    const versions = await Promise.all(keys.map((key) => store.create(key, recordOf(key))));
    await Promise.all(
      keys.map((key, n) => n % 2 ? store.delete(key) : store.save(key, recordOf("2"), versions[n]!)),
    );
    assert.equal(ran.filter((sql) => sql.startsWith("BEGIN")).length, 2);
    assert.equal(ran.filter((sql) => sql.startsWith("COMMIT")).length, 2);
    assert.deepEqual(keys.map((key) => Boolean(store.load(key))), keys.map((_, n) => n % 2 === 0));
    database.close();
  });

  it("acknowledges a write only after its commit", async () => {
    const path = newPath();
    await using store = await SqliteStore.open(path);
    const other = connect(path);
    const seen = () => run(other, "SELECT count(*) FROM sojourn_session");
    const created = store.create(a, recordOf("x"));
    assert.equal(created instanceof Promise, false); // alone in its turn: it is committed when the call returns
    assert.equal(seen(), 1);
    const second = store.create("b".repeat(64), recordOf("y")) as Promise<string | undefined>;
    let acknowledged = false;
    second.then(() => acknowledged = true);
    for (let turn = 0; seen() === 1; turn++) {
      assert.equal(acknowledged, false);
      assert.ok(turn < 1_000);
      await setImmediate();
    }
    await second;
    other.close();
  });

  it("sees at once what another connection committed", async () => {
    const path = newPath();
    await using one = await SqliteStore.open(path);
    await using two = await SqliteStore.open(path);
    let version = (await one.create(a, recordOf("0")))!;
    for (let n = 1; n < 10; n++) {
      const [reader, writer] = n % 2 ? [one, two] : [two, one];
      assert.equal((await reader.load(a))?.version, version);
      version = (await writer.save(a, recordOf(`${n}`), version))!;
    }
  });

  it("SR-042 loses no update when two stores write one record", async () => {
    const path = newPath();
    const stores = [await SqliteStore.open(path), await SqliteStore.open(path)];
    await stores[0]!.create(a, recordOf("0"));
    const increment = async (store: SqliteStore) => {
      for (;;) {
        const { version, data } = (await store.load(a))!;
        if (await store.save(a, recordOf(`${Number(data) + 1}`), version)) return;
      }
    };
    // Five at a time in each store, so that some meet in one transaction and some across the two connections.
    await Promise.all(stores.flatMap((store) =>
      Array.from({ length: 5 }, async () => {
        for (let n = 0; n < 40; n++) await increment(store);
      })
    ));
    assert.equal((await stores[0]!.load(a))?.data, "400");
    for (const store of stores) await store.close();
  });
});
