/** What becomes of an answer that gets a session's headers: marks, cookies, copies. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import {
  cancelBody,
  type CookieOwner,
  errorResponse,
  markPrivate,
  nextTurn,
  withoutOthersCookies,
  withSession,
} from "../../src/request/response.ts";
import { turn } from "../support/commit_rig.ts";
import { isBun } from "../support/live_server.ts";

const [owner, other] = [{ name: "sessions" }, { name: "other sessions" }];
const ask = (method = "GET") => new Request("https://site.test/", { method });
const visit = (of: object = owner, request = ask()): CookieOwner => ({
  owner: of,
  request,
  began: nextTurn(),
});
const cookiesOf = (answer: Response) => answer.headers.getSetCookie();

/** Dresses, and says what was told on the way. */
function dressed(answer: Response, wearer: CookieOwner, ...cookies: string[]) {
  const told: string[] = [];
  const emit = (name: string) => void told.push(name);
  return { answer: withSession(answer, wearer, cookies, { emit } as never), told };
}

/** The same response with other members. */
function changed(answer: Response, members: Record<string, unknown>): Response {
  for (const [name, value] of Object.entries(members)) Object.defineProperty(answer, name, { value });
  return answer;
}

/** Headers that cannot be changed, as those of a redirect are on Deno. */
function fixed(headers: Headers, error: Error = new TypeError("immutable")): Headers {
  const refuse = () => {
    throw error;
  };
  return changed(headers as never, { append: refuse, set: refuse, delete: refuse }) as never;
}

describe("the marks on an answer", () => {
  for (
    const [before, after] of [
      [undefined, "Cookie"],
      ["Accept", "Accept, Cookie"],
      ["cookie", "cookie"],
      ["*", "*"],
      ["Accept,COOKIE", "Accept,COOKIE"],
      ["Cookie , Accept", "Cookie , Accept"],
      ["X-Cookie", "X-Cookie, Cookie"],
      ["Cookie-Jar, Accept", "Cookie-Jar, Accept, Cookie"],
    ] as const
  ) {
    it(`SR-066 Vary: ${before} becomes ${after}`, () => {
      const headers = new Headers(before === undefined ? {} : { vary: before });
      markPrivate(headers);
      assert.equal(headers.get("vary"), after);
    });
  }

  for (
    const [before, after, tookAway] of [
      [undefined, "private, no-cache", false],
      ["", "private", false],
      ["private", "private", false],
      ["private,max-age=5", "private,max-age=5", false],
      ["No-Store", "No-Store", false],
      ["max-age=5", "max-age=5, private", false],
      ["public, max-age=5", "max-age=5, private", true],
      ["PUBLIC", "private", true],
      ["S-MaxAge=5, no-cache", "no-cache, private", true],
      ["public =x, max-age=1", "max-age=1, private", true],
      ["immutable, max-age=5", "max-age=5, private", true],
      ["private, immutable", "private, immutable", false],
      ["no-store, public", "no-store", true],
      ['private="x-name"', 'private="x-name", private', false],
      [", ,max-age=1 ,", "max-age=1, private", false],
      ['x="a, public", no-cache', 'x="a, public", no-cache, private', false],
      ['x="a\\", public", no-cache', 'x="a\\", public", no-cache, private', false],
      ['no-cache, x="a, public', 'no-cache, x="a, public, private', false],
    ] as const
  ) {
    it(`SR-067 Cache-Control: ${before} becomes ${after}`, () => {
      const headers = new Headers(before === undefined ? {} : { "cache-control": before });
      assert.deepEqual(markPrivate(headers), { tookAway });
      assert.equal(headers.get("cache-control"), after);
    });
  }

  it("are told when they took a promise away", () => {
    const plain = dressed(new Response("x"), visit(), "a=1");
    assert.deepEqual(plain.told, []);
    const shared = dressed(new Response("x", { headers: { "cache-control": "public" } }), visit(), "a=1");
    assert.deepEqual(shared.told, ["cache-control"]);
  });
});

