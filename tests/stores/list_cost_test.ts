/** What `list` asks of each store's own backend, counted there: five of a user's sessions alone, and among 2,000 of others. */

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { Redis } from "ioredis";
import { DenoKvStore } from "../../backends/deno_kv.ts";
import { openFolders } from "../../backends/file/layout.ts";
import { FileSessions } from "../../backends/file/records.ts";
import { RedisStore } from "../../backends/redis.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import { createSessions, type MaybePromise, type SessionRecord, type SessionStore } from "../../mod.ts";
import { openTestKv } from "../support/deno_kv/open_kv.ts";
import { ModelDisk } from "../support/file/model_disk.ts";
import { secret } from "../support/identity_rig.ts";
import { intercept } from "../support/redis/clients.ts";
import { skip as noRedis, startServer } from "../support/redis/server.ts";
import { connect, keyOf, run, watched } from "../support/sqlite/rig.ts";

/** A store, and what it has asked for since the last look: the operations of its backend. */
interface Counted {
  readonly store: Pick<SessionStore, "create" | "list">;
  taken(): MaybePromise<string[]>;
  /** What the server did by itself meanwhile, where it can tell. */
  inside?(): Promise<string>;
}

const closing: (() => unknown)[] = [];
after(async () => {
  for (const close of closing) await close();
});

const stores: Record<string, () => MaybePromise<Counted>> = {
  SqliteStore() {
    const { database, ran } = watched(connect(":memory:"));
    const store = new SqliteStore(database);
    closing.push(() => (store.close(), database.close()));
    return { store, taken: () => ran.splice(0) };
  },
  async FileStore() {
    const disk = new ModelDisk();
    const done: string[] = [];
    const sessions = new FileSessions(disk, await openFolders(disk, "/s"), 2, Date.now);
    const store: SessionStore = {
      load: (key) => sessions.load(key),
      save: (key, record, version) => sessions.save(key, record, version),
      delete: (key) => sessions.delete(key),
      create: (key, record) => sessions.create(key, record),
      list: (userId, { after, limit = 100 } = {}) => sessions.list(userId, after, limit),
    };
    disk.before = (_step, call, path) => done.push(`${call} ${path.replace(/[0-9a-f]{2,}/g, "…")}`);
    return { store: store as Counted["store"], taken: () => done.splice(0) };
  },
  async DenoKvStore() {
    const kv = await openTestKv(":memory:");
    const done: string[] = [];
    const counted = new Proxy(kv, {
      get(target, name) {
        const method = Reflect.get(target, name, target) as unknown;
        if (typeof method !== "function") return method;
        return (...args: unknown[]) => {
          if (name === "get" || name === "list") done.push(name);
          const answer = method.apply(target, args);
          if (name !== "list") return answer;
          return (async function* () {
            for await (const entry of answer) {
              done.push("entry");
              yield entry;
            }
          })();
        };
      },
    });
    closing.push(() => kv.close());
    return { store: new DenoKvStore(counted), taken: () => done.splice(0) };
  },
  ...noRedis ? {} : {
    async RedisStore() {
      const server = await startServer();
      const client = new Redis(server.port, "127.0.0.1");
      closing.push(() => client.disconnect(), () => server.stop());
      const done: string[] = [];
      const store = new RedisStore(intercept(client, ([command]) => (done.push(command!), "pass")));
      const inside = async () => {
        const stats = await server.cli("INFO", "commandstats");
        await server.cli("CONFIG", "RESETSTAT");
        const calls = [...stats.matchAll(/^cmdstat_([a-z|]+):calls=(\d+)/gm)];
        return calls.map(([, name, count]) => `${name} ${count}`).filter((one) => !/^(info|config)/.test(one))
          .sort().join(", ");
      };
      return { store, taken: () => done.splice(0), inside };
    },
  },
};

const record = (userId: string): SessionRecord => {
  const now = Date.now();
  return {
    data: "{}",
    head: `1 ${"0".repeat(24)} 0 0`,
    userId,
    createdAt: now,
    touchedAt: now,
    expiresAt: now + 86_400_000,
  };
};

async function plant({ store }: Counted, from: number, to: number, userId: (i: number) => string) {
  for (let start = from; start < to; start += 200) {
    const some = Array.from({ length: Math.min(200, to - start) }, (_, i) => start + i);
    await Promise.all(some.map((i) => store.create(keyOf(i), record(userId(i)))));
  }
}

describe("SR-040 list costs what the user's own sessions cost", () => {
  for (const [name, open] of Object.entries(stores)) {
    it(`${name}: the same operations with 2,000 sessions of others as with none`, async () => {
      const counted = await open();
      const sessions = createSessions({ store: counted.store as SessionStore, secrets: [secret(1)] });
      const cost = async () => {
        await counted.taken();
        await counted.inside?.();
        assert.equal((await sessions.list("ann")).length, 5);
        return { taken: await counted.taken(), inside: await counted.inside?.() };
      };
      await plant(counted, 0, 5, () => "ann");
      await cost(); // so that a server knows its scripts
      const alone = await cost();
      assert.ok(alone.taken.length > 0);
      // a single reading each of the index and of what it leads to
      const reads = alone.taken.filter((one) => !/^(entry|facts)\b/.test(one));
      assert.ok(reads.length <= 6, alone.taken.join(", "));
      await plant(counted, 5, 2_005, (i) => `user ${i % 400}`);
      assert.deepEqual(await cost(), alone);
    });
  }

  it("SqliteStore: by the index, not by a look at every row", () => {
    const connection = connect(":memory:");
    const { database, ran } = watched(connection);
    const store = new SqliteStore(database);
    store.list("ann");
    const sql = ran.at(-1)!;
    const statement = connection.prepare(`EXPLAIN QUERY PLAN ${sql}`);
    const plan = JSON.stringify(statement.all("ann", "", 100));
    statement.finalize?.();
    assert.match(plan, /SEARCH sojourn_session USING INDEX sojourn_session_user \(user_id=\? AND key>\?\)/);
    assert.equal(run(connection, "SELECT count(*) FROM sojourn_session"), 0);
    store.close();
    connection.close();
  });
});
