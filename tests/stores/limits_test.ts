/** When sessions end, on every store: the presets, the policies, a session's own expiry, and what renews it. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { aal2, aal3, type SessionsOptions, type SessionStore } from "../../mod.ts";
import { keyOf } from "../support/fault_rig.ts";
import { fieldsOf, overEveryStore, start } from "../support/every_store.ts";
import { watch } from "../support/watched_store.ts";

overEveryStore("limits", (site) => {
  const { clock, browse, begin, make } = site;
  const at = (second: number) => void (clock.now = start + second * 1_000);
  /** Whether the session lives up to the last millisecond before this second, and not into it; the look renews nothing. */
  const endsAt = async (
    second: number,
    { header }: { header: string },
    options: Partial<SessionsOptions>,
  ) => {
    const watcher = browse(make({ ...options, rolling: false, saveEveryRequest: false }));
    const isLive = () => watcher.see((session) => !session.isNew, { header });
    clock.now = start + second * 1_000 - 1;
    assert.equal(await isLive(), true, `live before second ${second}`);
    at(second);
    assert.equal(await isLive(), false, `dead from second ${second} on`);
  };

  it("SR-037 the presets are those of NIST SP 800-63B-4, and nobody can change them", () => {
    assert.deepEqual(aal2, { absoluteAge: 24 * 3_600, idleAge: 3_600, expireAtBrowserClose: true });
    assert.deepEqual(aal3, { absoluteAge: 12 * 3_600, idleAge: 15 * 60, expireAtBrowserClose: true });
    assert.ok(Object.isFrozen(aal2) && Object.isFrozen(aal3));
  });

  for (const [name, preset] of Object.entries({ aal2, aal3 })) {
    it(`SR-037 ${name}: ${preset.idleAge} s idle, ${preset.absoluteAge} s in all, the cookie ends with the browser`, async () => {
      const over = make(preset);
      const browser = browse(over);
      const made = await browser.visit((session) => (session.set("a", 1), session.login("ann")));
      assert.equal(fieldsOf(made).length, 1);
      assert.doesNotMatch(fieldsOf(made)[0]!, /Max-Age|Expires/i);
      await endsAt(preset.idleAge, browser, preset);
      at(0);
      const busy = await begin({ a: 1 }, over);
      const step = preset.idleAge - 60;
      for (let second = step; second < preset.absoluteAge!; second += step) {
        at(second);
        assert.deepEqual(await busy.data(), { a: 1 }, `second ${second}`);
      }
      await endsAt(preset.absoluteAge!, busy, preset);
    });

    it(`SR-037 ${name}: log-in starts both limits again, nothing else the absolute one`, async () => {
      const over = make(preset);
      const { idleAge } = preset;
      const absoluteAge = preset.absoluteAge!;
      const browser = await begin({ a: 1 }, over);
      const step = idleAge / 2;
      const stay = async (from: number, to: number) => {
        for (let second = from; second < to; second += step) {
          at(second);
          await browser.see((session) => (session.update("n", (n = 0) => Number(n) + 1), session.cycleKey()));
        }
      };
      await stay(step, absoluteAge - step + 1);
      const login = absoluteAge - step;
      at(login);
      await browser.see((session) => session.login("ann"));
      await stay(login + step, login + absoluteAge);
      await endsAt(login + absoluteAge, browser, preset);
    });
  }

  it("SR-065 anonymousIdleAge ends sessions without a user at the second, and no others", async () => {
    const limits = { idleAge: 86_400, anonymousIdleAge: 3_600 };
    const over = make(limits);
    const anonymous = await begin({ a: 1 }, over);
    const user = await begin({ a: 1 }, over);
    const made = await user.visit((session) => session.login("ann"));
    assert.match(fieldsOf(made)[0]!, /; Max-Age=86400(;|$)/);
    await endsAt(3_600, anonymous, limits);
    await endsAt(86_400, user, limits);
  });

  it("SR-065 log-in leaves the anonymous limit behind, clear() comes back to it", async () => {
    const limits = { idleAge: 86_400, anonymousIdleAge: 3_600 };
    const over = make(limits);
    const browser = await begin({ a: 1 }, over);
    at(3_000);
    await browser.see((session) => session.login("ann"));
    at(80_000);
    const answer = await browser.visit((session) => (session.clear(), session.set("b", 2)));
    assert.match(fieldsOf(answer)[0]!, /; Max-Age=3600(;|$)/);
    await endsAt(83_600, browser, limits);
  });

  it("SR-037 setExpiry in seconds takes the place of either idle age and counts from the last activity", async () => {
    const limits = { idleAge: 50, anonymousIdleAge: 10, absoluteAge: 290 };
    const over = make(limits);
    const browser = browse(over);
    await browser.see((session) => (session.set("a", 1), session.setExpiry(100)));
    const other = browse(over);
    await other.see((session) => (session.set("a", 1), session.login("ann"), session.setExpiry(100)));
    at(50); // half of it: a touch is due
    for (const one of [browser, other]) await one.see((session) => session.get("a"));
    await endsAt(150, other, limits);
    at(140);
    assert.deepEqual(await browser.data(), { a: 1 });
    at(230);
    const answer = await browser.visit((session) => session.get("a"));
    assert.match(fieldsOf(answer)[0]!, /; Max-Age=60(;|$)/, "capped by the absolute age");
    await endsAt(290, browser, limits);
  });

  it("SR-037 setExpiry with a Date is an end that activity does not move, nor the idle age", async () => {
    const over = make({ idleAge: 100 });
    const browser = browse(over);
    await browser.see((session) => (session.set("a", 1), session.setExpiry(new Date(start + 1_000_000))));
    for (const second of [99, 500, 999]) {
      at(second);
      await browser.see((session) => session.update("n", (n = 0) => Number(n) + 1));
    }
    assert.equal((await browser.data())["n"], 3);
    await endsAt(1_000, browser, { idleAge: 100 });
  });

  it("SR-037 setExpiry(0) keeps the policy's limits, and null gives them back, rotated or not", async () => {
    const over = make({ idleAge: 1_000 });
    const closing = await begin({ a: 1 }, over);
    await closing.see((session) => session.setExpiry(0));
    await endsAt(1_000, closing, { idleAge: 1_000 });
    for (const rotates of [false, true]) {
      at(0);
      const browser = browse(over);
      const made = await browser.visit((session) => (session.set("a", 1), session.setExpiry(0)));
      assert.doesNotMatch(fieldsOf(made)[0]!, /Max-Age/);
      at(10);
      const back = await browser.visit((session) => {
        session.setExpiry(null);
        if (rotates) session.cycleKey();
      });
      assert.match(fieldsOf(back)[0]!, /; Max-Age=1000(;|$)/);
      at(100);
      const short = await browser.visit((session) => {
        session.setExpiry(20);
        if (rotates) session.cycleKey();
      });
      assert.match(fieldsOf(short)[0]!, /; Max-Age=20(;|$)/);
      await endsAt(120, browser, { idleAge: 1_000 });
    }
  });

  it("SR-037 rolling false: reading renews nothing, a save does", async () => {
    const over = make({ rolling: false, idleAge: 1_000 });
    const browser = await begin({ a: 1 }, over);
    for (const second of [100, 500, 900]) {
      at(second);
      assert.deepEqual(fieldsOf(await browser.visit((session) => session.get("a"))), [], `second ${second}`);
    }
    const answer = await browser.visit((session) => session.set("a", 2));
    assert.match(fieldsOf(answer)[0]!, /; Max-Age=1000(;|$)/);
    await endsAt(1_900, browser, { idleAge: 1_000 });
    at(0);
    const reader = await begin({ a: 1 }, over);
    at(999);
    await reader.data();
    await endsAt(1_000, reader, { idleAge: 1_000 });
  });

  it("SR-037 saveEveryRequest: each request to a session renews it at the second, with a cookie; no session, nothing", async () => {
    const over = make({ saveEveryRequest: true, idleAge: 1_000, rolling: false });
    const nobody = browse(over);
    assert.deepEqual(fieldsOf(await nobody.visit(() => "nothing")), []);
    const browser = await begin({ a: 1 }, over);
    for (const second of [1, 2, 900, 1_800]) {
      at(second);
      const answer = await browser.visit(() => "not used");
      assert.match(fieldsOf(answer)[0]!, /; Max-Age=1000(;|$)/, `second ${second}`);
    }
    at(2_000);
    assert.deepEqual(
      fieldsOf(await browser.visit(() => new Response(null, { status: 500 }))),
      [],
      "not on a 500",
    );
    await endsAt(2_800, browser, { idleAge: 1_000 });
  });

  it("SR-037 a hundred reads cost one write per interval, and change neither data nor version", async () => {
    if (!site.isHeld) return;
    const watched = watch(site.store as SessionStore);
    const over = make({ store: watched.store, idleAge: 10_000 });
    const browser = await begin({ a: 1 }, over);
    const key = await keyOf(await browser.see((session) => session.id!));
    const first = (await watched.store.load(key))!;
    watched.taken();
    for (let second = 1; second <= 300; second += 3) {
      at(second);
      await browser.data();
    }
    const writes = watched.taken().filter((method) => method !== "load");
    assert.deepEqual(writes, ["touch", "touch"], "at 100 s and 200 s");
    const last = (await watched.store.load(key))!;
    assert.deepEqual([last.data, last.version], [first.data, first.version]);
    assert.ok(last.expiresAt > first.expiresAt);
  });
});
