/** A page cache in or around an app, on a real server: the cache middleware of Hono over the `caches` of Deno. */

import { Hono, type MiddlewareHandler } from "hono";
import { cache } from "hono/cache";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import example from "../../examples/page_cache.ts";
import { createSessions, type Session } from "../../mod.ts";
import { SessionClient } from "../../src/testing.ts";
import { secrets } from "../support/fault_rig.ts";
import { isBun, listen } from "../support/live_server.ts";

const onDeno = isBun ? { skip: "not on this runtime: caches" } : {};
const cacheName = `sojourn ${crypto.randomUUID()}`;
const makeCache = () => cache({ cacheName, wait: true });
type Env = { Variables: { session: Session<{ name: string }> } };

/** An app that greets its visitor by name; `made` counts the pages that no cache gave. */
function makeApp(...below: MiddlewareHandler<Env>[]) {
  const sessions = createSessions<{ name: string }>({
    store: new MemoryStore(),
    secrets,
    cookie: { name: "sid", secure: false },
  });
  const made: string[] = [];
  const app = new Hono<Env>();
  app.use("/pages/*", async (c, next) => {
    c.set("session", await sessions.get(c.req.raw));
    await next();
  }, ...below);
  app.get("/login/:name", async (c) => {
    (await sessions.get(c.req.raw)).set("name", c.req.param("name"));
    return c.text("welcome");
  });
  app.get("/pages/:path/about", (c) => (made.push(c.req.path), c.text("the same for all: Größe")));
  app.get("/pages/:path/mine", (c) => {
    made.push(c.req.path);
    return c.text(`Grüße an ${c.var.session.get("name", "niemand")}`);
  });
  return { fetch: sessions.wrap((request: Request) => app.fetch(request)), made };
}

/** What Ada, Zoë and a stranger see at one address, one after the other. */
async function visits(fetch: (request: Request) => unknown, path: string): Promise<string[]> {
  await using server = listen(fetch as never);
  const seen: string[] = [];
  for (const name of ["Ada", "Zoë", ""]) {
    const client = new SessionClient(server.url);
    if (name !== "") await (await client.fetch(`/login/${encodeURIComponent(name)}`)).text();
    const page = await client.fetch(path);
    assert.equal(page.headers.getSetCookie().length, 0);
    seen.push(await page.text());
  }
  return seen;
}

const each = ["Grüße an Ada", "Grüße an Zoë", "Grüße an niemand"];
const forget = async () => {
  for (const name of [cacheName, "pages"]) await caches.delete(name);
};

describe("a page cache", onDeno, () => {
  before(forget);
  after(forget);

  const around = (fetch: (request: Request) => Response | Promise<Response>) =>
    new Hono().use(makeCache()).all("*", (c) => fetch(c.req.raw)).fetch;
  const marking: MiddlewareHandler<Env> = async (c, next) => {
    await next();
    if (c.var.session.accessed) c.header("cache-control", "private, no-cache");
  };

  it("around `wrap` stores no page that used its session, and all others", async () => {
    const { fetch, made } = makeApp();
    assert.deepEqual(await visits(around(fetch), "/pages/around/mine"), each);
    assert.equal(made.length, 3);
    const shared = await visits(around(fetch), "/pages/around/about");
    assert.deepEqual(new Set(shared), new Set(["the same for all: Größe"]));
    assert.equal(made.length, 4, "made once");
  });

  it("inside of `wrap` does so too, with a line below it that asks `session.accessed`", async () => {
    const { fetch, made } = makeApp(makeCache(), marking);
    assert.deepEqual(await visits(fetch, "/pages/inside/mine"), each);
    assert.equal(made.length, 3);
    await visits(fetch, "/pages/inside/about");
    assert.equal(made.length, 4, "made once");
  });

  it("inside of `wrap` and told nothing shows one visitor's page to another: the rule is needed", async () => {
    const { fetch } = makeApp(makeCache());
    assert.deepEqual(await visits(fetch, "/pages/careless/mine"), [each[0], each[0], each[0]]);
  });

  it("is a recipe: each visitor is counted alone, and the page for all is made once", async () => {
    await using server = listen(example.fetch);
    const [ada, zoe] = [new SessionClient(server.url), new SessionClient(server.url)];
    const look = async (client: SessionClient, path: string) => await (await client.fetch(path)).text();
    for (const visit of ["visit 1", "visit 2"]) {
      for (const client of [ada, zoe]) assert.equal(await look(client, "/"), visit);
    }
    assert.notEqual(ada.cookies.get("__Host-sid"), zoe.cookies.get("__Host-sid"));
    assert.equal(await look(ada, "/about"), await look(zoe, "/about"));
  });
});

it("the recipe of a page cache works where there is no cache", async () => {
  await using server = listen(example.fetch);
  const client = new SessionClient(server.url);
  for (const visit of ["visit 1", "visit 2"]) assert.equal(await (await client.fetch("/")).text(), visit);
});
