import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { inspect } from "node:util";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { RedisStore } from "../../../backends/redis.ts";
import { versionWidth } from "../../../backends/redis/record.ts";
import { freshKey, intercept, recordOf, shaped } from "../../support/redis/clients.ts";
import { type Server, skip, startServer, until } from "../../support/redis/server.ts";

describe("RedisStore", { skip }, () => {
  let server: Server, client: Redis, store: RedisStore;
  before(async () => {
    server = await startServer();
    client = new Redis(server.port, "127.0.0.1");
    store = new RedisStore(client);
  });
  after(async () => {
    client.disconnect();
    await server.stop();
  });

  it("SR-049 a command that the client sends twice is applied once and answered as once", async () => {
    for (const cluster of [false, true]) {
      const store = new RedisStore(intercept(client, () => "twice"), { cluster });
      const key = freshKey();
      const created = await store.create(key, recordOf("1", { userId: "t" }));
      assert.ok(created);
      const saved = await store.save(key, recordOf("2", { userId: "t" }), created);
      assert.ok(saved);
      assert.ok(await store.touch(key, Date.now() + 1, Date.now() + 7_200_000, saved));
      assert.equal((await store.load(key))?.version, saved);
      const rotated = await store.save(key, recordOf("3", { userId: "t", head: "rotated" }), saved);
      assert.ok(rotated);
      assert.equal((await store.load(key))?.version, rotated);
      assert.equal((await store.list("t")).entries.length, 1);
      await store.delete(key);
      assert.equal(await store.load(key), undefined);
    }
  });

  for (const cluster of [false, true]) {
    const where = cluster ? "in the steps of a cluster" : "on one server";
    it(`SR-034 a creation sent again after its record was deleted does not bring it back, ${where}`, async () => {
      const plain = new RedisStore(client, { cluster });
      const key = freshKey();
      const userId = `again ${cluster}`;
      let acts: (() => Promise<unknown>)[] = [];
      let answers: unknown[] = [];
      const again = new RedisStore(
        shaped(async (args) => {
          const send = () => client.call(args[0]!, ...args.slice(1)) as Promise<unknown[]>;
          let answer = await send();
          if (!args.some((arg) => arg.endsWith("\nagain"))) return answer;
          for (const act of acts) {
            await act();
            answer = await send();
            answers.push(answer[3]);
          }
          return answer;
        }),
        { cluster },
      );
      await again.create(
        freshKey(),
        recordOf("the script and the time are known from here on", { userId: "x" }),
      );
      const gone = async () => {
        assert.equal(await plain.load(key), undefined);
        assert.deepEqual(await plain.list(userId), { entries: [] });
        assert.equal(await plain.delete(key), false);
      };
      for (
        const act of [
          () => plain.delete(key),
          // Also after others have saved it
          async () => {
            for (let i = 0; i < 2; i++) {
              const { version, ...record } = (await plain.load(key))!;
              assert.ok(await plain.save(key, { ...record, data: `${i}` }, version));
            }
            assert.equal(await plain.delete(key), true);
          },
        ]
      ) {
        acts = [act, gone];
        answers = [];
        assert.ok(await again.create(key, recordOf("again", { userId })));
        assert.deepEqual(answers, ["yes", "yes"]);
        await gone();
      }
      // The mark is nothing to anybody else
      const version = await plain.create(key, recordOf("new", { userId }));
      assert.ok(version);
      assert.equal((await plain.load(key))?.data, "new");
      assert.deepEqual((await plain.list(userId)).entries.map((one) => one.key), [key]);
    });
  }

  it("the mark of a removed record is none in a load, a list, a save, a touch and the stats, and lapses", async () => {
    const store = new RedisStore(client, { prefix: "marks:", timeout: 0.2 });
    const [key, live] = [freshKey(), freshKey()];
    await store.create(live, recordOf("{}", { userId: "marked" }));
    const version = (await store.create(key, recordOf("{}", { userId: "marked" })))!;
    assert.equal(await store.delete(key), true);
    const life = Number(await server.cli("PTTL", `marks:${key}`));
    assert.ok(life > 0 && life <= 1201, `${life}`);
    assert.equal(await store.load(key), undefined); // by a script or by a plain command
    assert.equal(await store.load(key), undefined);
    assert.equal(await store.save(key, recordOf("1"), version), undefined);
    assert.equal(await store.touch(key, Date.now() + 1, Date.now() + 7_200_000, version), false);
    // An entry that a killed process may have left
    await server.cli("ZADD", 'marks:user:"marked"', String(Date.now() + 60_000), key);
    assert.deepEqual((await store.list("marked")).entries.map((one) => one.key), [live]);
    const { live: alive, expired, damaged, bytes } = await store.stats(Date.now(), []);
    assert.deepEqual({ alive, expired, damaged, bytes }, { alive: 1, expired: 0, damaged: 0, bytes: 2 });
    await until(async () => await server.cli("EXISTS", `marks:${key}`) === "0");
  });

  it("SR-049 a save sent again after others have saved is still told as done", async () => {
    const key = freshKey();
    const version = await store.create(key, recordOf("0"));
    let others = 0, known = false;
    const late = new RedisStore(shaped(async (args) => {
      if (!known) return await client.call(args[0]!, ...args.slice(1));
      await client.call(args[0]!, ...args.slice(1)).catch(() => {});
      for (others = 0; others < 3; others++) {
        const seen = (await store.load(key))!;
        assert.ok(await store.save(key, { ...seen, data: seen.data + "+" }, seen.version));
      }
      return await client.call(args[0]!, ...args.slice(1));
    }));
    await store.save(freshKey(), recordOf("the script is known from here on"), "v");
    await late.load(freshKey()); // and the server's time
    known = true;
    assert.ok(await late.save(key, recordOf("1"), version!));
    assert.equal((await store.load(key))?.data, "1+++");
    assert.equal(await store.save(key, recordOf("2"), version!), undefined);
    // The versions before this one, of which only so many are kept
    const seenLast: string[] = [];
    for (let i = 0; i < 9; i++) {
      const seen = (await store.load(key))!;
      if (i > 4) seenLast.push(seen.version);
      assert.ok(await store.save(key, { ...seen, data: "x" }, seen.version));
    }
    const line = (await client.get(`sojourn:${key}`))!.split("\n")[2]!;
    assert.equal(line.slice(versionWidth + 1), seenLast.reverse().map((version) => `${version},`).join(""));
  });

  for (const cluster of [false, true]) {
    const where = cluster ? "in the steps of a cluster" : "on one server";
    it(`SR-049 a creation sent again after others have saved is still told as done, ${where}`, async () => {
      const plain = new RedisStore(client, { cluster });
      const key = freshKey();
      const late = new RedisStore(
        shaped(async (args) => {
          const send = () => client.call(args[0]!, ...args.slice(1));
          if (!args.some((arg) => arg.endsWith("\nfirst"))) return await send();
          await send();
          const seen = await plain.load(key);
          if (seen?.data === "first") await plain.save(key, { ...seen, data: "second" }, seen.version);
          return await send();
        }),
        { cluster },
      );
      const version = await late.create(key, recordOf("first", { userId: "again" }));
      assert.ok(version, "else its session would live and nobody hold it");
      assert.equal((await plain.load(key))?.data, "second");
      assert.equal(await plain.create(key, recordOf("third")), undefined);
    });
  }

  it("SR-061 an answer that belongs to another command is an error, never another's data", async () => {
    const keys = Array.from({ length: 20 }, freshKey);
    await Promise.all(keys.map((key) => store.create(key, recordOf(key))));
    const missing = freshKey();
    await store.load(missing);
    // As redis-py did: every answer arrives one command late
    let previous: Promise<unknown> = Promise.resolve(null);
    const late = shaped(async (args) => {
      const [answer, mine] = [previous, client.call(args[0]!, ...args.slice(1))];
      previous = mine;
      await mine;
      return answer;
    });
    const confused = new RedisStore(late);
    for (const key of [...keys, missing, keys[0]!, keys[0]!]) {
      await assert.rejects(async () => await confused.load(key), { code: "ERR_STORE" });
    }
    const [a, b] = [keys[0]!, keys[1]!];
    await assert.rejects(confused.save(a, recordOf("x"), "v"), { code: "ERR_STORE" });
    await assert.rejects(confused.delete(b), { code: "ERR_STORE" });
  });

  it("SR-068 an error holds no key, no user and no data, however deep one looks", async () => {
    const key = freshKey();
    await server.cli("RPUSH", `sojourn:${key}`, "text");
    const userId = "canary-user";
    const record = recordOf("canary-data", { userId });
    const failures = [
      store.create(key, record),
      store.load(key),
      store.touch(key, 1, 2, "v"),
      store.save(key, record, "v"),
    ];
    for (const result of await Promise.allSettled(failures)) {
      assert.equal(result.status, "rejected");
      const shown = inspect((result as PromiseRejectedResult).reason, { depth: 20, showHidden: true });
      assert.doesNotMatch(shown, new RegExp(`canary|${key}`));
      assert.match(shown, /WRONGTYPE/);
    }
  });

  it("data that Redis would change is refused, and a user id of any form is kept", async () => {
    const key = freshKey();
    await assert.rejects(store.create(key, recordOf("\ud800")), { code: "ERR_SERIALIZE" });
    await assert.rejects(store.create(key, recordOf("x", { expiresAt: NaN })), RangeError);
    assert.equal(await store.load(key), undefined);
    await store.create(key, recordOf("x", { userId: "\ud800", expiresAt: Date.now() + 1e15 }));
    assert.equal((await store.list("\ud800")).entries[0]?.record.userId, "\ud800");
  });

  it("a client's own key prefix and byte answers are fine", async () => {
    const prefixed = new Redis(server.port, "127.0.0.1", { keyPrefix: "app:" });
    const node = createClient({ socket: { port: server.port, host: "127.0.0.1" } });
    await node.connect();
    try {
      const one = new RedisStore(prefixed);
      const key = freshKey();
      const version = await one.create(key, recordOf("é", { userId: "p" }));
      assert.equal((await one.load(key))?.version, version);
      assert.equal((await one.list("p")).entries[0]?.key, key);
      assert.equal(await server.cli("EXISTS", `app:sojourn:${key}`), "1");
      const bytes = new RedisStore(node.withTypeMapping({ 36: Uint8Array as unknown as typeof Buffer }), {
        prefix: "app:sojourn:",
      });
      assert.equal((await bytes.load(key))?.data, "é");
      assert.equal((await bytes.list("p")).entries[0]?.key, key);
    } finally {
      prefixed.disconnect();
      node.destroy();
    }
  });

  it("a lazy client is connected, and close leaves a client open, twice", async () => {
    const lazy = new Redis(server.port, "127.0.0.1", { lazyConnect: true, enableOfflineQueue: false });
    try {
      const one = new RedisStore(lazy);
      assert.equal(await one.load(freshKey()), undefined);
      await one.close();
      await one.close();
      await one[Symbol.asyncDispose]();
      assert.equal(await lazy.ping(), "PONG");
    } finally {
      lazy.disconnect();
    }
  });
});
