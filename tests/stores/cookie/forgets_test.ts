/** Which stores may remember the sessions in cookies that have ended: none that drops some to make room. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CachedStore } from "../../../backends/cached.ts";
import { CookieStore } from "../../../backends/cookie.ts";
import { MemoryStore } from "../../../backends/memory.ts";
import { Site, start } from "../../support/cookie/rig.ts";
import { watch } from "../../support/watched_store.ts";

describe("a store for ended ids that forgets", () => {
  const memory = (maxEntries?: number) => new MemoryStore(maxEntries === undefined ? {} : { maxEntries });

  it("SR-028 is refused, whatever is around it, with what to take instead", () => {
    const wrapped = watch(memory()).store;
    for (
      const revocation of [
        memory(),
        memory(1_000_000),
        new CachedStore(memory(), memory()),
        wrapped,
        Object.assign(memory(Infinity), { forgets: true }),
      ]
    ) {
      assert.throws(
        () => new CookieStore({ revocation }),
        (error) =>
          error instanceof TypeError && error.message.includes("new MemoryStore({ maxEntries: Infinity })"),
      );
    }
    assert.ok(new CookieStore({ revocation: memory(Infinity) }));
    assert.ok(new CookieStore({ revocation: new CachedStore(memory(), memory(Infinity)) }));
  });

  it("SR-028 what was ended stays so after 10,001 other log-outs", async () => {
    const clock = { now: start };
    const revocation = new MemoryStore({ maxEntries: Infinity, now: () => clock.now });
    const site = new Site({ revocation, clock });
    const browser = await site.begin({ mark: "live" }, "user");
    const copy = browser.header;
    await browser.see((session) => session.logout());
    for (let i = 0; i < 10_001; i++) {
      const key = i.toString(16).padStart(64, "0");
      revocation.create(key, {
        data: "ended",
        createdAt: clock.now,
        touchedAt: clock.now,
        expiresAt: clock.now + 86_400_000,
      });
    }
    assert.equal(await site.mark(copy), undefined);
  });
});
