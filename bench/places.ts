/** Every store to measure, each on the real thing: real files, a real Deno KV file, a real redis-server. */

import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { createClient } from "redis";
import { Redis } from "ioredis";
import { fillRedis, fillSqlite } from "./fill.ts";
import { CachedStore } from "../backends/cached.ts";
import { DenoKvStore } from "../backends/deno_kv.ts";
import { FileStore } from "../backends/file.ts";
import { MemoryStore } from "../backends/memory.ts";
import { type BunRedisClient, RedisStore } from "../backends/redis.ts";
import { SqliteStore } from "../backends/sqlite.ts";
import { Sealer } from "../src/crypto/sealer.ts";
import type { MaybePromise, SessionRecord, SessionStore, StoredRecord } from "../src/store.ts";
import { openTestKv } from "../tests/support/deno_kv/open_kv.ts";
import { type Server, skip, startServer } from "../tests/support/redis/server.ts";

/** What is measured of a place: a store's methods, or those that stand for them. */
export type Measured = Pick<
  SessionStore,
  "load" | "create" | "save" | "touch" | "delete" | "list"
>;

/** One place where sessions are kept. */
export interface Place {
  readonly name: string;
  /** Only these are measured; without it all. */
  readonly only?: readonly string[];
  /** Opens it, the same one each time. */
  open(): MaybePromise<{ readonly store: Partial<Measured>; close(): MaybePromise<unknown> }>;
  /** Fills it with very many sessions like this one at once, and answers some of them, from all over. */
  fill?(count: number, like: SessionRecord): MaybePromise<{ key: string; version: string }[]>;
  /** The bytes it takes now, while it is closed. */
  bytes?(): MaybePromise<number>;
}

/** What is left to do when the bench is over. */
export const endings: (() => MaybePromise<unknown>)[] = [];

const onBun = (globalThis as {
  Bun?: { RedisClient: new (url: string) => BunRedisClient & { close(): void } };
}).Bun;
/** Seconds: a machine that is busy with other things is no reason to give up. */
const timeout = 60;
const unbounded = { maxEntries: 10_000_000 };

/** All of them, in folders of their own below `folder`; or those with these names. */
export async function places(folder: string, names?: readonly string[]): Promise<Place[]> {
  const all = await allPlaces(folder);
  return names === undefined ? all : all.filter(({ name }) => names.includes(name));
}

async function allPlaces(folder: string): Promise<Place[]> {
  mkdirSync(folder, { recursive: true });
  endings.push(() => rmSync(folder, { recursive: true, force: true }));
  const memory = new MemoryStore(unbounded);
  return [
    { name: "MemoryStore", open: () => ({ store: memory, close() {} }) },
    ...(["FULL", "NORMAL"] as const).map((synchronous) => ({
      ...inFiles(`SqliteStore, ${synchronous}`, `${folder}/sqlite-${synchronous}`, async (path) => {
        return await SqliteStore.open(`${path}/sessions.db`, { synchronous, timeout });
      }),
      fill: (count: number, like: SessionRecord) =>
        fillSqlite(`${folder}/sqlite-${synchronous}/sessions.db`, count, like),
    })),
    ...(["sync", "os"] as const).map((durability) =>
      inFiles(`FileStore, ${durability}`, `${folder}/file-${durability}`, async (path) => {
        return await FileStore.open(`${path}/sessions`, { durability, timeout });
      })
    ),
    denoKv(`${folder}/kv`),
    ...await redis(),
    inFiles("CachedStore, memory over SQLite FULL, staleness 5", `${folder}/cached`, async (path) => {
      const durable = await SqliteStore.open(`${path}/sessions.db`, { timeout });
      const cached = new CachedStore(new MemoryStore(unbounded), durable, { staleness: 5 });
      return closing(cached, () => durable.close());
    }),
    sealedCookie(),
  ];
}

