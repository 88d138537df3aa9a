import assert from "node:assert/strict";
import { it } from "node:test";
import { arrive } from "../support/browser.ts";
import { fieldsOf, overEveryStore, start } from "../support/every_store.ts";

overEveryStore("wrapped handlers", (site) => {
  const { clock, browse, begin } = site;

  it("is a dictionary from request to request", async () => {
    const browser = await begin({ a: 1, b: "two", c: { deep: [true, null, "é😀"] } });
    assert.deepEqual(await browser.data(), { a: 1, b: "two", c: { deep: [true, null, "é😀"] } });
    await browser.see((session) => {
      assert.equal(session.get("a"), 1);
      assert.equal(session.get("missing", "fallback"), "fallback");
      assert.equal(session.pop("b"), "two");
      assert.equal(session.delete("nothing"), false);
      assert.equal(session.setDefault("a", 9), 1);
      assert.equal(session.setDefault("d", 4), 4);
      session.assign({ e: 5, f: 6 });
      assert.equal(session.delete("f"), true);
    });
    assert.deepEqual(await browser.data(), { a: 1, c: { deep: [true, null, "é😀"] }, d: 4, e: 5 });
    await browser.see((session) => {
      session.set("__proto__", { polluted: true });
      session.set("constructor", "x");
    });
    assert.deepEqual(
      await browser.see((session) => [session.size, session.has("__proto__"), session.has("toString")]),
      [6, true, false],
    );
    await browser.see((session) => session.clear());
    assert.deepEqual(await browser.data(), {});
  });

  it("keeps the id and the order of keys, and starts with neither record nor cookie", async () => {
    const browser = browse();
    const answer = await browser.visit((session) => {
      assert.deepEqual([session.id, session.isNew, session.isEmpty, session.size], [
        undefined,
        true,
        true,
        0,
      ]);
      session.set("a", 1);
      session.delete("a");
    });
    assert.deepEqual(fieldsOf(answer), []);
    await browser.see((session) => session.assign({ z: 1, y: 2, x: 3 }));
    const id = await browser.see((session) => session.id);
    assert.match(id!, /^[A-Za-z0-9_-]{32}$/);
    assert.deepEqual(await browser.see((session) => [...session.keys()]), ["z", "y", "x"]);
    await browser.see((session) => session.set("w", 4));
    assert.equal(await browser.see((session) => session.id), id);
  });

  it("SR-073 changes inside what was handed out are saved", async () => {
    const browser = await begin({ cart: { items: ["tea"] } });
    await browser.see((session) => void (session.get("cart") as { items: string[] }).items.push("milk"));
    assert.deepEqual(await browser.data(), { cart: { items: ["tea", "milk"] } });
  });

  it("commits below 500 only, and what was saved before stays", async () => {
    const browser = await begin({ a: 1 });
    for (const status of [500, 503]) {
      await browser.visit((session) => {
        session.set("a", 2);
        return new Response(null, { status });
      });
    }
    await assert.rejects(
      browser.visit((session) => {
        session.set("a", 3);
        throw new Error("the handler's own");
      }),
      /the handler's own/,
    );
    assert.deepEqual(await browser.data(), { a: 1 });
    await browser.visit(async (session) => {
      session.set("a", 4);
      await session.save();
      session.set("a", 5);
      return new Response(null, { status: 500 });
    });
    assert.deepEqual(await browser.data(), { a: 4 });
    for (const answer of [new Response(null, { status: 404 }), Response.redirect("https://localhost/x")]) {
      await browser.visit((session) => (session.update("a", (a) => Number(a) + 1), answer));
    }
    assert.deepEqual(await browser.data(), { a: 6 });
  });

  it("SR-066 marks answers that used it, and leaves the others alone", async () => {
    const browser = await begin({ a: 1 });
    const used = await browser.visit((session) => session.get("a"));
    assert.equal(used.headers.get("vary"), "Cookie");
    assert.equal(used.headers.get("cache-control"), "private, no-cache");
    const untouched = await browser.visit(() => "only awaited");
    assert.equal(untouched.headers.get("vary"), null);
    assert.deepEqual(fieldsOf(untouched), []);
  });

  it("SR-031 log-in gives a new id, keeps a visitor's data, and the old cookie is dead", async () => {
    const browser = await begin({ cart: 1 });
    const old = browser.twin();
    const id = await browser.see((session) => session.id);
    clock.now += 5_000;
    await browser.see((session) => session.login("ann"));
    await browser.see((session) => {
      assert.notEqual(session.id, id);
      assert.deepEqual([session.userId, session.createdAt, session.get("cart")], ["ann", start + 5_000, 1]);
    });
    assert.deepEqual(await old.data(), {});
    await browser.see((session) => session.login("bob"));
    assert.deepEqual(await browser.data(), {});
    assert.equal(await browser.see((session) => session.userId), "bob");
  });

  it("SR-032 a rotation keeps everything but the id", async () => {
    const browser = await begin({ a: 1 });
    const old = browser.twin();
    const id = await browser.see((session) => session.id);
    await browser.see((session) => {
      session.cycleKey();
      session.set("b", 2);
    });
    assert.deepEqual(await browser.data(), { a: 1, b: 2 });
    assert.notEqual(await browser.see((session) => session.id), id);
    assert.deepEqual(await old.data(), {});
  });

  it("SR-034 log-out ends the session and clears the cookie; a later write starts another", async () => {
    const browser = await begin({ a: 1 });
    const copy = browser.twin();
    const id = await browser.see((session) => session.id);
    const answer = await browser.visit(async (session) => {
      await session.logout();
      assert.deepEqual([session.id, session.isNew, session.size], [undefined, true, 0]);
    });
    assert.ok(fieldsOf(answer).every((field) => /; Max-Age=0;/.test(field)) && fieldsOf(answer).length > 0);
    assert.equal(browser.cookies.size, 0);
    for (const visitor of [copy, browser]) assert.deepEqual(await visitor.data(), {});
    await copy.see((session) => session.set("a", 2));
    assert.notEqual(await copy.see((session) => session.id), id);
    const same = await begin({ a: 1 });
    await same.see(async (session) => {
      await session.flush();
      session.set("b", 2);
    });
    assert.deepEqual(await same.data(), { b: 2 });
  });

  it("SR-034 a writer whose session was ended or logged in meanwhile gets 409, and nothing comes back", async () => {
    for (const rival of site.isHeld ? ["flush", "login"] as const : ["flush", "login", "cycleKey"] as const) {
      const browser = await begin({ a: 1 });
      const old = browser.twin();
      const writer = await arrive(browser.twin(), (session) => void session.set("a", 2));
      await browser.see(async (session) => void await session[rival]("user"));
      const answer = await writer.go();
      assert.equal(answer.status, 409, rival);
      assert.deepEqual(fieldsOf(answer), [], rival);
      assert.deepEqual(await old.data(), {}, rival);
      assert.deepEqual(await browser.data(), rival === "flush" ? {} : { a: 1 }, rival);
    }
  });

  it("SR-042 50 overlapping updates on one server all count", async () => {
    const browser = await begin({ count: 0 });
    const twins = Array.from({ length: 50 }, () => browser.twin());
    const visits = await Promise.all(
      twins.map((twin, n) =>
        arrive(twin, (session) => {
          session.update("count", (count) => Number(count ?? 0) + 1);
          session.set(`key${n}`, n);
        })
      ),
    );
    const answers = await Promise.all(visits.map(({ go }) => go()));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    // The newest cookie, for the sessions that are in it.
    const datas = await Promise.all((site.isHeld ? [browser] : twins).map((one) => one.data()));
    const best = datas.sort((a, b) => Number(a["count"]) - Number(b["count"])).at(-1)!;
    assert.equal(best["count"], 50);
    assert.equal(Object.keys(best).length, 51);
  });

  it("a flash message is read once, and the test cookie works", async () => {
    const browser = await begin({ flash: "saved!", keep: 1 });
    assert.equal(await browser.see((session) => session.pop("flash")), "saved!");
    assert.equal(await browser.see((session) => session.pop("flash", "none")), "none");
    await browser.see((session) => session.setTestCookie());
    assert.equal(await browser.see((session) => session.testCookieWorked()), true);
    await browser.see((session) => session.deleteTestCookie());
    assert.equal(await browser.see((session) => session.testCookieWorked()), false);
    assert.deepEqual(await browser.data(), { keep: 1 });
  });

  it("reports what happens, in order, without an id", async () => {
    const browser = await begin({ a: 1 });
    const ids = [await browser.see((session) => session.id!)];
    await browser.see((session) => session.cycleKey());
    await browser.see((session) => session.login("ann"));
    ids.push(await browser.see((session) => session.id!));
    await browser.see((session) => session.logout());
    assert.deepEqual(site.events.map(({ type }) => type), ["created", "rotated", "login", "ended"]);
    for (const id of ids) assert.ok(!JSON.stringify(site.events).includes(id));
    assert.ok(site.events.every(({ at, tag }) => at === start && /^[0-9a-f]{8}$/.test(tag!)));
  });
});
