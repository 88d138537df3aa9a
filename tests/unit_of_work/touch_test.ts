import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import { begin, Browser, gate, Site, stores, withoutTouch, type Work } from "../support/commit_rig.ts";

const read: Work = (session) => session.get("a");

for (const { name, open } of stores) {
  describe(`touching, on ${name}`, () => {
    it("is due after a hundredth of the idle age, at least 60 s, at most an hour and half the idle age", async () => {
      const intervals = [[10, 5], [60, 30], [119, 59.5], [120, 60], [1800, 60], [6000, 60], [12_000, 120], [
        360_000,
        3600,
      ], [1_209_600, 3600]];
      for (const [idleAge, interval] of intervals) {
        const site = new Site(await open(), { idleAge: idleAge! });
        const browser = await begin(site);
        site.clock.now += interval! * 1000 - 1;
        assert.deepEqual((await browser.visit(read)).headers.getSetCookie(), [], `${idleAge}`);
        assert.deepEqual(site.store.taken(), { load: 1 });
        site.clock.now += 1;
        const { headers } = await browser.visit(read);
        assert.deepEqual(site.store.taken(), { load: 1, touch: 1 }, `${idleAge}`);
        assert.match(headers.get("set-cookie")!, new RegExp(`Max-Age=${idleAge}$`));
      }
    });

    it("goes by the session's own idle age: setExpiry and anonymousIdleAge", async () => {
      const site = new Site(await open(), { anonymousIdleAge: 1800 });
      const browser = await begin(site);
      site.clock.now += 60_000;
      await browser.visit(read);
      assert.equal(site.store.taken().touch, 1);
      await browser.visit((session) => session.setExpiry(20));
      site.clock.now += 10_000;
      site.store.taken();
      const { headers } = await browser.visit(read);
      assert.equal(site.store.taken().touch, 1);
      assert.match(headers.get("set-cookie")!, /Max-Age=20$/);
    });

    it("SR-035 changes expiry only: the data of a save and a log-in that overlap a slow reader are intact", async () => {
      for (
        const work of [(session) => void session.set("b", 2), (session) => session.login("ada")] as Work[]
      ) {
        const site = new Site(await open());
        const browser = await begin(site);
        site.clock.now += 3_600_000;
        const { wait, open: go } = gate();
        const reached = gate();
        const reader = browser.twin(site.other());
        reader.site.store.before = (method) => method === "touch" ? (reached.open(), wait) : undefined;
        const answer = reader.visit(read);
        await reached.wait;
        await browser.visit(work);
        go();
        assert.equal((await answer).status, 200);
        const data = await site.stored(await browser.id());
        assert.equal(data?.["a"], 1);
        await browser.visit((session) => assert.ok(session.get("b") === 2 || session.userId === "ada"));
      }
    });

    it("SR-035 does not bring back a record that was deleted, and says so with an event", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      const id = await browser.id();
      site.clock.now += 3_600_000;
      site.events.length = 0;
      site.store.before = async (method) => {
        if (method === "touch") await browser.twin(site.other()).visit((session) => session.flush());
      };
      const response = await browser.twin().visit(read);
      site.store.before = undefined;
      assert.equal(response.status, 200);
      assert.deepEqual(response.headers.getSetCookie(), []);
      assert.equal(await site.stored(id), undefined);
      assert.deepEqual(site.eventTypes(), ["gone"]);
    });

    it("SR-035 does not undo another request's setExpiry", async () => {
      const site = new Site(await open(), { idleAge: 1800 });
      const browser = await begin(site);
      site.clock.now += 60_000;
      const answer = browser.visit(async (session) => {
        session.get("a");
        await browser.twin(site).visit((session) => session.setExpiry(86_400)); // "remember me"
      });
      assert.equal((await answer).status, 200);
      site.clock.now += 7_200_000;
      await browser.visit((session) => assert.equal(session.get("a"), 1, "remembered for a day"));
    });

    it("that fails does not harm an answer that only read: 200, no cookie, an event", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      site.clock.now += 3_600_000;
      site.store.before = (method) => {
        if (method === "touch") throw new Error("down");
      };
      const response = await browser.visit(read);
      assert.equal(response.status, 200);
      assert.deepEqual(response.headers.getSetCookie(), []);
      assert.deepEqual(site.eventTypes(), ["store-error"]);
    });

    it("is part of a save when it is due: one store call, and the cookie is renewed", async () => {
      const site = new Site(await open(), { idleAge: 1800 });
      const browser = await begin(site);
      site.clock.now += 59_999;
      assert.deepEqual(
        (await browser.visit((session) => void session.set("b", 1))).headers.getSetCookie(),
        [],
      );
      site.clock.now += 1;
      site.store.taken();
      const { headers } = await browser.visit((session) => void session.set("b", 2));
      assert.deepEqual(site.store.taken(), { load: 1, save: 1 });
      assert.match(headers.get("set-cookie")!, /Max-Age=1800$/);
    });

    it("moves record and cookie together, and so does a save", async () => {
      const site = new Site(await open(), { idleAge: 1800, absoluteAge: 5000 });
      const browser = new Browser(site);
      const made = await browser.visit((session) => session.login("ada"));
      const end = ({ headers }: Response) => {
        const age = /Max-Age=(\d+)/.exec(headers.get("set-cookie") ?? "")?.[1];
        return age === undefined ? undefined : site.clock.now + Number(age) * 1000;
      };
      let cookieEnds = end(made);
      for (const step of [10, 51, 70, 5, 300, 59, 61, 900, 1700, 1000, 100, 99]) {
        site.clock.now += step * 1000;
        const response = await browser.visit(
          step % 2 ? read : (session) => session.update("n", (n = 0) => n + 1),
        );
        cookieEnds = end(response) ?? cookieEnds;
        const [info] = await site.sessions.list("ada");
        assert.equal(info!.expiresAt, cookieEnds, `after ${step}`);
      }
    });

    it("never happens with rolling: false, where only a save renews", async () => {
      const site = new Site(await open(), { rolling: false, idleAge: 1800 });
      const browser = await begin(site);
      site.clock.now += 1_000_000;
      assert.deepEqual((await browser.visit(read)).headers.getSetCookie(), []);
      assert.deepEqual(site.store.taken(), { load: 1 });
      await browser.visit((session) => void session.set("b", 1));
      site.clock.now += 1_799_999;
      assert.notEqual(await browser.id(), undefined);
      site.clock.now += 1;
      assert.equal(await browser.id(), undefined);
    });

    it("does not happen on an answer of 500 or above, or when the session was only awaited", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      site.clock.now += 86_400_000;
      await browser.visit((session) => (session.get("a"), new Response(null, { status: 500 })));
      await browser.visit(() => {});
      assert.deepEqual(site.store.taken(), { load: 2 });
    });

    it("by 50 readers at once is harmless, and each answer is 200", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      site.clock.now += 3_600_000;
      const answers = await Promise.all(Array.from({ length: 50 }, () => browser.twin().visit(read)));
      assert.ok(answers.every(({ status }) => status === 200));
      assert.deepEqual(await site.stored(await browser.id()), { a: 1 });
    });
  });
}