function inFiles(name: string, path: string, open: (path: string) => Promise<SessionStore>): Place {
  mkdirSync(path);
  return {
    name,
    async open() {
      const store = await open(path);
      return { store, close: () => store.close?.() };
    },
    bytes: () => bytesBelow(path),
  };
}

/** What the disk gives away: blocks, not lengths. Folders with one or two letters do not grow in number with the sessions. */
function bytesBelow(path: string): number {
  const below = readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((one) => one.isFile() || one.name.length > 2);
  return below.reduce((sum, one) => sum + statSync(`${one.parentPath}/${one.name}`).blocks * 512, 0);
}

function denoKv(path: string): Place {
  return inFiles("DenoKvStore, a file", path, async (path) => {
    const kv = await openTestKv(`${path}/kv.db`);
    return closing(new DenoKvStore(kv, { timeout }), () => kv.close());
  });
}

/** The same store, with an end of its own. */
function closing<T extends SessionStore>(store: T, close: () => MaybePromise<void>): T {
  return Object.assign(store, { close });
}

async function redis(): Promise<Place[]> {
  if (skip !== false) return [];
  const [server, durable] = [
    await startServer(),
    await startServer("--appendonly", "yes", "--appendfsync", "always"),
  ];
  endings.push(() => server.stop(), () => durable.stop());
  const nodeRedis = async (port: number) => {
    const client = createClient({ socket: { host: "127.0.0.1", port } });
    client.on("error", () => {});
    await client.connect();
    return { store: new RedisStore(client, { timeout }), close: () => client.destroy() };
  };
  // the scripts' own memory is no session's
  for (const { port } of [server, durable]) {
    const { store, close } = await nodeRedis(port);
    const now = Date.now();
    await store.create("0".repeat(64), { data: "", createdAt: now, touchedAt: now, expiresAt: now + 1e6 });
    close();
  }
  const over = (name: string, { port, cli }: Server, open: (port: number) => ReturnType<Place["open"]>) => ({
    name: `RedisStore, ${name}`,
    open: () => open(port),
    bytes: async () => Number(/used_memory:(\d+)/.exec(await cli("INFO", "memory"))?.[1]),
  });
  return [
    {
      ...over("node-redis", server, nodeRedis),
      fill: async (count: number, like: SessionRecord) => {
        const { store, close } = await nodeRedis(server.port);
        const first = "1".repeat(64);
        const version = await store.create(first, like);
        close();
        return await fillRedis(server, count, first, version!);
      },
    },
    over("ioredis", server, (port) => {
      const client = new Redis(port, "127.0.0.1");
      return { store: new RedisStore(client, { timeout }), close: () => client.disconnect() };
    }),
    ...(onBun
      ? [over("Bun.RedisClient", server, (port) => {
        const client = new onBun.RedisClient(`redis://127.0.0.1:${port}`);
        return { store: new RedisStore(client, { timeout }), close: () => client.close() };
      })]
      : []),
    over("node-redis, appendfsync always", durable, nodeRedis),
  ];
}

/** Loading a session from a cookie is opening it, saving is sealing it; nothing else of it costs anything. */
function sealedCookie(): Place {
  const sealer = new Sealer([crypto.getRandomValues(new Uint8Array(32))], "bench", "__Host-sid", Date.now);
  const tokens = new Map<string, string>();
  let record: StoredRecord | undefined;
  let last = "";
  return {
    name: "CookieStore, sealing and opening",
    only: ["load", "save"],
    open: () => ({
      store: {
        async create(key, given) {
          record = { ...given, version: key };
          tokens.set(key, last = await sealer.close(given.data, "1"));
          return key;
        },
        async load(key) {
          const opened = await sealer.open(tokens.get(key)!, "1");
          if (typeof opened === "string") throw new Error(opened);
          return record;
        },
        save: (_key, { data }) => sealer.close(data, "1"),
      },
      close() {},
    }),
    bytes: () => "__Host-sid=".length * tokens.size + last.length * tokens.size,
  };
}
