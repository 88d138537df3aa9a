import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { barrier, begin, Browser, dice, seed, Site, stores, turn, type Work } from "../support/commit_rig.ts";
import { SessionError } from "../../mod.ts";

const count = 200;
const increment: Work = (session) => session.update("n", (n = 0) => n + 1);

/** Every call of the store takes from 0 to `most` turns of the event loop, before and after it is done. */
function delay(site: Site, roll: (below: number) => number, most = 4): void {
  const wait = async () => {
    for (let turns = roll(most); turns > 0; turns--) await turn();
  };
  site.store.before = wait;
  site.store.after = wait;
}

for (const { name, open } of stores) {
  describe(`requests that overlap on one session, on ${name}`, () => {
    it(`SR-042 ${count} that each set their own key all keep it`, async () => {
      console.log(`SOJOURN_SEED=${seed}`);
      const site = new Site(await open());
      const browser = await begin(site);
      delay(site, dice(seed));
      const loaded = barrier(count);
      const answers = await Promise.all(
        Array.from({ length: count }, (_, i) =>
          browser.twin().visit(async (session) => {
            await loaded();
            session.set(`key${i}`, i);
          })),
      );
      assert.deepEqual(answers.map(({ status }) => status), Array(count).fill(200));
      const data = await site.stored(await browser.id());
      assert.deepEqual(data, Object.fromEntries([["a", 1], ...answers.map((_, i) => [`key${i}`, i])]));
    });

    it(`SR-042 ${count} updates of one number are ${count}`, async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      delay(site, dice(seed + 1));
      const loaded = barrier(count);
      const answers = await Promise.all(
        Array.from({ length: count }, () =>
          browser.twin().visit(async (session) => {
            await loaded();
            return increment(session, undefined as never);
          })),
      );
      assert.deepEqual(answers.map(({ status }) => status), Array(count).fill(200));
      assert.deepEqual(await site.stored(await browser.id()), { a: 1, n: count });
    });

    it(`SR-042 ${count} changes inside one list through update are all in it, once`, async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      delay(site, dice(seed + 2));
      const loaded = barrier(count);
      await Promise.all(Array.from({ length: count }, (_, i) =>
        browser.twin().visit(async (session) => {
          await loaded();
          session.update("list", (list = []) => (list.push(i), list));
          session.update("list", (list) => [...list, -i]);
        })));
      const { list } = await site.stored(await browser.id()) as { list: number[] };
      const wanted = Array.from({ length: count }, (_, i) => [i, -i]).flat();
      assert.deepEqual([...list].sort((a, b) => a - b), wanted.sort((a, b) => a - b));
    });

    it("SR-042 no save waits for more than the store: those that wait are combined", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      const loaded = barrier(count);
      site.store.before = turn;
      await Promise.all(Array.from({ length: count }, () =>
        browser.twin().visit(async (session) => {
          await loaded();
          return increment(session, undefined as never);
        })));
      const { save } = site.store.taken();
      assert.ok(save! <= 10, `${save} saves`);
    });

    it("SR-042 processes of their own lose nothing that was acknowledged, and count nothing twice", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      const sites = [site, site.other(), site.other(), site.other()];
      sites.forEach((site, i) => delay(site, dice(seed + 10 + i), 3));
      const kept: string[] = [];
      let acknowledged = 0;
      for (let round = 0; round < 3; round++) {
        const loaded = barrier(sites.length * 8);
        await Promise.all(sites.flatMap((site, s) =>
          Array.from({ length: 8 }, async (_, i) => {
            const key = `r${round}s${s}i${i}`;
            const { status } = await browser.twin(site).visit(async (session) => {
              await loaded();
              session.set(key, 1);
              return increment(session, undefined as never);
            });
            assert.ok(status === 200 || status === 409, String(status));
            if (status === 200) kept.push(key) && acknowledged++;
          })
        ));
      }
      const data = await site.stored(await browser.id()) as Record<string, unknown>;
      assert.equal(data["n"], acknowledged);
      assert.deepEqual(Object.keys(data).filter((key) => key.startsWith("r")).sort(), kept.sort());
      assert.ok(acknowledged >= 48, `only ${acknowledged} of 96 went through`);
    });

    it("SR-042 plain writes of one key: one of them is there whole, never a mixture", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      const other = site.other();
      delay(site, dice(seed + 20));
      delay(other, dice(seed + 21));
      const loaded = barrier(40);
      await Promise.all(
        Array.from(
          { length: 40 },
          (_, i) =>
            browser.twin(i % 2 === 0 ? site : other).visit(async (session) => {
              await loaded();
              session.set("who", { name: i, again: [i, i, i] });
            }),
        ),
      );
      const { who } = await site.stored(await browser.id()) as { who: { name: number } };
      assert.deepEqual(who, { name: who.name, again: [who.name, who.name, who.name] });
    });

    it("a change that cannot be applied to the fresh data fails alone", async () => {
      const site = new Site(await open(), { maxBytes: 200 });
      const browser = await begin(site);
      site.store.before = turn;
      const loaded = barrier(12);
      const results = await Promise.allSettled(
        Array.from({ length: 12 }, (_, i) =>
          browser.twin().visit(async (session) => {
            await loaded();
            if (i === 5) session.set("big", "x".repeat(300));
            if (i === 7) {
              session.update("n", (n = 0) => {
                if (n > 0) throw new TypeError("not twice");
                return 0;
              });
            }
            return increment(session, undefined as never);
          })),
      );
      const failed = results.flatMap(({ status }, i) => status === "rejected" ? [i] : []);
      assert.deepEqual(failed.filter((i) => i !== 7), [5]);
      const error = (results[5] as PromiseRejectedResult).reason;
      assert.ok(error instanceof SessionError && error.code === "ERR_TOO_LARGE");
      const { n } = await site.stored(await browser.id()) as { n: number };
      assert.equal(n, 12 - failed.length);
    });
  });

  describe(`conflicts that never end, on ${name}`, () => {
    /** A site whose every save is overtaken by another process. */
    async function overtaken(times: number): Promise<{ site: Site; browser: Browser }> {
      const site = new Site(await open());
      const browser = await begin(site);
      const rival = new Browser(site.other(), browser.cookie);
      let left = times;
      site.store.before = async (method) => {
        if (method === "save" && left-- > 0) {
          await rival.visit((session) => session.update("rival", (n = 0) => n + 1));
        }
      };
      site.store.taken();
      return { site, browser };
    }

    it("SR-042 a save that is overtaken ten times goes through, and is applied once", async () => {
      const { site, browser } = await overtaken(10);
      assert.equal((await browser.visit(increment)).status, 200);
      assert.deepEqual(await site.stored(await browser.id()), { a: 1, rival: 10, n: 1 });
    });

    it("SR-042 a save that is overtaken eleven times is refused with 409, and is not applied", async () => {
      const { site, browser } = await overtaken(11);
      const response = await browser.visit(increment);
      assert.equal(response.status, 409);
      assert.deepEqual(response.headers.getSetCookie(), []);
      assert.equal(site.store.taken().save, 11);
      assert.ok(site.eventTypes().includes("conflict"));
      assert.deepEqual(await site.stored(await browser.id()), { a: 1, rival: 11 });
    });

    it("SR-042 a refused save may be tried again by the handler, and is applied once", async () => {
      const { site, browser } = await overtaken(11);
      const { status } = await browser.visit(async (session) => {
        increment(session, undefined as never);
        await assert.rejects(session.save(), { code: "ERR_CONFLICT", retryable: true });
        await session.save();
        await session.save();
      });
      assert.equal(status, 200);
      assert.deepEqual(await site.stored(await browser.id()), { a: 1, rival: 11, n: 1 });
    });

    it("SR-049 a save that failed and meets others' changes at the second try is refused: it may have been applied", async () => {
      const { site, browser } = await overtaken(0);
      const rival = browser.twin(site.other());
      const { status } = await browser.visit(async (session) => {
        increment(session, undefined as never);
        session.set("before", 1);
        site.store.before = () => {
          throw new Error("down");
        };
        await assert.rejects(session.save(), { code: "ERR_STORE" });
        site.store.before = undefined;
        await rival.visit((session) => session.update("n", (n = 0) => n + 10));
        session.set("after", 1);
      });
      assert.equal(status, 409);
      assert.deepEqual(await site.stored(await browser.id()), { a: 1, n: 10 });
    });

    for (const work of ["cycleKey", "login"] as const) {
      it(`SR-042 ${work} that is overtaken takes the others' changes along`, async () => {
        const { site, browser } = await overtaken(5);
        const before = await browser.id();
        site.store.taken();
        const { status } = await browser.visit((session) => {
          session.set("mine", 1);
          if (work === "login") session.login("ada");
          else session.cycleKey();
        });
        assert.equal(status, 200);
        const after = await browser.id();
        assert.notEqual(after, before);
        assert.equal(await site.stored(before), undefined);
        assert.deepEqual(await site.stored(after), { a: 1, rival: 5, mine: 1 });
        if (work === "login") assert.equal((await site.sessions.list("ada")).length, 1);
      });

      it(`SR-042 ${work} that is overtaken eleven times leaves the old id with the old data`, async () => {
        const { site, browser } = await overtaken(11);
        const before = await browser.id();
        const response = await browser.visit((session) => {
          session.set("mine", 1);
          if (work === "login") session.login("ada");
          else session.cycleKey();
        });
        assert.equal(response.status, 409);
        assert.deepEqual(response.headers.getSetCookie(), []);
        assert.deepEqual(await site.stored(before), { a: 1, rival: 11 });
        assert.deepEqual(await site.sessions.list("ada"), []);
      });
    }
  });
}
