/** A real Django site with the engine `cached_db`, on Redis and on Memcached, and a server of ours: both see at once what the other did. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Redis } from "ioredis";
import { Memcache } from "memcache";
import { DjangoCachedDbStore, DjangoDbStore, djangoSessions, djangoUser } from "../../backends/django.ts";
import type { DjangoCacheClient, RedisClient } from "../../backends/django.ts";
import type { Sessions } from "../../mod.ts";
import { testLive } from "../support/django/live_suite.ts";
import { memcachedFound, type MemcachedServer, startMemcached } from "../support/django/memcached.ts";
import { startOurs } from "../support/django/ours.ts";
import {
  djangoFound,
  type DjangoSite,
  pythonHas,
  type SiteOptions,
  startDjango,
  Visitor,
} from "../support/django/real_site.ts";
import type { LiveServer } from "../support/live_server.ts";
import { needs } from "../support/needs.ts";
import {
  type Proxy,
  type Server,
  skip as noRedis,
  startProxy,
  startServer,
  until,
} from "../support/redis/server.ts";

/** The cache that a site keeps its sessions in, beside a default one that has nothing to do with them. */
const sessionCache = (backend: string, location: string): SiteOptions => ({
  engine: "cached_db",
  settings: {
    SESSION_CACHE_ALIAS: "sessions",
    CACHES: {
      default: { BACKEND: "django.core.cache.backends.dummy.DummyCache" },
      sessions: { BACKEND: backend, LOCATION: location, KEY_PREFIX: "shop", VERSION: 3 },
    },
  },
});
const ref = { keyPrefix: "shop", version: 3 };
const nameOf = (key: string) => `shop:3:django.contrib.sessions.cached_db${key}`;

/** A kind of cache. */
interface CacheCase {
  /** The port of its server. */
  port(): number;
  site(): SiteOptions;
  open(port: number): { readonly client: RedisClient | DjangoCacheClient; close(): unknown };
  /** Whether there is an entry. */
  has(name: string): Promise<boolean>;
}

/** Registers the tests: all that the engines have in common, and what a warm cache, or one that is away, makes of it. */
function testCached({ port, site: siteOptions, open, has }: CacheCase): void {
  const closing: (() => unknown)[] = [];
  after(async () => {
    for (const close of closing) await close();
  });
  const storeOf = async (site: DjangoSite, at: number) => {
    const { client, close } = open(at);
    closing.push(close);
    return new DjangoCachedDbStore(await DjangoDbStore.open(site.path), client, ref);
  };

  describe("shared", () => {
    testLive({
      site: siteOptions,
      sessions: async (site) =>
        djangoSessions({ secretKey: site.secretKey, store: await storeOf(site, port()) }),
      isHeld: true,
      endsByNumber: true,
      keepsExpired: true,
      isCached: true,
    });
  });

  describe("warm", () => {
    let site: DjangoSite;
    let sessions: Sessions;
    let ours: LiveServer;
    let line: Proxy;
    before(async () => {
      site = await startDjango(siteOptions());
      line = await startProxy(port());
      sessions = djangoSessions({ secretKey: site.secretKey, store: await storeOf(site, line.port) });
      ours = startOurs(sessions, {
        user: (session) => djangoUser(session)?.id ?? null,
        logout: (session) => session.logout(),
      });
    });
    after(async () => {
      await ours?.[Symbol.asyncDispose]();
      await sessions?.close();
      await line?.close();
      await site?.[Symbol.asyncDispose]();
    });
    /** A visitor whose session Django holds in its cache. */
    const warm = async () => {
      const one = new Visitor({ django: site.url, ours: ours.url });
      await one.django(["set", "n", 0], ["login", "ada"]);
      assert.equal(await has(nameOf(one.key!)), true, "Django caches what it writes");
      return one;
    };
    const copyOf = (one: Visitor) => {
      const other = new Visitor({ django: site.url, ours: ours.url });
      for (const [name, value] of one.client.cookies) other.client.cookies.set(name, value);
      return other;
    };

    it("what is in Django's cache is never what we changed since, and what it wrote is read here", async () => {
      const one = await warm();
      for (let n = 1; n <= 20; n += 2) {
        assert.deepEqual(await one.ours(["add", "n", 1]), [n]);
        assert.deepEqual(await one.django(["get", "n"]), [n]);
        assert.equal(await has(nameOf(one.key!)), true, "read again, and cached");
        assert.deepEqual(await one.django(["add", "n", 1]), [n + 1]);
      }
      const text = 'Grüße, \u{1F600}"\\';
      await one.ours(["set", "text", text], ["expiry", 300]);
      assert.deepEqual(await one.django(["get", "text"], ["age"], ["who"]), [text, 300, "ada"]);
    });

    it("a log-out here has ended the session there, and a cycled key is dead there", async () => {
      for (const [act, left] of [["logout", {}], ["cycle", { n: 0 }]] as const) {
        const one = await warm();
        const tab = copyOf(one);
        const key = one.key!;
        await one.ours([act]);
        assert.equal(await has(nameOf(key)), false);
        assert.deepEqual(await tab.django(["data"], ["who"]), [{}, null]);
        assert.equal((await one.django(["get", "n"]))[0] ?? null, (left as { n?: number }).n ?? null);
        assert.equal(await has(nameOf(key)), false);
      }
    });

    it("a row that is gone behind Django's cache: who comes here is nobody, and then there too", async () => {
      const one = await warm();
      const table = await DjangoDbStore.open(site.path);
      await table.delete(one.key!);
      await table.close();
      assert.deepEqual(await copyOf(one).django(["who"]), ["ada"], "Django alone would go on for two weeks");
      assert.deepEqual(await copyOf(one).ours(["user"]), [null]);
      assert.deepEqual(await one.django(["who"]), [null]);
    });

    it("while the cache cannot be reached from here, a log-out and a change are a 503, and afterwards good", async () => {
      const one = await warm();
      line.silent = true;
      assert.deepEqual(await one.ours(["get", "n"]), [0], "reading needs the table alone");
      const changed = await one.send("ours", [["set", "n", 7]]);
      const ended = await one.send("ours", [["logout"]]);
      assert.deepEqual([changed.status, ended.status], [503, 503]);
      assert.equal(ended.headers.get("set-cookie"), null);
      assert.deepEqual(await one.django(["who"], ["get", "n"]), ["ada", 0]);
      line.silent = false;
      line.cut();
      const tab = copyOf(one);
      await until(async () => (await one.send("ours", [["logout"]])).status === 200);
      assert.deepEqual(await tab.django(["who"]), [null]);
      assert.equal(await has(nameOf(tab.key ?? "")), false);
    });
  });
}

