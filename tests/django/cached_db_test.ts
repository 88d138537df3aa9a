/** `DjangoCachedDbStore`: what it takes out of the site's cache, when and by which clients, and what it refuses. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import {
  DjangoCachedDbStore,
  DjangoDbStore,
  DjangoFileStore,
  djangoSessions,
} from "../../backends/django.ts";
import type { DjangoCachedDbStoreOptions } from "../../backends/django.ts";
import { Cache, CachedSite, changes, name } from "../support/django/cached_site.ts";
import { freshKey, testEngine } from "../support/django/engine_suite.ts";
import { cookieOf, DjangoSite, schema, secretKey } from "../support/django/site.ts";
import { clients } from "../support/redis/clients.ts";
import { type Server, skip as noRedis, startServer, until } from "../support/redis/server.ts";
import { connect, run, temporaryPaths, trouble, watched } from "../support/sqlite/rig.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const path = temporaryPaths();

describe("cached_db: the table behind a cache", () => {
  const file = path();
  const first = connect(file);
  for (const statement of schema) run(first, statement);
  const caches = [new Cache(), new Cache()];
  const databases = [first, connect(file)];
  const stores = databases.map((database, i) =>
    new DjangoCachedDbStore(new DjangoDbStore(database, { timeout: 10 }), caches[i]!)
  );
  testEngine({ open: () => ({ one: stores[0]!, other: stores[1]! }), end: "stored" });
});

describe("cached_db: what is taken out of the cache", () => {
  it("before and after each write the session's entry, and nothing else", async () => {
    const log: string[] = [];
    const { database, ran } = watched(connect(":memory:"));
    for (const statement of schema) run(database, statement);
    ran.push = (...statements) => log.push(...statements.map((one) => one.split(" ")[0]!));
    const cache = new Cache(log);
    const store = new DjangoCachedDbStore(new DjangoDbStore(database), cache, {
      keyPrefix: "shop",
      version: 3,
    });
    const key = freshKey();
    const entry = `delete shop:3:django.contrib.sessions.cached_db${key}`;
    const row = (text: string) => ({ text, expiresAt: Date.now() + 60_000 });
    const during = async (work: () => unknown) => {
      log.length = 0;
      await work();
      const at = (what: string) => log.flatMap((one, i) => one === what ? [i] : []);
      const writes = log.flatMap((one, i) => /^(INSERT|UPDATE|DELETE)/.test(one) ? [i] : []);
      return {
        entries: at(entry),
        writes,
        others: log.filter((one) => /^delete/.test(one) && one !== entry),
      };
    };
    const between = async (work: () => unknown) => {
      const { entries: [before, after], writes, others } = await during(work);
      assert.deepEqual(others, []);
      assert.ok(writes.length > 0 && writes.every((at) => before! < at && at < after!), log.join(", "));
    };
    const quiet = async (work: () => unknown) => assert.deepEqual((await during(work)).entries, []);
    await quiet(() => store.create(key, row("a")));
    await quiet(() => store.load(key));
    await between(() => store.replace(key, row("b"), "a"));
    await quiet(() => store.clearExpired(Date.now(), 10));
    const fresh = freshKey();
    await between(() => store.rotate(key, fresh, row("c"), "b"));
    await store.rotate(fresh, key, row("d"), "c");
    await between(() => store.delete(key));
    await store.close();
  });

  it("a session that is read or made asks nothing of the cache", async () => {
    const site = new CachedSite();
    const key = cookieOf(await site.send((session) => session.set("a", 1)))!.value;
    await site.send((session) => assert.equal(session.get("a"), 1), key);
    await site.send(() => {});
    assert.deepEqual(site.removed(), []);
    await site.shared.close();
  });

  it("DX-041 a row that is gone behind a warm cache is no session here, and takes its entry with it", async () => {
    const site = new CachedSite();
    const key = freshKey();
    site.cache.entries.set(name(key), "pickle");
    const answer = await site.send((session) => assert.equal(session.size, 0), key);
    assert.equal(cookieOf(answer)!.isCleared, true);
    assert.equal(site.cache.entries.has(name(key)), false);
    await site.shared.close();
  });

  it("DJ-047 a key of 1240 characters leads nowhere, and Memcached is not asked for what it has no name for", async () => {
    const site = new CachedSite();
    assert.equal((await site.send((session) => assert.equal(session.size, 0), "a".repeat(1240))).status, 200);
    assert.deepEqual(site.removed(), []);
    const longest = "a".repeat(250 - name("").length);
    await site.send((session) => assert.equal(session.size, 0), longest);
    assert.deepEqual(site.removed(), [`delete ${name(longest)}`]);
    await site.shared.close();
  });

  it("what a slow read of Django's puts back after a write is taken away once more", async () => {
    const site = new CachedSite();
    const entries: string[] = [];
    for (const change of Object.values(changes)) {
      const key = cookieOf(await site.send((session) => session.set("a", 1)))!.value;
      assert.equal((await site.send(change, key)).status, 200);
      entries.push(name(key));
      site.cache.entries.set(name(key), "the row before");
    }
    await until(() => site.cache.entries.size === 0);
    const removed = site.removed();
    for (const entry of entries) assert.equal(removed.filter((one) => one === `delete ${entry}`).length, 3);
    await site.shared.close();
  });

  it("closing takes away at once what would be later, and nothing afterwards", async () => {
    const site = new CachedSite();
    const key = cookieOf(await site.send((session) => session.set("a", 1)))!.value;
    await site.send((session) => session.set("a", 2), key);
    site.cache.entries.set(name(key), "the row before");
    site.removed();
    await site.shared.close();
    assert.deepEqual(site.removed(), [`delete ${name(key)}`]);
    await site.cached.close();
    assert.deepEqual(site.removed(), []);
  });

  it("the third time comes a second after each write, and none after the store was closed", async () => {
    const [one, other, closed] = [new CachedSite(), new CachedSite(), new CachedSite()];
    const times = new Map<string, number[]>();
    const noted = one.cache.delete;
    one.cache.delete = (entry) => {
      times.set(entry, [...times.get(entry) ?? [], performance.now()]);
      return noted.call(one.cache, entry);
    };
    await closed.cached.close();
    await trouble(() => closed.cached.delete(freshKey()), "ERR_STORE");
    const [early, late] = [freshKey(), freshKey()];
    await one.cached.delete(early);
    const begun = performance.now();
    await until(() => performance.now() - begun > 300);
    await one.cached.delete(late);
    await other.cached.delete(freshKey());
    await until(() => times.get(name(late))!.length === 3 && other.cache.calls === 3);
    for (const key of [early, late]) {
      const [, second, third] = times.get(name(key))!;
      assert.ok(third! - second! > 990, `${third! - second!} ms`);
    }
    assert.equal(closed.cache.calls, 1);
    await Promise.all([one, other].map(({ shared }) => shared.close()));
  });

  it("keeps no program running that has nothing else to do", () => {
    const code = `
      import { DjangoCachedDbStore, DjangoDbStore } from ${
      JSON.stringify(new URL("../../backends/django.ts", import.meta.url).href)
    };
      import process from "node:process";
      const table = new DjangoDbStore({ query: () => Promise.resolve({ rows: [], rowCount: 1 }) });
      let calls = 0;
      const store = new DjangoCachedDbStore(table, { delete: () => Promise.resolve(++calls) });
      process.on("exit", () => console.log("ended after", calls));
      await store.delete("a".repeat(32));`;
    const args = "Bun" in globalThis ? ["-e", code] : ["eval", "--ext=ts", code];
    const program = spawnSync(process.execPath, args, { cwd: root, timeout: 30_000, encoding: "utf8" });
    assert.match(program.stdout, /^ended after 2$/m, program.stderr);
  });
});

describe("cached_db: clients of Redis", noRedis ? { skip: noRedis } : {}, () => {
  for (const [client, open] of Object.entries(clients)) {
    it(`${client}: the entry goes, and no other; a server that is gone is ERR_STORE`, async () => {
      const server: Server = await startServer();
      const opened = await open(server.port);
      const store = new DjangoCachedDbStore(new DjangoSite().store, opened.client, { keyPrefix: "é shop" });
      const entry = (key: string) => `é shop${name(key)}`;
      const [key, other] = [freshKey(), freshKey()];
      await server.cli("SET", entry(key), "\x80pickle");
      await server.cli("SET", entry(other), "\x80pickle");
      await store.delete(key);
      assert.equal(await server.cli("EXISTS", entry(key)), "0");
      assert.equal(await server.cli("EXISTS", entry(other)), "1");
      await store.load(other);
      assert.equal(await server.cli("DBSIZE"), "0", "nothing of ours is left either");
      await server.kill();
      await trouble(() => store.delete(key), "ERR_STORE");
      await store.close();
      opened.close();
      await server.stop();
    });
  }
});

describe("cached_db: what is refused at construction", () => {
  const { store: db } = new DjangoSite();
  const cache = new Map<string, string>();
  const make = (db: unknown, cache: unknown, options?: unknown) => () =>
    new DjangoCachedDbStore(db as DjangoDbStore, cache as Cache, options as DjangoCachedDbStoreOptions);

  it("a table that is none, and one that was not awaited", () => {
    for (const wrong of [undefined, null, {}, "db.sqlite3", DjangoDbStore, DjangoFileStore]) {
      assert.throws(make(wrong, cache), { name: "TypeError", message: /expected a DjangoDbStore, received/ });
    }
    assert.throws(make(Promise.resolve(db), cache), /a promise has to be awaited/);
  });

  it("DJ-048 a cache that is none, and a cluster", () => {
    for (
      const wrong of [undefined, null, {}, "redis://127.0.0.1", () => {}, { delete: true }, { del() {} }]
    ) {
      assert.throws(make(db, wrong), { name: "TypeError", message: /expected ioredis, .*memcache/ });
    }
    const cluster = { status: "ready", isCluster: true, connect() {}, call() {} };
    assert.throws(make(db, cluster), { name: "TypeError", message: /received a cluster/ });
  });

  it("options that are unknown or wrong", () => {
    assert.throws(make(db, cache, { prefix: "" }), {
      name: "TypeError",
      message: 'DjangoCachedDbStore: unknown option "prefix"; known options: keyPrefix, version, timeout',
    });
    assert.throws(make(db, cache, { keyPrefix: 1 }), TypeError);
    assert.throws(make(db, cache, { version: "1" }), TypeError);
    assert.throws(make(db, cache, { timeout: "1" }), TypeError);
    for (const wrong of [-1, 1.5, NaN]) assert.throws(make(db, cache, { version: wrong }), RangeError);
    for (const wrong of [0, -1, NaN, 86_401]) assert.throws(make(db, cache, { timeout: wrong }), RangeError);
  });

  it("a cookie's dates are spelled as the table's", () => {
    const { store } = new DjangoSite({ useTz: false });
    const cached = new DjangoCachedDbStore(store, cache);
    assert.equal(cached.useTz, false);
    djangoSessions({ secretKey, store: cached });
    assert.throws(
      () => djangoSessions({ secretKey, store: cached, useTz: true }),
      /useTz must be what the store was opened with/,
    );
  });
});
