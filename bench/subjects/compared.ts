/** What is measured of two builds in one process: the paths of a request that differ in cost, over each store. */

import type { Session, SessionsOptions } from "../../mod.ts";
import { connectRedis, openSqlite } from "./clients.ts";
import type { Library } from "./library.ts";
import { type Data, firstData, type Handler, onBun, type Surroundings } from "./subject.ts";

/** A session whose data is one of these. */
type Any = Record<string, unknown>;
type Options = SessionsOptions<Any>;

/** One path to measure. */
export interface Compared {
  readonly name: string;
  /** So many sessions take turns; 0: each request comes without a cookie. @default 256 */
  readonly visitors?: number;
  /** Requests in flight together. @default 1 */
  readonly inFlight?: number;
  /** Why it cannot run here. */
  readonly absent?: string | undefined;
  /** Opens it: a handler that is measured, and one that makes sessions. */
  open(library: Library, surroundings: Surroundings): Promise<Ready>;
}

/** A path that is ready. */
export interface Ready {
  readonly handler: Handler;
  /** Gives each request without a cookie a session, and writes to it. */
  readonly begin: Handler;
  close(): Promise<unknown>;
}

const secrets = ["of no use outside of this bench: 9b1f3c"];

/** Sessions over a store, and what closes what the store was given. */
interface Opened {
  readonly sessions: ReturnType<Library["createSessions"]>;
  readonly close?: () => unknown;
}

type Open = (library: Library, surroundings: Surroundings, options: Partial<Options>) => Promise<Opened>;

const over = (
  open: (library: Library, surroundings: Surroundings) => Options["store"] | Promise<Options["store"]>,
): Open =>
async (library, surroundings, options) => ({
  sessions: library.createSessions({
    store: await open(library, surroundings),
    secrets,
    ...options,
  }) as Opened["sessions"],
});

const memory = over(({ MemoryStore }) => new MemoryStore({ maxEntries: 100_000 }));
const sqlite = (synchronous: "FULL" | "NORMAL") =>
  over(({ SqliteStore }, { path }) => SqliteStore.open(path(), { synchronous }));
const sealed = over(({ CookieStore }) => new CookieStore({ revocation: "none" }));
const files = over(({ FileStore }, { path }) => FileStore.open(path(), { durability: "os" }));
const kv = over(async ({ DenoKvStore }, { path }) => new DenoKvStore(await Deno.openKv(path())));

const redis: Open = async (library, { redisPort }, options) => {
  const { client, close } = await connectRedis(redisPort!);
  const store = new library.RedisStore(client, { prefix: `${Math.random()}:` });
  return { sessions: library.createSessions({ store, secrets, ...options }) as Opened["sessions"], close };
};

const django: Open = async (library, { path }, options) => {
  const database = await openSqlite(path(), "NORMAL");
  for (
    const text of [
      "CREATE TABLE django_session (session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL, " +
      "expire_date datetime NOT NULL)",
      "CREATE INDEX django_session_expire_date ON django_session (expire_date)",
    ]
  ) database.prepare(text).run();
  const store = new library.DjangoDbStore(database);
  const sessions = library.djangoSessions({ secretKey: secrets[0]!, store, ...options as object });
  return { sessions: sessions as unknown as Opened["sessions"], close: () => database.close() };
};

type Step = (session: Session<Any>) => string | undefined | Promise<string | undefined>;

const read: Step = (session) => session.get("name") as string;
const write: Step = (session) => {
  session.update("visits", (n) => (n as number) + 1);
  return session.get("name") as string;
};
const readCart: Step = (session) => String((session.get("cart") as unknown[]).length);
const writeCart: Step = (session) => {
  (session.get("cart") as Data["cart"])[0]!.count++;
  return "ok";
};

/** A cart of 60 lines, 5.6 kB. */
function largeCart(): Any {
  const cart = Array.from({ length: 60 }, (_, i) => ({
    sku: `chair_oak_${i}`,
    count: i,
    title: `A chair of oak with the number ${i}`,
    price: 100 + i,
    tags: ["oak", "chair"],
  }));
  return { name: "Ann", visits: 100, cart };
}

/** Forty small objects; what one string in them is decides whether a writer may take its shortcut. */
function withText(text: string): Any {
  const list = Array.from({ length: 40 }, (_, i) => ({ at: i, text: i === 7 ? text : "2026_01_05" }));
  return { name: "Ann", visits: 100, list };
}

const small = firstData as unknown as () => Any;

interface More extends Partial<Omit<Compared, "name" | "open">> {
  readonly data?: () => Any;
  readonly options?: Partial<Options>;
  readonly userId?: string;
}

function path(name: string, open: Open, step: Step | undefined, more: More = {}): Compared {
  const { data = small, options = {}, userId, ...rest } = more;
  return {
    name,
    ...rest,
    async open(library, surroundings) {
      const { sessions, close } = await open(library, surroundings, options);
      const begin = sessions.wrap(async (request) => {
        const session = await request.session;
        if (session.isEmpty) {
          session.assign(data());
          if (userId !== undefined) await session.login(userId);
        } else write(session as Session<Any>);
        return new Response("ok");
      });
      const handler = step === undefined
        ? sessions.wrap(() => new Response("ok"))
        : sessions.wrap(async (request) => new Response(await step(await request.session as Session<Any>)));
      return {
        handler: (rest.visitors === 0 ? begin : handler) as Handler,
        begin: begin as Handler,
        async close() {
          await sessions.close();
          await close?.();
        },
      };
    },
  };
}

/** More than the memory of verified cookies holds. */
const neverSeen = 16_384;

/** All of them. */
export function compared(redisPort: number | undefined): Compared[] {
  const noRedis = { absent: redisPort === undefined ? "redis-server is not installed" : undefined };
  const noKv = { absent: onBun ? "Deno KV is Deno's" : undefined };
  const both = (name: string, open: Open, more: More = {}) => [
    path(`${name}, R`, open, read, more),
    path(`${name}, W`, open, write, more),
  ];
  return [
    path("N, sync handler", memory, undefined),
    ...both("memory", memory),
    path("memory, R of a cart of 60", memory, readCart, { data: largeCart }),
    path("memory, W of a cart of 60", memory, writeCart, { data: largeCart }),
    path("memory, W beside a date", memory, write, { data: () => withText("2026-01-05") }),
    path("memory, W beside no date", memory, write, { data: () => withText("2026_01_05") }),
    path("memory, R, cookie on each response", memory, read, { options: { saveEveryRequest: true } }),
    path("memory, R, cookie not seen lately", memory, read, { visitors: neverSeen }),
    path("memory, a new session", memory, write, { visitors: 0 }),
    ...both("SQLite NORMAL", sqlite("NORMAL")),
    ...both("SQLite FULL", sqlite("FULL")),
    ...both("Redis", redis, noRedis),
    ...both("Redis, 32 in flight", redis, { ...noRedis, inFlight: 32 }),
    ...both("Redis, 32 in flight, with a user", redis, { ...noRedis, inFlight: 32, userId: "ann" }),
    ...both("sealed cookie", sealed),
    ...both("files", files),
    ...both("Deno KV", kv, noKv),
    ...both("Django's table", django),
  ];
}
