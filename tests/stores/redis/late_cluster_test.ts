import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Cluster } from "ioredis";
import { type RedisClient, RedisStore } from "../../../backends/redis.ts";
import { slotOf } from "../../../backends/redis/cluster_slot.ts";
import { clusterClients, freshKey, recordOf } from "../../support/redis/clients.ts";
import { allAre, assertHeld, halt, prepare, works } from "../../support/redis/late.ts";
import { type Server, skip, startCluster, until } from "../../support/redis/server.ts";

/** More than Bun's own five seconds, for slow machines. */
const limit = { timeout: 120_000 };

describe("a late write of RedisStore on a Redis Cluster", { skip }, () => {
  let nodes: Server[], ports: number[];
  before(async () => {
    nodes = await startCluster();
    ports = nodes.map((node) => node.port);
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  });

  for (const [name, open] of Object.entries(clusterClients)) {
    it(`SR-049 told as failed by stalled servers, it stays failed, over ${name}`, limit, async () => {
      const [opened, other] = [await open(ports), await open(ports)];
      try {
        const plain = new RedisStore(other.client);
        const store = new RedisStore(opened.client, { timeout: 0.3 });
        for (const first of [true, false]) {
          await until(() => works(store)); // connected
          const late = first ? new RedisStore(opened.client, { timeout: 0.3 }) : store;
          const operations = await prepare(plain);
          const before = await halt(...nodes);
          try {
            await allAre("ERR_STORE", operations, late);
          } finally {
            for (const node of nodes) node.signal("SIGCONT");
          }
          await until(async () =>
            (await Promise.all(Array.from({ length: 20 }, () => works(store)))).every(Boolean)
          );
          await assertHeld(before, nodes, first ? "first use" : "in use");
          await allAre(true, operations, new RedisStore(opened.client));
        }
      } finally {
        opened.close();
        other.close();
      }
    });
  }

  it("SR-049 from the moment of a stall at any step nothing more is done", limit, async () => {
    const client = new Cluster(ports.map((port) => ({ host: "127.0.0.1", port })));
    try {
      const plain = new RedisStore(client);
      await allAre(true, await prepare(plain), plain);
      for (const name of Object.keys(await prepare(plain))) {
        for (let at = 1, isDone = false; !isDone;) {
          const operate = (await prepare(plain))[name]!;
          let count = -Infinity;
          let halted: Promise<string[]> | undefined;
          const sent = new Set<Promise<unknown>>();
          const shape: RedisClient = {
            isOpen: true,
            slots: [],
            async sendCommand(_key: string, _readonly: boolean, args: string[]) {
              // what left before the stall has its effect before it
              if (++count >= at) await (halted ??= Promise.allSettled(sent).then(() => halt(...nodes)));
              const reply = client.call(args[0]!, ...args.slice(1));
              sent.add(reply);
              return await reply;
            },
          };
          const store = new RedisStore(shape, { timeout: 0.15 });
          await until(() => works(store));
          count = 0;
          const isCarriedOut = await operate(store).then(Boolean, () => false);
          const before = await halted;
          for (const node of nodes) node.signal("SIGCONT");
          await until(async () =>
            (await Promise.all(Array.from({ length: 20 }, () => works(plain)))).every(Boolean)
          );
          if (before === undefined) isDone = isCarriedOut; // no such step; or else this machine was too slow for it
          else await assertHeld(before, nodes, `${name}, step ${at++}`);
        }
      }
    } finally {
      client.disconnect();
    }
  });

  for (const [name, open] of Object.entries(clusterClients)) {
    it(`each server's clock is known by itself, over ${name}`, limit, async () => {
      const opened = await open(ports);
      try {
        const store = new RedisStore(opened.client);
        await until(() => works(store));
        await allAre(true, await prepare(store), store);
        const real = opened.client as unknown as Record<
          "call" | "sendCommand",
          (...all: unknown[]) => unknown
        >;
        let commands = 0;
        const method = "call" in opened.client ? "call" : "sendCommand";
        const call = real[method].bind(opened.client);
        real[method] = (...all) => (commands++, call(...all));
        const fresh = new RedisStore(opened.client);
        // One command for each server tells its time; from then on a write for nobody is one command
        for (let i = 0; i < 60; i++) assert.ok(await fresh.create(freshKey(), recordOf("1")));
        assert.equal(commands, 60 + nodes.length);
      } finally {
        opened.close();
      }
    });
  }

  it("the slot of a key is where the servers keep it", async () => {
    for (
      const key of [
        `sojourn:${freshKey()}`,
        'sojourn:user:"é\u{1f600}"',
        "a{}{b}",
        "{s}:x",
        "a{{b}}c",
        "{\n}",
      ]
    ) {
      assert.equal(String(slotOf(key)), await nodes[0]!.cli("CLUSTER", "KEYSLOT", key));
    }
  });
});
