/** `import-django` that was interrupted, and two at once. */

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { importedId } from "../../backends/django/import/importer.ts";
import { openDatabase } from "../../backends/sqlite/database.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import { storageKey } from "../../src/crypto/session_id.ts";
import { cli, makeFolder } from "../support/cli/world.ts";
import { day, env, keyOf, makeSite, now, type Rows } from "../support/django/gone_site.ts";

describe("import-django interrupted", () => {
  const folder = makeFolder();
  const path = `${folder.path}/sessions.db`;
  const args = [
    "import-django",
    `sqlite:${folder.path}/db.sqlite3`,
    `sqlite:${path}`,
    "--secret-env",
    "DJANGO_SECRET",
    "--json",
  ];
  after(() => folder.remove());

  it("goes on where it stopped: what was ended meanwhile does not come back, nothing is lost", async () => {
    const name = (i: number) => `${String(i).padStart(4, "0")}many`;
    const all: [string, Rows[string]][] = Array.from(
      { length: 1000 },
      (_, i) => [name(i), [{ json: `{"n":${i}}` }, now + day + i]],
    );
    all[7] = [name(7), ["rubbish", now + day]];
    await makeSite(`${folder.path}/db.sqlite3`, Object.fromEntries(all));
    await (await SqliteStore.open(path)).close();
    const database = await openDatabase(path);
    const run = (sql: string) => {
      const statement = database.prepare(sql);
      statement.run();
      statement.finalize?.();
    };
    const stop = await storageKey(await importedId(keyOf(name(700))));
    run(
      `CREATE TRIGGER full BEFORE INSERT ON sojourn_session WHEN NEW.key = '${stop}' BEGIN SELECT RAISE(ABORT, 'x'); END`,
    );
    const first = await cli(args, { env });
    assert.equal(first.code, 3);
    assert.match(first.err, /run the command again to go on/);
    run("DROP TRIGGER full");
    database.close();
    const store = await SqliteStore.open(path);
    const keys = await Promise.all(all.map(([name]) => importedId(keyOf(name)).then(storageKey)));
    const ended = keys.slice(10, 590);
    for (const key of ended) assert.equal(await store.delete(key), true);
    const second = await cli(args, { env });
    const { resumed, unreadable, tags } = JSON.parse(second.out);
    assert.deepEqual([second.code, resumed, unreadable, tags], [1, true, 1, []]);
    for (const [i, key] of keys.entries()) {
      assert.equal(await store.load(key) === undefined, i === 7 || ended.includes(key), `row ${i}`);
    }
    assert.equal((await cli(args, { env })).code, 1);
    assert.match((await cli(args, { env })).err, /ERR_IMPORTED/);
    // When no imported session can live any more, nothing can come back, and the marker is gone
    assert.equal(await store.clearExpired(now + day + 998, 2000), 999 - ended.length - 1);
    assert.equal(await store.clearExpired(now + day + 999, 2000), 2);
    await store.close();
  });

  it("two at once: one of them says so, and nothing is lost", async () => {
    await (await SqliteStore.open(`${folder.path}/two.db`)).close();
    const two = [...args.slice(0, 2), `sqlite:${folder.path}/two.db`, ...args.slice(3)];
    const both = await Promise.all([cli(two, { env }), cli(two, { env })]);
    assert.ok(both.some(({ code }) => code === 1));
    for (const { code, err } of both) if (code === 3) assert.match(err, /Another import/);
    await using store = await SqliteStore.open(`${folder.path}/two.db`);
    assert.equal((await store.stats(now, [])).live, 999, "the note of the import is no session");
    assert.equal(
      JSON.parse((await cli(["stats", `sqlite:${folder.path}/two.db`, "--json"], { env })).out).live,
      999,
    );
  });
});
