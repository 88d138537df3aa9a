import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import { begin, type Browser, gate, Site, stores, turn, withoutTouch } from "../support/commit_rig.ts";

/** Changes a session as another process would, in between. */
async function elsewhere(browser: Browser, work: Parameters<Browser["visit"]>[0]): Promise<void> {
  const { status } = await browser.twin(browser.site.other()).visit(work);
  assert.equal(status, 200);
}

async function dataOf(browser: Browser): Promise<Record<string, unknown>> {
  let data: Record<string, unknown> = {};
  await browser.twin().visit((session) => void (data = { ...session.toObject() }));
  return data;
}

const push = (key: string, what: string): Parameters<Browser["visit"]>[0] => (session) =>
  session.get(key).push(what);

for (const { name, open } of stores) {
  describe(`what was changed after a save that met others' changes, on ${name}`, () => {
    const fresh = async (data?: Record<string, unknown>) => await begin(new Site(await open()), data);

    it("an object that was only read does not bring back what it held before others changed it", async () => {
      const browser = await fresh({ cart: ["tea"], n: 0 });
      const { status } = await browser.visit(async (session) => {
        session.get("cart");
        session.set("n", 1);
        await elsewhere(browser, push("cart", "milk"));
        await session.save();
        session.set("m", 1);
      });
      assert.equal(status, 200);
      assert.deepEqual(await dataOf(browser), { cart: ["tea", "milk"], n: 1, m: 1 });
    });

    it("a session opened for long does not bring back what it once read", async () => {
      const browser = await fresh({ cart: ["tea"], n: 0 });
      const session = await browser.site.sessions.open(await browser.id());
      session.get("cart");
      for (const what of ["milk", "bread", "salt"]) {
        await elsewhere(browser, push("cart", what));
        session.update("n", (n) => n + 1);
        await session.save();
        session.update("n", (n) => n + 1);
        await session.save();
      }
      assert.deepEqual(await dataOf(browser), { cart: ["tea", "milk", "bread", "salt"], n: 6 });
    });

    it("an update with an object as its result keeps what others put in, through a second save", async () => {
      const browser = await fresh({ cart: ["tea"], n: 0 });
      await browser.visit(async (session) => {
        session.update("cart", (cart) => [...cart, "mine"]);
        await elsewhere(browser, push("cart", "theirs"));
        await session.save();
        session.set("n", 1);
      });
      assert.deepEqual(await dataOf(browser), { cart: ["tea", "theirs", "mine"], n: 1 });
    });

    it("an update that changes its object in place is applied once to the fresh one", async () => {
      const browser = await fresh({ cart: ["tea"] });
      await browser.visit(async (session) => {
        session.update("cart", (cart) => (cart.push("mine"), cart));
        await elsewhere(browser, push("cart", "theirs"));
        await session.save();
        await session.save();
      });
      assert.deepEqual(await dataOf(browser), { cart: ["tea", "theirs", "mine"] });
    });

    it("two updates around a save that met a conflict count once each", async () => {
      const browser = await fresh({ n: 0 });
      await browser.visit(async (session) => {
        session.update("n", (n) => n + 1);
        await elsewhere(browser, (session) => session.update("n", (n) => n + 10));
        await session.save();
        assert.equal(session.get("n"), 11, "after a save the session shows what was saved");
        session.update("n", (n) => n + 1);
        await elsewhere(browser, (session) => session.update("n", (n) => n + 10));
      });
      assert.deepEqual(await dataOf(browser), { n: 22 });
    });

    it("updates made while a merging save runs are applied once, on what was merged", async () => {
      const browser = await fresh({ n: 0 });
      const { store } = browser.site;
      await browser.visit(async (session) => {
        session.update("n", (n) => n + 1);
        await elsewhere(browser, (session) => session.update("n", (n) => n + 10));
        store.before = turn;
        const saving = session.save();
        session.update("n", (n) => n + 100);
        session.set("m", 1);
        await saving;
        store.before = undefined;
        assert.equal(session.get("n"), 111);
        await session.save();
        await session.save();
      });
      assert.deepEqual(await dataOf(browser), { n: 111, m: 1 });
    });

    it("a handed-out object that is changed after a merging save is saved", async () => {
      const browser = await fresh({ cart: ["tea"] });
      await browser.visit(async (session) => {
        const cart = session.get("cart");
        session.set("n", 1);
        await elsewhere(browser, (session) => void session.set("m", 1));
        await session.save();
        cart.push("later");
      });
      assert.deepEqual(await dataOf(browser), { cart: ["tea", "later"], m: 1, n: 1 });
    });

    it("a handed-out object that others deleted comes back only when it is changed", async () => {
      const browser = await fresh({ cart: ["tea"], n: 0 });
      await browser.visit(async (session) => {
        session.get("cart");
        session.set("n", 1);
        await elsewhere(browser, (session) => void session.delete("cart"));
        await session.save();
        session.set("n", 2);
      });
      assert.deepEqual(await dataOf(browser), { n: 2 });
      await browser.visit((session) => void session.set("cart", ["tea"]));
      await browser.visit(async (session) => {
        const cart = session.get("cart");
        await elsewhere(browser, (session) => void session.delete("cart"));
        cart.push("mine");
      });
      assert.deepEqual(await dataOf(browser), { n: 2, cart: ["tea", "mine"] });
    });

    it("setDefault gives way to a value that came first, and does not undo it at a second save", async () => {
      const browser = await fresh({ n: 0 });
      await browser.visit(async (session) => {
        session.setDefault("cart", []);
        await elsewhere(browser, (session) => void session.setDefault("cart", ["theirs"]));
        await session.save();
        session.set("n", 1);
      });
      assert.deepEqual(await dataOf(browser), { n: 1, cart: ["theirs"] });
    });

    it("what setDefault handed out is saved when it is changed, before and after a save", async () => {
      const browser = await fresh({ n: 0 });
      await browser.visit(async (session) => {
        const cart = session.setDefault("cart", []);
        cart.push("one");
        await session.save();
        cart.push("two");
        await session.save();
        session.setDefault("cart", ["no"]).push("three");
      });
      assert.deepEqual(await dataOf(browser), { n: 0, cart: ["one", "two", "three"] });
    });

    it("the object that was set may go on changing, before and after a save", async () => {
      const browser = await fresh({ n: 0 });
      const cart: string[] = [];
      await browser.visit(async (session) => {
        session.set("cart", cart);
        cart.push("one");
        await session.save();
        cart.push("two");
      });
      cart.push("after the answer");
      assert.deepEqual(await dataOf(browser), { n: 0, cart: ["one", "two"] });
    });

    it("changes inside an object while a save runs are saved by the next", async () => {
      const browser = await fresh({ cart: ["tea"] });
      const { store } = browser.site;
      const { status } = await browser.visit(async (session) => {
        const cart = session.get("cart");
        cart.push("one");
        store.before = turn;
        const saving = session.save();
        cart.push("two");
        await saving;
        store.before = undefined;
      });
      assert.equal(status, 200);
      assert.deepEqual(await dataOf(browser), { cart: ["tea", "one", "two"] });
    });

    it("changes inside an object while the first save of a new session runs are saved by the next", async () => {
      const browser = await fresh();
      browser.cookie = undefined;
      await browser.visit(async (session) => {
        const cart = ["one"];
        session.set("cart", cart);
        const saving = session.save();
        cart.push("two");
        await saving;
      });
      assert.deepEqual(await dataOf(browser), { cart: ["one", "two"] });
    });

    it("changes inside an object while a merging save runs are saved too", async () => {
      const browser = await fresh({ cart: ["tea"], n: 0 });
      const { store } = browser.site;
      await browser.visit(async (session) => {
        const cart = session.get("cart");
        session.set("n", 1);
        await elsewhere(browser, (session) => void session.set("m", 1));
        store.before = turn;
        const saving = session.save();
        cart.push("mine");
        await saving;
        store.before = undefined;
      });
      assert.deepEqual(await dataOf(browser), { cart: ["tea", "mine"], m: 1, n: 1 });
    });

    it("a save beside another request that cleared the log-in away is refused, and brings nothing back", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      await browser.visit((session) => (session.clear(), session.login("ada")));
      await browser.visit(async (session) => {
        assert.equal(session.userId, "ada");
        session.set("a", 1);
        await elsewhere(browser, (session) => session.clear());
        await assert.rejects(session.save(), { code: "ERR_GONE" });
        session.set("b", 2);
        await assert.rejects(session.save(), { code: "ERR_GONE" });
        return new Response(null, { status: 409 });
      });
      await browser.visit((session) => assert.equal(session.userId, undefined));
      assert.deepEqual(await site.sessions.list("ada"), []);
      assert.deepEqual(await dataOf(browser), {});
    });

    it("others' setExpiry and label survive a save of something else", async () => {
      const browser = await fresh();
      await browser.visit(async (session) => {
        session.set("a", 2);
        await elsewhere(browser, (session) => (session.setExpiry(600), session.setLabel("phone")));
        await session.save();
        session.set("b", 1);
      });
      await browser.visit((session) => assert.equal(session.getExpiryAge(), 600));
    });

    it("each kind of change is replayed on what others saved", async () => {
      const browser = await fresh({ set: 0, assign: 0, delete: 0, pop: 0, default: 0, update: 1, theirs: 0 });
      await browser.visit(async (session) => {
        session.set("set", 1).assign({ assign: 1, more: 1 });
        session.delete("delete");
        assert.equal(session.pop("pop"), 0);
        session.setDefault("default", 1);
        session.setDefault("new", 1);
        session.update("update", (n) => n * 2);
        session.update("theirs", (n) => n === 0 ? 0 : undefined);
        await elsewhere(browser, (session) => {
          session.set("theirs", 5).set("update", 21).set("pop", "again").set("delete", "again").set(
            "set",
            "x",
          );
          session.set("new", "first");
        });
      });
      assert.deepEqual(await dataOf(browser), {
        set: 1,
        assign: 1,
        more: 1,
        default: 0,
        new: "first",
        update: 42,
      });
    });

    it("clear is replayed as clear: what others added meanwhile goes too, what was set afterwards stays", async () => {
      const browser = await fresh({ a: 1 });
      await browser.visit(async (session) => {
        session.clear();
        session.set("b", 2);
        await elsewhere(browser, (session) => void session.set("c", 3));
      });
      assert.deepEqual(await dataOf(browser), { b: 2 });
    });
  });
}

