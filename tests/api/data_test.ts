/** Hostile keys do no harm, and no write is lost in silence (SR-072, SR-073). */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { begin, fails, Site, Visitor } from "../support/fault_rig.ts";

/** Whether any prototype in reach was changed; `run` must leave all of them as they are. */
async function withoutPollution(run: () => Promise<unknown>): Promise<void> {
  const shapes = () =>
    [Object, Array, Function, Map, String].map(({ prototype }) => Reflect.ownKeys(prototype).length);
  const before = shapes();
  await run();
  assert.deepEqual(shapes(), before);
  assert.equal(({} as Record<string, unknown>)["admin"], undefined);
  assert.equal(([] as unknown as Record<string, unknown>)["admin"], undefined);
}

const hostile = [
  '{"__proto__":{"admin":true}}',
  '{"a":{"__proto__":{"admin":true}}}',
  '{"a":{"b":[{"__proto__":{"admin":true}}]}}',
  '{"a":{"b":{"c":{"__proto__":{"admin":true}}}}}',
  '{"constructor":{"prototype":{"admin":true}}}',
  '{"a":{"constructor":{"prototype":{"admin":true}}},"prototype":{"admin":true}}',
  '{"__proto__":null,"hasOwnProperty":1,"toString":2,"valueOf":3}',
  '{"__defineGetter__":1,"__proto__":[{"admin":true}]}',
];

describe("hostile keys", () => {
  for (const text of hostile) {
    it(`SR-072 a record with ${text} reaches no prototype and comes back equal`, () =>
      withoutPollution(async () => {
        const site = new Site();
        const visitor = await begin(site);
        await site.plant(visitor.id, text);
        await visitor.visit((session) => {
          assert.equal(session.get("admin"), undefined);
          assert.equal(session.has("admin"), false);
          const merged = { ...session.toObject(), ...Object.fromEntries(session) };
          assert.equal(merged["admin"], undefined);
          for (const [key, value] of session) session.set(key, value);
          session.assign({ extra: 1 });
          session.delete("extra");
          assert.equal(JSON.stringify(session.toObject()), text);
        });
        await visitor.visit((session) => assert.equal(JSON.stringify(session.toObject()), text));
      }));

    it(`SR-072 submitted data with ${text} reaches no prototype`, () =>
      withoutPollution(async () => {
        const visitor = new Visitor(new Site());
        const body = JSON.parse(text);
        await visitor.visit((session) => {
          session.assign(body);
          for (const key of Object.keys(body)) session.set(key, body[key]);
          session.set("prefs", body);
          assert.equal(session.get("admin"), undefined);
        });
        await visitor.visit((session) => {
          assert.deepEqual([...session.keys()].sort(), [...Object.keys(body), "prefs"].sort());
          assert.equal(JSON.stringify(session.get("prefs")), text);
        });
      }));
  }

  it("SR-072 __proto__ is an ordinary key for every member", () =>
    withoutPollution(async () => {
      const visitor = new Visitor(new Site());
      await visitor.visit((session) => {
        assert.equal(session.get("__proto__"), undefined);
        assert.equal(session.get("constructor"), undefined);
        assert.equal(session.has("toString"), false);
        assert.equal(session.setDefault("__proto__", 1), 1);
        assert.equal(session.update("__proto__", (n) => n + 1), 2);
        assert.equal(session.setDefault("constructor", "mine"), "mine");
      });
      await visitor.visit((session) => {
        assert.equal(session.get("__proto__"), 2);
        assert.deepEqual(Object.keys(session.toObject()), ["__proto__", "constructor"]);
        assert.equal(Object.getPrototypeOf(session.toObject()), null);
        assert.equal(session.pop("__proto__"), 2);
        assert.equal(session.delete("constructor"), true);
        assert.equal(session.size, 0);
      });
    }));

  it("SR-072 a user id or a label that is a hostile name is only a name", async () => {
    const site = new Site();
    for (const name of ["__proto__", "constructor", "toString"]) {
      assert.deepEqual(await site.sessions.list(name), []);
      const visitor = await begin(site, { a: 1 }, name);
      await visitor.visit((session) => session.setLabel(name));
      assert.deepEqual((await site.sessions.list(name)).map(({ label }) => label), [name]);
    }
  });
});

