/** Fuzz targets for what a client sends: headers, signed ids, sealed and signed tokens, whole sessions in cookies. */

import assert from "node:assert/strict";
import { Signed } from "../../backends/cookie/signed_envelope.ts";
import { fromBase64url, toBase64url } from "../../src/crypto/base64url.ts";
import { CookieWriter, readCookie } from "../../src/transport/cookie.ts";
import type { CookieAttributes } from "../../src/cookie_options.ts";
import { type Seal, Sealer } from "../../src/crypto/sealer.ts";
import { isId } from "../../src/crypto/session_id.ts";
import { secret, Site as CookieSite } from "../support/cookie/rig.ts";
import { pairsOf } from "../support/cookie_rules.ts";
import { begin, makeSite } from "../support/identity_rig.ts";
import { parseSetCookie } from "../support/strict_jar.ts";
import { bytesOf, latin1, type Target, utf8 } from "./inputs.ts";

const name = "__Host-sid";

const site = makeSite();
const marks = new Map<string, string>();
for (const mark of ["A", "B"]) marks.set(await begin(site, mark), mark);
const [first, second] = [...marks.keys()] as [string, string];

const headers = [
  `${name}=${first}`,
  `theme=dark; ${name}=${first}; other="quoted; text"`,
  `${name}=${first}; ${name}=${second}`,
  ` a = b ;\t${name}\t=\t${first}\t; =x; ;; y`,
  `${name.toLowerCase()}=${first}; x${name}=${second}; $Version=1, ${name}=${first}`,
].map(bytesOf);

/** Headers that no `Request` can carry reach nobody. */
function carried(header: string): boolean {
  try {
    return new Headers({ cookie: header }).get("cookie") === header;
  } catch {
    return false;
  }
}

/** A token opens as what was closed in it, or not at all. */
function openTarget(name: string, envelope: Seal, closed: ReadonlyMap<string, string>): Target {
  return {
    name,
    samples: [...closed.keys()].map(bytesOf),
    async check(input) {
      const token = latin1(input);
      const opened = await envelope.open(token, "1");
      if (typeof opened !== "string") assert.equal(opened.text, closed.get(token));
      else assert.ok(["malformed", "unknown-key", "forged"].includes(opened) && !closed.has(token));
      assert.equal(typeof await envelope.open(token, "2"), "string", "another context");
    },
  };
}

const texts = ["", "a", '["id",1]\n{}', "x".repeat(300), "\u00e9\u{1f600}\0"];
async function close(envelope: Seal): Promise<Map<string, string>> {
  return new Map(
    await Promise.all(texts.map(async (text) => [await envelope.close(text, "1"), text] as const)),
  );
}
const sealer = new Sealer([secret(2), secret(1)], "sealed session", name, () => 0);
const older = new Sealer([secret(1)], "sealed session", name, () => 0);
const signed = new Signed([secret(1)], name);

const held = new CookieSite({ chunks: 3 });
const small = await held.begin({ mark: "small" });
const large = await held.begin({ mark: "large", filler: "x".repeat(6000) });
const { header: smallHeader } = small;

const writerSamples: readonly CookieAttributes[] = [
  { name, path: "/" },
  { name: "__Secure-sid", domain: "example.org", path: "/a/b", sameSite: "None", partitioned: true },
  { name: "sid", secure: false, sameSite: "Strict" },
];

