/** The session object as Django's own tests want it (sections 6.1 and 6.9 of the specification), over both engines. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isKey } from "../backends/django/keys.ts";
import { SessionError } from "../mod.ts";
import { altered, cookieOf, DjangoSite, sign, start, twoWeeks } from "./django/site.ts";

for (const engine of ["db", "signed_cookies"] as const) {
  /** A site, and a cookie of a session that holds `color`. */
  const begun = async () => {
    const site = new DjangoSite({}, engine);
    return { site, cookie: await site.begin() };
  };
  const flags = (session: { accessed: boolean; modified: boolean }) => ({
    accessed: session.accessed,
    modified: session.modified,
  });

  describe(`a Django session, ${engine}`, () => {
    it("DJ-001 DJ-084 a new one is neither accessed nor modified, and empty", async () => {
      const site = new DjangoSite({}, engine);
      await site.visit((session) => {
        assert.deepEqual(flags(session), { accessed: false, modified: false });
        assert.equal(session.isEmpty, true);
        assert.equal(session.isNew, true);
        assert.equal(session.id, undefined);
      });
    });

    it("DJ-002 DX-001 an absent key gives undefined or the fallback, and counts as access only", async () => {
      const site = new DjangoSite({}, engine);
      await site.visit((session) => {
        assert.equal(session.get("absent"), undefined);
        assert.equal(session.get("absent", 7), 7);
        assert.deepEqual(flags(session), { accessed: true, modified: false });
      });
    });

    it("DJ-003 DJ-004 what is set can be popped, and both modify", async () => {
      const site = new DjangoSite({}, engine);
      await site.visit((session) => {
        session.set("cat", "dog");
        assert.equal(session.modified, true);
        assert.equal(session.pop("cat"), "dog");
        assert.equal(session.get("cat"), undefined);
      });
      await site.visit((session) => {
        assert.equal(session.pop("color"), "blue");
        assert.deepEqual(flags(session), { accessed: true, modified: true });
      }, await site.begin());
    });

    it("DJ-005 popping an absent key gives the default and does not modify", async () => {
      const site = new DjangoSite({}, engine);
      await site.visit((session) => {
        assert.equal(session.pop("absent", "does not exist"), "does not exist");
        assert.deepEqual(flags(session), { accessed: true, modified: false });
      });
    });

    it("DJ-008 DX-006 setDefault keeps the first value, and finding it does not modify", async () => {
      const { site, cookie } = await begun();
      await site.visit((session) => {
        assert.equal(session.setDefault("color", "red"), "blue");
        assert.equal(session.modified, false);
        assert.equal(session.setDefault("foo", "bar"), "bar");
        assert.equal(session.setDefault("foo", "baz"), "bar");
        assert.deepEqual(flags(session), { accessed: true, modified: true });
      }, cookie);
    });

    it("DJ-009 several values are set at once", async () => {
      const site = new DjangoSite({}, engine);
      await site.visit((session) => {
        session.assign({ "update key": 1 });
        assert.deepEqual(flags(session), { accessed: true, modified: true });
        assert.equal(session.get("update key"), 1);
      });
    });

    it("DJ-010 DJ-011 DJ-012 DJ-013 asking for keys, values and items is access only", async () => {
      const { site, cookie } = await begun();
      for (
        const [ask, answer] of [
          [(session) => session.has("color"), true],
          [(session) => [...session.values()], ["blue"]],
          [(session) => [...session.keys()], ["color"]],
          [(session) => [...session.entries()], [["color", "blue"]]],
        ] as [Parameters<typeof site.see>[0], unknown][]
      ) {
        await site.visit(async (session) => {
          assert.deepEqual(await ask(session), answer);
          assert.deepEqual(flags(session), { accessed: true, modified: false });
        }, cookie);
      }
      assert.deepEqual(await site.see((session) => [...session.values()]), []);
    });

    it("DJ-014 clearing leaves no items and modifies", async () => {
      const { site, cookie } = await begun();
      await site.visit((session) => {
        session.clear();
        assert.deepEqual([...session.entries()], []);
        assert.deepEqual(flags(session), { accessed: true, modified: true });
      }, cookie);
    });

    it("DJ-020 saving keeps the data in the object", async () => {
      const site = new DjangoSite({}, engine);
      await site.visit(async (session) => {
        session.set("a", "b");
        await session.save();
        assert.equal(session.get("a"), "b");
      });
    });

    it("DJ-025 the key is read-only", async () => {
      await new DjangoSite({}, engine).visit((session) => {
        assert.throws(() => ((session as { id: unknown }).id = "key"), TypeError);
      });
    });

    it("DJ-032 DJ-019 data comes back on the next visit, also under a new key", async () => {
      const site = new DjangoSite({}, engine);
      const data = { a: "test key", "ü": ["é", { "10": 1, "9": null }], big: 2n ** 70n, f: 0.1 };
      const cookie = await site.begin((session) => session.assign(data));
      assert.deepEqual({ ...await site.see((session) => session.toObject(), cookie) }, data);
      const cycled = cookieOf(await site.visit((session) => session.cycleKey(), cookie))!;
      assert.deepEqual({ ...await site.see((session) => session.toObject(), cycled.value) }, data);
    });

    it("DJ-034 DJ-074 a good signature over what is no session gives an empty session, no error and an event", async () => {
      for (const json of ["", "{", "[]", "7", "null", '"text"', "{'a':1}"]) {
        const site = new DjangoSite({}, engine);
        const text = await sign(json, { engine });
        const cookie = engine === "db" ? await site.put("k".repeat(32), { text }) : text;
        assert.deepEqual({ ...await site.see((session) => session.toObject(), cookie) }, {});
        assert.deepEqual(site.types(), [engine === "db" ? "damaged" : "rejected malformed", ...tail(engine)]);
      }
    });

    it("DJ-035 DJ-073 a session whose own end is over is not there", async () => {
      const { site, cookie } = await begun();
      const short = cookieOf(await site.visit((session) => session.setExpiry(10), cookie))!.value;
      site.clock.now += 9000;
      assert.equal(await site.see((session) => session.get("color"), short), "blue");
      site.clock.now += 2000;
      assert.equal(await site.see((session) => session.get("color"), short), undefined);
    });

    it("DJ-083 DX-029 the test cookie works, and is gone when it is deleted", async () => {
      const site = new DjangoSite({}, engine);
      const cookie = await site.begin((session) => session.setTestCookie());
      assert.equal(await site.see((session) => session.get("testcookie"), cookie), "worked");
      assert.equal(await site.see((session) => session.testCookieWorked(), cookie), true);
      await site.visit((session) => {
        session.deleteTestCookie();
        assert.equal(session.has("testcookie"), false);
        assert.equal(session.modified, true);
        assert.doesNotThrow(() => session.deleteTestCookie(), "the second deletion is no error here");
      }, cookie);
    });

    it("DX-003 DX-004 an equal value modifies, deleting an absent key does not", async () => {
      const { site, cookie } = await begun();
      await site.visit((session) => {
        assert.equal(session.delete("absent"), false);
        assert.equal(session.modified, false);
        session.set("color", "blue");
        assert.equal(session.modified, true);
      }, cookie);
    });

    it("DX-007 what is changed in place is saved, which Django does not see", async () => {
      const site = new DjangoSite({}, engine);
      const cookie = await site.begin((session) => session.set("list", [1]));
      const next = cookieOf(await site.visit((session) => session.get("list").push(2), cookie))!.value;
      assert.deepEqual(await site.see((session) => session.get("list"), next), [1, 2]);
    });

    it("DX-012 saving an unmodified session leaves it unmodified", async () => {
      const { site, cookie } = await begun();
      const answer = await site.visit(async (session) => {
        await session.save();
        assert.deepEqual(flags(session), { accessed: true, modified: false });
      }, cookie);
      assert.equal(cookieOf(answer), undefined);
    });

    it("DX-030 DX-031 rubbish that is signed is empty; a listed older key is good, another is not", async () => {
      const old = "an older key";
      const text = await sign('{"a":1}', { engine, key: old });
      for (const [fallbacks, data] of [[[old], { a: 1 }], [["yet another"], {}], [[], {}]] as const) {
        const site = new DjangoSite({ secretKeyFallbacks: fallbacks }, engine);
        const cookie = engine === "db" ? await site.put("k".repeat(32), { text }) : text;
        assert.deepEqual({ ...await site.see((session) => session.toObject(), cookie) }, data);
      }
    });

    it("the next write signs anew what an older key has signed", async () => {
      const text = await sign('{"a":1}', { engine, key: "older" });
      const site = new DjangoSite({ secretKeyFallbacks: ["older"] }, engine);
      const cookie = engine === "db" ? await site.put("k".repeat(32), { text }) : text;
      const next = cookieOf(await site.visit((session) => session.set("b", 2), cookie))!.value;
      const strict = site.other({ secretKeyFallbacks: [] });
      let seen: unknown;
      await strict.wrap(async (request) => {
        seen = { ...(await request.session).toObject() };
        return new Response();
      })(new Request("https://site.test/", { headers: { cookie: `sessionid=${next}` } }));
      assert.deepEqual(seen, { a: 1, b: 2 });
    });
  });

  describe(`the expiry of a Django session, ${engine}`, () => {
    const fresh = async (work: Parameters<DjangoSite["visit"]>[0], changes = {}) => {
      const site = new DjangoSite(changes, engine);
      let failure: unknown;
      await site.visit(async (session, request) => {
        try {
          await work!(session, request);
        } catch (error) {
          failure = error;
        }
      });
      if (failure !== undefined) throw failure;
    };

    it("DJ-026 DJ-030 is the cookie age by default, after 0, and after it was taken back", () =>
      fresh((session) => {
        assert.equal(session.getExpiryAge(), twoWeeks);
        session.setExpiry(0);
        assert.equal(session.getExpiryAge(), twoWeeks);
        session.setExpiry(null);
        session.setExpiry(10);
        session.setExpiry(null);
        assert.equal(session.getExpiryAge(), twoWeeks);
        assert.equal(session.has("_session_expiry"), false);
      }));

    it("DJ-027 DX-023 seconds count from the modification, and may have a fraction", () =>
      fresh((session) => {
        session.setExpiry(10);
        const modification = new Date(start - 50_000);
        assert.deepEqual(session.getExpiryDate({ modification }), new Date(start - 40_000));
        assert.equal(session.getExpiryAge({ modification }), 10);
        assert.equal(session.get("_session_expiry"), 10, "it is in the data");
        session.setExpiry(1.5);
        assert.equal(session.getExpiryAge(), 1.5);
      }));

    it("DJ-028 DJ-029 DX-024 DX-028 a date is kept as ISO text with an offset; ages are rounded down", () =>
      fresh((session) => {
        const end = new Date(start + 10_000);
        session.setExpiry(end);
        assert.equal(session.get("_session_expiry"), "2027-01-15T08:00:10+00:00");
        assert.deepEqual(session.getExpiryDate(), end);
        assert.equal(session.getExpiryAge(), 10);
        session.setExpiry(new Date(start + 1900));
        assert.equal(session.get("_session_expiry"), "2027-01-15T08:00:01.900000+00:00");
        assert.equal(session.getExpiryAge(), 1);
        assert.equal(session.getExpiryAge({ expiry: new Date(start - 500) }), -1);
      }));

    it("DJ-031 browser close: the setting, unless the session has an expiry of its own", async () => {
      for (const setting of [false, true]) {
        await fresh((session) => {
          assert.equal(session.getExpireAtBrowserClose(), setting);
          session.setExpiry(10);
          assert.equal(session.getExpireAtBrowserClose(), false);
          session.setExpiry(0);
          assert.equal(session.getExpireAtBrowserClose(), true);
          session.setExpiry(null);
          assert.equal(session.getExpireAtBrowserClose(), setting);
        }, { sessionExpireAtBrowserClose: setting });
      }
    });

    it("DJ-045 another cookie age is another default", () =>
      fresh((session) => {
        assert.equal(session.getExpiryAge(), 86_400);
        session.setExpiry(10);
        session.setExpiry(null);
        assert.equal(session.getExpiryAge(), 86_400);
      }, { sessionCookieAge: 86_400 }));

    it("DX-022 a negative number lies before the modification", () =>
      fresh((session) => {
        session.setExpiry(-5);
        assert.equal(session.getExpiryAge(), -5);
        assert.deepEqual(session.getExpiryDate({ modification: start }), new Date(start - 5000));
      }));

    it("DX-025 taking back the own expiry removes it from the data", async () => {
      const site = new DjangoSite({}, engine);
      const cookie = await site.begin((session) => {
        session.set("a", 1);
        session.setExpiry(60);
      });
      await site.visit((session) => {
        assert.deepEqual([...session.keys()], ["a", "_session_expiry"]);
        session.setExpiry(null);
        assert.equal(session.modified, true);
        assert.deepEqual([...session.keys()], ["a"]);
      }, cookie);
    });

    it("DX-027 an end right now is an end, and no browser close", () =>
      fresh((session) => {
        session.setExpiry(new Date(start));
        assert.equal(session.getExpiryAge(), 0);
        assert.equal(session.getExpireAtBrowserClose(), false);
        assert.equal(session.get("_session_expiry"), "2027-01-15T08:00:00+00:00");
      }));

    it("what other sites wrote as expiry is understood, and rubbish is none", async () => {
      for (
        const [text, end] of [
          ["2027-01-15T08:01:00Z", start + 60_000],
          ["2027-01-15T09:01:00.500+01:00", start + 60_500],
          ["2027-01-15 08:01:00", start + 60_000],
          ["tomorrow", start + twoWeeks * 1000],
          [true, start + twoWeeks * 1000],
          [null, start + twoWeeks * 1000],
        ] as const
      ) {
        await fresh((session) => {
          session.set("_session_expiry", text);
          assert.deepEqual(session.getExpiryDate(), new Date(end));
        });
      }
    });
  });
}

/** A signed cookie that was read and refused is replaced by that of an empty session. */
function tail(engine: string): string[] {
  return engine === "db" ? [] : ["created"];
}

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
      assert.deepEqual(site.types(), ["damaged"]);
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
