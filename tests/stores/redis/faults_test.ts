import assert from "node:assert/strict";
import { createServer } from "node:net";
import { after, before, describe, it } from "node:test";
import { RedisStore } from "../../../backends/redis.ts";
import type { SessionError } from "../../../src/errors.ts";
import { clients, freshKey, type Opened, recordOf } from "../../support/redis/clients.ts";
import { type Proxy, type Server, skip, startProxy, startServer, until } from "../../support/redis/server.ts";

/** More than Bun's own five seconds, for slow machines. */
const limit = { timeout: 30_000 };

for (const [name, open] of Object.entries(clients)) {
  describe(`RedisStore over ${name}, with a faulty Redis`, { skip }, () => {
    let server: Server, proxy: Proxy, direct: Opened, through: Opened;
    before(async () => {
      server = await startServer();
      proxy = await startProxy(server.port);
      direct = await open(server.port);
      through = await open(proxy.port);
    });
    after(async () => {
      direct.close();
      through.close();
      await proxy.close();
      await server.stop();
    });

    it("R1 SR-060 a stalled server is an error within the limit, and all is well when it goes on", async () => {
      const store = new RedisStore(direct.client, { timeout: 1 });
      const keys = Array.from({ length: 50 }, freshKey);
      const versions = await Promise.all(keys.map((key) => store.create(key, recordOf(key))));
      server.signal("SIGSTOP");
      try {
        const started = performance.now();
        const results = await Promise.all(keys.flatMap((key, i) => [
          outcome(store.load(key)),
          outcome(store.save(key, recordOf(key + " late"), versions[i]!)),
        ]));
        assert.ok(results.every((result) => result === "ERR_STORE"));
        const took = performance.now() - started;
        assert.ok(took < 2500, `${took} ms`);
      } finally {
        server.signal("SIGCONT");
      }
      await until(async () => await outcome(store.load(keys[0]!)) !== "ERR_STORE");
      for (const [i, key] of keys.entries()) {
        const record = await store.load(key);
        assert.ok(record?.data === key || record?.data === key + " late");
        assert.ok(record.version === versions[i] || record.data === key + " late");
      }
    });

    it(
      "R2 SR-062 killed and started again without persistence: nobody is known, nothing is in the way",
      limit,
      async () => {
        const store = new RedisStore(direct.client, { timeout: 1 });
        for (let round = 0; round < 2; round++) {
          const key = freshKey();
          assert.ok(await store.create(key, recordOf("1", { userId: "u" })));
          let running = true;
          const strange: unknown[] = [];
          const load = async () => {
            while (running) {
              const result = await outcome(store.load(key));
              if (result !== "ERR_STORE" && result !== undefined && result !== "1") strange.push(result);
            }
          };
          const work = [load(), load(), load(), load()];
          await server.kill();
          assert.equal(await outcome(store.load(key)), "ERR_STORE");
          assert.equal(await outcome(store.create(freshKey(), recordOf("2"))), "ERR_STORE");
          await server.restart();
          await until(async () => await outcome(store.load(key)) === undefined);
          running = false;
          await Promise.all(work);
          assert.deepEqual(strange, []);
          assert.ok(await store.create(key, recordOf("1")));
          assert.deepEqual(await store.list("u"), { entries: [] });
        }
      },
    );

    it("R2 SR-060 an outage shorter than the limit is not noticed by who comes during it", async () => {
      const store = new RedisStore(direct.client, { timeout: 5 });
      await server.kill();
      await until(async () =>
        await outcome(new RedisStore(direct.client, { timeout: 0.05 }).load(freshKey())) !== undefined
      );
      const created = store.create(freshKey(), recordOf("1"));
      await server.restart();
      assert.ok(await created);
    });

    it("R4 SR-062 a server that is full refuses writes with an error, still reads, and heals", async () => {
      const store = new RedisStore(direct.client, { timeout: 0.5 });
      const key = freshKey();
      const version = await store.create(key, recordOf("small", { userId: "u" }));
      await server.cli("CONFIG", "SET", "maxmemory-policy", "noeviction");
      const used = Number(/used_memory:(\d+)/.exec(await server.cli("INFO", "memory"))![1]);
      await server.cli("CONFIG", "SET", "maxmemory", String(used + 2_000_000));
      try {
        let failure: SessionError | undefined;
        for (let i = 0; i < 200 && failure === undefined; i++) {
          await store.create(freshKey(), recordOf("x".repeat(60_000))).catch((error) => failure = error);
        }
        assert.equal(failure?.code, "ERR_STORE");
        assert.match(String(failure?.cause), /OOM/);
        assert.equal((await store.load(key))?.data, "small");
        await server.cli("CONFIG", "SET", "maxmemory", String(used)); // well below what is used now
        const writes = await Promise.all([
          outcome(store.save(key, recordOf("new", { userId: "u" }), version!)),
          outcome(store.create(freshKey(), recordOf("new"))),
          outcome(store.touch(key, Date.now() + 1, Date.now() + 5_000_000, version!)),
        ]);
        assert.deepEqual(writes, ["ERR_STORE", "ERR_STORE", "ERR_STORE"]);
        assert.equal((await store.load(key))?.version, version);
        assert.equal(await store.delete(key), true);

        await server.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
        await server.cli("CONFIG", "SET", "maxmemory", String(used + 2_000_000));
        const keys = Array.from({ length: 60 }, freshKey);
        for (const one of keys) await store.create(one, recordOf(one.padEnd(60_000, "x")));
        const found = await Promise.all(keys.map((one) => store.load(one)));
        assert.ok(found.some((one) => one === undefined), "some were evicted");
        for (const [i, one] of found.entries()) assert.ok(one === undefined || one.data.startsWith(keys[i]!));
      } finally {
        await server.cli("CONFIG", "SET", "maxmemory", "0");
      }
      assert.ok(await store.create(freshKey(), recordOf("x".repeat(60_000))));
    });

    it("R5 SR-060 a replica refuses writes until it is promoted, and reads all the while", async () => {
      const store = new RedisStore(direct.client, { timeout: 0.2 });
      const patient = new RedisStore(direct.client, { timeout: 5 });
      const key = freshKey();
      const version = await store.create(key, recordOf("1"));
      await server.cli("REPLICAOF", "127.0.0.1", "1");
      try {
        const failure = await store.save(key, recordOf("2"), version!).then(
          () => undefined,
          (error) => error,
        );
        assert.equal(failure.code, "ERR_STORE");
        assert.match(String(failure.cause), /READONLY/);
        assert.equal((await store.load(key))?.data, "1");
        const saved = patient.save(key, recordOf("2"), version!);
        await server.cli("REPLICAOF", "NO", "ONE");
        assert.ok(await saved);
      } finally {
        await server.cli("REPLICAOF", "NO", "ONE");
      }
    });

    it("R5 SR-060 passing refusals are retried within the limit, lasting ones are told at once", async () => {
      const store = new RedisStore(through.client, { timeout: 0.15 });
      const patient = new RedisStore(through.client, { timeout: 5 });
      const key = freshKey();
      const version = (await patient.create(key, recordOf("1")))!;
      const passing = [
        "LOADING Redis is loading the dataset in memory",
        "READONLY You can't write against a read only replica.",
        "MASTERDOWN Link with MASTER is down",
        "CLUSTERDOWN The cluster is down",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "MOVED 3999 127.0.0.1:1",
        "ERR Error running script (call to f_x): @user_script:1: -READONLY You can't write",
      ];
      for (const message of passing) {
        proxy.refuse = message;
        const failure = await store.load(key).then(() => undefined, (error) => error);
        assert.equal(failure?.code, "ERR_STORE", message);
        assert.ok(String(failure.cause).includes(message.split(" ")[0]!), message);
        const refused = proxy.refused;
        const waiting = patient.touch(key, Date.now(), Date.now() + 5_000_000, version);
        await until(() => proxy.refused > refused);
        proxy.refuse = undefined;
        assert.equal(await waiting, true, message);
      }
      for (
        const message of [
          "OOM command not allowed",
          "MISCONF Errors writing to disk",
          "NOAUTH Authentication required.",
        ]
      ) {
        proxy.refuse = message;
        const started = performance.now();
        const failure = await patient.load(key).then(() => undefined, (error) => error);
        proxy.refuse = undefined;
        assert.equal(failure?.code, "ERR_STORE", message);
        assert.ok(performance.now() - started < 4000, message);
        assert.equal((await patient.load(key))?.data, "1");
      }
    });

    it("SR-049 what a cut line leaves unknown is an error, and no count is added twice", async () => {
      const store = new RedisStore(through.client, { timeout: 0.4 });
      const plain = new RedisStore(direct.client);
      const key = freshKey();
      await plain.create(key, recordOf("0"));
      let answers = 0, attempted = 0, acknowledged = 0;
      proxy.spoil = (answer) => ++answers % 9 === 0 ? ["cut"] : [answer];
      for (let i = 0; i < 60; i++) {
        try {
          const seen = (await store.load(key))!;
          attempted++;
          if (await store.save(key, { ...seen, data: String(Number(seen.data) + 1) }, seen.version)) {
            acknowledged++;
          }
        } catch (error) {
          assert.equal((error as SessionError).code, "ERR_STORE");
        }
      }
      proxy.spoil = undefined;
      const count = Number((await plain.load(key))?.data);
      assert.ok(acknowledged <= count && count <= attempted, `${acknowledged} <= ${count} <= ${attempted}`);
      assert.ok(acknowledged > 10);
    });

    it("R7 SR-060 behind a server that never answers a bounded number waits, the rest is refused at once", async () => {
      const store = new RedisStore(through.client, { timeout: 0.3, maxWaiting: 100 });
      await until(async () => await outcome(store.load(freshKey())) === undefined);
      proxy.silent = true;
      try {
        const started = performance.now();
        const first = Array.from({ length: 100 }, () => outcome(store.load(freshKey())));
        const failures = await Promise.all(
          Array.from({ length: 900 }, () => store.load(freshKey()).then(() => undefined, (error) => error)),
        );
        assert.ok(performance.now() - started < 1000, "refused at once");
        assert.ok(failures.every((error) => error?.code === "ERR_STORE" && /waiting/.test(error.message)));
        assert.ok((await Promise.all(first)).every((result) => result === "ERR_STORE"));
      } finally {
        proxy.silent = false;
      }
      await until(async () => await outcome(store.load(freshKey())) === undefined);
    });

    it("R7 SR-060 a server that accepts and never speaks is an error within the limit", async () => {
      const mute = createServer(() => {});
      await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
      const opened = await open((mute.address() as { port: number }).port);
      try {
        const store = new RedisStore(opened.client, { timeout: 0.2 });
        const started = performance.now();
        const results = await Promise.all(
          Array.from({ length: 1000 }, () => outcome(store.load(freshKey()))),
        );
        assert.ok(results.every((result) => result === "ERR_STORE"));
        assert.ok(performance.now() - started < 2500);
      } finally {
        opened.close();
        mute.close();
      }
    });
  });
}

/** What came of an operation: a record's data, another answer, or the code of the error. */
async function outcome(operation: unknown): Promise<unknown> {
  try {
    const result = await operation;
    return typeof result === "object" && result !== null && "data" in result ? result.data : result;
  } catch (error) {
    return (error as SessionError).code ?? error;
  }
}
