import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  begin,
  Browser,
  dice,
  gate,
  type Method,
  seed,
  Site,
  stores,
  type Work,
} from "../support/commit_rig.ts";

const hour = 3_600_000;

for (const { name, open } of stores) {
  describe(`new ids, on ${name}`, () => {
    it("SR-031 an id that an attacker planted is dead when its victim has logged in; the data is kept", async () => {
      const site = new Site(await open());
      const attacker = await begin(site, { cart: ["tea"] });
      const planted = await attacker.id();
      const victim = attacker.twin();
      const response = await victim.visit((session) => {
        session.login("ada");
        assert.equal(session.id, planted, "the new id comes with the commit");
      });
      assert.equal(response.headers.getSetCookie().length, 1);
      assert.equal(await site.stored(planted), undefined, "dead before the answer has left");
      assert.equal(await attacker.id(), undefined);
      assert.notEqual(await victim.id(), planted);
      await victim.visit((session) =>
        assert.deepEqual([session.userId, session.get("cart")], ["ada", ["tea"]])
      );
      await attacker.visit((session) => assert.ok(session.isEmpty && session.userId === undefined));
    });

    it("SR-031 log-in restarts both limits, a plain rotation neither", async () => {
      const site = new Site(await open(), { idleAge: 50 * 3600, absoluteAge: 100 * 3600 });
      const browser = await begin(site);
      let created = 0;
      await browser.visit((session) => void (created = session.createdAt));
      site.clock.now += 40 * hour;
      await browser.visit((session) => session.cycleKey());
      await browser.visit((session) => assert.equal(session.createdAt, created));
      site.clock.now += 40 * hour;
      await browser.visit((session) => session.login("ada"));
      await browser.visit((session) => assert.equal(session.createdAt, site.clock.now));
      site.clock.now += 49 * hour;
      await browser.visit((session) => assert.equal(session.userId, "ada"));
      site.clock.now += 49 * hour;
      await browser.visit((session) => assert.equal(session.userId, "ada"));
      site.clock.now += 2 * hour;
      await browser.visit((session) => assert.equal(session.userId, undefined));
    });

    it("SR-031 a session that is rotated every hour is dead at the absolute limit all the same", async () => {
      const site = new Site(await open(), { idleAge: 86_400, absoluteAge: 86_400 });
      const browser = await begin(site);
      for (let i = 1; i < 24; i++) {
        site.clock.now += hour;
        const { headers } = await browser.visit((session) => session.cycleKey());
        assert.match(headers.get("set-cookie")!, new RegExp(`Max-Age=${86_400 - i * 3600}$`));
      }
      site.clock.now += hour - 1;
      assert.notEqual(await browser.id(), undefined);
      site.clock.now += 1;
      assert.equal(await browser.id(), undefined);
    });

    it("SR-031 another user's log-in starts empty; the same user's keeps the data under a new id", async () => {
      const site = new Site(await open());
      const browser = await begin(site, { a: 1 });
      await browser.visit((session) => (session.login("ada"), session.setExpiry(99), session.setLabel("x")));
      const first = await browser.id();
      await browser.visit((session) => session.login("ada"));
      const second = await browser.id();
      assert.notEqual(second, first);
      assert.deepEqual(await site.stored(second), { a: 1 });
      await browser.visit((session) => {
        session.login("eve");
        assert.ok(session.isEmpty);
        session.set("b", 2);
      });
      const third = await browser.id();
      assert.deepEqual(await site.stored(third), { b: 2 });
      assert.equal(await site.stored(second), undefined);
      await browser.visit((session) => assert.equal(session.getExpiryAge(), 1_209_600));
      assert.equal((await site.sessions.list("ada")).length, 0);
      assert.equal((await site.sessions.list("eve")).length, 1);
    });

    it("SR-031 objects of the user before do not come along when they are changed after another's log-in", async () => {
      const site = new Site(await open());
      const browser = await begin(site, { cart: ["tea"] });
      await browser.visit((session) => session.login("ada"));
      await browser.visit((session) => {
        const cart = session.get("cart");
        session.login("eve");
        cart.push("milk");
        session.set("b", 2);
      });
      assert.deepEqual(await site.stored(await browser.id()), { b: 2 });
    });

    it("SR-031 twice rotated and logged in within one request is one new id; save between makes two", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      const ids = new Set([await browser.id()]);
      site.store.taken();
      await browser.visit((session) => (session.cycleKey(), session.login("ada"), session.cycleKey()));
      assert.deepEqual(site.store.taken(), { load: 1, save: 1, list: 1 });
      await browser.visit(async (session) => {
        ids.add(session.id);
        session.cycleKey();
        await session.save();
        ids.add(session.id);
        session.cycleKey();
        await session.save();
        await session.save();
      });
      ids.add(await browser.id());
      assert.equal(ids.size, 4);
      const live = await Promise.all([...ids].map((id) => site.stored(id)));
      assert.equal(live.filter(Boolean).length, 1);
    });

    it("SR-031 what is set after a rotation was saved goes to the new id", async () => {
      const site = new Site(await open());
      const browser = await begin(site, { a: 1, cart: [] });
      await browser.visit(async (session) => {
        const cart = session.get("cart");
        session.cycleKey();
        await session.save();
        session.set("b", 2);
        cart.push("x");
      });
      assert.deepEqual(await site.stored(await browser.id()), { a: 1, cart: ["x"], b: 2 });
    });

    it("SR-032 a rotation that fails is 503 without a cookie, the old id lives with the old data", async () => {
      for (const way of ["cycleKey", "login"] as const) {
        const site = new Site(await open());
        const browser = await begin(site);
        const id = await browser.id();
        site.store.before = (method) => {
          if (method === "save") throw new Error("down");
        };
        const response = await browser.visit((session) => {
          session.set("rights", "all");
          if (way === "login") session.login("ada");
          else session.cycleKey();
        });
        assert.equal(response.status, 503);
        assert.deepEqual(response.headers.getSetCookie(), []);
        site.store.before = undefined;
        assert.equal(await browser.id(), id);
        assert.deepEqual(await site.stored(id), { a: 1 });
        assert.deepEqual(await site.sessions.list("ada"), []);
      }
    });

    it("SR-032 a rotation that was applied and then reported as failed leaves no old id with new rights", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      const id = await browser.id();
      site.store.after = (method) => {
        if (method === "save") throw new Error("the line broke");
      };
      const response = await browser.visit((session) => (session.set("rights", "all"), session.login("ada")));
      site.store.after = undefined;
      assert.equal(response.status, 503);
      assert.deepEqual(response.headers.getSetCookie(), []);
      assert.notDeepEqual(await site.stored(id), { a: 1, rights: "all" });
      await browser.visit((session) => assert.equal(session.userId, undefined));
    });

    it("SR-032 a log-in that the handler retries after a failure is made once", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      const before = await browser.id();
      let fails = 1;
      site.store.before = (method) => {
        if (method === "save" && fails-- > 0) throw new Error("down");
      };
      const { status } = await browser.visit(async (session) => {
        session.login("ada");
        await assert.rejects(session.save(), { code: "ERR_STORE" });
      });
      assert.equal(status, 200);
      assert.equal(await site.stored(before), undefined);
      await browser.visit((session) => assert.equal(session.userId, "ada"));
      assert.equal((await site.sessions.list("ada")).length, 1);
    });

    it("SR-036 a late answer under the older id sets and clears nothing, whatever it does", async () => {
      const works: Work[] = [
        (session) => session.get("a"),
        (session) => void session.set("late", 1),
        (session) => session.cycleKey(),
        (session) => session.save(),
        (session) => session.setExpiry(0),
      ];
      for (const work of works) {
        const site = new Site(await open());
        const browser = await begin(site);
        site.clock.now += 2 * hour; // a touch is due
        const loaded = gate();
        const { wait, open: go } = gate();
        const late = browser.twin().visit(async (session, request) => {
          session.get("a");
          loaded.open();
          await wait;
          return await work(session, request);
        });
        await loaded.wait;
        await browser.visit((session) => session.login("ada"));
        go();
        const response = await late;
        assert.ok([200, 409].includes(response.status));
        assert.deepEqual(response.headers.getSetCookie(), [], String(work));
        await browser.visit((session) => assert.equal(session.userId, "ada"));
      }
    });

    it("SR-036 the jar holds the newer id after 1,000 orders of a log-in and readers of the older id", async () => {
      console.log(`SOJOURN_SEED=${seed}`);
      const site = new Site(await open());
      for (let round = 0; round < 1000; round++) {
        const roll = dice(seed + round);
        const browser = await begin(site);
        if (roll(2) === 0) site.clock.now += 2 * hour;
        site.store.before = async (_: Method) => {
          for (let n = roll(6); n > 0; n--) await null;
        };
        const answers = [
          browser.twin().visit((session) => session.login("ada")),
          browser.twin().visit((session) => session.get("a")),
          browser.twin().visit((session) => session.update("n", (n = 0) => n + 1)),
        ];
        const [login, ...others] = await Promise.all(answers);
        site.store.before = undefined;
        const issued = login!.headers.getSetCookie()[0]!.split(";", 1)[0]!;
        await new Browser(site, issued).visit((session) =>
          assert.equal(session.userId, "ada", `seed ${seed + round}`)
        );
        for (const { status, headers } of others) {
          const [field] = headers.getSetCookie();
          // Whoever came first may have renewed the older cookie, with the older id; nobody clears, nobody makes another.
          if (field !== undefined && status === 200) {
            const given = field.split(";", 1)[0]!;
            assert.doesNotMatch(field, /Max-Age=0/);
            if (given !== browser.cookie) {
              await new Browser(site, given).visit((session) => assert.equal(session.get("a"), undefined));
            }
          } else assert.equal(field, undefined);
        }
      }
    });

    it("SR-036 a well-formed unknown id is left alone, also by a 404 and by a failed write", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      await browser.twin().visit((session) => session.login("ada"));
      for (const status of [200, 404, 500]) {
        const { headers } = await browser.visit((
          session,
        ) => (session.get("a"), new Response(null, { status })));
        assert.deepEqual(headers.getSetCookie(), []);
      }
      assert.ok(site.events.some(({ type }) => type === "reuse"));
      await browser.twin().visit((session) => session.flush());
      site.events.length = 0;
      assert.deepEqual((await browser.visit((session) => session.get("a"))).headers.getSetCookie(), []);
      assert.ok(site.events.some(({ type, reason }) => type === "rejected" && reason === "unknown"));
    });
  });
}
