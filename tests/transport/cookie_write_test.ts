import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type CookieAttributes,
  type CookieOptions,
  createSessions,
  type Session,
  type SessionsOptions,
} from "../../mod.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { begin, makeSite, secret, tokenOf, writes } from "../support/identity_rig.ts";
import { parseSetCookie, StrictJar } from "../support/strict_jar.ts";

const withCookie = (cookie: unknown) => () =>
  createSessions({ store: new MemoryStore(), secrets: [secret(1)], cookie: cookie as CookieOptions });
const ours = (answer: Response, name = "__Host-sid") =>
  answer.headers.getSetCookie().filter((field) => field.startsWith(`${name}=`));

describe("the cookie that is set", () => {
  it("SR-007 has by default exactly the attributes that are promised", async () => {
    const { name, value, written } = parseSetCookie(
      ours(await makeSite().visit(undefined, writes("a")))[0]!,
    )!;
    assert.equal(name, "__Host-sid");
    assert.match(value, /^[A-Za-z0-9_-]{32}\.[A-Za-z0-9_-]{43}$/);
    assert.deepEqual([...written].sort(), [
      "HttpOnly",
      "Max-Age=1209600",
      "Path=/",
      "SameSite=Lax",
      "Secure",
    ]);
  });

  it("SR-007 has no Max-Age when it ends with the browser", async () => {
    const byOption = await makeSite({ expireAtBrowserClose: true }).visit(undefined, writes("a"));
    const bySession = await makeSite().visit(undefined, (session) => session.set("mark", "a").setExpiry(0));
    for (const answer of [byOption, bySession]) {
      assert.deepEqual([...parseSetCookie(ours(answer)[0]!)!.written].sort(), [
        "HttpOnly",
        "Path=/",
        "SameSite=Lax",
        "Secure",
      ]);
    }
  });

  it("SR-007 HttpOnly cannot be turned off", () => {
    // @ts-expect-error -- there is no such option
    const options: CookieOptions = { httpOnly: false };
    for (
      const cookie of [options, { httpOnly: true }, { htppOnly: true }, { HttpOnly: false }, { maxAge: 1 }, {
        expires: 0,
      }]
    ) {
      const [key] = Object.keys(cookie);
      assert.throws(
        withCookie(cookie),
        (error: Error) => error instanceof TypeError && error.message.includes(key!),
      );
    }
  });

  it("SR-007 has the attributes that are asked for, and no others", async () => {
    const kinds: [CookieOptions, string[]][] = [
      [{ partitioned: true, sameSite: "None" }, ["Partitioned", "Path=/", "SameSite=None", "Secure"]],
      [{ name: "__Secure-sid", domain: "Example.org", path: "/a b" }, [
        "Domain=Example.org",
        "Path=/a b",
        "SameSite=Lax",
        "Secure",
      ]],
      [{ name: "sid", secure: false, sameSite: "Strict" }, ["Path=/", "SameSite=Strict"]],
    ];
    for (const [cookie, expected] of kinds) {
      const { name = "__Host-sid" } = cookie;
      const site = makeSite({ cookie });
      const answer = await site.visit(undefined, writes("a"));
      const { written } = parseSetCookie(ours(answer, name)[0]!)!;
      assert.deepEqual([...written].sort(), [...expected, "HttpOnly", "Max-Age=1209600"].sort());
      const clearing = await site.visit(`${name}=${tokenOf(answer, name)}`, (session) => session.flush());
      const { value, written: cleared } = parseSetCookie(ours(clearing, name)[0]!)!;
      assert.equal(value, "");
      assert.deepEqual(
        [...cleared].sort(),
        [...expected, "HttpOnly", "Max-Age=0", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"].sort(),
      );
    }
  });

  it("SR-013 is Secure and prefixed whatever the request says about its scheme", async () => {
    const { sessions } = makeSite();
    const handler = sessions.wrap(async (request) => {
      (await request.session).set("mark", "a");
      return new Response();
    });
    const bearing: Record<string, string>[] = [
      {},
      { "x-forwarded-proto": "http" },
      { "x-forwarded-proto": "https, http" },
      { forwarded: "proto=http" },
      { "x-forwarded-ssl": "off" },
      { "x-forwarded-host": "evil.test", host: "evil.test" },
    ];
    for (
      const url of ["http://localhost/", "http://site.test/", "https://site.test/", "http://127.0.0.1:8000/a"]
    ) {
      for (const headers of bearing) {
        const [field] = ours(await handler(new Request(url, { headers })));
        assert.match(field!, /; Secure;/);
        assert.doesNotMatch(field!, /Domain/);
      }
    }
  });

  it("SR-013 goes over plain http only with a switch and another name", async () => {
    for (
      const name of [
        undefined,
        "__Host-sid",
        "__Secure-sid",
        "__host-sid",
        "__HOST-x",
        "__Http-sid",
        "__Host-Http-sid",
      ]
    ) {
      assert.throws(withCookie({ secure: false, ...(name === undefined ? {} : { name }) }), TypeError);
    }
    const site = makeSite({ cookie: { name: "sid", secure: false } });
    const { written } = parseSetCookie(ours(await site.visit(undefined, writes("a")), "sid")[0]!)!;
    assert.deepEqual([...written].sort(), ["HttpOnly", "Max-Age=1209600", "Path=/", "SameSite=Lax"]);
  });

  it("SR-009 has a whole Max-Age of at most 400 days, whatever the ages", async () => {
    const ages = [0.5, 1, 1.5, 59.999, 86_400, 34_559_999.5, 34_560_000, 34_560_001, 3e8];
    for (const idleAge of ages) {
      for (const absoluteAge of [null, 0.25, 100_000.7, 315_000_000]) {
        const answer = await makeSite({ idleAge, absoluteAge }).visit(undefined, writes("a"));
        const maxAge = parseSetCookie(ours(answer)[0]!)!.attributes.get("max-age")!;
        assert.match(maxAge, /^\d+$/);
        const expected = Math.ceil(Math.min(idleAge, absoluteAge ?? Infinity, 34_560_000));
        assert.ok(Math.abs(Number(maxAge) - expected) <= 1, `${maxAge} for ${idleAge} and ${absoluteAge}`);
        assert.ok(Number(maxAge) <= 34_560_000);
      }
    }
  });

  it("SR-009 fits a browser with the longest name and path that are accepted", async () => {
    let [name, path] = ["n", "/"];
    const works = (cookie: CookieAttributes) => {
      try {
        return withCookie(cookie)() !== undefined;
      } catch {
        return false;
      }
    };
    for (let step = 4096; step >= 1; step /= 2) {
      if (works({ name: name + "n".repeat(step) })) name += "n".repeat(step);
      if (works({ path: path + "p".repeat(step) })) path += "p".repeat(step);
    }
    const site = makeSite({ cookie: { name, path } as CookieOptions });
    const [field] = ours(await site.visit(undefined, writes("a")), name);
    const jar = new StrictJar();
    jar.take(`https://site.test${path}`, [field!]);
    assert.deepEqual([jar.refused.length, jar.size], [0, 1]);
    assert.equal(await (await site.visit(jar.header(`https://site.test${path}`))).text(), "a");
  });
});

describe("the cookie that clears", () => {
  const kinds: CookieOptions[] = [
    {},
    { name: "__Secure-sid", domain: "site.test" },
    { partitioned: true, sameSite: "None" },
    { name: "__Secure-sid", path: "/app" },
    { name: "__Host-Http-sid", sameSite: "Strict" },
    { name: "__Secure-sid", path: "/app/in", domain: "site.test", partitioned: true },
    { name: "sid" },
  ];
  for (const cookie of kinds) {
    it(`SR-010 empties a strict jar: ${JSON.stringify(cookie)}`, async () => {
      const { sessions } = makeSite({ cookie });
      const works: Record<string, (session: Session) => unknown> = {
        login: (session) => session.login("ada"),
        logout: (session) => session.logout(),
        expire: (session) => session.setExpiry(-1),
        who: (session) => session.userId,
      };
      const handler = sessions.wrap(async (request) => {
        const work = works[new URL(request.url).pathname.split("/").at(-1)!]!;
        return new Response(String(await work(await request.session)));
      });
      const jar = new StrictJar();
      const go = async (page: string) => {
        const url = `https://www.site.test/app/in/${page}`;
        const header = jar.header(url);
        const answer = await handler(
          new Request(url, header === undefined ? {} : { headers: { cookie: header } }),
        );
        jar.take(url, answer.headers.getSetCookie());
        return await answer.text();
      };
      for (const end of ["logout", "expire"]) {
        await go("login");
        assert.equal(jar.size, 1);
        assert.equal(await go("who"), "ada");
        await go(end);
        assert.equal(jar.size, 0);
        assert.equal(await go("who"), "undefined");
      }
      assert.deepEqual(jar.refused, []);
    });
  }
});

describe("Set-Cookie fields", () => {
  const theirs = [
    "a=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT; Path=/",
    "b=2; HttpOnly",
    "__Host-other=3; Secure; Path=/",
  ];

  async function answerTo(
    cookie: string | undefined,
    work: (session: Session) => unknown,
    options: Partial<SessionsOptions> = {},
  ) {
    const { sessions } = makeSite(options);
    const handler = sessions.wrap(async (request) => {
      await work(await request.session);
      const answer = new Response("ok");
      for (const field of theirs) answer.headers.append("set-cookie", field);
      return answer;
    });
    return await handler(
      new Request("https://site.test/", cookie === undefined ? {} : { headers: { cookie } }),
    );
  }

  it("SR-011 ours comes once, and the handler's own stay as they are, in order", async () => {
    const store = makeSite().store;
    const busy = async (session: Session) => {
      session.set("mark", "b");
      await session.save();
      session.cycleKey();
      await session.save();
      session.login("ada");
    };
    const ending = async (session: Session) => {
      session.set("mark", "c");
      await session.save();
      await session.flush();
      session.set("mark", "d");
    };
    for (const work of [busy, ending]) {
      for (const hasCookie of [false, true]) {
        const cookie = hasCookie ? `__Host-sid=${await begin(makeSite({ store }), "a")}` : undefined;
        const answer = await answerTo(cookie, work, { store });
        const fields = answer.headers.getSetCookie();
        assert.equal(fields.length, 4);
        assert.deepEqual(fields.filter((field) => !field.startsWith("__Host-sid=")), theirs);
        assert.match(tokenOf(answer), /^.{32}\..{43}$/);
      }
    }
  });

  it("SR-011 an answer whose session was not used keeps exactly its own", async () => {
    assert.deepEqual((await answerTo(undefined, () => {})).headers.getSetCookie(), theirs);
  });
});
