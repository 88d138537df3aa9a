/** Closing a Deno KV store while calls are running, and records that a newer release wrote. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type DenoKv, DenoKvStore } from "../../../backends/deno_kv.ts";
import { openTestKv, wrapKv } from "../../support/deno_kv/open_kv.ts";

const startTime = Date.now();
const key = (n: number) => n.toString(16).padStart(64, "0");
const record = (expiresAt = startTime + 60_000) => ({
  data: "{}",
  userId: "u",
  createdAt: startTime,
  touchedAt: startTime,
  expiresAt,
});

/** `DenoKvStore.open` with a database of the test's own making. */
async function openOver(kv: DenoKv): Promise<DenoKvStore> {
  const scope = globalThis as { Deno?: Record<string, unknown> };
  const real = Object.getOwnPropertyDescriptor(scope, "Deno");
  Object.defineProperty(scope, "Deno", { value: { openKv: () => Promise.resolve(kv) }, configurable: true });
  try {
    return await DenoKvStore.open();
  } finally {
    if (real) Object.defineProperty(scope, "Deno", real);
    else delete scope.Deno;
  }
}

describe("DenoKvStore, closing", () => {
  const storeCalls: Record<string, (store: DenoKvStore, version: string) => Promise<unknown>> = {
    load: (store) => store.load(key(1)),
    create: (store) => store.create(key(2), record()),
    save: (store, version) => store.save(key(1), record(), version),
    touch: (store, version) => store.touch(key(1), startTime, startTime + 9000, version),
    delete: (store) => store.delete(key(1)),
    list: (store) => store.list("u"),
    clearExpired: (store) => store.clearExpired(startTime + 99_000, 10),
    stats: (store) => store.stats(startTime, []),
  };
  for (const [name, call] of Object.entries(storeCalls)) {
    it(`SR-075 ${name} that runs comes to its end before the database is closed, and later calls are refused`, async () => {
      const real = await openTestKv(":memory:");
      const order: string[] = [];
      const store = await openOver({
        ...wrapKv(real, {}),
        close: () => (order.push("closed"), real.close()),
      });
      const version = (await store.create(key(1), record()))!;
      const running = call(store, version).then((answer) => (order.push("answered"), answer));
      const closing = [store.close(), store.close(), store[Symbol.asyncDispose]()];
      await assert.rejects(call(store, version), { code: "ERR_STORE" });
      assert.ok(await running);
      await Promise.all(closing);
      assert.deepEqual(order, ["answered", "closed"]);
      await store.close();
    });
  }

  it("a database that was handed in stays open, and so does the store", async () => {
    const kv = await openTestKv(":memory:");
    const store = new DenoKvStore(kv);
    await store.close();
    assert.ok(await store.create(key(1), record()));
    kv.close();
  });
});

describe("DenoKvStore, records of a newer format", () => {
  let kv: DenoKv;
  before(async () => void (kv = await openTestKv(":memory:")));
  after(() => kv.close());

  it("SR-050 clearExpired and list pass over them and leave them alone; the rest is cleared and listed", async () => {
    const store = new DenoKvStore(kv);
    const place = (n: number) => ["sessions", "record", key(n)];
    const read = async (n: number) => (await kv.get(place(n), { consistency: "strong" })).value as Uint8Array;
    // More of them than are looked at side by side, and all before the others
    for (let n = 0; n < 100; n++) await store.create(key(n), record(startTime + n));
    const before: Uint8Array[] = [];
    for (let n = 0; n < 40; n++) {
      before[n] = Uint8Array.from(await read(n)).fill(3, 0, 1);
      await kv.atomic().set(place(n), before[n]).commit();
    }
    assert.equal((await store.list("u")).entries.length, 100);
    assert.equal(await store.clearExpired(startTime + 69, 10), 10);
    assert.equal(await store.clearExpired(startTime + 69, 100), 20);
    assert.equal(await store.clearExpired(startTime + 69, 100), 0);
    assert.equal((await store.list("u")).entries.length, 70);
    for (let n = 0; n < 40; n++) assert.deepEqual(new Uint8Array(await read(n)), before[n]);
    assert.equal(await store.delete(key(0)), true);
    assert.equal(await store.load(key(0)), undefined);
  });
});
