/** The lists of `SqliteStore`: pages of one user's records, through the index and without their data. */

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
const [a, b, c, d] = [keyOf(1), keyOf(2), keyOf(3), keyOf(4)] as const;

describe("the lists of SqliteStore", () => {
  it("lists the records of one user, and leaves damaged ones out", async () => {
    const path = newPath();
    await using store = await SqliteStore.open(path);
    const records = {
      [a]: recordOf("a", { userId: "ada", head: "[1]" }),
      [b]: recordOf("b", { userId: "bob" }),
      [c]: recordOf("c", { userId: "ada" }),
      [d]: recordOf("d"),
    };
    for (const [key, record] of Object.entries(records)) await store.create(key, record);
    assert.deepEqual(await store.list("ada"), {
      entries: [a, c].map((key) => ({ key, record: summaryOf(records[key]!) })),
    });
    assert.deepEqual(await store.list("eve"), { entries: [] });

    const other = connect(path);
    run(other, `UPDATE sojourn_session SET head = '[2]' WHERE key = '${a}'`);
    assert.deepEqual((await store.list("ada")).entries.map(({ key }) => key), [c]);
    other.close();
  });

  it("a list reads one user's rows through the index, in order, and no data", async () => {
    const path = newPath();
    const { database, ran } = watched(connect(path));
    await using store = new SqliteStore(database);
    const records = [1, 2, 3].map((n) => recordOf(`${n}`, { userId: "ada" }));
    for (const [n, record] of records.entries()) await store.create(keyOf(n), record);
    ran.length = 0;
    await store.list("ada", { limit: 2 });
    assert.equal(ran.length, 1);
    assert.doesNotMatch(ran[0]!, /\bdata\b|\*/);

    const other = connect(path);
    const plan = other.prepare(`EXPLAIN QUERY PLAN ${ran[0]}`);
    const steps = plan.all("ada", "", 2).map((row) => (row as { detail: string }).detail);
    plan.finalize?.();
    assert.deepEqual(steps, [
      "SEARCH sojourn_session USING INDEX sojourn_session_user (user_id=? AND key>?)",
    ]);
    // What is not read cannot be found damaged.
    run(other, "UPDATE sojourn_session SET data = x'00'");
    assert.deepEqual(await store.list("ada"), {
      entries: records.map((record, n) => ({ key: keyOf(n), record: summaryOf(record) })),
    });
    other.close();
    await store.close();
    database.close();
  });

  it("lists in pages, past damaged rows, whatever is saved, touched and removed meanwhile", async () => {
    const path = newPath();
    await using store = await SqliteStore.open(path);
    const versions: string[] = [];
    for (let n = 0; n < 25; n++) {
      versions.push((await store.create(keyOf(n), recordOf(`${n}`, { userId: n % 5 ? "ada" : "bob" })))!);
    }
    assert.equal((await store.list("ada")).next, undefined);
    const other = connect(path);
    for (const n of [1, 2, 3]) {
      run(other, `UPDATE sojourn_session SET created_at = 7 WHERE key = '${keyOf(n)}'`);
    }
    other.close();
    const pages: number[][] = [];
    for (let after: string | undefined = ""; after !== undefined;) {
      const page = await store.list("ada", { after, limit: 3 });
      pages.push(page.entries.map(({ key }) => parseInt(key, 16)));
      after = page.next;
      if (pages.length === 2) {
        await store.delete(keyOf(11));
        await store.touch(keyOf(12), 3_000, 5e12, versions[12]!);
        await store.save(keyOf(13), recordOf("saved", { userId: "ada" }), versions[13]!);
        await store.save(keyOf(14), recordOf("saved", { userId: "bob" }), versions[14]!);
      }
    }
    assert.deepEqual(pages.slice(0, 2), [[], [4, 6, 7]]);
    assert.deepEqual(pages.flat(), [4, 6, 7, 8, 9, 12, 13, 16, 17, 18, 19, 21, 22, 23, 24]);
    assert.ok(pages.every((page) => page.length <= 3));
    for (const limit of [0, -1, 1.5, NaN, "3" as never]) {
      await assert.rejects(async () => await store.list("ada", { limit }), RangeError);
    }
  });
});
