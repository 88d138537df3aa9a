/** Errors and `onError`: what it is told of, what it may answer, and what every error may say. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SessionError, type SessionErrorCode } from "../../mod.ts";
import { begin, DriverError, fails, Site, type Visitor } from "../support/fault_rig.ts";

/** A way to each error of a commit, or in a handler that lets it pass. */
const ways: Partial<Record<SessionErrorCode, (site: Site, visitor: Visitor) => Promise<Response>>> = {
  ERR_STORE: (site, visitor) => {
    site.store.fail("reject", "save");
    return visitor.visit((session) => session.set("a", "hunter2"));
  },
  ERR_GONE: (site, visitor) =>
    visitor.visit(async (session) => {
      session.set("a", "hunter2");
      await (await site.sessions.open(session.id)).flush();
    }),
  ERR_CONFLICT: (site, visitor) => {
    site.store.save = () => undefined;
    return visitor.visit((session) => session.set("a", "hunter2"));
  },
  ERR_TOO_LARGE: (_site, visitor) => visitor.visit((session) => session.set("a", "hunter2".repeat(50))),
  ERR_SERIALIZE: (_site, visitor) => visitor.visit((session) => session.set("a", () => "hunter2")),
  ERR_UNBOUND: (site, visitor) => visitor.visit((_session, request) => site.sessions.get(request.clone())),
  ERR_CLOSED: (site, visitor) =>
    visitor.visit(async (session, request) => {
      await site.sessions.headersFor(request);
      session.set("a", "hunter2");
    }),
  ERR_UNSUPPORTED: (site, visitor) =>
    visitor.visit(() => {
      (site.store as { list?: unknown }).list = undefined;
      return site.sessions.list("ada");
    }),
};
const retryable: readonly string[] = ["ERR_STORE", "ERR_CONFLICT"];
const refusals: Record<string, number> = { ERR_STORE: 503, ERR_GONE: 409, ERR_CONFLICT: 409 };

for (
  const [code, go] of Object.entries(ways) as [SessionErrorCode, NonNullable<typeof ways["ERR_STORE"]>][]
) {
  describe(code, () => {
    it("has its code, name and retryable, and a message without id, key, cookie or data", async () => {
      const site = new Site({
        maxBytes: 200,
        onError: (error) => {
          throw error;
        },
      });
      const visitor = await begin(site, { a: 1 }, "ada");
      const { cookie, id } = visitor;
      const { key } = await site.stored(id);
      const error = await fails(() => go(site, visitor), code);
      assert.equal(error.name, "SessionError");
      assert.equal(error.retryable, retryable.includes(code));
      if (code === "ERR_STORE") assert.ok(error.cause instanceof DriverError);
      for (const secret of [cookie!, id, key, "hunter2", "ada"]) {
        assert.ok(!error.message.includes(secret), error.message);
      }
    });

    it(`is by default ${refusals[code] ?? "rethrown"}`, async () => {
      const site = new Site({ maxBytes: 200 });
      const visitor = await begin(site, { a: 1 }, "ada");
      if (refusals[code] === undefined) {
        return void await fails(() => go(site, visitor), code);
      }
      const response = await go(site, visitor);
      assert.equal(response.status, refusals[code]);
      assert.match(response.headers.get("cache-control") ?? "", /no-store/);
      assert.equal(response.headers.has("retry-after"), code === "ERR_STORE");
      assert.deepEqual(response.headers.getSetCookie(), []);
    });

    it("goes to onError once, with the request, and its answer is sent, also when it takes a while", async () => {
      for (const isAsync of [false, true]) {
        const told: [string, string][] = [];
        const site = new Site({
          maxBytes: 200,
          onError: (error, request) => {
            assert.ok(error instanceof SessionError && request instanceof Request);
            told.push([error.code, request.url]);
            const own = new Response("sorry", { status: 418 });
            return isAsync ? new Promise((resolve) => setTimeout(resolve, 1, own)) : own;
          },
        });
        const response = await go(site, await begin(site, { a: 1 }, "ada"));
        assert.equal(response.status, 418);
        assert.equal(await response.text(), "sorry");
        assert.deepEqual(told, [[code, "https://localhost/"]]);
        assert.deepEqual(response.headers.getSetCookie(), []);
      }
    });
  });
}

describe("onError", () => {
  it("is not told of anything but SessionErrors: the handler's own go on to the server", async () => {
    let told = 0;
    const site = new Site({ onError: () => (told++, new Response("hidden")) });
    const visitor = await begin(site);
    for (
      const thrown of [
        new Error("own"),
        "text",
        undefined,
        Object.assign(new Error("x"), { code: "ERR_STORE" }),
      ]
    ) {
      const caught = await visitor.visit(() => {
        throw thrown;
      }).then(() => "none", (error) => [error]);
      assert.deepEqual(caught, [thrown]);
    }
    assert.equal(told, 0);
  });

  it("is not told of what the handler caught, nor of a bad cookie", async () => {
    let told = 0;
    const site = new Site({ onError: () => (told++, new Response("hidden")) });
    const visitor = await begin(site);
    site.store.fail("reject", "load");
    await visitor.send(async (request) => {
      await request.session.catch(() => {});
      return new Response("fine");
    });
    site.store.heal();
    visitor.client.cookies.set("__Host-sid", "nonsense");
    assert.equal(await (await visitor.visit((session) => session.size)).text(), "0");
    assert.equal(told, 0);
  });

  it("that throws, at once or later, gives its own error to the server", async () => {
    for (
      const onError of [() => {
        throw new Error("broken hook");
      }, () => Promise.reject(new Error("broken hook"))]
    ) {
      const site = new Site({ onError });
      const visitor = await begin(site);
      site.store.fail("reject", "save");
      await assert.rejects(() => visitor.visit((session) => session.set("a", 2)), /broken hook/);
      site.store.heal();
      assert.deepEqual(await visitor.data(), { a: 1 });
    }
  });

  it("may answer with a response whose headers cannot be changed", async () => {
    const site = new Site({ onError: () => Response.redirect("https://status.example/") });
    const visitor = await begin(site);
    site.store.fail("reject", "save");
    const response = await visitor.visit((session) => session.set("a", 2));
    assert.equal(response.status, 302);
    assert.equal(response.headers.get("location"), "https://status.example/");
  });

  it("that answers no Response is told so: the server never gets an undefined answer in silence", async () => {
    const site = new Site({ onError: (() => undefined) as never });
    const visitor = await begin(site);
    site.store.fail("reject", "save");
    await assert.rejects(() => visitor.visit((session) => session.set("a", 2)));
  });

  it("is told of a SessionError that the handler threw at once, without touching the session", async () => {
    const site = new Site();
    const handler = site.sessions.wrap((): Response => {
      throw new SessionError("ERR_STORE", "the handler's own store");
    });
    const response = await handler(new Request("https://localhost/"));
    assert.equal(response.status, 503);
  });

  it("the clearing cookie of a flush goes out on the answer that it gave", async () => {
    const site = new Site({ onError: () => new Response("sorry", { status: 503 }) });
    const visitor = await begin(site);
    const response = await visitor.visit(async (session) => {
      await session.flush();
      site.store.fail("reject");
      session.set("a", 2);
    });
    assert.equal(response.status, 503);
    assert.match(response.headers.getSetCookie().join(), /^__Host-sid=;.*Max-Age=0/);
    assert.equal(site.store.inner.size, 0);
  });
});
