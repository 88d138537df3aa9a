/** The cookie code beside two others: the `cookie` package, and `tough-cookie`, a browser's jar. Where they differ, the reason stands here. */

import { parseCookie, parseSetCookie, stringifySetCookie } from "cookie";
import fc from "fast-check";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Cookie, CookieJar as ToughJar } from "tough-cookie";
import { CookieWriter, readCookie } from "../../src/transport/cookie.ts";
import type { CookieAttributes } from "../../src/cookie_options.ts";
import { CookieJar } from "../../src/testing/jar.ts";
import { pairsOf } from "../support/cookie_rules.ts";
import { bytesOf, inputsFrom, latin1 } from "../fuzz/inputs.ts";
import { seed } from "../support/identity_rig.ts";

const pieces = fc.array(
  fc.constantFrom(
    "a",
    "bb",
    "__Host-sid",
    "=",
    ";",
    "; ",
    " ",
    "\t",
    ",",
    '"',
    "%3D",
    "\u00a0",
    "\u000b",
    "\\",
    "<",
    "1",
  ),
  { maxLength: 24 },
).map((parts) => parts.join(""));
const header = fc.oneof(
  pieces,
  inputsFrom(["a=1; bb=2", "__Host-sid=x; a=; =b; __Host-sid=y"].map(bytesOf)).map(latin1),
);

/** What `cookie` does otherwise when it reads, each with a header that shows it and the reason for our way. */
const readings: readonly {
  header: string;
  name: string;
  theirs: string | undefined;
  ours: readonly string[];
  why: string;
}[] = [
  {
    header: "a=%41",
    name: "a",
    theirs: "A",
    ours: ["%41"],
    why: "nothing is decoded: one value has one spelling (SR-026)",
  },
  {
    header: "a=1; a=2",
    name: "a",
    theirs: "1",
    ours: ["1", "2"],
    why: "order decides nothing: all values are looked at (SR-016)",
  },
];

const writerOptions = fc.record({
  name: fc.constantFrom(
    "sid",
    "a",
    "__Host-sid",
    "__Secure-sid",
    "__host-x",
    "a b",
    "a=b",
    "a;b",
    "\u00e9",
    "",
    "<",
    "(a)",
  ),
  path: fc.constantFrom("/", "/a", "/a b", "a", "", "/;x", "/\u00e9", "/ ", "/<"),
  domain: fc.constantFrom(
    undefined,
    "example.org",
    ".example.org",
    "a_b",
    "ex ample",
    "example.org;x",
    "EXAMPLE.org",
  ),
  sameSite: fc.constantFrom("Strict" as const, "Lax" as const, "None" as const),
  secure: fc.boolean(),
  partitioned: fc.boolean(),
}).map(({ domain, ...others }): Required<Omit<CookieAttributes, "domain">> & CookieAttributes => ({
  ...others,
  ...(domain === undefined ? {} : { domain }),
}));
const value = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9._-]{0,40}$/),
  fc.constantFrom("a b", "a;b", "\u00e9", 'a"', "a,b", "%41"),
);

