import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { begin, Browser, dice, seed, Site, stores, turn } from "../support/commit_rig.ts";

for (const { name, open } of stores) {
  describe(`who sees whose data, on ${name}`, () => {
    it("SR-043 200 users in 2,000 concurrent requests, some of which fail, see only their own", async () => {
      console.log(`SOJOURN_SEED=${seed}`);
      const site = new Site(await open());
      const roll = dice(seed);
      const users: Browser[] = [];
      for (let user = 0; user < 200; user++) users.push(await begin(site, { user, list: [user] }));
      const wait = async () => {
        for (let turns = roll(3); turns > 0; turns--) await turn();
      };
      site.store.before = site.store.after = wait;
      await Promise.all(Array.from({ length: 2000 }, async () => {
        const user = roll(users.length);
        const kind = roll(10);
        const visit = users[user]!.visit(async (session) => {
          assert.equal(session.get("user"), user);
          await wait();
          session.update("n", (n = 0) => n + 1);
          session.get("list").push(user);
          if (kind === 0) throw new RangeError("the handler gave up");
          if (kind === 1) return new Response("no", { status: 500 });
          await wait();
          assert.deepEqual(new Set(session.get("list")), new Set([user]));
          if (kind === 2) await session.save();
          return String(user);
        });
        const response = await visit.catch((error) => error);
        if (kind === 0) assert.ok(response instanceof RangeError);
        else if (kind > 1) assert.equal(await response.text(), String(user));
      }));
      site.store.before = site.store.after = undefined;
      for (const [user, browser] of users.entries()) {
        const data = await site.stored(await browser.id()) as { user: number; list: number[] };
        assert.equal(data.user, user);
        assert.deepEqual(new Set(data.list), new Set([user]));
      }
    });

    it("SR-043 what was handed out is a copy: changing it without saving changes nothing for others", async () => {
      const site = new Site(await open());
      const browser = await begin(site, { cart: { items: ["tea"] } });
      const given = { items: ["mine"] };
      await browser.visit((session) => {
        session.get("cart").items.push("stray");
        for (const value of session.values()) value.items.push("stray");
        (session.toObject() as { cart: { items: string[] } }).cart.items.push("stray");
        return new Response("no", { status: 500 });
      });
      await browser.visit((session) => assert.deepEqual(session.get("cart"), { items: ["tea"] }));
      await browser.visit((session) => void session.set("cart", given));
      given.items.push("stray");
      await browser.visit((session) => assert.deepEqual(session.get("cart"), { items: ["mine"] }));
      const [one, two] = await Promise.all(
        [0, 1].map(() => browser.id().then((id) => site.sessions.open(id))),
      );
      assert.notEqual(one!.get("cart"), two!.get("cart"));
    });

    it("SR-043 the object that an update made is not shared with what is stored or merged", async () => {
      const site = new Site(await open());
      const browser = await begin(site, { n: 0 });
      const shared = { hits: 0 };
      const other = site.other();
      await Promise.all([site, other].map((at) =>
        browser.twin(at).visit((session) => {
          session.update("shared", () => shared);
        })
      ));
      shared.hits = 99;
      await browser.visit((session) => assert.deepEqual(session.get("shared"), { hits: 0 }));
    });

    it("SR-043 a response object that answers everybody carries nobody's cookie on to the next", async () => {
      const site = new Site(await open());
      const same = new Response(null, { status: 204 });
      const first = new Browser(site);
      await first.visit((session) => (session.set("who", "first"), same));
      const handler = site.sessions.wrap(async (request) => {
        (await request.session).get("who");
        return same;
      });
      const answer = await handler(new Request("https://site.test/"));
      assert.deepEqual(answer.headers.getSetCookie(), [], "the first visitor's cookie went to the second");
    });

    it("SR-044 who has the answer finds what was written, through slow stores and redirects", async () => {
      const site = new Site(await open());
      site.store.before = site.store.after = turn;
      await Promise.all(Array.from({ length: 20 }, async (_, user) => {
        const browser = new Browser(site);
        for (let step = 1; step <= 50; step++) {
          const { status } = await browser.visit((session) => {
            session.set("step", step).set("user", user);
            if (step % 10 === 0) session.cycleKey();
            return Response.redirect("https://site.test/next", 303);
          });
          assert.equal(status, 303);
          await browser.visit((session) =>
            assert.deepEqual([session.get("step"), session.get("user")], [step, user])
          );
        }
      }));
    });

    it("SR-044 a flush is seen by the next request", async () => {
      const site = new Site(await open());
      site.store.before = site.store.after = turn;
      for (let i = 0; i < 20; i++) {
        const browser = await begin(site);
        const old = browser.twin();
        await browser.visit((session) => session.flush());
        await old.visit((session) => assert.ok(session.isEmpty));
      }
    });
  });
}