describe("what is written after a touch", () => {
  it("keeps what others saved, on a store without touch", async () => {
    const site = new Site(withoutTouch(new MemoryStore()));
    const browser = await begin(site, { a: 1 });
    site.clock.now += 2 * 3_600_000;
    await browser.visit(async (session) => {
      assert.equal(session.get("a"), 1);
      await elsewhere(browser, (session) => void session.set("theirs", 1));
      await session.save(); // nothing changed, a touch is due
      session.set("mine", 1);
    });
    assert.deepEqual(await dataOf(browser), { a: 1, theirs: 1, mine: 1 });
  });

  it("keeps what others saved, on a store with touch", async () => {
    const browser = await begin(new Site(), { a: 1 });
    browser.site.clock.now += 2 * 3_600_000;
    await browser.visit(async (session) => {
      session.get("a");
      await elsewhere(browser, (session) => void session.set("theirs", 1));
      await session.save();
      session.set("mine", 1);
    });
    assert.deepEqual(await dataOf(browser), { a: 1, theirs: 1, mine: 1 });
  });

  it("waits for the touch to end, and is not lost", async () => {
    const browser = await begin(new Site(), { a: 1 });
    const { site } = browser;
    site.clock.now += 2 * 3_600_000;
    const { wait, open } = gate();
    site.store.before = (method) => method === "touch" ? wait : undefined;
    await browser.visit(async (session) => {
      session.get("a");
      const saving = session.save();
      session.set("b", 2);
      const second = session.save();
      open();
      await Promise.all([saving, second]);
    });
    assert.deepEqual(await dataOf(browser), { a: 1, b: 2 });
  });
});
