/** What the transport of server-held sessions asks of its store, and how often. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import type { StoredSession } from "../../src/transport/transport.ts";
import { turn, withoutTouch } from "../support/commit_rig.ts";
import { cookie, cycle, setUp } from "../support/store_transport_rig.ts";

describe("the store calls of the transport", () => {
  it("SR-004 are eight for an id that is always taken", async () => {
    const { first, record, store } = setUp();
    store.inner.create = () => undefined;
    await assert.rejects(async () => await first.create(record()), { code: "ERR_STORE" });
    assert.deepEqual(store.taken(), { create: 8 });
  });

  it("SR-031 are one save for a rotation, with grace and without, and one load more for an old id", async () => {
    const { first, record, store } = setUp();
    const old = await first.create(record());
    store.taken();
    const next = (await first.rotate(old, old.record, cycle(1)))!;
    assert.deepEqual(store.taken(), { save: 1 });
    for (const [one, load] of [[next, 1], [old, 2]] as const) {
      assert.equal((await first.find(cookie(one))).length, 1);
      assert.deepEqual(store.taken(), { load });
    }
    assert.ok(await first.rotate(next, next.record, cycle()));
    assert.deepEqual(store.taken(), { save: 1 });
  });

  it("SR-035 are one touch, or one save where there is none, from which the next save goes on", async () => {
    for (const canTouch of [true, false]) {
      const inner = new MemoryStore({ now: () => 1_800_000_000_000 });
      const { first, record, store } = setUp(canTouch ? inner : withoutTouch(inner) as MemoryStore);
      const made = await first.create(record());
      store.taken();
      const touched = (await first.touch(made, made.record))!;
      assert.deepEqual(store.taken(), canTouch ? { touch: 1 } : { save: 1 });
      assert.ok(await first.save(touched, made.record));
    }
  });

  it("SR-038 are one save for a grace that is over, by the first who comes with it, and no trouble if it fails", async () => {
    const { first, record, store, clock } = setUp();
    const old = await first.create(record());
    await first.rotate(old, old.record, cycle(1));
    clock.now += 1_000;
    store.taken();
    store.before = (method) => {
      if (method === "save") throw new Error("down");
    };
    assert.equal((await first.find(cookie(old)) as [StoredSession])[0].ref.replacedBy, "rotation");
    store.before = undefined;
    assert.deepEqual(store.taken(), { load: 2, save: 1 });
    for (const save of [1, undefined]) {
      await first.find(cookie(old));
      assert.equal(store.taken().save, save);
    }
  });

  it("have ended when the transport's have", async () => {
    const { first, record, store } = setUp();
    const made = await first.create(record());
    const done: string[] = [];
    store.after = (method) => turn().then(() => void done.push(method));
    await first.removeExpired(made);
    assert.deepEqual(done, ["load", "save", "delete"]);
    store.close = () => turn().then(() => void done.push("close"));
    await first.close();
    assert.equal(done.at(-1), "close");
  });
});
