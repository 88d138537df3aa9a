/** What docs/recipes.md warns of: frameworks that give handlers another request, and how React Router's functions differ. */

import { Elysia } from "elysia";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createStaticHandler } from "react-router";
import { MemoryStore } from "../../backends/memory.ts";
import { sessionStorage } from "../../examples/react_router_storage.ts";
import { createSessions, SessionError } from "../../mod.ts";
import { SessionClient } from "../../src/testing.ts";
import { secrets } from "../support/fault_rig.ts";

type Answer = Response | Promise<Response>;
type Handler = (request: Request) => Answer;

/** Apps whose handler gets another request than the server handed in. */
const replacing: Record<string, (handler: Handler) => Handler> = {
  "Hono's mount": (handler) => new Hono().mount("/", handler).fetch,
  "Hono's bodyLimit": (handler) =>
    new Hono().post("/", bodyLimit({ maxSize: 100 }), (c) => handler(c.req.raw)).fetch,
  "Elysia's mount": (handler) => new Elysia().mount("/", handler).fetch,
};

function send(app: Handler): Promise<Response> {
  const body = new Blob(["tea"]).stream();
  const init: RequestInit & { duplex: string } = { method: "POST", body, duplex: "half" };
  return new SessionClient(app).fetch("/", init);
}

describe("a framework that replaces the request", () => {
  for (const [name, make] of Object.entries(replacing)) {
    for (const asyncContext of [false, true]) {
      const end = asyncContext
        ? "is no trouble with asyncContext"
        : "is told, not answered with an empty session";
      it(`${name} ${end}`, async () => {
        const sessions = createSessions({ store: new MemoryStore(), secrets, asyncContext });
        const app = make(async (request) => {
          const session = await sessions.get(request).catch((error: SessionError) => error);
          if (session instanceof SessionError) return new Response(session.code);
          return new Response(String(session.update("visits", (n = 0) => n + 1)));
        });
        const answer = await send(sessions.wrap((request) => app(request)));
        assert.equal(await answer.text(), asyncContext ? "1" : "ERR_UNBOUND");
        assert.equal(answer.headers.getSetCookie().length, asyncContext ? 1 : 0);
      });
    }
  }

  it("React Router's loaders find it with asyncContext", async () => {
    const sessions = createSessions({ store: new MemoryStore(), secrets, asyncContext: true });
    const { queryRoute } = createStaticHandler([{
      path: "/",
      loader: async ({ request }) =>
        new Response(String((await sessions.get(new Request(request))).update("visits", (n = 0) => n + 1))),
    }]);
    const client = new SessionClient(sessions.wrap(async (request) => await queryRoute(request)));
    await client.fetch("/");
    assert.equal(await (await client.fetch("/")).text(), "2");
  });

  it("React Router's query keeps a loader's SessionError for whoever renders", async () => {
    const store = new MemoryStore();
    const sessions = createSessions({ store, secrets, asyncContext: true });
    const { query } = createStaticHandler([{
      path: "/",
      loader: async ({ request }) => (await sessions.get(request)).update("visits", (n = 0) => n + 1),
    }]);
    const client = new SessionClient(sessions.wrap(async (request) => {
      const context = await query(request);
      if (context instanceof Response) return context;
      const failure = Object.values(context.errors ?? {}).find((error) => error instanceof SessionError);
      if (failure !== undefined) throw failure;
      return Response.json(context.loaderData);
    }));
    assert.equal((await client.fetch("/")).status, 200);
    store.load = () => {
      throw new Error("down");
    };
    const answer = await client.fetch("/");
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get("retry-after"), "1");
  });
});

describe("React Router's three functions", () => {
  const make = () => {
    const store = new MemoryStore();
    const sessions = createSessions({ store, secrets });
    return { store, ...sessionStorage(sessions) };
  };
  const pair = (field: string) => field.split(";", 1)[0]!;

  it("give back what was committed, and only that", async () => {
    const { getSession, commitSession } = make();
    const first = await getSession();
    assert.equal(first.id, "");
    first.set("cart", ["tea"]);
    const cookie = pair(await commitSession(first));
    assert.throws(() => first.set("cart", []), { code: "ERR_CLOSED" });
    const second = await getSession(cookie);
    assert.ok(second.has("cart"));
    assert.deepEqual(second.data, Object.assign(Object.create(null), { cart: ["tea"] }));
    second.unset("cart");
    assert.deepEqual((await getSession(cookie)).get("cart"), ["tea"]);
    assert.equal(await commitSession(second), "", "the cookie stays");
    assert.equal((await getSession(cookie)).has("cart"), false);
  });

  it("flash is read once", async () => {
    const { getSession, commitSession } = make();
    const first = await getSession();
    first.flash("notice", "saved");
    const cookie = pair(await commitSession(first));
    const second = await getSession(cookie);
    assert.ok(second.has("notice"));
    assert.equal(second.get("notice"), "saved");
    assert.equal(second.get("notice"), undefined);
    await commitSession(second);
    assert.equal((await getSession(cookie)).get("notice"), undefined);
  });

  it("two at once keep the changes of both", async () => {
    const { getSession, commitSession } = make();
    const first = await getSession();
    first.set("a", 0);
    const cookie = pair(await commitSession(first));
    const [one, other] = await Promise.all([getSession(cookie), getSession(cookie)]);
    one.set("a", 1);
    other.set("b", 2);
    await Promise.all([commitSession(one), commitSession(other)]);
    assert.deepEqual({ ...(await getSession(cookie)).data }, { a: 1, b: 2 });
  });

  it("a destroyed session is gone, and its cookie cleared", async () => {
    const { getSession, commitSession, destroySession, store } = make();
    const first = await getSession();
    first.set("a", 1);
    const cookie = pair(await commitSession(first));
    assert.match(await destroySession(await getSession(cookie)), /^__Host-sid=;.*Max-Age=0/);
    assert.equal((await getSession(cookie)).get("a"), undefined);
    store.load = () => {
      throw new Error("down");
    };
    await assert.rejects(getSession(cookie), { code: "ERR_STORE" });
  });
});
