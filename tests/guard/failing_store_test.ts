/** A store that is down: what each kind of failure of each store call does to an answer (SR-045, SR-047). */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  begin,
  cleanFaults,
  DriverError,
  fails,
  type Method,
  Site,
  Visitor,
  type Work,
} from "../support/fault_rig.ts";

/** Requests that need one store call, and a word for what they do. */
const uses: readonly { method: Method; of: string; isNew?: boolean; work: Work }[] = [
  { method: "load", of: "a read", work: (session) => session.get("a") },
  { method: "load", of: "a write", work: (session) => session.set("a", 2) },
  { method: "create", of: "a first write", isNew: true, work: (session) => session.set("a", 2) },
  { method: "save", of: "a write", work: (session) => session.set("a", 2) },
  { method: "save", of: "a nested change", work: (session) => session.get("list").push(2) },
  { method: "save", of: "an explicit save", work: (session) => session.set("a", 2).save() },
  { method: "save", of: "a login", work: (session) => session.login("eve") },
  { method: "save", of: "a new id", work: (session) => session.cycleKey() },
  { method: "delete", of: "a log-out", work: (session) => session.flush() },
];

const answers: readonly { of: string; make: (body: ReadableStream) => Response }[] = [
  { of: "a 200", make: (body) => new Response(body) },
  { of: "a 302", make: (body) => new Response(body, { status: 302, headers: { location: "/next" } }) },
  {
    of: "a 404 with a cookie",
    make: (body) => new Response(body, { status: 404, headers: { "set-cookie": "a=b" } }),
  },
];

/** A body that never ends by itself, and the reasons for which it was cancelled. */
function openEnded(): { body: ReadableStream; cancelled: unknown[] } {
  const cancelled: unknown[] = [];
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(1)),
    cancel: (reason) => void cancelled.push(reason),
  });
  return { body, cancelled };
}

