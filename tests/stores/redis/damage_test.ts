import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Redis } from "ioredis";
import { RedisStore } from "../../../backends/redis.ts";
import {
  endsAt,
  instantsAt,
  numberWidth,
  promisedAt,
  touchedAt,
  userAt,
} from "../../../backends/redis/record.ts";
import type { SessionError } from "../../../src/errors.ts";
import { freshKey, recordOf } from "../../support/redis/clients.ts";
import { type Server, skip, startServer } from "../../support/redis/server.ts";

describe("what RedisStore finds in Redis and has not written", { skip }, () => {
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

  it("SR-050 what the store has not written is damaged, and is left alone", async () => {
    const key = freshKey();
    const name = `sojourn:${key}`;
    const own = freshKey();
    await store.create(own, recordOf("own", { userId: "d" }));
    const text = (await client.get(`sojourn:${own}`))!;
    const mine = text.replace(own, key);
    const long = mine.slice(0, -3) + "é\n".repeat(5000);
    const damage: [string, ...string[]][] = [
      ["RPUSH", name, "list"],
      ["HSET", name, "f", "2"],
      ["SET", name, "text"],
      ["SET", name, "2"],
      ["SET", name, "2 " + key],
      ["SET", name, mine.split("\n")[0]!],
      ["SET", name, mine], // of the sums of another key
      ["SET", name, mine.replace('"d"', "d")],
      ["SET", name, mine.replace('"d"', '"e"')],
      ["SET", name, mine.replace("own", "")],
      ["COPY", `sojourn:${own}`, name],
      ["SET", name, mine.slice(0, endsAt) + "x".padStart(numberWidth) + mine.slice(endsAt + numberWidth)],
      ["SET", name, "2" + " ".repeat(userAt) + "\n\n\n"],
      ["SET", name, "2 " + "é".repeat(5000)],
      ["SET", name, long.replaceAll("\n", " ")],
    ];
    for (const [i, command] of damage.entries()) {
      await client.del(name); // the mark of the one before
      await client.call(...command);
      await server.cli("ZADD", 'sojourn:user:"d"', "9999999999999", key);
      const before = await server.cli("DUMP", name);
      await assert.rejects(store.load(key), { code: "ERR_DAMAGED" }, `${i}`);
      assert.equal(
        await store.save(key, recordOf("1"), "v").catch(codeOf),
        i < 2 ? "ERR_STORE" : undefined,
        `${i}`,
      );
      assert.equal(
        await store.create(key, recordOf("1")).catch(codeOf),
        i < 2 ? "ERR_STORE" : undefined,
        `${i}`,
      );
      assert.deepEqual((await store.list("d")).entries.map((one) => one.key), [own], `${i}`);
      assert.equal(await server.cli("DUMP", name), before, `${i}`);
      assert.equal(await store.delete(key), true, `${i}`);
      assert.equal(await store.load(key), undefined, `${i}`);
    }
  });

  it("SR-050 a touch makes no damaged instant valid, and leaves it as it is", async () => {
    for (const cluster of [false, true]) {
      const store = new RedisStore(client, { cluster });
      const now = Date.now();
      for (const at of [instantsAt + 9, touchedAt + numberWidth - 8, endsAt + numberWidth - 11, endsAt + 2]) {
        for (const digit of ["7", "8", " ", "x"]) {
          const key = freshKey();
          const name = `sojourn:${key}`;
          const version = (await store.create(key, recordOf("1", { userId: `touched ${cluster}` })))!;
          const sound = (await client.get(name))!;
          await client.set(name, sound.slice(0, at) + digit + sound.slice(at + 1), "KEEPTTL");
          if (await client.get(name) === sound) continue;
          const before = await server.cli("DUMP", name);
          for (const [touched, ends] of [[now + 1, now + 7_200_000], [now - 5, now + 7_200_000], [1, 2]]) {
            await assert.rejects(
              store.touch(key, touched!, ends!, version),
              { code: "ERR_DAMAGED" },
              `${at} ${digit}`,
            );
          }
          assert.equal(await server.cli("DUMP", name), before);
          await assert.rejects(store.load(key), { code: "ERR_DAMAGED" });
          assert.equal(await store.delete(key), true);
        }
      }
    }
  });

  it("touches instants of any size, with fractions and from before 1970", async () => {
    for (
      const [touchedAt, expiresAt] of [[0, 0.5], [-1.5, 4e12 + 0.125], [1.5e12 + 1 / 3, 8.64e15], [
        -8.64e15,
        3e12,
      ]]
    ) {
      const key = freshKey();
      const version = (await store.create(key, recordOf("1", { touchedAt: touchedAt!, expiresAt: 5e12 })))!;
      const late = Math.max(expiresAt!, 5e12);
      assert.equal(await store.touch(key, touchedAt! + 0.25, expiresAt!, version), true);
      const loaded = await store.load(key);
      assert.deepEqual([loaded!.touchedAt, loaded!.expiresAt], [touchedAt! + 0.25, late]);
      assert.equal(await store.touch(key, touchedAt! + 0.5, late + 1, version), true);
    }
  });

  it("SR-050 a record of a newer format, short or long, is store trouble, and is left alone", async () => {
    const later = new RedisStore(client, { now: () => Date.now() + 7_200_000 });
    for (const data of ["1", "\n", "x".repeat(5000), "é\n".repeat(20_000)]) {
      const key = freshKey();
      const record = recordOf(data, { userId: "newer" });
      const version = (await store.create(key, record))!;
      await client.setrange(`sojourn:${key}`, 0, "3");
      const before = await server.cli("DUMP", `sojourn:${key}`);
      const newer = { code: "ERR_STORE", message: /format 3: this release reads 2/ };
      await assert.rejects(store.load(key), newer);
      assert.equal(await store.save(key, record, version), undefined);
      assert.equal(await store.touch(key, Date.now() + 1, Date.now() + 7_200_000, version), false);
      for (const one of [store, later]) assert.equal(await one.create(key, record), undefined);
      assert.deepEqual(await store.list("newer"), { entries: [] });
      assert.equal(await server.cli("DUMP", `sojourn:${key}`), before);
      assert.equal(await store.delete(key), true);
    }
  });

  it("SR-034 a log-out removes whatever is under the key, and what is known of it in the index", async () => {
    for (const cluster of [false, true]) {
      const store = new RedisStore(client, { cluster });
      const user = `ends ${cluster}`;
      const index = `sojourn:user:${JSON.stringify(user)}`;
      /** What is put in place of the text, and whether the user can still be read in it. */
      const damage: [damage: (text: string, key: string) => string | undefined, knows: boolean][] = [
        [(text) => text.slice(0, -1), true],
        [(text, key) => text.replace(key, freshKey()), true],
        [(text) => text.replace(/( +\d+){3}\n/, ({ length }) => "1".padStart(length - 1) + "\n"), true],
        [(text) => text.replace(/ \d{13} /, " zzzzzzzzzzzzz "), true],
        [(text) => text.slice(0, promisedAt) + "é".repeat(17) + text.slice(promisedAt + 34), true],
        [(text) => "3" + text.slice(1), false], // of a newer format
        [(text) => "3" + text.slice(1) + "\n".repeat(2000), false],
        [(text) => "2" + text.slice(1).replaceAll("\n", " ") + "é".repeat(2000), false],
        [(text) => text.split("\n")[0]!, false],
        [() => "", false],
        [() => "text", false],
        [() => undefined, false], // a list
      ];
      for (const [i, [bend, knows]] of damage.entries()) {
        const key = freshKey();
        const name = `sojourn:${key}`;
        await store.create(key, recordOf("1", { userId: user }));
        assert.equal(await server.cli("ZCARD", index), "1");
        const text = (await client.get(name))!;
        const bent = bend(text, key);
        if (bent === undefined) await client.multi().del(name).rpush(name, "text").exec();
        else {
          assert.notEqual(bent, text, `${i}`);
          await client.set(name, bent);
        }
        assert.equal(await store.delete(key), true, `${i}`);
        assert.equal(await store.delete(key), false, `${i}`);
        assert.equal(await store.load(key), undefined, `${i}`);
        assert.deepEqual(await store.list(user), { entries: [] }, `${i}`);
        // Who it was is known from the record alone
        assert.equal(await server.cli("ZCARD", index), knows ? "0" : "1", `${i}`);
        await server.cli("DEL", index);
      }
    }
  });
});

function codeOf(error: unknown): string {
  return (error as SessionError).code;
}
