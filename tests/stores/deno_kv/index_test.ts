/** The user index of a Deno KV store: what it lists is what the records say, whatever became of the index itself. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type DenoKv, DenoKvStore } from "../../../backends/deno_kv.ts";
import { createSessions, type Sessions } from "../../../mod.ts";
import { openTestKv, wrapKv } from "../../support/deno_kv/open_kv.ts";
import { secret } from "../../support/identity_rig.ts";

const NOW = Date.now();
const key = (n: number) => n.toString(16).padStart(64, "0");
const record = (userId?: string) => ({
  data: "{}",
  ...(userId === undefined ? {} : { userId }),
  createdAt: NOW,
  touchedAt: NOW,
  expiresAt: NOW + 60_000,
});

describe("the user index of a Deno KV store", () => {
  let kv: DenoKv;
  let store: DenoKvStore;
  let sessions: Sessions;
  beforeEach(async () => {
    kv = await openTestKv(":memory:");
    store = new DenoKvStore(kv);
    sessions = createSessions({ store, secrets: [secret(1)] });
  });
  afterEach(() => kv.close());

  /** All entries of one kind. */
  async function entriesOf(kind: string) {
    const found: { key: readonly unknown[]; value: Uint8Array }[] = [];
    for await (const entry of kv.list({ prefix: ["sessions", kind] }, { consistency: "strong" })) {
      found.push({ key: entry.key, value: Uint8Array.from(entry.value as Uint8Array) });
    }
    return found;
  }

  /** Writes what `change` makes of the only entry of one kind. */
  async function spoil(kind: string, change: (bytes: Uint8Array) => Uint8Array) {
    const [entry] = await entriesOf(kind);
    await kv.atomic().set(entry!.key as string[], change(entry!.value)).commit();
  }

  const listed = async (userId: string) => (await store.list(userId)).entries.map(({ key }) => key);

  it("SR-040 SR-050 a session whose entry is damaged is listed and revoked all the same", async () => {
    for (const bad of ["a bit", "short", "empty"]) {
      const session = await sessions.open();
      session.set("a", 1);
      session.login("ada");
      await session.save();
      await spoil("user", (bytes) => {
        if (bad !== "a bit") return bytes.slice(0, bad === "short" ? 20 : 0);
        bytes[5]! ^= 1;
        return bytes;
      });
      assert.equal((await sessions.list("ada")).length, 1, bad);
      assert.equal(await sessions.revokeAll("ada"), 1, bad);
      assert.equal((await sessions.open(session.id!)).userId, undefined, bad);
      assert.deepEqual(await entriesOf("user"), []);
    }
  });

  it("SR-040 SR-050 a record that is damaged is listed as long as its entry is not, and can be ended", async () => {
    await store.create(key(1), record("ada"));
    await spoil("record", (bytes) => {
      bytes[bytes.length - 5]! ^= 1;
      return bytes;
    });
    await assert.rejects(store.load(key(1)), { code: "ERR_DAMAGED" });
    assert.deepEqual(await listed("ada"), [key(1)]);
    assert.equal(await store.delete(key(1)), true);
    assert.deepEqual(await entriesOf("user"), []);
    await store.create(key(1), record("ada"));
    for (const kind of ["record", "user"]) await spoil(kind, (bytes) => bytes.slice(0, 60));
    assert.deepEqual(await listed("ada"), []);
    assert.equal(await store.delete(key(1)), true);
    assert.deepEqual(await listed("ada"), []);
    assert.deepEqual(await entriesOf("user"), []);
  });

  it("SR-040 an entry that a log-out had to leave behind is not listed, and goes with the next list", async () => {
    let version = (await store.create(key(1), record()))!;
    let tries = 0;
    const commit = async (go: () => Promise<{ ok: boolean }>) => {
      version = (await store.save(key(1), record(++tries === 6 ? "ada" : undefined), version))!;
      return await go();
    };
    assert.equal(await new DenoKvStore(wrapKv(kv, { commit })).delete(key(1)), true);
    assert.equal(await store.load(key(1)), undefined);
    assert.equal((await entriesOf("user")).length, 1);
    assert.deepEqual(await listed("ada"), []);
    assert.deepEqual(await entriesOf("user"), []);
  });

  it("SR-040 no entry goes whose record comes while a list looks at it, nor does a failure of that fail the list", async () => {
    await store.create(key(1), record("ada"));
    const [entry] = await entriesOf("user");
    await store.delete(key(1));
    const plant = () => kv.atomic().set(entry!.key as string[], entry!.value).commit();
    await plant();
    const comes = async (go: () => Promise<{ ok: boolean }>) => {
      assert.ok(await store.create(key(1), record("ada")));
      return await go();
    };
    assert.deepEqual(await new DenoKvStore(wrapKv(kv, { commit: comes })).list("ada"), { entries: [] });
    assert.deepEqual(await listed("ada"), [key(1)]);
    await store.delete(key(1));
    await plant();
    const fails = () => Promise.reject(new Error("read-only"));
    assert.deepEqual(await new DenoKvStore(wrapKv(kv, { commit: fails })).list("ada"), { entries: [] });
  });

  it("SR-040 users whose ids are told apart by nothing that has bytes leave each other's entries alone", async () => {
    await store.create(key(1), record("\ud800"));
    await store.create(key(2), record("\ud801"));
    assert.deepEqual(await listed("\ud800"), [key(1)]);
    assert.deepEqual(await listed("\ud801"), [key(2)]);
  });

  it("SR-048 a log-out of a damaged record is done in one commit, whatever becomes of the database then", async () => {
    await store.create(key(1), record("ada"));
    await spoil("record", () => new TextEncoder().encode("garbage"));
    const hung = {
      ...wrapKv(kv, {}),
      list: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }),
    };
    const started = performance.now();
    const closing = new DenoKvStore(hung as DenoKv, { timeout: 1 });
    assert.equal(await closing.delete(key(1)), true);
    assert.ok(performance.now() - started < 500, "it waited for a look through the index");
    assert.deepEqual(await listed("ada"), []);
  });
});
