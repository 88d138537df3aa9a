/** What the calls of a Deno KV store refuse, ask of the database and leave in it. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type DenoKv, DenoKvStore } from "../../../backends/deno_kv.ts";
import { openTestKv, wrapKv } from "../../support/deno_kv/open_kv.ts";

const startTime = 1_700_000_000_000;
const now = () => startTime;
const key = (n: number) => n.toString(16).padStart(64, "0");
const record = (userId = "u", expiresAt = startTime + 60_000) => ({
  data: "{}",
  userId,
  createdAt: 1,
  touchedAt: 2,
  expiresAt,
});

describe("the calls of a Deno KV store", () => {
  let kv: DenoKv;
  let store: DenoKvStore;
  beforeEach(async () => {
    kv = await openTestKv(":memory:");
    // The database's own clock is another one: it is told nothing
    store = new DenoKvStore(wrapKv(kv, { expireIn: () => undefined }), { now });
  });
  afterEach(() => kv.close());

  async function entries(): Promise<string[]> {
    const found = [];
    for await (const { key } of kv.list({ prefix: [] }, { consistency: "strong" })) {
      found.push(key.slice(1).join(" "));
    }
    return found;
  }

  it("an instant that is none is refused, and nothing is changed", async () => {
    const version = (await store.create(key(1), record()))!;
    for (const instant of [NaN, Infinity, 2 ** 53, "1" as unknown as number]) {
      for (const name of ["createdAt", "touchedAt", "expiresAt"]) {
        const wrong = { ...record(), [name]: instant };
        const message = new RegExp(`"${name}"`);
        await assert.rejects(store.create(key(2), wrong), { message });
        await assert.rejects(store.save(key(1), wrong, version), { message });
      }
      await assert.rejects(store.touch(key(1), instant, startTime, version), { message: /"touchedAt"/ });
      await assert.rejects(store.touch(key(1), startTime, instant, version), { message: /"expiresAt"/ });
      if (instant === Infinity) continue; // the end of time, by which all have expired
      await assert.rejects(store.clearExpired(instant, 10), { message: /"now"/ });
    }
    assert.deepEqual(await store.load(key(1)), { ...record(), version });
    assert.equal(await store.load(key(2)), undefined);
    assert.equal(await store.clearExpired(Infinity, 10), 1);
  });

  it("a record that ends now has ended: its key is free", async () => {
    for (const n of [1, 2]) await store.create(key(n), record("u", startTime));
    assert.ok(await store.create(key(1), record("v", startTime + 1)));
    assert.equal(await store.create(key(1), record("w")), undefined);
    assert.deepEqual((await store.list("v")).entries.map(({ key }) => key), [key(1)]);
    assert.deepEqual((await store.list("u")).entries.map(({ key }) => key), [key(2)]);
  });

  it("SR-039 clears as many as told, also where they are more than are removed side by side", async () => {
    for (let n = 0; n < 70; n++) await store.create(key(n), record("u", startTime));
    assert.equal(await store.clearExpired(startTime, 40), 40);
    assert.equal((await store.list("u")).entries.length, 30);
    assert.equal(await store.clearExpired(startTime, 30), 30);
  });

  it("SR-040 a list reads the user index and each record that it shows once, page by page", async () => {
    for (let n = 0; n < 40; n++) await store.create(key(n), record());
    let reads = 0;
    const get: DenoKv["get"] = (...words) => (reads++, kv.get(...words));
    const watched = new DenoKvStore(wrapKv(kv, { get }), { now });
    const first = await watched.list("u", { limit: 25 });
    assert.equal(reads, 25);
    const second = await watched.list("u", { limit: 25, after: first.next });
    assert.deepEqual([first.entries.length, second.entries.length, second.next], [25, 15, undefined]);
    assert.equal(new Set([...first.entries, ...second.entries].map(({ key }) => key)).size, 40);
    assert.equal(reads, 40);
  });

  it("reads no more than 32 records side by side", async () => {
    for (let n = 0; n < 40; n++) await store.create(key(n), record("u", startTime));
    let [running, most] = [0, 0];
    const get: DenoKv["get"] = async (...words) => {
      most = Math.max(most, ++running);
      try {
        return await kv.get(...words);
      } finally {
        running--;
      }
    };
    const watched = new DenoKvStore(wrapKv(kv, { get, expireIn: () => undefined }), { now });
    assert.equal((await watched.list("u")).entries.length, 40);
    assert.equal(most, 32);
    most = 0;
    assert.equal(await watched.clearExpired(startTime, 100), 40);
    assert.equal(most, 32);
  });

  it("SR-039 an entry of the index that tells an older end than the record takes nothing with it", async () => {
    const version = await store.create(key(1), record());
    const before = await entries();
    await kv.atomic().set(["sessions", "expires", startTime - 1, key(1)], new Uint8Array()).commit();
    assert.equal(await store.clearExpired(startTime, 10), 0);
    assert.equal((await store.load(key(1)))?.version, version);
    assert.deepEqual(await entries(), before);
  });

  it("a log-out takes the index with it, also after others changed the record up to its last try", async () => {
    await store.create(key(1), record());
    let tries = 0;
    const commit = async (go: () => Promise<{ ok: boolean }>) => {
      if (++tries < 6) {
        const { version } = (await store.load(key(1)))!;
        assert.ok(await store.save(key(1), record(`user ${tries}`, startTime + tries), version));
      }
      return await go();
    };
    assert.equal(await new DenoKvStore(wrapKv(kv, { commit }), { now }).delete(key(1)), true);
    assert.equal(tries, 6);
    assert.deepEqual(await entries(), []);
  });

  it("tells the database of a life up to 1e12 ms, and of no longer one, which it refuses", async () => {
    const told: (number | undefined)[] = [];
    const expireIn = (given: number | undefined) => void told.push(given);
    const watched = new DenoKvStore(wrapKv(kv, { expireIn }), { now });
    await watched.create(key(1), record("u", startTime + 1e12 - 60_001));
    await watched.create(key(2), record("u", startTime + 1e12 - 60_000));
    assert.deepEqual(told, [1e12 - 1, 1e12 - 1, 1e12 - 1, undefined, undefined, undefined]);
  });

  it("closing is to be awaited, whosever database it is", () => {
    assert.ok(store.close() instanceof Promise);
    assert.ok(store[Symbol.asyncDispose]() instanceof Promise);
  });
});
