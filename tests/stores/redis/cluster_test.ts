import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Cluster } from "ioredis";
import { type RedisClient, RedisStore, type RedisStoreOptions } from "../../../backends/redis.ts";
import type { SessionError } from "../../../src/errors.ts";
import { clusterClients, freshKey, type Opened, recordOf } from "../../support/redis/clients.ts";
import { contract } from "../../support/redis/contract.ts";
import { type Server, skip, startCluster, until } from "../../support/redis/server.ts";

describe("RedisStore on a Redis Cluster", { skip }, () => {
  let nodes: Server[], ports: number[];
  before(async () => {
    nodes = await startCluster();
    ports = nodes.map((node) => node.port);
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  });

  for (const [name, open] of Object.entries(clusterClients)) {
    describe(`over ${name}`, () => {
      let opened: Opened[], stores: RedisStore[];
      before(async () => {
        opened = [await open(ports), await open(ports)];
        stores = opened.map(({ client }) => new RedisStore(client));
      });
      after(() => {
        for (const one of opened) one.close();
      });

      contract(() => stores[0]!, () => stores[1]!);

      it("sessions are spread over the servers, and stay where they are when they rotate", async () => {
        const sizes = () => Promise.all(nodes.map((node) => node.cli("DBSIZE").then(Number)));
        await Promise.all(nodes.map((node) => node.cli("FLUSHALL")));
        const keys = Array.from({ length: 60 }, freshKey);
        const versions = await Promise.all(keys.map((key) => stores[0]!.create(key, recordOf(key))));
        const before = await sizes();
        assert.ok(before.every((size) => size > 0));
        await Promise.all(keys.map(async (key, i) => {
          assert.ok(await stores[1]!.save(key, recordOf(key, { head: "rotated" }), versions[i]!));
        }));
        for (const key of keys) assert.equal((await stores[0]!.load(key))?.head, "rotated");
        assert.deepEqual(await sizes(), before);
      });

      it("with a hash tag as prefix all sessions are on one server, and a log-in is one step", async () => {
        const store = new RedisStore(opened[0]!.client, { prefix: "{s}:", cluster: false });
        const key = freshKey();
        const one = await store.create(key, recordOf("1", { userId: "u" }));
        const two = await store.save(key, recordOf("2", { userId: "v" }), one!);
        assert.equal((await store.load(key))?.version, two);
        assert.deepEqual((await store.list("v")).entries.map((found) => found.key), [key]);
        assert.deepEqual(await store.list("u"), { entries: [] });
      });
    });
  }

  describe("a session whose index is on another server", () => {
    let client: Cluster, store: RedisStore;
    before(async () => {
      client = new Cluster(ports.map((port) => ({ host: "127.0.0.1", port })));
      store = new RedisStore(client);
      // Every server gets to know every script
      for (let i = 0; i < 30; i++) {
        const key = freshKey();
        const version = await store.create(key, recordOf("", { userId: key }));
        const saved = await store.save(key, recordOf("", { userId: `${key}!` }), version!);
        assert.ok(await store.touch(key, Date.now() + 1, Date.now() + 7_200_000, saved!));
        await store.list(key);
        assert.ok(await store.delete(key));
      }
    });
    after(() => client.disconnect());

    /** A store whose process is killed, or does something else first, before its n-th command. */
    async function interrupted(
      at: number,
      act: (() => Promise<unknown>) | "kill",
      more: RedisStoreOptions = {},
    ): Promise<RedisStore> {
      let count = -Infinity;
      const shape: RedisClient = {
        isOpen: true,
        slots: [],
        async sendCommand(_key: string, _readonly: boolean, args: string[]) {
          if (++count >= at && act === "kill") return await new Promise(() => {});
          if (count === at && act !== "kill") await act();
          return await client.call(args[0]!, ...args.slice(1));
        },
      };
      const store = new RedisStore(shape, { timeout: act === "kill" ? 0.1 : 2, ...more });
      await store.load(freshKey()); // so that it knows the servers' time
      count = 0;
      return store;
    }

    it("a load, a save and a rotation are one command about one key", async () => {
      const key = freshKey();
      const record = recordOf("1", { userId: `one ${key}`, head: "first" });
      let version = (await store.create(key, record))!;
      const names: unknown[] = [];
      const counted = new RedisStore({
        isOpen: true,
        slots: [],
        sendCommand(name: string, _readonly: boolean, args: string[]) {
          names.push(name);
          assert.ok(args[0] === "GET" || args[2] === "1", `${args}`);
          return client.call(args[0]!, ...args.slice(1));
        },
      });
      await counted.load(key); // its server tells the time
      names.length = 0;
      assert.equal((await counted.load(key))?.version, version);
      version = (await counted.save(key, { ...record, data: "2" }, version))!;
      version = (await counted.save(key, { ...record, head: "second" }, version))!;
      assert.ok(await counted.touch(key, record.touchedAt + 5, record.expiresAt, version));
      assert.deepEqual(names, Array(4).fill(`sojourn:${key}`));
      assert.equal((await store.load(key))?.head, "second");
    });

    it("a log-in that is killed at any step leaves no session that cannot be found, and nothing in the way", async () => {
      for (const at of [1, 2]) {
        const key = freshKey();
        const userId = `in ${key}`;
        await assert.rejects((await interrupted(at, "kill")).create(key, recordOf("1", { userId })), {
          code: "ERR_STORE",
        });
        assert.equal(await store.load(key), undefined);
        assert.deepEqual(await store.list(userId), { entries: [] });
        assert.ok(await store.create(key, recordOf("2", { userId })));
        assert.deepEqual((await store.list(userId)).entries.map((one) => one.key), [key]);
      }
    });

    it("a save for another user that is killed at any step is done or not, and listed for its user", async () => {
      // The question, the index, the record, the entry of the user before
      for (const at of [1, 2, 3, 4]) {
        const key = freshKey();
        const [before, after] = [`before ${key}`, `after ${key}`];
        const version = (await store.create(key, recordOf("old", { userId: before })))!;
        const saving = (await interrupted(at, "kill")).save(key, recordOf("new", { userId: after }), version);
        const result = await saving.catch((error: SessionError) => error.code);
        const found = (await store.load(key))!;
        assert.equal(found.data, at < 4 ? "old" : "new", `before step ${at}`);
        assert.equal(result, at < 4 ? "ERR_STORE" : found.version);
        const listed = async (userId: string) => (await store.list(userId)).entries.map((one) => one.key);
        assert.deepEqual(await listed(before), at < 4 ? [key] : []);
        assert.deepEqual(await listed(after), at < 4 ? [] : [key]);
      }
    });

    it("SR-034 a log-out before any step of a save wins", async () => {
      for (const at of [1, 2, 3]) {
        const key = freshKey();
        const version = (await store.create(key, recordOf("old", { userId: `b ${key}` })))!;
        const saving = await interrupted(at, () => store.delete(key));
        assert.equal(await saving.save(key, recordOf("new", { userId: `a ${key}` }), version), undefined);
        assert.equal(await store.load(key), undefined, `before step ${at}`);
        for (const userId of [`a ${key}`, `b ${key}`]) {
          assert.deepEqual(await store.list(userId), { entries: [] });
        }
      }
    });

    it("SR-034 a creation sent again after its record was deleted does not bring it back", async () => {
      const key = freshKey();
      const userId = `twice ${key}`;
      let answer: unknown;
      const twice = new RedisStore({
        isOpen: true,
        slots: [],
        async sendCommand(_name: string, _readonly: boolean, args: string[]) {
          const send = () => client.call(args[0]!, ...args.slice(1)) as Promise<unknown[]>;
          const first = await send();
          if (!args.some((arg) => arg.endsWith("\ntwice")) || first[3] !== "yes") return first;
          assert.equal(await store.delete(key), true);
          const second = await send();
          answer = second[3];
          return second;
        },
      });
      assert.ok(await twice.create(key, recordOf("twice", { userId })));
      assert.equal(answer, "yes");
      assert.equal(await store.load(key), undefined);
      assert.deepEqual(await store.list(userId), { entries: [] });
      assert.ok(await store.create(key, recordOf("new", { userId })));
    });

    it("SR-040 no step of another operation takes a live session out of the index", async () => {
      const userId = `index ${freshKey()}`;
      const record = recordOf("1", { userId });
      const listed = async (key: string) => (await store.list(userId)).entries.some((one) => one.key === key);
      const again = freshKey();
      await store.create(again, record);
      // The record is gone, its entry not yet, when the key is created anew
      await (await interrupted(2, () => store.create(again, record))).delete(again);
      assert.ok(await listed(again));
      // The entry is there, the record not yet, when the one before is deleted
      const key = freshKey();
      await store.create(key, recordOf("gone", { userId, expiresAt: Date.now() + 60_000 }));
      const later = { now: () => Date.now() + 120_000 };
      const creating = await interrupted(2, () => store.delete(key), later);
      assert.ok(await creating.create(key, recordOf("1", { userId, expiresAt: Date.now() + 3_600_000 })));
      assert.ok(await listed(key));
      // To another user and back, while the first save still tidies up
      const moved = freshKey();
      const saved = await store.create(moved, record);
      const home = async () => {
        assert.ok(await store.save(moved, record, (await store.load(moved))!.version));
      };
      assert.ok(
        await (await interrupted(4, home)).save(moved, recordOf("2", { userId: `${userId}!` }), saved!),
      );
      assert.ok(await listed(moved));
      assert.deepEqual(await store.list(`${userId}!`), { entries: [] });
    });

    it("SR-040 ending all sessions of a user ends those that rotate all the while", async () => {
      const userId = `all ${freshKey()}`;
      const keys = Array.from({ length: 20 }, freshKey);
      const versions = await Promise.all(keys.map((key) => store.create(key, recordOf("", { userId }))));
      let rotations = 0;
      const rotating = keys.map(async (key, i) => {
        for (let version = versions[i]; version !== undefined; rotations++) {
          version = await store.save(key, recordOf("", { userId, head: `${rotations}` }), version);
        }
      });
      await until(() => rotations > 40);
      for (const { key } of (await store.list(userId)).entries) assert.ok(await store.delete(key));
      await Promise.all(rotating);
      for (const key of keys) assert.equal(await store.load(key), undefined);
      assert.deepEqual(await store.list(userId), { entries: [] });
    });
  });

  it("SR-060 a server of the cluster that is down stops its own sessions only, and heals", async () => {
    const client = new Cluster(ports.map((port) => ({ host: "127.0.0.1", port })), {
      clusterRetryStrategy: () => 50,
    });
    const store = new RedisStore(client, { timeout: 0.5 });
    try {
      const keys = Array.from({ length: 30 }, freshKey);
      for (const key of keys) await store.create(key, recordOf(key));
      await nodes[2]!.kill();
      const results = await Promise.all(
        keys.map((key) => store.load(key).then((one) => one?.data, (error) => error.code)),
      );
      assert.ok(results.includes("ERR_STORE"));
      for (const [i, result] of results.entries()) assert.ok(result === "ERR_STORE" || result === keys[i]);
      await nodes[2]!.restart();
      await until(async () => {
        const again = await Promise.allSettled(keys.map((key) => store.load(key)));
        return again.every((one) => one.status === "fulfilled");
      });
      for (const [i, result] of results.entries()) {
        const now = await store.load(keys[i]!);
        assert.equal(now?.data, result === "ERR_STORE" ? undefined : keys[i]);
      }
    } finally {
      client.disconnect();
    }
  });
});
