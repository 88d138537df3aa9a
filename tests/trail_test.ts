/** The trail from id to id by itself, over a store that answers later. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../backends/memory.ts";
import { SessionError } from "../mod.ts";
import { Events } from "../src/events.ts";
import { Guard, GuardedStore } from "../src/guard.ts";
import { mask, pointerKey, readPointer } from "../src/pointer.ts";
import { makeId, storageKey } from "../src/token.ts";
import { Trail } from "../src/trail.ts";
import { StagedStore, turn } from "./commit_rig.ts";

const start = 1_800_000_000_000;
const day = 86_400_000;

/** A trail, and a session that is to move. */
async function setUp() {
  const clock = { now: start };
  const now = () => clock.now;
  const inner = new MemoryStore({ now });
  const store = new StagedStore(inner);
  store.before = () => turn();
  const events = new Events(undefined, now, (key) => Promise.resolve(key));
  const trail = new Trail(new GuardedStore(store, new Guard(30, events)), now);
  const id = makeId();
  const key = await storageKey(id);
  const record = { data: "1\n{}", createdAt: start, touchedAt: start, expiresAt: start + day };
  const place = { id, key, version: inner.create(key, record)! };
  return { clock, inner, store, trail, place, record, at: await pointerKey(key) };
}

describe("a pointer that is left", () => {
  it("SR-031 leads to the next id until the grace is over, and is kept a day longer", async () => {
    const { clock, inner, trail, place, at } = await setUp();
    clock.now += 5;
    const next = (await trail.leave(place, 30, undefined))!;
    const sign = (await trail.from(place.key))!;
    assert.equal(sign.at, at);
    assert.equal(sign.until, start + 30_005);
    assert.equal(sign.key, await storageKey(next));
    assert.equal(await mask(sign.masked, place.id), next);
    const { createdAt, touchedAt, expiresAt, userId } = inner.load(at)!;
    assert.deepEqual([createdAt, touchedAt, userId], [start + 5, start + 5, undefined]);
    assert.equal(expiresAt, start + 30_005 + day);
  });

  it("serves the next rotation, when the first came to nothing, for as long as that one asks", async () => {
    const { clock, store, trail, place } = await setUp();
    const first = await trail.leave(place, 30, undefined);
    clock.now += 1000;
    store.taken();
    assert.equal(await trail.leave(place, 60, undefined), first);
    assert.deepEqual(store.taken(), { create: 1, load: 2, save: 1 });
    const sign = (await trail.from(place.key))!;
    assert.equal(sign.until, start + 61_000);
    assert.equal(await mask(sign.masked, place.id), first);
  });

  it("is replaced when its id is taken, or when it cannot be read", async () => {
    const { inner, trail, place, record, at } = await setUp();
    const first = await trail.leave(place, 30, undefined);
    const second = await trail.leave(place, 30, first);
    assert.notEqual(second, first);
    assert.equal(await mask((await trail.from(place.key))!.masked, place.id), second);
    for (const taken of [undefined, second]) {
      inner.save(at, { ...record, data: "> nonsense" }, inner.load(at)!.version);
      assert.equal(await trail.from(place.key), undefined);
      const third = (await trail.leave(place, 30, taken))!;
      assert.equal(await mask((await trail.from(place.key))!.masked, place.id), third);
    }
  });

  it("is left alone when the session has moved or was saved by somebody else", async () => {
    const { inner, trail, place, record, at } = await setUp();
    await trail.leave(place, 30, undefined);
    const { version } = inner.load(at)!;
    inner.save(place.key, record, place.version);
    assert.equal(await trail.leave(place, 60, undefined), undefined);
    inner.delete(place.key);
    assert.equal(await trail.leave(place, 60, undefined), undefined);
    assert.equal(inner.load(at)!.version, version);
  });

  it("is left again when it was cleared away, or changed, in the same moment", async () => {
    const { inner, store, trail, place, at } = await setUp();
    const first = await trail.leave(place, 30, undefined);
    let changes = 1;
    store.before = (method) => {
      const there = inner.load(at)!;
      if (method === "save" && changes-- > 0) inner.save(at, there, there.version);
    };
    store.taken();
    assert.equal(await trail.leave(place, 60, undefined), first);
    assert.equal(store.taken().save, 2);
    store.before = undefined;
    store.after = (method) => void (method === "create" && store.counts.create === 1 && inner.delete(at));
    const next = await trail.leave(place, 60, undefined);
    assert.deepEqual(store.taken(), { create: 2, load: 1 });
    assert.equal(await mask((await trail.from(place.key))!.masked, place.id), next);
  });

  it("is given up after eight tries", async () => {
    const { inner, store, trail, place } = await setUp();
    await trail.leave(place, 30, undefined);
    inner.save = () => undefined;
    store.taken();
    store.before = () => assert.ok((store.counts.create ?? 0) <= 8);
    await assert.rejects(async () => await trail.leave(place, 30, undefined), {
      code: "ERR_STORE",
      message: "The session store took no pointer to a new id",
    });
    assert.deepEqual(store.taken(), { create: 8, load: 16, save: 8 });
  });
});

describe("a pointer that is closed", () => {
  it("SR-031 leads nowhere whatever the clock says, and is written once", async () => {
    const { inner, store, trail, place, at } = await setUp();
    await trail.leave(place, 30, undefined);
    const sign = (await trail.from(place.key))!;
    await trail.close({ ...sign, until: 1 });
    const closed = (await trail.from(place.key))!;
    assert.deepEqual(closed, { ...sign, until: 0, version: closed.version });
    assert.equal(readPointer(inner.load(at)!.data)!.until, 0);
    assert.equal(inner.load(at)!.expiresAt, start + day);
    store.taken();
    await trail.close(closed);
    assert.deepEqual(store.taken(), {});
  });

  it("is closed when that resolves, and no trouble when the store fails", async () => {
    const { store, trail, place } = await setUp();
    await trail.leave(place, 30, undefined);
    const sign = (await trail.from(place.key))!;
    store.before = () => {
      throw new SessionError("ERR_STORE", "down");
    };
    await trail.close(sign);
    store.before = () => turn();
    let isDone = false;
    store.after = () => void (isDone = true);
    await trail.close(sign);
    assert.ok(isDone);
  });
});
