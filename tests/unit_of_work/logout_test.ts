/** Log-outs that come one after the other, that nobody waits for, or that find the session moved. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Session } from "../../mod.ts";
import { begin, gate, type Method, Site, turn } from "../support/commit_rig.ts";
import { down, opened } from "../support/unit_rig.ts";

/** Holds up the first call of a method: `reached` when it has come, until `go`. */
function held(site: Site, one: Method) {
  const [go, reached] = [gate(), gate()];
  site.store.before = (method) => {
    if (method !== one) return;
    site.store.before = undefined;
    reached.open();
    return go.wait;
  };
  return { reached: reached.wait, go: go.open };
}

/** Lets the next so many calls of `delete` fail. */
function failing(site: Site, times: number) {
  let left = times;
  site.store.before = (method) => method === "delete" && left-- > 0 ? down() : undefined;
}

describe("two log-outs at once", () => {
  it("SR-033 end the session, once", async () => {
    const { site, session, id } = await opened();
    await Promise.all([session.flush(), session.flush()]);
    assert.equal(session.id, undefined);
    assert.equal(await site.stored(id), undefined);
    assert.equal(site.store.taken().delete, 1);
  });

  it("SR-033 of which the first fails end it, and what is written then belongs to a new one", async () => {
    const { site, session, id } = await opened();
    failing(site, 1);
    const [first, second] = await Promise.allSettled([session.flush(), session.flush()]);
    assert.deepEqual([first.status, second.status], ["rejected", "fulfilled"]);
    assert.equal(session.id, undefined);
    assert.deepEqual({ ...session.toObject() }, {});
    assert.equal(await site.stored(id), undefined);
    await session.set("b", 2).save();
    assert.deepEqual(await site.stored(session.id), { b: 2 });
  });

  it("SR-033 that both fail give the session back", async () => {
    const { site, session, id } = await opened();
    failing(site, 2);
    const ended = await Promise.allSettled([session.flush(), session.flush()]);
    assert.deepEqual(ended.map(({ status }) => status), ["rejected", "rejected"]);
    assert.equal(session.id, id);
    assert.deepEqual({ ...session.toObject() }, { a: 1 });
    await session.set("b", 2).save();
    assert.deepEqual(await site.stored(id), { a: 1, b: 2 });
  });
});

describe("a log-out after one that failed", () => {
  it("SR-033 ends the old session too, where something was written in between", async () => {
    const { site, session, id } = await opened();
    const slow = held(site, "delete");
    site.store.after = (method) => method === "delete" ? down() : undefined;
    site.store.inner.delete = () => true;
    const ending = session.flush();
    await slow.reached;
    session.set("b", 2);
    slow.go();
    await assert.rejects(ending, { code: "ERR_STORE" });
    Reflect.deleteProperty(site.store.inner, "delete");
    site.store.after = undefined;
    assert.deepEqual(await site.stored(id), { a: 1 });
    await session.flush();
    assert.equal(await site.stored(id), undefined);
    assert.equal(session.id, undefined);
  });
});

describe("a log-out that fails and that the handler has seen fail", () => {
  it("SR-033 is not tried again: the session is as it was", async () => {
    const site = new Site();
    const browser = await begin(site);
    const id = await browser.id();
    failing(site, 1);
    const { status } = await browser.visit((session) => session.flush().catch(() => {}));
    assert.equal(status, 200);
    assert.equal(site.store.taken().delete, 1);
    assert.deepEqual(await site.stored(id), { a: 1 });
    assert.equal(await browser.id(), id);
  });
});

describe("a log-out that nobody waits for", () => {
  it("SR-033 is not answered as done when it fails beside the answer", async () => {
    const site = new Site();
    const browser = await begin(site);
    const id = await browser.id();
    const slow = held(site, "delete");
    site.store.after = (method) => method === "delete" ? down() : undefined;
    site.store.inner.delete = () => true;
    const answer = browser.visit((session) => void session.flush());
    await slow.reached;
    for (let i = 0; i < 5; i++) await turn();
    slow.go();
    const { status, headers } = await answer;
    assert.equal(status, 503);
    assert.deepEqual(headers.getSetCookie(), []);
    assert.equal(site.store.taken().delete, 1);
    assert.deepEqual(await site.stored(id), { a: 1 });
  });
});

