/** `DjangoCachedDbStore` over a cache that fails: what becomes of a call, and of what is left in the cache. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DjangoCachedDbStore, DjangoDbStore, djangoSessions } from "../../backends/django.ts";
import { Cache, CachedSite, changes, name } from "../support/django/cached_site.ts";
import { freshKey } from "../support/django/engine_suite.ts";
import { cookieOf, DjangoSite, secretKey } from "../support/django/site.ts";
import { until } from "../support/redis/server.ts";
import { trouble } from "../support/sqlite/rig.ts";

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
    assert.match(String(failed.cause), /must return a promise/);
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