type Session = Parameters<Parameters<Visitor["visit"]>[0]>[0];

describe("nested changes", () => {
  const reaches: Record<string, (session: Session) => { items: unknown[] }> = {
    "get": (session) => session.get("cart"),
    "values()": (session) => [...session.values()][0],
    "entries()": (session) => [...session.entries()][0]![1],
    "iteration": (session) => [...session][0]![1],
    "toObject()": (session) => session.toObject()["cart"],
    "setDefault": (session) => session.setDefault("cart", {}),
    "an update that answers the same object": (session) => session.update("cart", (cart) => cart),
    "set again": (session) => {
      const cart = { items: ["tea"] };
      session.set("cart", cart);
      return cart;
    },
    "assign": (session) => {
      const cart = { items: ["tea"] };
      session.assign({ cart });
      return cart;
    },
  };
  for (const [by, reach] of Object.entries(reaches)) {
    it(`SR-073 what was reached by ${by} and then changed is on the next request`, async () => {
      const visitor = await begin(new Site(), { cart: { items: ["tea"] } });
      await visitor.visit(async (session) => {
        const cart = reach(session);
        await Promise.resolve();
        cart.items.push({ deep: [1] });
      });
      assert.deepEqual(await visitor.data(), { cart: { items: ["tea", { deep: [1] }] } });
      await visitor.visit((session) => void (session.get("cart").items[1].deep[0] = 2));
      assert.deepEqual(await visitor.data(), { cart: { items: ["tea", { deep: [2] }] } });
    });
  }

  it("SR-073 a change after a save in the middle is saved too, and after the next one", async () => {
    const visitor = await begin(new Site(), { list: [1] });
    await visitor.visit(async (session) => {
      const list = session.get("list");
      for (const n of [2, 3]) {
        list.push(n);
        await session.save();
      }
      list.push(4);
    });
    assert.deepEqual(await visitor.data(), { list: [1, 2, 3, 4] });
  });

  it("SR-073 a change in the first request, of what was set there, is saved", async () => {
    const visitor = new Visitor(new Site());
    await visitor.visit((session) => {
      const list: number[] = [];
      session.set("list", list);
      list.push(1);
    });
    assert.deepEqual(await visitor.data(), { list: [1] });
  });

  it("SR-073 a change that was undone is none: nothing is written", async () => {
    const site = new Site();
    const visitor = await begin(site, { list: [1], o: { a: 1 } });
    await visitor.visit((session) => {
      session.get("list").push(2);
      session.get("list").pop();
      session.get("o").a = 1;
    });
    assert.deepEqual(site.store.taken(), ["load"]);
  });

  it("SR-073 an object under two keys is saved under both", async () => {
    const visitor = new Visitor(new Site());
    await visitor.visit((session) => {
      const shared = [1];
      session.assign({ a: shared, b: shared });
      shared.push(2);
    });
    assert.deepEqual(await visitor.data(), { a: [1, 2], b: [1, 2] });
  });

  it("SR-073 what was popped, deleted or replaced is no longer the session's", async () => {
    const visitor = await begin(new Site(), { a: [1], b: [1], c: [1] });
    await visitor.visit((session) => {
      const [a, b, c] = [session.get("a"), session.get("b"), session.get("c")];
      session.pop("a");
      session.delete("b");
      session.set("c", [9]);
      for (const list of [a, b, c]) list.push(2);
    });
    assert.deepEqual(await visitor.data(), { c: [9] });
  });

  it("SR-073 modified notices a nested change", async () => {
    const visitor = await begin(new Site(), { list: [1] });
    await visitor.visit((session) => {
      const list = session.get("list");
      assert.equal(session.modified, false);
      list.push(2);
      assert.equal(session.modified, true);
    });
  });

  it("SR-073 an object that the store handed out is never shared between two requests", async () => {
    const visitor = await begin(new Site(), { list: [1] });
    await visitor.visit(async (session) => {
      session.get("list").push(2);
      await visitor.visit((other) => assert.deepEqual(other.get("list"), [1]));
    });
    assert.deepEqual(await visitor.data(), { list: [1, 2] });
  });
});

