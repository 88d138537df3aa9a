/** One request's session: what becomes of it when the handler does not wait for it, fails, or comes back after the answer. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Session, SessionError } from "../../mod.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { begin, gate, requestWith, Site, turn } from "../support/commit_rig.ts";
import { DjangoSite } from "../support/django/site.ts";

const trouble = () => new SessionError("ERR_CONFLICT", "the handler's own");
const isCleared = (response: Response) => assert.match(response.headers.getSetCookie().join(), /Max-Age=0/);

/** A site whose store takes a while, and a browser with a session in it. */
async function slow(data?: Record<string, unknown>) {
  const site = new Site();
  const browser = await begin(site, data);
  site.store.before = turn;
  return { site, browser };
}

describe("a session that the handler does not wait for", () => {
  it("is loaded and saved before the answer leaves", async () => {
    const { site, browser } = await slow();
    const handler = site.sessions.wrap((request) => {
      request.session.then((session) => session.set("b", 2));
      return Promise.resolve(new Response());
    });
    await handler(requestWith(browser.cookie));
    assert.deepEqual(await site.stored(await browser.id()), { a: 1, b: 2 });
  });

  it("is logged out before the handler's failure is answered, also while it is loaded", async () => {
    for (const waits of [true, false]) {
      const { site, browser } = await slow();
      const handler = site.sessions.wrap(async (request) => {
        const flushed = request.session.then((session) => void session.flush());
        if (waits) await flushed;
        return Promise.reject<Response>(trouble());
      });
      const response = await handler(requestWith(browser.cookie));
      assert.equal(response.status, 409);
      isCleared(response);
    }
  });

  it("is not loaded for a failure of the handler that did not ask for it", async () => {
    const { site, browser } = await slow();
    const handler = site.sessions.wrap((): Promise<Response> => Promise.reject(trouble()));
    assert.equal((await handler(requestWith(browser.cookie))).status, 409);
    assert.deepEqual(site.store.taken(), {});
  });

  it("is saved by every request where that is wanted, used or not", async () => {
    const site = new Site(undefined, { saveEveryRequest: true });
    const browser = await begin(site);
    const handler = site.sessions.wrap(() => Promise.resolve(new Response()));
    const response = await handler(requestWith(browser.cookie));
    assert.deepEqual(site.store.taken(), { load: 1, save: 1 });
    assert.equal(response.headers.getSetCookie().length, 1);
  });
});

describe("an answer", () => {
  it("that is no Response saves, whatever status it tells of", async () => {
    const site = new Site();
    const browser = await begin(site);
    const answer = { status: 500 };
    const handler = site.sessions.wrap(async (request) => {
      (await request.session).set("b", 2);
      return answer;
    });
    assert.equal(await handler(requestWith(browser.cookie)), answer);
    assert.deepEqual(await site.stored(await browser.id()), { a: 1, b: 2 });
  });

  it("whose save fails is let go of", async () => {
    for (const isSlow of [true, false]) {
      const store = new MemoryStore();
      const site = new Site(store);
      const browser = await begin(site);
      let isGone = false;
      const body = new ReadableStream({ cancel: () => void (isGone = true) });
      const down = () => {
        throw new Error("down");
      };
      if (isSlow) site.store.before = (method) => method === "save" ? down() : undefined;
      else store.save = down;
      const response = await browser.visit((session) => (session.set("b", 2), new Response(body)));
      assert.equal(response.status, 503);
      assert.ok(isGone);
    }
  });

  it("of onError that comes later is marked as made from a session", async () => {
    const onError = async () => (await turn(), new Response("sorry"));
    const browser = await begin(new Site(undefined, { onError }));
    for (const code of ["ERR_CONFLICT", "ERR_GONE"] as const) {
      const response = await browser.visit((session) => {
        session.get("a");
        throw new SessionError(code, "the handler's own");
      });
      assert.equal(response.headers.get("vary"), "Cookie", code);
    }
  });

  it("of status 0 has no headers", async () => {
    const browser = await begin(new Site());
    const answer = Response.error();
    const response = await browser.visit((session) => (session.get("a"), answer));
    assert.equal(response, answer);
    assert.deepEqual([...response.headers], []);
  });

  it("clears a cookie that leads nowhere, where Django would", async () => {
    const { sessions } = new DjangoSite();
    const handler = sessions.wrap(async (request) => {
      (await request.session).get("a");
      return new Response();
    });
    isCleared(await handler(requestWith(`sessionid=${"a".repeat(32)}`)));
  });

  it("to a failure is made when the events so far were told", async () => {
    const before = new Site();
    const browser = await begin(before);
    before.clock.now += 1e12;
    const told: string[] = [];
    const onError = () => (told.push(...site.eventTypes()), new Response("sorry"));
    const site: Site = new Site(before.store, { onError }, before.clock);
    await browser.visit(() => {
      throw trouble();
    }, site);
    assert.deepEqual(told, ["expired"]);
  });
});