export const cookieTargets: readonly Target[] = [
  {
    name: "SR-014 the cookie reader follows the rules on any header",
    samples: headers,
    check(input) {
      const header = latin1(input);
      for (const one of [name, "a", "theme"]) {
        const values = [...new Set(pairsOf(header).filter(([key]) => key === one).map(([, value]) => value))];
        const read = readCookie(header, one, () => true, header.length + 1);
        assert.deepEqual(read, { isPresent: values.length > 0, values });
        assert.ok(readCookie(header, one, () => true, 4).values.length <= 5);
      }
    },
  },
  {
    name: "SR-008 the cookie writer refuses, or writes what another parser reads back",
    samples: writerSamples.map((options) => bytesOf(JSON.stringify({ ...options, value: "abc" }))),
    check(input) {
      let given: CookieAttributes & { value?: unknown };
      try {
        given = JSON.parse(utf8(input));
      } catch {
        return;
      }
      if (typeof given !== "object" || given === null) return;
      let field: string;
      try {
        const { value, ...attributes } = given;
        field = new CookieWriter(attributes).set(String(value), 60);
      } catch (error) {
        return assert.ok(error instanceof TypeError, String(error));
      }
      const {
        name = "__Host-sid",
        path = "/",
        domain,
        sameSite = "Lax",
        secure = true,
        partitioned = false,
      } = given;
      const parsed = parseSetCookie(field)!;
      assert.deepEqual([parsed.name, parsed.value], [name, String(given.value)]);
      assert.deepEqual(
        [...parsed.attributes].map(([key, value]) => `${key}=${value}`).sort(),
        [
          ...(domain === undefined ? [] : [`domain=${domain}`]),
          ...(partitioned ? ["partitioned="] : []),
          ...(secure ? ["secure="] : []),
          `path=${path}`,
          "httponly=",
          `samesite=${sameSite}`,
          "max-age=60",
        ].sort(),
      );
    },
  },
  {
    name:
      "SR-003 what a request carries leads to its own session or to none, and nothing else reaches the store",
    samples: headers,
    async check(input) {
      const header = latin1(input);
      if (!carried(header)) return;
      const pairs = pairsOf(header).filter(([key]) => key === name).map(([, value]) => value);
      const shaped = new Set(pairs.filter((value) => /^[A-Za-z0-9_-]{32}\.[A-Za-z0-9_-]{43}$/.test(value)));
      const live = shaped.size > 4 ? [] : [...shaped].filter((value) => marks.has(value));
      site.store.calls.length = 0;
      const answer = await (await site.visit(header)).text();
      assert.equal(answer, live.length === 1 ? marks.get(live[0]!) : "anonymous");
      assert.equal(site.store.count(), live.length, "store calls");
    },
  },
  openTarget(
    "SR-020 a sealed token opens as it was closed, or not",
    sealer,
    new Map([
      ...await close(sealer),
      ...await close(older),
    ]),
  ),
  openTarget("SR-019 a signed text opens as it was closed, or not", signed, await close(signed)),
  {
    name: "SR-021 a session in cookies is read as it was written, or not at all",
    samples: [smallHeader, large.header, `${smallHeader}; theme=dark`, `${large.header}; ${name}.1=AAAA`].map(
      bytesOf,
    ),
    async check(input) {
      const header = latin1(input);
      if (!carried(header)) return;
      const handler = held.other({ chunks: 3 }).sessions.wrap(async (request) => {
        const session = await request.session;
        return Response.json([session.get("mark", null), session.get("filler", "").length, session.size]);
      });
      const response = await handler(new Request("https://site.test/", { headers: { cookie: header } }));
      assert.equal(response.status, 200);
      const answer = await response.text();
      assert.ok(["[null,0,0]", '["small",0,1]', '["large",6000,2]'].includes(answer), answer);
      assert.deepEqual(response.headers.getSetCookie(), []);
      const pieces = pairsOf(header).filter(([key, value]) => key === `${name}.1` && /^[\w-]+$/.test(value));
      const isGuess = new Set(pieces.map(([, value]) => value)).size > 1;
      assert.ok(!(isGuess && answer.includes("large")), "a piece that is there twice is not chosen from");
    },
  },
  {
    name: "SR-026 one value has one spelling, and an id one shape",
    samples: [first, first.slice(0, 32), toBase64url(crypto.getRandomValues(new Uint8Array(40)))].map(
      bytesOf,
    ),
    check(input) {
      const text = utf8(input);
      const bytes = fromBase64url(text);
      if (bytes !== undefined) assert.equal(toBase64url(bytes), text);
      assert.deepEqual(fromBase64url(toBase64url(input)), Uint8Array.from(input));
      assert.equal(isId(text), text.length === 32 && fromBase64url(text)?.length === 24);
    },
  },
];