async function assertRefused(response: Response): Promise<void> {
  assert.equal(response.status, 503);
  assert.match(response.headers.get("retry-after") ?? "", /^\d+$/);
  assert.match(response.headers.get("cache-control") ?? "", /no-store/);
  assert.deepEqual(response.headers.getSetCookie(), []);
  assert.doesNotMatch(await response.text(), /failed|DriverError|\{/);
}

async function siteWith(isNew = false): Promise<{ site: Site; visitor: Visitor; before: string }> {
  const site = new Site();
  const visitor = isNew ? new Visitor(site) : await begin(site, { a: 1, list: [1] }, "ada");
  return { site, visitor, before: isNew ? "" : JSON.stringify(await site.stored(visitor.id)) };
}

for (const fault of cleanFaults) {
  describe(`a store whose calls ${fault}`, () => {
    it("SR-045 is not noticed by a request that does not use its session", async () => {
      const { site, visitor } = await siteWith();
      site.store.fail(fault);
      const own = new Response("hello");
      const sent = await site.sessions.wrap(() => own)(
        new Request("https://localhost/", { headers: { cookie: `__Host-sid=${visitor.cookie}` } }),
      );
      assert.equal(sent, own);
      assert.deepEqual(site.store.taken(), []);
    });

    for (const { method, of, isNew, work } of uses) {
      it(`SR-045 makes ${of} a 503 when ${method} fails, and what was stored stays`, async () => {
        const { site, visitor, before } = await siteWith(isNew);
        const { cookie } = visitor;
        site.store.fail(fault, method);
        await assertRefused(await visitor.visit(work));
        assert.ok(site.eventTypes().includes("store-error"), site.eventTypes().join());
        assert.equal(visitor.cookie, cookie);
        site.store.heal();
        if (isNew) assert.equal(site.store.inner.size, 0);
        else {
          assert.equal(JSON.stringify(await site.stored(visitor.id)), before);
          assert.deepEqual(await visitor.data(), { a: 1, list: [1] });
        }
      });
    }

    it("SR-045 rejects with a typed error that may be tried again and says nothing secret", async () => {
      const { site, visitor } = await siteWith();
      site.store.fail(fault, "load");
      await visitor.send(async (request) => {
        const error = await fails(() => request.session, "ERR_STORE");
        assert.equal(error.retryable, true);
        if (fault === "reject" || fault === "throw") assert.ok(error.cause instanceof DriverError);
        const { key } = await site.stored(visitor.id);
        for (const secret of [key, visitor.id, '"a"', "DriverError"]) {
          assert.ok(!error.message.includes(secret), error.message);
        }
        return new Response("ok");
      });
    });

    it("SR-045 leaves the answer to a handler that caught the failed load", async () => {
      const { site, visitor, before } = await siteWith();
      site.store.fail(fault, "load");
      const response = await visitor.send(async (request) => {
        await fails(() => request.session, "ERR_STORE");
        return new Response("we are resting", { status: 200, headers: { "cache-control": "max-age=5" } });
      });
      assert.equal(await response.text(), "we are resting");
      assert.equal(response.headers.get("cache-control"), "max-age=5");
      assert.deepEqual(response.headers.getSetCookie(), []);
      assert.deepEqual(site.store.taken(), ["load"]);
      assert.equal(JSON.stringify(await site.stored(visitor.id)), before);
    });

    it("SR-045 leaves the answer to a handler that caught the failed save and answers 500 itself", async () => {
      const { site, visitor, before } = await siteWith();
      site.store.fail(fault, "save");
      const response = await visitor.visit(async (session) => {
        session.set("a", 2);
        await fails(() => session.save(), "ERR_STORE");
        return new Response("my own", { status: 500 });
      });
      assert.equal(await response.text(), "my own");
      assert.deepEqual(response.headers.getSetCookie(), []);
      assert.equal(JSON.stringify(await site.stored(visitor.id)), before);
    });

    it("SR-045 leaves a session alive whose log-out failed and was caught", async () => {
      const { site, visitor, before } = await siteWith();
      site.store.fail(fault, "delete");
      const response = await visitor.visit(async (session) => {
        await fails(() => session.flush(), "ERR_STORE");
        return "could not log you out";
      });
      assert.equal(response.status, 200);
      assert.deepEqual(response.headers.getSetCookie(), []);
      assert.equal(JSON.stringify(await site.stored(visitor.id)), before);
    });

    it("SR-047 asks again at the answer for what a caught save left unsaved, and refuses when that fails too", async () => {
      const { site, visitor } = await siteWith();
      site.store.fail(fault, "save");
      await assertRefused(
        await visitor.visit(async (session) => {
          session.set("a", 2);
          await fails(() => session.save(), "ERR_STORE");
          return "saved!";
        }),
      );
      const healed = await visitor.visit(async (session) => {
        session.set("a", 3);
        await fails(() => session.save(), "ERR_STORE");
        site.store.heal();
        return "saved!";
      });
      assert.equal(healed.status, 200);
      assert.deepEqual(await visitor.data(), { a: 3, list: [1] });
    });

    it("a read-only answer survives a touch that fails: 200, no cookie, an event", async () => {
      const { site, visitor } = await siteWith();
      site.clock.now += 3_600_000;
      site.store.fail(fault, "touch");
      const response = await visitor.visit((session) => session.get("a"));
      assert.equal(response.status, 200);
      assert.equal(await response.text(), "1");
      assert.deepEqual(response.headers.getSetCookie(), []);
      assert.ok(site.eventTypes().includes("store-error"));
    });

    for (const { of, make } of answers) {
      for (const [method, isLogin] of [["create", false], ["save", false], ["save", true]] as const) {
        it(`SR-047 replaces ${of} when ${method} fails${isLogin ? " at a log-in" : ""}, and cancels its body once`, async () => {
          const { site, visitor } = await siteWith(method === "create");
          site.store.fail(fault, method);
          const { body, cancelled } = openEnded();
          const response = await visitor.visit((session) => {
            if (isLogin) session.login("eve");
            session.set("a", 2);
            return make(body);
          });
          await assertRefused(response);
          assert.equal(response.headers.get("location"), null);
          assert.equal(cancelled.length, 1);
        });
      }
    }

    it("SR-045 is told to whoever lists, revokes, clears or opens", async () => {
      const { site, visitor } = await siteWith();
      const { sessions } = site;
      const { handle } = (await sessions.list("ada"))[0]!;
      const { id } = visitor;
      const calls: [Method, () => Promise<unknown>][] = [
        ["list", () => sessions.list("ada")],
        ["list", () => sessions.revokeAll("ada")],
        ["delete", () => sessions.revokeAll("ada")],
        ["delete", () => sessions.revoke(handle)],
        ["load", () => sessions.revoke(handle, { userId: "ada" })],
        ["clearExpired", () => sessions.clearExpired()],
        ["load", () => sessions.open(id)],
      ];
      for (const [method, run] of calls) {
        site.store.fail(fault, method);
        await fails(run, "ERR_STORE");
        site.store.heal();
      }
      assert.deepEqual((await sessions.list("ada")).map((info) => info.handle), [handle]);
    });
  });
}

describe("a store that answers nonsense", () => {
  const nonsense: Partial<Record<Method, readonly unknown[]>> = {
    load: [0, "", "x", [], {}, true, { data: "1\n{}" }, new Map()],
    create: [true, 0, {}, "", [], 1n],
    save: [true, 0, {}, "", []],
    delete: ["", 0, 1, "true", {}, undefined],
    touch: ["", 0, 1, {}, undefined],
  };
  for (const [method, all] of Object.entries(nonsense) as [Method, readonly unknown[]][]) {
    for (const isAsync of [false, true]) {
      it(`is ERR_STORE, not an empty session, when ${isAsync ? "a promise from " : ""}${method} does`, async () => {
        for (const answer of all) {
          const { site, visitor } = await siteWith(method === "create");
          site.store[method] = (() => isAsync ? Promise.resolve(answer) : answer) as never;
          if (method === "touch") site.clock.now += 3_600_000;
          const work = method === "touch" ? uses[0]!.work : uses.find((use) => use.method === method)!.work;
          const response = await visitor.visit(work);
          assert.equal(
            response.status,
            method === "touch" ? 200 : 503,
            `${method} answered ${String(answer)}`,
          );
          assert.deepEqual(response.headers.getSetCookie(), []);
          assert.ok(site.eventTypes().includes("store-error"), `${method} answered ${String(answer)}`);
        }
      });
    }
  }

  it("takes null from load for not found", async () => {
    const { site, visitor } = await siteWith();
    site.store.load = (() => null) as never;
    const response = await visitor.visit((session) => session.size);
    assert.equal(await response.text(), "0");
  });

  it("says so even when the answer throws while it is looked at", async () => {
    const { site, visitor } = await siteWith();
    const trap = new Proxy({}, {
      get() {
        throw new DriverError("hostile");
      },
    });
    for (
      const answer of [() => trap, () =>
        Promise.resolve().then(() => ({
          get data() {
            throw new DriverError();
          },
        }))]
    ) {
      site.store.load = answer as never;
      assert.equal((await visitor.visit((session) => session.size)).status, 503);
    }
  });

  it("refuses a record whose instants are no numbers", async () => {
    for (
      const wrong of [
        { expiresAt: NaN },
        { touchedAt: "1" },
        { createdAt: undefined },
        { expiresAt: Infinity },
        { userId: 5 },
        { version: 3 },
      ]
    ) {
      const { site, visitor } = await siteWith();
      const { record } = await site.stored(visitor.id);
      site.store.load = (() => ({ ...record, ...wrong })) as never;
      assert.equal((await visitor.visit((session) => session.size)).status, 503, JSON.stringify(wrong));
    }
  });
});
