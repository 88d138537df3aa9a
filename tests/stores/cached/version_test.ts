/** How often `CachedStore`, as it is by default, asks a durable store that tells versions: counted on SQLite. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { CachedStore } from "../../../backends/cached.ts";
import { MemoryStore } from "../../../backends/memory.ts";
import { SqliteStore } from "../../../backends/sqlite.ts";
import { createSessions } from "../../../mod.ts";
import { gatedStore } from "../../support/stores/map_store.ts";
import { Browser } from "../../support/browser.ts";

const key = "ab".repeat(32);
const record = (data: string) => ({ data, createdAt: 1, touchedAt: 1, expiresAt: Date.now() + 60_000 });

describe("CachedStore over SqliteStore, by default", () => {
  let durable: SqliteStore;
  let calls: string[] = [];
  const open = () =>
    new CachedStore(
      new MemoryStore(),
      gatedStore(durable, (method, go) => {
        calls.push(method);
        return go();
      }),
    );
  const asked = () => calls.splice(0).join(" ");
  beforeEach(async () => {
    durable = await SqliteStore.open(":memory:");
    calls = [];
  });
  afterEach(() => durable.close());

  it("serves a session from the cache with one version check, and loads nothing", async () => {
    const store = open();
    const version = (await store.create(key, record("1")))!;
    assert.equal(asked(), "create");
    for (let i = 0; i < 5; i++) assert.equal((await store.load(key))?.data, "1");
    assert.equal(asked(), "version version version version version");
    await store.save(key, record("2"), version);
    assert.equal((await store.load(key))?.data, "2");
    assert.equal(asked(), "save version");
  });

  it("SR-044 loads once when another process has saved, and then serves its copy again", async () => {
    const store = open();
    const version = (await store.create(key, record("1")))!;
    await durable.save(key, record("elsewhere"), version);
    asked();
    for (let i = 0; i < 3; i++) assert.equal((await store.load(key))?.data, "elsewhere");
    assert.equal(asked(), "version load version version");
    await durable.delete(key);
    assert.equal(await store.load(key), undefined);
    assert.equal(asked(), "version load");
  });

  it("a request that reads its session costs one version check", async () => {
    const sessions = createSessions<{ n: number }>({
      store: open(),
      secrets: [Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 1)],
    });
    const browser = new Browser(sessions as never, Date.now);
    await browser.see((session) => void session.set("n", 1));
    asked();
    for (let i = 0; i < 3; i++) assert.equal(await browser.see((session) => session.get("n")), 1);
    assert.equal(asked(), "version version version");
  });
});