describe("the cookies on an answer", () => {
  it("go on what has a body, on Bun in place, and nothing but marks goes on the very object everywhere", async () => {
    const full = new Response("Grüße", { status: 203, statusText: "Kept" });
    const { answer } = dressed(full, visit(), "a=1", "b=2");
    // On Bun a new one would lose the type that is implied, on Deno the very one its length if its body was looked at.
    assert.equal(answer === full, isBun);
    assert.deepEqual(cookiesOf(answer), ["a=1", "b=2"]);
    assert.deepEqual([answer.status, answer.statusText, await answer.text()], [203, "Kept", "Grüße"]);
    const read = new Response("x");
    assert.equal(dressed(read, visit()).answer, read);
    const empty = new Response(null, { status: 204 });
    assert.equal(dressed(empty, visit()).answer, empty);
    assert.equal(empty.headers.get("vary"), "Cookie");
  });

  it("SR-012 go on a copy where it has no body: the handler may hand the same one to all", () => {
    for (const type of [{}, { "content-type": "text/html" }] as Record<string, string>[]) {
      for (const body of [null, undefined]) {
        const headers = { "x-own": "Gruss", ...type };
        const empty = new Response(body, { status: 201, statusText: "Made", headers });
        const { answer } = dressed(empty, visit(), "a=1");
        assert.notEqual(answer, empty);
        assert.deepEqual([answer.status, answer.statusText, answer.headers.get("x-own")], [
          201,
          "Made",
          "Gruss",
        ]);
        assert.equal(answer.headers.get("content-type"), type["content-type"] ?? null);
        assert.deepEqual([answer.body, cookiesOf(answer), cookiesOf(empty)], [null, ["a=1"], []]);
        assert.equal(empty.headers.get("vary"), null);
      }
    }
  });

  it("SR-012 are put there without a clone, and what is kept beside them does not show", () => {
    for (const body of ["Grüße", null]) {
      const answer = changed(new Response(body), { clone: () => assert.fail("cloned") });
      const { answer: worn } = dressed(answer, visit(), "a=1");
      assert.deepEqual(cookiesOf(worn), ["a=1"]);
      assert.doesNotMatch(inspect(worn), /wearer|before its/);
    }
  });

  it("go on the very object when its body was read: it cannot be copied", async () => {
    const spent = new Response("x");
    await spent.text();
    assert.equal(dressed(spent, visit(), "a=1").answer, spent);
    assert.deepEqual(cookiesOf(spent), ["a=1"]);
  });

  it("go on the very object where it is the answer of an upgrade: that cannot be copied either", () => {
    const clone = () => {
      throw new RangeError("101");
    };
    const upgraded = changed(new Response(null), { status: 101, clone });
    assert.equal(dressed(upgraded, visit(), "a=1").answer, upgraded);
    assert.deepEqual(cookiesOf(upgraded), ["a=1"]);
  });

  it("SR-012 go on a copy where its headers cannot be changed, and any other trouble is told", async () => {
    for (const cookies of [[], ["a=1"]]) {
      const redirect = changed(new Response("x", { status: 307, statusText: "Elsewhere" }), {
        headers: fixed(new Headers({ location: "/home" })),
      });
      const { answer } = dressed(redirect, visit(), ...cookies);
      assert.notEqual(answer, redirect);
      assert.deepEqual([answer.status, answer.statusText, await answer.text()], [307, "Elsewhere", "x"]);
      assert.deepEqual([answer.headers.get("location"), cookiesOf(answer)], ["/home", cookies]);
    }
    const broken = changed(new Response("x"), { headers: fixed(new Headers(), new Error("broken")) });
    assert.throws(() => dressed(broken, visit()), { message: "broken" });
    await broken.text();
  });

  it("SR-012 that was fetched loses the headers that speak of its packed body", () => {
    const packed = { "content-encoding": "gzip", "content-length": "20" };
    const copyOf = (url: string, headers: Record<string, string>) => {
      const answer = changed(new Response(null), { url, headers: fixed(new Headers(headers)) });
      const { headers: copied } = dressed(answer, visit(), "a=1").answer;
      return [copied.get("content-encoding"), copied.get("content-length")];
    };
    assert.deepEqual(copyOf("https://elsewhere.test/", packed), [null, null]);
    assert.deepEqual(copyOf("", packed), ["gzip", "20"]);
    assert.deepEqual(copyOf("https://elsewhere.test/", { "content-length": "20" }), [null, "20"]);
  });

  it("go on the headers of what is no Response but has some", () => {
    const answer = { headers: new Headers() } as Response;
    assert.equal(dressed(answer, visit(), "a=1").answer, answer);
    assert.deepEqual(cookiesOf(answer), ["a=1"]);
  });
});

