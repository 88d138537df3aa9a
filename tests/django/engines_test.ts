/** The places that keep Django's sessions, on the real thing: PostgreSQL and MariaDB through their clients, files, Redis. */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { Redis } from "ioredis";
import mysql from "mysql2";
import mysqlPromise from "mysql2/promise";
import pg from "pg";
import postgres from "postgres";
import { DjangoCacheStore } from "../../backends/django/engines/cache.ts";
import { DjangoFileStore } from "../../backends/django/engines/file.ts";
import { isSqlClient, recogniseSql, type SqlClient } from "../../backends/django/engines/sql/client.ts";
import { SqlEngine } from "../../backends/django/engines/sql/engine.ts";
import {
  type DatabaseServer,
  mariaFound,
  postgresFound,
  startMaria,
  startPostgres,
} from "../support/django/databases.ts";
import { freshKey, testEngine } from "../support/django/engine_suite.ts";
import { testRelated } from "../support/django/related_suite.ts";
import { isBun } from "../support/live_server.ts";
import { needs } from "../support/needs.ts";
import { type Server, skip as noRedis, startServer } from "../support/redis/server.ts";

/** A client, and how to close it. */
interface Opened {
  readonly client: SqlClient;
  close(): Promise<unknown>;
}

type Open = (server: DatabaseServer) => Opened;
const { Bun } = globalThis as unknown as {
  Bun?: { SQL: new (url: string) => SqlClient & { close(): Promise<void> } };
};
const onBun = isBun ? {} : { skip: "not on this runtime: Bun.SQL" };
const url = ({ port, user, name }: DatabaseServer, scheme: string) =>
  `${scheme}://${user}@127.0.0.1:${port}/${name}`;
const bunSql = (scheme: string): Open => (server) => {
  const client = new Bun!.SQL(url(server, scheme));
  return { client, close: () => client.close() };
};

const postgresClients: Record<string, Open> = {
  "postgres.js": (server) => {
    const client = postgres(url(server, "postgres"), { max: 4 });
    return { client, close: () => client.end() };
  },
  pg: (server) => {
    const client = new pg.Pool({ connectionString: url(server, "postgres"), max: 4 });
    return { client, close: () => client.end() };
  },
  "Bun.SQL": bunSql("postgres"),
};
const mariaClients: Record<string, Open> = {
  mysql2: (server) => {
    const client = mysql.createPool(url(server, "mysql"));
    return { client, close: () => new Promise<unknown>((resolve) => client.end(resolve)) };
  },
  "mysql2/promise": (server) => {
    const client = mysqlPromise.createPool(url(server, "mysql"));
    return { client, close: () => client.end() };
  },
  "Bun.SQL": bunSql("mysql"),
};

const options = { table: "django_session", timeout: 5, useTz: true };

const columns = {
  PostgreSQL: `"session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, ` +
    `"expire_date" timestamp with time zone NOT NULL`,
  MariaDB: "`session_key` varchar(40) NOT NULL PRIMARY KEY, `session_data` longtext NOT NULL, " +
    "`expire_date` datetime(6) NOT NULL",
};