describe("after the answer", () => {
  const refused = { code: "ERR_CLOSED" };

  for (
    const [what, answer] of [
      ["was sent", () => new Response()],
      ["was a failure of its own", () => new Response("", { status: 500 })],
      ["was one of onError", () => {
        throw trouble();
      }],
    ] as [string, () => Response][]
  ) {
    it(`that ${what} the session can be read, and not be changed`, async () => {
      const browser = await begin(new Site());
      let kept: Session | undefined;
      await browser.visit((session) => (kept = session, answer()));
      assert.equal(kept!.get("a"), 1);
      assert.throws(() => kept!.set("a", 2), refused);
    });

    it(`that ${what} a session that is loaded only then can be read, and not be changed`, async () => {
      const { site, browser } = await slow();
      const request = requestWith(browser.cookie);
      const get = () => site.sessions.get(request);
      await site.sessions.wrap(() => Promise.resolve().then(answer))(request);
      const session = await get();
      assert.equal(session.get("a"), 1);
      assert.throws(() => session.set("a", 2), refused);
    });
  }

  it("a request whose headers cannot be read is over, whenever that is, and says why", async () => {
    let isBroken = false;
    class Fragile extends Request {
      override get headers(): Headers {
        if (isBroken) throw new TypeError("no headers");
        return super.headers;
      }
    }
    const { sessions } = new Site();
    const request = new Fragile("https://site.test/");
    await sessions.wrap(() => new Response())(request);
    isBroken = true;
    const isOver = (error: SessionError) => {
      assert.equal(error.code, "ERR_CLOSED");
      assert.match(String(error.cause), /no headers/);
      return true;
    };
    await assert.rejects(sessions.get(request), isOver);
    const early = sessions.wrap(async (request) => {
      await assert.rejects(sessions.get(request), isOver);
      return "seen";
    });
    assert.equal(await early(new Fragile("https://site.test/")), "seen");
    const every = new Site(undefined, { saveEveryRequest: true }).sessions.wrap(() => "not needed");
    assert.equal(await every(new Fragile("https://site.test/")), "not needed");
  });

  it("a request without any header is over once the answer has left, and a new visitor before", async () => {
    const { sessions } = new Site();
    const bare = () => new Request("https://site.test/");
    for (const answer of [() => new Response(), () => Promise.resolve(new Response())] as (() => unknown)[]) {
      const request = bare();
      await sessions.wrap(answer)(request);
      await assert.rejects(sessions.get(request), refused);
      await assert.rejects((request as unknown as { session: Promise<unknown> }).session, refused);
    }
    const isNew = sessions.wrap(async (request) => (await request.session).isNew);
    assert.equal(await isNew(bare()), true);
    const other = new Request("https://site.test/", { headers: { host: "site.test" } });
    await sessions.wrap(() => new Response())(other);
    assert.equal((await sessions.get(other)).isNew, true, "it came without a cookie");
  });
});

