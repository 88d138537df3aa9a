/** Counting all records of a store: the same answer from every store, in bounded steps, whatever lies around. */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Redis } from "ioredis";
import { CachedStore } from "../../backends/cached.ts";
import { DenoKvStore } from "../../backends/deno_kv.ts";
import { FileStore } from "../../backends/file.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { RedisStore } from "../../backends/redis.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import { openDatabase } from "../../backends/sqlite/database.ts";
import { noteTime } from "../../backends/support/instants.ts";
import type { CountableStore, SessionStore } from "../../src/store.ts";
import { openTestKv } from "../support/deno_kv/open_kv.ts";
import { clients, type Opened } from "../support/redis/clients.ts";
import { type Server, skip as noRedis, startServer } from "../support/redis/server.ts";

const now = 1_800_000_000_000;
/** For the stores, so that what has expired at `now` was still alive when it was stored. */
const earlier = () => now - 3_600_000;
const bounds = [1000, 60_000];

function keyOf(index: number): string {
  return index.toString(16).padStart(64, "0").split("").reverse().join("");
}

async function fill(store: SessionStore, count: number): Promise<void> {
  for (let from = 0; from < count; from += 200) {
    const some = Array.from({ length: Math.min(200, count - from) }, (_, i) => from + i);
    await Promise.all(some.map((i) =>
      store.create(keyOf(i), {
        data: i % 2 ? "é{}" : "{}",
        ...(i % 3 ? {} : { userId: `user ${i % 7}` }),
        createdAt: now - i % 5 * 999.5,
        touchedAt: now,
        expiresAt: i % 4 === 0 ? now - i % 3 : now + 60_000,
      })
    ));
  }
}

/** What `fill` should come to, counted the simple way. */
function expected(count: number) {
  const all = Array.from({ length: count }, (_, i) => i);
  const live = all.filter((i) => i % 4 !== 0);
  const ageOf = (i: number) => i % 5 * 999.5;
  const created = live.map((i) => now - ageOf(i));
  return {
    live: live.length,
    expired: count - live.length,
    damaged: 0,
    bytes: all.reduce((sum, i) => sum + (i % 2 ? 4 : 2), 0),
    ...(live.length > 0 ? { oldest: Math.min(...created) } : {}),
    ...(count > 0 ? { newest: now } : {}),
    ages: [
      live.filter((i) => ageOf(i) < 1000).length,
      live.filter((i) => ageOf(i) >= 1000).length,
      0,
    ],
  };
}

const folder = mkdtempSync(join(tmpdir(), "sojourn-stats-"));
let server: Server;
const opened: Opened[] = [];
let name = 0;

/** Each opens a fresh, empty store. */
const stores: Record<string, () => Promise<CountableStore> | CountableStore> = {
  MemoryStore: () => new MemoryStore({ now: earlier }),
  SqliteStore: () => SqliteStore.open(join(folder, `${name++}.db`), { now: earlier, synchronous: "NORMAL" }),
  FileStore: () => FileStore.open(join(folder, String(name++)), { now: earlier, durability: "os" }),
  DenoKvStore: async () => new DenoKvStore(await openTestKv(":memory:"), { now: earlier }),
  ...(noRedis ? {} : {
    RedisStore: async () => {
      const made = await clients[("Bun" in globalThis) ? "Bun.RedisClient" : "node-redis"]!(server.port);
      opened.push(made);
      return new RedisStore(made.client, { now: earlier, prefix: `s*[${name++}]?\\:` });
    },
  }),
};

