import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Redis } from "ioredis";
import { RedisStore, type RedisStoreOptions } from "../../../backends/redis.ts";
import { promisedAt, promisedWidth, userAt, versionAt } from "../../../backends/redis/record.ts";
import { dice } from "../../support/dice.ts";
import { freshKey, intercept, recordOf } from "../../support/redis/clients.ts";
import { type Server, skip, startServer } from "../../support/redis/server.ts";

const hour = 3_600_000;
/** For how much longer an entry is kept than its end says, and how much of that a record of a cluster may use. */
const [slack, forClocks] = [hour, hour / 2];

describe("what the user index of RedisStore promises", { skip }, () => {
  let server: Server, client: Redis, commands: string[][] = [];
  before(async () => {
    server = await startServer();
    client = new Redis(server.port, "127.0.0.1");
  });
  after(async () => {
    client.disconnect();
    await server.stop();
  });

  const open = (options: RedisStoreOptions) => new RedisStore(client, options);
  /** A store that tells its commands, once the server knows the scripts and the store knows the time. */
  async function watched(cluster: boolean): Promise<RedisStore> {
    const store = new RedisStore(intercept(client, (args) => (commands.push(args), "pass")), { cluster });
    const key = freshKey();
    const record = recordOf("1", { userId: "any", expiresAt: Date.now() + 1000 });
    const version = await store.create(key, record);
    const saved = await store.save(key, { ...record, expiresAt: Date.now() + 3 * hour }, version!);
    assert.ok(await store.touch(key, Date.now() + 5000, Date.now() + 9 * hour, saved!));
    assert.ok(await store.delete(key));
    commands = [];
    return store;
  }
  const indexOf = (userId: string) => `sojourn:user:${JSON.stringify(userId)}`;
  /** All of the index of a user, its end included. */
  const state = async (userId: string) => [
    await client.pexpiretime(indexOf(userId)),
    ...await client.zrange(indexOf(userId), "0", "-1", "WITHSCORES"),
  ];
  /** Demands that the index holds a session for longer than it lives. */
  async function assertHeld(key: string, userId: string, what: string): Promise<void> {
    const dies = await client.pexpiretime(`sojourn:${key}`);
    const all = await client.zrange(indexOf(userId), "0", "-1", "WITHSCORES");
    let kept = -Infinity;
    for (let i = 0; i < all.length; i += 2) {
      if (all[i]!.startsWith(key)) kept = Math.max(kept, Number(all[i + 1]) + slack);
    }
    assert.ok(dies > 0 && dies < kept - forClocks + 2, `${what}: ${dies} ${kept}`);
    assert.ok(dies < await client.pexpiretime(indexOf(userId)), what);
    const text = (await client.get(`sojourn:${key}`))!;
    const held = text.slice(promisedAt, versionAt - 1);
    assert.equal(held.slice(0, promisedWidth), held.slice(promisedWidth + 1), what);
    assert.ok(Number(held.slice(0, promisedWidth)) >= dies - 2, `${what}: ${held} ${dies}`);
  }

  for (const cluster of [false, true]) {
    const where = cluster ? "in a cluster" : "on one server";
    // An index in a cluster holds what it has promised for half an hour more
    const most = cluster ? 1.75 : 1.25;

    it(`a renewal within what the index promises is one command and leaves the index untouched, ${where}`, async () => {
      const store = await watched(cluster);
      const [key, userId] = [freshKey(), `within ${cluster}`];
      const now = Date.now();
      const record = recordOf("1", { userId, expiresAt: now + hour });
      let version = (await store.create(key, record))!;
      assert.equal(commands.length, cluster ? 2 : 1);
      const held = await state(userId);
      for (const quarters of [0.2, 0.5, 0.9]) {
        const expiresAt = now + hour + quarters * (most - 1) * hour;
        commands = [];
        version = (await store.save(key, { ...record, data: `${quarters}`, expiresAt }, version))!;
        assert.equal(commands.length, 1);
        assert.ok(await store.touch(key, now + 5000, expiresAt + 60_000, version));
        assert.equal(commands.length, 2);
        assert.equal((await store.load(key))?.expiresAt, expiresAt + 60_000);
        const dies = await client.pexpiretime(`sojourn:${key}`);
        assert.ok(Math.abs(dies - expiresAt - 60_000) < 2000, `${dies}`);
        assert.deepEqual(await state(userId), held);
        await assertHeld(key, userId, `${quarters}`);
      }
    });

    it(`a renewal past what the index promises enters it anew, once, ${where}`, async () => {
      const store = await watched(cluster);
      const now = Date.now();
      for (const how of ["save", "touch"] as const) {
        const [key, userId] = [freshKey(), `past ${how} ${cluster}`];
        const record = recordOf("1", { userId, expiresAt: now + hour });
        const version = (await store.create(key, record))!;
        const renew = async (expiresAt: number, data: string) => {
          const { version } = (await open({ cluster }).load(key))!;
          commands = [];
          if (how === "touch") assert.ok(await store.touch(key, now + 5000, expiresAt, version));
          else assert.ok(await store.save(key, { ...record, data, expiresAt }, version));
          return commands.length;
        };
        assert.ok(version);
        const [, name, score] = await state(userId);
        assert.ok(Math.abs(Number(score) - now - 1.25 * hour) < 5000);
        assert.equal(await renew(now + (most + 0.1) * hour, "2"), cluster ? 3 : 1);
        const [ends, again, moved] = await state(userId);
        assert.equal(again, name);
        assert.ok(Math.abs(Number(moved) - now - 1.25 * (most + 0.1) * hour) < 5000, `${moved}`);
        assert.ok(Math.abs(Number(ends) - Number(moved) - slack) < 5);
        await assertHeld(key, userId, how);
        assert.equal(await renew(now + (most + 0.2) * hour, "3"), 1);
        assert.deepEqual(await state(userId), [ends, again, moved]);
      }
    });

    it(`a promise of which one copy is flipped is none: the next renewal enters the index again, ${where}`, async () => {
      const store = await watched(cluster);
      const now = Date.now();
      for (const how of ["save", "touch"] as const) {
        for (const at of [promisedAt + 4, promisedAt + promisedWidth, promisedAt + promisedWidth + 1 + 9]) {
          const [key, userId] = [freshKey(), `flipped ${how} ${at} ${cluster}`];
          const record = recordOf("1", { userId, expiresAt: now + hour });
          const version = (await store.create(key, record))!;
          // As an index that was lost would be: only a promise that holds lets a renewal pass by it
          await client.del(indexOf(userId));
          const text = (await client.get(`sojourn:${key}`))!;
          await client.setrange(`sojourn:${key}`, at, String((Number(text[at]) + 1) % 10));
          assert.equal((await store.load(key))?.version, version);
          if (at === promisedAt + promisedWidth) continue; // between the two
          commands = [];
          const expiresAt = now + hour + 1000;
          if (how === "touch") assert.ok(await store.touch(key, now + 5000, expiresAt, version));
          else assert.ok(await store.save(key, { ...record, expiresAt }, version));
          assert.equal(commands.length, cluster ? 3 : 1);
          await assertHeld(key, userId, `${how} ${at}`);
        }
      }
    });

    it(`SR-040 a save after a log-in of another user and a log-out enters the index of the first again, ${where}`, async () => {
      const store = await watched(cluster);
      const key = freshKey();
      const [ann, bob] = [`ann ${cluster}`, `bob ${cluster}`];
      const listed = async () =>
        await Promise.all([ann, bob].map(async (user) => (await store.list(user)).entries.length));
      const expiresAt = Date.now() + hour;
      let version = (await store.create(key, recordOf("1", { userId: ann, expiresAt })))!;
      const rounds: [string | undefined, number[]][] = [[bob, [0, 1]], [ann, [1, 0]], [undefined, [0, 0]], [
        ann,
        [1, 0],
      ]];
      for (const [userId, expected] of rounds) {
        const record = recordOf("2", { expiresAt, ...(userId === undefined ? {} : { userId }) });
        version = (await store.save(key, record, version))!;
        assert.deepEqual(await listed(), expected);
        assert.equal(await client.zcard(indexOf(ann)) + await client.zcard(indexOf(bob)), userId ? 1 : 0);
        if (userId) await assertHeld(key, userId, userId);
        const text = (await client.get(`sojourn:${key}`))!;
        if (!userId) assert.match(text.slice(promisedAt, versionAt), /^ {15}0 {16}0 $/);
      }
    });

    it(`SR-040 a session has an entry that outlives it after any saves, touches, log-ins and deletions, ${where}`, async () => {
      const roll = dice(20_261_201 + Number(cluster));
      for (const isMixed of [false, true]) await history(roll, isMixed);
    });

    /** Of one session; `isMixed`: at times by a store that takes the server for what it is not. */
    const history = async (roll: (below: number) => number, isMixed: boolean): Promise<void> => {
      const key = freshKey();
      const users = [`u ${cluster} ${isMixed}`, `v ${cluster} ${isMixed}`, undefined];
      const lives = [1000, 60_000, hour / 2, hour, 2 * hour, 24 * hour, 9000 * hour];
      // The clock of the programs may be anywhere: only lives are told to Redis
      let now = 1e12;
      const store = open({ cluster, now: () => now });
      const other = open({ cluster: !cluster, now: () => now });
      let userId: string | undefined;
      for (let step = 0; step < 300; step++) {
        now += roll(1000);
        const life = lives[roll(lives.length)]! + roll(1000);
        const known = await store.load(key);
        const what = known === undefined
          ? "create"
          : ["save", "save", "touch", "touch", "log-in", "delete"][roll(6)]!;
        if (what === "create" || what === "log-in") userId = users[roll(3)];
        const record = {
          data: `${step}`,
          createdAt: now,
          touchedAt: now,
          expiresAt: now + life,
          ...(userId === undefined ? {} : { userId }),
        };
        const one = isMixed && roll(10) === 0 ? other : store;
        if (known === undefined) assert.ok(await one.create(key, record));
        else if (what === "touch") assert.ok(await one.touch(key, now, now + life, known.version));
        else if (what === "delete") assert.ok(await one.delete(key));
        else assert.ok(await one.save(key, record, known.version));
        if (what === "delete" || userId === undefined) continue;
        await assertHeld(key, userId, `step ${step}, ${what}`);
        const { entries } = await store.list(userId);
        assert.deepEqual(entries.map((entry) => entry.key), [key], `step ${step}, ${what}`);
        if (!isMixed) assert.equal(await client.zcard(indexOf(userId)), 1, `step ${step}, ${what}`);
      }
    };

    it(`a save or a touch of what has ended takes it away, and enters no index, ${where}`, async () => {
      await watched(cluster);
      const now = Date.now();
      const later = new RedisStore(intercept(client, (args) => (commands.push(args), "pass")), {
        cluster,
        now: () => now + 2 * hour,
      });
      await later.load(freshKey()); // the time
      for (const how of ["the same end", "a later end", "another user", "a touch"]) {
        const [key, userId] = [freshKey(), `ended ${how} ${cluster}`];
        const record = recordOf("1", { userId, expiresAt: now + hour });
        const version = (await open({ cluster }).create(key, record))!;
        await client.setrange(`sojourn:${key}`, promisedAt, "x"); // which promises nothing
        const expiresAt = record.expiresAt + (how === "the same end" ? 0 : 1000);
        const next = { ...record, expiresAt, userId: how === "another user" ? `${userId}!` : userId };
        const before = await state(userId);
        commands = [];
        if (how === "a touch") assert.ok(await later.touch(key, now + 5000, expiresAt, version));
        else assert.ok(await later.save(key, next, version), how);
        assert.equal(commands.length, cluster && how === "another user" ? 2 : 1, how);
        assert.equal(await client.exists(`sojourn:${key}`, indexOf(`${userId}!`)), 0, how);
        // In a cluster an entry too many lapses by itself
        const isLeft = !cluster || how === "another user";
        assert.deepEqual(await state(userId), isLeft ? [-2] : before, how);
      }
    });

    it(`a damaged entry does not keep a touch or a save from entering the index, ${where}`, async () => {
      const store = await watched(cluster);
      const now = Date.now();
      for (const damage of ["-", " ", "K", "é", Buffer.of(0xff), Buffer.of(0xc3)]) {
        for (const how of ["save", "touch"] as const) {
          const [key, userId] = [freshKey(), `entry ${how} ${cluster}`];
          const record = recordOf("1", { userId, expiresAt: now + hour });
          const version = (await store.create(key, record))!;
          const text = (await client.get(`sojourn:${key}`))!;
          await client.setrange(`sojourn:${key}`, text.indexOf("\n", userAt) + 1, damage);
          commands = [];
          if (how === "touch") assert.ok(await store.touch(key, now + 5000, now + 4 * hour, version));
          else assert.ok(await store.save(key, { ...record, expiresAt: now + 4 * hour }, version));
          assert.equal(commands.length, cluster ? 3 : 1, `${damage} ${how}`);
          await assertHeld(key, userId, `${damage} ${how}`);
          assert.deepEqual((await store.list(userId)).entries.map((one) => one.key), [key]);
          assert.ok(await store.delete(key));
        }
      }
    });

    it(`SR-040 users whose ids are long and all escaped are held, renewed, listed and left, ${where}`, async () => {
      const store = await watched(cluster);
      const now = Date.now();
      for (
        const userId of ["\u0001".repeat(1024), "é".repeat(512), "\u{1f600}".repeat(256), '"\\'.repeat(512)]
      ) {
        const key = freshKey();
        const record = recordOf("é".repeat(3000), { userId, head: "\n".repeat(4096), expiresAt: now + hour });
        let version = (await store.create(key, record))!;
        version = (await store.save(key, { ...record, data: "\n" }, version))!;
        assert.ok(await store.touch(key, now + 5000, now + 4 * hour, version));
        await assertHeld(key, userId, userId);
        assert.deepEqual(await store.load(key), {
          ...record,
          data: "\n",
          touchedAt: now + 5000,
          expiresAt: now + 4 * hour,
          version,
        });
        const { entries } = await store.list(userId);
        assert.deepEqual(entries.map((one) => [one.key, one.record.head?.length]), [[key, 4096]]);
        version = (await store.save(key, { ...record, userId: `${userId.slice(1)}!` }, version))!;
        assert.deepEqual(await store.list(userId), { entries: [] });
        assert.ok(await store.delete(key));
        assert.equal(await client.exists(indexOf(userId), indexOf(`${userId.slice(1)}!`)), 0);
      }
    });
  }
});
