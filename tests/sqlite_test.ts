import { setImmediate } from "node:timers/promises";
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { SqliteStore } from "../backends/sqlite.ts";
import { connect, keyOf, recordOf, run, temporaryPaths, watched } from "./sqlite_rig.ts";

const newPath = temporaryPaths();
const [a, b, c, d] = [keyOf(1), keyOf(2), keyOf(3), keyOf(4)] as const;
const open = (now = 5_000) => SqliteStore.open(newPath(), { now: () => now });

describe("SqliteStore", () => {
  it("gives back what was created, as a plain value with its version", async () => {
    await using store = await open();
    const record = recordOf('{"n":1}', { userId: "ada" });
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
      const record = recordOf(text, { userId: text });
      const version = await store.create(keyOf(n), record);
      assert.deepEqual(store.load(keyOf(n)), { ...record, version });
    }
    for (const [n, text] of texts.entries()) {
      assert.deepEqual(await store.list(text), [{ key: keyOf(n), record: recordOf(text, { userId: text }) }]);
    }
  });

  it("SR-004 inserts only if the key is free", async () => {
    await using store = await open();
    const version = await store.create(a, recordOf("old"));
    assert.equal(await store.create(a, recordOf("new")), undefined);
    assert.deepEqual(store.load(a), { ...recordOf("old"), version });

    const other = (await store.create(b, recordOf("other")))!;
    assert.equal(await store.rotate(b, a, recordOf("moved"), other), undefined);
    assert.deepEqual(store.load(a), { ...recordOf("old"), version });
    assert.deepEqual(store.load(b), { ...recordOf("other"), version: other });
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
    assert.deepEqual(await store.list("ada"), []);
    const { version: _, ...record } = (await store.load(a))!;
    assert.deepEqual(record, recordOf("new", { userId: "bob" }));
  });

  it("saves only over the version that was loaded, whatever changes", async () => {
    await using store = await open();
    let version = (await store.create(a, recordOf("0")))!;
    const changes = [{}, { userId: "ada" }, { userId: "ada", touchedAt: 9 }, { expiresAt: 9e12 }, {
      createdAt: 3,
    }];
    for (const [n, change] of changes.entries()) {
      const record = recordOf(`${n}`, change);
      const next = (await store.save(a, record, version))!;
      assert.deepEqual(store.load(a), { ...record, version: next });
      assert.equal(await store.save(a, recordOf("late"), version), undefined);
      version = next;
    }
    assert.equal((await store.load(a))?.data, "4");
    assert.equal(await store.save(b, recordOf("x"), version), undefined);
    assert.equal(store.load(b), undefined);
  });

  it("saves with one statement that names no indexed column while only the data changes", async () => {
    const { database, ran } = watched(connect(newPath()));
    await using store = new SqliteStore(database);
    const version = (await store.create(a, recordOf("1", { userId: "ada" })))!;
    ran.length = 0;
    await store.save(a, recordOf("2", { userId: "ada" }), version);
    assert.deepEqual(ran.map((sql) => sql.split(" ")[0]), ["BEGIN", "UPDATE", "COMMIT"]);
    assert.match(ran[1]!, /SET data = \?, version = \?, data_sum = \?, record_sum = \? WHERE/);
    database.close();
  });

  it("rotates in one step: the old key is dead, the new one holds the new content", async () => {
    await using store = await open();
    const version = (await store.create(a, recordOf("old", { userId: "ada" })))!;
    assert.equal(await store.rotate(a, b, recordOf("new"), "other"), undefined);
    assert.equal(await store.rotate(c, b, recordOf("new"), version), undefined);
    assert.equal(await store.rotate(a, a, recordOf("new"), version), undefined);
    assert.deepEqual(store.load(a), { ...recordOf("old", { userId: "ada" }), version });

    const next = await store.rotate(a, b, recordOf("new", { userId: "bob" }), version);
    assert.equal(store.load(a), undefined);
    assert.deepEqual(store.load(b), { ...recordOf("new", { userId: "bob" }), version: next });
    assert.deepEqual(await store.list("ada"), []);
  });

  it("lets one of many rotations of a session win", async () => {
    await using store = await open();
    const version = (await store.create(a, recordOf("old")))!;
    const keys = Array.from({ length: 10 }, (_, n) => keyOf(100 + n));
    const answers = await Promise.all(keys.map((key) => store.rotate(a, key, recordOf("new"), version)));
    assert.deepEqual(answers.map(Boolean), keys.map((_, n) => n === 0));
    assert.deepEqual(keys.map((key) => Boolean(store.load(key))), keys.map((_, n) => n === 0));
  });

  it("touches both instants and nothing else", async () => {
    await using store = await open();
    const version = (await store.create(a, recordOf("x", { userId: "ada" })))!;
    assert.equal(await store.touch(a, 7, 9e12), true);
    assert.equal(await store.touch(b, 7, 9e12), false);
    const touched = recordOf("x", { userId: "ada", touchedAt: 7, expiresAt: 9e12 });
    assert.deepEqual(store.load(a), { ...touched, version });
    assert.ok(await store.save(a, recordOf("y"), version));
  });

  it("deletes, and says whether there was one", async () => {
    await using store = await open();
    await store.create(a, recordOf("x"));
    assert.equal(await store.delete(a), true);
    assert.equal(await store.delete(a), false);
    assert.equal(store.load(a), undefined);
  });

  it("lists the records of one user through the index, and leaves damaged ones out", async () => {
    const path = newPath();
    await using store = await SqliteStore.open(path);
    await store.create(a, recordOf("a", { userId: "ada" }));
    await store.create(b, recordOf("b", { userId: "bob" }));
    await store.create(c, recordOf("c", { userId: "ada" }));
    await store.create(d, recordOf("d"));
    assert.deepEqual(await store.list("ada"), [
      { key: a, record: recordOf("a", { userId: "ada" }) },
      { key: c, record: recordOf("c", { userId: "ada" }) },
    ]);
    assert.deepEqual(await store.list("eve"), []);

    const other = connect(path);
    run(other, `UPDATE sojourn_session SET data = x'00' WHERE key = '${a}'`);
    assert.deepEqual((await store.list("ada")).map(({ key }) => key), [c]);
    const plan = other.prepare("EXPLAIN QUERY PLAN SELECT * FROM sojourn_session WHERE user_id = ?").all(
      "ada",
    );
    assert.match(JSON.stringify(plan), /sojourn_session_user/);
    other.close();
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
        const rotated = (await store.rotate(a, b, recordOf("z"), saved))!;
        await store.delete(b);
        for (const version of [created, saved, rotated]) {
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
