/** The recipes with WebSockets, bare and through frameworks that upgrade by themselves, on real servers. */

import { Hono } from "hono";
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import { createSessions } from "../../mod.ts";
import { SessionClient } from "../../src/testing.ts";
import { secrets } from "../support/fault_rig.ts";
import { isBun, listen, type LiveServer } from "../support/live_server.ts";
import { handshake, talk } from "../support/recipes_rig.ts";

const onBun = isBun ? {} : { skip: "not on this runtime: Bun.serve" };
const onDeno = isBun ? { skip: "not on this runtime: Deno.upgradeWebSocket" } : {};

/** A recipe that is a default export, as both runtimes serve it. */
const exported = (name: string) => async (): Promise<LiveServer> => {
  const { default: { fetch, websocket } } = await import(`../../examples/${name}.ts`);
  return listen(fetch, websocket);
};

/** Elysia serves by itself. */
async function elysia(): Promise<LiveServer> {
  const { app } = await import("../../examples/elysia_websocket.ts");
  const { server } = app.listen({ port: 0, hostname: "127.0.0.1" });
  const port = server!.port!;
  const stop = async () => void await server!.stop(true);
  return { port, url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: stop };
}

/** Hono on Deno needs no recipe: the answer of its own helper passes through `wrap`. */
async function hono(): Promise<LiveServer> {
  const { upgradeWebSocket } = await import("hono/deno");
  const sessions = createSessions<{ said: string[] }>({ store: new MemoryStore(), secrets });
  const app = new Hono().get("/", async (c, next) => {
    (await sessions.get(c.req.raw)).setDefault("said", []);
    await next();
  }, upgradeWebSocket(() => ({})));
  return listen(sessions.wrap((request: Request) => app.fetch(request)));
}

const recipes: [string, { skip?: string }, () => Promise<LiveServer>][] = [
  ["websocket_deno", onDeno, exported("websocket_deno")],
  ["websocket_bun", onBun, exported("websocket_bun")],
  ["hono_websocket", onBun, exported("hono_websocket")],
  ["elysia_websocket", onBun, elysia],
];
const { load } = MemoryStore.prototype;
afterEach(() => void (MemoryStore.prototype.load = load));

for (const [name, where, start] of recipes) {
  describe(`the recipe ${name}`, where, () => {
    it("gives a new visitor the cookie with the upgrade, and one who has it no other", async () => {
      await using running = await start();
      const { port, url: origin } = running;
      const cookie = await handshake(port, { origin });
      assert.match(cookie, /^__Host-sid=/);
      assert.equal(await handshake(port, { origin, cookie }), "");
      assert.deepEqual(await talk(port, ["Grüße"], { origin, cookie }), ["1: Grüße"]);
      const page = await fetch(origin, { headers: { cookie } });
      assert.deepEqual(await page.json(), ["Grüße"]);
    });

    it("writes to the session, and ends with it", async () => {
      await using running = await start();
      const { port, url: origin } = running;
      const jar = new SessionClient(origin);
      assert.equal(await (await jar.fetch("/")).text(), "[]");
      const cookie = await handshake(port, { origin });
      assert.deepEqual(await talk(port, ["hello", "again"], { origin, cookie }), ["1: hello", "2: again"]);
      jar.cookies.set("__Host-sid", cookie.slice("__Host-sid=".length));
      assert.equal(await (await jar.fetch("/")).text(), '["hello","again"]');

      const logOut = async () => void await (await jar.fetch("/", { method: "DELETE" })).text();
      assert.deepEqual(await talk(port, ["more", "still there?"], { origin, cookie }, logOut), [
        "3: more",
        4401,
      ]);
    });

    it("is refused to other sites, closed after a failure, and 503 without the store", async () => {
      await using running = await start();
      const { port, url: origin } = running;
      await assert.rejects(handshake(port, { origin: "https://evil.example" }), /answered 403/);
      const cookie = await handshake(port, { origin });
      const long = "x".repeat(70_000); // more than a session may hold
      assert.deepEqual(await talk(port, [long], { origin, cookie }), [1011]);
      MemoryStore.prototype.load = () => {
        throw new Error("down");
      };
      await assert.rejects(handshake(port, { origin, cookie }), /answered 503/);
      MemoryStore.prototype.load = load;
      assert.equal(await handshake(port, { origin, cookie }), "", "the server lives");
    });
  });
}

it("Hono's own upgradeWebSocket on Deno sends the cookie of a new visitor", onDeno, async () => {
  await using running = await hono();
  const { port, url: origin } = running;
  const cookie = await handshake(port, { origin });
  assert.match(cookie, /^__Host-sid=/);
  assert.equal(await handshake(port, { origin, cookie }), "");
});