for (
  const [name, service, found, start, clients] of [
    ["PostgreSQL", "postgresql", postgresFound, startPostgres, postgresClients],
    ["MariaDB", "mariadb-server", mariaFound, startMaria, mariaClients],
  ] as const
) {
  describe(`Django's table in ${name}`, needs(service, found), () => {
    let server: DatabaseServer;
    before(async () => {
      server = await start();
      await makeTable(`CREATE TABLE django_session (${columns[name]})`);
    });
    after(() => server?.[Symbol.asyncDispose]());

    const makeTable = async (sql: string) => {
      const { client, close } = clients[name === "PostgreSQL" ? "pg" : "mysql2/promise"]!(server);
      await recogniseSql(client).run(sql, []);
      await close();
    };

    for (const [clientName, open] of Object.entries(clients)) {
      describe(`through ${clientName}`, clientName === "Bun.SQL" ? onBun : {}, () => {
        const opened: Opened[] = [];
        before(() => void opened.push(open(server), open(server)));
        after(() => Promise.all(opened.map(({ close }) => close())));
        const engine = (which: number) => new SqlEngine(recogniseSql(opened[which]!.client), options);
        testEngine({ open: () => ({ one: engine(0), other: engine(1) }), end: "stored" });

        testRelated({
          name: clientName.toLowerCase().replace(/\W/g, ""),
          columns: columns[name],
          rules: name === "PostgreSQL"
            ? ["DEFERRABLE INITIALLY DEFERRED", "ON DELETE RESTRICT"]
            : ["", "ON DELETE RESTRICT"],
          engine: (table) => new SqlEngine(recogniseSql(opened[0]!.client), { ...options, table }),
          run: async (sql) => (await recogniseSql(opened[1]!.client).run(sql, [])).rows,
        });

        it("a table that is missing or has other columns is told by name", async () => {
          const sql = recogniseSql(opened[0]!.client);
          const other = (table: string) => new SqlEngine(sql, { ...options, table });
          await engine(0).check();
          await assert.rejects(other("nothing_here").check(), {
            code: "ERR_STORE",
            message: /no table .nothing_here.: create it with manage.py migrate/,
          });
          const another = `other_${clientName.toLowerCase().replace(/\W/g, "")}`;
          await sql.run(`CREATE TABLE ${another} (session_key text)`, []);
          await assert.rejects(other(another).check(), {
            code: "ERR_STORE",
            message: /is not Django's: expected session_key, session_data and expire_date/,
          });
        });

        it("a row that somebody holds for too long is ERR_STORE in time", async () => {
          const sql = recogniseSql(opened[0]!.client);
          const stuck = new SqlEngine({
            dialect: sql.dialect,
            run: () => new Promise(() => {}),
          }, { ...options, timeout: 0.02 });
          await assert.rejects(stuck.load(freshKey()), { code: "ERR_STORE" });
        });

        it("a large session comes back whole", async () => {
          const key = freshKey();
          const text = "eyJh".repeat(100_000);
          await engine(0).create(key, { text, expiresAt: Date.now() + 60_000 });
          assert.equal((await engine(1).load(key))?.text, text);
        });
      });
    }
  });
}

describe("a database client", () => {
  it("is known by its shape, and nothing else is", () => {
    for (const wrong of [undefined, null, "postgres://", {}, () => {}, { prepare() {}, query() {} }]) {
      assert.equal(isSqlClient(wrong), false);
      assert.throws(() => recogniseSql(wrong as never), TypeError);
    }
    assert.equal(recogniseSql({ query() {} }).dialect, "postgresql");
    assert.equal(recogniseSql({ query() {}, execute() {} }).dialect, "mysql");
    const tagged = (adapter: string) => Object.assign(() => {}, { unsafe() {}, options: { adapter } });
    assert.equal(recogniseSql(tagged("mariadb")).dialect, "mysql");
    assert.throws(() => recogniseSql(tagged("sqlite")), { message: /received Bun.SQL over sqlite/ });
    assert.throws(() => recogniseSql({ query() {} }, "mysql"), { message: /speaks postgresql/ });
  });
});

describe("Django's session files", () => {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-django-files-"));
  after(() => rmSync(folder, { recursive: true }));
  const stores: DjangoFileStore[] = [];
  before(async () => {
    stores.push(await DjangoFileStore.open(folder), await DjangoFileStore.open(pathToFileURL(folder)));
  });
  testEngine({ open: () => ({ one: stores[0]!, other: stores[1]! }), end: "none" });

  it("DJ-051 a folder that does not exist is told at once", async () => {
    await assert.rejects(DjangoFileStore.open(join(folder, "nowhere")), {
      code: "ERR_STORE",
      message: /folder of the Django site's sessions does not exist/,
    });
  });

  it("DJ-052 DJ-053 a key that leads elsewhere is not found, and nothing is written for it", async () => {
    writeFileSync(join(folder, "outside"), "e30:1:x");
    for (const key of [`a/../../../outside`, `/../outside`, `a\\b\\cdefgh`, "..", "a".repeat(201)]) {
      assert.equal(await stores[0]!.load(key), undefined);
      assert.equal(await stores[0]!.create(key, { text: "x", expiresAt: 0 }), false);
      assert.equal(await stores[0]!.delete(key), false);
    }
    assert.equal(existsSync(join(folder, "outside")), true);
  });

  it("DJ-055 a file has Django's name, is its owner's alone, and leaves nothing beside it", async () => {
    const key = freshKey();
    await stores[0]!.create(key, { text: "e30:1:x", expiresAt: Date.now() });
    const path = join(folder, `sessionid${key}`);
    if (process.platform !== "win32") assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(join(folder, ".sojourn-sessionid")), []);
    const rest = readdirSync(folder).filter((name) => !/^sessionid[a-z0-9]+$/.test(name));
    assert.deepEqual(rest.sort(), [".sojourn-sessionid", "outside"]);
  });

  it("the time of a file is when it was saved; bytes that are no text of Django's do no harm", async () => {
    const key = freshKey();
    const path = join(folder, `sessionid${key}`);
    writeFileSync(path, new Uint8Array([0xff, 0x00, 0xc3]));
    utimesSync(path, 1_700_000_000, 1_700_000_000);
    const found = await stores[0]!.load(key);
    assert.equal(found?.savedAt, 1_700_000_000_000);
    assert.equal(found?.text.length, 3);
    assert.equal(await stores[0]!.clearExpired(Date.now(), 1000, () => undefined), 0);
    assert.equal(existsSync(path), true);
  });

  it("wrong options are refused", async () => {
    const wrong = (options: object) => DjangoFileStore.open(folder, options);
    await assert.rejects(wrong({ timeout: 0 }), RangeError);
    await assert.rejects(wrong({ cookieName: "a/b" }), TypeError);
    await assert.rejects(wrong({ cookiename: "a" }), TypeError);
    await assert.rejects(DjangoFileStore.open(""), TypeError);
  });
});

