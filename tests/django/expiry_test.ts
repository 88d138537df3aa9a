/** `_session_expiry` and its readers as Django's own tests want them, over both engines. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DjangoSite, start, twoWeeks } from "../support/django/site.ts";

for (const engine of ["db", "signed_cookies"] as const) {
  describe(`the expiry of a Django session, ${engine}`, () => {
    const fresh = async (work: Parameters<DjangoSite["visit"]>[0], changes = {}) => {
      const site = new DjangoSite(changes, engine);
      let failure: unknown;
      await site.visit(async (session, request) => {
        try {
          await work!(session, request);
        } catch (error) {
          failure = error;
        }
      });
      if (failure !== undefined) throw failure;
    };

    it("DJ-026 DJ-030 is the cookie age by default, after 0, and after it was taken back", () =>
      fresh((session) => {
        assert.equal(session.getExpiryAge(), twoWeeks);
        session.setExpiry(0);
        assert.equal(session.getExpiryAge(), twoWeeks);
        session.setExpiry(null);
        session.setExpiry(10);
        session.setExpiry(null);
        assert.equal(session.getExpiryAge(), twoWeeks);
        assert.equal(session.has("_session_expiry"), false);
      }));

    it("DJ-027 DX-023 seconds count from the modification, and may have a fraction", () =>
      fresh((session) => {
        session.setExpiry(10);
        const modification = new Date(start - 50_000);
        assert.deepEqual(session.getExpiryDate({ modification }), new Date(start - 40_000));
        assert.equal(session.getExpiryAge({ modification }), 10);
        assert.equal(session.get("_session_expiry"), 10, "it is in the data");
        session.setExpiry(1.5);
        assert.equal(session.getExpiryAge(), 1.5);
      }));

    it("DJ-028 DJ-029 DX-024 DX-028 a date is kept as ISO text with an offset; ages are rounded down", () =>
      fresh((session) => {
        const end = new Date(start + 10_000);
        session.setExpiry(end);
        assert.equal(session.get("_session_expiry"), "2027-01-15T08:00:10+00:00");
        assert.deepEqual(session.getExpiryDate(), end);
        assert.equal(session.getExpiryAge(), 10);
        session.setExpiry(new Date(start + 1900));
        assert.equal(session.get("_session_expiry"), "2027-01-15T08:00:01.900000+00:00");
        assert.equal(session.getExpiryAge(), 1);
        assert.equal(session.getExpiryAge({ expiry: new Date(start - 500) }), -1);
      }));

    it("DJ-031 browser close: the setting, unless the session has an expiry of its own", async () => {
      for (const setting of [false, true]) {
        await fresh((session) => {
          assert.equal(session.getExpireAtBrowserClose(), setting);
          session.setExpiry(10);
          assert.equal(session.getExpireAtBrowserClose(), false);
          session.setExpiry(0);
          assert.equal(session.getExpireAtBrowserClose(), true);
          session.setExpiry(null);
          assert.equal(session.getExpireAtBrowserClose(), setting);
        }, { sessionExpireAtBrowserClose: setting });
      }
    });

    it("DJ-045 another cookie age is another default", () =>
      fresh((session) => {
        assert.equal(session.getExpiryAge(), 86_400);
        session.setExpiry(10);
        session.setExpiry(null);
        assert.equal(session.getExpiryAge(), 86_400);
      }, { sessionCookieAge: 86_400 }));

    it("DX-022 a negative number lies before the modification", () =>
      fresh((session) => {
        session.setExpiry(-5);
        assert.equal(session.getExpiryAge(), -5);
        assert.deepEqual(session.getExpiryDate({ modification: start }), new Date(start - 5000));
      }));

    it("DX-025 taking back the own expiry removes it from the data", async () => {
      const site = new DjangoSite({}, engine);
      const cookie = await site.begin((session) => {
        session.set("a", 1);
        session.setExpiry(60);
      });
      await site.visit((session) => {
        assert.deepEqual([...session.keys()], ["a", "_session_expiry"]);
        session.setExpiry(null);
        assert.equal(session.modified, true);
        assert.deepEqual([...session.keys()], ["a"]);
      }, cookie);
    });

    it("DX-027 an end right now is an end, and no browser close", () =>
      fresh((session) => {
        session.setExpiry(new Date(start));
        assert.equal(session.getExpiryAge(), 0);
        assert.equal(session.getExpireAtBrowserClose(), false);
        assert.equal(session.get("_session_expiry"), "2027-01-15T08:00:00+00:00");
      }));

    it("what other sites wrote as expiry is understood, and rubbish is none", async () => {
      for (
        const [text, end] of [
          ["2027-01-15T08:01:00Z", start + 60_000],
          ["2027-01-15T09:01:00.500+01:00", start + 60_500],
          ["2027-01-15 08:01:00", start + 60_000],
          ["tomorrow", start + twoWeeks * 1000],
          [true, start + twoWeeks * 1000],
          [null, start + twoWeeks * 1000],
        ] as const
      ) {
        await fresh((session) => {
          session.set("_session_expiry", text);
          assert.deepEqual(session.getExpiryDate(), new Date(end));
        });
      }
    });
  });
}

describe("the expiry of a row", () => {
  it("seconds beyond all dates end the session never or at once, and not a row with a later end", async () => {
    for (const expiry of ["1e300", "1e15", "123456789012345"]) {
      const site = new DjangoSite({}, "db");
      const key = await site.put("k".repeat(32), `{"a":1,"_session_expiry":${expiry}}`);
      await site.visit((session) => session.set("b", session.get("a")), key);
      assert.equal(await site.see((session) => session.get("b"), key), 1, expiry);
      assert.ok(site.row(key)!.expire_date >= "9999");
    }
  });
});
