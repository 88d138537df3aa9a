/** Outages over time: an error is never an empty session, nobody waits for long, what is unknown is not done twice. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { begin, cleanFaults, fails, type Fault, randomness, Site, Visitor } from "../support/fault_rig.ts";

describe("a session whose load failed", () => {
  it("SR-046 rejects every time it is asked for, and nothing is created, cleared or overwritten", async () => {
    for (const fault of cleanFaults) {
      const site = new Site();
      const visitor = await begin(site, { a: 1 }, "ada");
      const { cookie, id } = visitor;
      const before = JSON.stringify(await site.stored(id));
      site.store.fail(fault, "load");
      const response = await visitor.send(async (request) => {
        for (let i = 0; i < 3; i++) {
          await fails(() => request.session, "ERR_STORE");
          await fails(async () => (await site.sessions.get(request)).set("a", 2), "ERR_STORE");
          site.store.heal();
        }
        return new Response("fine");
      });
      assert.equal(response.status, 200);
      assert.deepEqual(response.headers.getSetCookie(), []);
      assert.deepEqual(site.store.taken(), ["load"]);
      assert.equal(JSON.stringify(await site.stored(id)), before);
      assert.equal(site.store.inner.size, 1);
      assert.equal(visitor.cookie, cookie);
      const again = await visitor.visit((session) => [session.id, session.userId, session.get("a")].join());
      assert.equal(await again.text(), `${id},ada,1`);
    }
  });

  it("SR-046 is the same visitor after 1,000 random faults", async () => {
    const roll = randomness("random faults");
    const site = new Site({ timeout: 0.005 });
    const visitor = await begin(site, { n: 0 }, "ada");
    const { id, cookie } = visitor;
    let kept = 0;
    let failed = 0;
    for (let run = 0; run < 1_000; run++) {
      const before = JSON.stringify(await site.stored(id));
      const method = (["load", "save", "delete"] as const)[roll(3)]!;
      const fault = roll(20) === 0 ? "hang" : (["reject", "throw", "wrong"] as const)[roll(3)]!;
      const isFaulty = roll(4) > 0;
      if (isFaulty) site.store.fail(fault, method);
      const response = await visitor.visit(async (session) => {
        if (method === "delete" && isFaulty) await session.flush();
        session.set("n", run);
      });
      site.store.heal();
      assert.equal(response.status, isFaulty ? 503 : 200, `run ${run}: ${fault} ${method}`);
      assert.equal(visitor.cookie, cookie);
      if (isFaulty) {
        failed++;
        assert.equal(JSON.stringify(await site.stored(id)), before, `run ${run}: ${fault} ${method}`);
      } else kept = run;
      const seen = await visitor.visit((session) => [session.id, session.userId, session.get("n")].join());
      assert.equal(await seen.text(), `${id},ada,${kept}`);
    }
    assert.ok(failed > 600 && failed < 900);
    assert.equal(site.store.inner.size, 1);
  });
});

describe("a store that hangs", () => {
  it("SR-048 holds a request up for the time limit, 2 s unless told otherwise, and not much longer", async () => {
    const site = new Site({ timeout: 2 });
    const visitor = await begin(site);
    site.store.fail("hang", "load");
    const start = performance.now();
    assert.equal((await visitor.visit((session) => session.get("a"))).status, 503);
    const took = performance.now() - start;
    assert.ok(took >= 1_950 && took < 2_500, `${took} ms`);
  });

  it("SR-048 answers 1,000 visitors at once within the limit, and leaves no timer behind", async () => {
    const site = new Site({ timeout: 0.2 });
    const visitors = await Promise.all(Array.from({ length: 1_000 }, () => begin(site)));
    const timers = countTimers();
    try {
      site.store.fail("hang", "load");
      const start = performance.now();
      const all = await Promise.all(visitors.map((visitor) => visitor.visit((session) => session.get("a"))));
      const took = performance.now() - start;
      assert.ok(all.every((response) => response.status === 503));
      assert.ok(took < 2_000, `${took} ms`);
      assert.equal(timers.pending(), 0);
      site.store.heal();
      assert.deepEqual(await visitors[0]!.data(), { a: 1 });
    } finally {
      timers.restore();
    }
  });

  for (const [method, isCycled] of [["save", false], ["save", true], ["delete", false]] as const) {
    it(`SR-048 does not pile up 200 requests of one session behind a ${method}`, async () => {
      const site = new Site({ timeout: 0.15 });
      const first = await begin(site);
      const { cookie } = first;
      site.store.fail("hang", method);
      const handler = site.sessions.wrap(async (request) => {
        const session = await request.session;
        if (method === "delete") await session.flush();
        else if (isCycled) session.cycleKey();
        else session.set("a", 2);
        return new Response();
      });
      const send = () =>
        handler(new Request("https://localhost/", { headers: { cookie: `__Host-sid=${cookie}` } }));
      const start = performance.now();
      const all = await Promise.all(Array.from({ length: 200 }, send));
      const took = performance.now() - start;
      assert.ok(all.every((response) => response.status === 503));
      assert.ok(took < 1_500, `${took} ms for 200 requests`);
      site.store.heal();
      assert.equal((await send()).status, 200);
    });
  }

  it("SR-048 cannot spoil anything by an answer that comes too late", async () => {
    for (const kind of ["load", "create", "save", "rotate", "delete"] as const) {
      const method = kind === "rotate" ? "save" : kind;
      const site = new Site();
      const visitor = method === "create" ? new Visitor(site) : await begin(site);
      site.store.fail("hang", method);
      const response = await visitor.visit(async (session) => {
        if (method === "delete") await session.flush();
        else if (kind === "rotate") session.login("eve");
        session.set("a", 2);
      });
      assert.equal(response.status, 503);
      site.store.heal();
      const [call] = site.store.hanging;
      if (method === "load") call!.resolve({ version: 1 });
      else call!.reject(new Error("too late"));
      await new Promise((resolve) => setTimeout(resolve));
      if (method !== "create") assert.deepEqual(await visitor.data(), { a: 1 });
    }
  });

  it("SR-048 does not hold up close()", async () => {
    const site = new Site();
    site.store.fail("hang", "close");
    const ended = await Promise.race([
      site.sessions.close().then(() => "closed", () => "failed"),
      new Promise((resolve) => setTimeout(resolve, 1_000, "still waiting")),
    ]);
    assert.notEqual(ended, "still waiting");
  });

  it("SR-048 a client that goes away leaves nothing unhandled and the next request works", async () => {
    const site = new Site();
    const visitor = await begin(site);
    const controller = new AbortController();
    const handler = site.sessions.wrap(async (request) => {
      const session = await request.session;
      controller.abort(new Error("the client went away"));
      session.set("a", 2);
      request.signal.throwIfAborted();
      return new Response();
    });
    const headers = { cookie: `__Host-sid=${visitor.cookie}` };
    const request = new Request("https://localhost/", { headers, signal: controller.signal });
    await assert.rejects(async () => await handler(request), /went away/);
    assert.deepEqual(await visitor.data(), { a: 1 });
  });
});

describe("a store that does it and then fails", () => {
  for (const fault of ["lost", "late"] as const satisfies readonly Fault[]) {
    it(`SR-049 never applies an update twice (${fault})`, async () => {
      const roll = randomness(`update and ${fault}`);
      const site = new Site({ timeout: 0.004 });
      const visitor = await begin(site, { n: 0 });
      const attempts = fault === "lost" ? 1_000 : 150;
      let acknowledged = 0;
      site.store.plan = (method) => method === "save" && roll(2) === 0 ? fault : undefined;
      for (let i = 0; i < attempts; i++) {
        const response = await visitor.visit((session) => session.update("n", (n = 0) => n + 1));
        if (response.status === 200) acknowledged++;
        else assert.equal(response.status, 503);
      }
      site.store.heal();
      const { n } = await visitor.data() as { n: number };
      assert.ok(acknowledged > 0 && acknowledged < attempts);
      assert.ok(n >= acknowledged && n <= attempts, `${acknowledged} <= ${n} <= ${attempts}`);
    });

    it(`SR-049 holds for many at once (${fault})`, async () => {
      const roll = randomness(`parallel update and ${fault}`);
      const site = new Site({ timeout: 0.02 });
      const visitor = await begin(site, { n: 0 });
      const { cookie } = visitor;
      const handler = site.sessions.wrap(async (request) => {
        (await request.session).update("n", (n = 0) => n + 1);
        return new Response();
      });
      site.store.isAsync = true;
      site.store.plan = (method) => method === "save" && roll(4) === 0 ? fault : undefined;
      let acknowledged = 0;
      let attempts = 0;
      for (let round = 0; round < 20; round++) {
        const burst = 1 + roll(20);
        const send = () =>
          handler(new Request("https://localhost/", { headers: { cookie: `__Host-sid=${cookie}` } }));
        const all = await Promise.all(Array.from({ length: burst }, send));
        attempts += burst;
        acknowledged += all.filter((response) => response.status === 200).length;
        const { n } = JSON.parse(
          (await site.stored(visitor.id)).record!.data,
        );
        assert.ok(
          n >= acknowledged && n <= attempts,
          `round ${round}: ${acknowledged} <= ${n} <= ${attempts}`,
        );
      }
    });
  }

  it("SR-049 reports a rotation of unknown outcome as failure, and one id at most is alive", async () => {
    const site = new Site();
    const visitor = await begin(site, { a: 1 });
    site.store.fail("lost", "save");
    const response = await visitor.visit((session) => session.login("ada"));
    site.store.heal();
    assert.equal(response.status, 503);
    assert.deepEqual(response.headers.getSetCookie(), []);
    assert.equal((await site.sessions.list("ada")).length, 1);
    assert.deepEqual(await visitor.data(), {});
  });

  it("SR-049 reports a log-out of unknown outcome as failure, and logging out again succeeds", async () => {
    const site = new Site();
    const visitor = await begin(site, { a: 1 }, "ada");
    site.store.fail("lost", "delete");
    assert.equal((await visitor.visit((session) => session.flush())).status, 503);
    site.store.heal();
    assert.equal((await visitor.visit((session) => session.flush())).status, 200);
    assert.equal(visitor.cookie, undefined);
    assert.deepEqual(await site.sessions.list("ada"), []);
  });
});

/** Counts the timers that were set and neither fired nor were cleared. */
function countTimers(): { pending(): number; restore(): void } {
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  const open = new Set<unknown>();
  globalThis.setTimeout = ((run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
    const timer = set(() => {
      open.delete(timer);
      run(...args);
    }, ms);
    open.add(timer);
    return timer;
  }) as typeof setTimeout;
  globalThis.clearTimeout = ((timer: number) => {
    open.delete(timer);
    clear(timer);
  }) as typeof clearTimeout;
  const restore = () => Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
  return { pending: () => open.size, restore };
}
