/** When sessions end, on every store: the presets, the policies, a session's own expiry, and what renews it. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { aal2, aal3, type SessionStore } from "../mod.ts";
import { keyOf } from "./fault_rig.ts";
import { fieldsOf, overEveryStore, start } from "./every_store.ts";
import { watch } from "./watched_store.ts";

overEveryStore("limits", (site) => {
  const { clock, browse, begin, make } = site;
  const at = (second: number) => void (clock.now = start + second * 1_000);
  /** One millisecond before. */
  const before = (second: number) => void (clock.now = start + second * 1_000 - 1);

  for (const [name, preset] of Object.entries({ aal2, aal3 })) {
    it(`SR-037 ${name}: ${preset.idleAge} s idle, ${preset.absoluteAge} s in all, the cookie ends with the browser`, async () => {
      const over = make(preset);
      const browser = browse(over);
      const made = await browser.visit((session) => (session.set("a", 1), session.login("ann")));
      assert.equal(fieldsOf(made).length, 1);
      assert.doesNotMatch(fieldsOf(made)[0]!, /Max-Age|Expires/i);
      const { header } = browser;
      before(preset.idleAge);
      assert.deepEqual(await browse(over).data({ header }), { a: 1 });
      at(0);
      const idle = await begin({ a: 1 }, over);
      at(preset.idleAge);
      assert.deepEqual(await idle.data(), {});
      at(0);
      const busy = await begin({ a: 1 }, over);
      const step = preset.idleAge - 60;
      for (let second = step; second < preset.absoluteAge!; second += step) {
        at(second);
        assert.deepEqual(await busy.data(), { a: 1 }, `second ${second}`);
      }
      before(preset.absoluteAge!);
      const last = busy.header;
      assert.deepEqual(await browse(over).data({ header: last }), { a: 1 });
      at(preset.absoluteAge!);
      assert.deepEqual(await browse(over).data({ header: last }), {});
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
      before(login + absoluteAge);
      assert.equal(await browser.see((session) => session.userId), "ann");
      at(login + absoluteAge);
      assert.equal(await browser.see((session) => session.userId), undefined);
    });
  }

  it("SR-065 anonymousIdleAge ends sessions without a user at the second, and no others", async () => {
    const over = make({ idleAge: 86_400, anonymousIdleAge: 3_600 });
    const anonymous = await begin({ a: 1 }, over);
    const user = await begin({ a: 1 }, over);
    const made = await user.visit((session) => session.login("ann"));
    assert.match(fieldsOf(made)[0]!, /; Max-Age=86400(;|$)/);
    const { header } = anonymous;
    before(3_600);
    assert.deepEqual(await browse(over).data({ header }), { a: 1 });
    at(3_600);
    assert.deepEqual(await browse(over).data({ header }), {});
    before(86_400);
    assert.deepEqual(await browse(over).data({ header: user.header }), { a: 1 });
    at(86_400);
    assert.deepEqual(await browse(over).data({ header: user.header }), {});
  });

  it("SR-065 log-in leaves the anonymous limit behind, clear() comes back to it", async () => {
    const over = make({ idleAge: 86_400, anonymousIdleAge: 3_600 });
    const browser = await begin({ a: 1 }, over);
    at(3_000);
    await browser.see((session) => session.login("ann"));
    at(80_000);
    const answer = await browser.visit((session) => (session.clear(), session.set("b", 2)));
    assert.match(fieldsOf(answer)[0]!, /; Max-Age=3600(;|$)/);
    const { header } = browser;
    before(83_600);
    assert.deepEqual(await browse(over).data({ header }), { b: 2 });
    at(83_600);
    assert.deepEqual(await browse(over).data({ header }), {});
  });

  it("SR-037 setExpiry in seconds takes the place of either idle age and counts from the last activity", async () => {
    const over = make({ idleAge: 50, anonymousIdleAge: 10, absoluteAge: 290 });
    const browser = browse(over);
    await browser.see((session) => (session.set("a", 1), session.setExpiry(100)));
    at(50); // half of it: a touch is due
    assert.deepEqual(await browser.data(), { a: 1 });
    const renewed = browser.header;
    before(150);
    assert.deepEqual(await browse(over).data({ header: renewed }), { a: 1 });
    at(149);
    assert.deepEqual(await browser.data(), { a: 1 });
    at(240);
    const answer = await browser.visit((session) => session.get("a"));
    assert.match(fieldsOf(answer)[0]!, /; Max-Age=50(;|$)/, "capped by the absolute age");
    before(290);
    assert.deepEqual(await browse(over).data({ header: browser.header }), { a: 1 });
    at(290);
    assert.deepEqual(await browser.data(), {});
  });

  it("SR-037 setExpiry with a Date is an end that activity does not move, nor the idle age", async () => {
    const over = make({ idleAge: 100 });
    const browser = browse(over);
    await browser.see((session) => (session.set("a", 1), session.setExpiry(new Date(start + 1_000_000))));
    for (const second of [99, 500, 999]) {
      at(second);
      await browser.see((session) => session.update("n", (n = 0) => Number(n) + 1));
    }
    const { header } = browser;
    before(1_000);
    assert.equal((await browse(over).data({ header }))["n"], 3);
    at(1_000);
    assert.deepEqual(await browse(over).data({ header }), {});
  });

  it("SR-037 setExpiry(0) keeps the policy's limits, and null gives them back, rotated or not", async () => {
    const over = make({ idleAge: 1_000 });
    for (const rotates of [false, true]) {
      at(0);
      const browser = browse(over);
      const made = await browser.visit((session) => (session.set("a", 1), session.setExpiry(0)));
      assert.doesNotMatch(fieldsOf(made)[0]!, /Max-Age/);
      const closing = browser.header;
      before(1_000);
      assert.deepEqual(await browse(over).data({ header: closing }), { a: 1 });
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
      const { header } = browser;
      before(120);
      assert.deepEqual(await browse(over).data({ header }), { a: 1 });
      at(120);
      assert.deepEqual(await browse(over).data({ header }), {});
    }
  });

  it("SR-037 rolling false: reading renews nothing, a save does", async () => {
    const over = make({ rolling: false, idleAge: 1_000 });
    const browser = await begin({ a: 1 }, over);
    for (const second of [100, 500, 900]) {
      at(second);
      assert.deepEqual(fieldsOf(await browser.visit((session) => session.get("a"))), [], `second ${second}`);
    }
    const { header } = browser;
    const answer = await browser.visit((session) => session.set("a", 2));
    assert.match(fieldsOf(answer)[0]!, /; Max-Age=1000(;|$)/);
    const saved = browser.header;
    before(1_900);
    assert.deepEqual(await browse(over).data({ header: saved }), { a: 2 });
    at(1_900);
    assert.deepEqual(await browse(over).data({ header: saved }), {});
    at(1_000);
    if (!site.isHeld) assert.deepEqual(await browse(over).data({ header }), {});
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
    const { header } = browser;
    before(2_800);
    assert.deepEqual(await browse(make({ rolling: false, idleAge: 1_000 })).data({ header }), { a: 1 });
    at(2_800);
    assert.deepEqual(await browse(over).data({ header }), {});
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
