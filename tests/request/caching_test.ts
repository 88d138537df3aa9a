import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { begin, Browser, dice, requestWith, seed, Site, type Work } from "../support/commit_rig.ts";

const uses: Work[] = [
  (s) => s.get("a"),
  (s) => s.get("missing", 1),
  (s) => s.has("a"),
  (s) => s.size,
  (s) => s.isEmpty,
  (s) => s.keys(),
  (s) => s.values(),
  (s) => s.entries(),
  (s) => [...s],
  (s) => s.toObject(),
  (s) => s.id,
  (s) => s.userId,
  (s) => s.createdAt,
  (s) => s.isNew,
  (s) => s.modified,
  (s) => s.getExpiryAge(),
  (s) => s.getExpiryDate(),
  (s) => s.getExpireAtBrowserClose(),
  (s) => s.testCookieWorked(),
  (s) => void s.set("a", 2),
  (s) => s.delete("a"),
  (s) => s.delete("missing"),
  (s) => s.pop("missing"),
  (s) => s.setDefault("a", 1),
  (s) => s.update("n", (n = 0) => n + 1),
  (s) => void s.assign({}),
  (s) => s.clear(),
  (s) => s.flush(),
  (s) => s.logout(),
  (s) => s.save(),
  (s) => s.cycleKey(),
  (s) => s.login("ada"),
  (s) => s.setExpiry(60),
  (s) => s.setLabel("x"),
  (s) => s.setTestCookie(),
  (s) => s.deleteTestCookie(),
];

const unused: Work[] = [
  () => {},
  (s) => s.accessed,
  (s) => inspect(s),
  (s) => JSON.stringify(s),
  (s) => String(s),
  (s) => Object.keys(s),
  (s) => ({ ...s }),
  (s) => structuredClone(JSON.parse(JSON.stringify({ s }))),
];

/** The headers of an answer that has `given`, after its session was used. */
async function used(
  site: Site,
  browser: Browser,
  given: HeadersInit,
  work: Work = (s) => s.get("a"),
): Promise<Headers> {
  const handler = site.sessions.wrap(async (request) => {
    await work(await request.session, request);
    return new Response("x", { headers: given });
  });
  return (await handler(requestWith(browser.cookie))).headers;
}

