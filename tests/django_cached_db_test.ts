/** `DjangoCachedDbStore`: what it takes out of the site's cache and when, and what becomes of a call when the cache fails. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { DjangoCachedDbStore, DjangoDbStore, DjangoFileStore, djangoSessions } from "../backends/django.ts";
import type { DjangoCachedDbStoreOptions } from "../backends/django.ts";
import type { Session, Sessions } from "../mod.ts";
import { freshKey, testEngine } from "./django/engine_suite.ts";
import { cookieOf, DjangoSite, schema, secretKey } from "./django/site.ts";
import { clients } from "./redis_clients.ts";
import { type Server, skip as noRedis, startServer, until } from "./redis_server.ts";
import { connect, run, temporaryPaths, trouble, watched } from "./sqlite_rig.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const path = temporaryPaths();
const name = (key: string) => `:1:django.contrib.sessions.cached_db${key}`;

/** A cache that writes down what is taken away, and fails when it is told to: for some of the next calls, or all. */
class Cache {
  readonly entries = new Map<string, string>();
  readonly log: string[];
  fails: (call: number) => boolean = () => false;
  calls = 0;

  constructor(log: string[] = []) {
    this.log = log;
  }

  // deno-lint-ignore require-await
  async delete(key: string): Promise<boolean> {
    this.log.push(`delete ${key}`);
    if (this.fails(++this.calls)) throw new Error("ECONNREFUSED 127.0.0.1:11211");
    return this.entries.delete(key);
  }
}

/** A site whose sessions are in a table behind a cache. */
class CachedSite extends DjangoSite {
  readonly cache = new Cache();
  readonly cached: DjangoCachedDbStore = new DjangoCachedDbStore(this.store, this.cache);
  readonly shared: Sessions = this.other({ store: this.cached });

  /** One request; a log-out, a change or whatever `work` does. */
  async send(work: (session: Session) => unknown, cookie?: string): Promise<Response> {
    const headers: Record<string, string> = cookie === undefined ? {} : { cookie: `sessionid=${cookie}` };
    return await this.shared.wrap(async (request) => {
      await work(await request.session);
      return new Response("Grüße");
    })(new Request("https://site.test/", { headers }));
  }

  /** The removals since it was asked last. */
  removed(): string[] {
    return this.cache.log.splice(0);
  }
}

const changes: Record<string, (session: Session) => unknown> = {
  save: (session) => session.set("a", 2),
  "log-out": (session) => session.logout(),
  flush: (session) => session.flush(),
  "log-in": (session) => session.login("7", { backend: "b", hash: "h" }),
  cycle: (session) => session.cycleKey(),
  end: (session) => session.setExpiry(-10),
};

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
      JSON.stringify(new URL("../backends/django.ts", import.meta.url).href)
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