describe("after the answer", () => {
  const writes: Record<string, (session: Session) => unknown> = {
    set: (session) => session.set("a", 2),
    delete: (session) => session.delete("a"),
    "delete of what is not there": (session) => session.delete("none"),
    pop: (session) => session.pop("a"),
    setDefault: (session) => session.setDefault("b", 1),
    "setDefault of what is there": (session) => session.setDefault("a", 1),
    update: (session) => session.update("a", () => 2),
    assign: (session) => session.assign({ b: 1 }),
    clear: (session) => session.clear(),
    flush: (session) => session.flush(),
    logout: (session) => session.logout(),
    cycleKey: (session) => session.cycleKey(),
    login: (session) => session.login("eve"),
    save: (session) => session.save(),
    setExpiry: (session) => session.setExpiry(60),
    setTestCookie: (session) => session.setTestCookie(),
    deleteTestCookie: (session) => session.deleteTestCookie(),
    setLabel: (session) => session.setLabel("x"),
  };
  for (const [name, write] of Object.entries(writes)) {
    it(`SR-073 ${name} throws ERR_CLOSED, nothing changes, and reading goes on`, async () => {
      const site = new Site();
      const visitor = await begin(site, { a: 1 });
      let session: Session | undefined;
      await visitor.visit((one) => void (session = one));
      site.store.taken();
      await fails(() => write(session!), "ERR_CLOSED");
      assert.equal(session!.get("a"), 1);
      assert.equal(session!.id, visitor.id);
      assert.deepEqual(site.store.taken(), []);
      assert.deepEqual(await visitor.data(), { a: 1 });
    });
  }

  it("SR-073 a write in a stream's pull throws, and open(session.id) is the way", async () => {
    const site = new Site();
    const visitor = await begin(site, { a: 1 });
    let failure: unknown;
    const response = await visitor.visit((session) => {
      const id = session.id;
      const pull = async (controller: ReadableStreamDefaultController) => {
        failure = await fails(() => session.set("a", 2), "ERR_CLOSED").catch((error) => error);
        await (await site.sessions.open(id)).set("a", 3).save();
        controller.enqueue(new TextEncoder().encode("end"));
        controller.close();
      };
      return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }));
    });
    assert.equal(await response.text(), "end");
    assert.equal((failure as { code?: string }).code, "ERR_CLOSED", String(failure));
    assert.deepEqual(await visitor.data(), { a: 3 });
  });

  it("SR-073 a session that is first asked for after the answer can be read, not written", async () => {
    for (const touched of [false, true]) {
      const site = new Site();
      const visitor = await begin(site, { a: 1 });
      let late: (() => Promise<Session>) | undefined;
      await visitor.send((request) => {
        late = () => request.session;
        return touched ? request.session.then(() => new Response()) : new Response();
      });
      const session = await late!();
      assert.equal(session.get("a"), 1);
      await fails(() => session.set("a", 2), "ERR_CLOSED");
    }
  });

  it("SR-073 holds after an answer that was an error, thrown or refused", async () => {
    const site = new Site();
    const visitor = await begin(site, { a: 1 });
    let session: Session | undefined;
    const work = (one: Session) => {
      session = one;
      throw new Error("the handler's own");
    };
    await assert.rejects(() => visitor.visit(work), /own/);
    await fails(() => session!.set("a", 2), "ERR_CLOSED");
    site.store.fail("reject", "save");
    await visitor.visit((one) => void (session = one.set("a", 2)));
    site.store.heal();
    await fails(() => session!.set("a", 2), "ERR_CLOSED");
    assert.deepEqual(await visitor.data(), { a: 1 });
  });
});
