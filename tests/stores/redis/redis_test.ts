import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { RedisStore } from "../../../backends/redis.ts";
import { clients, freshKey, type Opened, openPool, recordOf } from "../../support/redis/clients.ts";
import { contract } from "../../support/redis/contract.ts";
import { type Server, skip, startServer } from "../../support/redis/server.ts";

for (const [name, open] of Object.entries({ ...clients, "node-redis pool": openPool })) {
  describe(`RedisStore over ${name}`, { skip }, () => {
    let server: Server, opened: Opened[], stores: RedisStore[];
    before(async () => {
      server = await startServer();
      opened = [await open(server.port), await open(server.port)];
      stores = opened.map(({ client }) => new RedisStore(client));
    });
    after(async () => {
      for (const one of opened) one.close();
      await server.stop();
    });

    contract(() => stores[0]!, () => stores[1]!);

    it("the steps of a cluster keep the same promises on one server", async () => {
      const store = new RedisStore(opened[0]!.client, { cluster: true });
      const key = freshKey();
      const one = await store.create(key, recordOf("1", { userId: "c" }));
      const two = await store.save(key, recordOf("2", { userId: "d" }), one!);
      assert.equal((await store.load(key))?.version, two);
      assert.deepEqual(await store.list("c"), { entries: [] });
      assert.equal((await store.list("d")).entries.length, 1);
      assert.ok(Number(await server.cli("PTTL", `sojourn:${key}`)) > 3_500_000);
    });

    it("SR-062 a flushed script cache or server is no error", async () => {
      const key = freshKey();
      await stores[0]!.create(key, recordOf("1"));
      await server.cli("SCRIPT", "FLUSH");
      assert.equal((await stores[0]!.load(key))?.data, "1");
    });

    it("R8 SR-062 sessions flushed under load are not found, without an error", async () => {
      const store = stores[0]!;
      let flushed = false, missed = 0;
      const work = async () => {
        for (let i = 0; i < 40 || !flushed; i++) {
          const key = freshKey();
          const version = await store.create(key, recordOf(key, { userId: "flush" }));
          assert.ok(version);
          const seen = await store.load(key);
          if (seen === undefined) missed++;
          else assert.equal(seen.data, key);
          await store.save(key, recordOf(key, { userId: "flush" }), version);
          await store.list("flush");
          await store.delete(key);
        }
      };
      const flushes = async () => {
        for (let i = 0; i < 10; i++) await server.cli("FLUSHALL");
        flushed = true;
      };
      await Promise.all([work(), work(), work(), work(), flushes()]);
      assert.ok(missed >= 0);
      assert.deepEqual(await store.list("flush"), { entries: [] });
    });

    it("SR-062 only prefixed keys are written, and no command looks at all keys", async () => {
      await server.cli("FLUSHALL");
      await server.cli("CONFIG", "RESETSTAT");
      const store = new RedisStore(opened[0]!.client, { prefix: "shop:" });
      const [key, gone] = [freshKey(), freshKey()];
      const version = await store.create(key, recordOf("1", { userId: "u" }));
      const saved = await store.save(key, recordOf("2", { userId: "u" }), version!);
      assert.ok(await store.touch(key, Date.now(), Date.now() + 7_000_000, saved!));
      await store.create(gone, recordOf("3"));
      assert.ok(await store.delete(gone));
      await store.list("u");
      assert.equal(store.clearExpired(Date.now(), 100), 0);
      assert.doesNotMatch(
        await server.cli("INFO", "commandstats"),
        /cmdstat_(keys|scan|flush\w*|randomkey):/,
      );
      const keys = (await server.cli("KEYS", "*")).split("\n").sort();
      assert.deepEqual(keys, [`shop:${key}`, `shop:${gone}`, 'shop:user:"u"'].sort());
    });

    it("SR-038 Redis removes what has expired, and an index lives no longer than its sessions", async () => {
      await server.cli("FLUSHALL");
      const store = stores[0]!;
      const now = Date.now();
      const key = freshKey();
      const version = await store.create(key, recordOf("1", { userId: "u", expiresAt: now + 600_000 }));
      const life = Number(await server.cli("PTTL", `sojourn:${key}`));
      assert.ok(life > 590_000 && life <= 600_000, `${life}`);
      const index = Number(await server.cli("PTTL", 'sojourn:user:"u"'));
      // A quarter longer, and what its entry is kept beyond that
      assert.ok(index > 740_000 + 3_600_000 && index <= 750_000 + 3_600_000, `${index}`);
      assert.ok(await store.touch(key, now + 1, now + 900_000, version!));
      assert.ok(Number(await server.cli("PTTL", `sojourn:${key}`)) > 890_000);
      assert.ok(await store.save(key, recordOf("1", { userId: "u", expiresAt: now - 1 }), version!));
      assert.equal(await server.cli("EXISTS", `sojourn:${key}`), "0");
      assert.deepEqual(await store.list("u"), { entries: [] });
    });
  });
}