describe("what caches are told", () => {
  it("SR-066 every public member but `accessed` is use: Vary holds Cookie once, and the answer is private", async () => {
    for (const work of uses) {
      const site = new Site();
      for (const browser of [await begin(site), new Browser(site)]) {
        const headers = await used(site, browser, {}, work);
        assert.equal(headers.get("vary"), "Cookie", String(work));
        assert.equal(headers.get("cache-control"), "private, no-cache", String(work));
      }
    }
  });

  it("SR-066 every public member of the class is in a list of this test", async () => {
    const site = new Site();
    const browser = await begin(site);
    const names = new Set<string>();
    await browser.visit((session) => {
      for (
        let proto = Object.getPrototypeOf(session);
        proto !== Object.prototype;
        proto = Object.getPrototypeOf(proto)
      ) {
        for (const name of Object.getOwnPropertyNames(proto)) if (name !== "constructor") names.add(name);
      }
    });
    const tested = [...uses, ...unused].map(String).join();
    assert.deepEqual([...names].filter((name) => !tested.includes(`.${name}`)), []);
  });

  it("SR-066 awaiting, logging and inspecting is not use: no header", async () => {
    for (const work of unused) {
      const site = new Site();
      const headers = await used(site, await begin(site), {}, work);
      assert.equal(headers.get("vary"), null, String(work));
      assert.equal(headers.get("cache-control"), null, String(work));
    }
  });

  it("SR-066 an existing Vary is kept and merged", async () => {
    const site = new Site();
    const browser = await begin(site);
    const cases: [string, string][] = [
      ["Accept-Encoding", "Accept-Encoding, Cookie"],
      ["cookie", "cookie"],
      ["Accept, COOKIE", "Accept, COOKIE"],
      ["Accept,Cookie ,Origin", "Accept,Cookie ,Origin"],
      ["*", "*"],
      ["Accept, *", "Accept, *"],
      ["Cookie2", "Cookie2, Cookie"],
      ["X-Cookie", "X-Cookie, Cookie"],
      ["Set-Cookie", "Set-Cookie, Cookie"],
    ];
    for (const [vary, wanted] of cases) {
      assert.equal((await used(site, browser, { vary })).get("vary"), wanted);
    }
    const twice = new Headers([["vary", "Accept"], ["vary", "Cookie"]]);
    assert.equal((await used(site, browser, twice)).get("vary"), "Accept, Cookie");
  });

  it("SR-066 a cookie that was resent without use is marked: saveEveryRequest", async () => {
    const site = new Site(undefined, { saveEveryRequest: true });
    const browser = await begin(site);
    const { headers } = await site.sessions.wrap(() => new Response("x"))(requestWith(browser.cookie));
    assert.equal(headers.getSetCookie().length, 1);
    assert.equal(headers.get("vary"), "Cookie");
    assert.equal(headers.get("cache-control"), "private, no-cache");
  });

  it("SR-066 a load that failed and was only awaited adds nothing; a refusal is for nobody's cache", async () => {
    const site = new Site();
    const browser = await begin(site);
    site.store.before = () => {
      throw new Error("down");
    };
    const caught = await site.sessions.wrap(async (request) => {
      await assert.rejects(request.session, { code: "ERR_STORE" });
      return new Response("x");
    })(requestWith(browser.cookie));
    assert.deepEqual([caught.status, caught.headers.get("vary"), caught.headers.get("cache-control")], [
      200,
      null,
      null,
    ]);
    const refused = await browser.visit((session) => session.get("a"));
    assert.equal(refused.status, 503);
    assert.match(refused.headers.get("cache-control")!, /no-store/);
    assert.match(refused.headers.get("retry-after")!, /^\d+$/);
  });

  it("SR-067 the Cache-Control matrix", async () => {
    const cases: [given: string, wanted: string[], event: boolean][] = [
      ["no-cache", ["no-cache", "private"], false],
      ["max-age=60", ["max-age=60", "private"], false],
      ["public", ["private"], true],
      ["Public, Max-Age=60", ["max-age=60", "private"], true],
      ["public, s-maxage=9, max-age=60", ["max-age=60", "private"], true],
      ["S-MaxAge=9", ["private"], true],
      ["max-age=60, immutable", ["max-age=60", "private"], true],
      ["private", ["private"], false],
      ["PRIVATE", ["private"], false],
      ["private, immutable, max-age=60", ["private", "immutable", "max-age=60"], false],
      ["private, public", ["private"], true],
      ["no-store", ["no-store"], false],
      ["no-store, s-maxage=9", ["no-store"], true],
      ["no-store, public, immutable", ["no-store", "immutable"], true],
      ['private="set-cookie, x", max-age=1', ['private="set-cookie, x"', "max-age=1", "private"], false],
      ['ext="public, s-maxage=1"', ['ext="public, s-maxage=1"', "private"], false],
      [
        "must-revalidate,stale-while-revalidate=5",
        ["must-revalidate", "stale-while-revalidate=5", "private"],
        false,
      ],
      [" , ,", ["private"], false],
    ];
    for (const [given, wanted, event] of cases) {
      const site = new Site();
      const headers = await used(site, await begin(site), { "cache-control": given });
      const got = headers.get("cache-control")!.match(/(?:[^,"]|"[^"]*")+/g)!.map((text) =>
        text.trim().toLowerCase()
      );
      assert.deepEqual(got.sort(), [...wanted].sort(), given);
      assert.deepEqual(site.eventTypes(), event ? ["cache-control"] : [], given);
    }
  });

  it("SR-067 an answer whose session was not used keeps its Cache-Control as it is", async () => {
    const site = new Site();
    const browser = await begin(site);
    const given = { "cache-control": "public, s-maxage=60, immutable", vary: "Accept" };
    const headers = await used(site, browser, given, () => {});
    assert.deepEqual([headers.get("cache-control"), headers.get("vary")], Object.values(given));
  });

  it("SR-067 also on redirects, errors, empty and streamed answers", async () => {
    const site = new Site();
    const browser = await begin(site);
    const stream = new ReadableStream({ start: (controller) => controller.close() });
    const answers = [
      () => Response.redirect("https://site.test/x"),
      () => new Response(null, { status: 204 }),
      () => new Response(null, { status: 304 }),
      () => new Response("no", { status: 404 }),
      () => new Response("no", { status: 500 }),
      () => new Response(stream),
      () => Response.json({}),
    ];
    for (const answer of answers) {
      const { headers } = await browser.visit((session) => (session.get("a"), answer()));
      assert.equal(headers.get("vary"), "Cookie", String(answer));
      assert.equal(headers.get("cache-control"), "private, no-cache", String(answer));
    }
  });

  it("SR-067 two users behind a shared cache that ignores Vary, 2,000 requests: nobody gets the other's", async () => {
    console.log(`SOJOURN_SEED=${seed}`);
    const roll = dice(seed);
    const site = new Site();
    const handler = site.sessions.wrap(async (request) => {
      const { pathname } = new URL(request.url);
      const headers = {
        "cache-control": ["public, max-age=60", "s-maxage=60", "max-age=60", "immutable"][roll(4)]!,
      };
      if (pathname === "/static") return new Response("static", { headers });
      const session = await request.session;
      if (roll(3) === 0) session.cycleKey();
      return new Response(session.setDefault("who", request.headers.get("x-who")!), { headers });
    });
    const cache = new Map<string, { text: string; cookies: string[] }>();
    const cookies: (string | undefined)[] = [undefined, undefined];
    let hits = 0;
    for (let i = 0; i < 2000; i++) {
      const user = roll(2);
      const path = `/${roll(2) === 0 ? "static" : roll(5)}`;
      let answer = cache.get(path);
      if (answer === undefined) {
        const headers = {
          "x-who": String(user),
          ...(cookies[user] === undefined ? {} : { cookie: cookies[user] }),
        };
        const response = await handler(new Request(`https://site.test${path}`, { headers }));
        answer = { text: await response.text(), cookies: response.headers.getSetCookie() };
        // RFC 9111, section 3: a shared cache keeps nothing that says private or no-store.
        if (!/private|no-store/.test(response.headers.get("cache-control") ?? "")) cache.set(path, answer);
        for (const field of answer.cookies) cookies[user] = field.split(";", 1)[0];
      } else {
        hits++;
        assert.deepEqual(answer.cookies, []);
      }
      assert.ok(answer.text === "static" || answer.text === String(user), `${answer.text} for ${user}`);
    }
    assert.ok(hits > 500, "the cache works");
  });
});
