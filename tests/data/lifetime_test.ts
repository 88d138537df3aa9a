import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { begin, Browser, Site, stores } from "../support/commit_rig.ts";

const limits = { idleAge: 1800, absoluteAge: 86_400 };
const day = 86_400_000;

function maxAge(response: Response): number | undefined {
  const found = /Max-Age=(\d+)/.exec(response.headers.get("set-cookie") ?? "");
  return found === null ? undefined : Number(found[1]);
}

for (const { name, open } of stores) {
  describe(`how long a session lives, on ${name}`, () => {
    const make = async (options: ConstructorParameters<typeof Site>[1] = limits) => {
      const site = new Site(await open(), options);
      return { site, browser: await begin(site) };
    };

    it("SR-037 idle: live at 1,739 s and at the last millisecond, anonymous at 1,800 s and the record gone", async () => {
      for (const [after, isLive] of [[1_739_000, true], [1_799_999, true], [1_800_000, false]] as const) {
        const { site, browser } = await make();
        const id = await browser.id();
        site.clock.now += after;
        await browser.visit((session) => assert.equal(session.get("a"), isLive ? 1 : undefined));
        site.clock.now -= after;
        assert.equal(await site.stored(id) !== undefined, isLive, "gone from the store too");
      }
    });

    it("SR-037 activity every 1,000 s renews the idle limit only: live at 86,399 s, dead at 86,400 s", async () => {
      const { site, browser } = await make();
      const start = site.clock.now;
      for (let seconds = 1000; seconds <= 86_000; seconds += 1000) {
        site.clock.now = start + seconds * 1000;
        const response = await browser.visit((session) => assert.equal(session.get("a"), 1));
        assert.equal(maxAge(response), Math.min(1800, 86_400 - seconds));
      }
      site.clock.now = start + 86_399_000;
      await browser.visit((session) => assert.equal(session.get("a"), 1));
      await browser.visit((session) => void session.set("a", 2));
      site.clock.now = start + 86_400_000;
      await browser.visit((session) => assert.equal(session.get("a"), undefined));
    });

    it("SR-037 throttled touches shorten the idle time by at most one interval, and never lengthen it", async () => {
      for (const last of [0, 1, 30_000, 59_999, 60_000, 90_000]) {
        const { site, browser } = await make();
        const start = site.clock.now;
        site.clock.now = start + last;
        await browser.visit((session) => session.get("a"));
        site.clock.now = start + last + 1_800_000;
        const dead = await browser.id();
        assert.equal(dead, undefined, `read at ${last}: lengthened`);
        const again = await make();
        again.site.clock.now += last;
        await again.browser.visit((session) => session.get("a"));
        again.site.clock.now += 1_800_000 - 60_000 - 1;
        assert.notEqual(await again.browser.id(), undefined, `read at ${last}: shortened too much`);
      }
    });

    it("SR-037 absoluteAge null: activity keeps it alive for ever, the cookie for at most 400 days", async () => {
      const { site, browser } = await make({ idleAge: 500 * 86_400, absoluteAge: null });
      for (let i = 0; i < 10; i++) {
        site.clock.now += 450 * day;
        const response = await browser.visit((session) => assert.equal(session.get("a"), 1));
        assert.equal(maxAge(response), 400 * 86_400);
      }
    });

    it("SR-038 a record that the store still holds is dead at its end: anonymous, and a late save does not revive it", async () => {
      const { site, browser } = await make();
      const late = await site.sessions.open(await browser.id());
      site.store.before = (method) => {
        if (method === "delete") throw new Error("the broom is broken");
      };
      site.clock.now += 1_800_000;
      await browser.visit((session) => assert.ok(session.isEmpty && session.isNew));
      late.set("late", 1);
      await assert.rejects(late.save(), { code: "ERR_GONE" });
      const response = await browser.visit((session) => void session.set("b", 1));
      assert.equal(response.headers.getSetCookie().length, 1);
      await browser.visit((session) => assert.deepEqual({ ...session.toObject() }, { b: 1 }));
    });

    it("SR-038 a clock that steps back makes nothing live again, and lengthens nothing", async () => {
      const { site, browser } = await make();
      const start = site.clock.now;
      site.clock.now = start + 1_800_000;
      assert.equal(await browser.id(), undefined);
      site.clock.now = start + 1_800_000 - 3_600_000;
      assert.equal(await browser.id(), undefined, "dead is dead");

      const other = await begin(site);
      const made = site.clock.now;
      for (const step of [-3_600_000, -day, 0, -1]) {
        site.clock.now = made + step;
        await other.visit((session) => assert.equal(session.get("a"), 1));
        await other.visit((session) => session.update("n", (n = 0) => n + 1));
        const session = await site.sessions.open(await other.id());
        assert.equal(session.createdAt, made);
      }
      site.clock.now = made + 1_800_000;
      assert.equal(await other.id(), undefined, "activity under the wrong clock did not lengthen it");
    });

    it("SR-038 a record from the future is not refused, and ends when it said it would", async () => {
      const { site, browser } = await make();
      const made = site.clock.now;
      site.clock.now = made - 10 * 60_000;
      await browser.visit((session) => assert.equal(session.get("a"), 1));
      site.clock.now = made + 1_799_999;
      await browser.visit((session) => session.isEmpty === false);
      site.clock.now = made + limits.absoluteAge * 1000;
      assert.equal(await browser.id(), undefined);
    });

    it("SR-038 a clock that steps forward only ends sessions", async () => {
      const { site, browser } = await make();
      const start = site.clock.now;
      site.clock.now = start + 365 * day;
      assert.equal(await browser.id(), undefined);
      site.clock.now = start;
      assert.equal(await browser.id(), undefined);
    });

    it("SR-065 what anonymous visitors wrote ends at its own, shorter limit; a logged-in session lives on", async () => {
      const { site, browser } = await make({ anonymousIdleAge: 3600 });
      const user = new Browser(site);
      const made = await user.visit((session) => session.login("ada"));
      assert.equal(maxAge(made), 1_209_600);
      site.clock.now += 3_599_999;
      assert.notEqual(await browser.twin().id(), undefined);
      const { site: second, browser: idle } = await make({ anonymousIdleAge: 3600 });
      second.clock.now += 3_600_000;
      assert.equal(await idle.id(), undefined);
      site.clock.now += 10 * day;
      await user.visit((session) => assert.equal(session.userId, "ada"));
    });

    it("SR-065 logging in lengthens an anonymous session's life, and clear shortens it again", async () => {
      const { site, browser } = await make({ anonymousIdleAge: 3600 });
      assert.equal(maxAge(await browser.visit((session) => session.login("ada"))), 1_209_600);
      const response = await browser.visit((session) => session.clear());
      assert.equal(maxAge(response), 3600);
      site.clock.now += 3_600_000;
      assert.equal(await browser.id(), undefined);
    });

    it("SR-065 20,000 forged ids cost no store call", async () => {
      const { site, browser } = await make();
      const tail = browser.cookie!.slice(-76);
      for (let i = 0; i < 20_000; i++) {
        const forged = `__Host-sid=${String(i).padStart(6, "x")}${tail.slice(6)}`;
        const handler = site.sessions.wrap(async (request) => new Response((await request.session).get("a")));
        if (i % 200 === 0) await new Promise((resolve) => setTimeout(resolve));
        await handler(new Request("https://site.test/", { headers: { cookie: forged } }));
      }
      assert.deepEqual(site.store.taken(), {});
    });

    it("a negative setExpiry ends the session at the commit: no error, no record, a clearing cookie", async () => {
      for (const value of [-1, -1e9, -0.5, new Date(0)]) {
        const { site, browser } = await make();
        const id = await browser.id();
        const response = await browser.visit((session) => session.set("b", 2).setExpiry(value));
        assert.equal(response.status, 200);
        assert.equal(maxAge(response), 0);
        assert.equal(await site.stored(id), undefined);
        assert.equal(browser.cookie, undefined);
        assert.deepEqual(
          (await new Browser(site).visit((session) => session.set("b", 2).setExpiry(value))).headers
            .getSetCookie(),
          [],
        );
        assert.equal(site.store.taken().create, undefined);
      }
    });

    it("a negative setExpiry that is taken back ends nothing; with a 500 neither; a save makes it final", async () => {
      const { site, browser } = await make();
      await browser.visit((session) => (session.setExpiry(-1), session.setExpiry(null)));
      await browser.visit((session) => (session.setExpiry(-1), new Response(null, { status: 500 })));
      const id = await browser.id();
      assert.notEqual(id, undefined);
      const response = await browser.visit(async (session) => {
        session.setExpiry(-1);
        await session.save();
        assert.equal(await site.stored(id), undefined);
        session.set("new", 1);
      });
      assert.equal(response.headers.getSetCookie().length, 1);
      assert.notEqual(await browser.id(), id);
      assert.deepEqual(await site.stored(await browser.id()), { new: 1 });
    });

    it("setExpiry with seconds, a Date, 0 and null: record, cookie and readers agree", async () => {
      const { site, browser } = await make({ idleAge: 1800, absoluteAge: 86_400 });
      const visit = (value: number | Date | null) => browser.visit((session) => session.setExpiry(value));
      assert.equal(maxAge(await visit(600)), 600);
      await browser.visit((session) => {
        assert.equal(session.getExpiryAge(), 600);
        assert.equal(session.getExpiryDate().getTime(), site.clock.now + 600_000);
        assert.ok(!session.getExpireAtBrowserClose());
        assert.deepEqual([...session.keys()], ["a"], "not part of the data");
      });
      assert.equal(maxAge(await visit(new Date(site.clock.now + 3_600_000))), 3600);
      await browser.visit((session) => assert.equal(session.getExpiryAge(), 3600));
      assert.equal(maxAge(await visit(10 * 86_400)), 86_400, "the absolute age caps it");
      await visit(0);
      await browser.visit((session) => assert.ok(session.getExpireAtBrowserClose()));
      assert.equal(maxAge(await visit(null)), 1800);
      site.clock.now += 1_800_000;
      assert.equal(await browser.id(), undefined);
    });

    it("setExpiry(0) on a session that exists turns its cookie into one that ends with the browser, and null back", async () => {
      const { browser } = await make();
      const closing = await browser.visit((session) => session.setExpiry(0));
      assert.equal(closing.headers.getSetCookie().length, 1, "the cookie has a new expiry");
      assert.doesNotMatch(closing.headers.get("set-cookie")!, /Max-Age|Expires/i);
      const staying = await browser.visit((session) => session.setExpiry(null));
      assert.equal(maxAge(staying), 1800);
    });

    it("a fixed end is not moved by activity", async () => {
      const { site, browser } = await make();
      const end = site.clock.now + 3_000_000;
      await browser.visit((session) => session.setExpiry(new Date(end)));
      for (const left of [2_000_000, 1_000_000, 1]) {
        site.clock.now = end - left;
        await browser.visit((session) => session.update("n", (n = 0) => n + 1));
      }
      site.clock.now = end;
      assert.equal(await browser.id(), undefined);
    });
  });
}
