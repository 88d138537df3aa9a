/** `setExpiry` and its readers, the test cookie and labels, next to what Django's do. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SessionsOptions } from "../../mod.ts";
import { begin, Site, Visitor } from "../support/fault_rig.ts";

const day = 86_400;
const policy = 14 * day;

/** An open session whose record exists, with its site. */
async function opened(options: Partial<SessionsOptions> = {}) {
  const site = new Site({ absoluteAge: null, ...options });
  const visitor = await begin(site);
  return { site, visitor, session: await site.sessions.open(visitor.id), now: site.clock.now };
}

describe("the readers of the expiry", () => {
  it("tell the policy when nothing was set", async () => {
    const { session, now } = await opened();
    assert.equal(session.getExpiryAge(), policy);
    assert.deepEqual(session.getExpiryDate(), new Date(now + policy * 1000));
    assert.equal(session.getExpireAtBrowserClose(), false);
  });

  it("tell seconds, a date, browser close and the policy again", async () => {
    const { session, now, site } = await opened();
    session.setExpiry(100);
    assert.equal(session.getExpiryAge(), 100);
    assert.deepEqual(session.getExpiryDate(), new Date(now + 100_000));
    session.setExpiry(new Date(now + 70_500));
    assert.equal(session.getExpiryAge(), 70);
    assert.deepEqual(session.getExpiryDate(), new Date(now + 70_500));
    site.clock.now += 20_000;
    assert.equal(session.getExpiryAge(), 50);
    assert.deepEqual(session.getExpiryDate(), new Date(now + 70_500));
    assert.equal(session.getExpireAtBrowserClose(), false);
    session.setExpiry(0);
    assert.equal(session.getExpireAtBrowserClose(), true);
    assert.equal(session.getExpiryAge(), policy);
    session.setExpiry(null);
    assert.equal(session.getExpireAtBrowserClose(), false);
    assert.equal(session.getExpiryAge(), policy);
  });

  it("take { modification, expiry } as in Django", async () => {
    const { session, now } = await opened();
    session.setExpiry(100);
    const modification = new Date(now - 30_000);
    assert.equal(session.getExpiryAge({ modification }), 100);
    assert.deepEqual(session.getExpiryDate({ modification }), new Date(now + 70_000));
    assert.deepEqual(session.getExpiryDate({ modification: modification.getTime() }), new Date(now + 70_000));
    assert.equal(session.getExpiryAge({ expiry: 7 }), 7);
    assert.deepEqual(session.getExpiryDate({ expiry: 7, modification }), new Date(now - 23_000));
    assert.equal(session.getExpiryAge({ expiry: new Date(now + 10_000) }), 10);
    assert.equal(session.getExpiryAge({ expiry: new Date(now + 10_000), modification }), 40);
    assert.equal(session.getExpiryAge({ expiry: new Date(now - 10_000) }), -10);
    assert.deepEqual(
      session.getExpiryDate({ expiry: new Date(now + 10_000), modification }),
      new Date(now + 10_000),
    );
    for (const expiry of [null, 0]) {
      assert.equal(session.getExpiryAge({ expiry }), policy);
      assert.deepEqual(
        session.getExpiryDate({ expiry, modification }),
        new Date(now - 30_000 + policy * 1000),
      );
    }
    assert.equal(session.getExpiryAge(), 100);
  });

  it("follow expireAtBrowserClose, and a session's own expiry comes first", async () => {
    const { session } = await opened({ expireAtBrowserClose: true });
    assert.equal(session.getExpireAtBrowserClose(), true);
    session.setExpiry(100);
    assert.equal(session.getExpireAtBrowserClose(), false);
    session.setExpiry(0);
    assert.equal(session.getExpireAtBrowserClose(), true);
  });

  it("are capped by absoluteAge, seconds and dates alike", async () => {
    const { session, site, now } = await opened({ absoluteAge: 1_000, idleAge: 500 });
    session.setExpiry(5_000);
    assert.equal(session.getExpiryAge(), 1_000);
    session.setExpiry(new Date(now + 9_999_000));
    assert.deepEqual(session.getExpiryDate(), new Date(now + 1_000_000));
    site.clock.now += 800_000;
    session.setExpiry(null);
    assert.equal(session.getExpiryAge(), 200);
  });

  it("tell the anonymous age without a user and the other with one", async () => {
    const { session } = await opened({ idleAge: 1_000, anonymousIdleAge: 100 });
    assert.equal(session.getExpiryAge(), 100);
    session.login("ada");
    assert.equal(session.getExpiryAge(), 1_000);
  });

  it("refuse instants that are none", async () => {
    const { session } = await opened();
    for (const wrong of [new Date(NaN), NaN, Infinity, "soon"]) {
      assert.throws(() => session.getExpiryAge({ modification: wrong as Date }), TypeError);
      assert.throws(() => session.getExpiryDate({ expiry: wrong as Date }), TypeError);
    }
  });
});

