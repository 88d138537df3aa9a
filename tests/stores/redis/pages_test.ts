import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Redis } from "ioredis";
import { RedisStore } from "../../../backends/redis.ts";
import { recognise } from "../../../backends/redis/client.ts";
import { UserIndex } from "../../../backends/redis/user_index.ts";
import { ScriptRunner } from "../../../backends/redis/script_runner.ts";
import { freshKey, recordOf, shaped } from "../../support/redis/clients.ts";
import { type Server, skip, startServer } from "../../support/redis/server.ts";

const hour = 3_600_000;

describe("the pages of a user's sessions in Redis", { skip }, () => {
  let server: Server, client: Redis;
  before(async () => {
    server = await startServer();
    client = new Redis(server.port, "127.0.0.1");
  });
  after(async () => {
    client.disconnect();
    await server.stop();
  });

  /** Sessions of one user. */
  async function sessionsOf(userId: string, count: number, cluster: boolean): Promise<string[]> {
    const store = new RedisStore(client, { cluster });
    const keys = Array.from({ length: count }, freshKey);
    const record = recordOf("1", { userId });
    await Promise.all(keys.map((key) => store.create(key, record)));
    return keys.sort();
  }
  /** Gives all entries of an index one end. */
  async function level(userId: string, end: number): Promise<void> {
    const names = await client.zrange(`sojourn:user:"${userId}"`, "0", "-1");
    await client.zadd(`sojourn:user:"${userId}"`, ...names.flatMap((name) => [end, name]));
  }
  /** How many commands about sorted sets the server has carried out. */
  async function setCommands(): Promise<number> {
    const all = (await client.info("commandstats")).matchAll(/^cmdstat_z\w+:calls=(\d+)/gm);
    return [...all].reduce((sum, [, calls]) => sum + Number(calls), 0);
  }

  for (const cluster of [false, true]) {
    const where = cluster ? "in a cluster" : "on one server";

    it(`SR-040 two thousand sessions that end at once are listed once each, at few commands a page, ${where}`, async () => {
      const userId = `many ${cluster}`;
      const keys = await sessionsOf(userId, 2000, cluster);
      await level(userId, Date.now() + hour);
      const store = new RedisStore(client, { cluster });
      for (const limit of [1999, 100, 7]) {
        const found: string[] = [];
        let pages = 0, most = 0;
        for (let after: string | undefined, isOver = false; !isOver; pages++) {
          const before = await setCommands();
          const page = await store.list(userId, after === undefined ? { limit } : { limit, after });
          most = Math.max(most, await setCommands() - before);
          found.push(...page.entries.map(({ key }) => key));
          assert.ok(page.entries.length === limit || page.next === undefined);
          isOver = (after = page.next) === undefined;
        }
        // Two counts, eleven halvings and the page
        assert.ok(most <= 14, `${most} commands`);
        assert.equal(pages, Math.ceil((2000 + 1) / limit));
        assert.deepEqual(found, keys, `pages of ${limit}`);
      }
    });

    it(`SR-040 what ends or is renewed between two pages hides none of the rest, ${where}`, async () => {
      const userId = `moving ${cluster}`;
      const keys = await sessionsOf(userId, 60, cluster);
      await level(userId, Date.now() + hour);
      const store = new RedisStore(client, { cluster });
      const live = new Set(keys);
      const found = new Set<string>();
      for (let after: string | undefined, turn = 0;; turn++) {
        const page = await store.list(userId, after === undefined ? { limit: 9 } : { limit: 9, after });
        for (const { key } of page.entries) found.add(key);
        if ((after = page.next) === undefined) break;
        // The one that the next page begins after is gone, or has another end
        const last = page.entries.at(-1)!.key;
        const { version, userId: _, ...record } = (await store.load(last))!;
        if (turn > 5) continue;
        if (turn % 2) {
          live.delete(last);
          assert.ok(await store.delete(last));
        } else assert.ok(await store.touch(last, Date.now() + 5000, record.expiresAt + 3 * hour, version));
      }
      assert.deepEqual([...live].filter((key) => !found.has(key)), []);
      assert.equal(found.size, 60);
    });
  }

  it("pages go by the bytes of the names, whatever they are", async () => {
    const names = [
      "A",
      "Z",
      "_",
      "a",
      "a!",
      "aa",
      "ab",
      "b",
      "ch",
      "h",
      "i",
      "z",
      "zz",
      "é",
      "ñ",
      "\u{1f600}",
    ];
    await client.zadd('bytes:user:"u"', ...names.flatMap((name) => [8e15, name]));
    const wire = new ScriptRunner(recognise(client), false, 2, 100);
    const index = new UserIndex(wire, "bytes:");
    const found: string[] = [];
    for (let after: string | undefined, isOver = false; !isOver;) {
      const { keys, next } = await index.keys('"u"', after, 1, wire.deadline());
      found.push(...keys);
      isOver = (after = next) === undefined;
    }
    const encoder = new TextEncoder();
    const order = (a: string, b: string) => Buffer.compare(encoder.encode(a), encoder.encode(b));
    assert.deepEqual(found, names.sort(order));
  });

  it("a list of three hundred sessions in a cluster keeps within the commands that may wait", async () => {
    const keys = await sessionsOf("list", 300, true);
    for (const maxWaiting of [20, 3, 1]) {
      let [waiting, most, commands] = [0, 0, 0];
      const store = new RedisStore(
        shaped(async (args) => {
          commands++;
          most = Math.max(most, ++waiting);
          try {
            return await client.call(args[0]!, ...args.slice(1));
          } finally {
            waiting--;
          }
        }),
        { cluster: true, maxWaiting },
      );
      const { entries, next } = await store.list("list", { limit: 300 });
      assert.deepEqual(entries.map(({ key }) => key).sort(), keys);
      assert.equal((await store.list("list", { limit: 300, after: next! })).entries.length, 0);
      assert.equal(most, Math.min(16, maxWaiting));
      assert.ok(commands >= 302 && commands < 310, `${commands}`);
    }
  });
});
