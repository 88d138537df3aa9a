/** A real Django site and a server of ours share sessions in PostgreSQL, MariaDB, files and Redis. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Redis } from "ioredis";
import mysql from "mysql2/promise";
import postgres from "postgres";
import { DjangoCacheStore, DjangoDbStore, DjangoFileStore, djangoSessions } from "../../backends/django.ts";
import {
  type DatabaseServer,
  mariaFound,
  postgresFound,
  startMaria,
  startPostgres,
} from "../support/django/databases.ts";
import { testLive } from "../support/django/live_suite.ts";
import { djangoFound, pythonHas, type SiteOptions, startDjango } from "../support/django/real_site.ts";
import { needs } from "../support/needs.ts";
import { type Server, skip as noRedis, startServer } from "../support/redis/server.ts";

describe(
  "live: Django's table in PostgreSQL",
  needs("postgresql, python3-django, python3-psycopg2", postgresFound && pythonHas("django", "psycopg2")),
  () => {
    let server: DatabaseServer;
    let client: ReturnType<typeof postgres>;
    before(async () => {
      server = await startPostgres();
      client = postgres({ host: "127.0.0.1", port: server.port, user: server.user, database: server.name });
    });
    testLive({
      site: () => ({ database: server.django }),
      sessions: async ({ secretKey }) =>
        djangoSessions({ secretKey, store: await DjangoDbStore.open(client) }),
      isHeld: true,
      endsByNumber: true,
      keepsExpired: true,
    });
    after(async () => {
      await client?.end();
      await server?.[Symbol.asyncDispose]();
    });
  },
);

describe(
  "live: Django's table in MariaDB",
  needs("mariadb-server, python3-django, python3-mysqldb", mariaFound && pythonHas("django", "MySQLdb")),
  () => {
    let server: DatabaseServer;
    let client: mysql.Pool;
    before(async () => {
      server = await startMaria();
      client = mysql.createPool({
        host: "127.0.0.1",
        port: server.port,
        user: server.user,
        database: server.name,
      });
    });
    testLive({
      site: () => ({ database: server.django }),
      sessions: async ({ secretKey }) =>
        djangoSessions({ secretKey, store: await DjangoDbStore.open(client) }),
      isHeld: true,
      endsByNumber: true,
      keepsExpired: true,
    });
    after(async () => {
      await client?.end();
      await server?.[Symbol.asyncDispose]();
    });
  },
);

describe("live: Django's session files", needs("python3-django", djangoFound), () => {
  testLive({
    site: () => ({ engine: "file" }),
    sessions: async ({ secretKey, folder }) =>
      djangoSessions({ secretKey, store: await DjangoFileStore.open(folder) }),
    isHeld: true,
    endsByNumber: false,
    keepsExpired: false,
  });
});

describe(
  "live: Django's cache in Redis",
  needs(
    "redis-server, python3-django, python3-django-redis",
    !noRedis && pythonHas("django", "django_redis"),
  ),
  () => {
    let server: Server;
    let client: Redis;
    before(async () => {
      server = await startServer();
      client = new Redis(server.port, "127.0.0.1");
    });
    // As docs/django.md has it: a cache of the sessions' own, beside one that holds whatever Python can pickle
    const site = (): SiteOptions => {
      const redis = {
        BACKEND: "django_redis.cache.RedisCache",
        LOCATION: `redis://127.0.0.1:${server.port}/0`,
      };
      const OPTIONS = { SERIALIZER: "django_redis.serializers.json.JSONSerializer" };
      return {
        engine: "cache",
        settings: {
          SESSION_CACHE_ALIAS: "sessions",
          CACHES: { default: redis, sessions: { ...redis, KEY_PREFIX: "sessions", OPTIONS } },
        },
      };
    };
    testLive({
      site,
      sessions: ({ secretKey }) =>
        djangoSessions({
          secretKey,
          store: new DjangoCacheStore(client as never, { keyPrefix: "sessions" }),
        }),
      isHeld: true,
      endsByNumber: true,
      keepsExpired: false,
    });

    it("the site's default cache goes on holding pages and dates", async () => {
      await using django = await startDjango(site());
      assert.deepEqual(await django.call("cached"), { same: true });
      const page = async () => await (await fetch(`${django.url}/page`)).text();
      assert.equal(await page(), await page());
    });

    after(async () => {
      client?.disconnect();
      await server?.stop();
    });
  },
);
