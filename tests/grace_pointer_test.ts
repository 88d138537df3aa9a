/** What a rotation with grace leaves behind: its cost, its end, and what becomes of it when a store fails or a process dies. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CachedStore } from "../backends/cached.ts";
import { MemoryStore } from "../backends/memory.ts";
import {
  createSessions,
  type Session,
  type SessionEvent,
  type Sessions,
  type SessionsOptions,
} from "../mod.ts";
import { mask, pointerKey, readPointer } from "../src/pointer.ts";
import { arrive, Browser } from "./browser.ts";
import { keyOf, secrets } from "./fault_rig.ts";
import { type Call, watch, type Watched } from "./watched_store.ts";

const grace = 30;
const day = 86_400_000;
const rotate = (session: Session) => session.cycleKey({ grace });
const idOf = (browser: Browser) => browser.see((session) => session.id!);

interface Place {
  readonly clock: { now: number };
  readonly inner: MemoryStore;
  readonly watched: Watched;
  readonly events: SessionEvent[];
  readonly browser: Browser;
  /** The browser as it was before its id was rotated. */
  readonly old: Browser;
  make(options?: Partial<SessionsOptions>): Sessions;
}

/** A browser with a session of "ann", whose id is not rotated yet. */
async function open(options: Partial<SessionsOptions> = {}): Promise<Place> {
  const clock = { now: 1_800_000_000_000 };
  const now = () => clock.now;
  const inner = new MemoryStore({ now });
  const watched = watch(inner);
  const events: SessionEvent[] = [];
  const make = (more: Partial<SessionsOptions> = {}) =>
    createSessions({
      store: watched.store,
      secrets,
      now,
      onEvent: (event) => events.push(event),
      ...options,
      ...more,
    });
  const browser = new Browser(make(), now);
  await browser.see((session) => (session.login("ann"), session.set("a", 1)));
  watched.taken();
  events.length = 0;
  return { clock, inner, watched, events, browser, old: browser.twin(), make };
}

describe("what a rotation with grace costs", () => {
  it("SR-031 one create more than one without; an old cookie costs two loads more", async () => {
    const { browser, old, watched } = await open();
    await browser.see(rotate);
    assert.deepEqual(watched.taken(), ["load", "create", "rotate"]);
    await browser.see((session) => session.set("b", 2));
    assert.deepEqual(watched.taken(), ["load", "save"]);
    await old.see((session) => session.set("c", 2));
    assert.deepEqual(watched.taken(), ["load", "load", "load", "save"]);
    await browser.see((session) => session.cycleKey());
    assert.deepEqual(watched.taken(), ["load", "rotate"]);
    await browser.see((session) => session.login("eve"));
    assert.deepEqual(watched.taken(), ["load", "rotate"]);
    await browser.see((session) => session.flush());
    assert.deepEqual(watched.taken(), ["load", "delete", "load"]);
  });

  it("SR-036 the old cookie asks again: no other id, no cookie, and what was written is kept", async () => {
    const { browser, old, events } = await open();
    await browser.see(rotate);
    const id = await idOf(browser);
    for (let i = 0; i < 3; i++) {
      const answer = await old.visit((session) => (session.set(`k${i}`, i), rotate(session)));
      assert.deepEqual([answer.status, answer.headers.getSetCookie()], [200, []]);
    }
    assert.equal(await idOf(browser), id);
    assert.deepEqual(await browser.data(), { a: 1, k0: 0, k1: 1, k2: 2 });
    assert.equal(events.filter(({ type }) => type === "rotated").length, 1);
  });

  it("SR-031 a log-in or a plain rotation under the old cookie makes a new id; the two before it are dead", async () => {
    const ways: [string, (session: Session) => void][] = [
      ["eve", (session) => session.login("eve")],
      ["ann", (session) => session.cycleKey()],
    ];
    for (const [user, work] of ways) {
      const { browser, old } = await open();
      const [first, kept] = [old.twin(), old.twin()];
      await browser.see(rotate);
      const second = browser.twin();
      await first.see(work);
      assert.equal(await first.see((session) => session.userId), user);
      for (const one of [kept, second]) assert.equal(await one.see((session) => session.userId), undefined);
    }
  });

  it("SR-016 a request with the old cookie and the new one has one session", async () => {
    const { browser, old, events } = await open();
    await browser.see(rotate);
    for (const header of [`${old.header}; ${browser.header}`, `${browser.header}; ${old.header}`]) {
      assert.deepEqual(await browser.data({ header }), { a: 1 });
    }
    assert.ok(events.every(({ type }) => type !== "rejected"));
  });
});

