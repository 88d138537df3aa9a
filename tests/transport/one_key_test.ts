/** One key for a session's whole life: lost answers, stale copies, store calls, and the number of a user's sessions. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CachedStore } from "../../backends/cached.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { createSessions, type SessionsOptions } from "../../mod.ts";
import { begin, type Browser, Site, StagedStore, withoutTouch } from "../support/commit_rig.ts";

/** Has the next save made and then told as failed. */
function loseAnswer(site: Site): void {
  site.store.after = (method) => {
    if (method !== "save") return;
    site.store.after = undefined;
    throw new Error("the line broke");
  };
}

describe("a save under a new id whose answer was lost", () => {
  for (const [name, isLogin] of [["cycleKey", false], ["login", true]] as const) {
    it(`SR-049 after ${name} is recognised by its own proof: success, one rotation, nothing twice`, async () => {
      const site = new Site();
      const browser = await begin(site, { n: 1 });
      const old = browser.twin();
      loseAnswer(site);
      const ids: unknown[] = [];
      const answer = await browser.visit(async (session) => {
        session.update("n", (n: number) => n + 1);
        if (isLogin) session.login("ann");
        else session.cycleKey();
        await assert.rejects(session.save(), { code: "ERR_STORE" });
        session.update("n", (n: number) => n * 10);
        session.set("more", true);
        await session.save();
        ids.push(session.id);
      });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.getSetCookie().length, 1);
      assert.equal(await browser.id(), ids[0]);
      assert.deepEqual(await site.stored(await browser.id()), { n: 20, more: true });
      assert.equal(site.eventTypes().filter((type) => type === (isLogin ? "login" : "rotated")).length, 1);
      assert.equal(await old.id(), undefined);
      assert.equal(site.store.taken().create, undefined);
    });
  }

  it("SR-049 is recognised also when the store says that somebody else has saved", async () => {
    for (const name of ["login", "cycleKey"] as const) {
      const site = new Site();
      const browser = await begin(site, { n: 1 });
      const { inner } = site.store;
      let isFirst = true;
      // A client library sends again what it got no answer to.
      const again = new class extends StagedStore {
        override save(...call: Parameters<StagedStore["save"]>) {
          const saved = inner.save(...call);
          return isFirst ? (isFirst = false, inner.save(...call)) : saved;
        }
      }(inner);
      const over = new Site(again, {}, site.clock);
      const answer = await browser.visit(
        (session) => (session.set("n", 2), session[name]("ann" as never)),
        over,
      );
      assert.equal(answer.status, 200, name);
      assert.equal(answer.headers.getSetCookie().length, 1);
      assert.deepEqual(await site.stored(await browser.id()), { n: 2 });
      assert.equal((inner as MemoryStore).size, 1, "no second session");
    }
  });
});

describe("what one process knows of a session", () => {
  it("is no reason to refuse who came with an id that another process has made since", async () => {
    const site = new Site();
    const n0 = await begin(site, { a: 1 });
    const other = site.other();
    const n1 = n0.twin(other);
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const { promise: reached, resolve: arrived } = Promise.withResolvers<void>();
    // A save of n0 is under way in this process, and answered after another has rotated.
    site.store.after = async (method) => {
      if (method !== "save") return;
      site.store.after = undefined;
      arrived();
      await held;
    };
    const first = n0.twin().visit((session) => session.set("first", 1));
    await reached;
    await n1.visit((session) => session.login("ann"));
    const second = n1.twin(site).visit((session) => session.set("second", 1));
    // The second has loaded and waits behind the first.
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve));
    release();
    assert.deepEqual([(await first).status, (await second).status], [200, 200]);
    assert.deepEqual(await site.stored(await n1.id()), { a: 1, first: 1, second: 1 });
  });

  it("is not written together with a change of the user: who waits behind a clear() is refused", async () => {
    const site = new Site();
    const browser = await begin(site, { a: 1 });
    await browser.visit((session) => session.login("ann"));
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    let saves = 0;
    site.store.before = (method) => method === "save" && saves++ === 0 ? held : undefined;
    const visits = [
      browser.twin().visit((session) => session.set("first", 1)),
      browser.twin().visit((session) => session.clear()),
      browser.twin().visit((session) => session.set("late", 1)),
    ];
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve));
    release();
    assert.deepEqual((await Promise.all(visits)).map(({ status }) => status), [200, 200, 409]);
    assert.deepEqual(await site.stored(await browser.id()), {});
  });
});

