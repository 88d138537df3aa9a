/** One unit of work: what a failure, a log-out or another save in the middle of it leaves. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import type { Session } from "../../mod.ts";
import { begin, gate, type Method, Site, turn, type Work } from "../support/commit_rig.ts";
import { down, downAt, held, hour, opened, saveInDoubt } from "../support/unit_rig.ts";

describe("a save that fails", () => {
  for (
    const [what, change, look] of [
      ["value", (session) => session.set("b", 2), (session) => session.get("b") === 2],
      ["log-in", (session) => session.login("ada"), (session) => session.userId === "ada"],
    ] as [string, Work, Work][]
  ) {
    it(`SR-049 leaves its ${what} for the next`, async () => {
      const { site, session } = await opened();
      await change(session, undefined as never);
      site.store.before = down;
      await assert.rejects(session.save(), { code: "ERR_STORE" });
      site.store.before = undefined;
      assert.ok(session.modified);
      await session.save();
      assert.ok(await look(await site.other().sessions.open(session.id), undefined as never));
    });
  }

  it("SR-032 leaves the new id for the next", async () => {
    const { site, session } = await opened();
    const { id } = session;
    session.cycleKey();
    site.store.before = down;
    await assert.rejects(session.save(), { code: "ERR_STORE" });
    site.store.before = undefined;
    await session.save();
    assert.notEqual(session.id, id);
    assert.equal(await site.stored(id), undefined);
  });

  it("SR-049 of a new session is tried again without a look at what was never there", async () => {
    const site = new Site();
    const session = (await site.sessions.open()).set("a", 1);
    site.store.before = down;
    await assert.rejects(session.save(), { code: "ERR_STORE" });
    site.store.before = undefined;
    site.store.taken();
    await session.save();
    assert.deepEqual(site.store.taken(), { create: 1 });
  });

  it("SR-049 costs one look, at the next save alone", async () => {
    const { site, session } = await opened();
    session.set("b", 2);
    site.store.before = down;
    await assert.rejects(session.save(), { code: "ERR_STORE" });
    site.store.before = undefined;
    site.store.taken();
    await session.save();
    assert.deepEqual(site.store.taken(), { load: 1, save: 1 });
    await session.set("b", 3).save();
    assert.deepEqual(site.store.taken(), { save: 1 });
  });

  it("SR-047 at once, in a store that answers at once, is no success", async () => {
    const store = new MemoryStore();
    const site = new Site(store);
    const browser = await begin(site);
    store.save = down;
    const { status } = await browser.visit((session) => void session.set("b", 2));
    assert.equal(status, 503);
  });

  it("SR-034 because the session is gone says so at every try", async () => {
    const { site, session } = await opened();
    await (await site.other().sessions.open(session.id)).flush();
    session.set("b", 2);
    for (let i = 0; i < 3; i++) await assert.rejects(session.save(), { code: "ERR_GONE" });
    assert.deepEqual(site.store.taken(), { load: 3, save: 3 });
  });

  it("SR-033 after the log-out that it was under way for does not harm what is written next", async () => {
    const { site, session } = await opened();
    const slow = held(site, "save");
    site.store.after = downAt("save");
    const saving = session.set("b", 2).save();
    await slow.reached;
    const ending = session.flush();
    slow.go();
    await assert.rejects(saving, { code: "ERR_STORE" });
    await ending;
    site.store.before = site.store.after = undefined;
    await session.set("c", 3).save();
    assert.deepEqual(await site.stored(session.id), { c: 3 });
  });
});

/** Saves, and ends the session while the save calls this method. */
async function endDuring(method: Method, site: Site, session: Session) {
  const slow = held(site, method);
  const saving = session.save();
  await slow.reached;
  const ending = session.flush();
  slow.go();
  await Promise.all([saving, ending]);
  assert.equal(session.id, undefined);
}

