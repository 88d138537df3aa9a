import fc from "fast-check";
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { parseCookieDate } from "../../src/testing/cookie_date.ts";
import { CookieJar } from "../../src/testing/jar.ts";
import { readSetCookie } from "../../src/testing/set_cookie.ts";

const startTime = Date.UTC(2026, 0, 1);
const httpsUrl = "https://app.example.org/shop/cart";
const httpUrl = "http://app.example.org/shop/cart";
const localUrl = "http://localhost:8000/";

/** What a jar sends to `to` after `from` answered with these fields. */
function sent(fields: readonly string[], from: string = httpsUrl, to: string = from): string {
  const jar = new CookieJar(() => startTime);
  jar.receive(new URL(from), fields);
  return jar.header(new URL(to));
}

interface JarCase {
  readonly id: string;
  readonly received: readonly string[];
  readonly sent: readonly [string, string][];
  readonly sentBis?: readonly [string, string][];
  readonly sentTo?: string;
}

const vectors = [
  new URL("../../../shared/vectors/cookies.json", import.meta.url),
  "/work/shared/vectors/cookies.json",
]
  .find((place) => existsSync(place));

describe("CookieJar: the shared vectors", { skip: vectors === undefined }, () => {
  if (vectors === undefined) return;
  const { jar: group, size } = JSON.parse(readFileSync(vectors, "utf8"));
  const now = Date.parse(group.now);
  for (const { id, received, sent, sentBis, sentTo } of group.cases as JarCase[]) {
    it(id, () => {
      const jar = new CookieJar(() => now);
      jar.receive(new URL(group.receivedFrom), received);
      const pairs = jar.cookiesFor(new URL(sentTo ?? group.sentToDefault, group.receivedFrom));
      assert.deepEqual(pairs.map(({ name, value }) => [name, value]), sentBis ?? sent);
    });
  }
  for (const { id, nameLength, valueLength, storedByBrowser } of size) {
    it(id, () => {
      const field = `${"n".repeat(nameLength)}=${"v".repeat(valueLength)}`;
      assert.equal(sent([field]), storedByBrowser ? field : "");
    });
  }
});