describe("the end of a grace", () => {
  it("SR-038 who was told off stays so, however the clock is set back", async () => {
    const { browser, old, clock, events } = await open();
    await browser.see(rotate);
    clock.now += grace * 1_000;
    assert.deepEqual(await old.data(), {});
    clock.now -= 20_000;
    for (let i = 0; i < 2; i++) assert.deepEqual(await old.data(), {});
    assert.equal(events.filter(({ type }) => type === "reuse").length, 3);
    assert.deepEqual(await browser.data(), { a: 1 });
  });

  it("SR-070 for a day it is told as reuse, then as unknown; housekeeping removes the pointer", async () => {
    const { browser, old, clock, events, inner, make } = await open();
    const at = await pointerKey(await keyOf(await idOf(browser)));
    await browser.see(rotate);
    assert.equal(inner.load(at)!.userId, undefined);
    assert.equal(inner.load(at)!.expiresAt, clock.now + grace * 1_000 + day);
    assert.equal((await make().list("ann")).length, 1);
    clock.now += grace * 1_000 + day;
    assert.equal(await make().clearExpired(), 1);
    assert.equal(inner.load(at), undefined);
    events.length = 0;
    assert.deepEqual(await old.data(), {});
    assert.deepEqual(events.map(({ type, reason }) => [type, reason]), [["rejected", "unknown"]]);
  });

  it("SR-033 a flush in flight for longer than the grace ends the session, and so does an old handle", async () => {
    for (const isHandle of [false, true]) {
      const { browser, old, clock, make } = await open();
      const { handle } = (await make().list("ann"))[0]!;
      const late = await arrive(old.twin(make()), (session) => session.flush());
      await browser.see(rotate);
      clock.now += day;
      if (isHandle) assert.equal(await make().revoke(handle, { userId: "ann" }), 1);
      else assert.equal((await late.go()).status, 200);
      assert.deepEqual(await browser.data(), {});
    }
  });

  it("SR-040 but no handle ends what another user's log-in has made of the session", async () => {
    for (const isRotated of [false, true]) {
      const { browser, make } = await open();
      const { handle } = (await make().list("ann"))[0]!;
      if (isRotated) await browser.see(rotate);
      await browser.see((session) => session.login("eve"));
      assert.equal(await browser.sessions.revoke(handle), 0);
      assert.equal(await browser.see((session) => session.userId), "eve");
    }
  });

  it("SR-034 a save that comes back after the grace is refused, and changes nothing", async () => {
    const { browser, old, clock } = await open();
    const late = await arrive(old, (session) => session.set("late", 1));
    await browser.see(rotate);
    clock.now += grace * 1_000;
    assert.equal((await late.go()).status, 409);
    assert.deepEqual(await browser.data(), { a: 1 });
  });

  it("SR-036 a late touch sends no cookie, and is not told as gone", async () => {
    const { browser, old, clock, events } = await open();
    clock.now += 7_200_000;
    const late = await arrive(old, (session) => session.get("a"));
    await browser.see(rotate);
    const answer = await late.go();
    assert.deepEqual([answer.status, answer.headers.getSetCookie()], [200, []]);
    assert.ok(events.every(({ type }) => type !== "gone"));
  });
});

describe("an old id whose record another process has in its cache", () => {
  /** Two processes with caches of their own over one store; the second has seen the session before the rotation. */
  async function cached() {
    const { browser, inner, clock, make } = await open();
    const now = () => clock.now;
    const process = () =>
      make({ store: new CachedStore(new MemoryStore({ now }), inner, { now, staleness: 60 }) });
    const [ours, others] = [process(), process()];
    const old = browser.twin(others);
    assert.deepEqual(await old.data(), { a: 1 });
    await browser.see(rotate, { sessions: ours });
    return { browser, old, ours, clock };
  }

  it("SR-031 leads to the session, and what is written under it is kept", async () => {
    const { browser, old } = await cached();
    assert.deepEqual(await old.data(), { a: 1 });
    await old.see((session) => session.set("b", 2));
    assert.deepEqual(await browser.data(), { a: 1, b: 2 });
    assert.deepEqual(await old.data(), { a: 1, b: 2 });
  });

  it("SR-033 ends the session when it is logged out", async () => {
    const { browser, old } = await cached();
    await old.see((session) => session.flush());
    for (const one of [old, browser]) assert.deepEqual(await one.data(), {});
  });

  it("SR-031 is not rotated again, and is dead after a log-in under it", async () => {
    const { browser, old } = await cached();
    const id = await idOf(browser);
    assert.deepEqual((await old.visit(rotate)).headers.getSetCookie(), []);
    assert.equal(await idOf(browser), id);
    const planted = old.twin();
    await old.see((session) => session.login("eve"));
    for (const one of [planted, browser]) assert.deepEqual(await one.data(), {});
    assert.equal(await old.see((session) => session.userId), "eve");
  });
});

