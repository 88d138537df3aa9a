/** What the `schema` leaves out is carried along, and a session that does not fit it can be logged out. */

import { type } from "arktype";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as v from "valibot";
import { z } from "zod";
import { djangoSessions } from "../../backends/django.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { type Codec, createSessions, type StandardSchema } from "../../mod.ts";
import { begin as beginAt, type Browser as Guest, Site as Staged } from "../support/commit_rig.ts";
import { overEveryStore } from "../support/every_store.ts";
import { begin, fails, keyOf, secrets, Site, type Visitor } from "../support/fault_rig.ts";

type Any = StandardSchema<any>; // any: schemas of every shape

/** What release 1 knows, of which release 2 stores more. */
const releases: Record<string, Any> = {
  Zod: z.object({
    visits: z.number().optional(),
    user: z.object({ name: z.string() }).optional(),
    tags: z.array(z.object({ id: z.number() })).optional(),
  }),
  Valibot: v.object({
    visits: v.optional(v.number()),
    user: v.optional(v.object({ name: v.string() })),
    tags: v.optional(v.array(v.object({ id: v.number() }))),
  }) as never,
  ArkType: type({
    "+": "delete",
    "visits?": "number",
    "user?": { "+": "delete", name: "string" },
    "tags?": type({ "+": "delete", id: "number" }).array(),
  }) as never,
};

const newer = {
  visits: 1,
  cart: ["tea", { kind: "milk" }],
  user: { name: "Ada", email: "ada@ex\u00e4mple.org" },
  tags: [{ id: 1, colour: "red" }],
  "__proto__x": null,
};

for (const [name, schema] of Object.entries(releases)) {
  overEveryStore(`what ${name} leaves out`, (site) => {
    it("is carried along when a value is changed, and the session shows what the schema shows", async () => {
      const browser = await site.begin(newer, site.make());
      const sessions = site.make({ schema });
      await browser.see((session) => {
        assert.equal(session.update("visits", (n = 0) => n + 1), 2);
        assert.deepEqual([...session.keys()].toSorted(), ["tags", "user", "visits"]);
        assert.deepEqual([session.size, session.has("cart"), session.get("cart")], [3, false, undefined]);
        assert.deepEqual(session.get("user"), { name: "Ada" });
        assert.deepEqual(session.get("tags"), [{ id: 1 }]);
      }, { sessions });
      assert.deepEqual(await browser.data({ sessions: site.make() }), { ...newer, visits: 2 });
    });

    it("goes where the handler changes what it was left out of, and only there", async () => {
      const browser = await site.begin(newer, site.make());
      const sessions = site.make({ schema });
      await browser.see((session) => void (session.get("user").name = "Eve"), { sessions });
      const user = { name: "Eve" };
      assert.deepEqual(await browser.data({ sessions: site.make() }), { ...newer, user });
      await browser.see((session) => void session.delete("tags"), { sessions });
      const { tags: _, ...others } = newer;
      assert.deepEqual(await browser.data({ sessions: site.make() }), { ...others, user });
    });

    it("goes with clear, with a log-in as somebody else, and with the session", async () => {
      for (const step of ["clear", "login", "flush"] as const) {
        const browser = await site.begin({ cart: ["tea"] }, site.make());
        await browser.see((session) => session.login("ada"), { sessions: site.make() });
        const sessions = site.make({ schema });
        await browser.see((session) => {
          assert.ok(session.isEmpty);
          return step === "login" ? session.login("eve") : session[step]();
        }, { sessions });
        assert.deepEqual(await browser.data({ sessions: site.make() }), {}, step);
      }
    });

    it("stays through a log-in, a new id and the session's own expiry", async () => {
      const browser = await site.begin(newer, site.make());
      const sessions = site.make({ schema });
      await browser.see((session) => session.login("ada"), { sessions });
      await browser.see((session) => session.cycleKey(), { sessions });
      await browser.see((session) => session.setExpiry(5_000), { sessions });
      await browser.see((session) => void session.set("visits", 2).set("visits", 3), { sessions });
      assert.deepEqual(await browser.data({ sessions: site.make() }), { ...newer, visits: 3 });
    });
  });

  describe(`with ${name}, beside a newer release`, () => {
    const both = async (data: Record<string, unknown>) => {
      const site = new Staged(undefined, { schema });
      const other = new Staged(site.store.inner, {}, site.clock);
      const browser = await beginAt(other, data);
      return { older: browser.twin(site), newer: browser };
    };
    const dataOf = async (guest: Guest) => {
      let data: unknown;
      await guest.visit((session) => void (data = { ...session.toObject() }));
      return data;
    };

    it("a save that meets its changes keeps them, whatever the schema thinks of them", async () => {
      const { older, newer } = await both({ visits: 1, cart: ["tea"] });
      await older.visit(async (session) => {
        session.update("visits", (n = 0) => n + 1);
        await newer.visit((session) => {
          session.get("cart").push("milk");
          session.set("user", { name: "Ada", email: "a@b" }).update("visits", (n) => n + 10);
        });
        await session.save();
        assert.deepEqual({ ...session.toObject() }, { visits: 12, user: { name: "Ada" } });
        session.update("visits", (n = 0) => n + 1);
      });
      assert.deepEqual(await dataOf(newer), {
        visits: 13,
        cart: ["tea", "milk"],
        user: { name: "Ada", email: "a@b" },
      });
    });

    it("a clear that meets its changes clears all", async () => {
      const { older, newer } = await both({ cart: ["tea"] });
      await older.visit(async (session) => {
        session.clear();
        await newer.visit((session) => void session.set("more", 1));
      });
      assert.deepEqual(await dataOf(newer), {});
    });

    it("ten saves in one request keep it", async () => {
      const { older, newer } = await both({ cart: ["tea"], visits: 0 });
      await older.visit(async (session) => {
        for (let i = 0; i < 10; i++) await session.set("visits", session.get("visits") + 1).save();
      });
      assert.deepEqual(await dataOf(newer), { cart: ["tea"], visits: 10 });
    });
  });
}

