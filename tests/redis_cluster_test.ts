import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Cluster } from "ioredis";
import { type RedisClient, RedisStore, type RedisStoreOptions } from "../backends/redis.ts";
import type { SessionError } from "../src/errors.ts";
import { clusterClients, freshKey, type Opened, recordOf } from "./redis_clients.ts";
import { contract } from "./redis_contract.ts";
import { type Server, skip, startCluster, until } from "./redis_server.ts";

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

      it("sessions are spread over the servers, and rotate between them", async () => {
        const sizes = () => Promise.all(nodes.map((node) => node.cli("DBSIZE").then(Number)));
        await Promise.all(nodes.map((node) => node.cli("FLUSHALL")));
        const keys = Array.from({ length: 60 }, freshKey);
        const versions = await Promise.all(keys.map((key) => stores[0]!.create(key, recordOf(key))));
        assert.ok((await sizes()).every((size) => size > 0));
        const targets = keys.map(freshKey);
        await Promise.all(targets.map(async (to, i) => {
          assert.ok(await stores[1]!.rotate(keys[i]!, to, recordOf(keys[i]!), versions[i]!));
        }));
        for (const [i, to] of targets.entries()) {
          assert.equal((await stores[0]!.load(to))?.data, keys[i]);
          assert.equal(await stores[0]!.load(keys[i]!), undefined);
        }
        assert.equal((await sizes()).reduce((a, b) => a + b), 60);
      });

      it("with a hash tag as prefix all sessions are on one server, and a rotation is one step", async () => {
        const store = new RedisStore(opened[0]!.client, { prefix: "{s}:", cluster: false });
        const [from, to] = [freshKey(), freshKey()];
        const one = await store.create(from, recordOf("1", { userId: "u" }));
        const two = await store.rotate(from, to, recordOf("2", { userId: "u" }), one!);
        assert.equal((await store.load(to))?.version, two);
        assert.deepEqual((await store.list("u")).map((found) => found.key), [to]);
      });
    });
  }

  describe("a rotation between two servers", () => {
    let client: Cluster, store: RedisStore;
    before(async () => {
      client = new Cluster(ports.map((port) => ({ host: "127.0.0.1", port })));
      store = new RedisStore(client);
      // Every server gets to know every script
      for (let i = 0; i < 30; i++) {
        const [from, to] = [freshKey(), freshKey()];
        const version = await store.create(from, recordOf("", { userId: from }));
        await store.rotate(from, to, recordOf("", { userId: from }), "x");
        assert.ok(await store.rotate(from, to, recordOf("", { userId: from }), version!));
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

    it("killed before any step, the old session is whole or, past the decision, none is left", async () => {
      // Index, new record pending, old record removed, new record activated, old entry of the index
      for (const at of [1, 2, 3, 4, 5]) {
        const [from, to] = [freshKey(), freshKey()];
        const userId = `kill ${from}`;
        const version = await store.create(from, recordOf("old", { userId }));
        const result = await (await interrupted(at, "kill")).rotate(
          from,
          to,
          recordOf("new", { userId }),
          version!,
        )
          .catch((error: SessionError) => error.code);
        const [old, fresh] = [await store.load(from), await store.load(to)];
        assert.equal(old?.data, at <= 3 ? "old" : undefined, `old, killed before step ${at}`);
        assert.equal(fresh?.data, at === 5 ? "new" : undefined, `new, killed before step ${at}`);
        if (at < 5) assert.equal(result, "ERR_STORE");
        else assert.equal(result, fresh?.version);
        if (at <= 3) {
          assert.ok(await store.save(from, recordOf("goes on", { userId }), version!));
          assert.equal((await store.list(userId)).filter((one) => one.key === from).length, 1);
        }
        if (at === 3 || at === 4) {
          const life = Number(await client.pttl(`sojourn:${to}`));
          assert.ok(life > 0 && life <= 10_200, `a pending record lapses: ${life}`);
          assert.equal(await store.touch(to, Date.now(), Date.now() + 9_000_000), false);
          assert.equal(await store.create(to, recordOf("taken")), undefined);
        }
      }
    });

    it("SR-042 a save before the decision wins, and the move leaves nothing", async () => {
      const [from, to] = [freshKey(), freshKey()];
      const version = await store.create(from, recordOf("old"));
      const saving = await interrupted(
        2,
        () => Promise.resolve(store.save(from, recordOf("saved"), version!)),
      );
      assert.equal(await saving.rotate(from, to, recordOf("new"), version!), undefined);
      assert.equal((await store.load(from))?.data, "saved");
      assert.equal(await client.exists(`sojourn:${to}`), 0);
    });

    it("SR-034 a log-out before the decision wins, and the move leaves nothing", async () => {
      const [from, to] = [freshKey(), freshKey()];
      const version = await store.create(from, recordOf("old"));
      const leaving = await interrupted(2, () => Promise.resolve(store.delete(from)));
      assert.equal(await leaving.rotate(from, to, recordOf("new"), version!), undefined);
      assert.equal(await store.load(from), undefined);
      assert.equal(await client.exists(`sojourn:${to}`), 0);
    });

    it("SR-040 ending all sessions of a user at any step ends the one that is on its way", async () => {
      for (const at of [2, 3, 4, 5]) {
        const [from, to] = [freshKey(), freshKey()];
        const userId = `all ${from}`;
        const version = await store.create(from, recordOf("old", { userId }));
        const endAll = async () => {
          for (const one of await store.list(userId)) await store.delete(one.key);
        };
        const result = await (await interrupted(at, endAll)).rotate(
          from,
          to,
          recordOf("new", { userId }),
          version!,
        );
        assert.equal(result === undefined, at < 5, `before step ${at}`);
        assert.equal(await store.load(from), undefined);
        assert.equal(await store.load(to), undefined, `before step ${at}`);
        assert.deepEqual(await store.list(userId), []);
      }
    });

    it("SR-040 no step of another operation takes a live session out of the index", async () => {
      const userId = `index ${freshKey()}`;
      const record = recordOf("1", { userId });
      const listed = async (key: string) => (await store.list(userId)).some((one) => one.key === key);
      const again = freshKey();
      await store.create(again, record);
      // The record is gone, its entry not yet, when the key is created anew
      await (await interrupted(2, () => store.create(again, record))).delete(again);
      assert.ok(await listed(again));
      // The entry is there, the record not yet, when the old one is deleted
      for (const at of [2, 3]) {
        const key = freshKey();
        const version = await store.create(key, recordOf("gone", { userId, expiresAt: Date.now() + 60_000 }));
        const later = { now: () => Date.now() + 120_000 };
        const creating = await interrupted(at, async () => {
          if (at === 2) await store.delete(key);
          else await store.save(key, recordOf("x"), version!);
        }, later);
        assert.ok(
          await creating.create(key, recordOf("1", { userId, expiresAt: Date.now() + 3_600_000 })),
        );
        assert.ok(await listed(key), `before step ${at}`);
      }
      // Away and back, while the first move still tidies up
      const [from, to] = [freshKey(), freshKey()];
      const version = await store.create(from, record);
      const back = async () => {
        const moved = (await store.load(to))!;
        assert.ok(await store.rotate(to, from, record, moved.version));
      };
      assert.ok(await (await interrupted(5, back)).rotate(from, to, record, version!));
      assert.ok(await listed(from));
      assert.ok(!await listed(to));
      // To another user and back, while the first save still tidies up
      const key = freshKey();
      const saved = await store.create(key, record);
      const home = async () => {
        assert.ok(await store.save(key, record, (await store.load(key))!.version));
      };
      assert.ok(
        await (await interrupted(4, home)).save(key, recordOf("2", { userId: `${userId}!` }), saved!),
      );
      assert.ok(await listed(key));
      assert.deepEqual(await store.list(`${userId}!`), []);
    });

    it("SR-032 who meets a session on its way waits for it", async () => {
      for (const at of [3, 4]) {
        const [from, to] = [freshKey(), freshKey()];
        const version = await store.create(from, recordOf("old", { userId: "w" }));
        let meeting: Promise<unknown>[] = [];
        const meet = () => {
          meeting = [store.load(to).then((one) => one?.data), store.touch(to, 1, Date.now() + 60_000)];
          meeting.push(store.create(to, recordOf("taken")));
          return Promise.resolve();
        };
        assert.ok(
          await (await interrupted(at, meet)).rotate(from, to, recordOf("new", { userId: "w" }), version!),
        );
        assert.deepEqual(await Promise.all(meeting), ["new", true, undefined]);
        assert.ok(await store.delete(to));
      }
    });

    it("a log-in that is killed at any step leaves no session, and nothing in the way for long", async () => {
      for (const at of [1, 2, 3]) {
        const key = freshKey();
        const userId = `in ${key}`;
        await assert.rejects((await interrupted(at, "kill")).create(key, recordOf("1", { userId })), {
          code: "ERR_STORE",
        });
        assert.equal(await store.load(key), undefined);
        assert.ok(Number(await client.pttl(`sojourn:${key}`)) <= 10_200);
        for (const one of await store.list(userId)) assert.ok(await store.delete(one.key));
        assert.ok(await store.create(key, recordOf("2", { userId })));
        assert.deepEqual((await store.list(userId)).map((one) => one.record.data), ["2"]);
      }
    });

    it("SR-032 at no moment do both ids work, and the old one never shows the new data", async () => {
      let busy = true;
      const pair = { from: freshKey(), to: freshKey() };
      let version = (await store.create(pair.from, recordOf("0")))!;
      const seen: string[] = [];
      const watch = async () => {
        while (busy) {
          const { from, to } = pair;
          // The new one first: if it works now, the old one must be dead from then on
          const fresh = await store.load(to);
          const old = await store.load(from);
          if (fresh !== undefined && old !== undefined) seen.push(`${fresh.data} ${old.data}`);
        }
      };
      const watching = [watch(), watch(), watch()];
      for (let i = 1; i <= 150; i++) {
        version = (await store.rotate(pair.from, pair.to, recordOf(String(i)), version))!;
        assert.ok(version);
        pair.from = pair.to;
        pair.to = freshKey();
      }
      busy = false;
      await Promise.all(watching);
      assert.deepEqual(seen, []);
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
