/** Other limits over sessions that exist already: a visitor who stays active stays, whichever way an age was changed. */

import assert from "node:assert/strict";
import { it } from "node:test";
import type { SessionsOptions } from "../../mod.ts";
import { fieldsOf, overEveryStore } from "../support/every_store.ts";

const minute = 60_000;
const day = 86_400;

/** The policy that sessions were made by, the one since, and the session's own user. */
const changes: Record<
  string,
  [before: Partial<SessionsOptions>, after: Partial<SessionsOptions>, user?: string]
> = {
  "idleAge is raised": [{ idleAge: 1800 }, { idleAge: 14 * day }],
  "idleAge is raised for a user": [{ idleAge: 1800 }, { idleAge: 14 * day, anonymousIdleAge: 1800 }, "ada"],
  "anonymousIdleAge is raised": [{ anonymousIdleAge: 1800 }, { anonymousIdleAge: 14 * day }],
  "absoluteAge is raised": [{ absoluteAge: 1800 }, { absoluteAge: day }],
  "absoluteAge is taken away": [{ absoluteAge: 1800, idleAge: 14 * day }, {
    absoluteAge: null,
    idleAge: 14 * day,
  }],
  "idleAge is lowered": [{ idleAge: 14 * day }, { idleAge: 1800 }],
  "anonymousIdleAge is lowered": [{}, { anonymousIdleAge: 1800 }],
};

overEveryStore("a policy that changes", (site) => {
  for (const [what, [before, after, user]] of Object.entries(changes)) {
    it(`when ${what}, who clicks every two minutes stays, and record and cookie end together`, async () => {
      const limits = { timeout: 30 };
      const browser = await site.begin({ a: 1 }, site.make({ ...before, ...limits }));
      if (user !== undefined) await browser.see((session) => session.login(user));
      const sessions = site.make({ ...after, ...limits });
      let cookieEnds = Infinity;
      for (let minutes = 2; minutes <= 100; minutes += 2) {
        site.clock.now += 2 * minute;
        const response = await browser.visit((session) => String(session.get("a")), { sessions });
        assert.equal(await response.text(), "1", `out after ${minutes} minutes`);
        const age = /; Max-Age=(\d+)/.exec(fieldsOf(response)[0] ?? "")?.[1];
        if (age !== undefined) cookieEnds = site.clock.now + Number(age) * 1000;
      }
      const end = await browser.see((session) => session.getExpiryDate().getTime(), { sessions });
      assert.ok(end - cookieEnds < 3_600_000, "the cookie ends with the record");
    });
  }

  it("when idleAge is raised, one touch is enough: the next click sends no cookie", async () => {
    const browser = await site.begin({ a: 1 }, site.make({ idleAge: 1800 }));
    const sessions = site.make({ idleAge: 14 * day });
    const fields: number[] = [];
    for (let click = 0; click < 5; click++) {
      site.clock.now += minute / 6;
      fields.push(fieldsOf(await browser.visit((session) => session.get("a"), { sessions })).length);
    }
    assert.deepEqual(fields, [1, 0, 0, 0, 0]);
  });

  it("a raise by less than an interval waits for its time, and a fixed end stays where it is", async () => {
    const browser = await site.begin({ a: 1 }, site.make({ idleAge: 1800 }));
    site.clock.now += minute / 6;
    const more = site.make({ idleAge: 1810 });
    assert.deepEqual(fieldsOf(await browser.visit((session) => session.get("a"), { sessions: more })), []);
    const end = site.clock.now + 600_000;
    await browser.see((session) => session.setExpiry(new Date(end)), { sessions: more });
    const sessions = site.make({ idleAge: 14 * day });
    site.clock.now += minute / 6;
    assert.deepEqual(fieldsOf(await browser.visit((session) => session.get("a"), { sessions })), []);
    site.clock.now = end;
    assert.deepEqual(await browser.data({ sessions }), {});
  });

  it("with rolling: false only a save takes the new age", async () => {
    const browser = await site.begin({ a: 1 }, site.make({ idleAge: 1800, rolling: false }));
    const sessions = site.make({ idleAge: 14 * day, rolling: false });
    site.clock.now += 10 * minute;
    assert.deepEqual(fieldsOf(await browser.visit((session) => session.get("a"), { sessions })), []);
    await browser.see((session) => void session.set("b", 1), { sessions });
    site.clock.now += 7 * day * 1000;
    assert.deepEqual(await browser.data({ sessions }), { a: 1, b: 1 });
  });
});
