/** A Redis user with the rights that docs/several-machines.md gives, and no more: all that the store does, and nothing beyond it. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { createClient } from "redis";
import { RedisStore } from "../../../backends/redis.ts";
import { needs } from "../../support/needs.ts";
import { type Server, skip, startServer } from "../../support/redis/server.ts";

const page = readFileSync(new URL("../../../docs/several-machines.md", import.meta.url), "utf8");
const rights = /^ACL SETUSER app on >PASSWORD (.*)$/m.exec(page)![1]!.split(" ");
const key = "ab".repeat(32);

describe("the rights of a Redis user that the docs give", needs("redis-server", skip === false), () => {
  let server: Server;
  before(async () => {
    server = await startServer();
    await server.cli("ACL", "SETUSER", "app", "on", ">PASSWORD", ...rights);
  });
  after(() => server?.stop());

  it("are enough for every operation, and for no other key", async () => {
    const client = createClient({
      socket: { host: "127.0.0.1", port: server.port },
      username: "app",
      password: "PASSWORD",
    });
    client.on("error", () => {});
    await client.connect();
    try {
      const store = new RedisStore(client);
      const now = Date.now();
      const record = { data: "{}", head: "1", createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
      const first = await store.create(key, { ...record, userId: "Zoë" });
      assert.ok(first);
      assert.equal((await store.load(key))?.version, first);
      const second = await store.save(key, { ...record, userId: "Éva", expiresAt: now + 90_000 }, first);
      assert.ok(second);
      assert.equal(await store.touch(key, now + 1, now + 100_000, second), true);
      assert.deepEqual((await store.list("Éva")).entries.map(({ key }) => key), [key]);
      assert.deepEqual((await store.list("Zoë")).entries, []);
      assert.equal((await store.stats(now, [])).live, 1);
      assert.equal(await store.delete(key), true);
      assert.equal(await store.load(key), undefined);
      const other = new RedisStore(client, { prefix: "other:" });
      await assert.rejects(Promise.resolve(other.create(key, record)), { code: "ERR_STORE" });
      await assert.rejects(client.sendCommand(["FLUSHALL"]), /NOPERM/);
    } finally {
      client.destroy();
    }
  });

  it("are the commands that the scripts and the clients call, and none beyond", () => {
    const source = readFileSync(new URL("../../../backends/redis/scripts.ts", import.meta.url), "utf8");
    const called = new Set(
      source.matchAll(/call\('([A-Z]+)'/g).map(([, name]) => name!.toLowerCase()),
    );
    const given = rights.filter((one) => one.startsWith("+")).map((one) => one.slice(1));
    const ofClients = ["evalsha", "eval", "get", "ping", "info", "client", "hello"];
    assert.deepEqual(given.filter((one) => !called.has(one) && !ofClients.includes(one)), []);
    assert.deepEqual([...called].filter((one) => !given.includes(one)), []);
  });
});
