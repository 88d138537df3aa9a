import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Redis } from "ioredis";
import { RedisStore } from "../../../backends/redis.ts";
import { freshKey, intercept, recordOf, shaped } from "../../support/redis/clients.ts";
import { type Server, skip, startServer } from "../../support/redis/server.ts";

describe("the user index of RedisStore", { skip }, () => {
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

  const hour = 3_600_000;
  const entries = async (user: string) => Number(await server.cli("ZCARD", `sojourn:user:"${user}"`));

  it("record and index change in one command on one server", async () => {
    let commands = 0;
    const counted = new RedisStore(intercept(client, () => (commands++, "pass")));
    const record = (more = {}) => recordOf("1", { userId: "once", ...more });
    const operate = async () => {
      const key = freshKey();
      const one = await counted.create(key, record());
      const two = await counted.save(key, record({ expiresAt: Date.now() + hour / 2 }), one!);
      const three = await counted.save(key, record({ userId: "another" }), two!);
      assert.ok(await counted.touch(key, Date.now() + 1, Date.now() + 2 * hour, three!));
      assert.ok(await counted.save(key, record(), three!));
      assert.deepEqual([await entries("once"), await entries("another")], [1, 0]);
      assert.ok(await counted.delete(key));
      assert.equal(await entries("once"), 0);
    };
    await operate(); // so that the server knows the scripts
    commands = 0;
    await operate();
    assert.equal(commands, 6);
  });

  it("a save that ends a session, and a create over an expired one, take it out of the index", async () => {
    const [one, two] = [freshKey(), freshKey()];
    const version = await store.create(one, recordOf("1", { userId: "ends" }));
    await store.create(two, recordOf("1", { userId: "ends" }));
    assert.ok(await store.save(one, recordOf("1", { userId: "ends", expiresAt: Date.now() - 1 }), version!));
    assert.equal(await entries("ends"), 1);
    const later = new RedisStore(client, { now: () => Date.now() + 2 * hour });
    assert.ok(await later.create(two, recordOf("2", { userId: "next", expiresAt: Date.now() + 3 * hour })));
    assert.deepEqual([await entries("ends"), await entries("next")], [0, 1]);
  });

  for (const cluster of [false, true]) {
    it(`a save whose end stays keeps life and entry, one that moves it moves both${cluster ? ", in a cluster" : ""}`, async () => {
      let commands: string[][] = [];
      const plain = new RedisStore(client, { cluster });
      const store = new RedisStore(intercept(client, (args) => (commands.push(args), "pass")), { cluster });
      const userId = `ends stay ${cluster}`;
      const lives = async () => {
        const entry = await server.cli("ZRANGE", `sojourn:user:"${userId}"`, "0", "-1", "WITHSCORES");
        return [await server.cli("PEXPIRETIME", `sojourn:${key}`), ...entry.split("\n")];
      };
      const key = freshKey();
      const expiresAt = Date.now() + hour;
      let version = (await store.create(key, recordOf("1", { userId, expiresAt })))!;
      version = (await plain.save(key, recordOf("2", { userId, expiresAt: expiresAt + 1 }), version))!;
      version = (await plain.save(key, recordOf("3", { userId, expiresAt }), version))!;
      const before = await lives();
      assert.equal(before.length, 3);
      commands = [];
      version = (await store.save(key, recordOf("4", { userId, expiresAt, head: "rotated" }), version))!;
      assert.equal(commands.length, 1);
      assert.deepEqual(await lives(), before);
      version = (await store.save(key, recordOf("5", { userId, expiresAt: expiresAt + hour }), version))!;
      assert.equal(commands.length, cluster ? 4 : 2);
      const moved = await lives();
      assert.ok(Math.abs(Number(moved[0]) - expiresAt - hour) < 5000, `${moved}`);
      assert.equal(moved[1], before[1]);
      // The entry's end is a quarter of the life later
      assert.ok(Math.abs(Number(moved[2]) - expiresAt - 1.5 * hour) < 5000, `${moved}`);
      // Back again: the record's life does, the entry's end only moves up
      version = (await store.save(key, recordOf("6", { userId, expiresAt }), version))!;
      const [life, entry, ends] = await lives();
      assert.ok(Math.abs(Number(life) - expiresAt) < 5000, `${life}`);
      assert.equal(entry, before[1]);
      assert.equal(ends, moved[2]);
      assert.deepEqual((await store.list(userId)).entries.map((one) => one.key), [key]);
    });
  }

  it("SR-034 a damaged index refuses log-ins as a whole, and no log-out", async () => {
    const [known, fresh] = [freshKey(), freshKey()];
    const version = await store.create(known, recordOf("1", { userId: "damage" }));
    await server.cli("SET", 'sojourn:user:"damage"', "text");
    const record = recordOf("2", { userId: "damage" });
    await assert.rejects(store.create(fresh, record), { code: "ERR_STORE" });
    await assert.rejects(store.save(known, { ...record, expiresAt: Date.now() + 2 * hour }, version!), {
      code: "ERR_STORE",
    });
    assert.equal(await store.load(fresh), undefined);
    assert.equal((await store.load(known))?.version, version);
    assert.equal(await store.delete(known), true);
    assert.equal(await store.load(known), undefined);
  });

  it("an index is trimmed at each write, also when processes are killed after writing to it", async () => {
    const cluster = new RedisStore(client, { cluster: true });
    const index = 'sojourn:user:"u"';
    // Killed between the index and the record: the record's write never happens
    const kill = intercept(client, (args) => args.some((arg) => arg.endsWith("\nkilled")) ? "drop" : "pass");
    for (const [alone, left] of [[true, 0], [false, 5]] as const) {
      const killed = new RedisStore(kill, { cluster: !alone, timeout: 0.05 });
      for (let i = 0; i < 5; i++) {
        const record = recordOf("killed", { userId: "u", expiresAt: Date.now() + 1000 });
        await assert.rejects(killed.create(freshKey(), record), { code: "ERR_STORE" });
      }
      assert.equal(await entries("u"), left);
      assert.deepEqual(await cluster.list("u"), { entries: [] });
    }
    assert.ok(Number(await server.cli("PTTL", index)) <= hour + 1250);
    // As if an hour and more had passed
    for (const entry of (await server.cli("ZRANGE", index, "0", "-1")).split("\n")) {
      await server.cli("ZADD", index, String(Date.now() - 1.1 * hour), entry);
    }
    const key = freshKey();
    await cluster.create(key, recordOf("1", { userId: "u" }));
    assert.equal(await entries("u"), 1);
    assert.deepEqual((await cluster.list("u")).entries.map((one) => one.key), [key]);
  });

  it("log-ins and log-outs leave nothing in the index", async () => {
    for (const cluster of [false, true]) {
      const store = new RedisStore(client, { cluster });
      for (let i = 0; i < 50; i++) {
        const key = freshKey();
        const record = recordOf("1", { userId: "again" });
        const created = await store.create(key, recordOf("1"));
        const saved = await store.save(key, record, created!);
        assert.equal(await store.save(key, { ...record, touchedAt: i }, "x"), undefined);
        const again = await store.save(key, { ...record, head: "rotated" }, saved!);
        assert.equal(await store.create(key, record), undefined);
        assert.equal(await entries("again"), 1);
        if (i % 2) await store.save(key, recordOf("3"), again!);
        await store.delete(key);
      }
      assert.equal(await server.cli("EXISTS", 'sojourn:user:"again"'), "0");
    }
  });

  it("a save or touch that is killed after the index leaves the session where it can be found", async () => {
    const now = Date.now();
    const store = new RedisStore(client, { cluster: true });
    const known = freshKey(); // so that the server knows the scripts
    const first = await store.create(known, recordOf("1", { userId: "known" }));
    await store.touch(known, now + 1, now + 7_000_000, first!);
    await store.save(known, recordOf("2", { userId: "known" }), first!);
    const key = freshKey();
    const version = await store.create(key, recordOf("1", { userId: "k", expiresAt: now + 5000 }));
    for (const expiresAt of [now + 4 * hour, now + 3.9 * hour]) {
      let writes = 0;
      const killed = new RedisStore(intercept(client, () => ++writes > 2 ? "drop" : "pass"), {
        cluster: true,
        timeout: 0.05,
      });
      await assert.rejects(killed.touch(key, now + hour, expiresAt, version!), { code: "ERR_STORE" });
      writes = 0;
      await assert.rejects(killed.save(key, recordOf("2", { userId: "k", expiresAt }), version!), {
        code: "ERR_STORE",
      });
      assert.deepEqual((await store.list("k")).entries.map((one) => one.key), [key]);
      assert.equal((await store.load(key))?.data, "1");
      const found = await server.cli("ZRANGE", 'sojourn:user:"k"', "0", "-1", "WITHSCORES");
      const [entry, ends, ...more] = found.split("\n");
      assert.ok(entry!.startsWith(`${key} `) && more.length === 0);
      assert.ok(Math.abs(Number(ends) - now - 5 * hour) < 5000, `${ends}`);
    }
  });

  it("SR-040 a touch that meets another life of its key does nothing to it", async () => {
    const now = Date.now();
    const key = freshKey();
    const cluster = new RedisStore(client, { cluster: true });
    const short = recordOf("1", { userId: "lives", expiresAt: now + 60_000 });
    const version = await cluster.create(key, short);
    let commands = 0;
    const slow = new RedisStore(
      shaped(async (args) => {
        // Between the index and the record
        if (++commands === 3) assert.ok(await cluster.delete(key) && await cluster.create(key, short));
        return client.call(args[0]!, ...args.slice(1));
      }),
      { cluster: true },
    );
    await slow.load(freshKey()); // so that it knows the server's time
    commands = 0;
    assert.equal(await slow.touch(key, now + 1000, now + hour, version!), false);
    assert.equal(commands, 3);
    assert.equal((await cluster.load(key))?.expiresAt, now + 60_000);
    assert.deepEqual((await cluster.list("lives")).entries.map((one) => one.key), [key]);
  });

  it("a write that is carried out hours late gives no life that the index does not know of", async () => {
    // The latest end that a write may give a record is its last argument: it has come nearer
    const late = (hours: number) =>
      new RedisStore(
        shaped((args) => {
          const latest = Number(args.at(-1));
          const given = latest > Date.now() && args.length > 10
            ? String(latest - hours * hour)
            : args.at(-1)!;
          return client.call(args[0]!, ...args.slice(1, -1), given);
        }),
        { cluster: true },
      );
    const store = new RedisStore(client, { cluster: true });
    const userId = "late";
    for (const hours of [0, 1.5, 4]) {
      const [a, b, c] = [freshKey(), freshKey(), freshKey()];
      const saved = await store.create(a, recordOf("1"));
      const touched = await store.create(b, recordOf("1", { userId }));
      const record = recordOf("2", { userId, expiresAt: Date.now() + 2 * hour });
      await late(hours).save(a, record, saved!);
      await late(hours).touch(b, Date.now() + 1, Date.now() + 2 * hour, touched!);
      await late(hours).create(c, record);
      for (const key of [a, b, c]) {
        const life = Number(await server.cli("PTTL", `sojourn:${key}`));
        // A quarter more than the life of two hours, and half an hour for the clocks. The one that is touched was held already
        const held = Math.max(3 - hours, key === b ? 1.75 : 0);
        const most = Math.min(2, held) * hour;
        assert.ok(most <= 0 ? life === -2 : life > most - 5000 && life <= most, `${hours} hours: ${life}`);
      }
    }
  });
});
