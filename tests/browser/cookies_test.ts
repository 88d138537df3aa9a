/** Cookies in a real browser, over https and on localhost: set, kept, cleared, and what others plant beside them. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import type { Browser, BrowserContext, Cookie, Page } from "playwright-core";
import { MemoryStore } from "../../backends/memory.ts";
import { type CookieOptions, createSessions, type SessionEvent, type Sessions } from "../../mod.ts";
import { SessionClient } from "../../src/testing.ts";
import { chromiumPath, selfSigned, startBrowser } from "../support/chromium.ts";
import { listen, type LiveServer } from "../support/live_server.ts";
import { needs } from "../support/needs.ts";

interface Data {
  count: number;
}

/** What the application answers. */
interface Seen {
  readonly user?: string;
  readonly count: number;
}

const found = chromiumPath !== undefined && existsSync("/usr/bin/openssl");

describe("a real browser", needs("chromium and openssl", found), () => {
  const events: SessionEvent[] = [];
  const make = (cookie: CookieOptions): Sessions<Data> =>
    createSessions<Data>({
      store: new MemoryStore(),
      secrets: [crypto.getRandomValues(new Uint8Array(32))],
      cookie,
      onEvent: (event) => events.push(event),
    });
  /** By host: the names of one site have one application, told apart by how it names its cookie. */
  const sites: Record<string, Sessions<Data>> = {
    "site.test": make({}), // __Host-sid
    "bare.test": make({ name: "sid" }),
    "localhost": make({}),
    "127.0.0.1": make({ name: "dev", secure: false }),
  };
  let browser: Browser;
  let secure: LiveServer;
  let plain: LiveServer;
  let context: BrowserContext;
  let page: Page;

  /** Every host and both servers: the application, and at `/plant` and `/attack` whatever an attacker there would answer. */
  async function answer(request: Request): Promise<Response> {
    const { hostname, pathname, searchParams } = new URL(request.url);
    if (pathname === "/plant") {
      const headers = searchParams.getAll("cookie").map((cookie): [string, string] => ["set-cookie", cookie]);
      return new Response("planted", { headers });
    }
    if (pathname === "/attack") {
      const to = searchParams.get("to");
      const page = `<a href="${to}">look</a><form method=post action="${to}"><button>send</button></form>`;
      return new Response(page, { headers: { "content-type": "text/html" } });
    }
    const sessions = sites[hostname];
    if (sessions === undefined || pathname === "/favicon.ico") return new Response(null, { status: 404 });
    return await sessions.wrap(async (request) => {
      const session = await request.session;
      if (pathname === "/login") session.login(searchParams.get("as")!);
      if (pathname === "/logout") {
        await session.logout();
        return new Response("bye");
      }
      const count = session.update("count", (n = 0) => n + 1);
      return Response.json({ user: session.userId, count });
    })(request);
  }

  before(async () => {
    secure = listen(answer, undefined, selfSigned());
    plain = listen(answer);
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await secure[Symbol.asyncDispose]();
    await plain[Symbol.asyncDispose]();
    for (const sessions of Object.values(sites)) await sessions.close();
  });
  beforeEach(async () => {
    events.length = 0;
    context = await browser.newContext({ ignoreHTTPSErrors: true });
    page = await context.newPage();
  });
  afterEach(() => context.close());

  const https = (host: string, path = "/") => `https://${host}:${secure.port}${path}`;
  const http = (host: string, path = "/") => `http://${host}:${plain.port}${path}`;
  const look = async (url: string): Promise<Seen> => await (await page.goto(url))!.json();
  const plant = async (
    origin: (host: string, path: string) => string,
    host: string,
    ...cookies: string[]
  ) => {
    const query = new URLSearchParams(cookies.map((cookie) => ["cookie", cookie]));
    await page.goto(origin(host, `/plant?${query}`));
  };
  /** What the browser holds under this name, of whatever host. */
  const held = async (name: string): Promise<Cookie[]> =>
    (await context.cookies()).filter((cookie) => cookie.name === name);
  /** What a stranger who speaks to the server directly sees with this cookie. */
  const thief = async (url: string, name: string, value: string): Promise<Seen | "refused"> => {
    const { hostname } = new URL(url);
    const request = new Request(url.replace(/:\d+/, ""), { headers: { cookie: `${name}=${value}` } });
    assert.equal(new URL(request.url).hostname, hostname);
    const response = await answer(request);
    return response.status === 409 ? "refused" : await response.json();
  };
  /** The cookie of an attacker's own, live session. */
  const liveCookie = async (host: string, name: string): Promise<string> => {
    const client = new SessionClient((request) =>
      answer(new Request(request.url.replace("localhost", host), request))
    );
    const response = await client.fetch("/");
    return new RegExp(`${name}=([^;]+)`).exec(response.headers.get("set-cookie")!)![1]!;
  };

  it("SR-007 https: __Host-sid is set with all its attributes, kept over pages and tabs, and hidden from scripts", async () => {
    assert.deepEqual(await look(https("site.test")), { count: 1 });
    const [cookie, ...more] = await held("__Host-sid");
    assert.deepEqual(more, []);
    const { domain, path, httpOnly, secure: isSecure, sameSite, expires } = cookie!;
    assert.deepEqual({ domain, path, httpOnly, isSecure, sameSite }, {
      domain: "site.test",
      path: "/",
      httpOnly: true,
      isSecure: true,
      sameSite: "Lax",
    });
    assert.ok(Math.abs(expires - Date.now() / 1000 - 1_209_600) < 60);
    assert.equal((await look(https("site.test", "/deep/er?x=1"))).count, 2);
    assert.equal(await page.evaluate("document.cookie"), "");
    page = await context.newPage();
    assert.equal((await look(https("site.test"))).count, 3);
    assert.equal((await held("__Host-sid"))[0]!.value, cookie!.value);
  });

  it("SR-010 SR-031 a log-in changes the cookie in the browser, a log-out takes it away", async () => {
    await look(https("site.test"));
    const [anonymous] = await held("__Host-sid");
    assert.deepEqual(await look(https("site.test", "/login?as=ada")), { user: "ada", count: 2 });
    const [known] = await held("__Host-sid");
    assert.notEqual(known!.value, anonymous!.value);
    await page.goto(https("site.test", "/logout"));
    assert.deepEqual(await held("__Host-sid"), []);
    assert.deepEqual(await look(https("site.test")), { count: 1 });
    assert.deepEqual(await thief(https("site.test"), "__Host-sid", known!.value), { count: 1 });
  });

  it("SR-015 the browser takes no __Host- cookie from a sister host, for a whole domain, or over plain http", async () => {
    const live = await liveCookie("site.test", "__Host-sid");
    const planted = `__Host-sid=${live}; Path=/; Secure`;
    await plant(https, "evil.site.test", `${planted}; Domain=site.test`);
    await plant(https, "site.test", `${planted}; Domain=site.test`, `__Host-sid=${live}; Path=/deep; Secure`);
    await plant(http, "site.test", planted, `__Host-sid=${live}; Path=/`);
    assert.deepEqual(await held("__Host-sid"), []);
    await plant(https, "evil.site.test", planted); // its own, and nobody else's
    assert.deepEqual((await held("__Host-sid")).map(({ domain }) => domain), ["evil.site.test"]);
    assert.deepEqual(await look(https("site.test")), { count: 1 });
  });

  it("SR-015 names that only look like ours are stored by the browser and are nothing to the server", async () => {
    const live = await liveCookie("site.test", "__Host-sid");
    const names = [
      "__host-sid",
      "\xe2\x80\x80__Host-sid",
      "\xc2\xa0__Host-sid",
      "$Version=1,__Host-sid",
      "=__Host-sid",
    ];
    const cookies = names.map((name) => `${name}=${live}; Domain=site.test; Path=/`);
    await plant(https, "evil.site.test", ...cookies);
    assert.ok((await context.cookies()).length > 0);
    assert.deepEqual(await look(https("site.test")), { count: 1 });
    assert.deepEqual(await look(https("site.test")), { count: 2 });
  });

  it("a script cannot overwrite the cookie, nor a plain http answer of the same host", async () => {
    await look(https("site.test"));
    await page.evaluate(`document.cookie = "__Host-sid=x; Path=/; Secure"`);
    await page.evaluate(`document.cookie = "__Host-sid=; Path=/; Secure; Max-Age=0"`);
    await plant(http, "site.test", "__Host-sid=x; Path=/");
    assert.deepEqual(await look(https("site.test")), { count: 2 });
  });

  it("SR-016 a name without prefix: what a sister host plants never wins", async () => {
    const live = await liveCookie("bare.test", "sid");
    assert.deepEqual(await look(https("bare.test", "/login?as=ada")), { user: "ada", count: 1 });
    await plant(
      https,
      "evil.bare.test",
      "sid=anything; Domain=bare.test; Path=/",
      `sid=${live}x; Domain=bare.test; Path=/deep`,
    );
    assert.equal((await held("sid")).length, 3);
    assert.deepEqual(await look(https("bare.test", "/deep")), { user: "ada", count: 2 });

    // a second live session is no reason to choose one: nobody's
    await plant(https, "evil.bare.test", `sid=${live}; Domain=bare.test; Path=/deep`);
    assert.deepEqual(await look(https("bare.test", "/deep")), { count: 1 });
    assert.ok(events.some(({ type, reason }) => type === "rejected" && reason === "ambiguous"));
  });

  it("SR-031 a name without prefix: who is logged in on a session planted over plain http is alone in the new one", async () => {
    const live = await liveCookie("bare.test", "sid");
    await plant(http, "bare.test", `sid=${live}; Path=/`);
    assert.deepEqual(await look(https("bare.test")), { count: 2 }); // the price of a name without prefix
    assert.deepEqual(await look(https("bare.test", "/login?as=ada")), { user: "ada", count: 3 });
    assert.equal(await thief(https("bare.test"), "sid", live), "refused");
    await plant(http, "bare.test", "sid=x; Path=/"); // a Secure cookie is left alone
    assert.deepEqual(await look(https("bare.test")), { user: "ada", count: 4 });
  });

  it("SR-002 values that somebody made up are never taken over", async () => {
    const [id, tag] = (await liveCookie("bare.test", "sid")).split(".") as [string, string];
    const values = [`${"A".repeat(32)}.${tag}`, `${id}.${"A".repeat(43)}`, "x", ""];
    await plant(http, "bare.test", ...values.map((value, n) => `sid=${value}; Path=/${"deep/".repeat(n)}`));
    assert.equal((await held("sid")).length, 4);
    assert.deepEqual(await look(https("bare.test", "/deep/deep/deep/")), { count: 1 });
    const ours = (await held("sid")).filter((cookie) => cookie.secure);
    assert.equal(ours.length, 1);
    assert.ok(!values.includes(ours[0]!.value));
  });

  it("SR-007 a link of another site is followed with the cookie, a form of it is sent without", async () => {
    await look(https("site.test", "/login?as=ada"));
    const click = async (what: string): Promise<Seen> => {
      await page.goto(https("other.test", `/attack?to=${encodeURIComponent(https("site.test"))}`));
      const [response] = await Promise.all([page.waitForResponse(https("site.test")), page.click(what)]);
      return await response.json();
    };
    assert.deepEqual(await click("a"), { user: "ada", count: 2 });
    assert.deepEqual(await click("button"), { count: 1 });
  });

  it("http://localhost: the defaults work, Secure and __Host- included", async () => {
    assert.deepEqual(await look(http("localhost")), { count: 1 });
    assert.deepEqual(await look(http("localhost")), { count: 2 });
    const [cookie] = await held("__Host-sid");
    assert.equal(cookie!.secure, true);
    await page.goto(http("localhost", "/logout"));
    assert.deepEqual(await held("__Host-sid"), []);
  });

  it("plain http elsewhere: the defaults keep nothing, `secure: false` with a bare name does", async () => {
    await look(http("site.test"));
    assert.deepEqual(await look(http("site.test")), { count: 1 });
    assert.deepEqual(await held("__Host-sid"), []);
    await look(http("127.0.0.1"));
    assert.deepEqual(await look(http("127.0.0.1")), { count: 2 });
  });
});
