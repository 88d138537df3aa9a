/** What happens to a whole session: ending it, new ids, log-in, saving, and what it tells about itself. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { begin, Site, Visitor } from "../support/fault_rig.ts";

describe("the whole session", () => {
  it("clear empties, the user too, and keeps the id", async () => {
    const site = new Site();
    const visitor = await begin(site, { a: 1 }, "ada");
    const { id } = visitor;
    await visitor.visit((session) => {
      session.clear();
      assert.deepEqual([session.size, session.userId, session.isEmpty, session.id], [0, undefined, true, id]);
    });
    assert.equal(visitor.id, id);
    await visitor.visit((session) =>
      assert.deepEqual([session.id, session.size, session.userId], [id, 0, undefined])
    );
    assert.deepEqual(await site.sessions.list("ada"), []);
  });

  for (const name of ["flush", "logout"] as const) {
    it(`${name} ends it: the record is gone when it resolves, the cookie is cleared, a later write starts anew`, async () => {
      const site = new Site();
      const visitor = await begin(site, { a: 1 }, "ada");
      const { id } = visitor;
      const response = await visitor.visit(async (session) => {
        await session[name]();
        assert.equal(site.store.inner.size, 0);
        assert.deepEqual([session.id, session.userId, session.size, session.isNew], [
          undefined,
          undefined,
          0,
          true,
        ]);
      });
      assert.match(response.headers.getSetCookie().join(), /^__Host-sid=;.*Max-Age=0/);
      assert.equal(visitor.cookie, undefined);
      await visitor.visit(async (session) => {
        session.set("x", 1);
        await session[name]();
        session.set("b", 2);
      });
      assert.notEqual(visitor.id, id);
      assert.deepEqual(await visitor.data(), { b: 2 });
    });
  }

  it("cycleKey gives a new id with the same data; the old one is dead", async () => {
    const site = new Site();
    const visitor = await begin(site, { a: 1 }, "ada");
    const { id, cookie } = visitor;
    await visitor.visit((session) => {
      session.cycleKey();
      session.cycleKey();
      assert.equal(session.id, id);
    });
    assert.notEqual(visitor.id, id);
    assert.deepEqual(await visitor.data(), { a: 1 });
    assert.equal((await site.sessions.open(id)).id, undefined);
    assert.equal(site.store.inner.size, 1);
    assert.notEqual(visitor.cookie, cookie);
    assert.deepEqual(site.store.taken().filter((method) => method === "save"), ["save"]);
  });

  it("login sets the user, gives a new id, keeps what an anonymous visitor had", async () => {
    const site = new Site();
    const visitor = await begin(site, { cart: ["tea"] });
    const { id } = visitor;
    site.clock.now += 10_000;
    await visitor.visit((session) => {
      assert.equal(session.userId, undefined);
      session.login("ada");
      assert.equal(session.userId, "ada");
      assert.equal(session.createdAt, site.clock.now);
    });
    assert.notEqual(visitor.id, id);
    assert.deepEqual(await visitor.data(), { cart: ["tea"] });
    assert.ok(site.eventTypes().includes("login"));
    await visitor.visit((session) => {
      session.login("ada");
      assert.equal(session.size, 1);
    });
  });

  it("login as another user starts empty", async () => {
    const visitor = await begin(new Site(), { secret: "ada's" }, "ada");
    await visitor.visit((session) => {
      session.setLabel("ada's phone");
      session.login("eve");
      assert.deepEqual([session.size, session.userId], [0, "eve"]);
      session.set("b", 1);
    });
    assert.deepEqual(await visitor.data(), { b: 1 });
  });

  it("login alone makes a record, and refuses what is no user id", async () => {
    const site = new Site();
    const visitor = new Visitor(site);
    await visitor.visit((session) => {
      for (const userId of ["", undefined, null, 5, {}]) {
        assert.throws(() => session.login(userId as string), TypeError);
      }
      session.login("ada");
    });
    assert.equal((await site.sessions.list("ada")).length, 1);
    await visitor.visit((session) => assert.equal(session.userId, "ada"));
  });

  it("save commits in the middle of a handler; what failed later is not saved", async () => {
    const visitor = await begin(new Site());
    await assert.rejects(() =>
      visitor.visit(async (session) => {
        await session.set("a", 2).save();
        session.set("a", 3);
        throw new Error("later");
      })
    );
    assert.deepEqual(await visitor.data(), { a: 2 });
  });

  it("an empty new session makes no record, whatever is done to it short of a value or a user", async () => {
    const site = new Site();
    const visitor = new Visitor(site);
    const response = await visitor.visit(async (session) => {
      session.set("a", 1).delete("a");
      session.cycleKey();
      session.setExpiry(60);
      session.setLabel("x");
      session.clear();
      await session.save();
      session.get("a");
    });
    assert.deepEqual(response.headers.getSetCookie(), []);
    assert.deepEqual(site.store.taken(), []);
    await visitor.visit(async (session) => await session.flush());
    assert.deepEqual(site.store.taken(), []);
  });

  it("id, userId, createdAt, isNew, isEmpty, accessed and modified tell what is, and are read-only", async () => {
    const site = new Site();
    const visitor = new Visitor(site);
    await visitor.visit(async (session) => {
      assert.equal(session.accessed, false);
      assert.deepEqual([session.id, session.userId, session.isNew, session.isEmpty, session.modified], [
        undefined,
        undefined,
        true,
        true,
        false,
      ]);
      assert.equal(session.accessed, true);
      assert.equal(session.createdAt, site.clock.now);
      session.set("a", 1);
      assert.deepEqual([session.modified, session.isEmpty, session.isNew], [true, false, true]);
      await session.save();
      assert.deepEqual([session.modified, session.isNew], [false, false]);
      assert.equal(typeof session.id, "string");
      for (const name of ["id", "userId", "createdAt", "isNew", "isEmpty", "accessed", "modified", "size"]) {
        assert.throws(() => Object.assign(session, { [name]: "mine" }), TypeError, name);
      }
    });
    site.clock.now += 1_000;
    await visitor.visit((session) => {
      assert.deepEqual([session.id, session.isNew, session.createdAt], [
        visitor.id,
        false,
        site.clock.now - 1_000,
      ]);
    });
  });

  it("set of the same value is a change as in Django; a read is none", async () => {
    const visitor = await begin(new Site());
    await visitor.visit((session) => {
      session.get("a");
      session.has("a");
      [...session];
      session.getExpiryAge();
      assert.equal(session.modified, false);
      session.set("a", 1);
      assert.equal(session.modified, true);
    });
  });
});
