/** A server with sessions behind a real cache that ignores `Vary`: two users at the same addresses, and nothing of one at the other. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import { createSessions } from "../../mod.ts";
import { SessionClient } from "../../src/testing.ts";
import { randomness } from "../support/fault_rig.ts";
import { listen } from "../support/live_server.ts";
import { needs } from "../support/needs.ts";
import { carelessCache, nginx } from "../support/nginx.ts";

interface Data {
  user: string;
  device: string;
  count: number;
}

/** How many requests the two users make together. */
const requests = 10_000;
const devicesPerUser = 4;

/** What the handler itself tells caches, by address: from nothing to all that is wrong for a page about one person. */
const pages: Record<string, { status?: number; headers?: Record<string, string> }> = {
  "/": {},
  "/public": { headers: { "cache-control": "public, max-age=3600, s-maxage=3600, immutable" } },
  "/max-age": { headers: { "cache-control": "max-age=3600", etag: '"same"' } },
  "/expires": { headers: { expires: "Fri, 01 Jan 2100 00:00:00 GMT" } },
  "/none": { status: 404 },
  "/moved": { status: 302, headers: { location: "/" } },
};
const paths = [...Object.keys(pages), "/login", "/cycle", "/logout"];

/** The application; its clock runs so fast that idle limits are renewed, and cookies sent again, all the time. */
function makeApp() {
  let now = Date.now();
  const sessions = createSessions<Data>({
    store: new MemoryStore(),
    secrets: [crypto.getRandomValues(new Uint8Array(32))],
    cookie: { name: "sid", secure: false },
    now: () => now,
  });
  const handler = sessions.wrap(async (request) => {
    now += 1000;
    const { pathname } = new URL(request.url);
    if (pathname === "/about") return new Response("about us");
    const session = await request.session;
    if (pathname === "/awaited") return new Response("the same for all");
    if (pathname === "/logout") await session.logout();
    if (pathname === "/cycle") session.cycleKey();
    if (pathname === "/login") {
      session.login(request.headers.get("x-user")!);
      session.assign({ user: request.headers.get("x-user")!, device: request.headers.get("x-device")! });
    }
    const { user, device } = session.toObject();
    const count = user === undefined ? 0 : session.update("count", (n = 0) => n + 1);
    return Response.json({ user, device, count }, pages[pathname] ?? {});
  });
  return { sessions, handler };
}

/** One browser of one user: what it has to see is known before it asks. */
class Device {
  readonly #client: SessionClient;
  readonly #user: string;
  readonly #name: string;
  readonly #owners: Map<string, string>;
  #count = 0;

  constructor(url: string, user: string, name: string, owners: Map<string, string>) {
    this.#client = new SessionClient(url);
    this.#user = user;
    this.#name = name;
    this.#owners = owners;
  }

  async visit(path: string): Promise<void> {
    if (path === "/logout") this.#count = 0;
    else if (path === "/login" || this.#count > 0) this.#count++;
    const expected = this.#count === 0
      ? { count: 0 }
      : { user: this.#user, device: this.#name, count: this.#count };
    const headers = { "x-user": this.#user, "x-device": this.#name };
    const response = await this.#client.fetch(path, { headers });
    assert.deepEqual(await response.json(), expected, `${this.#name} ${path}`);
    assert.equal(response.headers.get("x-cache"), "MISS", path);
    for (const cookie of response.headers.getSetCookie()) {
      const [value] = cookie.slice("sid=".length).split(";", 1) as [string];
      if (value === "") continue;
      assert.equal(this.#owners.get(value) ?? this.#name, this.#name, "a cookie of another");
      this.#owners.set(value, this.#name);
    }
  }
}

describe("a cache that ignores Vary", needs("nginx", nginx !== undefined), () => {
  it("SR-067 10,000 requests of two users: no cookie and no body of the other", async () => {
    const { sessions, handler } = makeApp();
    await using server = listen(handler);
    await using cache = await carelessCache(server.port);
    const owners = new Map<string, string>();
    const below = randomness("a cache that ignores Vary");
    const devices = ["ada", "grace"].flatMap((user) =>
      Array.from(
        { length: devicesPerUser },
        (_, n) => new Device(cache.url, user, `${user}'s device ${n}`, owners),
      )
    );
    let left = requests;
    await Promise.all(devices.map(async (device) => {
      for (await device.visit("/login"); left > 0; left--) {
        await device.visit(paths[below(paths.length)]!);
      }
    }));
    assert.ok(owners.size > requests / 10, `${owners.size} cookies`);
    await sessions.close();
  });

  it("SR-067 pages that do not use the session are served from the cache, and never with a cookie", async () => {
    const { sessions, handler } = makeApp();
    let asked = 0;
    await using server = listen((request: Request) => (asked++, handler(request)));
    await using cache = await carelessCache(server.port);
    const ada = new SessionClient(cache.url);
    await (await ada.fetch("/login", { headers: { "x-user": "ada", "x-device": "one" } })).body?.cancel();
    asked = 0;
    for (const path of ["/about", "/awaited"]) {
      for (const client of [ada, new SessionClient(cache.url), ada]) {
        const response = await client.fetch(path);
        assert.deepEqual(response.headers.getSetCookie(), []);
        assert.match(await response.text(), /us|all/);
      }
    }
    assert.equal(asked, 2);
    await sessions.close();
  });

  it("the cache of this test does mix up users when nobody tells it not to", async () => {
    const { sessions, handler } = makeApp();
    await using server = listen(async (request: Request) => {
      const response = await handler(request);
      const headers = new Headers(response.headers);
      headers.delete("cache-control");
      return new Response(response.body, { headers });
    });
    await using cache = await carelessCache(server.port);
    const [ada, grace] = [new SessionClient(cache.url), new SessionClient(cache.url)];
    const login = async (client: SessionClient, user: string) =>
      await (await client.fetch("/login", { headers: { "x-user": user, "x-device": "one" } })).json();
    await login(ada, "ada");
    assert.equal((await login(grace, "grace")).user, "ada");
    assert.equal(grace.cookies.get("sid"), ada.cookies.get("sid"));
    await sessions.close();
  });
});