describe("a log-out", () => {
  it("SR-033 that fails gives the session back: id, data, and what was not saved", async () => {
    const { site, session } = await opened();
    const { id } = session;
    session.set("b", 2);
    site.store.before = downAt("delete");
    await assert.rejects(session.flush(), { code: "ERR_STORE" });
    site.store.before = undefined;
    assert.equal(session.id, id);
    assert.deepEqual({ ...session.toObject() }, { a: 1, b: 2 });
    await session.save();
    assert.deepEqual(await site.stored(id), { a: 1, b: 2 });
  });

  it("SR-033 that fails leaves alone what was written since", async () => {
    const { site, session } = await opened();
    const { id } = session;
    const slow = held(site, "delete");
    site.store.after = downAt("delete");
    const ending = session.flush();
    await slow.reached;
    session.set("b", 2);
    slow.go();
    await assert.rejects(ending, { code: "ERR_STORE" });
    assert.deepEqual({ ...session.toObject() }, { b: 2 });
    site.store.before = site.store.after = undefined;
    await session.save();
    assert.notEqual(session.id, id);
    assert.deepEqual(await site.stored(session.id), { b: 2 });
  });

  it("SR-033 is told before it resolves, also as the first that is told", async () => {
    const { site, session } = await opened();
    const elsewhere = site.other();
    await (await elsewhere.sessions.open(session.id)).flush();
    assert.deepEqual(elsewhere.eventTypes(), ["ended"]);
  });

  it("SR-033 that fails and that nobody waits for is tried once more for the answer", async () => {
    const site = new Site();
    const browser = await begin(site);
    const id = await browser.id();
    let fails = 1;
    site.store.before = (method) => method === "delete" && fails-- > 0 ? down() : undefined;
    const response = await browser.visit(async (session) => {
      session.flush();
      await turn();
    });
    assert.equal(response.status, 200);
    assert.equal(fails, -1);
    assert.deepEqual([browser.cookie, await site.stored(id)], [undefined, undefined]);
  });

  it("SR-049 that fails does not forget that a save before it may have been written", async () => {
    const { site, session } = await opened(undefined, { n: 0 });
    session.update("n", (n) => n + 1);
    await saveInDoubt(site, session);
    site.store.before = downAt("delete");
    await assert.rejects(session.flush(), { code: "ERR_STORE" });
    site.store.before = undefined;
    await assert.rejects(session.save(), { code: "ERR_CONFLICT" });
    assert.deepEqual(await site.stored(session.id), { n: 1 });
  });

  it("SR-049 that succeeds ends the doubt about a save before it", async () => {
    const { site, session } = await opened();
    session.set("b", 2);
    await saveInDoubt(site, session);
    await session.flush();
    site.store.taken();
    await session.set("c", 3).save();
    assert.deepEqual(site.store.taken(), { create: 1 });
  });

  it("SR-033 during the look after a failed save ends the session, and the save has nothing to say", async () => {
    const { site, session } = await opened();
    const { id } = session;
    session.set("b", 2);
    await saveInDoubt(site, session);
    await endDuring("load", site, session);
    assert.equal(await site.stored(id), undefined);
  });

  it("SR-033 during a touch is not undone by it", async () => {
    const { site, session } = await opened();
    const { id } = session;
    site.clock.now += 2 * hour;
    session.get("a");
    await endDuring("touch", site, session);
    await session.set("b", 2).save();
    assert.equal(await site.stored(id), undefined);
    assert.deepEqual(await site.stored(session.id), { b: 2 });
  });

  it("SR-033 that came during a save is waited for by the next", async () => {
    const { site, session } = await opened();
    const calls: string[] = [];
    const slow = held(site, "save");
    const ending = gate();
    const { before } = site.store;
    site.store.before = (method, key) => {
      calls.push(method);
      return method === "delete" ? ending.wait : before!(method, key);
    };
    site.store.after = (method) => void calls.push(`${method} done`);
    session.set("b", 2).save();
    await slow.reached;
    const ended = session.flush();
    slow.go();
    while (!calls.includes("delete")) await turn();
    const saved = session.set("c", 3).save();
    for (let i = 0; i < 5; i++) await turn();
    ending.open();
    await Promise.all([ended, saved]);
    assert.equal(calls.at(-2), "create");
    assert.ok(calls.indexOf("create") > calls.lastIndexOf("delete done"));
  });
});