describe("a stale copy of a record", () => {
  /** Two processes, each with copies of its own over one durable store. */
  function pair() {
    const clock = { now: 1_800_000_000_000 };
    const now = () => clock.now;
    const durable = new MemoryStore({ now });
    const make = () => {
      const store = new CachedStore(new MemoryStore({ now }), durable, { staleness: 60, now });
      return new Site(store, {}, clock);
    };
    return { clock, durable, p: make(), q: make() };
  }

  it("does not decide that an id was replaced: the new one is current, looked at past the copy", async () => {
    const { p, q } = pair();
    const browser = await begin(p, { a: 1 });
    await browser.twin(q).visit((session) => session.get("a"));
    await browser.visit((session) => (session.login("ann"), session.set("a", 2)));
    const answer = await browser.twin(q).visit((session) => `${session.userId} ${session.get("a")}`);
    assert.equal(await answer.text(), "ann 2");
    assert.deepEqual(answer.headers.getSetCookie(), []);
    assert.ok(!q.eventTypes().includes("reuse"));
    assert.equal((await browser.twin(q).visit((session) => session.set("b", 1))).status, 200);
  });

  it("is seen with the old id for its time, and what is written is judged by the durable record", async () => {
    const { p, q, clock } = pair();
    const browser = await begin(p, { a: 1 });
    const old = browser.twin(q);
    await old.visit((session) => session.get("a"));
    await browser.visit((session) => session.login("ann"));
    assert.equal(await (await old.visit((session) => session.get("a"))).text(), "1");
    const refused = await old.twin().visit((session) => session.set("planted", 1));
    assert.deepEqual([refused.status, refused.headers.getSetCookie()], [409, []]);
    clock.now += 60_001;
    assert.equal(await (await old.visit((session) => session.get("a", "none"))).text(), "none");
    assert.deepEqual(await p.stored(await browser.id()), { a: 1 });
  });
});

describe("the store calls", () => {
  it("of a rotation are a load and a save, of a log-in one list more, of a log-out a load and a delete", async () => {
    const site = new Site();
    const browser = await begin(site);
    const cost = async (work: Parameters<Browser["visit"]>[0], over?: Site) => {
      (over ?? site).store.taken();
      assert.equal((await browser.visit(work, over)).status, 200);
      return (over ?? site).store.taken();
    };
    assert.deepEqual(await cost((session) => session.cycleKey()), { load: 1, save: 1 });
    assert.deepEqual(await cost((session) => session.cycleKey({ grace: 5 })), { load: 1, save: 1 });
    assert.deepEqual(await cost((session) => session.login("ann")), { load: 1, save: 1, list: 1 });
    const unlimited = new Site(site.store.inner, { maxSessionsPerUser: Infinity }, site.clock);
    assert.deepEqual(await cost((session) => session.login("ann"), unlimited), { load: 1, save: 1 });
    assert.deepEqual(await cost((session) => session.flush()), { load: 1, delete: 1 });
  });
});

describe("the most sessions of a user", () => {
  it("are kept to: those end that were longest without activity, and an event says why", async () => {
    const site = new Site(new MemoryStore(), { maxSessionsPerUser: 2 });
    const browsers: Browser[] = [];
    for (let i = 0; i < 3; i++) {
      browsers.push(await begin(site, { i }));
      await browsers[i]!.visit((session) => session.login("ann"));
      site.clock.now += 1_000;
    }
    const ended = site.events.filter(({ type }) => type === "ended");
    assert.deepEqual(ended.map(({ reason }) => reason), ["limit"]);
    assert.match(ended[0]!.tag!, /^[0-9a-f]{8}$/);
    const ids = [];
    for (const browser of browsers) ids.push(await browser.id());
    assert.deepEqual(ids.map((id) => id !== undefined), [false, true, true]);
    assert.equal((await site.sessions.list("ann")).length, 2);
  });

  it("are not looked for by a store that cannot list, and no failed listing fails a log-in", async () => {
    const bare = new Site(new StagedStore(withoutTouch(new MemoryStore())), {});
    Object.defineProperty(bare.store, "list", { value: undefined });
    assert.equal((await (await begin(bare)).visit((session) => session.login("ann"))).status, 200);
    assert.deepEqual(bare.eventTypes(), ["login"]);
    const site = new Site(new MemoryStore(), { maxSessionsPerUser: 1 });
    const browser = await begin(site);
    site.store.before = (method) => {
      if (method === "list") throw new Error("down");
    };
    const answer = await browser.visit((session) => session.login("ann"));
    site.store.before = undefined;
    assert.deepEqual([answer.status, answer.headers.getSetCookie().length], [200, 1]);
    assert.ok(site.eventTypes().includes("store-error"));
    await browser.visit((session) => assert.equal(session.userId, "ann"));
  });

  it("are a positive whole number or Infinity, and anything else is refused at once", () => {
    const make = (maxSessionsPerUser: unknown) => () =>
      createSessions({
        store: new MemoryStore(),
        secrets: [new Uint8Array(32).fill(7).map((_, i) => i * 7 + 1)],
        maxSessionsPerUser: maxSessionsPerUser as SessionsOptions["maxSessionsPerUser"] & number,
      });
    for (const wrong of ["5", null, true, {}, 5n]) assert.throws(make(wrong), TypeError, String(wrong));
    for (const wrong of [0, -1, 1.5, NaN, -Infinity]) assert.throws(make(wrong), RangeError, String(wrong));
    for (const right of [1, 1_000, Infinity, undefined]) assert.doesNotThrow(make(right));
  });
});
