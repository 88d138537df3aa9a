/** What becomes of the file below a running store, on a real server: removed, replaced, put back, or found damaged. */

import { copyFileSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import assert from "node:assert/strict";
import { SqliteStore } from "../../../backends/sqlite.ts";
import { FileWatch } from "../../../backends/sqlite/file_watch.ts";
import { createSessions, type SessionError } from "../../../mod.ts";
import { listen } from "../../support/live_server.ts";
import { connect, keyOf, recordOf, run, temporaryPaths, trouble } from "../../support/sqlite/rig.ts";

const newPath = temporaryPaths();
const [a, b] = [keyOf(1), keyOf(2)] as const;
const secrets = ["c2VjcmV0".repeat(6)];
const gone = /was removed or replaced while it was open/;

/** Waits until it is so; within three seconds it has to be. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 3_000;
  while (!await isSo()) {
    assert.ok(performance.now() < end, "not within three seconds");
    await setTimeout(20);
  }
}

/** Whether this ends in trouble, which then says that the file is gone. */
async function isRefused(work: () => unknown): Promise<boolean> {
  try {
    await work();
    return false;
  } catch (error) {
    assert.equal((error as SessionError).code, "ERR_STORE");
    assert.match((error as Error).message, gone);
    return true;
  }
}

/** Moves the database with all that belongs to it. */
function move(from: string, to: string): void {
  for (const end of ["-wal", "-shm", ""]) renameSync(from + end, to + end);
}

/** A server that counts the requests of a visitor, and one visitor. */
function serve(store: SqliteStore, cookie = "") {
  const sessions = createSessions({ store, secrets, cookie: { name: "sid", secure: false } });
  const server = listen(sessions.wrap(async (request) => {
    if (request.url.endsWith("/static")) return new Response("static");
    const session = await request.session;
    return new Response(
      String(request.url.endsWith("/read") ? session.get("n") : session.update("n", (n = 0) => n + 1)),
    );
  }));
  const visit = async (path = "/") => {
    const response = await fetch(server.url + path, { headers: { cookie } });
    const cookies = response.headers.getSetCookie();
    if (cookies.length > 0) cookie = cookies[0]!.split(";")[0]!;
    return { status: response.status, text: await response.text(), cookies };
  };
  return { visit, cookie: () => cookie, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

describe("the file below a running SQLite store", () => {
  it("SR-055 once it is removed, visitors get 503 and no new session; put back, all goes on", async () => {
    const path = newPath();
    await using store = await SqliteStore.open(path);
    await using server = serve(store);
    await server.visit();
    assert.equal((await server.visit()).text, "2");
    const aside = newPath();
    move(path, aside);
    await until(async () => (await server.visit()).status === 503);
    assert.deepEqual((await server.visit()).cookies, []);
    assert.equal((await server.visit("/static")).text, "static");
    move(aside, path);
    await until(async () => (await server.visit()).status === 200);
    const { text } = await server.visit();
    assert.ok(Number(text) >= 4, text);
    const other = connect(path);
    assert.equal(Number(run(other, "SELECT count(*) FROM sojourn_session")), 1);
    other.close();
  });

  it("SR-055 once another database is in its place, nothing is saved into the old one, nor read from it", async () => {
    const path = newPath();
    const backup = newPath();
    await using store = await SqliteStore.open(path);
    const version = (await store.create(a, recordOf("a", { userId: "ada" })))!;
    copyFileSync(path, backup);
    renameSync(backup, path);
    await until(() => isRefused(() => store.load(a)));
    const calls = [
      () => store.load(a),
      () => store.version(a),
      () => store.list("ada"),
      () => store.stats(1, []),
      () => store.create(b, recordOf("b")),
      () => store.save(a, recordOf("b"), version),
      () => store.touch(a, 1, 2, version),
      () => store.delete(a),
      () => store.clearExpired(1, 1),
    ];
    for (const call of calls) assert.ok(await isRefused(call), String(call));
    assert.ok((await Promise.all(calls.map(isRefused))).every(Boolean), "also many in one turn");
  });

  it("SR-055 it is noticed by writes alone, and over a connection that was handed in", async () => {
    const path = newPath();
    const database = connect(path);
    await using store = new SqliteStore(database);
    const version = (await store.create(a, recordOf("a")))!;
    rmSync(path);
    await until(() => isRefused(() => store.touch(a, 1, 4e12, version)));
    assert.ok(await isRefused(() => store.load(a)));
    await store.close();
    database.close();
  });

  it("a database in memory, or one without a name, has no file to lose", async () => {
    for (const path of [":memory:", ""]) {
      const database = connect(path);
      assert.equal(
        FileWatch.over((database.prepare("PRAGMA database_list").get() as { file: string }).file),
        undefined,
      );
      await using store = new SqliteStore(database);
      await store.create(a, recordOf("a"));
      assert.equal((await store.load(a))?.data, "a");
      await store.close();
      database.close();
    }
    assert.equal(FileWatch.over(newPath()), undefined);
    assert.equal(FileWatch.over(null), undefined);
  });

  it("is looked at once a second at most", () => {
    const path = newPath();
    writeFileSync(path, "");
    const { now } = performance;
    let time = 5_000;
    performance.now = () => time;
    try {
      const watch = FileWatch.over(path)!;
      const { ino } = statSync(path);
      rmSync(path);
      time += 999;
      watch.check();
      time += 1;
      assert.throws(() => watch.check(), { code: "ERR_STORE", message: gone });
      writeFileSync(path, "");
      time += 999;
      assert.throws(() => watch.check(), { code: "ERR_STORE" });
      time += 1;
      // Whether it is another file is for the file system to say, which may give the number out again.
      if (statSync(path).ino === ino) watch.check();
      else assert.throws(() => watch.check(), { code: "ERR_STORE" });
    } finally {
      performance.now = now;
    }
  });

  it("SR-050 found damaged while it serves, it is 503 for whom it concerns, and nobody is anonymous by it", async () => {
    const path = newPath();
    let cookie = "";
    {
      await using store = await SqliteStore.open(path);
      for (let n = 0; n < 200; n++) await store.create(keyOf(n), recordOf("x".repeat(200)));
      await using server = serve(store);
      await server.visit();
      cookie = server.cookie();
    }
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0xff, 4096)); // the schema is sound, so it opens
    await using store = await SqliteStore.open(path);
    const error = await trouble(() => store.load(a), "ERR_STORE");
    assert.match(error.message, /^The session database is damaged/);
    for (const call of [() => store.version(a), () => store.list("ada"), () => store.stats(1, [])]) {
      await trouble(call, "ERR_STORE");
    }
    await using server = serve(store, cookie);
    assert.equal((await server.visit("/static")).status, 200);
    for (const path of ["/read", "/"]) {
      const { status, cookies } = await server.visit(path);
      assert.deepEqual([status, cookies], [503, []]);
    }
  });
});
