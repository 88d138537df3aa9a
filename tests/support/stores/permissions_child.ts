/** Calls every method of one kind of store, and says "works": `permissions_child.ts KIND PORT`. */

import process from "node:process";
import type { SessionStore } from "../../../src/store.ts";

const [kind, port] = process.argv.slice(2);

async function open(): Promise<SessionStore> {
  if (kind === "memory") return new (await import("../../../backends/memory.ts")).MemoryStore();
  if (kind === "sqlite") {
    return await (await import("../../../backends/sqlite.ts")).SqliteStore.open("sessions.db");
  }
  if (kind === "file") return await (await import("../../../backends/file.ts")).FileStore.open("sessions");
  if (kind === "deno-kv" || kind === "deno-kv-file") {
    const { DenoKvStore } = await import("../../../backends/deno_kv.ts");
    return await DenoKvStore.open(kind === "deno-kv" ? undefined : "sessions.db");
  }
  const { RedisStore } = await import("../../../backends/redis.ts");
  if (kind === "node-redis") {
    const { createClient } = await import("redis");
    return new RedisStore(await createClient({ url: `redis://127.0.0.1:${port}` }).connect());
  }
  const { Redis } = await import("ioredis");
  return new RedisStore(new Redis(Number(port), "127.0.0.1"));
}

const store = await open();
const key = "5e".repeat(32);
const now = Date.now();
const record = { data: "{}", userId: "ada", createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
await store.delete(key); // Deno's default database may be from an earlier run
const first = await store.create(key, record);
const second = await store.save(key, record, first!);
const touched = await store.touch!(key, now + 1, now + 60_001, second!);
const { entries } = await store.list!("ada");
const found = await store.load(key, { fresh: true });
await store.clearExpired?.(now - 60_000, 10);
const gone = await store.delete(key);
await store.close?.();
if (found?.version === second && second !== undefined && touched && entries.length === 1 && gone) {
  process.stdout.write("works\n");
}
process.exit(0);
