import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Redis } from "ioredis";
import { RedisStore } from "../../../backends/redis.ts";
import { freshKey, recordOf, shaped } from "../../support/redis/clients.ts";
import { type Server, skip, startServer } from "../../support/redis/server.ts";

describe("loads from Redis by a plain command", { skip }, () => {
  let server: Server, client: Redis, plain: RedisStore;
  before(async () => {
    server = await startServer();
    client = new Redis(server.port, "127.0.0.1");
    plain = new RedisStore(client);
  });
  after(async () => {
    client.disconnect();
    await server.stop();
  });

  /** A store that tells its commands, whose answers to plain ones `bend` may change. */
  async function watched(bend: (answer: unknown) => unknown = (answer) => answer) {
    const commands: string[] = [];
    const store = new RedisStore(shaped(async ([command, ...args]) => {
      commands.push(command!);
      const answer = await client.call(command!, ...args);
      return command === "GET" ? bend(answer) : answer;
    }));
    await plain.load(freshKey());
    await store.load(freshKey());
    assert.ok(commands.every((command) => command.startsWith("EVAL")), `${commands}`);
    commands.length = 0;
    return { store, commands };
  }

  it("a load is one plain command, once an answer has told the time", async () => {
    const { store, commands } = await watched();
    const key = freshKey();
    const record = recordOf("mine", { userId: "u" });
    const version = await plain.create(key, record);
    assert.deepEqual(await store.load(key), { ...record, version });
    assert.deepEqual(commands, ["GET"]);
  });

  it("SR-061 an answer has to bear its token again after a second", async () => {
    const { store, commands } = await watched();
    const key = freshKey();
    await plain.create(key, recordOf("mine"));
    const real = performance.now;
    performance.now = () => real.call(performance) + 1001;
    try {
      assert.equal((await store.load(key))?.data, "mine");
    } finally {
      performance.now = real;
    }
    assert.deepEqual(commands, ["EVALSHA"]);
  });

  it("a record that is not there, or is not ours, is for a script to tell", async () => {
    const { store, commands } = await watched();
    assert.equal(await store.load(freshKey()), undefined);
    assert.deepEqual(commands, ["GET", "EVALSHA"]);
    const key = freshKey();
    await client.hset(`sojourn:${key}`, { something: "else" });
    await assert.rejects(store.load(key), { code: "ERR_DAMAGED" });
    await client.set(`sojourn:${key}`, "text");
    await assert.rejects(store.load(key), { code: "ERR_DAMAGED" });
  });

  it("SR-061 no answer is believed that does not hold the record that was asked for", async () => {
    const key = freshKey(), other = freshKey();
    await plain.create(key, recordOf("mine"));
    await plain.create(other, recordOf("theirs"));
    const theirs = (await client.get(`sojourn:${other}`))!;
    for (const answer of [theirs, "", "x ", [], null, "OK", 5, {}, theirs.slice(1), [theirs], new Map()]) {
      const { store, commands } = await watched(() => answer);
      assert.equal((await store.load(key))?.data, "mine");
      assert.deepEqual(commands, ["GET", "EVALSHA"]);
    }
    const { store } = await watched(() => {
      throw new Error("LOADING Redis is loading the dataset in memory");
    });
    assert.equal((await store.load(key))?.data, "mine");
  });

  it("SR-048 a plain command that has no answer ends in time, and counts as waiting until it has one", async () => {
    let isHung = false;
    const store = new RedisStore(
      shaped(([command, ...args]) => isHung ? new Promise(() => {}) : client.call(command!, ...args)),
      { timeout: 0.05, maxWaiting: 1 },
    );
    await store.load(freshKey());
    isHung = true;
    await assert.rejects(store.load(freshKey()), { code: "ERR_STORE", message: /within 0\.05 s/ });
    await assert.rejects(store.load(freshKey()), { code: "ERR_STORE", message: /1 commands are waiting/ });
  });
});
