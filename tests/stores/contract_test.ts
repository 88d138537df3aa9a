/** The store contract, over every backend on the real thing. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { CachedStore } from "../../backends/cached.ts";
import { DenoKvStore } from "../../backends/deno_kv.ts";
import { FileStore } from "../../backends/file.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { RedisStore } from "../../backends/redis.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import { openTestKv } from "../support/deno_kv/open_kv.ts";
import { testStore } from "../../src/testing.ts";
import { clients, clusterClients, type Opened } from "../support/redis/clients.ts";
import { type Server, skip, startCluster, startServer } from "../support/redis/server.ts";

const root = mkdtempSync(join(tmpdir(), "sojourn-contract-"));
after(() => rmSync(root, { recursive: true, force: true }));

let made = 0;
/** A path of its own for each store; the last one made is the one to open again. */
const fresh = () => join(root, String(++made));
const last = () => join(root, String(made));

testStore("MemoryStore", () => new MemoryStore(), { without: ["version"] });

for (const synchronous of ["FULL", "NORMAL"] as const) {
  testStore(`SqliteStore, ${synchronous}`, () => SqliteStore.open(fresh(), { synchronous }), {
    reopen: async (store) => {
      await store.close?.();
      return await SqliteStore.open(last(), { synchronous });
    },
  });
}

testStore("FileStore", () => FileStore.open(fresh()), {
  without: ["version"],
  reopen: async (store) => {
    await store.close?.();
    return await FileStore.open(last());
  },
});

const kvs: { close(): void }[] = [];
after(() => kvs.splice(0).forEach((kv) => kv.close()));
const openKv = async (path: string) => {
  const kv = await openTestKv(path);
  kvs.push(kv);
  return new DenoKvStore(kv);
};
testStore("DenoKvStore, a file", () => openKv(fresh()), {
  maxBytes: 60_000,
  without: ["version"],
  reopen: async () => {
    kvs.pop()!.close();
    return await openKv(last());
  },
});

for (const staleness of [0, 60]) {
  testStore(
    `CachedStore over SqliteStore, staleness ${staleness}`,
    async () => new CachedStore(new MemoryStore(), await SqliteStore.open(fresh()), { staleness }),
    { without: ["version"] },
  );
}

for (const [name, connect] of Object.entries(clients)) {
  describe("on a real redis-server", { skip }, () => {
    let server: Server;
    let opened: Opened;
    before(async () => {
      server = await startServer();
      opened = await connect(server.port);
    });
    after(async () => {
      opened.close();
      await server.stop();
    });
    testStore(`RedisStore over ${name}`, async () => {
      await server.cli("FLUSHALL");
      return new RedisStore(opened.client);
    }, { expiresAlone: true, without: ["version"] });
  });
}

describe("on a real Redis Cluster", { skip }, () => {
  let nodes: Server[];
  before(async () => {
    nodes = await startCluster();
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  });
  for (const [name, connect] of Object.entries(clusterClients)) {
    describe(`over ${name}`, () => {
      let opened: Opened;
      before(async () => {
        opened = await connect(nodes.map((node) => node.port));
      });
      after(() => opened.close());
      testStore(`RedisStore over ${name}`, async () => {
        await Promise.all(nodes.map((node) => node.cli("FLUSHALL")));
        return new RedisStore(opened.client);
      }, { expiresAlone: true, without: ["version"] });
    });
  }
});