// Since 4.0 Django has a Redis cache of its own; its entries have the same names as those of django-redis
const ownRedis = "django.core.cache.backends.redis";
const redisBackend = djangoFound && pythonHas(ownRedis, "redis")
  ? `${ownRedis}.RedisCache`
  : "django_redis.cache.RedisCache";

describe(
  "live: cached_db on Redis",
  needs(
    "redis-server, python3-django, python3-django-redis",
    !noRedis && djangoFound && (redisBackend.startsWith(ownRedis) || pythonHas("django_redis")),
  ),
  () => {
    let server: Server;
    before(async () => void (server = await startServer()));
    after(() => server?.stop());
    const site = () => sessionCache(redisBackend, `redis://127.0.0.1:${server.port}/0`);
    testCached({
      port: () => server.port,
      site,
      open: (port) => {
        const client = new Redis(port, "127.0.0.1", { retryStrategy: () => 20 });
        return { client: client as never, close: () => client.disconnect() };
      },
      has: async (name) => await server.cli("EXISTS", name) === "1",
    });

    it("an old row that a slow request of Django's puts back into the cache stays for a second at most", async () => {
      await using django = await startDjango(site());
      const client = new Redis(server.port, "127.0.0.1");
      const store = new DjangoCachedDbStore(await DjangoDbStore.open(django.path), client as never, ref);
      await using sessions = djangoSessions({ secretKey: django.secretKey, store });
      await using ours = startOurs(sessions, { logout: (session) => session.logout() });
      const aside = "what a request of Django's has read";
      let tab: Visitor;
      let began: number;
      do { // until the machine lets it be quick enough
        const one = new Visitor({ django: django.url, ours: ours.url });
        tab = new Visitor({ django: django.url, ours: ours.url });
        await one.django(["login", "grace"]);
        tab.client.cookies.set("sessionid", one.key!);
        const name = nameOf(one.key!);
        await client.copy(name, aside, "REPLACE");
        began = performance.now();
        await one.ours(["logout"]);
        assert.equal(await client.copy(aside, name), 1);
      } while (performance.now() - began > 900);
      await until(async () => (await tab.django(["who"]))[0] === null);
      client.disconnect();
    });
  },
);

describe(
  "live: cached_db on Memcached",
  needs(
    "memcached, python3-django, python3-pymemcache",
    memcachedFound && pythonHas("django", "pymemcache"),
  ),
  () => {
    let server: MemcachedServer;
    let direct: Memcache;
    before(async () => {
      server = await startMemcached();
      direct = new Memcache(`127.0.0.1:${server.port}`);
    });
    after(async () => {
      await direct?.disconnect();
      await server?.[Symbol.asyncDispose]();
    });
    testCached({
      port: () => server.port,
      site: () =>
        sessionCache("django.core.cache.backends.memcached.PyMemcacheCache", `127.0.0.1:${server.port}`),
      open: (port) => {
        const client = new Memcache(`127.0.0.1:${port}`);
        client.on("error", () => {});
        return { client, close: () => client.disconnect() };
      },
      has: async (name) => await direct.get(name) !== undefined,
    });
  },
);
