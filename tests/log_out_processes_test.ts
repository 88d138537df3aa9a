/** Log-out is final also when another process has just given the session a new id: two `Sessions` objects stand for two processes. */

import assert from "node:assert/strict";
import { it } from "node:test";
import type { Session } from "../mod.ts";
import { arrive } from "./browser.ts";
import { overEveryStore } from "./every_store.ts";

overEveryStore("log-out beside another process", (site) => {
  if (!site.isHeld || !site.lists) return;
  const changes: Record<string, (session: Session) => void> = {
    cycleKey: (session) => session.cycleKey(),
    "another login": (session) => session.login("ann"),
    "cycleKey with grace": (session) => session.cycleKey({ grace: 30 }),
  };

  for (const [name, change] of Object.entries(changes)) {
    it(`SR-034 a log-out that a ${name} of another process overtakes ends the session all the same`, async () => {
      const elsewhere = site.make();
      const other = await site.begin({ other: true });
      await other.see((session) => session.login("ann"));
      const browser = await site.begin({ a: 1 });
      await browser.see((session) => session.login("ann"));
      const twin = browser.twin(elsewhere);
      const late = await arrive(browser, (session) => session.flush());
      await twin.see(change);
      await late.go();
      assert.equal(await twin.see((session) => session.userId), undefined);
      assert.equal((await site.sessions.list("ann")).length, 1);
      assert.equal(await other.see((session) => session.userId), "ann");
    });
  }

  it("SR-034 a log-out of a session that is over already ends nobody else's", async () => {
    const [first, second] = [await site.begin({ a: 1 }), await site.begin({ a: 1 })];
    for (const browser of [first, second]) await browser.see((session) => session.login("ann"));
    const late = await arrive(first, (session) => session.flush());
    await first.twin().see((session) => session.flush());
    await late.go();
    assert.equal(await second.see((session) => session.userId), "ann");
  });
});
