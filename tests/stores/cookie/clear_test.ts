/** What a log-out of sessions in cookies clears: what is ours, and all of that. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CookieStore } from "../../../backends/cookie.ts";
import { createSessions, type Sessions } from "../../../mod.ts";
import { secret, sid, Site } from "../../support/cookie/rig.ts";
import { StrictJar } from "../../support/strict_jar.ts";

const text = "x".repeat(7_500);
const namesOf = (response: Response) =>
  response.headers.getSetCookie().map((field) => field.split("=", 1)[0]);

describe("a log-out of a session in the cookie", () => {
  for (const seal of [true, false]) {
    it(`leaves the cookies of another app alone, ${seal ? "sealed" : "signed"}`, async () => {
      const [ours, other] = [
        new Site({ chunks: 3, seal }),
        new Site({ chunks: 3, seal, secrets: [secret(2)] }),
      ];
      for (const filler of ["", text]) {
        const theirs = await other.begin({ mark: "theirs", filler });
        const { header } = theirs;
        const answer = await ours.browser().visit((session) => session.logout(), { header });
        assert.deepEqual(answer.headers.getSetCookie(), []);
        assert.equal(await other.mark(header), "theirs");
      }
      for (const value of ["", "evil", "3.AAAA", "%"]) {
        const answer = await ours.browser().visit((session) => session.flush(), {
          header: `${sid}=${value}; ${sid}.1=x`,
        });
        assert.deepEqual(answer.headers.getSetCookie(), [], value);
      }
    });
  }

  it("clears what an older secret made, what has ended and what is beside another's", async () => {
    const site = new Site({ chunks: 3, secrets: [secret(1)] });
    const browser = await site.begin({ filler: text });
    const { header } = browser;
    const clears = async (site: Site, header: string) =>
      namesOf(await site.browser().visit((session) => session.logout(), { header }));
    assert.deepEqual(await clears(site.other({ secrets: [secret(3), secret(1)] }), header), [
      sid,
      `${sid}.1`,
      `${sid}.2`,
    ]);
    assert.deepEqual(await clears(site.other({ chunks: 1 }), header), [sid, `${sid}.1`, `${sid}.2`]);
    const theirs = await site.other({ secrets: [secret(2)] }).begin();
    assert.deepEqual(await clears(site, `${theirs.header}; ${(await site.begin()).header}`), [sid]);
    site.clock.now += 10 ** 10;
    assert.deepEqual(await clears(site, header), [sid, `${sid}.1`, `${sid}.2`]);
  });

  it("says nothing of it twice: a cookie that does not open is reported once", async () => {
    const site = new Site();
    const theirs = await new Site({ secrets: [secret(2)] }).begin();
    await site.browser().visit((session) => session.logout(), { header: theirs.header });
    assert.deepEqual(site.reported(), ["rejected unknown-key"]);
  });
});

describe("a cookie of the same name without a domain", () => {
  const url = "https://shop.site.test/";
  const make = (domain?: string, number = 1) =>
    createSessions({
      store: new CookieStore({ revocation: "none", chunks: 3 }),
      secrets: [secret(number)],
      cookie: { name: "sid", secure: true, ...(domain === undefined ? {} : { domain }) },
    });
  type Work = (session: Awaited<ReturnType<Sessions["get"]>>) => unknown;

  /** One request of a browser with this jar; what the session says is answered. */
  async function visit(jar: StrictJar, sessions: Sessions, work: Work): Promise<Response> {
    const cookie = jar.header(url);
    const request = new Request(url, cookie === undefined ? {} : { headers: { cookie } });
    const answer = await sessions.wrap(async (request) =>
      new Response(String(await work(await request.session)))
    )(request);
    jar.take(url, answer.headers.getSetCookie());
    return answer;
  }
  const enter: Work = (session) => {
    session.login("Zoë");
    session.set("filler", "x".repeat(3_500));
  };

  it("is cleared by a log-out once a domain is set, alone or beside the other", async () => {
    for (const isBeside of [false, true]) {
      const jar = new StrictJar();
      await visit(jar, make(), enter);
      assert.equal(jar.size, 2);
      const sessions = make("site.test");
      if (isBeside) {
        const other = new StrictJar();
        const answer = await visit(other, sessions, enter);
        jar.take(url, answer.headers.getSetCookie());
        assert.equal(jar.size, 4);
      }
      await visit(jar, sessions, (session) => session.logout());
      assert.equal(jar.header(url), undefined);
    }
  });

  it("is cleared when a session begins under two live ones, so that the next request has it", async () => {
    const jar = new StrictJar();
    const sessions = make("site.test");
    await visit(jar, make(), enter);
    jar.take(url, (await visit(new StrictJar(), sessions, enter)).headers.getSetCookie());
    const seen = await visit(jar, sessions, (session) => {
      const { userId } = session;
      session.login("Zoë");
      return userId;
    });
    assert.equal(await seen.text(), "undefined", "neither is believed");
    const next = await visit(jar, sessions, (session) => session.userId);
    assert.equal(await next.text(), "Zoë");
    assert.equal(jar.size, 1);
  });

  it("is left alone where it may be another app's", async () => {
    const jar = new StrictJar();
    const sessions = make("site.test");
    await visit(jar, make(undefined, 2), (session) => session.login("theirs"));
    jar.take(url, (await visit(new StrictJar(), sessions, enter)).headers.getSetCookie());
    await visit(jar, sessions, (session) => session.set("more", 1));
    await visit(jar, sessions, (session) => session.logout());
    const theirs = await visit(jar, make(undefined, 2), (session) => session.userId);
    assert.equal(await theirs.text(), "theirs");
    assert.equal(jar.size, 1);
  });
});
