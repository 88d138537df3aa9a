/** The arithmetic of ends, touches and cookie ages by itself. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  cookieAge,
  endFrom,
  endOf,
  idleEndOf,
  isTouchDue,
  type Limits,
  type SessionAge,
} from "../../src/data/lifetime.ts";

const now = 1_800_000_000_000;
const endOfTime = 8.64e15;
const limits: Limits = {
  idleAge: 1000,
  anonymousIdleAge: 100,
  absoluteAge: 5000,
  expireAtBrowserClose: false,
};
const life = (notes: SessionAge["meta"] = {}): SessionAge => ({
  meta: notes,
  userId: "ann",
  createdAt: now,
  touchedAt: now,
});

describe("the end of a session", () => {
  it("SR-037 is the idle age after the touch, its own or the policy's, and never after the absolute age", () => {
    const anonymous = { ...life(), userId: undefined };
    assert.equal(endOf(limits, life()), now + 1_000_000);
    assert.equal(endOf(limits, anonymous), now + 100_000);
    assert.equal(endOf(limits, life({ expiry: 0 })), now + 1_000_000);
    assert.equal(endOf(limits, life({ expiry: 7.0005 })), now + 7_000);
    assert.equal(endOf(limits, life({ expiry: { at: now + 9.5 } })), now + 9);
    assert.equal(endOf(limits, life(), now + 4_500_000), now + 5_000_000);
    assert.equal(endOf({ ...limits, absoluteAge: 0.0015 }, life()), now + 1);
    assert.equal(idleEndOf(limits, life(), now + 4_500_000), now + 5_500_000);
  });

  it("is no later than a Date can hold", () => {
    const endless = { ...limits, absoluteAge: null };
    for (const far of [life({ expiry: 1e15 }), life({ expiry: { at: 1e17 } })]) {
      assert.equal(idleEndOf(endless, far, now), endOfTime);
      assert.equal(endOf(endless, far), endOfTime);
      assert.equal(endFrom(endless, far, now, undefined), endOfTime);
    }
    assert.ok(Number.isFinite(new Date(endOf(endless, life({ expiry: 1e15 }))).getTime()));
  });

  it("counts from another instant, with another expiry in place of the session's own", () => {
    const from = now + 3_000;
    const own = life({ expiry: 10 });
    assert.equal(endFrom(limits, own, from, undefined), from + 10_000);
    assert.equal(endFrom(limits, own, from, null), from + 1_000_000);
    assert.equal(endFrom(limits, own, from, 0), from + 1_000_000);
    assert.equal(endFrom(limits, own, from, 20), from + 20_000);
    assert.equal(endFrom(limits, own, from, { at: now + 7.5 }), now + 7);
    assert.equal(endFrom(limits, own, from, 9_999), now + 5_000_000);
  });
});

describe("a touch", () => {
  it("SR-037 is due after a hundredth of the idle age, within bounds", () => {
    for (
      const [idle, after] of [
        [10, 5],
        [100, 50],
        [150, 60],
        [6000, 60],
        [7000, 70],
        [360_000, 3600],
        [500_000, 3600],
      ] as const
    ) {
      const own = life({ expiry: idle });
      assert.equal(
        isTouchDue(limits, own, own.touchedAt + idle * 1000, now + after * 1000 - 1),
        false,
        `${idle}`,
      );
      assert.equal(isTouchDue(limits, own, own.touchedAt + idle * 1000, now + after * 1000), true, `${idle}`);
    }
  });
});

describe("the age of a cookie", () => {
  it("is the time that is left, in whole seconds, and nothing for a session that has ended", () => {
    assert.equal(cookieAge(limits, life(), now + 7_001, now), 8);
    assert.equal(cookieAge(limits, life(), now, now), 0);
    assert.equal(cookieAge(limits, life(), now - 5_000, now), 0);
  });

  it("is never more than the idle age, but for a fixed end, and never more than 400 days", () => {
    assert.equal(cookieAge(limits, life(), now + 2_000_000, now), 1000);
    assert.equal(cookieAge(limits, life({ expiry: 20 }), now + 2_000_000, now), 20);
    assert.equal(cookieAge(limits, life({ expiry: { at: now + 2_000_000 } }), now + 2_000_000, now), 2000);
    assert.equal(cookieAge(limits, life({ expiry: { at: now + 1e12 } }), now + 1e12, now), 400 * 86_400);
  });

  it("is none where the session ends with the browser", () => {
    const closing = { ...limits, expireAtBrowserClose: true };
    assert.equal(cookieAge(closing, life(), now + 7_000, now), undefined);
    assert.equal(cookieAge(closing, life({ expiry: 10 }), now + 7_000, now), 7);
    assert.equal(cookieAge(limits, life({ expiry: 0 }), now + 7_000, now), undefined);
  });
});
