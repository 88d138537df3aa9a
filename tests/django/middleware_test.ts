/** Cookies, `Vary` and answers as Django's middleware gives them (sections 6.6 and 6.12 of the specification). */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Changes, cookieOf, DjangoSite, start, twoWeeks, varies } from "../support/django/site.ts";

const setBy = async (changes: Changes) =>
  cookieOf(await new DjangoSite(changes).visit((session) => session.set("a", 1)))!.field;

async function clearedBy(changes: Changes): Promise<string> {
  const site = new DjangoSite(changes);
  const name = changes.sessionCookieName ?? "sessionid";
  const answer = await site.visit((session) => session.flush(), "k".repeat(32), name);
  return cookieOf(answer)!.field;
}

describe("the cookie that is set", () => {
  it("DX-070 is spelled as Django spells it", async () => {
    assert.match(
      await setBy({}),
      /^sessionid=[a-z0-9]{32}; expires=Fri, 29 Jan 2027 08:00:00 GMT; HttpOnly; Max-Age=1209600; Path=\/; SameSite=Lax$/,
    );
  });

  it("DJ-060 DJ-061 DJ-062 DJ-063 DX-090 has the attributes that are configured", async () => {
    assert.match(await setBy({ sessionCookieSecure: true }), /; Secure$/);
    assert.match(await setBy({ sessionCookieHttponly: true }), /; HttpOnly;/);
    assert.doesNotMatch(
      await setBy({ sessionCookieHttponly: false, sessionCookieSamesite: false }),
      /HttpOnly|SameSite/,
    );
    assert.match(await setBy({ sessionCookieSamesite: "Strict" }), /; SameSite=Strict$/);
    assert.match(
      await setBy({
        sessionCookieDomain: ".example.com",
        sessionCookiePath: "/shop",
        sessionCookieSamesite: "None",
        sessionCookieSecure: true,
      }),
      /^sessionid=\w{32}; Domain=\.example\.com; expires=[^;]+; HttpOnly; Max-Age=1209600; Path=\/shop; SameSite=None; Secure$/,
    );
  });

  it("DX-086 has neither expires nor Max-Age until the browser closes", async () => {
    for (
      const field of [
        await setBy({ sessionExpireAtBrowserClose: true }),
        cookieOf(await new DjangoSite().visit((session) => session.setExpiry(0)))!.field,
      ]
    ) {
      assert.match(field, /^sessionid=\w{32}; HttpOnly; Path=\/; SameSite=Lax$/);
    }
  });

  it("DX-088 has the session's own age; a session that is over at once gets no record", async () => {
    const site = new DjangoSite();
    const { field, value } = cookieOf(await site.visit((session) => session.setExpiry(10)))!;
    assert.match(field, /expires=Fri, 15 Jan 2027 08:00:10 GMT; HttpOnly; Max-Age=10;/);
    const over = await site.visit((session) => session.setExpiry(-10), value);
    assert.equal(cookieOf(over)?.isCleared, true);
    assert.equal(site.rows, 0);
  });

  it("DX-071 is sent again with every save, and the row is renewed", async () => {
    const site = new DjangoSite();
    const key = await site.begin();
    site.clock.now += 1000;
    const answer = await site.visit((session) => session.set("b", 1), key);
    assert.equal(cookieOf(answer)?.value, key);
    assert.equal(site.row(key)?.expire_date, site.column(start + 1000 + twoWeeks * 1000));
  });

  it("a read renews nothing, however long ago the last save was", async () => {
    const site = new DjangoSite();
    const key = await site.begin();
    const before = site.row(key);
    site.clock.now += 86_400_000 * 10;
    assert.equal(cookieOf(await site.visit((session) => session.get("color"), key)), undefined);
    assert.deepEqual(site.row(key), before);
  });

  it("there is no absolute age: a session that is saved now and then lives on", async () => {
    const site = new DjangoSite();
    const key = await site.begin();
    for (let week = 0; week < 60; week++) {
      site.clock.now += 7 * 86_400_000;
      await site.visit((session) => session.set("week", week), key);
    }
    assert.equal(await site.see((session) => session.get("color"), key), "blue");
  });
});

