/** What was refused is not carried out later: PostgreSQL and MariaDB when the pool is taken, or a row held, for longer than a write may take. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import mysql from "mysql2";
import pg from "pg";
import postgres from "postgres";
import type { SqlAnswer, SqlClient } from "../../backends/django/engines/sql/client.ts";
import { recogniseSql } from "../../backends/django/engines/sql/client.ts";
import { SqlEngine } from "../../backends/django/engines/sql/engine.ts";
import { DjangoDbStore, djangoSessions } from "../../backends/django.ts";
import type { Session } from "../../mod.ts";
import {
  type DatabaseServer,
  mariaFound,
  postgresFound,
  startMaria,
  startPostgres,
} from "../support/django/databases.ts";
import { freshKey } from "../support/django/engine_suite.ts";
import { secretKey } from "../support/django/site.ts";
import { isBun, listen, type LiveServer } from "../support/live_server.ts";
import { needs } from "../support/needs.ts";

/** A pool of one connection, which can be taken. */
interface Pool {
  readonly client: SqlClient;
  /** Takes the connection; the answer gives it back. */
  take(): Promise<() => unknown>;
  close(): Promise<unknown>;
}

const url = ({ port, user, name }: DatabaseServer, scheme: string) =>
  `${scheme}://${user}@127.0.0.1:${port}/${name}`;

interface BunClient {
  (...template: never[]): unknown;
  unsafe(text: string): Promise<unknown>;
  reserve(): Promise<{ release(): unknown }>;
  close(): Promise<void>;
}

const { Bun } = globalThis as unknown as {
  Bun?: { SQL: new (options: { url: string; max: number }) => BunClient };
};

function bunSql(scheme: string): (server: DatabaseServer) => Pool {
  return (server) => {
    const client = new Bun!.SQL({ url: url(server, scheme), max: 1 });
    return {
      client,
      async take() {
        const taken = await client.reserve();
        return () => taken.release();
      },
      close: () => client.close(),
    };
  };
}

const pools = {
  PostgreSQL: {
    "postgres.js": (server: DatabaseServer): Pool => {
      const client = postgres(url(server, "postgres"), { max: 1 });
      return {
        client,
        async take() {
          const taken = await client.reserve();
          return () => taken.release();
        },
        close: () => client.end(),
      };
    },
    pg: (server: DatabaseServer): Pool => {
      const client = new pg.Pool({ connectionString: url(server, "postgres"), max: 1 });
      return {
        client,
        async take() {
          const taken = await client.connect();
          return () => taken.release();
        },
        close: () => client.end(),
      };
    },
    "Bun.SQL": bunSql("postgres"),
  },
  MariaDB: {
    mysql2: (server: DatabaseServer): Pool => {
      const client = mysql.createPool({ uri: url(server, "mysql"), connectionLimit: 1 });
      return {
        client,
        async take() {
          const taken = await client.promise().getConnection();
          return () => taken.release();
        },
        close: () => client.promise().end(),
      };
    },
    "Bun.SQL": bunSql("mysql"),
  },
};

const columns = {
  PostgreSQL: `"session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, ` +
    `"expire_date" timestamp with time zone NOT NULL`,
  MariaDB: "`session_key` varchar(40) NOT NULL PRIMARY KEY, `session_data` longtext NOT NULL, " +
    "`expire_date` datetime(6) NOT NULL",
};

const onBun = isBun ? {} : { skip: "not on this runtime: Bun.SQL" };
const timeout = 0.4;

