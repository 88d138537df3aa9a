/** This library over each of its stores, around the same handler. */

import { CookieStore } from "../../backends/cookie.ts";
import { type DenoKv, DenoKvStore } from "../../backends/deno_kv.ts";
import { DjangoDbStore, djangoSessions } from "../../backends/django.ts";
import { FileStore } from "../../backends/file.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { RedisStore } from "../../backends/redis.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import { createSessions, type Sessions, type SessionsOptions } from "../../mod.ts";
import { connectRedis, openSqlite } from "./clients.ts";
import {
  type Data,
  firstData,
  type Handler,
  isForBun,
  type Opened,
  type Subject,
  type Surroundings,
} from "./subject.ts";

const secrets = ["of no use outside of this bench: 9b1f3c"];

/** More than twice what the memory of verified cookies holds: with so many visitors taking turns, none is there. */
const neverSeen = 16_384;

function handlers(sessions: Sessions<Data>, isSync: boolean): Opened["handlers"] {
  return {
    N: isSync
      ? sessions.wrap(() => new Response("ok")) as Handler
      // deno-lint-ignore require-await -- the point is the promise
      : sessions.wrap(async () => new Response("ok")),
    R: sessions.wrap(async (request) => {
      const session = await request.session;
      const name = session.get("name");
      if (name === undefined) session.assign(firstData());
      return new Response(name);
    }),
    W: sessions.wrap(async (request) => {
      const session = await request.session;
      const name = session.get("name");
      if (name === undefined) session.assign(firstData());
      else session.update("visits", (n = 0) => n + 1);
      return new Response(name);
    }),
  };
}

type Store = SessionsOptions<Data>["store"];

function ours(
  name: string,
  more: Partial<Subject>,
  open: (surroundings: Surroundings) => Store | Promise<Store>,
): Subject {
  return {
    name: `sojourn, ${name}`,
    kind: "ours",
    only: ["R", "W"],
    ...more,
    async open(surroundings) {
      const sessions = createSessions<Data>({ store: await open(surroundings), secrets });
      return { handlers: handlers(sessions, more.bare === undefined), close: () => sessions.close() };
    },
  };
}

const sqlite = (synchronous: "FULL" | "NORMAL") =>
  ours(
    `SQLite ${synchronous}`,
    { keeps: "SQLite", limit: `by hand, SQLite ${synchronous}, autocommit` },
    ({ path }) => SqliteStore.open(path(), { synchronous }),
  );

/** Sessions shared with a Django site, in the site's own table. */
const djangoTable: Subject = {
  name: "sojourn, Django's table, SQLite NORMAL",
  kind: "ours",
  only: ["R", "W"],
  keeps: "SQLite",
  inProcessOnly: true,
  async open({ path }) {
    const database = await openSqlite(path(), "NORMAL");
    for (
      const text of [
        "CREATE TABLE django_session (session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL, " +
        "expire_date datetime NOT NULL)",
        "CREATE INDEX django_session_expire_date ON django_session (expire_date)",
      ]
    ) database.prepare(text).run();
    const sessions = djangoSessions<Data>({ secretKey: secrets[0]!, store: new DjangoDbStore(database) });
    return {
      handlers: handlers(sessions, true),
      async close() {
        await sessions.close();
        database.close();
      },
    };
  },
};

/** Everything of ours. */
export function sojourn(redisPort: number | undefined): Subject[] {
  const limit = "by hand, Map";
  const memory = { keeps: "memory", limit } as const;
  return [
    ours("sync handler", { only: ["N"] }, () => new MemoryStore()),
    ours("async handler", { only: ["N"], bare: "bare async", inProcessOnly: true }, () => new MemoryStore()),
    ours("memory", memory, () => new MemoryStore()),
    ours(
      "memory, cookie never seen",
      { ...memory, visitors: neverSeen, inProcessOnly: true },
      () => new MemoryStore({ maxEntries: 100_000 }),
    ),
    sqlite("NORMAL"),
    sqlite("FULL"),
    djangoTable,
    ours("Redis", {
      keeps: "Redis",
      limit: "by hand, Redis",
      absent: redisPort === undefined ? "redis-server is not installed" : undefined,
    }, async () => {
      const { client, close } = await connectRedis(redisPort!);
      return closing(new RedisStore(client), close);
    }),
    ours(
      "sealed cookie, seen",
      { keeps: "cookie", limit: "by hand, sealed cookie, seen" },
      () => new CookieStore({ revocation: "none" }),
    ),
    ours("sealed cookie, never seen", {
      keeps: "cookie",
      limit: "by hand, sealed cookie, never seen",
      visitors: 4096,
      inProcessOnly: true,
    }, () => new CookieStore({ revocation: "none" })),
    ours("files", { keeps: "files" }, ({ path }) => FileStore.open(path(), { durability: "os" })),
    ours(
      "Deno KV",
      { keeps: "Deno KV", absent: isForBun ? "Deno KV is Deno's" : undefined },
      async ({ path }) => {
        const kv: DenoKv = await Deno.openKv(path());
        return new DenoKvStore(kv);
      },
    ),
  ];
}

/** The same store; closing it also closes what it was given. */
function closing(store: RedisStore, close: () => void): RedisStore {
  return Object.assign(store, { close: () => Promise.resolve(close()) });
}
