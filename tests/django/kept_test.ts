/** Where Django's sessions are kept: rows of the table, and the cookie itself (sections 6.1, 6.9 and 6.11). */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isKey } from "../../backends/django/format/keys.ts";
import { SessionError } from "../../mod.ts";
import { altered, cookieOf, DjangoSite, sign, start } from "../support/django/site.ts";

describe("a Django session in the table", () => {
  it("DJ-015 DX-013 a save makes a record with all that was set", async () => {
    const site = new DjangoSite();
    const session = await site.sessions.open();
    session.set("a", 1);
    assert.equal(session.id, undefined);
    await session.save();
    assert.match(session.id!, /^[a-z0-9]{32}$/);
    assert.equal(await site.json(session.id!), '{"a":1}');
  });

  it("DJ-016 DJ-017 a flushed session's record is gone, its key undefined, and it is new", async () => {
    const site = new DjangoSite();
    const key = await site.begin();
    const session = await site.sessions.open(key);
    await session.flush();
    assert.equal(site.row(key), undefined);
    assert.equal(session.id, undefined);
    assert.equal(session.isEmpty, true);
    await assert.doesNotReject(session.flush(), "a missing record is no error");
  });

  it("DJ-018 DX-015 a cycled key: the old one is dead, the new one has the data and what was not saved yet", async () => {
    const site = new DjangoSite();
    const key = await site.begin();
    const session = await site.sessions.open(key);
    session.set("b", 2);
    session.cycleKey();
    await session.save();
    assert.notEqual(session.id, key);
    assert.equal(site.row(key), undefined);
    assert.equal(await site.json(session.id!), '{"color":"blue","b":2}');
  });

  it("DJ-021 DJ-022 DJ-023 DJ-024 DX-021 a key has at least 8 characters, and no other rule", async () => {
    const site = new DjangoSite();
    for (const key of ["", "1", "1234567"]) {
      assert.equal(isKey(key), false);
      const session = await site.sessions.open(key);
      session.set("a", 1);
      await session.save();
      assert.notEqual(session.id, key);
    }
    for (const key of ["12345678", "Capitals!#$%&'*+-.^_`|~", "x".repeat(200)]) {
      await site.put(key, '{"a":1}');
      assert.equal((await site.sessions.open(key)).get("a"), 1);
      assert.equal(await site.see((session) => session.get("a"), key), 1);
    }
  });

  it("DJ-033 text that is no signed value is an empty session, and an event says so", async () => {
    for (const text of [btoa("flaskdj:alkdjf"), "bad:encoded:value", "", ":", "::", "\u0000", "é:é:é"]) {
      const site = new DjangoSite();
      const key = await site.put("k".repeat(32), { text });
      assert.deepEqual({ ...await site.see((session) => session.toObject(), key) }, {});
      // An empty text is what is left of a session that ended and that others refer to
      assert.deepEqual(site.types(), [text === "" ? "rejected unknown" : "damaged"]);
    }
  });

  it("DJ-036 an unknown key is dropped, and makes no record", async () => {
    const site = new DjangoSite();
    const session = await site.sessions.open("unknown-key-1234");
    assert.equal(session.id, undefined);
    assert.equal(session.get("a"), undefined);
    await site.visit((session) => session.get("a"), "unknown-key-1234");
    assert.equal(site.rows, 0);
  });

  it("DJ-037 a deleted session is not brought back by a save", async () => {
    const site = new DjangoSite();
    const key = await site.begin();
    const session = await site.sessions.open(key);
    await (await site.sessions.open(key)).flush();
    session.set("a", 1);
    await assert.rejects(
      session.save(),
      (error) => error instanceof SessionError && error.code === "ERR_GONE",
    );
    assert.equal(site.rows, 0);
    assert.equal((await site.sessions.open(key)).size, 0);
  });

  it("DX-011 two values are one look at the store", async () => {
    const site = new DjangoSite();
    const key = await site.begin();
    let loads = 0;
    const { store } = site;
    const counting = altered(store, { load: (key) => (loads++, store.load(key)) });
    const sessions = site.other({ store: counting });
    await sessions.wrap(async (request) => {
      const session = await request.session;
      session.get("color");
      session.has("other");
      return new Response();
    })(new Request("https://site.test/", { headers: { cookie: `sessionid=${key}` } }));
    assert.equal(loads, 1);
  });

  it("DX-019 a session that was unknown and then written to gets a key of its own", async () => {
    const site = new DjangoSite();
    const session = await site.sessions.open("unknown-key-1234");
    session.set("a", 1);
    await session.save();
    assert.notEqual(session.id, "unknown-key-1234");
    assert.equal(site.rows, 1);
  });

  it("DX-020 a row is made under a free key, and not under a taken one", async () => {
    const { store } = new DjangoSite();
    const row = { text: "text", expiresAt: start };
    assert.equal(await store.create("a-free-key", row), true);
    assert.equal(await store.create("a-free-key", { ...row, text: "other" }), false);
    assert.equal((await store.load("a-free-key"))?.text, "text");
  });

  it("DX-032 of two sessions opened on the same record, both changes are kept", async () => {
    const site = new DjangoSite();
    const key = await site.begin();
    const [one, other] = [await site.sessions.open(key), await site.other().open(key)];
    one.set("one", 1);
    other.set("other", 2);
    await one.save();
    await other.save();
    assert.equal(await site.json(key), '{"color":"blue","one":1,"other":2}');
  });
});