describe("the cookie that is deleted", () => {
  it("DJ-067 is spelled as Django spells it", async () => {
    assert.equal(
      await clearedBy({}),
      'sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax',
    );
  });

  it("DJ-068 has domain and path", async () => {
    assert.equal(
      await clearedBy({ sessionCookieDomain: ".example.local", sessionCookiePath: "/example/" }),
      'sessionid=""; Domain=.example.local; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/example/; SameSite=Lax',
    );
  });

  it("DX-091 is Secure for SameSite=None and prefixed names, not for the setting; never HttpOnly", async () => {
    for (
      const changes of [{ sessionCookieSamesite: "None" }, { sessionCookieName: "__Host-s" }, {
        sessionCookieName: "__Secure-s",
      }] as const
    ) {
      assert.match(await clearedBy(changes), /; Secure$/);
    }
    assert.doesNotMatch(await clearedBy({ sessionCookieSecure: true }), /Secure|HttpOnly/);
  });
});

describe("the answer", () => {
  it("DJ-066 DX-092 a session deleted while the request runs: 400, no cookie, no Vary", async () => {
    const site = new DjangoSite();
    const key = await site.begin();
    const answer = await site.visit(async (session) => {
      session.set("a", 1);
      await site.store.delete(key);
    }, key);
    assert.equal(answer.status, 400);
    assert.equal(answer.headers.get("set-cookie"), null);
    assert.equal(answer.headers.get("vary"), null);
    assert.equal(site.rows, 0);
  });

  it("DX-089 Vary gets Cookie once, and * stays", async () => {
    for (
      const [given, wanted] of [
        ["Accept-Language,Accept-Encoding", "accept-language,accept-encoding,cookie"],
        ["Accept-Language, cookie", "accept-language,cookie"],
        ["*", "*"],
      ] as const
    ) {
      const answer = await new DjangoSite().visit((session) => {
        session.get("a");
        return new Response("", { headers: { vary: given } });
      });
      assert.equal(answer.headers.get("vary")!.toLowerCase().replaceAll(" ", ""), wanted);
    }
  });

  it("DX-093 a handler that throws: nothing is stored, and its error goes on", async () => {
    const site = new DjangoSite();
    const failure = new Error("the view failed");
    await assert.rejects(
      site.visit((session) => {
        session.set("a", 1);
        throw failure;
      }),
      failure,
    );
    assert.equal(site.rows, 0);
  });

  it("DX-094 of several cookies the live one counts, whichever comes first; two live ones are none (SR-016)", async () => {
    const site = new DjangoSite();
    const [one, two] = [await site.begin(), await site.begin()];
    const seen = async (cookie: string) => {
      let color: unknown;
      await site.request((session) => color = session.get("color"), { cookie });
      return color;
    };
    assert.equal(await seen(`sessionid=${one}; sessionid=stale-stale-stale`), "blue");
    assert.equal(await seen(`sessionid=stale-stale-stale; sessionid=${one}`), "blue");
    assert.equal(await seen(`sessionid=${one}; sessionid=${one}`), "blue");
    assert.equal(await seen(`sessionid=${one}; sessionid=${two}`), undefined);
    assert.ok(site.types().includes("rejected ambiguous"));
    assert.equal(await seen(`sessionid="${one}"`), "blue", "a quoted value is unquoted");
    const without = await site.request((session) => session.get("a"), { cookie: "sessionid" });
    assert.equal(cookieOf(without), undefined, "a name alone is no cookie");
  });

  it("two live cookies are left alone, and so is a cookie among others that is no key", async () => {
    const site = new DjangoSite();
    const [one, two] = [await site.begin(), await site.begin()];
    const both = await site.request((session) => session.get("a"), {
      cookie: `sessionid=${one}; sessionid=${two}`,
    });
    assert.equal(cookieOf(both), undefined);
    const mixed = await site.request(undefined, { cookie: `sessionid=short; sessionid=${one}` });
    assert.equal(cookieOf(mixed), undefined);
  });

  it("the answer of an untouched session is the handler's own", async () => {
    const site = new DjangoSite();
    const own = new Response("own");
    assert.equal(await site.visit(() => own, await site.begin()), own);
    assert.equal(own.headers.get("vary"), null);
  });

  it("headersFor commits and clears as an answer would", async () => {
    const site = new DjangoSite();
    let headers: Headers | undefined;
    await site.sessions.wrap(async (request) => {
      (await request.session).get("a");
      headers = await site.sessions.headersFor(request);
      return undefined as unknown as Response;
    })(new Request("https://site.test/", { headers: { cookie: "sessionid=stale-stale-stale" } }));
    assert.match(headers!.getSetCookie()[0]!, /^sessionid="";/);
  });

  it("saved while saving every request and deleted by somebody else: the answer is not harmed", async () => {
    const site = new DjangoSite({ sessionSaveEveryRequest: true });
    const key = await site.begin();
    const answer = await site.visit(() => site.store.delete(key), key);
    assert.equal(answer.status, 200);
    assert.equal(varies(answer), false);
    assert.equal(site.rows, 0);
  });
});