describe("setExpiry", () => {
  it("is kept with the session, not in its data, and moves record and cookie together", async () => {
    const { site, visitor } = await opened();
    const response = await visitor.visit((session) => {
      session.setExpiry(300);
      assert.deepEqual([...session.keys()], ["a"]);
    });
    assert.match(response.headers.getSetCookie()[0]!, /; Max-Age=300(;|$)/);
    assert.equal((await site.stored(visitor.id)).record!.expiresAt, site.clock.now + 300_000);
    site.clock.now += 299_000;
    assert.deepEqual(await visitor.data(), { a: 1 });
    await visitor.visit((session) => assert.equal(session.getExpiryAge(), 300));
    site.clock.now += 300_000;
    assert.deepEqual(await visitor.data(), {});
  });

  it("with a Date ends then, however active the visitor is", async () => {
    const { site, visitor, now } = await opened();
    await visitor.visit((session) => session.setExpiry(new Date(now + 100_000)));
    for (let i = 0; i < 9; i++) {
      site.clock.now += 10_000;
      await visitor.visit((session) => session.set("a", i));
    }
    assert.deepEqual(await visitor.data(), { a: 8 });
    site.clock.now += 10_000;
    assert.deepEqual(await visitor.data(), {});
  });

  it("with 0 sends a cookie that ends with the browser; null gives it an age again", async () => {
    const { visitor } = await opened();
    const closing = await visitor.visit((session) => session.setExpiry(0));
    assert.doesNotMatch(closing.headers.getSetCookie()[0]!, /Max-Age|Expires/i);
    const again = await visitor.visit((session) => session.setExpiry(null));
    assert.match(again.headers.getSetCookie()[0]!, new RegExp(`Max-Age=${policy}`));
  });

  it("with negative seconds or a Date gone by ends the session at the commit, without an error", async () => {
    for (const back of [-1, -1e9, "date"] as const) {
      const { site, visitor, now } = await opened();
      const response = await visitor.visit((session) =>
        session.setExpiry(back === "date" ? new Date(now - 1) : back)
      );
      assert.equal(response.status, 200);
      assert.match(response.headers.getSetCookie()[0] ?? "", /Max-Age=0/);
      assert.equal(site.store.inner.size, 0);
    }
  });

  it("refuses what is neither seconds, a Date nor null, and changes nothing", async () => {
    const { session } = await opened();
    for (const wrong of [NaN, Infinity, "60", new Date(NaN), undefined, {}, true, 60n]) {
      assert.throws(() => session.setExpiry(wrong as number), TypeError, String(wrong));
    }
    assert.equal(session.modified, false);
  });

  it("survives clear? No: as in Django, what clear takes includes it", async () => {
    const { visitor } = await opened();
    await visitor.visit((session) => {
      session.setExpiry(300);
      session.clear();
      session.set("b", 1);
    });
    await visitor.visit((session) => assert.equal(session.getExpiryAge(), policy));
  });
});

describe("the test cookie", () => {
  it("tells on the next request whether the browser returns cookies", async () => {
    const visitor = new Visitor(new Site());
    await visitor.visit((session) => {
      assert.equal(session.testCookieWorked(), false);
      session.setTestCookie();
    });
    await visitor.visit((session) => {
      assert.equal(session.testCookieWorked(), true);
      session.deleteTestCookie();
      assert.equal(session.testCookieWorked(), false);
      session.deleteTestCookie();
    });
    await visitor.visit((session) => assert.equal(session.testCookieWorked(), false));
    const without = new Visitor(new Site());
    await without.visit((session) => session.setTestCookie());
    without.client.cookies.clear();
    await without.visit((session) => assert.equal(session.testCookieWorked(), false));
  });

  it("is data as in Django, and not fooled by other values", async () => {
    const visitor = await begin(new Site(), { testcookie: true });
    await visitor.visit((session) => assert.equal(session.testCookieWorked(), false));
  });
});

describe("setLabel", () => {
  it("is shown by list, is no data, and can be changed", async () => {
    const { site, visitor } = await opened();
    const label = async () => (await site.sessions.list("ada"))[0]?.label;
    await visitor.visit((session) => session.login("ada"));
    assert.equal(await label(), undefined);
    for (const text of ["Firefox on Linux", 'Fire\nfox \u{1f98a} "}{', ""]) {
      await visitor.visit((session) => session.setLabel(text));
      assert.equal(await label(), text);
      assert.deepEqual(await visitor.data(), { a: 1 });
    }
  });

  it("refuses what is no short text: 256 bytes of UTF-8 are the most", async () => {
    const { session } = await opened();
    for (
      const wrong of [
        undefined,
        null,
        5,
        {},
        "x".repeat(10_000),
        "x".repeat(257),
        "é".repeat(129),
        "語".repeat(86),
      ]
    ) {
      assert.throws(() => session.setLabel(wrong as string), TypeError);
    }
    assert.equal(session.modified, false);
    for (const text of ["x".repeat(256), "é".repeat(128), "語".repeat(85)]) session.setLabel(text);
  });

  it("that is longer, of an earlier release, is shown and kept", async () => {
    const { site, visitor } = await opened();
    await visitor.visit((session) => session.login("ada"));
    const label = "語".repeat(200);
    await site.plant(visitor.id, `{"a":1}`, (head) => `${head}\n${JSON.stringify({ label })}`);
    await visitor.visit((session) => session.set("b", 2));
    const { record } = await site.stored(visitor.id);
    assert.equal(record!.data, '{"a":1,"b":2}');
    assert.ok(record!.head!.endsWith(`\n${JSON.stringify({ label })}`));
    assert.deepEqual((await site.sessions.list("ada")).map((info) => info.label), [label]);
  });
});
