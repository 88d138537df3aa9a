/** The options of `djangoSessions`: Django's settings, their defaults, and what is refused. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as valibot from "valibot";
import { djangoSessions } from "../../backends/django.ts";
import type { DjangoEngine, DjangoRow } from "../../backends/django.ts";
import { cookieOf, DjangoSite, secretKey, sign, start, twoWeeks } from "../support/django/site.ts";

const engine = "signed_cookies";

/** An engine over a map. */
class MapEngine implements DjangoEngine {
  readonly format: "signed" | "json";
  readonly cookieName?: string;
  readonly rows = new Map<string, DjangoRow>();
  isClosed = false;

  constructor(format: "signed" | "json", cookieName?: string) {
    this.format = format;
    if (cookieName !== undefined) this.cookieName = cookieName;
  }

  load(key: string) {
    return this.rows.get(key);
  }

  create(key: string, row: DjangoRow) {
    return !this.rows.has(key) && this.rows.set(key, row).has(key);
  }

  replace(key: string, row: DjangoRow, was: string) {
    return this.rows.get(key)?.text === was && this.rows.set(key, row).has(key);
  }

  rotate(oldKey: string, newKey: string, row: DjangoRow, was: string) {
    return this.rows.get(oldKey)?.text === was && this.create(newKey, row) && this.rows.delete(oldKey);
  }

  delete(key: string) {
    return this.rows.delete(key);
  }

  async clearExpired(now: number, limit: number, endOf: (row: DjangoRow) => unknown) {
    let removed = 0;
    for (const [key, row] of this.rows) {
      const end = await endOf(row) as number | undefined;
      if (removed < limit && end !== undefined && end < now) removed += Number(this.rows.delete(key));
    }
    return removed;
  }

  close() {
    this.isClosed = true;
  }
}

describe("the options of djangoSessions", () => {
  it("a secret of any length will do, text or bytes, and the text is UTF-8", async () => {
    for (const secretKey of ["k", "ключ", new Uint8Array([1])]) {
      const sessions = djangoSessions({ secretKey, engine });
      const answer = await sessions.wrap(async (request) => {
        (await request.session).set("a", 1);
        return new Response();
      })(new Request("https://site.test/"));
      assert.ok(cookieOf(answer));
    }
  });

  it("what is wrong is refused, with what was expected and nothing of the secret", () => {
    const good = { secretKey: "the-very-secret", engine };
    for (
      const [options, message] of [
        [undefined, /options must be a plain object: received undefined$/],
        [{ engine }, /secretKey must be text or bytes/],
        [{ ...good, secretKey: "" }, /secretKey must be text or bytes, not empty/],
        [{ ...good, secretKeyFallbacks: "the-very-secret" }, /secretKeyFallbacks must be an array/],
        [{ ...good, secretKeyFallbacks: [7] }, /secretKeyFallbacks\[0\]/],
        [{ secretKey }, /either store.*or engine/],
        [{ ...good, store: new MapEngine("json") }, /either store.*or engine/],
        [{ ...good, engine: "db" }, /engine must be "signed_cookies"/],
        [
          { secretKey, store: Promise.resolve(new MapEngine("json")) },
          /store must be a Django engine.*: received a promise \(await it\)$/,
        ],
        [
          { secretKey, store: { load() {} } },
          /received an object \(no method create, replace, rotate, delete, clearExpired\)$/,
        ],
        [
          { ...good, sessionCookieSamesite: "lax" },
          /sessionCookieSamesite must be "Lax", "Strict", "None" or false: received "lax"$/,
        ],
        [{ ...good, sessionCookieSecure: "yes" }, /sessionCookieSecure must be a boolean/],
        [{ ...good, sessionCookieName: "a b" }, /sessionCookieName must be a token .*: received "a b"$/],
        [{ ...good, sessionCookieDomain: "a b; Secure" }, /sessionCookieDomain must be a host name/],
        [{ ...good, sessionCookiePath: "shop;" }, /sessionCookiePath must be a path that begins with "\/"/],
        [{ ...good, sessionCookieAge: "600" }, /sessionCookieAge must be a number .*: received a string$/],
        [{ ...good, secrets: ["x"] }, /unknown option "secrets"; known options: secretKey, /],
        [{ ...good, rolling: true }, /unknown option "rolling"; known options: secretKey, /],
        [{ ...good, onError: 7 }, /onError must be a function: received 7$/],
      ] as const
    ) {
      assert.throws(() => djangoSessions(options as never), (error) => {
        assert.ok(error instanceof TypeError, String(error));
        assert.match(error.message, /^djangoSessions: /);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /the-very-secret/);
        return true;
      });
    }
    djangoSessions({ secretKey, engine, sessionCookieAge: 100 * 366 * 86_400 }); // the site says how long
    for (const sessionCookieAge of [0, -1, NaN, Infinity]) {
      assert.throws(() => djangoSessions({ secretKey, engine, sessionCookieAge }), RangeError);
    }
  });

  it("DJ-077 a store that cannot clear expired sessions is refused, by name", () => {
    const { clearExpired: _, ...methods } = {
      clearExpired() {},
      load() {},
      create() {},
      replace() {},
      rotate() {},
      delete() {},
    };
    assert.throws(
      () => djangoSessions({ secretKey, store: methods as never }),
      /^TypeError: djangoSessions: store must be .*: received an object \(no method clearExpired\)$/,
    );
  });

  it("the time zone of the store and of the data have to agree", () => {
    const { store } = new DjangoSite({ useTz: false });
    assert.throws(
      () => djangoSessions({ secretKey, store, useTz: true }),
      /useTz must be what the store was opened with: received true$/,
    );
    assert.doesNotThrow(() => djangoSessions({ secretKey, store, useTz: false }));
    assert.doesNotThrow(() => djangoSessions({ secretKey, store }));
  });

  it("a store whose file names hold the cookie's name wants that name", () => {
    const store = new MapEngine("signed", "sid");
    assert.throws(
      () => djangoSessions({ secretKey, store }),
      /sessionCookieName must be the one that the store was opened for/,
    );
    assert.doesNotThrow(() => djangoSessions({ secretKey, store, sessionCookieName: "sid" }));
  });

  it("a schema is checked as with createSessions", async () => {
    const site = new DjangoSite();
    const schema = valibot.looseObject({ n: valibot.optional(valibot.number()) });
    const sessions = site.other({ schema: schema as never });
    const good = await site.put("good-good-good", '{"n":1,"_session_expiry":60}');
    const bad = await site.put("bad-bad-bad-bad", '{"n":"one"}');
    const session = await sessions.open(good);
    assert.equal(session.get("n"), 1);
    session.setExpiry(120);
    await session.save();
    assert.equal(await site.json(good), '{"n":1,"_session_expiry":120}');
    assert.equal((await sessions.open(bad)).size, 0);
    assert.deepEqual(site.types(), ["invalid"]);
    session.set("n", "two");
    await assert.rejects(session.save(), { code: "ERR_SERIALIZE" });
  });

  it("onError has the last word, with a code", async () => {
    const codes: string[] = [];
    const site = new DjangoSite({
      onError: ({ code }) => {
        codes.push(code);
        return new Response("own", { status: 418 });
      },
    });
    const key = await site.begin();
    const answer = await site.visit(async (session) => {
      session.set("a", 1);
      await site.store.delete(key);
    }, key);
    assert.equal(answer.status, 418);
    assert.deepEqual(codes, ["ERR_GONE"]);
  });
});

