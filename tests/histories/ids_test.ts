/**
 * What becomes of a session whose id is replaced while others are under way, history by history, on every store. Two `Sessions` objects
 * over one store stand for the processes P and Q; what only processes of their own show is in processes_test.ts.
 */

import assert from "node:assert/strict";
import { it } from "node:test";
import { createSessions, type Session, type SessionsOptions } from "../../mod.ts";
import { arrive, type Browser } from "../support/browser.ts";
import { fieldsOf, overEveryStore } from "../support/every_store.ts";

const grace = 30;
const minute = 60_000;

overEveryStore("histories of ids", (site) => {
  if (!site.isHeld) return;
  const { clock, begin, make } = site;
  const types = () => site.events.map(({ type }) => type);
  const user = (browser: Browser) => browser.see((session) => session.userId);
  const login = (id: string) => (session: Session) => session.login(id);
  const cycle = (session: Session) => session.cycleKey();
  const cycleWithGrace = (session: Session) => session.cycleKey({ grace });
  /** What a browser makes of a response that another tab's request got. */
  const receive = (browser: Browser, answer: Response) => {
    for (const field of fieldsOf(answer)) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(field)!;
      if (/; Max-Age=0(;|$)/.test(field)) browser.cookies.delete(name!);
      else browser.cookies.set(name!, value!);
    }
  };
  const refused = (answer: Response) => {
    assert.equal(answer.status, 409);
    assert.deepEqual(fieldsOf(answer), []);
  };

  it("n0 is planted and the victim logs in: who reads with n0 is anonymous, and an event tells", async () => {
    const victim = await begin({ cart: 1 });
    const thief = victim.twin();
    await victim.see(login("ann"));
    site.events.length = 0;
    assert.deepEqual(await thief.data(), {});
    assert.deepEqual(types(), ["reuse"]);
    assert.deepEqual(await victim.data(), { cart: 1 });
  });

  it("who writes with n0 within a minute of the log-in gets a 409 and no cookie, and later a new session", async () => {
    const victim = await begin({ cart: 1 });
    const thief = victim.twin();
    await victim.see(login("ann"));
    clock.now += minute - 1;
    refused(await thief.twin().visit((session) => session.set("planted", 1)));
    clock.now += 1;
    await thief.see((session) => session.set("planted", 1));
    assert.deepEqual(await thief.data(), { planted: 1 });
    assert.deepEqual(await victim.data(), { cart: 1 });
    assert.equal(await user(victim), "ann");
  });

  it("a write with n0 that was in flight at the log-in is a 409, and nothing of it is saved", async () => {
    const victim = await begin({ cart: 1 });
    const late = await arrive(victim.twin(make()), (session) => session.set("planted", 1));
    await victim.see(login("ann"));
    refused(await late.go());
    assert.deepEqual(await victim.data(), { cart: 1 });
  });

  it("a log-in with n0 that was in flight begins a session of its own, with nothing of the victim's log-in", async () => {
    const victim = await begin({ cart: 1 });
    const thief = victim.twin(make());
    const late = await arrive(thief, (session) => (session.set("mine", 1), session.login("ann")));
    await victim.see((session) => (session.login("ann"), session.set("second factor", true)));
    assert.equal((await late.go()).status, 200);
    assert.deepEqual(await thief.data(), { cart: 1, mine: 1 });
    assert.deepEqual(await victim.data(), { cart: 1, "second factor": true });
    assert.equal(site.lists ? (await site.sessions.list("ann")).length : 2, 2);
  });

  it("a thief logs in as himself first: the victim's log-in in flight has a session of its own", async () => {
    const thief = await begin({ cart: 1 });
    const victim = thief.twin(make());
    const late = await arrive(victim, login("ann"));
    await thief.see((session) => (session.login("eve"), session.set("trap", 1)));
    assert.equal((await late.go()).status, 200);
    assert.deepEqual([await user(victim), await user(thief)], ["ann", "eve"]);
    assert.deepEqual(await victim.data(), { cart: 1 });
    assert.deepEqual(await thief.data(), { cart: 1, trap: 1 });
  });

  for (const order of ["in order", "the other way round"]) {
    it(`a log-in form sent twice: both responses are 200, and the visitor is logged in when they arrive ${order}`, async () => {
      const browser = await begin({ cart: 1 });
      const attempts = await Promise.all(
        [site.sessions, make()].map((over) => arrive(browser.twin(over), login("ann"))),
      );
      const answers = [];
      for (const { go } of attempts) answers.push(await go());
      assert.deepEqual(answers.map(({ status }) => status), [200, 200]);
      for (const answer of order === "in order" ? answers : answers.toReversed()) receive(browser, answer);
      assert.equal(await user(browser), "ann");
      assert.deepEqual(await browser.data(), { cart: 1 });
      for (const answer of answers) {
        const one = browser.twin();
        receive(one, answer);
        assert.equal(await user(one), "ann");
      }
    });
  }

  it("a log-in that comes later with n0 begins a new session, and the first one lives on", async () => {
    const first = await begin({ cart: 1 });
    const second = first.twin();
    await first.see(login("ann"));
    await second.see(login("ann"));
    assert.deepEqual([await user(first), await user(second)], ["ann", "ann"]);
    assert.deepEqual([await first.data(), await second.data()], [{ cart: 1 }, {}]);
  });

  for (const when of ["in flight", "sent with n0 and loaded later"]) {
    for (const times of [1, 2, 50]) {
      it(`SR-034 a log-out ${when} beside ${times} rotations and log-ins of another process: no id finds the session`, async () => {
        const owner = await begin({ a: 1 }, make());
        const ids = [owner.twin(site.sessions)];
        const flush = (session: Session) => session.flush();
        const early = when === "in flight" ? await arrive(ids[0]!.twin(), flush) : undefined;
        for (let i = 0; i < times; i++) {
          await owner.see(i % 2 === 0 ? cycle : login("ann"));
          ids.push(owner.twin(site.sessions));
        }
        const answer = await (early?.go() ?? ids[0]!.twin().visit(flush));
        assert.equal(answer.status, 200);
        // A copy of another process may be served for as long as it was allowed to.
        clock.now += minute + 1;
        for (const one of ids) assert.deepEqual(await one.data(), {});
        assert.deepEqual(await owner.data(), {});
      });
    }
  }

  it("SR-034 a log-in in P and a log-out in Q between its load and its save: a 409, and no session", async () => {
    const browser = await begin({ a: 1 });
    const late = await arrive(browser.twin(make()), login("ann"));
    await browser.twin().see((session) => session.flush());
    refused(await late.go());
    assert.deepEqual(await browser.data(), {});
    if (site.lists) assert.deepEqual(await site.sessions.list("ann"), []);
  });

  it("of two requests that cycle the key one is a 200 with a cookie, the other a 409 without", async () => {
    const browser = await begin({ a: 1 });
    const late = await arrive(browser.twin(make()), cycle);
    const first = await browser.visit(cycle);
    assert.deepEqual([first.status, fieldsOf(first).length], [200, 1]);
    refused(await late.go());
    assert.deepEqual(await browser.data(), { a: 1 });
  });

  it("a rotation in Q, then a write and a rotation of P in flight: a 409, and the write is not saved", async () => {
    const browser = await begin({ a: 1 });
    const late = await arrive(browser.twin(make()), (session) => (session.set("b", 2), session.cycleKey()));
    await browser.see(cycle);
    refused(await late.go());
    assert.deepEqual(await browser.data(), { a: 1 });
  });

  it("a rotation in Q, then a plain write of P in flight: saved once, no cookie, nothing of Q shown, and no second time", async () => {
    const browser = await begin({ a: 1 });
    const shown: unknown[] = [];
    const late = await arrive(browser.twin(make()), async (session) => {
      session.update("a", (n: number) => n + 1);
      await session.save();
      shown.push({ ...session.toObject() });
      session.set("again", 1);
      await assert.rejects(session.save(), { code: "ERR_GONE" });
      return new Response("", { status: 500 });
    });
    await browser.see((session) => (session.cycleKey(), session.set("q", 1)));
    assert.deepEqual(fieldsOf(await late.go()), []);
    assert.deepEqual(shown, [{ a: 2 }]);
    assert.deepEqual(await browser.data(), { a: 2, q: 1 });
  });

  it("a session that a socket holds open saves once more after a rotation elsewhere, and then no more", async () => {
    const browser = await begin({ a: 1 });
    const id = await browser.see((session) => session.id!);
    const held = await make().open(id);
    await browser.see(cycle);
    await held.set("message", 1).save();
    await assert.rejects(held.set("message", 2).save(), { code: "ERR_GONE" });
    const anew = await site.sessions.open(id);
    assert.deepEqual([anew.id, anew.size], [undefined, 0]);
    assert.deepEqual(await browser.data(), { a: 1, message: 1 });
  });

  it("n0 and n1 in grace both work, only n2 gets cookies, and asking again moves no end", async () => {
    const browser = await begin({ a: 1 });
    const [n0] = [browser.twin()];
    await browser.see(cycleWithGrace);
    const n1 = browser.twin();
    clock.now += 20_000;
    await browser.see(cycleWithGrace);
    for (const old of [n0, n1]) {
      const answer = await old.visit((
        session,
      ) => (session.update("a", (n: number) => n + 1), cycleWithGrace(session)));
      assert.deepEqual([answer.status, fieldsOf(answer)], [200, []]);
    }
    assert.deepEqual(await browser.data(), { a: 3 });
    clock.now += 10_000;
    assert.deepEqual([await n0.data(), await n1.data()], [{}, { a: 3 }]);
    clock.now += 20_000;
    assert.deepEqual([await n1.data(), await browser.data()], [{}, { a: 3 }]);
  });

  it("after a ninth rotation within the grace of eight the oldest id is over", async () => {
    const browser = await begin({ a: 1 });
    const olds: Browser[] = [];
    for (let i = 0; i < 9; i++) {
      olds.push(browser.twin());
      await browser.see(cycleWithGrace);
    }
    const seen = [];
    for (const old of olds) seen.push(await old.see((session) => session.size));
    assert.deepEqual(seen, [0, ...Array(8).fill(1)]);
  });

  for (const [name, end] of [["log-in", login("ann")], ["plain rotation", cycle]] as const) {
    it(`SR-031 a ${name} ends every grace`, async () => {
      const browser = await begin({ a: 1 });
      const old = browser.twin();
      await browser.see(cycleWithGrace);
      await browser.see(end);
      assert.deepEqual(await old.data(), {});
    });
  }

  it("SR-038 a grace that is over stays over when the clock steps back, once somebody came with it or something was saved", async () => {
    for (const seal of ["comes", "saves"]) {
      const browser = await begin({ a: 1 });
      const old = browser.twin();
      await browser.see(cycleWithGrace);
      clock.now += grace * 1000;
      if (seal === "comes") await old.data();
      else await browser.see((session) => session.set("b", 1));
      clock.now -= 3_600_000;
      assert.deepEqual(await old.data(), {}, seal);
      clock.now += 3_600_000;
    }
  });

  it("a touch of P in flight while Q rotates changes nothing and sends no cookie", async () => {
    const browser = await begin({ a: 1 });
    clock.now += 2 * 86_400_000;
    const late = await arrive(browser.twin(make()), (session) => session.get("a"));
    await browser.see(cycle);
    const answer = await late.go();
    assert.deepEqual([answer.status, fieldsOf(answer)], [200, []]);
    assert.deepEqual(await browser.data(), { a: 1 });
  });

  it("when a session has ended its cookie leads to nobody", async () => {
    const browser = await begin({ a: 1 });
    const twin = browser.twin();
    await browser.see((session) => session.flush());
    site.events.length = 0;
    assert.deepEqual(await twin.data(), {});
    assert.deepEqual(site.events.map(({ type, reason }) => [type, reason]), [["rejected", "unknown"]]);
  });

  it("a write in flight while another request clears a logged-in session is a 409", async () => {
    const browser = await begin({ a: 1 });
    await browser.see(login("ann"));
    const late = await arrive(browser.twin(make()), (session) => session.set("b", 1));
    await browser.twin().see((session) => session.clear());
    refused(await late.go());
  });

  it("two applications with one secret, one cookie and one store have one set of sessions; with two stores they know nothing of each other", async () => {
    const browser = await begin({ a: 1 });
    assert.deepEqual(await browser.twin(make()).data(), { a: 1 });
    const { MemoryStore } = await import("../../backends/memory.ts");
    const elsewhere: SessionsOptions["store"] = new MemoryStore({ now: () => clock.now });
    const secrets = [Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 1)];
    const other = createSessions({ store: elsewhere, secrets, now: () => clock.now });
    assert.deepEqual(await browser.twin(other).data(), {});
  });

  it("a device's handle stays the same through ten rotations, and ends it", async () => {
    if (!site.lists) return;
    const browser = await begin({ a: 1 });
    await browser.see(login("ann"));
    const { handle } = (await site.sessions.list("ann"))[0]!;
    for (let i = 0; i < 10; i++) await browser.see(i % 2 ? cycle : cycleWithGrace);
    assert.equal((await site.sessions.list("ann"))[0]!.handle, handle);
    assert.equal(await site.sessions.revoke(handle, { userId: "ann" }), 1);
    clock.now += minute + 1;
    assert.deepEqual(await browser.data(), {});
  });

  it("two log-ins that run concurrently beyond a limit of one leave one session", async () => {
    if (!site.lists) return;
    const over = [make({ maxSessionsPerUser: 1 }), make({ maxSessionsPerUser: 1 })];
    const browsers = await Promise.all(over.map((sessions) => begin({}, sessions)));
    const answers = await Promise.all(browsers.map((browser) => browser.visit(login("ann"))));
    assert.deepEqual(answers.map(({ status }) => status), [200, 200]);
    assert.equal((await site.sessions.list("ann")).length, 1);
    assert.ok(site.events.some(({ type, reason }) => type === "ended" && reason === "limit"));
  });

  it("beyond the limit those sessions end that were longest without activity", async () => {
    if (!site.lists) return;
    const sessions = make({ maxSessionsPerUser: 3 });
    const browsers: Browser[] = [];
    for (let i = 0; i < 5; i++) {
      browsers.push(await begin({ i }, sessions));
      await browsers[i]!.see(login("ann"));
      clock.now += 1000;
    }
    clock.now += minute;
    const alive = [];
    for (const browser of browsers) alive.push(await user(browser) === "ann");
    assert.deepEqual(alive, [false, false, true, true, true]);
  });

  it("`revokeAll` beside a log-in of another process: the sessions of before are gone, and a later log-in lives", async () => {
    if (!site.lists) return;
    const before = await Promise.all(Array.from({ length: 5 }, () => begin({}, make())));
    for (const browser of before) await browser.see(login("ann"));
    const late = await begin({}, make());
    assert.equal(await site.sessions.revokeAll("ann"), 5);
    await late.see(login("ann"));
    clock.now += minute + 1;
    for (const browser of before) assert.equal(await user(browser), undefined);
    assert.equal(await user(late), "ann");
  });
});