describe("headers for an answer of another kind", () => {
  it("are empty, and cost nothing, where nobody asked for the session", async () => {
    const { site, browser } = await slow();
    const request = requestWith(browser.cookie);
    await site.sessions.wrap(async (request) => {
      assert.deepEqual([...await site.sessions.headersFor(request)], []);
      assert.deepEqual(site.store.taken(), {});
      const session = await request.session;
      assert.throws(() => session.set("a", 2), { code: "ERR_CLOSED" });
    })(request);
  });

  it("save nothing that an answer of failure has left behind", async () => {
    const site = new Site();
    const browser = await begin(site);
    const request = requestWith(browser.cookie);
    await site.sessions.wrap(async (request) => {
      (await request.session).set("b", 2);
      return new Response("", { status: 500 });
    })(request);
    await site.sessions.headersFor(request);
    assert.deepEqual(await site.stored(await browser.id()), { a: 1 });
  });

  it("fail with a log-out that is under way and fails", async () => {
    const { site, browser } = await slow();
    await browser.visit(async (session, request) => {
      session.flush().catch(() => {});
      site.store.before = async () => {
        site.store.before = undefined;
        await turn();
        throw new Error("down");
      };
      await assert.rejects(site.sessions.headersFor(request), { code: "ERR_STORE" });
    });
  });

  it("are empty where it was not used", async () => {
    const { site, browser } = await slow();
    const handler = site.sessions.wrap(async (request) => {
      await request.session;
      return [...await site.sessions.headersFor(request)];
    });
    assert.deepEqual(await handler(requestWith(browser.cookie)), []);
  });

  it("have the cookie and the marks once, of what is still under way too", async () => {
    const { site, browser } = await slow();
    const handler = site.sessions.wrap(async (request) => {
      request.session.then((session) => void session.flush());
      const headers = await site.sessions.headersFor(request);
      assert.deepEqual([headers.get("vary"), headers.getSetCookie().length], ["Cookie", 1]);
      assert.deepEqual([...await site.sessions.headersFor(request)], []);
      return new Response();
    });
    const response = await handler(requestWith(browser.cookie));
    assert.deepEqual([...response.headers.getSetCookie()], []);
  });

  it("have the marks of a session that was only read", async () => {
    const { site, browser } = await slow();
    await browser.visit(async (session, request) => {
      session.get("a");
      const headers = await site.sessions.headersFor(request);
      assert.deepEqual([headers.get("vary"), headers.getSetCookie()], ["Cookie", []]);
    });
  });

  it("close the session, while they are made and after", async () => {
    const site = new Site();
    const browser = await begin(site);
    const { wait, open } = gate();
    await browser.visit(async (session, request) => {
      session.set("b", 2);
      site.store.before = () => wait;
      const headers = site.sessions.headersFor(request);
      await turn();
      assert.throws(() => session.set("c", 3), { code: "ERR_CLOSED" });
      open();
      await headers;
      assert.throws(() => session.set("c", 3), { code: "ERR_CLOSED" });
    });
    assert.deepEqual(await site.stored(await browser.id()), { a: 1, b: 2 });
  });

  it("fail with their save, and the session is open again", async () => {
    const site = new Site();
    const browser = await begin(site);
    await browser.visit(async (session, request) => {
      session.set("b", 2);
      site.store.before = () => {
        throw new Error("down");
      };
      await assert.rejects(site.sessions.headersFor(request), { code: "ERR_STORE" });
      site.store.before = undefined;
      session.set("c", 3);
      await site.sessions.headersFor(request);
    });
    assert.deepEqual(await site.stored(await browser.id()), { a: 1, b: 2, c: 3 });
  });

  it("have the cookie of a session that every request saves, used or not", async () => {
    const site = new Site(undefined, { saveEveryRequest: true });
    const browser = await begin(site);
    const handler = site.sessions.wrap(async (request) => await site.sessions.headersFor(request));
    const headers = await handler(requestWith(browser.cookie));
    assert.deepEqual([headers.get("vary"), headers.getSetCookie().length], ["Cookie", 1]);
  });
});

describe("an answer that the session has no part in", () => {
  it("is not looked at: on Bun a look at its headers would cost a part of a file its status and range", async () => {
    const site = new Site();
    let looks = 0;
    for (const work of [() => {}, (request: { session: unknown }) => request.session]) {
      const answer = new Response("x");
      const { headers } = answer;
      Object.defineProperty(answer, "headers", { get: () => (looks++, headers) });
      const handler = site.sessions.wrap(async (request) => (await work(request), answer));
      assert.equal(await handler(requestWith(undefined)), answer);
    }
    assert.equal(looks, 0);
  });
});