describe("an answer that wears cookies already", () => {
  const constant = () => new Response("text", { status: 203, statusText: "Kept", headers: { "x-own": "1" } });
  const bare = (answer: Response) => withoutOthersCookies(answer, owner, ask(), nextTurn());

  it("is nothing, or plain, and stays what it is", () => {
    const plain = new Response("x");
    for (const answer of [undefined, null, "text", plain]) {
      assert.equal(withoutOthersCookies(answer, owner, ask(), nextTurn()), answer);
    }
  });

  it("SR-044 is given to a later visitor as it was before, with its body", async () => {
    const { answer } = dressed(constant(), visit(), "a=1");
    for (let i = 0; i < 2; i++) {
      const copy = bare(answer);
      assert.notEqual(copy, answer);
      assert.deepEqual([copy.status, copy.statusText, await copy.text()], [203, "Kept", "text"]);
      assert.deepEqual([copy.headers.get("x-own"), copy.headers.get("vary"), cookiesOf(copy)], [
        "1",
        null,
        [],
      ]);
    }
    const head = withoutOthersCookies(answer, owner, ask("HEAD"), nextTurn());
    assert.deepEqual([head.body, head.status], [null, 203]);
  });

  it("SR-044 gets a later visitor's cookies in place of the former's", () => {
    const { answer } = dressed(constant(), visit(), "a=1");
    const { answer: next } = dressed(answer, visit(), "a=2");
    assert.deepEqual([cookiesOf(next), cookiesOf(answer)], [["a=2"], ["a=1"]]);
    assert.equal(next.headers.get("vary"), "Cookie");
  });

  it("keeps them within the same request, whoever adds more", () => {
    const request = ask();
    const { answer } = dressed(constant(), visit(owner, request), "a=1");
    assert.equal(withoutOthersCookies(answer, owner, request, nextTurn()), answer);
    const { answer: both } = dressed(answer, visit(other, request), "b=1");
    assert.deepEqual(cookiesOf(both), ["a=1", "b=1"]);
    assert.deepEqual(cookiesOf(bare(both)), [], "what it was before the first");
  });

  it("keeps those of a handler within this one, which came since, but for cookies of its own place", () => {
    const outer = visit();
    const inner = visit(other);
    const { answer } = dressed(constant(), inner, "b=1");
    assert.equal(withoutOthersCookies(answer, owner, outer.request, outer.began), answer);
    assert.equal(withoutOthersCookies(answer, owner, outer.request, outer.began, true), answer);
    assert.equal(withoutOthersCookies(answer, other, outer.request, outer.began), answer);
    assert.notEqual(withoutOthersCookies(answer, other, outer.request, outer.began, true), answer);
  });
});

describe("an answer of a handler within this one", () => {
  it("is copied for cookies of the same sessions, and not where none are sent", () => {
    for (const cookies of [[], ["a=2"]]) {
      const outer = visit();
      const { answer } = dressed(new Response("text"), visit(), "a=1");
      const { answer: sent } = dressed(answer, outer, ...cookies);
      assert.equal(sent === answer, cookies.length === 0);
      assert.deepEqual(cookiesOf(sent), cookies.length === 0 ? ["a=1"] : cookies);
    }
  });

  it("that got no cookies is plain still: the next visitor gets the same object", () => {
    const answer = new Response("text");
    dressed(answer, visit());
    assert.equal(withoutOthersCookies(answer, owner, ask(), nextTurn()), answer);
  });
});

describe("an answer that is not sent", () => {
  it("SR-047 is let go of, unless somebody reads it", async () => {
    let ends = 0;
    const stream = () => new ReadableStream({ cancel: () => (ends++, Promise.reject(new Error("broken"))) });
    cancelBody(undefined);
    cancelBody(new Response(null));
    cancelBody(new Response(stream()));
    await turn();
    assert.equal(ends, 1);
    const read = new Response(stream());
    read.body!.getReader();
    cancelBody(read);
    await turn();
    assert.equal(ends, 1);
  });

  it("SR-046 SR-034 is replaced by one that no cache keeps", async () => {
    const down = errorResponse("ERR_STORE");
    assert.deepEqual([down.status, await down.text()], [503, "Service Unavailable"]);
    assert.deepEqual([down.headers.get("retry-after"), down.headers.get("cache-control")], ["1", "no-store"]);
    for (const code of ["ERR_GONE", "ERR_CONFLICT"] as const) {
      const lost = errorResponse(code);
      assert.deepEqual([lost.status, await lost.text()], [409, "Conflict"]);
      assert.deepEqual([lost.headers.get("retry-after"), lost.headers.get("cache-control")], [
        null,
        "no-store",
      ]);
    }
  });
});