describe("a log-out that failed unseen", () => {
  /** What is answered, and left, when the first log-out fails, and `work` comes after it. */
  async function visit(work: (session: Session) => unknown, times = 1, saveEveryRequest = false) {
    const site = new Site(undefined, { saveEveryRequest });
    const browser = await begin(site);
    const id = await browser.id();
    site.store.taken();
    failing(site, times);
    const slow = turn();
    const response = await browser.visit(async (session) => {
      session.flush();
      session.set("b", 2);
      await slow;
      await work(session);
    });
    const left = await site.stored(id);
    const { save } = site.store.taken();
    site.store.before = undefined;
    let data: unknown;
    await browser.visit((session) => void (data = { ...session.toObject() }));
    return { status: response.status, cookies: response.headers.getSetCookie(), left, data, save };
  }

  it("SR-033 is tried once more for the answer, and what was written since is a new session's", async () => {
    for (const work of [() => {}, (session: Session) => session.save()]) {
      const { status, cookies, left, data } = await visit(work);
      assert.equal(status, 200);
      assert.equal(cookies.length, 1);
      assert.equal(left, undefined);
      assert.deepEqual(data, { b: 2 });
    }
  });

  it("SR-033 is followed by the save that every answer asks for, if it does", async () => {
    for (const isAsked of [false, true]) {
      const { status, left, data, save } = await visit((session) => session.save(), 1, isAsked);
      assert.equal(status, 200);
      assert.equal(left, undefined);
      assert.deepEqual(data, { b: 2 });
      assert.equal(save, isAsked ? 1 : undefined);
    }
  });

  it("SR-033 clears the cookie where nothing of what was written is left", async () => {
    const { status, cookies, left, data } = await visit((session) => void session.delete("b"));
    assert.equal(status, 200);
    assert.match(cookies.join(), /Max-Age=0/);
    assert.equal(left, undefined);
    assert.deepEqual(data, {});
  });

  it("SR-033 is made good by the log-out of the session that came after it", async () => {
    const { status, left, data } = await visit(async (session) => {
      await session.save();
      await session.flush();
    });
    assert.equal(status, 200);
    assert.equal(left, undefined);
    assert.deepEqual(data, {});
  });

  it("SR-033 is not answered as done when it fails again", async () => {
    const { status, cookies, left } = await visit(() => {}, 2);
    assert.equal(status, 503);
    assert.deepEqual(cookies, []);
    assert.deepEqual(left, { a: 1 });
  });
});

describe("what comes after a log-out that failed unseen", () => {
  for (const isSaved of [false, true]) {
    it(`SR-033 is a new session's, ${isSaved ? "saved" : "or nobody's"}: the next log-in is not lost`, async () => {
      const site = new Site();
      const browser = await begin(site, { who: "ann" });
      const id = await browser.id();
      failing(site, 1);
      const response = await browser.visit(async (session) => {
        session.flush();
        for (let i = 0; i < 5; i++) await turn();
        session.login("bob");
        if (isSaved) await session.save();
      });
      assert.equal(response.status, 200);
      assert.equal(await site.stored(id), undefined);
      let user: string | undefined;
      await browser.visit((session) => void (user = session.userId));
      assert.equal(user, "bob");
    });
  }

  it("SR-033 shows the session as it was to who asks late", async () => {
    const { site, session, id } = await opened();
    failing(site, 1);
    const ending = session.flush();
    for (let i = 0; i < 5; i++) await turn();
    assert.equal(session.id, undefined);
    await assert.rejects(ending, { code: "ERR_STORE" });
    assert.equal(session.id, id);
    assert.deepEqual({ ...session.toObject() }, { a: 1 });
  });

  it("SR-033 is given back to the session that it was of, also where a save has moved another since", async () => {
    const { site, session, id } = await opened();
    const slow = held(site, "save");
    session.set("a", 2).save();
    await slow.reached;
    const ending = session.flush();
    session.set("b", 3);
    site.store.before = (method) => method === "delete" ? down() : undefined;
    slow.go();
    await assert.rejects(ending, { code: "ERR_STORE" });
    await session.save();
    const next = session.id;
    assert.notEqual(next, id);
    await assert.rejects(session.flush(), { code: "ERR_STORE" });
    assert.equal(session.id, next);
    site.store.before = undefined;
    await session.set("c", 4).save();
    assert.deepEqual([await site.stored(id), await site.stored(next)], [{ a: 2 }, { b: 3, c: 4 }]);
  });

  it("SR-049 is in doubt where a save under way was in doubt: nothing is done twice", async () => {
    const { site, session, id } = await opened();
    const slow = held(site, "save");
    site.store.after = (method) => method === "save" ? down() : undefined;
    session.update("a", (a) => a + 1);
    const saving = session.save();
    await slow.reached;
    site.store.before = (method) => method === "delete" ? down() : undefined;
    const ending = session.flush();
    slow.go();
    await assert.rejects(saving, { code: "ERR_STORE" });
    await assert.rejects(ending, { code: "ERR_STORE" });
    site.store.before = site.store.after = undefined;
    await assert.rejects(session.save(), { code: "ERR_CONFLICT" });
    assert.deepEqual(await site.stored(id), { a: 2 });
  });
});