describe("CookieJar", () => {
  it("sends pairs with a semicolon and a space, longer paths first, older ones first", () => {
    assert.equal(sent(["a=1", "b=2; Path=/", "c=3; Path=/shop/cart", "d=4"]), "c=3; a=1; d=4; b=2");
  });
  it("a cookie that is set again keeps its place", () => {
    assert.equal(sent(["a=1", "b=2", "a=3"]), "a=3; b=2");
  });
  it("keeps cookies with one name apart by path and by domain", () => {
    assert.equal(
      sent(["a=1; Path=/", "a=2; Path=/shop", "a=3; Path=/; Domain=example.org"]),
      "a=2; a=1; a=3",
    );
  });
  it("a cookie without a name is sent as its bare value", () => {
    assert.equal(sent(["bare", "a=1"]), "bare; a=1");
  });

  const kept: readonly [why: string, field: string, from?: string][] = [
    ["__Host- with all it needs", "__Host-a=1; Secure; Path=/"],
    ["__Host- over localhost", "__Host-a=1; Secure; Path=/", localUrl],
    ["__Secure- with a domain and a path", "__Secure-a=1; Secure; Domain=example.org; Path=/shop"],
    ["Secure over localhost", "a=1; Secure", localUrl],
    ["Secure below localhost", "a=1; Secure", "http://app.localhost/"],
    ["Secure over the loopback addresses", "a=1; Secure", "http://127.0.0.1:8000/"],
    ["Secure over the loopback address of IPv6", "a=1; Secure", "http://[::1]:8000/"],
    ["a domain that is the host itself", "a=1; Domain=localhost", localUrl],
    ["an address as its own domain", "a=1; Domain=127.0.0.1", "http://127.0.0.1/"],
    ["SameSite=None that is Secure", "a=1; Secure; SameSite=None"],
    ["Partitioned that is Secure", "a=1; Secure; Partitioned"],
    ["an attribute of 1,025 bytes counts as not given", `a=1; Domain=${"x".repeat(1025)}`],
    ["a Max-Age that is no number counts as not given", "a=1; Max-Age=-x"],
    ["Max-Age wins over Expires", "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60"],
    ["a date that is none counts as not given", "a=1; Expires=yesterday"],
  ];
  for (const [why, field, from] of kept) {
    it(`keeps: ${why}`, () => assert.equal(sent([field], from), field.split(";")[0]));
  }

  const refused: readonly [why: string, field: string, from?: string][] = [
    ["__Host- without Secure", "__Host-a=1; Path=/"],
    ["__Host- without a Path", "__Host-a=1; Secure", "https://app.example.org/"],
    ["__Host- with another Path", "__Host-a=1; Secure; Path=/shop"],
    ["__Host- with a Domain", "__Host-a=1; Secure; Path=/; Domain=app.example.org"],
    ["__host- in other letters without Secure", "__hOsT-a=1; Path=/"],
    ["__Host- over http", "__Host-a=1; Secure; Path=/", httpUrl],
    ["__Secure- without Secure", "__Secure-a=1"],
    ["a prefix in the value of a cookie without a name", "=__Host-a=1; Secure; Path=/"],
    ["Secure over http", "a=1; Secure", httpUrl],
    ["a host that only looks like localhost", "a=1; Secure", "http://localhost.example.org/"],
    ["another domain", "a=1; Domain=example.com"],
    ["a domain below the host", "a=1; Domain=deep.app.example.org"],
    ["a domain that only ends alike", "a=1; Domain=ample.org"],
    ["a top-level domain", "a=1; Domain=org"],
    ["a domain above an address", "a=1; Domain=0.0.1", "http://127.0.0.1/"],
    ["SameSite=None without Secure", "a=1; SameSite=None"],
    ["Partitioned without Secure", "a=1; Partitioned"],
    ["a control character in an attribute", "a=1; x=\u0001"],
    ["a pair of 4,097 bytes", `a=${"x".repeat(4096)}`],
    ["neither name nor value", "="],
    ["a Max-Age of zero", "a=1; Max-Age=0"],
    ["a date in the past", "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"],
  ];
  for (const [why, field, from] of refused) {
    it(`refuses: ${why}`, () => assert.equal(sent([field], from), ""));
  }

  it("Secure cookies travel over https and localhost only", () => {
    assert.equal(sent(["a=1; Secure"], httpsUrl, httpUrl), "");
    assert.equal(sent(["a=1; Secure"], "https://localhost/", localUrl), "a=1");
  });
  it("http cannot put its cookie before a Secure one", () => {
    const jar = new CookieJar(() => startTime);
    jar.receive(new URL(httpsUrl), ["a=safe; Secure; Path=/"]);
    jar.receive(new URL(httpUrl), [
      "a=evil; Path=/",
      "a=evil; Path=/shop",
      "a=evil; Domain=example.org",
      "b=fine",
    ]);
    assert.equal(jar.header(new URL(httpsUrl)), "b=fine; a=safe");
  });
  it("a host-only cookie stays with its host, a domain cookie goes below", () => {
    const below = "https://deep.app.example.org/shop/";
    assert.equal(sent(["a=1; Path=/", "b=2; Domain=app.example.org"], httpsUrl, below), "b=2");
  });
  it("cookies end at their instant, and 400 days after they were set at the latest", () => {
    let now = startTime;
    const jar = new CookieJar(() => now);
    jar.receive(new URL(httpsUrl), [
      "short=1; Max-Age=60",
      `dated=1; Expires=${new Date(startTime + 60_000).toUTCString()}`,
      `long=1; Max-Age=${"9".repeat(40)}`,
      "open=1",
    ]);
    const names = () => jar.cookies().map(({ name }) => name);
    now = startTime + 59_999;
    assert.deepEqual(names(), ["short", "dated", "long", "open"]);
    now = startTime + 60_000;
    assert.deepEqual(names(), ["long", "open"]);
    now = startTime + 400 * 86_400_000;
    assert.deepEqual(names(), ["open"]);
  });
  it("a clearing cookie removes the one with the same domain and path, and no other", () => {
    assert.equal(sent(["a=1; Path=/", "a=; Max-Age=0"]), "a=1");
    assert.equal(sent(["a=1; Path=/", "a=; Path=/; Max-Age=0"]), "");
    assert.equal(sent(["a=1; Path=/", "a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]), "");
  });
  it("any text is read without throwing, and what is kept is within the rules", () => {
    const word = fc.constantFrom(
      ...'=; ,\t"',
      ...[
        "Secure",
        "Path",
        "Domain",
        "Max-Age",
        "Expires",
        "SameSite",
        "__Host-",
        "/",
        ".org",
        "1",
        "-",
        "a",
      ],
    );
    const field = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(word, { maxLength: 24 }).map((words) => words.join("")),
    );
    fc.assert(
      fc.property(field, fc.constantFrom(httpsUrl, httpUrl, localUrl), (field, from) => {
        const cookie = readSetCookie(field, new URL(from), startTime);
        if (cookie === undefined) return;
        assert.ok(cookie.path.startsWith("/") && cookie.domain !== "" && !Number.isNaN(cookie.expiresAt));
        assert.ok(!/[;\n\r\0]/.test(cookie.name + cookie.value));
        if (/^__host-/i.test(cookie.name)) assert.ok(cookie.secure && cookie.hostOnly && cookie.path === "/");
      }),
      { numRuns: 2000 },
    );
  });
});

describe("parseCookieDate", () => {
  it("reads the three old formats, in any order of parts", () => {
    const instant = Date.UTC(1994, 10, 6, 8, 49, 37);
    for (
      const text of [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "1994 november 6th 8:49:37x",
      ]
    ) assert.equal(parseCookieDate(text), instant, text);
  });
  it("puts years of two digits between 1970 and 2069", () => {
    assert.equal(parseCookieDate("01 Jan 70 00:00:00"), 0);
    assert.equal(parseCookieDate("01 Jan 69 00:00:00"), Date.UTC(2069, 0, 1));
  });
  it("refuses what is no date", () => {
    for (
      const text of [
        "",
        "Thu",
        "30 Feb 2026 00:00:00",
        "0 Jan 2026 00:00:00",
        "1 Jan 1600 00:00:00",
        "1 Jan 2026 24:00:00",
        "1 Jan 2026 00:60:00",
        "1 Jan 2026 00:00:60",
        "1 Jan 2026",
        "1 Foo 2026 00:00:00",
        "32 Jan 2026 00:00:00",
      ]
    ) assert.equal(parseCookieDate(text), undefined, text);
  });
  it("gives back every date that is written as HTTP writes it", () => {
    fc.assert(fc.property(fc.integer({ min: -11_644_473_600, max: 253_402_300_799 }), (seconds) => {
      assert.equal(parseCookieDate(new Date(seconds * 1000).toUTCString()), seconds * 1000);
    }));
  });
});
