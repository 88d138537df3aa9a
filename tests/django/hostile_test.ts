/** What an attacker, a damaged table or a busy crowd can do to sessions shared with Django. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deflateSync } from "node:zlib";
import { Envelope } from "../../backends/django/format/signed_object.ts";
import { DjangoSigner } from "../../backends/django/format/signing.ts";
import { type Session, SessionError } from "../../mod.ts";
import {
  altered,
  cookieOf,
  DjangoSite,
  type EngineName,
  secretKey,
  sign,
  start,
} from "../support/django/site.ts";

const salts = {
  db: "django.contrib.sessions.SessionStore",
  signed_cookies: "django.contrib.sessions.backends.signed_cookies",
};

/** Any payload, correctly signed. */
function signed(payload: string, engine: EngineName): Promise<string> {
  return new DjangoSigner([new TextEncoder().encode(secretKey)], salts[engine]).signAt(payload, start);
}

const bomb = (size: number) => `.${deflateSync(Buffer.alloc(size, "a")).toString("base64url")}`;

/** Texts that are no session of ours, by what is wrong with them. */
async function badTexts(engine: EngineName): Promise<Record<string, string>> {
  const other = engine === "db" ? "signed_cookies" : "db";
  const good = await sign('{"admin":true}', { engine });
  const [payload, time, signature] = good.split(":") as [string, string, string];
  const deep = Buffer.from(`{"a":${"[".repeat(2000)}${"]".repeat(2000)}}`).toString("base64url");
  return {
    "a changed payload": `eyJhZG1pbiI6ZmFsc2V9:${time}:${signature}`,
    "a changed time": `${payload}:1zzzzz:${signature}`,
    "a changed signature": good.slice(0, -2) + (good.endsWith("AA") ? "BB" : "AA"),
    "a wrong salt": await sign('{"admin":true}', { engine: other }),
    "a wrong key": await sign('{"admin":true}', { engine, key: "wrong" }),
    "cut short": good.slice(0, -5),
    "padding": `${good}=`,
    "a bomb of 20 MB": await signed(bomb(20_000_000), engine),
    "marked as compressed, and not": await signed(`.${payload}`, engine),
    "no base64": await signed("!!!!", engine),
    "no object": await signed(Buffer.from("[1]").toString("base64url"), engine),
    "nested too deep": await signed(deep, engine),
    "an integer of 5,000 digits": await signed(
      Buffer.from(`{"a":${"9".repeat(5000)}}`).toString("base64url"),
      engine,
    ),
    "pickled": Buffer.from("gASVGwAAAAAAAAB9lIwFYWRtaW6UiHMu", "base64").toString("base64"),
    "the format before Django 3.1": Buffer.from(`${"0".repeat(40)}:{"admin":true}`).toString("base64"),
  };
}

for (const engine of ["db", "signed_cookies"] as const) {
  describe(`bad input, ${engine}`, () => {
    it("is an anonymous visitor, no exception, and an event", async () => {
      for (const [what, text] of Object.entries(await badTexts(engine))) {
        const site = new DjangoSite({}, engine);
        const cookie = engine === "db" ? await site.put("k".repeat(32), { text }) : text;
        const answer = await site.visit((session) => {
          assert.equal(session.size, 0, what);
          assert.equal(session.userId, undefined);
        }, cookie);
        assert.equal(answer.status, 200);
        const reported = site.types().filter((type) => type !== "created");
        assert.equal(reported.length, 1, what);
        assert.match(reported[0]!, engine === "db" ? /^damaged$/ : /^rejected (forged|malformed)$/);
        if (engine === "db") assert.equal(site.row(cookie)?.session_data, text, "left alone");
      }
    });

    it("keys made of anything are looked up or refused, never an error", async () => {
      const site = new DjangoSite({}, engine);
      const odd = [
        "'; DROP TABLE django_session; --",
        "../../../../etc/passwd",
        "%00%00%00%00",
        "x".repeat(9000),
        '"',
        '""',
        '"short"',
        "a b c d e f g h",
      ];
      for (const cookie of odd) {
        const answer = await site.visit((session) => assert.equal(session.size, 0), cookie);
        assert.equal(answer.status, 200);
      }
      const many = Array.from({ length: 50 }, (_, n) => `sessionid=key-number-${n}`).join("; ");
      await site.request((session) => assert.equal(session.size, 0), { cookie: many });
      assert.ok(site.types().includes("rejected ambiguous"));
    });
  });
}

