import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { begin, Browser, gate, requestWith, Site, stores, turn, type Work } from "../support/commit_rig.ts";

const nothing: Work[] = [
  (session) => session.get("a"),
  (session) => [...session.keys(), session.size, session.isEmpty, session.userId],
  (session) => session.flush(),
  (session) => session.logout(),
  (session) => session.clear(),
  (session) => session.delete("a"),
  (session) => session.pop("a", 1),
  (session) => session.cycleKey(),
  (session) => session.setExpiry(60),
  (session) => session.setExpiry(-1),
  (session) => session.setLabel("phone"),
  (session) => (session.set("a", 1), session.delete("a")),
  (session) => (session.set("a", 1), session.clear()),
  (session) => (session.set("a", []), session.flush()),
  (session) => (session.set("a", 1), session.setExpiry(-1)),
  (session) => session.update("a", () => undefined),
  (session) => session.assign({}).save(),
  (session) => (session.setTestCookie(), session.deleteTestCookie()),
];

for (const { name, open } of stores) {
  describe(`the commit, on ${name}`, () => {
    it("SR-030 nothing is made for who writes nothing: no store call, no record, no cookie", async () => {
      const site = new Site(await open());
      for (const [i, work] of nothing.entries()) {
        const response = await new Browser(site).visit(work);
        assert.deepEqual(response.headers.getSetCookie(), [], `${i}: ${work}`);
        assert.deepEqual(site.store.taken(), {}, `${i}: ${work}`);
      }
    });

    it("SR-030 an unknown id is neither adopted nor cleared, and makes no record", async () => {
      const gone = await begin(new Site(await open()));
      const site = new Site(await open());
      for (let i = 0; i < 200; i++) {
        const response = await new Browser(site, gone.cookie).visit((session) => session.get("a"));
        assert.deepEqual(response.headers.getSetCookie(), []);
      }
      assert.deepEqual(site.store.taken(), { load: 200 });
      const browser = gone.twin(site);
      assert.equal(
        (await browser.visit((session) => void session.set("a", 2))).headers.getSetCookie().length,
        1,
      );
      assert.notEqual(browser.cookie, gone.cookie, "a new id");
    });

    it("SR-030 a flush of nothing costs no store call, and clears nothing that is not ours", async () => {
      const site = new Site(await open());
      for (const cookie of [undefined, "theme=dark"]) {
        const { headers } = await new Browser(site, cookie).visit((session) => session.flush());
        assert.deepEqual(headers.getSetCookie(), []);
      }
      const junk = await new Browser(site, "__Host-sid=junk").visit((session) => session.flush());
      assert.deepEqual(junk.headers.getSetCookie(), [], "it may be another application's");
      assert.deepEqual(site.store.taken(), {});
    });

    it("SR-033 flush: the record is gone when it resolves, reads give nothing, the cookie is cleared", async () => {
      const site = new Site(await open());
      const browser = await begin(site, { a: 1, cart: [1] });
      const id = await browser.id();
      const response = await browser.visit(async (session) => {
        session.set("b", 1);
        await session.flush();
        assert.equal(await site.stored(id), undefined);
        assert.deepEqual([session.get("a"), session.get("b"), session.size, session.id], [
          undefined,
          undefined,
          0,
          undefined,
        ]);
        assert.ok(session.isEmpty && session.isNew && !session.modified);
      });
      const [field, ...more] = response.headers.getSetCookie();
      assert.deepEqual(more, []);
      assert.match(field!, /^__Host-sid=;/);
      assert.match(field!, /Path=\/; Secure; HttpOnly; SameSite=Lax/);
      assert.equal(browser.cookie, undefined);
    });

    it("SR-033 flush then write: one Set-Cookie, a new id, none of the old data", async () => {
      const site = new Site(await open());
      const browser = await begin(site, { a: 1 });
      await browser.visit((session) => session.login("ada"));
      const before = await browser.id();
      const response = await browser.visit(async (session) => {
        session.setExpiry(60);
        await session.flush();
        session.set("b", 2);
      });
      assert.equal(response.headers.getSetCookie().length, 1);
      assert.match(response.headers.get("set-cookie")!, /Max-Age=1209600/);
      const after = await browser.id();
      assert.notEqual(after, before);
      assert.deepEqual(await site.stored(after), { b: 2 });
      assert.deepEqual(await site.sessions.list("ada"), []);
    });

    it("SR-033 flush that was not awaited: what is written after it is a new session, not lost", async () => {
      const site = new Site(await open());
      const browser = await begin(site, { a: 1 });
      const response = await browser.visit((session) => {
        session.flush();
        session.set("b", 2);
      });
      assert.equal(response.headers.getSetCookie().length, 1);
      assert.deepEqual(await site.stored(await browser.id()), { b: 2 });
    });

    it("SR-033 the clearing cookie goes out whatever the status, also with a refusal", async () => {
      const site = new Site(await open());
      for (const status of [200, 302, 404, 500, 503]) {
        const browser = await begin(site);
        await browser.visit(async (session) => {
          await session.flush();
          return new Response(null, { status });
        });
        assert.equal(browser.cookie, undefined, String(status));
      }
      const browser = await begin(site);
      const response = await browser.visit(async (session) => {
        await session.flush();
        session.set("b", 2);
        site.store.before = () => {
          throw new Error("down");
        };
      });
      site.store.before = undefined;
      assert.equal(response.status, 503);
      assert.equal(browser.cookie, undefined);
    });

    it("SR-033 a flush that fails leaves the session as it was, and clears nothing", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      const response = await browser.visit(async (session) => {
        site.store.before = () => {
          throw new Error("down");
        };
        await session.flush();
      });
      site.store.before = undefined;
      assert.equal(response.status, 503);
      assert.deepEqual(response.headers.getSetCookie(), []);
      assert.deepEqual(await site.stored(await browser.id()), { a: 1 });
    });

    it("SR-041 an answer of 500 or above saves nothing and sends no cookie; 499 saves", async () => {
      const site = new Site(await open());
      for (const status of [200, 302, 404, 499, 500, 503, 599]) {
        const browser = await begin(site);
        const response = await browser.visit((session) => {
          session.set("b", 2).cycleKey();
          return new Response(null, { status });
        });
        assert.equal(response.status, status);
        assert.equal(response.headers.getSetCookie().length, status < 500 ? 1 : 0);
        assert.deepEqual(await site.stored(await browser.id()), status < 500 ? { a: 1, b: 2 } : { a: 1 });
        assert.match(response.headers.get("vary")!, /Cookie/);
      }
    });

    it("SR-041 a handler that throws saves nothing, and its error comes out as it is", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      const own = new Error("mine");
      const work: Work = (session) => {
        session.set("b", 2);
        throw own;
      };
      await assert.rejects(browser.visit(work), own);
      await assert.rejects(new Browser(site).visit(work), own);
      assert.deepEqual(await site.stored(await browser.id()), { a: 1 });
      assert.equal(site.store.taken().create, undefined);
      const sync = site.sessions.wrap(() => {
        throw own;
      });
      await assert.rejects(async () => await sync(requestWith(browser.cookie)), own);
    });

    it("SR-041 what was saved explicitly stays after a 500, its cookie is sent, and later changes are not saved", async () => {
      const site = new Site(await open());
      for (const browser of [new Browser(site), await begin(site, {})]) {
        const before = browser.cookie;
        const response = await browser.visit(async (session) => {
          session.set("cart", ["one"]).cycleKey();
          await session.save();
          session.get("cart").push("two");
          session.set("b", 2).cycleKey();
          return new Response("no", { status: 500 });
        });
        assert.equal(response.headers.getSetCookie().length, 1);
        assert.notEqual(browser.cookie, before);
        assert.deepEqual(await site.stored(await browser.id()), { cart: ["one"] });
      }
    });

    it("SR-041 a save that was not awaited and a 500: the client's cookie fits what was saved", async () => {
      const site = new Site(await open());
      site.store.before = turn;
      for (const browser of [new Browser(site), await begin(site)]) {
        await browser.visit((session) => {
          session.set("b", 2).cycleKey();
          session.save();
          return new Response("no", { status: 500 });
        });
        const id = await browser.id();
        assert.notEqual(id, undefined, "the client was left with an id that is dead, or with none");
        assert.equal((await site.stored(id))?.["b"], 2);
      }
    });

    it("a save that was not awaited, more changes, the end of the request: all is saved, once", async () => {
      const site = new Site(await open());
      site.store.before = turn;
      for (const browser of [new Browser(site), await begin(site, { n: 1 })]) {
        const { status } = await browser.visit((session) => {
          session.update("n", (n = 1) => n + 1);
          session.save();
          session.update("n", (n) => n + 1);
          session.set("m", 1);
        });
        assert.equal(status, 200);
        assert.deepEqual(await site.stored(await browser.id()), { n: 3, m: 1 });
      }
    });

    it("two saves at once, with changes between, make one session and lose nothing", async () => {
      const site = new Site(await open());
      site.store.before = turn;
      const browser = new Browser(site);
      await browser.visit(async (session) => {
        session.update("n", (n = 0) => n + 1);
        const first = session.save();
        session.update("n", (n) => n + 1);
        const second = session.save();
        session.update("n", (n) => n + 1);
        await Promise.all([first, second, session.save(), session.save()]);
      });
      const { create } = site.store.taken();
      assert.equal(create, 1);
      assert.deepEqual(await site.stored(await browser.id()), { n: 3 });
    });

    it("a flush while a save runs waits for it, and nothing of it is left", async () => {
      const site = new Site(await open());
      for (const rotates of [false, true]) {
        for (const browser of [new Browser(site), await begin(site)]) {
          const ids: (string | undefined)[] = [await browser.id()];
          const { wait, open: go } = gate();
          site.store.after = (method) => method === "load" ? undefined : wait;
          const response = await browser.visit(async (session) => {
            session.set("b", 2);
            if (rotates) session.login("ada");
            const saving = session.save();
            const ending = session.flush();
            go();
            await saving;
            ids.push(session.id);
            await ending;
            assert.equal(session.id, undefined);
          });
          site.store.after = undefined;
          assert.equal(response.status, 200);
          assert.equal(browser.cookie, undefined);
          for (const id of ids) assert.equal(await site.stored(id), undefined);
          assert.deepEqual(await site.sessions.list("ada"), []);
        }
      }
    });

    it("a failed explicit save keeps the changes, and a second try applies them once", async () => {
      const site = new Site(await open());
      const browser = await begin(site, { n: 0, cart: [] });
      const { status } = await browser.visit(async (session) => {
        session.update("n", (n) => n + 1);
        session.get("cart").push("one");
        site.store.before = () => {
          throw new Error("down");
        };
        await assert.rejects(session.save(), { code: "ERR_STORE", retryable: true });
        site.store.before = undefined;
        session.get("cart").push("two");
        assert.ok(session.modified);
        await session.save();
        assert.ok(!session.modified);
      });
      assert.equal(status, 200);
      assert.deepEqual(await site.stored(await browser.id()), { n: 1, cart: ["one", "two"] });
    });

    it("SR-049 a save that was applied but reported as failed is not applied twice when it is tried again", async () => {
      const site = new Site(await open());
      const browser = await begin(site, { n: 0 });
      await browser.visit(async (session) => {
        session.update("n", (n) => n + 1);
        site.store.after = () => {
          throw new Error("the line broke");
        };
        await assert.rejects(session.save(), { code: "ERR_STORE" });
        site.store.after = undefined;
        await session.save();
      });
      assert.deepEqual(await site.stored(await browser.id()), { n: 1 });
    });

    it("after the answer has left, reading goes on and writing is refused", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      let late!: Parameters<Work>[0];
      await browser.visit((session) => void (late = session));
      assert.equal(late.get("a"), 1);
      const refused = { code: "ERR_CLOSED" };
      for (
        const write of [
          () => late.set("b", 1),
          () => late.delete("a"),
          () => late.pop("a"),
          () => late.clear(),
          () => late.update("a", () => 1),
          () => late.assign({ b: 1 }),
          () => late.setDefault("b", 1),
          () => late.cycleKey(),
          () => late.login("ada"),
          () => late.setExpiry(1),
          () => late.setLabel("x"),
          () => late.setTestCookie(),
        ]
      ) assert.throws(write, refused, String(write));
      await assert.rejects(late.save(), refused);
      await assert.rejects(late.flush(), refused);
      await assert.rejects(late.logout(), refused);
      const opened = await site.sessions.open(late.id);
      await opened.set("b", 2).save();
      assert.deepEqual(await site.stored(late.id), { a: 1, b: 2 });
    });
  });
}
