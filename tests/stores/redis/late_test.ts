import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Redis } from "ioredis";
import { type RedisClient, RedisStore } from "../../../backends/redis.ts";
import { SessionError } from "../../../src/errors.ts";
import { clients, freshKey, type Opened, openPool, shaped } from "../../support/redis/clients.ts";
import { allAre, assertHeld, codeOf, halt, prepare, works } from "../../support/redis/late.ts";
import { timeOf } from "../../support/redis/script_rig.ts";
import {
  contents,
  type Proxy,
  type Server,
  skip,
  startProxy,
  startServer,
  until,
} from "../../support/redis/server.ts";

/** More than Bun's own five seconds, for slow machines. */
const limit = { timeout: 120_000 };
const hour = 3_600_000;

for (const [name, open] of Object.entries({ ...clients, "node-redis pool": openPool })) {
  describe(`a write of RedisStore over ${name} that comes late`, { skip }, () => {
    let server: Server, proxy: Proxy, direct: Opened, through: Opened, plain: RedisStore, other: Opened;
    before(async () => {
      server = await startServer();
      proxy = await startProxy(server.port);
      direct = await open(server.port);
      through = await open(proxy.port);
      other = await clients["ioredis"]!(server.port);
      plain = new RedisStore(other.client);
    });
    after(async () => {
      for (const one of [direct, through, other]) one.close();
      await proxy.close();
      await server.stop();
    });

    for (const cluster of [false, true]) {
      const where = cluster ? "in the steps of a cluster" : "in one step";
      it(`SR-049 told as failed by a stalled server, it stays failed, ${where}`, limit, async () => {
        for (const first of [true, false]) {
          const store = new RedisStore(direct.client, { timeout: 0.2, cluster });
          const operations = await prepare(new RedisStore(other.client, { cluster }));
          if (!first) await store.load(freshKey());
          const before = await halt(server);
          try {
            await allAre("ERR_STORE", operations, store);
          } finally {
            server.signal("SIGCONT");
          }
          // What comes after the late commands on their connection is answered after them
          await until(() => works(store));
          await assertHeld(before, [server], first ? "first use" : "in use");
          await allAre(true, operations, store);
        }
      });
    }

    it("SR-049 told as failed behind a silent line, it stays failed", limit, async () => {
      const store = new RedisStore(through.client, { timeout: 0.2 });
      const operations = await prepare(plain);
      await until(() => works(store));
      const before = await contents(server);
      proxy.silent = true;
      try {
        await allAre("ERR_STORE", operations, store);
      } finally {
        proxy.silent = false;
      }
      await until(() => works(store));
      await assertHeld(before, [server]);
      await allAre(true, operations, store);
    });

    it("SR-049 told as failed and sent again on a new connection, it stays failed", limit, async () => {
      const store = new RedisStore(through.client, { timeout: 0.2 });
      await allAre(true, await prepare(plain), new RedisStore(direct.client)); // the server knows the scripts
      const operations = await prepare(plain);
      await until(() => works(store));
      const before = await contents(server);
      proxy.silent = true;
      try {
        await allAre("ERR_STORE", operations, store);
      } finally {
        proxy.cut();
        proxy.silent = false;
      }
      await until(() => works(store));
      await assertHeld(before, [server]);
      await allAre(true, operations, store);
    });
  });
}

