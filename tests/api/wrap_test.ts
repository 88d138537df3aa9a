/** `wrap` and `get`: what passes through, which session is found, what an answer that is no Response does. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import { createSessions, type Session, type SessionData, type SessionRequest } from "../../mod.ts";
import { begin, fails, secrets, Site } from "../support/fault_rig.ts";

const url = "https://localhost/";
const bare = () => new Request(url);
const withCookie = (cookie: string | undefined, name = "__Host-sid") =>
  new Request(url, { headers: { cookie: `${name}=${cookie}` } });

type Wrapped = Request & { session: Promise<Session> };

describe("wrap", () => {
  it("passes `this` and every further argument on", async () => {
    const { sessions } = new Site();
    const server = {
      name: "mine",
      fetch: sessions.wrap(function (this: { name: string }, _request: Request, ...rest: [number, string]) {
        return new Response([this.name, ...rest, arguments.length].join());
      }),
    };
    assert.equal(await (await server.fetch(bare(), 7, "x")).text(), "mine,7,x,3");
  });

  it("takes any thenable, also one whose `then` answers nothing", async () => {
    const { sessions } = new Site();
    const thenable = { then: (done: (answer: Response) => void) => done(new Response("later")) };
    assert.equal(await (await sessions.wrap(() => thenable)(bare()) as unknown as Response).text(), "later");
  });

  it("SR-066 puts its headers on the Response of a framework's own making", async () => {
    const { sessions } = new Site();
    const put: string[][] = [];
    const headers = { get: () => null, append: (...field: string[]) => void put.push(field) };
    const own = { status: 200, body: null, headers } as unknown as Response;
    const answer = await sessions.wrap(async (request) => {
      (await request.session).set("a", 1);
      return own;
    })(bare());
    assert.equal(answer, own);
    assert.deepEqual(put.map(([name]) => name), ["vary", "cache-control", "set-cookie"]);
  });

  it("gives back a response of a session that was not used as the very object, also one that cannot be changed", async () => {
    const { sessions, store } = new Site();
    for (
      const own of [
        new Response("x"),
        Response.redirect("https://a.example/"),
        Response.error(),
        Response.json({}),
      ]
    ) {
      assert.equal(await sessions.wrap(() => own)(bare()), own);
      assert.equal(await sessions.wrap(() => Promise.resolve(own))(bare()), own);
      assert.equal(await sessions.wrap(async (request) => (await request.session, own))(bare()), own);
    }
    assert.deepEqual(store.taken(), []);
  });

  it("works with handlers that are not async", async () => {
    const site = new Site();
    const visitor = await begin(site);
    const sync = site.sessions.wrap((request) => {
      request.session.then((session) => session.set("a", 2));
      return new Response("at once");
    });
    const response = await sync(withCookie(visitor.cookie));
    assert.equal(await response.text(), "at once");
    assert.deepEqual(await visitor.data(), { a: 2 });
  });

  it("refuses what is no function", () => {
    for (const handler of [undefined, null, {}, { fetch() {} }, "x"]) {
      assert.throws(() => new Site().sessions.wrap(handler as never), /expected.*function.*received/);
    }
  });

  it("wraps once when the same object wraps twice", async () => {
    const site = new Site();
    const visitor = await begin(site, { n: 0 });
    let [outer, inner]: (Session | undefined)[] = [];
    const handler = site.sessions.wrap(async (request) => {
      outer = await request.session;
      return await site.sessions.wrap(async (request: Wrapped) => {
        inner = await request.session;
        inner.update("n", (n = 0) => n + 1);
        return new Response();
      })(request);
    });
    const response = await handler(withCookie(visitor.cookie));
    assert.equal(outer, inner);
    assert.deepEqual(site.store.taken(), ["load", "save"]);
    assert.equal(response.headers.get("vary"), "Cookie");
    // The inner wrap was not the end of it: the outer handler still owns the session.
    const later = site.sessions.wrap(async (request) => {
      const response = await site.sessions.wrap(() => new Response("inner"))(request);
      (await request.session).update("n", (n = 0) => n + 1);
      return response;
    });
    await later(withCookie(visitor.cookie));
    assert.deepEqual(await visitor.data(), { n: 2 });
  });

  it("keeps two objects on one request apart: each through its own get, request.session is the innermost", async () => {
    const shop = new Site({ cookie: { name: "__Host-shop" } });
    const admin = new Site({ cookie: { name: "__Host-admin" } });
    const handler = shop.sessions.wrap(admin.sessions.wrap(async (request: Request) => {
      const [a, b] = await Promise.all([shop.sessions.get(request), admin.sessions.get(request)]);
      assert.notEqual(a, b);
      assert.equal(await (request as Wrapped).session, b);
      a.set("who", "shop");
      b.set("who", "admin");
      return new Response();
    }));
    const fields = (await handler(bare())).headers.getSetCookie();
    assert.deepEqual(fields.map((field) => field.split("=")[0]).sort(), ["__Host-admin", "__Host-shop"]);
    const cookie = fields.map((field) => field.split(";")[0]).join("; ");
    const read = admin.sessions.wrap(shop.sessions.wrap(async (request: Request) => {
      const both = await Promise.all([shop.sessions.get(request), admin.sessions.get(request)]);
      return new Response(both.map((session) => session.get("who")).join());
    }));
    assert.equal(await (await read(new Request(url, { headers: { cookie } }))).text(), "shop,admin");
  });

  it("leaves the request a request", async () => {
    const { sessions } = new Site();
    const handler = sessions.wrap(async (request) => {
      await request.session;
      assert.ok(request instanceof Request);
      assert.equal(request.method, "POST");
      assert.equal(new URL(request.url).pathname, "/form");
      assert.equal(request.headers.get("content-type"), "application/json");
      assert.ok(request.signal instanceof AbortSignal);
      const copy = request.clone();
      assert.deepEqual(await copy.json(), { a: 1 });
      assert.deepEqual(await new Request(request, { headers: { x: "y" } }).json(), { a: 1 });
      for (const name in request) assert.notEqual(name, "session");
      assert.equal(Object.keys(request).includes("session"), false);
      return new Response("ok");
    });
    const init = { method: "POST", body: '{"a":1}', headers: { "content-type": "application/json" } };
    assert.equal(await (await handler(new Request(`${url}form`, init))).text(), "ok");
  });

  it("works with a subclass of Request and a request that has properties of its own", async () => {
    class Fancy extends Request {
      readonly params = { id: "7" };
      get path() {
        return new URL(this.url).pathname;
      }
    }
    const handler = new Site().sessions.wrap(async (request: Fancy & SessionRequest<SessionData>) => {
      (await request.session).set("a", 1);
      return new Response(request.params.id + request.path + (request instanceof Fancy));
    });
    assert.equal(await (await handler(new Fancy(`${url}x`))).text(), "7/xtrue");
  });

  it("gives the same promise every time, and the same from get", async () => {
    const { sessions } = new Site();
    await sessions.wrap((request) => {
      assert.equal(request.session, request.session);
      assert.equal(sessions.get(request), request.session);
      return new Response();
    })(bare());
  });

  it("throws on what the handler threw, also at once, and saves nothing", async () => {
    for (
      const thrown of [
        new Error("mine"),
        new TypeError("mine"),
        "text",
        undefined,
        null,
        new Response("thrown"),
      ]
    ) {
      const site = new Site();
      const visitor = await begin(site);
      const late = site.sessions.wrap(async (request) => {
        (await request.session).set("a", 2);
        throw thrown;
      });
      const early = site.sessions.wrap((request): Response => {
        void request.session;
        throw thrown;
      });
      for (const handler of [late, early]) {
        const caught = await (async () => await handler(withCookie(visitor.cookie)))().then(
          () => "none",
          (error) => [error],
        );
        assert.deepEqual(caught, [thrown]);
      }
      assert.deepEqual(await visitor.data(), { a: 1 });
    }
  });

  it("commits for an answer that is undefined, and gives it back", async () => {
    const site = new Site();
    const visitor = await begin(site);
    const handler = site.sessions.wrap(async (request) => {
      (await request.session).set("a", 2);
      return undefined;
    });
    assert.equal(await handler(withCookie(visitor.cookie)), undefined);
    assert.deepEqual(await visitor.data(), { a: 2 });
    assert.equal(await site.sessions.wrap(() => undefined)(bare()), undefined);
  });

  it("saves nothing for an answer of status 0, and passes it through", async () => {
    const site = new Site();
    const visitor = await begin(site);
    const own = Response.error();
    const handler = site.sessions.wrap(async (request) => {
      (await request.session).set("a", 2);
      return own;
    });
    assert.equal(await handler(withCookie(visitor.cookie)), own);
    assert.deepEqual(await visitor.data(), { a: 1 });
  });

  it("a session that was asked for and never awaited does not harm the answer when it fails", async () => {
    for (const fault of ["reject", "throw", "hang", "wrong"] as const) {
      const site = new Site();
      const visitor = await begin(site);
      site.store.fail(fault, "load");
      const own = new Response("fine");
      for (const ask of ["session", "get"]) {
        const sent = await site.sessions.wrap(async (request) => {
          void (ask === "get" ? site.sessions.get(request) : request.session);
          // Long enough for the runtime to notice a rejection that nobody handles.
          for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve));
          return own;
        })(withCookie(visitor.cookie));
        assert.equal(sent, own);
        assert.deepEqual([...sent.headers.keys()].filter((name) => name !== "content-type"), []);
      }
    }
  });
});

describe("get", () => {
  it("rejects with ERR_UNBOUND outside a wrapped request, whatever it is given", async () => {
    const { sessions } = new Site();
    const other = new Site().sessions;
    for (const what of [bare(), undefined, null, {}, "x", 5, Object.create(null)]) {
      await fails(() => sessions.get(what as Request), "ERR_UNBOUND");
      await fails(() => sessions.headersFor(what as Request), "ERR_UNBOUND");
    }
    await other.wrap(async (request) => {
      await fails(() => sessions.get(request), "ERR_UNBOUND");
      return new Response();
    })(bare());
  });

  it("names asyncContext, which is the way out when a framework replaced the request", async () => {
    const { sessions } = new Site();
    for (const asked of [sessions.get(bare()), sessions.headersFor(bare())]) {
      await assert.rejects(asked, { code: "ERR_UNBOUND", message: /asyncContext: true/ });
    }
  });

  it("rejects for a copy of the request: never an orphan", async () => {
    const { sessions } = new Site();
    await sessions.wrap(async (request) => {
      await fails(() => sessions.get(request.clone()), "ERR_UNBOUND");
      await fails(() => sessions.get(new Request(request)), "ERR_UNBOUND");
      return new Response();
    })(bare());
  });
});

describe("asyncContext", () => {
  it("finds the session of a request that a framework replaced", async () => {
    const site = new Site({ asyncContext: true });
    const visitor = await begin(site, { n: 0 });
    const { sessions } = site;
    const inner = async (request: Request) => {
      await new Promise((resolve) => setTimeout(resolve));
      (await sessions.get(request)).update("n", (n = 0) => n + 1);
      return new Response();
    };
    const handler = sessions.wrap(async (request) => {
      await inner(new Request(request));
      await inner(request.clone() as Request);
      await inner(new Request("https://elsewhere.example/"));
      assert.equal(await sessions.get(new Request(url)), await request.session);
      return await inner(request);
    });
    assert.equal((await handler(withCookie(visitor.cookie))).status, 200);
    assert.deepEqual(await visitor.data(), { n: 4 });
    assert.deepEqual(site.store.taken().filter((method) => method === "load").length, 2);
  });

  it("never mixes up requests that run at once", async () => {
    const { sessions } = new Site({ asyncContext: true });
    const handler = sessions.wrap(async (request) => {
      const name = new URL(request.url).pathname;
      (await sessions.get(new Request(url))).set("name", name);
      await new Promise((resolve) => setTimeout(resolve, name.length % 3));
      const session = await sessions.get(new Request(request.url));
      return new Response(`${name}${session.get("name")}`);
    });
    const names = Array.from({ length: 50 }, (_, i) => `/${"x".repeat(i)}`);
    await Promise.all(names.map(async (name) => {
      assert.equal(await (await handler(new Request(`https://localhost${name}`))).text(), name + name);
    }));
  });

  it("rejects with ERR_UNBOUND outside of any wrapped request, and after one", async () => {
    const { sessions } = new Site({ asyncContext: true });
    await fails(() => sessions.get(bare()), "ERR_UNBOUND");
    await sessions.wrap(() => new Response())(bare());
    await fails(() => sessions.get(bare()), "ERR_UNBOUND");
  });

  it("closes with the answer: what a detached task writes then is not lost in silence", async () => {
    const { sessions } = new Site({ asyncContext: true });
    let detached: Promise<unknown> | undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    await sessions.wrap(async (request) => {
      (await request.session).set("a", 1);
      detached = promise.then(async () =>
        await fails(async () => (await sessions.get(bare())).set("a", 2), "ERR_CLOSED")
      );
      return new Response();
    })(bare());
    resolve();
    await detached;
  });

  it("works for two objects at once", async () => {
    const make = (name: string) =>
      createSessions({ store: new MemoryStore(), secrets, cookie: { name }, asyncContext: true });
    const [a, b] = [make("__Host-a"), make("__Host-b")];
    const handler = a.wrap(b.wrap(async (_request: Request) => {
      (await a.get(bare())).set("who", "a");
      (await b.get(bare())).set("who", "b");
      return new Response();
    }));
    assert.equal((await handler(bare())).headers.getSetCookie().length, 2);
  });
});
