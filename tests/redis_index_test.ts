import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Redis } from "ioredis";
import { RedisStore } from "../backends/redis.ts";
import { freshKey, intercept, recordOf, shaped } from "./redis_clients.ts";
import { type Server, skip, startServer } from "./redis_server.ts";

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
    const [from, to] = [freshKey(), freshKey()];
    const record = (more = {}) => recordOf("1", { userId: "once", ...more });
    const operate = async () => {
      const one = await counted.create(from, record());
      const two = await counted.save(from, record({ expiresAt: Date.now() + hour / 2 }), one!);
      const three = await counted.save(from, record({ userId: "another" }), two!);
      assert.ok(await counted.touch(from, Date.now(), Date.now() + 2 * hour));
      assert.ok(await counted.rotate(from, to, record(), three!));
      assert.deepEqual([await entries("once"), await entries("another")], [1, 0]);
      assert.ok(await counted.delete(to));
      assert.equal(await entries("once"), 0);
    };
    await operate(); // so that the server knows the scripts
    commands = 0;
    await operate();
    assert.equal(commands, 6);
  });

  it("a touch that ends a session, and a create over an expired one, take it out of the index", async () => {
    const [one, two] = [freshKey(), freshKey()];
    await store.create(one, recordOf("1", { userId: "ends" }));
    await store.create(two, recordOf("1", { userId: "ends" }));
    assert.ok(await store.touch(one, Date.now(), Date.now() - 1));
    assert.equal(await entries("ends"), 1);
    const later = new RedisStore(client, { now: () => Date.now() + 2 * hour });
    assert.ok(await later.create(two, recordOf("2", { userId: "next", expiresAt: Date.now() + 3 * hour })));
    assert.deepEqual([await entries("ends"), await entries("next")], [0, 1]);
  });

  it("SR-034 a damaged index refuses log-ins as a whole, and no log-out", async () => {
    const [known, fresh] = [freshKey(), freshKey()];
    const version = await store.create(known, recordOf("1", { userId: "damage" }));
    await server.cli("SET", 'sojourn:user:"damage"', "text");
    const record = recordOf("2", { userId: "damage" });
    await assert.rejects(store.create(fresh, record), { code: "ERR_STORE" });
    await assert.rejects(store.rotate(known, fresh, record, version!), { code: "ERR_STORE" });
    await assert.rejects(store.save(known, record, version!), { code: "ERR_STORE" });
    assert.equal(await store.load(fresh), undefined);
    assert.equal((await store.load(known))?.version, version);
    assert.equal(await store.delete(known), true);
    assert.equal(await store.load(known), undefined);
  });

  it("an index is trimmed at each write, also when processes are killed after writing to it", async () => {
    const cluster = new RedisStore(client, { cluster: true });
    const index = 'sojourn:user:"u"';
    // Killed between the index and the record: the record's write never happens
    const kill = intercept(client, (args) => args.includes("killed") ? "drop" : "pass");
    for (const [alone, left] of [[true, 0], [false, 5]] as const) {
      const killed = new RedisStore(kill, { cluster: !alone, timeout: 0.05 });
      for (let i = 0; i < 5; i++) {
        const record = recordOf("killed", { userId: "u", expiresAt: Date.now() + 1000 });
        await assert.rejects(killed.create(freshKey(), record), { code: "ERR_STORE" });
      }
      assert.equal(await entries("u"), left);
      assert.deepEqual(await cluster.list("u"), []);
    }
    assert.ok(Number(await server.cli("PTTL", index)) <= hour + 1000);
    // As if an hour and more had passed
    for (const entry of (await server.cli("ZRANGE", index, "0", "-1")).split("\n")) {
      await server.cli("ZADD", index, String(Date.now() - 1.1 * hour), entry);
    }
    const key = freshKey();
    await cluster.create(key, recordOf("1", { userId: "u" }));
    assert.equal(await entries("u"), 1);
    assert.deepEqual((await cluster.list("u")).map((one) => one.key), [key]);
  });

  it("log-ins and log-outs leave nothing in the index", async () => {
    for (const cluster of [false, true]) {
      const store = new RedisStore(client, { cluster });
      for (let i = 0; i < 50; i++) {
        const [from, to] = [freshKey(), freshKey()];
        const record = recordOf("1", { userId: "again" });
        const created = await store.create(from, recordOf("1"));
        const saved = await store.save(from, record, created!);
        assert.equal(
          await store.save(from, recordOf("2", { userId: "again", touchedAt: i }), "x"),
          undefined,
        );
        const moved = await store.rotate(from, to, record, saved!);
        assert.equal(await store.rotate(to, from, record, "x"), undefined);
        assert.equal(await store.create(to, record), undefined);
        assert.equal(await entries("again"), 1);
        if (i % 2) await store.save(to, recordOf("3"), moved!);
        await store.delete(to);
      }
      assert.equal(await server.cli("EXISTS", 'sojourn:user:"again"'), "0");
    }
  });

  it("a save or touch that is killed after the index leaves the session where it can be found", async () => {
    const now = Date.now();
    const store = new RedisStore(client, { cluster: true });
    const known = freshKey(); // so that the server knows the scripts
    const first = await store.create(known, recordOf("1", { userId: "known" }));
    await store.touch(known, now, now + 7_000_000);
    await store.save(known, recordOf("2", { userId: "known" }), first!);
    const key = freshKey();
    const version = await store.create(key, recordOf("1", { userId: "k", expiresAt: now + 5000 }));
    for (const expiresAt of [now + 900_000, now + 1000]) {
      let writes = 0;
      const killed = new RedisStore(intercept(client, () => ++writes > 2 ? "drop" : "pass"), {
        cluster: true,
        timeout: 0.05,
      });
      await assert.rejects(killed.touch(key, now, expiresAt), { code: "ERR_STORE" });
      writes = 0;
      await assert.rejects(killed.save(key, recordOf("2", { userId: "k", expiresAt }), version!), {
        code: "ERR_STORE",
      });
      assert.deepEqual((await store.list("k")).map((one) => one.record.data), ["1"]);
      const found = await server.cli("ZRANGE", 'sojourn:user:"k"', "0", "-1", "WITHSCORES");
      const [entry, ends, ...more] = found.split("\n");
      assert.ok(entry!.startsWith(`${key} `) && more.length === 0);
      assert.ok(Math.abs(Number(ends) - now - 900_000) < 5000, `${ends}`);
    }
  });

  it("SR-040 a touch that meets another life of its key moves the entry of that one", async () => {
    const now = Date.now();
    const key = freshKey();
    const cluster = new RedisStore(client, { cluster: true });
    const short = recordOf("1", { userId: "lives", expiresAt: now + 60_000 });
    await cluster.create(key, short);
    await cluster.touch(key, now, now + 60_000);
    let commands = 0;
    const slow = new RedisStore(
      shaped(async (args) => {
        // Between the index and the record
        if (++commands === 3) assert.ok(await cluster.delete(key) && await cluster.create(key, short));
        return client.call(args[0]!, ...args.slice(1));
      }),
      { cluster: true },
    );
    assert.equal(await slow.touch(key, now, now + hour), true);
    assert.equal(commands, 5);
    const found = await server.cli("ZRANGE", 'sojourn:user:"lives"', "0", "-1", "WITHSCORES");
    const [, ends, ...more] = found.split("\n");
    assert.ok(Number(ends) > now + hour - 5000 && more.length === 0, found);
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
    for (const hours of [0, 1, 3]) {
      const [a, b, c, d] = [freshKey(), freshKey(), freshKey(), freshKey()];
      const [saved, rotated] = [await store.create(a, recordOf("1")), await store.create(b, recordOf("1"))];
      await store.create(d, recordOf("1", { userId }));
      const record = recordOf("2", { userId, expiresAt: Date.now() + 2 * hour });
      await late(hours).save(a, record, saved!);
      await late(hours).rotate(b, c, record, rotated!);
      await late(hours).touch(d, Date.now(), Date.now() + 2 * hour);
      for (const key of [a, c, d]) {
        const life = Number(await server.cli("PTTL", `sojourn:${key}`));
        const most = Math.min(2, 2.5 - hours) * hour;
        assert.ok(most <= 0 ? life === -2 : life > most - 5000 && life <= most, `${hours} hours: ${life}`);
      }
    }
  });
});
