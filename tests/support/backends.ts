/** All stores, each on the real thing, for suites that run over every one of them. A new store is one more entry. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { CachedStore } from "../../backends/cached.ts";
import { CookieStore } from "../../backends/cookie.ts";
import { DenoKvStore } from "../../backends/deno_kv.ts";
import { FileStore } from "../../backends/file.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { RedisStore } from "../../backends/redis.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import type { MaybePromise, SessionsOptions, SessionStore } from "../../mod.ts";
import { openTestKv } from "./deno_kv/open_kv.ts";
import { clients, type Opened } from "./redis/clients.ts";
import { type Server, skip as noRedis, startServer } from "./redis/server.ts";

/** One kind of store. */
export interface Backend {
  readonly name: string;
  /** A fresh, empty store. What it needs besides is closed and removed after the calling file's tests. */
  open(now?: () => number): MaybePromise<SessionsOptions["store"]>;
  /** Whether records are held on the server, so that what another request saved is there for the next one. */
  readonly isHeld: boolean;
  /** Whether `clearExpired` has something to do: Redis removes what has expired by itself. */
  readonly clears: boolean;
  /** Whether it finds a user's sessions. */
  readonly lists: boolean;
}

/** A store whose records are held on the server. */
export interface HeldBackend extends Backend {
  open(now?: () => number): MaybePromise<SessionStore>;
}

/** The list. Call it once in a test file, outside of any test. */
export function backends(): readonly Backend[] {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-backends-"));
  const closing: { close(): unknown }[] = [];
  let files = 0;
  after(async () => {
    for (const one of closing) await one.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const path = () => join(folder, String(++files));
  const keep = <T extends { close(): unknown }>(one: T): T => {
    closing.push(one);
    return one;
  };
  const sqlite = async (now: () => number) =>
    keep(await SqliteStore.open(path(), { now, synchronous: "NORMAL" }));
  const kv = async (path: string, now: () => number) =>
    new DenoKvStore(keep(await openTestKv(path)), { now });
  /** One server and one client for all of them; each store has a prefix of its own. */
  let redis: Promise<{ server: Server; opened: Opened }> | undefined;
  const openRedis = async () => {
    const server = await startServer();
    const opened = await clients["node-redis"]!(server.port);
    closing.push({ close: () => (opened.close(), server.stop()) });
    return { server, opened };
  };
  const held = (name: string, open: (now: () => number) => MaybePromise<SessionStore>): HeldBackend => ({
    name,
    open: (now = Date.now) => open(now),
    isHeld: true,
    clears: name !== "RedisStore",
    lists: true,
  });
  return [
    held("MemoryStore", (now) => new MemoryStore({ maxEntries: Infinity, now })),
    held("SqliteStore", sqlite),
    held(
      "CachedStore, memory over SQLite",
      async (now) =>
        new CachedStore(new MemoryStore({ maxEntries: Infinity, now }), await sqlite(now), { now }),
    ),
    held(
      "CachedStore, memory over SQLite, staleness 60",
      async (now) =>
        new CachedStore(new MemoryStore({ maxEntries: Infinity, now }), await sqlite(now), {
          now,
          staleness: 60,
        }),
    ),
    held("FileStore", async (now) => keep(await FileStore.open(path(), { now, durability: "os" }))),
    ...noRedis ? [] : [held("RedisStore", async (now) => {
      const { opened } = await (redis ??= openRedis());
      return new RedisStore(opened.client, { now, prefix: `${++files}:` });
    })],
    held("DenoKvStore in memory", (now) => kv(":memory:", now)),
    held("DenoKvStore in a file", (now) => kv(path(), now)),
    {
      name: "CookieStore",
      open: (now = Date.now) =>
        new CookieStore({ revocation: new MemoryStore({ maxEntries: Infinity, now }) }),
      isHeld: false,
      clears: true,
      lists: false,
    },
    {
      name: "CookieStore, signed, over five cookies",
      open: (now = Date.now) =>
        new CookieStore({
          revocation: new MemoryStore({ maxEntries: Infinity, now }),
          chunks: 5,
          seal: false,
        }),
      isHeld: false,
      clears: true,
      lists: false,
    },
  ];
}