describe("a Django session in the cookie", () => {
  const site = () => new DjangoSite({}, "signed_cookies");

  it("DX-058 the key is undefined before the first save, and is the cookie afterwards", async () => {
    const here = site();
    let key: string | undefined;
    const answer = await here.visit(async (session) => {
      session.set("a", 1);
      assert.equal(session.id, undefined);
      await session.save();
      key = session.id;
      session.set("a", 2);
      assert.equal(session.id, key, "it does not follow the data");
    });
    assert.notEqual(cookieOf(answer)!.value, key);
  });

  it("DX-059 DX-060 a bad or too old cookie is an empty session; read, it is replaced by one", async () => {
    for (
      const cookie of ["rubbish-of-some-length", await sign('{"a":1}', { engine: "signed_cookies", at: 0 })]
    ) {
      const here = site();
      const answer = await here.visit((session) => assert.equal(session.size, 0), cookie);
      assert.match(cookieOf(answer)!.value, /^e30:/);
    }
  });

  it("DX-061 a cookie from the future is good", async () => {
    const cookie = await sign('{"a":1}', { engine: "signed_cookies", at: start + 3_600_000 });
    assert.equal(await site().see((session) => session.get("a"), cookie), 1);
  });

  it("DX-062 a session's own end is kept to, which Django leaves to the browser", async () => {
    const cookie = await sign('{"_session_expiry":1,"a":1}', {
      engine: "signed_cookies",
      at: start - 1_000_000,
    });
    assert.equal(await site().see((session) => session.get("a"), cookie), undefined);
  });

  it("DX-064 cycling the key signs the same data anew", async () => {
    const here = site();
    const cookie = await here.begin();
    here.clock.now += 5000;
    const next = cookieOf(await here.visit((session) => session.cycleKey(), cookie))!.value;
    assert.notEqual(next, cookie);
    assert.equal(next.split(":")[0], cookie.split(":")[0]);
  });

  it("is not opened from outside a request, and a cookie that browsers would drop is refused", async () => {
    const here = site();
    await assert.rejects(here.sessions.open("x".repeat(32)), { code: "ERR_UNSUPPORTED" });
    await assert.rejects(here.sessions.open(), { code: "ERR_UNSUPPORTED" });
    const noise = crypto.getRandomValues(new Uint8Array(4096)).join();
    await assert.rejects(here.visit((session) => session.set("noise", noise)), { code: "ERR_TOO_LARGE" });
    assert.equal(await here.sessions.clearExpired(), 0);
  });
});
