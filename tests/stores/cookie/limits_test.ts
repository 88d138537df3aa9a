import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Site, start } from "../../support/cookie/rig.ts";

const fieldsOf = (response: Response) => response.headers.getSetCookie();

describe("the limits of a session in the cookie", () => {
  it("SR-027 both limits and the time of issue are inside, and the server goes by them", async () => {
    for (const seal of [true, false]) {
      const site = new Site({ idleAge: 1_000, absoluteAge: 5_000, seal });
      const { clock } = site;
      const { header } = await site.begin();
      const mark = () => site.other().mark(header);
      clock.now = start + 999_999;
      assert.equal(await mark(), "live");
      clock.now = start + 1_000_000;
      assert.equal(await mark(), undefined);
      // A browser whose owner took the Max-Age away, or put another in front, sends the same header for ever.
      for (const attributes of ["; Max-Age=99999999", "; $Path=/; Max-Age=1"]) {
        assert.equal(await site.mark(header + attributes), undefined);
      }
      const browser = await site.begin();
      const born = clock.now;
      for (let visits = 1; visits < 10; visits++) {
        clock.now = born + visits * 500_000;
        assert.equal(await browser.see((session) => session.get("mark")), "live", `visit ${visits}`);
      }
      clock.now = born + 4_999_999;
      const last = browser.header;
      assert.equal(await site.mark(last), "live");
      clock.now = born + 5_000_000;
      site.reported();
      assert.equal(await site.mark(last), undefined);
      assert.ok(site.reported().includes("expired"));
    }
  });

  it("SR-027 a cookie issued more than 60 s in the future is refused until the clock gets there", async () => {
    for (const seal of [true, false]) {
      const ahead = new Site({ clock: { now: start + 61_000 }, seal });
      const { header } = await ahead.begin();
      const site = ahead.other({ clock: { now: start } });
      assert.equal(await site.mark(header), undefined);
      assert.match(site.reported().join(), /^rejected/);
      site.clock.now = start + 1_000;
      assert.equal(await site.mark(header), "live");
    }
  });

  it("SR-027 two servers 45 s apart refuse nothing, 90 s apart they refuse what comes from the future (C6)", async () => {
    for (const apart of [45_000, 90_000]) {
      const slow = new Site({ idleAge: 600, absoluteAge: 3_600 });
      const fast = slow.other({ clock: { now: start + apart } });
      const step = (ms: number) => {
        slow.clock.now += ms;
        fast.clock.now += ms;
      };
      const browser = slow.browser();
      let refused = 0;
      for (let visit = 0; visit < 20; visit++) {
        const site = visit % 2 === 0 ? slow : fast;
        const isNew = await browser.see((session) => {
          session.set("n", visit);
          return session.isNew;
        }, { sessions: site.sessions });
        if (isNew && visit > 0) refused++;
        step(1_000);
      }
      if (apart === 45_000) assert.equal(refused, 0);
      else assert.ok(refused > 0 && slow.reported().includes("rejected future"));
      // The limits of a cookie from the slow server pass there, and at the other one at most the skew before.
      const { header } = await slow.begin();
      step(600_000 - apart - 1);
      assert.equal(await slow.mark(header), "live");
      assert.equal(await fast.mark(header), "live");
      step(1);
      assert.equal(await fast.mark(header), undefined);
      step(apart);
      assert.equal(await slow.mark(header), undefined);
    }
  });

  it("Max-Age is the smaller of the idle age and what is left, at most 400 days, and not there with browser close", async () => {
    const ageOf = (response: Response) => /; Max-Age=(\d+)/.exec(fieldsOf(response)[0]!)?.[1];
    const ages = async (options: ConstructorParameters<typeof Site>[0], expiry?: number | Date) => {
      const site = new Site(options);
      return ageOf(
        await site.browser().visit((session) => {
          session.set("a", 1);
          if (expiry !== undefined) session.setExpiry(expiry);
        }),
      );
    };
    assert.equal(await ages({}), "1209600");
    assert.equal(await ages({ absoluteAge: 1_000 }), "1000");
    assert.equal(await ages({ idleAge: 90_000_000, absoluteAge: null }), "34560000");
    assert.equal(await ages({ expireAtBrowserClose: true }), undefined);
    assert.equal(await ages({}, 0), undefined);
    assert.equal(await ages({}, 77), "77");
    assert.equal(await ages({}, new Date(start + 55_000)), "55");
    assert.equal(await ages({ absoluteAge: 44 }, new Date(start + 55_000)), "44");
  });

  it("a touch that is due sends the cookie again with its new limits", async () => {
    const site = new Site({ idleAge: 6_000 });
    const browser = await site.begin();
    const before = browser.header;
    site.clock.now += 59_000;
    assert.deepEqual(fieldsOf(await browser.visit((session) => session.get("mark"))), []);
    site.clock.now += 1_000;
    assert.match(fieldsOf(await browser.visit((session) => session.get("mark")))[0]!, /Max-Age=6000/);
    site.clock.now += 5_999_000;
    assert.equal(await site.mark(before), undefined);
    assert.equal(await site.mark(browser.header), "live");
  });
});