for (
  const [name, service, found, start] of [
    ["PostgreSQL", "postgresql", postgresFound, startPostgres],
    ["MariaDB", "mariadb-server", mariaFound, startMaria],
  ] as const
) {
  describe(`a write to ${name} that was refused`, needs(service, found), () => {
    let server: DatabaseServer;
    /** Another connection, past everything under test. */
    let beside: pg.Client | mysql.Connection;
    const run = async (sql: string): Promise<SqlAnswer["rows"]> =>
      beside instanceof pg.Client
        ? (await beside.query(sql)).rows
        : (await beside.promise().query(sql))[0] as unknown as SqlAnswer["rows"];
    before(async () => {
      server = await start();
      if (name === "PostgreSQL") {
        beside = new pg.Client({ connectionString: url(server, "postgres") });
        await beside.connect();
      } else beside = mysql.createConnection(url(server, "mysql"));
      await run(`CREATE TABLE django_session (${columns[name]})`);
    });
    after(async () => {
      await (beside instanceof pg.Client ? beside.end() : beside?.promise().end());
      await server?.[Symbol.asyncDispose]();
    });

    /** All rows: keys and texts. */
    const rows = async () =>
      (await run("SELECT session_key AS k, session_data AS t FROM django_session ORDER BY session_key"))
        .map(({ k, t }) => `${k} ${t}`);

    for (const [clientName, open] of Object.entries(pools[name])) {
      describe(`through ${clientName}`, clientName === "Bun.SQL" ? onBun : {}, () => {
        let pool: Pool;
        let ours: LiveServer;
        let giveBack: (() => unknown) | undefined;
        const acts: Record<string, (session: Session) => unknown> = {
          count: (session) => session.update("n", (n = 0) => (n as number) + 1),
          login: (session) => session.login("42", { backend: "b.B", hash: "h" }),
          cycle: (session) => session.cycleKey(),
          logout: (session) => session.logout(),
          get: (session) => session.get("n"),
        };
        before(async () => {
          pool = open(server);
          const store = await DjangoDbStore.open(pool.client, { timeout });
          const sessions = djangoSessions({ secretKey, store, timeout });
          ours = listen(sessions.wrap(async (request) => {
            const session = await request.session;
            const { pathname, search } = new URL(request.url);
            if (search === "?taken") giveBack = await pool.take();
            return Response.json(await acts[pathname.slice(1)]!(session) ?? null);
          }));
        });
        after(async () => {
          await ours?.[Symbol.asyncDispose]();
          await pool?.close();
        });

        /** A request; `taken`: between its load and its save the pool is taken, and given back after the answer. */
        async function visit(act: string, cookie?: string, taken = false) {
          const headers: Record<string, string> = cookie === undefined ? {} : { cookie };
          const response = await fetch(`${ours.url}/${act}${taken ? "?taken" : ""}`, { headers });
          const text = await response.text();
          if (taken) {
            await giveBack!();
            // Pools are queues: when this is answered, so is everything before it
            await recogniseSql(pool.client).run("SELECT 1 AS one", []);
          }
          return { status: response.status, text, cookie: response.headers.getSetCookie()[0]?.split(";")[0] };
        }

        for (const act of ["count", "login", "cycle", "logout"]) {
          it(`is not carried out when the pool is free again: ${act}`, async () => {
            const { cookie } = await visit("count");
            await visit("count", cookie);
            const all = await rows();
            for (let i = 0; i < 2; i++) {
              const refused = await visit(act, cookie, true);
              assert.deepEqual([refused.status, refused.cookie], [503, undefined]);
              assert.deepEqual(await rows(), all);
            }
            assert.equal((await visit("get", cookie)).text, "2");
            assert.equal((await visit(act, cookie)).status, 200);
            assert.notDeepEqual(await rows(), all);
          });
        }

        it("is not carried out when it was a new visitor's", async () => {
          const all = await rows();
          const refused = await visit("count", undefined, true);
          assert.deepEqual([refused.status, refused.cookie], [503, undefined]);
          assert.deepEqual(await rows(), all);
          assert.equal((await visit("count")).status, 200);
          assert.equal((await rows()).length, all.length + 1);
        });

        it("is not carried out when somebody lets go of the row", async () => {
          const engine = new SqlEngine(recogniseSql(pool.client), {
            table: "django_session",
            timeout,
            useTz: true,
          });
          const key = freshKey();
          const expiresAt = Math.floor(Date.now() / 1000) * 1000 + 600_000;
          await engine.create(key, { text: "a", expiresAt });
          const all = await rows();
          for (
            const write of [
              () => engine.replace(key, { text: "b", expiresAt }, "a"),
              () => engine.replace(key, { text: "a", expiresAt: expiresAt + 1000 }, "a"),
              () => engine.rotate(key, freshKey(), { text: "b", expiresAt }, "a"),
              () => engine.delete(key),
            ]
          ) {
            await run("BEGIN");
            await run(`SELECT * FROM django_session WHERE session_key = '${key}' FOR UPDATE`);
            await assert.rejects(write(), { code: "ERR_STORE", message: /did not answer within 0.4 s/ });
            await run("ROLLBACK");
            await recogniseSql(pool.client).run("SELECT 1 AS one", []);
            assert.deepEqual(await rows(), all);
            assert.equal((await engine.load(key))?.expiresAt, expiresAt);
          }
          assert.equal(await engine.replace(key, { text: "b", expiresAt }, "a"), true);
        });
      });
    }
  });
}

describe("the clock of a database server", () => {
  /** A server with one row, whose clock is so far from ours. */
  function fake(difference: number) {
    const server = { difference, row: false, asked: [] as string[] };
    const time = () => Date.now() + server.difference;
    const engine = new SqlEngine({
      dialect: "postgresql",
      async run(text, values) {
        await new Promise((resolve) => setTimeout(resolve));
        server.asked.push(text.replace(/^WITH .*?\) (?=UPDATE|DELETE)/, "").split(" ")[0]!);
        if (text.startsWith("SELECT")) {
          const row = text.includes("session_data")
            ? server.row ? { t: "a", e: "9000000000000" } : undefined
            : {};
          return { rows: row ? [{ ...row, n: String(time()) }] : [], changed: 0 };
        }
        if (time() >= Number(values.at(-1))) return { rows: [], changed: 0 };
        const changed = Number(server.row !== text.startsWith("INSERT"));
        server.row = !text.includes("DELETE");
        return { rows: [], changed };
      },
    }, { table: "django_session", timeout: 1, useTz: true });
    return { server, engine };
  }
  const row = { text: "a", expiresAt: 9_000_000_000_000 };

  it("is asked for once, and need not be ours", async () => {
    for (const difference of [-86_400_000, 0, 86_400_000]) {
      const { server, engine } = fake(difference);
      assert.equal(await engine.create("key-number-1", row), true);
      assert.equal(await engine.replace("key-number-1", row, "a"), true);
      assert.deepEqual(server.asked, ["SELECT", "INSERT", "UPDATE"]);
    }
  });

  it("may be set: a write that came too late by it is made again, and is never taken for one that found nothing", async () => {
    const { server, engine } = fake(0);
    await engine.load("key-number-1");
    assert.equal(await engine.create("key-number-1", row), true);
    server.difference += 3_600_000;
    assert.equal(await engine.delete("key-number-1"), true);
    assert.equal(server.row, false);
    server.difference += 3_600_000;
    assert.equal(await engine.create("key-number-1", row), true);
    server.difference -= 7_200_000;
    assert.equal(await engine.delete("key-number-1"), true);
    assert.equal(await engine.delete("key-number-1"), false);
  });

  it("that runs away is trouble in time, without end", async () => {
    const { server, engine } = fake(0);
    await engine.create("key-number-1", row);
    Object.defineProperty(server, "difference", { get: () => performance.now() * 1e6 });
    await assert.rejects(engine.delete("key-number-1"), { code: "ERR_STORE" });
    await assert.rejects(engine.create("key-number-2", row), { code: "ERR_STORE" });
  });
});
