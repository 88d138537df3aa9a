/** The `schema` option with Valibot, Zod, ArkType and hand-made Standard Schemas. */

import { type } from "arktype";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as v from "valibot";
import { z } from "zod";
import { createSessions, type StandardSchema } from "../../mod.ts";
import { SessionClient } from "../../src/testing.ts";
import { begin, fails, FaultyStore, secrets, Site, Visitor } from "../support/fault_rig.ts";

interface Data {
  visits?: number;
  cart?: string[];
}

const libraries: Record<string, StandardSchema<Data>> = {
  Valibot: v.object({ visits: v.optional(v.number()), cart: v.optional(v.array(v.string())) }) as never,
  Zod: z.object({ visits: z.number().optional(), cart: z.array(z.string()).optional() }) as never,
  ArkType: type({ "visits?": "number", "cart?": "string[]" }) as never,
};

const siteOf = (schema: StandardSchema<any>) => new Site({ schema }); // any: tests hand in schemas of every shape

for (const [name, schema] of Object.entries(libraries)) {
  describe(name, () => {
    it("lets data that fits through, in both directions, and reading writes nothing", async () => {
      const site = siteOf(schema);
      const visitor = await begin(site, { visits: 1, cart: ["tea"] });
      assert.deepEqual(await visitor.data(), { visits: 1, cart: ["tea"] });
      await visitor.visit((session) => session.get("cart"));
      assert.deepEqual(site.store.taken(), ["load", "load"]);
      await visitor.visit((session) => session.get("cart").push("milk"));
      assert.deepEqual(await visitor.data(), { visits: 1, cart: ["tea", "milk"] });
    });

    it("gives a fresh session for stored data that does not fit: an event, a new id at the first write, the old record stays", async () => {
      const site = siteOf(schema);
      const visitor = await begin(site, { visits: 1 }, "ada");
      const { id, cookie } = visitor;
      const planted = await site.plant(id, '{"visits":"many"}');
      const read = await visitor.visit((session) =>
        [session.size, session.userId, session.id, session.isNew].join()
      );
      assert.equal(await read.text(), "0,,,true");
      assert.deepEqual(read.headers.getSetCookie(), []);
      assert.deepEqual(site.eventTypes(), ["invalid"]);
      assert.equal(visitor.cookie, cookie);
      await visitor.visit((session) => session.set("visits", 5));
      assert.notEqual(visitor.id, id);
      assert.deepEqual(await visitor.data(), { visits: 5 });
      assert.deepEqual((await site.stored(id)).record, planted);
      assert.equal((await site.sessions.open(id)).id, undefined);
    });

    it("refuses at the commit what does not fit, and what was stored stays", async () => {
      const site = siteOf(schema);
      const visitor = await begin(site, { visits: 1, cart: ["tea"] });
      const before = await site.stored(visitor.id);
      for (const data of [{ visits: "many" }, { cart: [1] }, { cart: null }]) {
        await fails(() => visitor.visit((session) => session.assign(data)), "ERR_SERIALIZE");
      }
      await fails(() => visitor.visit((session) => session.get("cart").push(5)), "ERR_SERIALIZE");
      await fails(async () => {
        const session = await site.sessions.open(visitor.id);
        await session.set("visits", "many").save();
      }, "ERR_SERIALIZE");
      assert.deepEqual(await site.stored(visitor.id), before);
    });

    it("lets a visitor log in, cycle, clear and log out", async () => {
      const site = siteOf(schema);
      const visitor = new Visitor(site);
      for (const step of ["login", "cycleKey", "clear"] as const) {
        const response = await visitor.visit((session) =>
          step === "login" ? session.login("ada") : session[step]()
        );
        assert.equal(response.status, 200, step);
      }
      assert.equal((await visitor.visit((session) => session.flush())).status, 200);
      assert.equal(site.store.inner.size, 0);
    });
  });
}

describe("a schema's output", () => {
  it("is what the handler sees: defaults, transforms, what is stripped", async () => {
    const schemas: StandardSchema<any>[] = [ // any: as above
      z.object({
        theme: z.string().default("light"),
        name: z.string().transform((name) => name.trim()).optional(),
      }),
      v.object({
        theme: v.optional(v.string(), "light"),
        name: v.optional(v.pipe(v.string(), v.trim())),
      }) as never,
      type({ theme: "string = 'light'", "name?": "string.trim", "+": "delete" }) as never,
    ];
    for (const schema of schemas) {
      const site = siteOf(schema);
      const visitor = await begin(site, { theme: "dark" });
      const planted = await site.plant(visitor.id, '{"name":" Ada ","old":1}');
      assert.deepEqual(await visitor.data(), { theme: "light", name: "Ada" });
      assert.deepEqual((await site.stored(visitor.id)).record, planted);
      assert.deepEqual(site.store.taken(), ["load"]);
      await visitor.visit((session) => session.set("theme", "blue"));
      assert.deepEqual(await visitor.data(), { theme: "blue", name: "Ada" });
    }
  });

  it("in which something was changed in place is saved", async () => {
    const site = siteOf(z.object({ cart: z.array(z.string()).default(() => []) }));
    const visitor = await begin(site, { cart: ["a"] });
    await site.plant(visitor.id, '{"other":1}');
    await visitor.visit((session) => session.get("cart").push("tea"));
    assert.deepEqual(await visitor.data(), { cart: ["tea"] });
  });
});

