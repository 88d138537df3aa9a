/** Rotation with grace on every store: who still gets in with an old id, until when, and who never does. */

import assert from "node:assert/strict";
import { it } from "node:test";
import type { Session } from "../../mod.ts";
import { arrive, type Browser } from "../support/browser.ts";
import { fieldsOf, overEveryStore } from "../support/every_store.ts";

const grace = 30;

/** What a browser makes of an answer that another tab's request got. */
function receive(browser: Browser, answer: Response): void {
  for (const field of fieldsOf(answer)) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(field)!;
    if (/; Max-Age=0(;|$)/.test(field)) browser.cookies.delete(name!);
    else browser.cookies.set(name!, value!);
  }
}

overEveryStore("rotation with grace", (site) => {
  const { clock, begin, make } = site;
  const rotate = (browser: Browser) => browser.see((session) => session.cycleKey({ grace }));
  const isLive = (browser: Browser) => browser.see((session) => !session.isNew);
  if (!site.isHeld) {
    it("SR-031 a session in a cookie cannot have it: refused at the call, and nothing changes", async () => {
      const browser = await begin({ a: 1 });
      const id = await browser.see((session) => {
        assert.throws(() => session.cycleKey({ grace }), { code: "ERR_UNSUPPORTED" });
        assert.equal(session.modified, false);
        return session.id;
      });
      assert.equal(await browser.see((session) => session.id), id);
      await browser.see((session) => session.cycleKey({ grace: 0 }));
      assert.notEqual(await browser.see((session) => session.id), id);
    });
    return;
  }

  const reuses = () => site.events.filter(({ type }) => type === "reuse").length;

  it("SR-031 50 parallel requests with the old cookie, loaded before or after it: none is anonymous, all writes are kept", async () => {
    const browser = await begin({ a: 1 });
    await browser.see((session) => session.login("ann"));
    const old = browser.twin();
    const seen: unknown[] = [];
    const work = (i: number) => (session: Session) => {
      seen.push(session.userId);
      session.set(`k${i}`, i);
    };
    const early = await Promise.all(Array.from({ length: 25 }, (_, i) => arrive(old.twin(), work(i))));
    const rotation = rotate(browser);
    const during = Array.from({ length: 15 }, (_, i) => old.twin().visit(work(25 + i)));
    const released = early.map(({ go }) => go());
    await rotation;
    const after = Array.from({ length: 10 }, (_, i) => old.twin().visit(work(40 + i)));
    const answers = await Promise.all([...released, ...during, ...after]);
    assert.deepEqual(answers.map(({ status }) => status), Array(50).fill(200));
    assert.deepEqual(seen, Array(50).fill("ann"));
    const data = await browser.data();
    for (let i = 0; i < 50; i++) assert.equal(data[`k${i}`], i, `write ${i}`);
  });

  it("SR-031 the old id leads there up to the last millisecond of the grace, then to nobody", async () => {
    const browser = await begin({ a: 1 });
    const old = browser.twin();
    await rotate(browser);
    clock.now += grace * 1_000 - 1;
    assert.deepEqual(await old.data(), { a: 1 });
    clock.now += 1;
    assert.deepEqual(await old.data(), {});
    assert.deepEqual(fieldsOf(await old.visit((session) => session.get("a"))), []);
    assert.deepEqual(await browser.data(), { a: 1 });
  });

  it("SR-070 a hit after the grace is an event `reuse`, with a tag and no id; one within it is none", async () => {
    const browser = await begin({ a: 1 });
    const old = browser.twin();
    const ids = [await browser.see((session) => session.id!)];
    await rotate(browser);
    ids.push(await browser.see((session) => session.id!));
    await old.data();
    assert.equal(reuses(), 0);
    clock.now += grace * 1_000;
    await old.data();
    const types = site.events.map(({ type, reason }) => [type, reason]);
    assert.equal(reuses(), 1, JSON.stringify(types));
    const event = site.events.find(({ type }) => type === "reuse")!;
    assert.match(event.tag!, /^[0-9a-f]{8}$/);
    for (const id of ids) assert.ok(!JSON.stringify(site.events).includes(id));
  });

  it("SR-031 every id of a chain of rotations stays what it is and leads to the session, each for its own grace", async () => {
    const browser = await begin({ a: 1 });
    const olds: Browser[] = [];
    const ids: unknown[] = [];
    for (let i = 0; i < 6; i++) {
      ids.push(await browser.see((session) => session.id));
      olds.push(browser.twin());
      await rotate(browser);
      clock.now += 1_000;
    }
    for (const [i, old] of olds.entries()) {
      assert.ok(await isLive(old));
      assert.equal(await old.see((session) => session.id), ids[i]);
    }
    clock.now += 24_000; // the first is 30 s old
    assert.deepEqual(await Promise.all(olds.map(isLive)), [false, true, true, true, true, true]);
    clock.now += 5_000;
    assert.deepEqual(await Promise.all([...olds, browser].map(isLive)), [...Array(6).fill(false), true]);
  });

  it("SR-031 a planted id is anonymous at once after log-in, however grace comes into it", async () => {
    const ways: ((session: Session) => unknown)[][] = [
      [(session) => (session.cycleKey({ grace }), session.login("ann"))],
      [(session) => (session.login("ann"), session.cycleKey({ grace }))],
      [async (session) => {
        session.login("ann");
        await session.save();
        session.cycleKey({ grace });
      }],
      [(session) => session.cycleKey({ grace }), (session) => session.login("ann")],
      [
        (session) => session.cycleKey({ grace }),
        (session) => (session.login("ann"), session.cycleKey({ grace })),
      ],
      [async (session) => {
        session.cycleKey({ grace });
        await session.save();
        session.login("ann");
      }],
    ];
    for (const [i, steps] of ways.entries()) {
      const victim = await begin({ a: 1 });
      const planted = [victim.twin()];
      for (const step of steps) {
        planted.push(victim.twin());
        await victim.see(step);
      }
      assert.equal(await victim.see((session) => session.userId), "ann", `way ${i}`);
      for (const attacker of planted) assert.deepEqual(await attacker.data(), {}, `way ${i}`);
    }
  });

  it("SR-031 a log-in that comes with the old cookie: no id from before it leads anywhere, at once", async () => {
    const browser = await begin({ a: 1 });
    const [planted, login] = [browser.twin(), browser.twin()];
    await rotate(browser);
    await login.see((session) => session.login("ann"));
    assert.equal(await login.see((session) => session.userId), "ann");
    for (const one of [planted, browser]) assert.deepEqual(await one.data(), {});
    assert.deepEqual(await login.data(), { a: 1 });
  });

  it("SR-031 a log-in in flight under the old id leaves neither old id alive", async () => {
    const browser = await begin({ a: 1 });
    const attacker = browser.twin();
    const login = await arrive(browser.twin(), (session) => session.login("ann"));
    await rotate(browser);
    const between = browser.twin();
    const answer = await login.go();
    assert.ok([200, 409].includes(answer.status));
    if (answer.status === 409) return;
    assert.equal(await attacker.see((session) => session.userId), undefined);
    assert.equal(await between.see((session) => session.userId), undefined);
    assert.deepEqual([await isLive(attacker), await isLive(between)], [false, false]);
  });

  for (const when of ["arrives", "was in flight", "was in flight in another process"] as const) {
    it(`SR-033 a flush that ${when} under the old id ends the session that it leads to, along a chain too`, async () => {
      for (const rotations of [1, 3]) {
        const browser = await begin({ a: 1 });
        const olds = [browser.twin()];
        const flush = (session: Session) => session.flush();
        const over = when === "was in flight" ? site.sessions : make();
        const early = when === "arrives" ? undefined : await arrive(olds[0]!.twin(over), flush);
        for (let i = 0; i < rotations; i++) {
          await rotate(browser);
          olds.push(browser.twin());
        }
        const answer = await (early?.go() ?? olds[0]!.twin().visit(flush));
        assert.equal(answer.status, 200);
        for (const one of [browser, ...olds]) {
          assert.deepEqual(await one.data(), {}, `${rotations} rotations`);
        }
      }
    });
  }

  it("SR-033 a flush under the new id ends the old one with it, at once", async () => {
    const browser = await begin({ a: 1 });
    const old = browser.twin();
    await rotate(browser);
    await browser.see((session) => session.flush());
    assert.deepEqual(await old.data(), {});
  });

  const lates: Record<string, (session: Session) => unknown> = {
    "only read": (session) => session.get("a"),
    wrote: (session) => session.set("late", 1),
    "set an expiry": (session) => session.setExpiry(500_000),
  };
  for (const [way, work] of Object.entries(lates)) {
    for (const isEarly of [true, false]) {
      const title = `${isEarly ? "loaded before" : "sent after"} the rotation, that ${way}`;
      it(`SR-036 a late answer ${title} does not put an older cookie over the newer`, async () => {
        const browser = await begin({ a: 1 });
        const old = browser.twin();
        clock.now += 7_200_000; // a touch is due
        const early = isEarly ? await arrive(old, work) : undefined;
        await rotate(browser);
        if (!isEarly) clock.now += 20_000;
        const answer = await (early?.go() ?? old.visit(work));
        assert.equal(answer.status, 200);
        receive(browser, answer);
        clock.now += grace * 1_000;
        assert.ok(await isLive(browser), "still the visitor's session after the grace");
      });
    }
  }

  it("SR-036 nor does one that saveEveryRequest made save", async () => {
    const browser = await begin({ a: 1 }, make({ saveEveryRequest: true }));
    const old = browser.twin();
    const early = await arrive(old.twin(), () => "nothing");
    await rotate(browser);
    for (const answer of [await early.go(), await old.visit(() => "nothing")]) receive(browser, answer);
    clock.now += grace * 1_000;
    assert.ok(await isLive(browser));
  });

  it("SR-031 no grace outlives the session: its limits hold under the old id too", async () => {
    const over = make({ idleAge: 20, absoluteAge: 25 });
    const browser = await begin({ a: 1 }, over);
    const [old, { now }] = [browser.twin(), clock];
    clock.now = now + 15_000;
    await browser.see((session) => session.cycleKey({ grace: 300 }));
    clock.now = now + 24_999;
    assert.ok(await isLive(old));
    clock.now = now + 25_000;
    assert.deepEqual([await isLive(old), await isLive(browser)], [false, false]);
  });

  it("SR-040 the way from the old id is no device, and a label and a user stay", async () => {
    const browser = await begin({ a: 1 });
    await browser.see((session) => (session.login("ann"), session.setLabel("phone")));
    const old = browser.twin();
    for (let i = 0; i < 3; i++) await rotate(browser);
    const infos = await old.see((session) => site.sessions.list("ann", { current: session }));
    assert.deepEqual(infos.map(({ label, current }) => [label, current]), [["phone", true]]);
    assert.equal(await site.sessions.revokeAll("ann"), 1);
    assert.deepEqual([await isLive(old), await isLive(browser)], [false, false]);
  });

  it("SR-031 open() takes the old id for as long as the grace, and saves under it", async () => {
    const browser = await begin({ a: 1 });
    const id = await browser.see((session) => session.id!);
    const held = await site.sessions.open(id);
    await rotate(browser);
    const session = await site.sessions.open(id);
    assert.equal(session.id, id);
    for (const [i, one] of [held, session, held].entries()) {
      one.set(`k${i}`, i);
      await one.save();
    }
    assert.deepEqual(await browser.data(), { a: 1, k0: 0, k1: 1, k2: 2 });
    assert.equal(held.id, session.id);
  });

  it("a grace that is no number of seconds from 0 to 300 is refused and changes nothing", async () => {
    const browser = await begin({ a: 1 });
    const id = await browser.see((session) => session.id);
    await browser.see((session) => {
      for (const wrong of [-1, 300.5, NaN, Infinity]) {
        assert.throws(() => session.cycleKey({ grace: wrong }), RangeError, String(wrong));
      }
      for (const wrong of ["30", null, {}, true]) {
        assert.throws(() => session.cycleKey({ grace: wrong as number }), TypeError, String(wrong));
      }
      assert.equal(session.modified, false);
    });
    assert.equal(await browser.see((session) => session.id), id);
    const old = browser.twin();
    await browser.see((session) => session.cycleKey({ grace: 0 }));
    assert.deepEqual([await isLive(old), await isLive(browser)], [false, true]);
  });
});