describe("Django's cache in Redis", noRedis ? needs("redis-server", false) : {}, () => {
  let server: Server;
  const clients: Redis[] = [];
  before(async () => {
    server = await startServer();
    clients.push(new Redis(server.port, "127.0.0.1"), new Redis(server.port, "127.0.0.1"));
  });
  after(async () => {
    for (const client of clients) client.disconnect();
    await server?.stop();
  });
  const store = (which: number) => new DjangoCacheStore(clients[which] as never);
  testEngine({ open: () => ({ one: store(0), other: store(1) }), end: "life" });

  it("an entry has Django's key and the life of its session", async () => {
    const key = freshKey();
    const prefixed = new DjangoCacheStore(clients[0] as never, { keyPrefix: "shop", version: 3 });
    await prefixed.create(key, { text: "{}", expiresAt: Date.now() + 60_000 });
    const life = Number(await server.cli("PTTL", `shop:3:django.contrib.sessions.cache${key}`));
    assert.ok(life > 50_000 && life <= 60_000);
    await store(0).create(key, { text: "{}", expiresAt: Date.now() + 60_000 });
    assert.equal(await server.cli("GET", `:1:django.contrib.sessions.cache${key}`), "{}");
  });

  it("an entry whose time is over is gone", async () => {
    const key = freshKey();
    await store(0).create(key, { text: "{}", expiresAt: Date.now() - 1000 });
    for (let tries = 0; tries < 500 && await store(0).load(key); tries++);
    assert.equal(await store(0).load(key), undefined);
  });

  it("a pickle is refused, in words that help", async () => {
    const key = freshKey();
    await clients[0]!.set(
      `:1:django.contrib.sessions.cache${key}`,
      Buffer.from("800495080000000000000" + "07d94288c0161944b01732e", "hex"),
    );
    await assert.rejects(async () => await store(0).load(key), {
      code: "ERR_UNSUPPORTED",
      message: /pickles most likely.*JSON serializer in its CACHES/,
    });
  });

  it("an entry without an end is live", async () => {
    const key = freshKey();
    await clients[0]!.set(`:1:django.contrib.sessions.cache${key}`, "{}");
    assert.ok((await store(0).load(key))!.expiresAt! > Date.now() + 86_400_000);
  });

  it("a write that a client sends twice is one write", async () => {
    const key = freshKey();
    const [command] = clients;
    const twice = new Proxy(command!, {
      get: (target, name) =>
        name === "call"
          ? async (what: string, ...args: string[]) => {
            await target.call(what, ...args);
            return await target.call(what, ...args);
          }
          : Reflect.get(target, name, target),
    });
    const doubled = new DjangoCacheStore(twice as never);
    const row = (text: string) => ({ text, expiresAt: Date.now() + 60_000 });
    assert.equal(await doubled.create(key, row(`{"a":1}`)), true);
    assert.equal(await doubled.replace(key, row(`{"a":2}`), `{"a":1}`), true);
    const fresh = freshKey();
    assert.equal(await doubled.rotate(key, fresh, row(`{"a":3}`), `{"a":2}`), true);
    assert.equal((await doubled.load(fresh))?.text, `{"a":3}`);
  });

  it("a cluster and wrong options are refused", () => {
    const cluster = { status: "ready", isCluster: true, connect() {}, call() {} };
    assert.throws(() => new DjangoCacheStore(cluster as never), { message: /received a cluster/ });
    assert.throws(() => new DjangoCacheStore(clients[0] as never, { version: -1 }), RangeError);
    assert.throws(() => new DjangoCacheStore(clients[0] as never, { timeout: 0 }), RangeError);
    assert.throws(() => new DjangoCacheStore(clients[0] as never, { prefix: "" } as never), TypeError);
  });
});