describe("other engines", () => {
  it("plain JSON is written as Django's JSON serializer of a cache writes it", async () => {
    const site = new DjangoSite();
    const store = new MapEngine("json");
    const sessions = site.other({ store });
    const session = await sessions.open();
    session.assign({ "ü": 1, n: 2n ** 64n });
    await session.save();
    const [[key, row]] = [...store.rows] as [[string, DjangoRow]];
    assert.deepEqual(row, {
      text: '{"\\u00fc":1,"n":18446744073709551616}',
      expiresAt: start + twoWeeks * 1000,
    });
    assert.equal((await sessions.open(key)).get("n"), 2n ** 64n);
    store.rows.set(key, { ...row, text: "\u0080\u0004pickled" });
    await assert.rejects(sessions.open(key), { code: "ERR_UNSUPPORTED" });
    store.rows.set(key, { ...row, text: row.text.slice(0, -1) });
    assert.equal((await sessions.open(key)).size, 0);
    assert.deepEqual(site.types(), ["created", "damaged"]);
    await sessions.close();
    assert.equal(store.isClosed, true);
  });

  it("DX-050 where only the time of saving is known, the end counts from there", async () => {
    const site = new DjangoSite();
    const store = new MapEngine("signed");
    const sessions = site.other({ store });
    const seen = async (json: string, age: number) => {
      store.rows.set("some-key", { text: await sign(json), savedAt: start - age * 1000 });
      return (await sessions.open("some-key")).get("a");
    };
    assert.equal(await seen('{"a":1}', twoWeeks - 1), 1);
    assert.equal(await seen('{"a":1}', twoWeeks), undefined);
    assert.equal(await seen('{"a":1,"_session_expiry":60}', 59), 1);
    assert.equal(await seen('{"a":1,"_session_expiry":60}', 60), undefined);
    assert.equal(await seen('{"a":1,"_session_expiry":"2027-01-15T08:00:01+00:00"}', 10 * twoWeeks), 1);
    assert.equal(await seen('{"a":1,"_session_expiry":"2027-01-15T08:00:00+00:00"}', 1), undefined);
    store.rows.set("fresh-key", { text: await sign("{}"), savedAt: start });
    store.rows.set("rubbish-key", { text: "rubbish", savedAt: 0 });
    assert.equal(await sessions.clearExpired(), 0, "what ends now did not end before now");
    site.clock.now += 1;
    assert.equal(await sessions.clearExpired(), 1);
    assert.deepEqual([...store.rows.keys()], ["fresh-key", "rubbish-key"]);
  });
});