describe("a record under a schema", () => {
  const storedBy = async (
    schema: Any,
    data: string,
    work: Parameters<Visitor["visit"]>[0],
    codec?: Codec,
  ) => {
    const site = new Site({ schema, ...codec && { codec } });
    const visitor = await begin(site, { a: 1 });
    await site.plant(visitor.id, data);
    const { status } = await visitor.visit(work);
    assert.equal(status, 200);
    return (await site.stored(visitor.id)).record!.data;
  };

  it("is what was stored and what this request changed: no default and no transform goes in by itself", async () => {
    const schema = z.looseObject({
      name: z.string().transform((name) => name.trim()).optional(),
      theme: z.string().default("light"),
      n: z.coerce.number().optional(),
    });
    const data = '{"n":"5","name":" Ada ","z":[1]}';
    assert.equal(
      await storedBy(schema, data, (session) => session.set("a", 2).size),
      `${data.slice(0, -1)},"a":2}`,
    );
    const named = await storedBy(schema, data, (session) => session.update("name", (name) => `${name}!`));
    assert.equal(named, '{"n":"5","name":"Ada!","z":[1]}');
    const themed = await storedBy(schema, data, (session) => session.set("theme", session.get("theme")).size);
    assert.equal(themed, `${data.slice(0, -1)},"theme":"light"}`);
  });

  it("keeps what a schema makes something else of that the codec cannot carry", async () => {
    const schema = z.object({ when: z.coerce.date().optional(), n: z.number().optional() });
    const data = '{"when":"2027-01-15T08:00:00.000Z"}';
    const stored = await storedBy(schema, data, (session) => {
      assert.equal(session.get("when").getTime(), 1_800_000_000_000);
      session.set("n", 1);
    });
    assert.equal(stored, `${data.slice(0, -1)},"n":1}`);
  });

  it("is not harmed by a schema that changes what it is given", async () => {
    const strip: Any = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate(value) {
          const data = value as Record<string, { email?: string } | undefined>;
          delete data["user"]?.email;
          delete data["cart"];
          return { value: data };
        },
      },
    };
    const data = '{"user":{"email":"a@b","name":"Ada"},"cart":[1]}';
    const stored = await storedBy(strip, data, (session) => {
      assert.deepEqual({ ...session.toObject() }, { user: { name: "Ada" } });
      session.set("n", 1);
    });
    assert.equal(stored, `${data.slice(0, -1)},"n":1}`);
  });

  it("goes through a codec of one's own", async () => {
    const codec: Codec = {
      encode: (data) => btoa(JSON.stringify(data)),
      decode: (text) => JSON.parse(atob(text)),
    };
    const data = btoa('{"visits":1,"cart":["tea"]}');
    const stored = await storedBy(releases["Zod"]!, data, (session) => session.set("visits", 2).size, codec);
    assert.equal(atob(stored), '{"visits":2,"cart":["tea"]}');
  });

  it("counts as a whole for maxBytes, and what is refused changes nothing", async () => {
    const site = new Site({ schema: releases["Zod"]!, maxBytes: 60 });
    const visitor = await begin(site, { visits: 1 });
    const planted = await site.plant(visitor.id, `{"cart":"${"x".repeat(60)}"}`);
    await fails(() => visitor.visit((session) => session.set("visits", 2)), "ERR_TOO_LARGE");
    assert.deepEqual((await site.stored(visitor.id)).record, planted);
    await visitor.visit((session) => session.clear());
    await visitor.visit((session) => session.set("visits", 2));
    assert.deepEqual(await visitor.data(), { visits: 2 });
  });
});