describe("a rotation with grace that came to nothing", () => {
  it("SR-004 a new id that is taken is not tried again; one that is always taken is trouble", async () => {
    for (const times of [1, 7, 8]) {
      const place = await open();
      let left = times;
      const store = new Proxy(place.inner, {
        get: (target, name) => {
          const method = Reflect.get(target, name) as unknown;
          if (typeof method !== "function") return method;
          return (...args: unknown[]) =>
            name === "rotate" && left-- > 0 ? undefined : method.apply(target, args);
        },
      });
      const over = new Browser(place.make({ store }), () => place.clock.now, place.browser.cookies);
      const answer = await over.visit(rotate);
      assert.equal(answer.status, times < 8 ? 200 : 503);
      for (const one of [over, place.old]) assert.deepEqual(await one.data(), { a: 1 });
    }
  });

  it("SR-032 the pointer of a failed one serves the next, for its whole grace", async () => {
    const { browser, old, clock, watched, inner } = await open();
    watched.before = ({ method }) => {
      if (method === "rotate") throw new Error("down");
    };
    const at = await pointerKey(await keyOf(await idOf(browser)));
    assert.equal((await browser.visit(rotate)).status, 503);
    const first = readPointer(inner.load(at)!.data)!;
    watched.before = undefined;
    assert.deepEqual(await old.data(), { a: 1 });
    clock.now += 29_000;
    await browser.see(rotate);
    const second = readPointer(inner.load(at)!.data)!;
    assert.deepEqual([second.key, second.until], [first.key, first.until + 29_000]);
    assert.equal(await mask(second.masked, [...old.cookies.values()][0]!.slice(0, 32)), await idOf(browser));
    clock.now += 29_999;
    assert.deepEqual(await old.data(), { a: 1 });
  });

  it("SR-031 nor does it lead from a planted id past a log-in", async () => {
    const { browser, old, watched } = await open();
    watched.before = ({ method }) => {
      if (method === "rotate") throw new Error("down");
    };
    await browser.visit(rotate);
    watched.before = undefined;
    await browser.see((session) => session.login("eve"));
    assert.deepEqual(await old.data(), {});
  });

  it("SR-033 a log-out ends both records that a crash may leave in files", async () => {
    const { browser, old, inner } = await open();
    const key = await keyOf(await idOf(browser));
    const record = inner.load(key)!;
    await browser.see(rotate);
    inner.create(key, record);
    await old.see((session) => session.flush());
    for (const one of [old, browser]) assert.deepEqual(await one.data(), {});
  });

  it("SR-033 a log-out that fails at any store call says so, and is done when it is tried again", async () => {
    for (const when of ["before", "after"] as const) {
      for (const isInFlight of [true, false]) {
        for (let nth = 1;; nth++) {
          const { browser, old, watched, inner } = await open();
          const late = isInFlight ? await arrive(old.twin(), (session) => session.flush()) : undefined;
          await browser.see(rotate);
          let calls = 0;
          watched[when] = (_: Call) => {
            if (++calls === nth) throw new Error("down");
          };
          const answer = await (late?.go() ?? old.visit((session) => session.flush()));
          watched[when] = undefined;
          if (calls < nth) {
            assert.equal(answer.status, 200);
            break;
          }
          const title = `${when} call ${nth}, ${isInFlight ? "in flight" : "sent"}`;
          assert.equal(answer.status, 503, title);
          await old.see((session) => session.flush());
          await browser.see((session) => session.flush());
          assert.deepEqual([await old.data(), await browser.data()], [{}, {}], title);
          assert.deepEqual(inner.list("ann"), [], title);
        }
      }
    }
  });
});
