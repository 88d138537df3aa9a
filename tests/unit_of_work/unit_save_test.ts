/** One unit of work: what a save does, what it tells, and when one is made without being asked for. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import type { Session, SessionsOptions } from "../../mod.ts";
import { barrier, begin, Browser, Site, turn, withoutTouch, type Work } from "../support/commit_rig.ts";
import { down, downAt, hour, opened } from "../support/unit_rig.ts";

describe("a save", () => {
  it("resolves when what it was called for is stored, also behind another", async () => {
    const { site, session } = await opened();
    site.store.before = turn;
    session.set("b", 2).save();
    await session.set("c", 3).save();
    assert.deepEqual(await site.stored(session.id), { a: 1, b: 2, c: 3 });
  });

  it("that meets nobody leaves the objects that the handler holds the session's own", async () => {
    const { session } = await opened(undefined, { cart: ["one"] });
    const cart = session.get("cart");
    await session.set("b", 2).save();
    assert.equal(session.get("cart"), cart);
  });

  it("renews: no touch is due after it", async () => {
    const site = new Site();
    const browser = await begin(site);
    site.clock.now += 2 * hour;
    await browser.visit((session) => session.set("b", 2).save());
    assert.deepEqual(site.store.taken(), { load: 1, save: 1 });
  });

  it("is told before it resolves", async () => {
    const { site, session } = await opened();
    session.cycleKey();
    await session.save();
    assert.deepEqual(site.eventTypes(), ["rotated"]);
    await session.flush();
    assert.deepEqual(site.eventTypes(), ["rotated", "ended"]);
  });

  it("is told as a new session once, and as a log-in if it is one; a new id is nothing new to it", async () => {
    for (
      const [begins, told] of [
        [(session) => session.set("a", 1), ["created"]],
        [(session) => session.login("ada"), ["created", "login"]],
        [(session) => session.set("a", 1).cycleKey(), ["created"]],
      ] as [Work, string[]][]
    ) {
      const site = new Site();
      const session = await site.sessions.open();
      await begins(session, undefined as never);
      await session.save();
      await session.set("a", 2).save();
      assert.deepEqual(site.eventTypes(), told);
    }
  });

  it("SR-031 is told as a new id by the request that made it, of many that wish for one", async () => {
    const site = new Site();
    const browser = await begin(site);
    const [all, cycle] = [barrier(4), (session: Session) => session.cycleKey({ grace: 30 })];
    await Promise.all(
      Array.from({ length: 4 }, () => browser.twin().visit((session) => all().then(() => cycle(session)))),
    );
    assert.deepEqual(site.eventTypes().filter((type) => type === "rotated"), ["rotated"]);
  });

  it("SR-048 that fails and that nobody awaits ends no process", async () => {
    const { site, session } = await opened();
    site.store.before = () => turn().then(down);
    session.set("b", 2).save();
    for (let i = 0; i < 5; i++) await turn();
    assert.ok(session.modified);
  });
});

describe("a touch outside of any request", () => {
  for (const touches of [true, false]) {
    it(`${touches ? "by touch" : "by save"} is made once, and the next save goes on from it`, async () => {
      const inner = new MemoryStore();
      const { site, session } = await opened(new Site(touches ? inner : withoutTouch(inner)));
      site.clock.now += 2 * hour;
      session.get("a");
      await session.save();
      assert.deepEqual(site.store.taken(), touches ? { touch: 1 } : { save: 1 });
      await session.save();
      assert.deepEqual(site.store.taken(), {});
      await session.set("b", 2).save();
      assert.deepEqual(site.store.taken(), { save: 1 });
      assert.deepEqual(await site.stored(session.id), { a: 1, b: 2 });
    });
  }
});

describe("saveEveryRequest", () => {
  const options: Partial<SessionsOptions> = { saveEveryRequest: true, rolling: false };

  it("SR-037 saves for an answer that did nothing, with a cookie; save() alone does not", async () => {
    const site = new Site(undefined, options);
    const browser = await begin(site);
    site.clock.now += 1000;
    const response = await browser.visit(async (session) => {
      await session.save();
      assert.deepEqual(site.store.taken(), { load: 1 });
    });
    assert.deepEqual(site.store.taken(), { save: 1 });
    assert.equal(response.headers.getSetCookie().length, 1);
  });

  it("makes nothing for who has no session", async () => {
    const site = new Site(undefined, options);
    const response = await new Browser(site).visit((session) => session.get("a"));
    assert.deepEqual(site.store.taken(), {});
    assert.deepEqual(response.headers.getSetCookie(), []);
  });

  it("SR-046 does no harm to the answer when it fails", async () => {
    const site = new Site(undefined, options);
    const browser = await begin(site);
    site.store.before = downAt("save");
    const response = await browser.visit((session) => session.get("a"));
    assert.equal(response.status, 200);
    assert.deepEqual(response.headers.getSetCookie(), []);
  });
});
