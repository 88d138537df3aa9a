/** The session object as Django's own tests want it (sections 6.1 and 6.9 of the specification), over both engines. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { cookieOf, DjangoSite, sign } from "../support/django/site.ts";

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
}

/** A signed cookie that was read and refused is replaced by that of an empty session. */
function tail(engine: string): string[] {
  return engine === "db" ? [] : ["created"];
}