describe("the time of a write of RedisStore", { skip }, () => {
  let server: Server, client: Redis, plain: RedisStore;
  before(async () => {
    server = await startServer();
    client = new Redis(server.port, "127.0.0.1");
    plain = new RedisStore(client);
    await allAre(true, await prepare(plain), plain);
  });
  after(async () => {
    client.disconnect();
    await server.stop();
  });

  const pass = (args: readonly string[]) => client.call(args[0]!, ...args.slice(1));

  /** The server as if its clock were ahead by so many milliseconds. */
  function ahead(skew: () => number, seen: (args: string[]) => void = () => {}): RedisClient {
    return shaped(async (args) => {
      seen(args);
      const by = skew();
      // After the name, the script, the number of keys, the keys, the token and the mode
      const window = 3 + Number(args[2]) + 2;
      const asked = args.map((arg, i) => i === window || i === window + 1 ? String(Number(arg) - by) : arg);
      const [token, seconds, microseconds, ...answer] = await pass(asked) as string[];
      const time = Number(seconds) * 1000 + Number(microseconds) / 1000;
      return [token, ...timeOf(time + by), ...answer];
    });
  }

  it(
    "SR-049 a script sent in full to a server that has forgotten it has its time limit too",
    limit,
    async () => {
      for (const name of Object.keys(await prepare(plain))) {
        const operate = (await prepare(plain))[name]!;
        let armed = false;
        let halted: Promise<string[]> | undefined;
        const store = new RedisStore(
          shaped(async (args) => {
            if (armed && args[0] === "EVAL") await (halted ??= halt(server));
            return await pass(args);
          }),
          { timeout: 0.3 },
        );
        await store.load(freshKey());
        await server.cli("SCRIPT", "FLUSH");
        armed = true;
        assert.equal(await operate(store).catch(codeOf), "ERR_STORE", name);
        assert.ok(halted, name);
        const before = await halted;
        server.signal("SIGCONT");
        await plain.load(freshKey());
        await assertHeld(before, [server], name);
        assert.ok(await operate(plain), name);
      }
      await allAre(true, await prepare(plain), plain); // all scripts are known again
    },
  );

  it("a server's clock may be wrong by any time, and costs one round trip at first", async () => {
    for (const skew of [-20_000 * hour, -hour, -900, 0, 900, hour, 20_000 * hour]) {
      let commands = 0;
      const store = new RedisStore(ahead(() => skew, () => commands++));
      const operations = Object.values(await prepare(plain));
      assert.ok(await operations[0]!(store));
      assert.equal(commands, 2);
      for (const operate of operations) assert.ok(await operate(store));
      assert.equal(commands, 2 + operations.length, `${skew}`);
    }
  });

  it("a load tells the time, so that the first write is one round trip", async () => {
    let commands = 0;
    const store = new RedisStore(ahead(() => 5000, () => commands++));
    const operations = Object.values(await prepare(plain));
    await store.load(freshKey());
    for (const operate of operations) assert.ok(await operate(store));
    assert.equal(commands, 1 + operations.length);
  });

  it("a clock that is set, or another server's after a failover, is met once and costs no write", async () => {
    let skew = 0, commands = 0;
    const store = new RedisStore(ahead(() => skew, () => commands++));
    await store.load(freshKey());
    for (const step of [10_000, -10_000, hour, -hour, 100, -100]) {
      skew += step;
      const operations = Object.values(await prepare(plain));
      commands = 0;
      for (const operate of operations) assert.ok(await operate(store), `${step}`);
      assert.ok(commands <= operations.length + 1, `${step}: ${commands}`);
    }
  });

  it(
    "SR-049 a clock set back, or a failover to one behind, does not give a late write time",
    limit,
    async () => {
      const operations = await prepare(plain);
      const before = await contents(server);
      let skew = 0;
      let open = () => {};
      const line = new Promise<void>((resolve) => open = resolve);
      const behind = ahead(() => skew) as { sendCommand(args: string[]): Promise<unknown> };
      let held = false;
      const sent: Promise<unknown>[] = [];
      const store = new RedisStore(
        shaped(async (args) => {
          if (held) await line;
          const reply = behind.sendCommand(args);
          sent.push(reply);
          return await reply;
        }),
        { timeout: 0.1 },
      );
      await store.load(freshKey());
      held = true;
      await allAre("ERR_STORE", operations, store);
      skew = -hour;
      open();
      await until(() => sent.length === 1 + Object.keys(operations).length);
      await Promise.all(sent);
      await assertHeld(before, [server]);
    },
  );

  it(
    "SR-049 what a clock that runs wild refuses is an error that says that nothing was changed",
    limit,
    async () => {
      const operations = await prepare(plain);
      const before = await contents(server);
      let calls = 0;
      for (const step of [hour, -hour]) {
        const store = new RedisStore(ahead(() => step * calls++), { timeout: 0.1 });
        for (const [name, operate] of Object.entries(operations)) {
          // on a busy machine the last answer may not be there in time, which is another error, and as true
          await until(async () => {
            const began = calls;
            const error = await operate(store).then(() => undefined, (error) => error);
            assert.ok(error instanceof SessionError, name);
            assert.deepEqual([error.code, error.retryable], ["ERR_STORE", true]);
            assert.ok(calls - began < 23, `${calls - began} commands`);
            return /within 0\.1 s: it changed nothing$/.test(error.message);
          });
        }
      }
      await assertHeld(before, [server]);
      await allAre(true, operations, plain);
    },
  );

  it("an error without an answer says that the outcome is settled", async () => {
    const store = new RedisStore(shaped(() => new Promise(() => {})), { timeout: 0.02 });
    await assert.rejects(store.delete(freshKey()), {
      code: "ERR_STORE",
      retryable: true,
      message: /within 0\.02 s: it was carried out by now, or never will be$/,
    });
  });
});
