/**
 * What `list` takes for a user with five sessions, among none, 1,000 and 100,000 sessions of others, on every store that is held on a
 * server. JSON on stdout. `lists.ts FOLDER [most]`: what is in files there stays for the next runtime, as filling takes longest.
 */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import { createClient } from "redis";
import { CachedStore } from "../backends/cached.ts";
import { DenoKvStore } from "../backends/deno_kv.ts";
import { FileStore } from "../backends/file.ts";
import { MemoryStore } from "../backends/memory.ts";
import { RedisStore } from "../backends/redis.ts";
import { SqliteStore } from "../backends/sqlite.ts";
import type { MaybePromise, SessionStore } from "../src/store.ts";
import { openTestKv } from "../tests/deno_kv/open_kv.ts";
import { skip, startServer } from "../tests/redis_server.ts";
import { dataBytes, type Listing, type Listings } from "./figures.ts";
import { machine, runtime } from "./machine.ts";

const [folder = "artifacts/bench/lists", most = "100000"] = process.argv.slice(2);
const sizes = [0, 1_000, 100_000].filter((size) => size <= Number(most));
const mine = 5;
const endings: (() => unknown)[] = [];
const maxEntries = 1_000_000;

/** A store by a path of its own; what is at the path is there again. */
type Open = (path: string) => MaybePromise<SessionStore>;

const closing = <T extends { close(): unknown }>(one: T): T => {
  endings.push(() => one.close());
  return one;
};
const sqlite = async (path: string) => closing(await SqliteStore.open(path));
const stores: Record<string, Open> = {
  MemoryStore: () => new MemoryStore({ maxEntries }),
  SqliteStore: sqlite,
  "CachedStore, memory over SQLite": async (path) =>
    new CachedStore(new MemoryStore({ maxEntries }), await sqlite(path)),
  FileStore: async (path) => closing(await FileStore.open(path, { durability: "os" })),
  DenoKvStore: async (path) => new DenoKvStore(closing(await openTestKv(path))),
  ...skip === false ? { "RedisStore, node-redis": await redis() } : {},
};

async function redis(): Promise<Open> {
  const server = await startServer();
  const client = createClient({ socket: { host: "127.0.0.1", port: server.port } });
  client.on("error", () => {});
  await client.connect();
  endings.push(() => client.destroy(), () => server.stop());
  return (path) => new RedisStore(client, { prefix: `${path}:` });
}

/** Five of one user and `foreign` of others, who have five each, too. */
async function fill(store: SessionStore, foreign: number): Promise<void> {
  const now = Date.now();
  const data = `{"cart":"${"x".repeat(dataBytes - 11)}"}`;
  const make = async (i: number) => {
    const words = crypto.getRandomValues(new Uint32Array(8));
    const key = Array.from(words, (word) => word.toString(16).padStart(8, "0")).join("");
    const userId = i < mine ? "ann" : `user ${Math.floor(i / 5)}`;
    await store.create(key, { data, userId, createdAt: now, touchedAt: now, expiresAt: now + 1e9 });
  };
  for (let i = 0; i < mine + foreign; i += 64) {
    await Promise.all(
      Array.from({ length: Math.min(64, mine + foreign - i) }, (_, j) => make(i + j)),
    );
  }
}

async function measure(store: SessionStore): Promise<Pick<Listing, "p50" | "p99">> {
  const taken: number[] = [];
  for (let i = -50, began = performance.now(); i < 2_000 && performance.now() - began < 3_000; i++) {
    const at = performance.now();
    const found = await store.list!("ann");
    if (found.length !== mine) throw new Error(`${found.length} sessions of ${mine} were listed`);
    if (i >= 0) taken.push((performance.now() - at) * 1000);
  }
  const sorted = taken.sort((a, b) => a - b);
  return { p50: sorted[sorted.length >> 1]!, p99: sorted[Math.floor(sorted.length * 0.99)]! };
}

const lists: Listing[] = [];
mkdirSync(folder, { recursive: true });
try {
  for (const [name, open] of Object.entries(stores)) {
    for (const foreign of sizes) {
      const path = `${folder}/${name.replace(/\W+/g, "-")}-${foreign}`;
      const store = await open(path);
      const isKept = existsSync(`${path}.full`);
      if (!isKept) await fill(store, foreign);
      if (existsSync(path)) writeFileSync(`${path}.full`, "");
      lists.push({ name, foreign, ...await measure(store) });
    }
  }
} finally {
  for (const end of endings) await end();
}
const figures: Listings = { runtime: runtime(), at: new Date().toISOString(), machine: machine(), lists };
process.stdout.write(JSON.stringify(figures));
process.exit(0);
