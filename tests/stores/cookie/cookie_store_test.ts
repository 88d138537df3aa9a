import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { CookieStore, type CookieStoreOptions } from "../../../backends/cookie.ts";
import { MemoryStore } from "../../../backends/memory.ts";
import { createSessions, SessionError, type SessionErrorCode } from "../../../mod.ts";
import { secret, sid, Site } from "../../support/cookie/rig.ts";

const code = (code: SessionErrorCode) => (error: unknown) =>
  error instanceof SessionError && error.code === code;
/** The bytes that browsers count: name and value. */
const pairBytes = (value: string | undefined, name = sid) => Buffer.byteLength(name + (value ?? ""));
const fieldsOf = (response: Response) => response.headers.getSetCookie();

/** The largest ASCII text that fits under the key "a". */
async function room(site: Site): Promise<number> {
  let [fits, over] = [0, 5_000];
  while (over - fits > 1) {
    const middle = (fits + over) >> 1;
    const fitted = await site.begin({ a: "x".repeat(middle) }).then(() => true, () => false);
    if (fitted) fits = middle;
    else over = middle;
  }
  return fits;
}

describe("a session in the cookie", () => {
  it("comes back, and nobody can read it on the way", async () => {
    const site = new Site();
    const browser = await site.begin({ mark: "distinct", deep: { list: [1, "é😀"] } }, "user-123");
    assert.deepEqual(await browser.data(), { mark: "distinct", deep: { list: [1, "é😀"] } });
    assert.equal(await browser.see((session) => session.userId), "user-123");
    const value = browser.cookies.get(sid)!;
    const id = await browser.see((session) => session.id!);
    for (const text of [value, Buffer.from(value, "base64url").toString("latin1")]) {
      for (const secret of ["distinct", "user-123", "mark", "list", id]) assert.ok(!text.includes(secret));
    }
    assert.deepEqual(await browser.data({ sessions: site.other().sessions }), await browser.data());
  });

  it("is opened from cookies that an earlier release sealed", async () => {
    const site = new Site();
    assert.equal(
      await site.mark(
        `${sid}=ASAywTlBkmZ_94hL5CaiM_PZx6LBWU2y3KGMiFOxugJ0fOdRRVTfzQipE5Q2aEf2Al8y_ISRhCRwzJupmUAyA-Ed0gBAaLQsMovgloYimtA9mYvmixo4GbTqbpXqL8wUEDkRDBqMp4d-ACpwop9lhfAc8tuEcKPvw2oimt2o4pv7xPhJexVjd0v-BV9Fk6bqdhSsK0gaX7IA0T6N-kLrwKGuxsicgXSTAcMwVCT7qhxG5YWs`,
      ),
      "from an earlier release",
    );
    const signed = new Site({ seal: false });
    assert.equal(
      await signed.mark(
        `${sid}=WyJzRmJBa0dmN01HUjEtejVpVUtOSmVmRk5aWmUxZ1pBViIsMTgwMDAwMDAwMDAwMCwxODAwMDAwMDAwMDAwLDE4MDAwMDAwMDAwMDAsMTgwMTIwOTYwMDAwMCwiMSJdCnsibWFyayI6ImZyb20gYW4gZWFybGllciByZWxlYXNlIn0JCwlZM6Ff92Z81ty_UUkJ14Zrv2aUHmaMElX5-In8Pc`,
      ),
      "from an earlier release",
    );
  });

  it("SR-009 4,096 bytes of name and value are sent, 4,097 are refused", async () => {
    for (const name of [sid, "s", "a-rather-long-name-for-a-cookie"]) {
      const site = new Site({ cookie: { name } });
      const most = await room(site);
      const full = (await site.begin({ a: "x".repeat(most) })).cookies.get(name);
      assert.ok(pairBytes(full, name) <= 4096 && pairBytes(full, name) > 4092, name);
      if (name === sid) assert.equal(pairBytes(full), 4096);
      await assert.rejects(
        site.begin({ a: "x".repeat(most + 1) }),
        (error: Error) =>
          code("ERR_TOO_LARGE")(error) && / 409[78] /.test(error.message) && / 4096\b/.test(error.message),
      );
    }
  });

  it("SR-009 bytes are counted, not characters", async () => {
    const site = new Site();
    const most = await room(site);
    for (const [character, bytes] of [["é", 2], ["€", 3], ["😀", 4]] as const) {
      const text = character.repeat(100);
      const full = text + "x".repeat(most - 100 * bytes);
      const browser = await site.begin({ a: full });
      assert.equal(pairBytes(browser.cookies.get(sid)), 4096);
      assert.deepEqual(await browser.data({ sessions: site.other().sessions }), { a: full });
      await assert.rejects(site.begin({ a: `${full}x` }), code("ERR_TOO_LARGE"));
      await assert.rejects(site.begin({ a: full.slice(0, -1) + character }), code("ERR_TOO_LARGE"));
    }
  });

  it("SR-009 growing byte by byte, every session is sent whole or refused, and the old cookie stays good (C2)", async () => {
    const site = new Site();
    const most = await room(site);
    const browser = await site.begin({ a: "" });
    let last = -1;
    for (let length = most - 75; length <= most + 75; length++) {
      const before = browser.header;
      const a = "x".repeat(length);
      const visit = browser.visit((session) => void session.set("a", a));
      if (length <= most) {
        const fields = fieldsOf(await visit);
        assert.equal(fields.length, 1);
        last = length;
      } else {
        await assert.rejects(visit, code("ERR_TOO_LARGE"));
        assert.equal(browser.header, before);
      }
      assert.equal(await browser.see((session) => String(session.get("a")).length), last);
      assert.ok(pairBytes(browser.cookies.get(sid)) <= 4096);
    }
  });

  it("SR-009 what is too large can be told in the handler, with no Set-Cookie, and a smaller write still works", async () => {
    const site = new Site({ onError: (error) => new Response(error.code, { status: 500 }) });
    const browser = await site.begin({ a: "old" });
    const refused = await browser.visit(async (session) => {
      session.set("a", "x".repeat(4_000));
      await assert.rejects(session.save(), code("ERR_TOO_LARGE"));
    });
    assert.equal(refused.status, 500);
    assert.equal(await refused.text(), "ERR_TOO_LARGE");
    assert.deepEqual(fieldsOf(refused), []);
    assert.deepEqual(await browser.data(), { a: "old" });
    await browser.see(async (session) => {
      session.set("a", "x".repeat(4_000));
      await assert.rejects(session.save(), code("ERR_TOO_LARGE"));
      session.set("a", "small");
    });
    assert.deepEqual(await browser.data(), { a: "small" });
  });

  it("SR-029 nothing is compressed: the length of the data alone decides the length of the cookie", async () => {
    const made: string[] = [];
    const globals = globalThis as unknown as Record<string, unknown>;
    const names = ["CompressionStream", "DecompressionStream"];
    const real = names.map((name) => globals[name]);
    for (const name of names) {
      globals[name] = class {
        constructor() {
          made.push(name);
        }
      };
    }
    try {
      const site = new Site();
      const random = Array.from(
        { length: 2_000 },
        (_, i) => "abcdefghijklmnopqrstuvwxyz"[(i * i * 7 + i) % 26],
      ).join("");
      for (const length of [0, 1, 500, 2_000]) {
        const values = ["a".repeat(length), "ab".repeat(length).slice(0, length), random.slice(0, length)];
        const sizes = [];
        for (const a of values) sizes.push((await site.begin({ a })).cookies.get(sid)!.length);
        assert.equal(new Set(sizes).size, 1, `${length}: ${sizes}`);
      }
      // What would be a bomb, were it inflated: a gzip header in place of the sealed text, and behind it.
      const token = (await site.begin()).cookies.get(sid)!;
      for (const bomb of ["H4sIAAAAAAAAA", "eNrtwTEBAAAAwqD1T20MH6AA"]) {
        assert.equal(await site.mark(`${sid}=${bomb.repeat(100)}`), undefined);
        assert.equal(await site.mark(`${sid}=${token}${bomb}`), undefined);
      }
    } finally {
      names.forEach((name, i) => globals[name] = real[i]);
    }
    assert.deepEqual(made, []);
  });

  it("cannot be reached from outside a request: open, list and revoke are ERR_UNSUPPORTED", async () => {
    for (
      const revocation of ["none", new MemoryStore({ maxEntries: Infinity }), { notBefore: () => 0 }] as const
    ) {
      const { sessions } = new Site({ revocation });
      const handle = "ab".repeat(32);
      for (
        const call of [
          () => sessions.open(),
          () => sessions.open("x".repeat(32)),
          () => sessions.list("user"),
          () => sessions.revoke(handle),
          () => sessions.revoke(handle, { userId: "user" }),
          () => sessions.revokeAll("user"),
        ]
      ) {
        await assert.rejects(call, code("ERR_UNSUPPORTED"), String(call));
      }
      const clearing = sessions.clearExpired();
      if (revocation instanceof MemoryStore) assert.equal(await clearing, 0);
      else await assert.rejects(clearing, code("ERR_UNSUPPORTED"));
      await sessions.close();
      await sessions.close();
    }
  });

  it("SR-028 is not made without the choice of revocation", () => {
    // @ts-expect-error: revocation is required
    assert.throws(() => new CookieStore({}), TypeError);
    // @ts-expect-error: revocation is required
    assert.throws(() => new CookieStore(), TypeError);
    const wrong = [undefined, null, "None", "", true, {}, { load() {} }, { notBefore: 5 }, () => 0];
    for (const revocation of wrong) {
      assert.throws(() => new CookieStore({ revocation } as unknown as CookieStoreOptions), TypeError);
    }
    for (const maxHeaderBytes of [0, 1_023, 8_000.5, NaN, Infinity]) {
      assert.throws(() => new CookieStore({ revocation: "none", maxHeaderBytes }), RangeError);
    }
    assert.ok(new CookieStore({ revocation: "none", maxHeaderBytes: 1_024 }));
    for (const chunks of [0, -1, 1.5, 21, NaN, Infinity]) {
      assert.throws(() => new CookieStore({ revocation: "none", chunks }), RangeError, String(chunks));
    }
    for (
      const more of [{ chunks: "2" }, { maxHeaderBytes: "8000" }, { seal: 1 }, { seal: "false" }, {
        compress: true,
      }]
    ) {
      assert.throws(() => new CookieStore({ revocation: "none", ...more } as CookieStoreOptions), TypeError);
    }
  });

  it("one store object serves several Sessions, and closing it closes nothing that was handed in", async () => {
    const store = new CookieStore({ revocation: "none" });
    const make = (name: string) => createSessions({ store, secrets: [secret(1)], cookie: { name } });
    const [one, two] = [make("one"), make("two")];
    const answer = await one.wrap(async (request) => {
      (await request.session).set("mark", "live");
      return new Response();
    })(new Request("https://localhost/"));
    const [value] = fieldsOf(answer)[0]!.slice("one=".length).split(";");
    const read = (sessions: typeof one, name: string) =>
      sessions.wrap(async (request) => new Response(String((await request.session).get("mark"))))(
        new Request("https://localhost/", { headers: { cookie: `${name}=${value}` } }),
      ).then((answer) => answer.text());
    assert.equal(await read(one, "one"), "live");
    assert.equal(await read(two, "two"), "undefined");
    store.close();
    await store[Symbol.asyncDispose]();
    assert.equal(await read(one, "one"), "live");
  });

  it("costs no crypto, no look-up and no header when it is not asked for, and sends no cookie when only read", async () => {
    const site = new Site();
    const browser = await site.begin();
    const untouched = await site.sessions.wrap(() => new Response("plain"))(
      new Request("https://localhost/", { headers: { cookie: browser.header } }),
    );
    for (const name of ["set-cookie", "vary", "cache-control"]) {
      assert.equal(untouched.headers.get(name), null);
    }
    assert.deepEqual(fieldsOf(await browser.visit((session) => session.get("mark"))), []);
  });

  it("is sent along by headersFor, and after an explicit save also with a 500", async () => {
    const site = new Site();
    const browser = site.browser();
    const answer = await browser.visit(async (session, request) => {
      session.set("mark", "upgraded");
      return new Response(null, { status: 204, headers: await site.sessions.headersFor(request) });
    });
    assert.equal(fieldsOf(answer).length, 1);
    assert.deepEqual(await browser.data(), { mark: "upgraded" });
    const failed = await browser.visit(async (session) => {
      session.set("mark", "saved");
      await session.save();
      session.set("mark", "not saved");
      return new Response(null, { status: 500 });
    });
    assert.equal(failed.status, 500);
    assert.deepEqual(await browser.data(), { mark: "saved" });
    const two = await browser.visit(async (session) => {
      session.set("mark", "first");
      await session.save();
      session.set("mark", "second");
    });
    assert.equal(fieldsOf(two).length, 1);
    assert.deepEqual(await browser.data({ sessions: site.other().sessions }), { mark: "second" });
  });

  it("SR-016 two live cookies are refused in either order, the same one twice is one", async () => {
    const site = new Site();
    const [one, two] = [await site.begin({ mark: "one" }), await site.begin({ mark: "two" })];
    site.reported();
    for (const header of [`${one.header}; ${two.header}`, `${two.header}; ${one.header}`]) {
      assert.equal(await site.mark(header), undefined);
      assert.deepEqual(site.reported(), ["rejected ambiguous"]);
    }
    assert.equal(await site.mark(`${one.header}; ${one.header}`), "one");
    assert.equal(await site.mark(`${sid}=AAAA; ${one.header}; ${sid}=`), "one");
  });

  it("a codec's text comes back as it was, lone surrogates too, or is refused", async () => {
    const site = new Site({
      codec: { encode: (data) => `${data["a"] ?? ""}`, decode: (text) => ({ a: text }) },
    });
    for (const a of ["plain", "two\nlines", "\uFEFFbom", "\u0000", "lone \uD800 surrogate"]) {
      let seen: unknown;
      try {
        const browser = await site.begin({ a });
        seen = await browser.see((session) => session.get("a"), { sessions: site.other().sessions });
      } catch (error) {
        assert.ok(code("ERR_SERIALIZE")(error), String(error));
        continue;
      }
      assert.equal(seen, a);
    }
  });
});
