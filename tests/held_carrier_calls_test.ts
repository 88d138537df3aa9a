/** What the carrier of server-held sessions asks of its store, and how often. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../backends/memory.ts";
import { turn, withoutTouch } from "./commit_rig.ts";
import { cookie, setUp } from "./held_rig.ts";

describe("the store calls of the carrier", () => {
  it("SR-004 are eight for an id that is always taken", async () => {
    const { first, record, store } = setUp();
    const place = await first.create(record());
    store.taken();
    store.inner.create = store.inner.rotate = () => undefined;
    await assert.rejects(async () => await first.create(record()), { code: "ERR_STORE" });
    assert.deepEqual(store.taken(), { create: 8 });
    await assert.rejects(async () => await first.rotate(place, record(), 0), { code: "ERR_STORE" });
    assert.deepEqual(store.taken(), { rotate: 8, load: 8 });
  });

  it("SR-031 are no rotation when the session has left the old id; a second is enough of a grace", async () => {
    const { first, record, store } = setUp();
    const old = await first.create(record());
    await first.rotate(old, record(), 1);
    assert.equal((await first.find(cookie(old))).length, 1);
    store.taken();
    assert.equal(await first.rotate(old, record(), 1), undefined);
    assert.equal(store.taken().rotate, undefined);
  });

  it("SR-035 are one touch, or one save where there is none, from which the next save goes on", async () => {
    for (const canTouch of [true, false]) {
      const inner = new MemoryStore({ now: () => 1_800_000_000_000 });
      const { first, record, store } = setUp(canTouch ? inner : withoutTouch(inner) as MemoryStore);
      const place = await first.create(record());
      store.taken();
      const touched = await first.touch(place, record());
      assert.deepEqual(store.taken(), canTouch ? { touch: 1 } : { save: 1 });
      assert.ok(await first.save(touched!, record()));
    }
  });

  it("SR-040 follow a handle along no rotation without grace; only a log-out does", async () => {
    const { first, record, store } = setUp();
    const old = await first.create(record());
    const place = (await first.rotate(old, record(), 0))!;
    assert.equal(await first.inspect(old.key), undefined);
    assert.equal(await first.revoke(old.key), false);
    assert.ok(await first.reload(place));
    store.taken();
    assert.equal(await first.end({ place, record: record() }), true);
    assert.equal(store.taken().delete, 1);
  });

  it("have ended when the carrier's have", async () => {
    const { first, record, store } = setUp();
    const place = await first.create(record());
    const done: string[] = [];
    store.after = (method) => turn().then(() => void done.push(method));
    await first.retire({ place, record: record() });
    assert.deepEqual(done, ["save", "delete"]);
    store.close = () => turn().then(() => void done.push("close"));
    await first.close();
    assert.equal(done.at(-1), "close");
  });
});