describe("a schema over sessions shared with Django", () => {
  it("need not know who is logged in there: Django's own keys stay", async () => {
    const options = { secretKey: "s".repeat(50), engine: "signed_cookies" } as const;
    const plain = djangoSessions(options);
    const checked = djangoSessions({ ...options, schema: z.object({ n: z.number().optional() }) as never });
    let cookie = "";
    const visit = async (sessions: typeof plain, work: Parameters<Visitor["visit"]>[0]) => {
      const request = new Request("https://site.test/", { headers: { cookie } });
      const response = await sessions.wrap(async (request) => {
        await work(await request.session as never, request as never);
        return new Response();
      })(request);
      for (const field of response.headers.getSetCookie()) cookie = field.split(";", 1)[0]!;
    };
    await visit(plain, (session) => {
      session.login("42", { backend: "django.contrib.auth.backends.ModelBackend", hash: "h" });
      session.set("_language", "de").setExpiry(9_000);
    });
    await visit(checked, (session) => {
      assert.deepEqual([session.userId, session.size, session.getExpiryAge()], ["42", 0, 9_000]);
      session.set("n", 1);
    });
    await visit(plain, (session) => {
      assert.deepEqual([session.userId, session.getExpiryAge()], ["42", 9_000]);
      assert.deepEqual([session.get("n"), session.get("_language")], [1, "de"]);
    });
    await visit(checked, (session) => session.clear());
    await visit(plain, (session) => assert.equal(session.userId, undefined));
  });
});

const strict: Any = z.strictObject({ visits: z.number() });

overEveryStore("a session that does not fit the schema", (site) => {
  for (const how of ["flush", "logout"] as const) {
    it(`ends with ${how}: the record is gone, the cookie is cleared`, async () => {
      const browser = await site.begin({ visits: "many" }, site.make());
      await browser.see((session) => session.login("ada"), { sessions: site.make() });
      const { header } = browser;
      const sessions = site.make({ schema: strict });
      site.events.length = 0;
      await browser.see(async (session) => {
        assert.ok(session.isEmpty && session.isNew);
        await session[how]();
      }, { sessions });
      assert.equal(browser.header, "");
      assert.deepEqual(site.events.map(({ type }) => type), ["invalid", "ended"]);
      assert.deepEqual(await browser.data({ header, sessions: site.make() }), {});
      if (site.lists) assert.deepEqual(await site.sessions.list("ada"), []);
    });
  }

  it("ends also when the handler has begun a new one, which ends too", async () => {
    const browser = await site.begin({ visits: "many" }, site.make());
    const { header } = browser;
    const sessions = site.make({ schema: strict });
    let id = "";
    await browser.see(async (session) => {
      session.set("visits", 1);
      if (site.isHeld) await session.save();
      id = session.id ?? "";
      await session.flush();
    }, { sessions });
    assert.equal(browser.header, "");
    assert.deepEqual(await browser.data({ header, sessions: site.make() }), {});
    if (site.isHeld) assert.equal((await site.sessions.open(id)).id, undefined);
  });
});

describe("a session that cannot be shown", () => {
  it("ends outside a request, too", async () => {
    const store = new MemoryStore();
    const session = await createSessions({ store, secrets }).open();
    await session.set("visits", "many").save();
    const hidden = await createSessions({ store, secrets, schema: strict }).open(session.id);
    assert.equal(hidden.id, undefined);
    await hidden.flush();
    assert.equal(store.size, 0);
  });

  it("ends though its text is damaged", async () => {
    const site = new Site();
    const visitor = await begin(site, { a: 1 });
    await site.plant(visitor.id, "{broken");
    const { headers } = await visitor.visit((session) => session.logout());
    assert.match(headers.getSetCookie()[0]!, /; Max-Age=0/);
    assert.equal(site.store.inner.size, 0);
  });

  it("stays when the store fails, the log-out says so, and is done when it is tried again", async () => {
    const site = new Site({ schema: strict });
    const visitor = await begin(site, { visits: 1 });
    const { cookie, id } = visitor;
    const planted = await site.plant(visitor.id, '{"visits":"many"}');
    site.store.before = (method) =>
      method === "delete" ? Promise.reject(new Error("down")) : Promise.resolve();
    const refused = await visitor.visit((session) => session.logout());
    assert.deepEqual([refused.status, visitor.cookie], [503, cookie]);
    assert.deepEqual((await site.stored(id)).record, planted);
    const { status } = await visitor.visit(async (session) => {
      session.set("visits", 7);
      await fails(() => session.logout(), "ERR_STORE");
      assert.deepEqual([session.get("visits"), session.isNew], [7, true], "as it was");
      site.store.before = undefined;
      await session.logout();
      assert.ok(session.isEmpty);
    });
    assert.deepEqual([status, visitor.cookie, site.store.inner.size], [200, undefined, 0]);
    assert.equal(site.store.inner.load(await keyOf(id)), undefined);
  });
});