describe("touching a store without touch", () => {
  it("is a save with the same data, which harms no save that came in between", async () => {
    const site = new Site(withoutTouch(new MemoryStore()));
    const browser = await begin(site);
    site.clock.now += 3_600_000;
    const response = await browser.visit(async (session) => {
      session.get("a");
      await browser.twin(site.other()).visit((session) => void session.set("b", 2));
    });
    assert.equal(response.status, 200);
    assert.deepEqual(await site.stored(await browser.id()), { a: 1, b: 2 });
    site.clock.now += 3_600_000;
    site.store.taken();
    assert.equal((await browser.visit(read)).headers.getSetCookie().length, 1);
    assert.deepEqual(site.store.taken(), { load: 1, save: 1 });
    await new Browser(site, browser.cookie).visit((session) => assert.equal(session.get("b"), 2));
  });

  it("does not bring back a record that is gone", async () => {
    const site = new Site(withoutTouch(new MemoryStore()));
    const browser = await begin(site);
    const id = await browser.id();
    site.clock.now += 3_600_000;
    const response = await browser.visit(async (session) => {
      session.get("a");
      await browser.twin(site.other()).visit((session) => session.flush());
    });
    assert.deepEqual([response.status, response.headers.getSetCookie()], [200, []]);
    assert.equal(await site.stored(id), undefined);
  });
});

describe("a slow reader", () => {
  /** What a reader's answer brings when another request does `work` while it reads, and the site. */
  async function readBeside(work: Work, site = new Site(undefined, { idleAge: 3600 })) {
    const browser = await begin(site);
    site.clock.now += 120_000;
    const [go, reached] = [gate(), gate()];
    const answer = browser.twin().visit((session) => (session.get("a"), reached.open(), go.wait));
    await reached.wait;
    await browser.visit(work);
    return { browser, finish: () => (go.open(), answer) };
  }

  it("SR-035 does not cut the end that another request sets meanwhile, however many others save", async () => {
    const site = new Site(undefined, { idleAge: 3600 });
    const others: Browser[] = [];
    const { browser, finish } = await readBeside(async (session) => {
      others.push(...await Promise.all(Array.from({ length: 2100 }, () => begin(site))));
      session.setExpiry(30 * 86_400);
    }, site);
    for (const one of others) await one.visit((session) => session.update("a", (a) => a + 1));
    await finish();
    site.clock.now += 7_200_000;
    await browser.visit((session) => assert.equal(session.get("a"), 1));
  });

  it("sends no cookie over the one of a request that set another end meanwhile", async () => {
    for (const seconds of [0, 25 * 86_400]) {
      const { finish } = await readBeside((session) => session.setExpiry(seconds));
      assert.deepEqual((await finish()).headers.getSetCookie(), []);
    }
    const { finish } = await readBeside((session) => session.get("a"));
    assert.equal((await finish()).headers.getSetCookie().length, 1);
  });
});
