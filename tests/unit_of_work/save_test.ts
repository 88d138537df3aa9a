/** What one save writes, and what the session is to its handler afterwards. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SessionError, type SessionErrorCode, type SessionRecord } from "../../mod.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { begin, Browser, gate, type Method, Site } from "../support/commit_rig.ts";

describe("a save that meets nobody", () => {
  it("leaves the handler the objects it has set, from the first save of a new session on", async () => {
    const browser = new Browser(new Site());
    await browser.visit(async (session) => {
      const cart = ["tea"];
      session.set("cart", cart);
      await session.save();
      assert.equal(session.get("cart"), cart);
      session.set("n", 1);
      await session.save();
      assert.equal(session.get("cart"), cart);
    });
  });

  it("does not call what update was given again", async () => {
    const site = new Site();
    const browser = await begin(site);
    let calls = 0;
    await browser.visit((session) => session.update("n", () => ++calls));
    assert.equal(calls, 1);
    assert.deepEqual(await site.stored(await browser.id()), { a: 1, n: 1 });
  });
});

describe("after a rotation", () => {
  for (const work of ["cycleKey", "login"] as const) {
    it(`by ${work} the next save keeps the new id`, async () => {
      const browser = await begin(new Site());
      const before = await browser.id();
      await browser.visit(async (session) => {
        if (work === "login") session.login("ada");
        else session.cycleKey();
        await session.save();
        const { id } = session;
        assert.notEqual(id, before);
        session.set("n", 1);
        await session.save();
        assert.equal(session.id, id);
      });
    });
  }

  it("the session and its cookie have the whole idle age before them, though no touch was due", async () => {
    const site = new Site(undefined, { idleAge: 7200, anonymousIdleAge: 7200 });
    const browser = await begin(site);
    site.clock.now += 30_000;
    const response = await browser.visit((session) => session.cycleKey());
    assert.match(response.headers.getSetCookie().join(), /; Max-Age=7200$/);
    site.clock.now += 7_200_000 - 1;
    assert.deepEqual(await site.stored(await browser.id()), { a: 1 });
  });
});

describe("with saveEveryRequest", () => {
  it("a save renews the limits and sends the cookie, though no touch was due", async () => {
    const limits = { idleAge: 7200, anonymousIdleAge: 7200 };
    const site = new Site(undefined, { ...limits, saveEveryRequest: true });
    const browser = await begin(site);
    site.clock.now += 30_000;
    const response = await browser.visit((session) => session.set("n", 1));
    assert.match(response.headers.getSetCookie().join(), /; Max-Age=7200$/);
    site.clock.now += 7_200_000 - 1;
    assert.deepEqual(await site.stored(await browser.id()), { a: 1, n: 1 });
  });
});

describe("a save that failed", () => {
  /** A site whose next call of `method` fails. */
  async function failing(method: Method, code: SessionErrorCode) {
    const site = new Site();
    const browser = await begin(site, { n: 1 });
    const id = await browser.id();
    site.store.before = (called) => {
      if (called !== method) return;
      site.store.before = undefined;
      throw new SessionError(code, "no");
    };
    return { site, browser, id };
  }

  it("is made by the next, though nothing was changed since", async () => {
    const { site, browser } = await failing("save", "ERR_STORE");
    await browser.visit(async (session) => {
      session.update("n", (n) => n + 1);
      await assert.rejects(session.save(), { code: "ERR_STORE" });
      await session.save();
      assert.deepEqual(await site.stored(session.id), { n: 2 });
    });
  });

  it("is made by the next together with what was changed since, in order, on what others saved", async () => {
    const { site, browser, id } = await failing("save", "ERR_TOO_LARGE");
    await browser.visit(async (session) => {
      session.update("n", (n) => n + 1);
      await assert.rejects(session.save(), { code: "ERR_TOO_LARGE" });
      session.update("n", (n) => n * 10);
      await browser.twin(site.other()).visit((session) => session.set("n", 4));
    });
    assert.deepEqual(await site.stored(id), { n: 50 });
  });

  it("and was to be under a new id is so when it is tried again", async () => {
    const { site, browser, id } = await failing("save", "ERR_STORE");
    await browser.visit(async (session) => {
      session.cycleKey();
      await assert.rejects(session.save(), { code: "ERR_STORE" });
      session.set("n", 2);
      await session.save();
      assert.notEqual(session.id, id);
    });
    assert.equal(await site.stored(id), undefined);
    assert.deepEqual(await site.stored(await browser.id()), { n: 2 });
  });
});

describe("saves that waited behind one that failed", () => {
  it("are made together, and each session shows what both wrote", async () => {
    const site = new Site();
    const browser = await begin(site);
    const [begun, end] = [gate(), gate()];
    site.store.before = async (method) => {
      if (method !== "save") return;
      site.store.before = undefined;
      begun.open();
      await end.wait;
      throw new Error("down");
    };
    const failed = browser.twin().visit((session) => session.set("lost", 1).save());
    let awaited = 2;
    const waiting = ["b", "c"].map((key) =>
      browser.twin().visit(async (session) => {
        await begun.wait;
        const saving = session.set(key, 1).save();
        if (--awaited === 0) end.open();
        await saving;
        assert.deepEqual({ ...session.toObject() }, { a: 1, b: 1, c: 1 });
      })
    );
    assert.equal((await failed).status, 503);
    for (const answer of waiting) assert.equal((await answer).status, 200);
    assert.deepEqual(await site.stored(await browser.id()), { a: 1, b: 1, c: 1 });
  });
});

describe("the record that a store is given", () => {
  it("has a user id only while somebody is logged in", async () => {
    const store = new MemoryStore();
    const seen: SessionRecord[] = [];
    for (const method of ["create", "save"] as const) {
      const own = store[method].bind(store) as (...all: unknown[]) => never;
      store[method] = (...all: unknown[]) => {
        seen.push(all.find((one) => typeof one === "object") as SessionRecord);
        return own(...all);
      };
    }
    const browser = await begin(new Site(store));
    await browser.visit((session) => session.set("b", 1));
    await browser.visit((session) => session.login("ada"));
    await browser.visit((session) => session.clear());
    assert.deepEqual(seen.map((record) => "userId" in record), [false, false, true, false]);
  });
});