describe("a session that is in doubt after a save", () => {
  /** A session whose save has failed, in a request. */
  async function inDoubt(work: (session: Session, site: Site) => unknown) {
    const site = new Site();
    const browser = await begin(site);
    const id = await browser.id();
    let isDown = true;
    site.store.before = (method) => method === "save" && isDown ? (isDown = false, down()) : undefined;
    const response = await browser.visit(async (session) => {
      await assert.rejects(session.set("b", 2).save(), { code: "ERR_STORE" });
      await work(session, site);
    });
    return { site, browser, id, response };
  }

  it("SR-048 is ended by an expiry that is past, and the answer does not wait for ever", async () => {
    const { site, browser, id, response } = await inDoubt((session) => session.setExpiry(-1));
    assert.equal(response.status, 200);
    assert.deepEqual([browser.cookie, await site.stored(id)], [undefined, undefined]);
    await site.sessions.close();
  });

  it("SR-033 and ended while it is looked at keeps the cookie of the one that comes after it", async () => {
    const { site, browser, id } = await inDoubt(async (session, site) => {
      site.store.before = async (method) => {
        const turns = method === "load" ? 2 : method === "delete" ? 4 : 0;
        for (let i = 0; i < turns; i++) await turn();
      };
      const again = session.save();
      const ending = session.flush();
      session.set("flash", "bye");
      await Promise.all([again, ending]);
    });
    assert.equal(await site.stored(id), undefined);
    assert.deepEqual(await site.stored(await browser.id()), { flash: "bye" });
  });
});

describe("a log-out during a save", () => {
  it("SR-033 that makes the record ends it; where that fails, the next one does", async () => {
    const site = new Site();
    const session = await site.sessions.open();
    const slow = held(site, "create");
    session.login("ann");
    const saving = session.save();
    await slow.reached;
    const ending = session.flush();
    failing(site, 1);
    slow.go();
    await saving;
    await assert.rejects(ending, { code: "ERR_STORE" });
    assert.equal(session.id, undefined);
    assert.deepEqual({ ...session.toObject() }, {});
    assert.equal((await site.store.list("ann")).entries.length, 1);
    await session.flush();
    assert.equal((await site.store.list("ann")).entries.length, 0);
  });

  it("SR-033 that moves the session is done with it: the next log-out is of the next session", async () => {
    const { site, session, id } = await opened();
    const slow = held(site, "save");
    session.cycleKey();
    const saving = session.save();
    await slow.reached;
    const ending = session.flush();
    slow.go();
    await Promise.all([saving, ending]);
    assert.equal(await site.stored(id), undefined);
    await session.set("b", 2).save();
    const next = session.id;
    site.store.taken();
    failing(site, 1);
    await assert.rejects(session.flush(), { code: "ERR_STORE" });
    assert.equal(session.id, next);
    site.store.before = undefined;
    await session.flush();
    assert.equal(site.store.taken().delete, 2);
    assert.equal(await site.stored(next), undefined);
  });
});
