import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MemoryStore } from "../../backends/memory.ts";
import { type CookieOptions, createSessions } from "../../mod.ts";
import { CookieWriter } from "../../src/transport/cookie.ts";
import { makeSite, secret, seed, writes } from "../support/identity_rig.ts";
import { parseSetCookie } from "../support/strict_jar.ts";
import { type CookieVectors, itWithVectors, vectors } from "../support/vectors.ts";

const isRefusal = (error: unknown) => error instanceof TypeError || error instanceof RangeError;
const withCookie = (cookie: unknown) => () =>
  createSessions({ store: new MemoryStore(), secrets: [secret(1)], cookie: cookie as CookieOptions });
const ours = (answer: Response, name = "__Host-sid") =>
  answer.headers.getSetCookie().filter((field) => field.startsWith(`${name}=`));

describe("impossible cookie options", () => {
  it("SR-008 are refused when the sessions are made", () => {
    const wrong: [string, unknown][] = [
      ["__Host- with a domain", { domain: "example.org" }],
      ["__Host- with a path", { path: "/app" }],
      ["__host- with a path", { name: "__host-x", path: "/app" }],
      ["SameSite=None without Secure", { name: "sid", secure: false, sameSite: "None" }],
      ["Partitioned without Secure", { name: "sid", secure: false, partitioned: true }],
      ["a lower-case SameSite", { sameSite: "lax" }],
      ["an injected SameSite", { sameSite: "Lax; Domain=evil.test" }],
      ["a name that is an array", { name: ["sid"] }],
      ["a null name", { name: null }],
      ["a path that is an object", { name: "sid", path: { toString: () => "/" } }],
      ["a domain with a port", { name: "sid", domain: "example.org:80" }],
      ["an empty domain", { name: "sid", domain: "" }],
      ["a leading dot", { name: "sid", domain: ".example.org" }],
      ["a path without a slash", { name: "sid", path: "" }],
      ["a truthy secure", { secure: 1 }],
      ["a truthy partitioned", { partitioned: "yes" }],
      ["a string in place of options", "sid"],
      ["null in place of options", null],
      ...["", " ", "a b", "a=b", "a;b", "a,b", 'a"b', "a\\b", "a\r\nb", "a\0", "é", "a\t", "a(", "a\n"].map((
        name,
      ): [string, unknown] => [JSON.stringify(name), { name }]),
    ];
    for (const [what, cookie] of wrong) assert.throws(withCookie(cookie), isRefusal, what);
  });

  itWithVectors(
    "SR-008 every error case of cookies.json is refused, and every other one written as listed",
    () => {
      // api.md section 10 holds: Max-Age is computed and capped, never given. The size is that of a sealed cookie (CookieStore).
      const computed = /^write\/(max-age-|too-big)/;
      let refused = 0;
      for (const { id, input, expect } of vectors<CookieVectors>("cookies.json").write) {
        const { value, maxAge, expires, httpOnly, ...rest } = input;
        const cookie = { ...rest, ...(httpOnly ? {} : { httpOnly }) };
        if (expect !== "error") {
          const writer = new CookieWriter(cookie);
          const { name, value: back, written } = parseSetCookie(
            expires === 0 ? writer.clear() : writer.set(value, maxAge),
          )!;
          assert.equal(`${name}=${back}`, expect.pair, id);
          assert.deepEqual([...written].sort(), [...expect.attributes].sort(), id);
        } else if (!computed.test(id)) {
          assert.throws(
            () => {
              withCookie(cookie)();
              new CookieWriter(rest).set(value, maxAge);
            },
            isRefusal,
            id,
          );
          refused++;
        }
      }
      assert.equal(refused, 38);
    },
  );

  it("SR-008 are named in the message, with what was received, cut short", () => {
    const says = (cookie: unknown, words: string) =>
      assert.throws(
        () => new CookieWriter(cookie as CookieOptions),
        (error) => error instanceof TypeError && error.message.endsWith(words),
        words,
      );
    const name = "cookie.name must be a token (RFC 9110, section 5.6.2) of at most 256 characters";
    says({ name: "a b" }, `createSessions: ${name}: received "a b"`);
    says({ name: 5 }, `${name}: received 5`);
    says(
      { partitoned: true },
      "cookie.path, cookie.domain, cookie.sameSite, cookie.secure, cookie.partitioned",
    );
    const long = Array.from({ length: 20 }, (_, i) => `${i} `.padStart(5, "-")).join("");
    says({ name: long }, `: received ${JSON.stringify(long.slice(0, 80))}`);
    for (const name of ["__Host-sid", "__host-http-sid", "__Secure-sid", "__http-sid"]) {
      const prefix = name.slice(0, -3);
      assert.throws(
        () => new CookieWriter({ name, secure: false }),
        (error) =>
          error instanceof TypeError && error.message.includes(`: a cookie named ${prefix}… must be secure`),
        name,
      );
    }
  });

  it("SR-008 a name has at most 256 characters, a path at most 1024", () => {
    const name = "n".repeat(256);
    const path = `/${"p".repeat(1023)}`;
    const writer = new CookieWriter({ name, path });
    assert.ok(writer.set("v", 1).startsWith(`${name}=v; Path=${path}; `));
    assert.throws(withCookie({ name: `${name}n`, path }), /name must be .* of at most 256 characters/);
    assert.throws(withCookie({ name, path: `${path}p` }), /path must .* at most 1024 characters/);
  });

  it("SR-008 no input can leave its field", () => {
    const odd = fc.constantFrom(
      ";",
      ",",
      "=",
      " ",
      "\t",
      "\r",
      "\n",
      "\0",
      '"',
      "\\",
      "é",
      "\u2028",
      "/",
      ".",
      "-",
      "a",
      "B9",
      "; Domain=x",
      "\x7f",
    );
    const near = fc.array(odd, { maxLength: 8 }).map((parts) => parts.join(""));
    const input = fc.oneof(near, fc.string({ unit: "binary", maxLength: 40 }), fc.domain());
    const path = input.map((text) => `/${text}`);
    const arbitrary = fc.record({
      name: input,
      path: fc.oneof(input, path),
      domain: fc.option(input, { nil: undefined }),
      value: input,
    });
    fc.assert(
      fc.property(arbitrary, ({ name, path, domain, value }) => {
        for (
          const one of [{ name: "sid", path, domain, value: "v" }, {
            name,
            path: "/",
            domain: undefined,
            value: "v",
          }, { name: "sid", path: "/", domain: undefined, value }]
        ) {
          let field: string;
          try {
            const { value: _, domain, ...rest } = one;
            const cookie = domain === undefined ? rest : { ...rest, domain };
            withCookie(cookie)();
            field = new CookieWriter(cookie).set(one.value, 60);
          } catch (error) {
            assert.ok(isRefusal(error));
            continue;
          }
          const parsed = parseSetCookie(field)!;
          const { attributes } = parsed;
          assert.deepEqual(
            {
              name: parsed.name,
              value: parsed.value,
              path: attributes.get("path"),
              domain: attributes.get("domain"),
            },
            { name: one.name, value: one.value, path: one.path, domain: one.domain },
            field,
          );
          assert.equal(parsed.written.length, one.domain === undefined ? 5 : 6);
        }
      }),
      { seed, numRuns: 10_000 },
    );
  });

  it("SR-008 the options are read once: changing them afterwards changes nothing", async () => {
    const cookie: CookieOptions = { name: "sid", path: "/" };
    const site = makeSite({ cookie });
    Object.assign(cookie, { name: "evil; x", path: "/; Domain=evil.test", httpOnly: false });
    assert.match(
      ours(await site.visit(undefined, writes("a")), "sid")[0]!,
      /^sid=[^;]+; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=\d+$/,
    );
  });

  it("SR-008 a path that a browser would read as another is refused", () => {
    for (const path of ["/ ", "/a ", "/a\t", "/a  "]) {
      assert.throws(withCookie({ name: "sid", path }), isRefusal, JSON.stringify(path));
    }
  });
});