describe("cached_db: a cache that fails", () => {
  for (const [what, change] of Object.entries(changes)) {
    it(`${what} is a 503 before anything is written, and the row is as it was`, async () => {
      const site = new CachedSite();
      const key = cookieOf(await site.send((session) => session.set("a", 1)))!.value;
      const before = site.row(key);
      site.cache.fails = () => true;
      const answer = await site.send(change, key);
      assert.equal(answer.status, 503);
      assert.equal(answer.headers.get("retry-after"), "1");
      assert.deepEqual(answer.headers.getSetCookie(), []);
      assert.deepEqual([site.row(key), site.rows], [before, 1]);
      site.cache.fails = () => false;
      assert.equal((await site.send(change, key)).status, 200);
      await site.shared.close();
    });
  }

  it("no change is a success when it fails after the write, and what is old goes when it is back", async () => {
    const sites = Object.values(changes).map(async (change) => {
      const site = new CachedSite();
      const key = cookieOf(await site.send((session) => session.set("a", 1)))!.value;
      site.cache.fails = (call) => call === 2 || call === 3;
      const answer = await site.send(change, key);
      assert.equal(answer.status, 503);
      assert.deepEqual(answer.headers.getSetCookie(), []);
      site.cache.entries.set(name(key), "the row before");
      return site;
    });
    for (const site of await Promise.all(sites)) {
      await until(() => site.cache.entries.size === 0);
      await site.shared.close();
    }
  });

  it("a log-out that is tried again is none until the entry is gone, in another process too", async () => {
    const site = new CachedSite();
    const key =
      cookieOf(await site.send((session) => session.login("7", { backend: "b", hash: "h" })))!.value;
    site.cache.entries.set(name(key), "pickle");
    site.cache.fails = (call) => call > 1;
    const put = site.cache.delete;
    site.cache.delete = (entry) => {
      const gone = put.call(site.cache, entry);
      if (site.cache.calls === 1) site.cache.entries.set(entry, "a read of Django's between the two");
      return gone;
    };
    assert.equal((await site.send((session) => session.logout(), key)).status, 503);
    assert.equal(site.rows, 0);
    for (let tries = 0; tries < 2; tries++) {
      assert.equal((await site.send((session) => session.logout(), key)).status, 503);
    }
    site.cache.fails = () => false;
    const other = djangoSessions({ secretKey, store: new DjangoCachedDbStore(site.store, site.cache) });
    const again = await other.wrap(async (request) => {
      await (await request.session).logout();
      return new Response();
    })(new Request("https://site.test/", { headers: { cookie: `sessionid=${key}` } }));
    assert.equal(again.status, 200);
    assert.equal(site.cache.entries.size, 0);
    await Promise.all([site.shared.close(), other.close()]);
  });

  it("DX-044 its failure comes out of what needs it, and a session is read and made without it", async () => {
    const site = new CachedSite();
    site.cache.fails = () => true;
    const key = cookieOf(await site.send((session) => session.set("a", 1)))!.value;
    assert.equal((await site.send((session) => assert.equal(session.get("a"), 1), key)).status, 200);
    assert.equal((await site.send((session) => session.set("a", 2), key)).status, 503);
    await site.shared.close();
  });

  it("a write that the table fails leaves no old entry behind either: nobody knows whether it was carried out", async () => {
    const cache = new Cache();
    const query = () => Promise.reject(new Error("terminated"));
    const store = new DjangoCachedDbStore(new DjangoDbStore({ query }), cache);
    const key = freshKey();
    const failed = await trouble(() => store.delete(key), "ERR_STORE");
    assert.match(failed.message, /database failed/);
    cache.entries.set(name(key), "the row before");
    await until(() => cache.entries.size === 0);
    await store.close();
  });

  it("one that does not answer is ERR_STORE in time, and does not fill the memory", async () => {
    const site = new DjangoSite();
    const silent = { delete: () => new Promise<boolean>(() => {}) };
    const store = new DjangoCachedDbStore(site.store, silent, { timeout: 0.02 });
    const failed = await trouble(() => store.delete(freshKey()), "ERR_STORE");
    assert.match(failed.message, /did not answer within 0\.02 s/);
    const all = await Promise.allSettled(Array.from({ length: 10_010 }, () => store.delete(freshKey())));
    const messages = all.map((one) => one.status === "rejected" ? String(one.reason.message) : "");
    assert.equal(messages.filter((one) => /10000 removals are waiting/.test(one)).length, 11);
  });

  it("a client with callbacks, whose failures nobody would see, is told at the first write", async () => {
    const site = new DjangoSite();
    const callbacks = { delete: (_key: string, _done?: unknown) => undefined };
    const store = new DjangoCachedDbStore(site.store, callbacks);
    const failed = await trouble(() => store.delete(freshKey()), "ERR_STORE");
    assert.match(String(failed.cause), /must give a promise/);
    const throws = {
      delete: () => {
        throw new Error("closed");
      },
    };
    await trouble(() => new DjangoCachedDbStore(site.store, throws).delete(freshKey()), "ERR_STORE");
    const map = new Map([[name("k".repeat(32)), ""]]);
    assert.equal(await new DjangoCachedDbStore(site.store, map).delete("k".repeat(32)), false);
    assert.equal(map.size, 0);
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
    assert.throws(make(db, cache, { prefix: "" }), /unknown option "prefix" of DjangoCachedDbStore/);
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
    assert.throws(() => djangoSessions({ secretKey, store: cached, useTz: true }), /useTz differs/);
  });
});