/** `{"n": 1}` as other serializers write it, in hexadecimal. */
const foreign = {
  "a pickle of protocol 4": "8004950a000000000000007d948c016e944b01732e",
  "a pickle of protocol 2": "80027d710058010000006e71014b01732e",
  "a pickle of protocol 0": "286470300a566e0a70310a49310a732e",
  "a pickle of protocol 1": "7d710058010000006e71014b01732e",
  "MessagePack": "81a16e01",
  "deflated, and not marked": deflateSync('{"n":1}').toString("hex"),
};

describe("sessions that another serializer wrote, well signed", () => {
  for (const engine of ["db", "signed_cookies"] as const) {
    it(`are an error, and nobody is logged out by a write, ${engine}`, async () => {
      for (const [what, hex] of Object.entries(foreign)) {
        const site = new DjangoSite({}, engine);
        const text = await signed(Buffer.from(hex, "hex").toString("base64url"), engine);
        const cookie = engine === "db" ? await site.put("k".repeat(32), { text }) : text;
        for (
          const work of [(session: Session) => session.get("n"), (session: Session) => session.set("n", 2)]
        ) {
          await assert.rejects(site.visit(work, cookie), {
            code: "ERR_UNSUPPORTED",
            message: /pickles most likely.*SESSION_SERIALIZER/,
          }, what);
        }
        if (engine === "db") {
          await assert.rejects(site.sessions.open(cookie), { code: "ERR_UNSUPPORTED" });
          assert.deepEqual([site.row(cookie)?.session_data, site.rows], [text, 1], "left alone");
        }
      }
    });
  }

  it("are nobody's when they are not signed by the site", async () => {
    const site = new DjangoSite();
    const text = await new DjangoSigner([new TextEncoder().encode("other")], salts.db)
      .signAt(Buffer.from(foreign["a pickle of protocol 4"], "hex").toString("base64url"), start);
    const cookie = await site.put("k".repeat(32), { text });
    assert.equal((await site.visit((session) => assert.equal(session.size, 0), cookie)).status, 200);
  });
});

describe("the size of a session", () => {
  const envelope = new Envelope([new TextEncoder().encode(secretKey)], salts.db);
  const json = (size: number) => `{"a":"${"a".repeat(size)}"}`;
  const packed = (size: number) => signed(`.${deflateSync(json(size)).toString("base64url")}`, "db");

  it("has no limit below 16 MiB of JSON, and nothing unfolds beyond", async () => {
    const large = await envelope.open(await packed(15_000_000));
    assert.equal(typeof large === "string" ? large : large.json.length, 15_000_008);
    assert.equal(await envelope.open(await packed(17_000_000)), "malformed");
    await assert.rejects(envelope.close(json(17_000_000), start), { code: "ERR_TOO_LARGE" });
  });
});