describe("counting all records", () => {
  before(async () => {
    if (!noRedis) server = await startServer();
  });

  after(async () => {
    for (const { close } of opened) close();
    if (!noRedis) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const [title, open] of Object.entries(stores)) {
    describe(`the stats of ${title}`, () => {
      it("an empty store has no oldest and no newest", async () => {
        const store = await open();
        assert.deepEqual(await store.stats(now, bounds), expected(0));
        await store.close?.();
      });

      it("live, expired, bytes and ages, also where one page is just full", async () => {
        const store = await open();
        for (const count of [1, 100, 200, 203]) {
          await fill(store, count);
          const found = await store.stats(now, bounds);
          assert.deepEqual(found, expected(count), String(count));
        }
        await store.close?.();
      });

      it("a note that is no session counts as none", async () => {
        const store = await open();
        await fill(store, 9);
        const note = { data: "Größe", createdAt: noteTime, touchedAt: now, expiresAt: now + 60_000 };
        await store.create(keyOf(10), note);
        assert.deepEqual(await store.stats(now, bounds), expected(9));
        assert.equal((await store.load(keyOf(10)))?.createdAt, noteTime);
        await store.close?.();
      });

      it("others have their turn while many are counted, and a save in between counts once", async () => {
        const store = await open();
        const many = title === "FileStore" ? 500 : 3000; // files are slow to make
        await fill(store, many);
        let turns = 0;
        let isRunning = true;
        const turn = () => void (turns++, isRunning && setImmediate(turn));
        setImmediate(turn);
        const counting = store.stats(now, bounds);
        const before = await store.load(keyOf(1));
        await store.save(keyOf(1), { ...before!, data: "{}{}" }, before!.version);
        const { live, expired } = await counting;
        isRunning = false;
        assert.equal(live, expected(many).live);
        assert.equal(expired, expected(many).expired);
        assert.ok(turns >= 3, `${turns} turns`);
        await store.close?.();
      });
    });
  }

  describe("what cannot be read is counted as damaged", () => {
    it("a row whose instants or data are not what was written, be the number ever so large", async () => {
      const path = join(folder, "damaged.db");
      await using store = await SqliteStore.open(path, { now: earlier });
      await fill(store, 8);
      const database = await openDatabase(path);
      const spoil = (column: string, value: string, index: number) =>
        void database.prepare(`UPDATE sojourn_session SET ${column} = ${value} WHERE key = '${keyOf(index)}'`)
          .run();
      spoil("created_at", "9223372036854775807", 0);
      spoil("expires_at", "'soon'", 1);
      spoil("data", "x'00'", 2);
      database.close();
      const { live, expired, damaged } = await store.stats(now, bounds);
      assert.deepEqual([live, expired, damaged], [4, 1, 3]);
    });

    it("a file that lost its end", async () => {
      const path = join(folder, "damaged");
      await using store = await FileStore.open(path, { now: earlier, durability: "os" });
      await fill(store, 4);
      const file = readdirSync(`${path}/sessions`, { recursive: true, encoding: "utf8" }).find((name) =>
        name.endsWith(keyOf(1))
      );
      truncateSync(`${path}/sessions/${file}`, 100);
      const { live, expired, damaged } = await store.stats(now, bounds);
      assert.deepEqual([live, expired, damaged], [2, 1, 1]);
    });

    it("a value in Deno KV that is no record, or a newer one", async () => {
      const kv = await openTestKv(":memory:");
      const store = new DenoKvStore(kv, { now: earlier });
      await fill(store, 4);
      await kv.atomic().set(["sessions", "record", keyOf(1)], new Uint8Array(3)).commit();
      await kv.atomic().set(["sessions", "record", keyOf(2)], new Uint8Array(99).fill(9)).commit();
      const { live, expired, damaged } = await store.stats(now, bounds);
      assert.deepEqual([live, expired, damaged], [1, 1, 2]);
      kv.close();
    });

    it("a Redis key of another type or format; other keys are not looked at", { skip: noRedis }, async () => {
      const made = await clients["ioredis"]!(server.port);
      opened.push(made);
      const store = new RedisStore(made.client, { now: earlier, prefix: "damaged:" });
      await fill(store, 4);
      await server.cli("SET", `damaged:${keyOf(1)}`, `9 ${keyOf(1)}`);
      await server.cli("DEL", `damaged:${keyOf(2)}`);
      await server.cli("HSET", `damaged:${keyOf(2)}`, "f", "9");
      await server.cli("SET", `damaged:${"x".repeat(64)}`, "not a key");
      await server.cli("HSET", `undamaged:${keyOf(3)}`, "f", "2");
      const { live, expired, damaged } = await store.stats(now, bounds);
      assert.deepEqual([live, expired, damaged], [1, 1, 2]);
    });
  });

  it("a prefix that the client puts before each key is no obstacle", { skip: noRedis }, async () => {
    const client = new Redis(server.port, "127.0.0.1", { keyPrefix: "app[1]:" });
    const store = new RedisStore(client, { now: earlier });
    await fill(store, 40);
    assert.deepEqual(await store.stats(now, bounds), expected(40));
    client.disconnect();
  });

  describe("stores that count through others, or not at all", () => {
    it("CachedStore answers what the durable store does, and has no stats if that one has none", async () => {
      const durable = new MemoryStore({ now: earlier });
      await fill(durable, 9);
      const cached = new CachedStore(new MemoryStore(), durable);
      assert.deepEqual(await cached.stats!(now, bounds), expected(9));
      const { load, create, save, delete: remove } = durable;
      const bare = { load, create, save, delete: remove };
      assert.equal(new CachedStore(new MemoryStore(), bare).stats, undefined);
    });

    it("a Redis Cluster is refused, in words", async () => {
      const client = {
        status: "ready",
        isCluster: true,
        connect: () => Promise.resolve(),
        call: () => Promise.reject(new Error("not to be asked")),
      };
      await assert.rejects(new RedisStore(client).stats(now, bounds), {
        code: "ERR_UNSUPPORTED",
        message: /Redis Cluster/,
      });
    });
  });
});