describe("a schema of any make", () => {
  const make = (validate: (value: unknown) => unknown): StandardSchema<any> => ({ // any: as above
    "~standard": { version: 1, vendor: "test", validate: validate as never },
  });

  it("may be async", async () => {
    const site = siteOf(make(async (value) => {
      await Promise.resolve();
      return (value as Data).visits === 13 ? { issues: [{ message: "unlucky" }] } : { value };
    }));
    const visitor = await begin(site, { visits: 1 });
    assert.deepEqual(await visitor.data(), { visits: 1 });
    await fails(() => visitor.visit((session) => session.set("visits", 13)), "ERR_SERIALIZE");
    await site.plant(visitor.id, '{"visits":13}');
    assert.deepEqual(await visitor.data(), {});
  });

  const broken: Record<string, (value: unknown) => unknown> = {
    "throws": () => {
      throw new Error("hunter2");
    },
    "rejects": () => Promise.reject(new Error("hunter2")),
    "answers nothing": () => undefined,
    "answers no object": () => ({ value: 5 }),
    "answers null": () => ({ value: null }),
  };
  for (const [what, validate] of Object.entries(broken)) {
    it(`that ${what} says no: nothing crashes, nothing is saved or lost`, async () => {
      const store = new FaultyStore();
      const plain = createSessions({ store, secrets });
      const session = await plain.open();
      await session.set("visits", 1).save();
      const sessions = createSessions({ store, secrets, schema: make(validate) });
      assert.equal((await sessions.open(session.id)).id, undefined);
      const error = await fails(async () => (await sessions.open()).set("a", 1).save(), "ERR_SERIALIZE");
      assert.doesNotMatch(error.message, /hunter2/);
      assert.equal((await plain.open(session.id)).get("visits"), 1);
    });
  }

  it("is not asked about a session that holds nothing, nor for a request that does not use it", async () => {
    let asked = 0;
    const site = siteOf(make((value) => (asked++, { value })));
    const visitor = new Visitor(site);
    await visitor.visit((session) => session.size);
    await visitor.send(() => new Response());
    assert.equal(asked, 0);
  });

  it("that changes what it is given does not change what is stored", async () => {
    const site = siteOf(make((value) => {
      (value as Record<string, unknown>)["injected"] = 1;
      return { value };
    }));
    const visitor = await begin(site, { a: 1 });
    const { record } = await site.stored(visitor.id);
    assert.equal(record!.data, '{"a":1}');
  });

  it("is asked again when another writer's data came in between: nothing unfit is shown or stored as checked", async () => {
    const site = siteOf(libraries["Zod"]!);
    const visitor = await begin(site, { visits: 1 });
    let seen: unknown;
    await visitor.visit(async (session) => {
      await site.plant(session.id!, '{"visits":"many"}');
      session.set("cart", ["tea"]);
      await session.save();
      seen = session.get("visits");
    }).catch((error) => assert.equal(error.code, "ERR_SERIALIZE"));
    assert.notEqual(seen, "many");
    assert.notEqual((await site.stored(visitor.id)).record!.data, '{"visits":"many","cart":["tea"]}');
  });

  it("gives keys named __proto__ no power", async () => {
    const site = siteOf(z.record(z.string(), z.any()));
    const visitor = await begin(site, { a: 1 });
    await site.plant(visitor.id, '{"__proto__":{"admin":true},"a":2}');
    await visitor.visit((session) => {
      assert.equal(session.get("admin"), undefined);
      assert.equal(session.get("a"), 2);
      assert.equal(Object.getPrototypeOf(session.toObject()), null);
    });
  });

  it("works end to end with the types it gives", async () => {
    const schema = z.object({ visits: z.number().optional() });
    const sessions = createSessions({ store: new FaultyStore(), secrets, schema });
    const client = new SessionClient(sessions.wrap(async (request) => {
      const session = await request.session;
      const visits: number = session.update("visits", (n = 0) => n + 1);
      return new Response(String(visits));
    }));
    await client.fetch("/");
    assert.equal(await (await client.fetch("/")).text(), "2");
  });
});