describe("writers at once", () => {
  it("a write by Django between load and save is kept, and so is ours", async () => {
    const site = new DjangoSite();
    const key = await site.begin();
    const answer = await site.visit(async (session) => {
      session.update("n", (n = 0) => n + 1);
      const [row, text] = [site.row(key)!, await sign('{"color":"red","django":1,"n":41}')];
      assert.equal(await site.store.replace(key, { text, expiresAt: start + 1e6 }, row.session_data), true);
    }, key);
    assert.equal(answer.status, 200);
    assert.equal(await site.json(key), '{"color":"red","django":1,"n":42}');
  });

  it("30 requests at once lose no change, in two processes", async () => {
    const site = new DjangoSite();
    const key = await site.begin();
    const sessions = [site.sessions, site.other()];
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        sessions[n % 2]!.wrap(async (request) => {
          const session = await request.session;
          session.update("count", (count = 0) => count + 1);
          session.set(`key-${n}`, n);
          return new Response();
        })(new Request("https://site.test/", { headers: { cookie: `sessionid=${key}` } }))),
    );
    assert.deepEqual(answers.map(({ status }) => status), Array(30).fill(200));
    assert.equal(await site.see((session) => session.get("count"), key), 30);
    assert.equal(await site.see((session) => session.size, key), 32);
  });

  it("a site that changes the session again and again: 409 in the end, nothing overwritten", async () => {
    const site = new DjangoSite();
    const key = await site.begin();
    let n = 0;
    const { store } = site;
    const restless = altered(store, {
      async replace(key, row, was) {
        const text = await sign(`{"n":${++n}}`);
        await store.replace(key, { text, expiresAt: start + 1e6 }, (await store.load(key))!.text);
        return await store.replace(key, row, was);
      },
    });
    const answer = await site.other({ store: restless }).wrap(async (request) => {
      (await request.session).set("ours", 1);
      return new Response();
    })(new Request("https://site.test/", { headers: { cookie: `sessionid=${key}` } }));
    assert.equal(answer.status, 409);
    assert.equal(await site.json(key), `{"n":${n}}`);
  });

  it("a flush meets a key that is cycled at the same time: both records are gone", async () => {
    const site = new DjangoSite();
    const key = await site.begin();
    const [one, other] = [await site.sessions.open(key), await site.sessions.open(key)];
    one.cycleKey();
    await Promise.all([one.save(), other.flush()].map((work) => work.catch(() => {})));
    assert.equal(site.rows, 0);
  });

  it("a clock that steps back, and a key cycled half way, bring nothing back", async () => {
    const site = new DjangoSite();
    const key = await site.begin();
    const session = await site.sessions.open(key);
    site.clock.now -= 3_600_000;
    session.cycleKey();
    await session.save();
    const old = await site.sessions.open(key);
    assert.equal(old.id, undefined);
    assert.equal((await site.sessions.open(session.id)).get("color"), "blue");
  });

  it("a store that fails is a 503, and the session is not taken for empty", async () => {
    const site = new DjangoSite();
    const key = await site.begin();
    const broken = altered(site.store, { load: () => Promise.reject(new Error("down")) });
    const sessions = site.other({ store: broken });
    const answer = await sessions.wrap(async (request) => new Response((await request.session).get("color")))(
      new Request("https://site.test/", { headers: { cookie: `sessionid=${key}` } }),
    );
    assert.equal(answer.status, 503);
    assert.equal(cookieOf(answer), undefined);
    assert.ok(site.types().includes("store-error"));
  });

  it("SR-048 a store that hangs is a 503 in time", async () => {
    const site = new DjangoSite();
    const hanging = altered(site.store, { create: () => new Promise(() => {}) });
    const answer = await site.other({ store: hanging, timeout: 0.05 }).wrap(async (request) => {
      (await request.session).set("a", 1);
      return new Response();
    })(new Request("https://site.test/"));
    assert.equal(answer.status, 503);
  });

  it("a store that answers nonsense is trouble", async () => {
    const site = new DjangoSite();
    for (const answer of [7, {}, { text: 1, expiresAt: 1 }, { text: "t" }, { text: "t", expiresAt: NaN }]) {
      const sessions = site.other({
        store: Object.assign(Object.create(site.store), { load: () => answer }),
      });
      await assert.rejects(
        sessions.open("k".repeat(32)),
        (error) => error instanceof SessionError && error.code === "ERR_STORE",
      );
    }
  });
});