/** What we refuse and `cookie` writes, with the reason; the first that applies. */
const refusals: readonly [why: string, applies: (options: CookieAttributes, value: string) => boolean][] = [
  [
    "browsers drop a prefixed cookie that breaks the promise of its prefix (RFC 6265bis, section 5.7)",
    (options) => {
      const prefix = /^__(host|secure)-/i.exec(options.name!)?.[1]?.toLowerCase();
      return prefix !== undefined && !options.secure ||
        prefix === "host" && (options.path !== "/" || options.domain !== undefined);
    },
  ],
  [
    "browsers drop SameSite=None and Partitioned without Secure",
    (options) => !options.secure && (options.sameSite === "None" || options.partitioned === true),
  ],
  [
    "a path that does not begin with / or ends with a space is another path to a browser",
    (options) => !/^\/(?:.*[^ ])?$/.test(options.path!),
  ],
  [
    "a leading dot is dropped by browsers, so it only misleads",
    (options) => options.domain?.startsWith(".") === true,
  ],
  [
    "a name is a token (RFC 9110, section 5.6.2)",
    (options) => !/^[!#$%&'*+\-.^_`|~\w]+$/.test(options.name!),
  ],
  ["a value is cookie octets (RFC 6265bis, section 4.1.1)", (_, value) => /[ ,"\\]/.test(value)],
];

const fieldsOf = (options: CookieAttributes, value: string) => ({
  name: options.name,
  value,
  path: options.path,
  domain: options.domain?.toLowerCase(),
  secure: options.secure,
  httpOnly: true,
  sameSite: options.sameSite!.toLowerCase(),
  maxAge: 60,
});

describe("the cookie code beside cookie 2 and tough-cookie 6", () => {
  it("SR-014 reads what cookie reads, its first value being one of ours", () => {
    fc.assert(
      fc.property(header, (header) => {
        const theirs = parseCookie(header, { decode: (text) => text });
        // a cookie without a name is nobody's: theirs is called ""
        const names = new Set(
          [...Object.keys(theirs), ...pairsOf(header).map(([name]) => name)].filter(Boolean),
        );
        for (const name of names) {
          const { values } = readCookie(header, name, () => true, header.length + 1);
          assert.equal(values[0], theirs[name], JSON.stringify({ header, name }));
        }
      }),
      { seed, numRuns: 4000 },
    );
  });

  for (const { header, name, theirs, ours, why } of readings) {
    it(`differs from cookie in ${JSON.stringify(header)}: ${why}`, () => {
      assert.equal(parseCookie(header)[name], theirs);
      assert.deepEqual(readCookie(header, name, () => true, 9).values, ours);
    });
  }

  it("SR-008 writes what cookie would write, and refuses more for listed reasons only", () => {
    const used = new Set<string>();
    fc.assert(
      fc.property(writerOptions, value, (options, value) => {
        let ours: string | undefined, theirs: string | undefined;
        try {
          ours = new CookieWriter(options).set(value, 60);
        } catch (error) {
          assert.ok(error instanceof TypeError);
        }
        try {
          theirs = stringifySetCookie(
            {
              ...options,
              sameSite: options.sameSite.toLowerCase() as "lax",
              value,
              httpOnly: true,
              maxAge: 60,
            },
            { encode: (text) => text },
          );
        } catch (error) {
          assert.ok(error instanceof TypeError);
        }
        const parts = (field: string) => field.split("; ").sort();
        if (ours !== undefined && theirs !== undefined) return assert.deepEqual(parts(ours), parts(theirs));
        if (ours === undefined && theirs === undefined) return;
        if (ours !== undefined) {
          // "<" is legal in a path (RFC 6265bis, section 4.1.1); cookie's pattern leaves it out
          return assert.ok(options.path.includes("<"), `cookie refuses ${ours}`);
        }
        const reason = refusals.find(([, applies]) => applies(options, value));
        assert.ok(reason, `no reason to refuse ${theirs}`);
        used.add(reason[0]);
      }),
      { seed, numRuns: 4000 },
    );
    assert.deepEqual(
      refusals.map(([why]) => why).filter((why) => !used.has(why)),
      [],
      "reasons that nothing needs",
    );
  });

  it("SR-008 is read by both as it was written", () => {
    fc.assert(
      fc.property(writerOptions, value, (options, value) => {
        let field: string;
        try {
          field = new CookieWriter(options).set(value, 60);
        } catch {
          return;
        }
        const tough = Cookie.parse(field)!;
        assert.deepEqual(
          {
            name: tough.key,
            value: tough.value,
            path: tough.path ?? undefined,
            domain: tough.domain ?? undefined,
            secure: tough.secure,
            httpOnly: tough.httpOnly,
            sameSite: tough.sameSite,
            maxAge: tough.maxAge,
          },
          fieldsOf(options, value),
        );
        const cookie = parseSetCookie(field, { decode: (text) => text })!;
        assert.deepEqual(
          {
            secure: false,
            ...cookie,
            domain: cookie.domain?.toLowerCase(),
            partitioned: cookie.partitioned ?? false,
          },
          { ...fieldsOf(options, value), partitioned: options.partitioned },
        );
      }),
      { seed, numRuns: 2000 },
    );
  });

  it("SR-010 a clearing cookie empties the jar of tough-cookie too", () => {
    fc.assert(
      fc.property(writerOptions, (options) => {
        let writer: CookieWriter;
        try {
          writer = new CookieWriter(options);
        } catch {
          return;
        }
        const url = `https://www.example.org${options.path === "/" ? "/" : `${options.path}/x`}`;
        const jar = new ToughJar(null, { prefixSecurity: "strict" });
        jar.setCookieSync(writer.set("x", 60), url);
        assert.equal(jar.getCookieStringSync(url), `${options.name}=x`);
        jar.setCookieSync(writer.clear(), url);
        assert.equal(jar.getCookieStringSync(url), "");
      }),
      { seed, numRuns: 500 },
    );
  });

  it("differs from tough-cookie in an empty Domain: the last attribute counts, also when it is empty (RFC 6265bis)", () => {
    const url = new URL("https://app.example.org/");
    const field = "a=1; Domain=other.org; Domain=";
    const ours = new CookieJar(Date.now);
    ours.receive(url, [field]);
    assert.equal(ours.header(url), "a=1");
    assert.throws(() => new ToughJar().setCookieSync(field, url.href), /domain/i);
  });

  it("differs from tough-cookie in cookies for one host: they are apart from those for its domain (RFC 6265bis)", () => {
    const url = new URL("https://example.org/");
    const [ours, theirs] = [new CookieJar(Date.now), new ToughJar()];
    for (const field of ["a=1", "a=2; Domain=example.org"]) {
      ours.receive(url, [field]);
      theirs.setCookieSync(field, url.href);
    }
    assert.deepEqual([ours.header(url), theirs.getCookieStringSync(url.href)], ["a=1; a=2", "a=2"]);
  });

  it("the jar of SessionClient keeps and sends what the jar of tough-cookie does", () => {
    const attribute = fc.constantFrom(
      "Secure",
      "HttpOnly",
      "Path=/",
      "Path=/shop",
      "Path=",
      "Path=shop",
      "Domain=example.org",
      "Domain=.example.org",
      "Domain=other.org",
      "Max-Age=60",
      "Max-Age=0",
      "Max-Age=-1",
      "SameSite=Lax",
      "Expires=Thu, 01 Jan 1970 00:00:00 GMT",
      "Unknown=1",
      " path = / ",
    );
    const field = fc.tuple(
      fc.constantFrom("a=1", "a=2", "b=3", " a = 4 ", "__Host-a=5", "__Secure-a=6", "c=", 'd="x y"'),
      fc.array(attribute, { maxLength: 4 }),
    ).map(([pair, attributes]) => [pair, ...attributes].join("; "));
    // "leave secure cookies alone" (RFC 6265bis, section 5.7) is not in tough-cookie, so all come over https
    const urls = [
      "https://app.example.org/shop/cart",
      "https://app.example.org/",
    ];
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...urls), field), { maxLength: 6 }), (answers) => {
        const now = Date.now();
        const ours = new CookieJar(() => now);
        const theirs = new ToughJar(null, { prefixSecurity: "strict", rejectPublicSuffixes: false });
        for (const [url, field] of answers) {
          ours.receive(new URL(url), [field]);
          try {
            theirs.setCookieSync(field, url);
          } catch { /* refused: another domain */ }
        }
        for (const url of urls) {
          const sorted = (header: string) => header.split("; ").sort();
          assert.deepEqual(
            sorted(ours.header(new URL(url))),
            sorted(theirs.getCookieStringSync(url)),
            JSON.stringify(answers),
          );
        }
      }),
      { seed, numRuns: 1500 },
    );
  });
});
