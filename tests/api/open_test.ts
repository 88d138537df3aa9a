/** Sessions outside of a handler's answer: `open` for jobs and sockets, `headersFor` for upgrades. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CookieStore } from "../../backends/cookie.ts";
import { begin, fails, Site } from "../support/fault_rig.ts";

const url = "https://localhost/";
const withCookie = (cookie: string | undefined) =>
  new Request(url, { headers: { cookie: `__Host-sid=${cookie}` } });

describe("open", () => {
  it("reads and writes a session by its id, again and again, and never closes", async () => {
    const site = new Site();
    const visitor = await begin(site, { n: 0 });
    const session = await site.sessions.open(visitor.id);
    for (let n = 1; n <= 5; n++) {
      session.set("n", n);
      await session.save();
      assert.deepEqual(await visitor.data(), { n });
    }
    session.get("n");
    assert.equal(session.id, visitor.id);
  });

  it("saves nothing until save()", async () => {
    const site = new Site();
    const visitor = await begin(site);
    (await site.sessions.open(visitor.id)).set("a", 2);
    (await site.sessions.open()).set("a", 3);
    assert.deepEqual(await visitor.data(), { a: 1 });
    assert.equal(site.store.inner.size, 1);
  });

  it("makes a new session without an id; its id is there after the first save", async () => {
    const site = new Site();
    const session = await site.sessions.open();
    assert.deepEqual([session.id, session.isNew, session.size], [undefined, true, 0]);
    await session.save();
    assert.deepEqual([session.id, session.isNew, site.store.inner.size], [undefined, true, 0]);
    await session.set("a", 1).save();
    assert.match(session.id!, /^[A-Za-z0-9_-]{32}$/);
    assert.equal(session.isNew, false);
    assert.equal((await site.sessions.open(session.id)).get("a"), 1);
  });

  it("gives an empty session without id for an id that is unknown, malformed, a cookie, expired or ended", async () => {
    const site = new Site();
    const visitor = await begin(site);
    const { cookie, id } = visitor;
    const ended = await begin(site);
    const endedId = ended.id;
    await ended.visit((session) => session.flush());
    const unknown = [
      "x".repeat(32),
      cookie,
      "",
      "../../etc/passwd",
      `${id} `,
      id.toLowerCase() + "!",
      5,
      null,
      {},
      endedId,
    ];
    for (const id of unknown) {
      const session = await site.sessions.open(id as string);
      assert.deepEqual([session.id, session.size, session.userId, session.isNew], [
        undefined,
        0,
        undefined,
        true,
      ], String(id));
    }
    site.clock.now += 1_209_600_000;
    assert.equal((await site.sessions.open(id)).id, undefined);
  });

  it("never adopts an unknown id: what is written gets an id of its own", async () => {
    const { sessions } = new Site();
    const session = await sessions.open("A".repeat(32));
    await session.set("a", 1).save();
    assert.notEqual(session.id, "A".repeat(32));
  });

  it("SR-034 does not bring back a session that was ended meanwhile", async () => {
    const site = new Site();
    const visitor = await begin(site);
    const session = await site.sessions.open(visitor.id);
    await visitor.visit((session) => session.flush());
    await fails(() => session.set("a", 2).save(), "ERR_GONE");
    assert.equal(site.store.inner.size, 0);
  });

  it("sees others' changes after a save, and keeps both", async () => {
    const site = new Site();
    const visitor = await begin(site, { n: 1 });
    const session = await site.sessions.open(visitor.id);
    await visitor.visit((session) => session.assign({ theirs: 1 }).update("n", (n) => n + 1));
    session.set("mine", 1).update("n", (n) => n + 1);
    await session.save();
    assert.deepEqual({ ...session.toObject() }, { n: 3, mine: 1, theirs: 1 });
    assert.deepEqual(await visitor.data(), { n: 3, mine: 1, theirs: 1 });
  });

  it("can be flushed, and be used again afterwards as a new session", async () => {
    const site = new Site();
    const visitor = await begin(site);
    const session = await site.sessions.open(visitor.id);
    await session.flush();
    assert.deepEqual([session.id, session.size, site.store.inner.size], [undefined, 0, 0]);
    await session.set("a", 2).save();
    assert.ok(session.id !== undefined && session.id !== visitor.id);
  });

  it("logs in and cycles with a new id, and the old one is dead", async () => {
    const site = new Site();
    const visitor = await begin(site);
    const session = await site.sessions.open(visitor.id);
    session.login("ada");
    assert.equal(session.id, visitor.id);
    await session.save();
    assert.notEqual(session.id, visitor.id);
    assert.equal((await site.sessions.open(visitor.id)).id, undefined);
    assert.equal((await site.sessions.open(session.id)).userId, "ada");
  });

  it("queues saves of one session that were started at once", async () => {
    const site = new Site();
    site.store.isAsync = true;
    const session = await site.sessions.open();
    const saves = [1, 2, 3].map((n) => session.set("n", n).save());
    await Promise.all(saves);
    assert.equal((await site.sessions.open(session.id)).get("n"), 3);
    assert.equal(site.store.inner.size, 1);
  });

  it("is ERR_UNSUPPORTED in any form where the session is in the cookie, and so is what reaches from outside", async () => {
    const site = new Site({ store: new CookieStore({ revocation: "none" }) });
    await fails(() => site.sessions.open(), "ERR_UNSUPPORTED");
    await fails(() => site.sessions.open("A".repeat(32)), "ERR_UNSUPPORTED");
    await fails(() => site.sessions.list("ada"), "ERR_UNSUPPORTED");
  });
});

describe("headersFor", () => {
  it("commits now and gives the cookie and the caching headers", async () => {
    const site = new Site();
    let given: Headers | undefined;
    const handler = site.sessions.wrap(async (request) => {
      (await request.session).set("a", 1);
      given = await site.sessions.headersFor(request);
      assert.equal(site.store.inner.size, 1);
      return new Response("the answer");
    });
    const response = await handler(new Request(url));
    assert.equal(given!.getSetCookie().length, 1);
    assert.equal(given!.get("vary"), "Cookie");
    assert.deepEqual(response.headers.getSetCookie(), []);
    assert.deepEqual(site.store.taken(), ["create"]);
  });

  it("is empty and free for a session that was not used", async () => {
    const site = new Site();
    const visitor = await begin(site);
    await site.sessions.wrap(async (request) => {
      assert.deepEqual([...await site.sessions.headersFor(request)], []);
      return new Response();
    })(withCookie(visitor.cookie));
    assert.deepEqual(site.store.taken(), []);
  });

  it("closes the session: a write or save() afterwards throws, reading goes on", async () => {
    const site = new Site();
    const visitor = await begin(site);
    await visitor.visit(async (session, request) => {
      session.set("a", 2);
      await site.sessions.headersFor(request);
      await fails(() => session.set("a", 3), "ERR_CLOSED");
      await fails(() => session.save(), "ERR_CLOSED");
      assert.equal(session.get("a"), 2);
    });
    assert.deepEqual(await visitor.data(), { a: 2 });
  });

  it("asked twice gives the headers once", async () => {
    const site = new Site();
    const handler = site.sessions.wrap(async (request) => {
      (await request.session).set("a", 1);
      const [first, second] = [
        await site.sessions.headersFor(request),
        await site.sessions.headersFor(request),
      ];
      assert.equal(first.getSetCookie().length, 1);
      assert.deepEqual([...second], []);
      return new Response();
    });
    await handler(new Request(url));
    assert.equal(site.store.inner.size, 1);
  });

  it("SR-047 throws what a commit throws, and gives no cookie; let pass, it is a 503", async () => {
    const site = new Site();
    const visitor = await begin(site);
    site.store.fail("reject", "save");
    const response = await visitor.visit(async (session, request) => {
      session.set("a", 2);
      await fails(() => site.sessions.headersFor(request), "ERR_STORE");
      await site.sessions.headersFor(request);
    });
    assert.equal(response.status, 503);
    assert.deepEqual(response.headers.getSetCookie(), []);
    site.store.heal();
    assert.deepEqual(await visitor.data(), { a: 1 });
  });

  it("sends the clearing cookie after a flush", async () => {
    const site = new Site();
    const visitor = await begin(site);
    await visitor.visit(async (session, request) => {
      await session.flush();
      assert.match((await site.sessions.headersFor(request)).getSetCookie()[0]!, /^__Host-sid=;.*Max-Age=0/);
    });
  });
});
