/** Sessions end when the credentials behind them change: `login(userId, { stamp })` and `stampOf`, on every store. */

import assert from "node:assert/strict";
import { it } from "node:test";
import type { SessionsOptions } from "../../mod.ts";
import { overEveryStore } from "../support/every_store.ts";

type StampOf = NonNullable<SessionsOptions["stampOf"]>;

overEveryStore("stamps of credentials", (site) => {
  const { clock, browse, begin, make } = site;

  /** A site with one user whose stamp can be changed, and a browser where that user is logged in. */
  async function world() {
    const stamps: Record<string, string | undefined> = { ann: "one" };
    const asked: string[] = [];
    const over = make({ stampOf: (userId) => (asked.push(userId), stamps[userId]) });
    const browser = await begin({ a: 1 }, over);
    assert.deepEqual(asked, [], "nobody is asked about sessions without a user");
    await browser.see((session) => session.login("ann", { stamp: "one" }));
    return { stamps, asked, over, browser };
  }

  const user = (browser: ReturnType<typeof browse>) => browser.see((session) => session.userId);
  const endings = () => site.events.filter(({ type }) => type === "ended").map(({ reason }) => reason);

  it("SR-031 the right stamp keeps the session through saves, rotations, merges and time", async () => {
    const { browser } = await world();
    await browser.see((session) => session.set("b", 2));
    await browser.see((session) => (session.setLabel("phone"), session.setExpiry(90_000)));
    await browser.see((session) => session.cycleKey());
    await browser.see((session) => session.cycleKey());
    await browser.see((session) => session.setExpiry(null));
    const twin = browser.twin();
    await browser.see(async (session) => {
      session.set("c", 3);
      await twin.see((other) => other.set("d", 4));
    });
    clock.now += 86_400_000;
    assert.equal(await user(browser), "ann");
    assert.deepEqual(endings(), []);
  });

  it("SR-040 another stamp ends it when it is next loaded, for good, with an event", async () => {
    const { browser, stamps, over } = await world();
    const { header } = browser;
    stamps["ann"] = "two";
    assert.deepEqual(await browser.data(), {});
    assert.deepEqual(endings(), ["stamp"]);
    assert.doesNotMatch(JSON.stringify(site.events), /"one"|"two"/);
    stamps["ann"] = "one";
    assert.deepEqual(await browse(over).data({ header }), {}, "also when the stamp comes back");
    assert.deepEqual(await browse(make()).data({ header }), {}, "also without stampOf");
    if (site.lists) assert.deepEqual(await over.list("ann"), []);
  });

  it("SR-040 a session from before stamps ends, and undefined ends all that bear one", async () => {
    const old = await begin({ a: 1 });
    await old.see((session) => session.login("ann"));
    const { over, browser, stamps } = await world();
    assert.equal(await old.twin(over).see((session) => session.userId), undefined);
    assert.equal(await user(old), undefined, "for good");
    stamps["ann"] = undefined;
    assert.equal(await user(browser), undefined);
    assert.deepEqual(endings(), ["stamp", "stamp"]);
  });

  it("SR-040 a changed password: this browser goes on, the user's others end, other users' do not", async () => {
    const { browser, stamps, over } = await world();
    stamps["bob"] = "one";
    const [other, bob] = [await begin({ a: 1 }, over), await begin({ a: 1 }, over)];
    await other.see((session) => session.login("ann", { stamp: "one" }));
    await bob.see((session) => session.login("bob", { stamp: "one" }));
    await browser.see((session) => {
      stamps["ann"] = "two";
      session.login("ann", { stamp: "two" });
    });
    assert.deepEqual([await user(browser), await user(other), await user(bob)], ["ann", undefined, "bob"]);
    assert.deepEqual(await browser.data(), { a: 1 });
  });

  it("SR-031 clear() and a log-in without a stamp take the old one along", async () => {
    const { browser, stamps, over } = await world();
    await browser.see((session) => (session.clear(), session.set("b", 2)));
    stamps["ann"] = "two";
    assert.deepEqual(await browser.data(), { b: 2 }, "whose session it was does not matter any more");
    await browser.see((session) => session.login("ann", { stamp: "two" }));
    assert.equal(await user(browser), "ann");
    const unasked = make();
    await browser.twin(unasked).see((session) => session.get("b"));
    const plain = browser.twin(unasked);
    await plain.see((session) => session.login("ann"));
    assert.equal(await user(plain.twin(over)), undefined, "the stamp of the log-in before is gone");
  });

  it("a stamp is neither data nor shown by list", async () => {
    const { browser, over } = await world();
    assert.deepEqual(await browser.data(), { a: 1 });
    if (site.lists) assert.doesNotMatch(JSON.stringify(await over.list("ann")), /one|stamp/);
  });

  const failures: Record<string, StampOf> = {
    throws: () => {
      throw new Error("down");
    },
    rejects: () => Promise.reject(new Error("down")),
    hangs: () => new Promise(() => {}),
    "gives no text": () => 42 as unknown as string,
    "promises no text": () => Promise.resolve({}) as unknown as Promise<string>,
  };
  for (const [how, stampOf] of Object.entries(failures)) {
    it(`SR-046 a stampOf that ${how} is a 503 and ends nothing`, async () => {
      const { browser } = await world();
      const down = make({ stampOf, timeout: 0.02 });
      const codes: unknown[] = [];
      const twin = browser.twin(make({
        stampOf,
        timeout: 0.02,
        onError: (error) => (codes.push(error.code), new Response(null, { status: 503 })),
      }));
      assert.equal((await twin.visit((session) => session.get("a"))).status, 503);
      assert.deepEqual(codes, ["ERR_STORE"]);
      const answer = await browser.twin(down).visit((session) => session.set("a", 2));
      assert.equal(answer.status, 503);
      assert.deepEqual(answer.headers.getSetCookie(), []);
      assert.deepEqual(await browser.data(), { a: 1 });
      assert.deepEqual(endings(), []);
    });
  }

  it("a promised stamp, and one for nobody, do as plain ones", async () => {
    const { browser } = await world();
    for (const [stamp, expected] of [["one", "ann"], ["two", undefined]] as const) {
      const over = make({ stampOf: (userId) => Promise.resolve(userId === "ann" ? stamp : "no") });
      assert.equal(await user(browser.twin(over)), expected);
    }
  });

  it("login without a stamp where stampOf is given, or with a wrong one, is a TypeError that changes nothing", async () => {
    const { browser, over } = await world();
    const id = await browser.see((session) => session.id);
    const wrong = [
      undefined,
      {},
      { stamp: undefined },
      { stamp: null },
      { stamp: 7 },
      { stamp: "x".repeat(201) },
    ];
    for (const options of wrong) {
      await browser.see((session) => {
        assert.throws(() => session.login("ann", options as { stamp: string }), TypeError);
        assert.throws(() => session.login("bob", options as { stamp: string }), TypeError);
        assert.deepEqual([session.userId, session.get("a"), session.modified], ["ann", 1, false]);
      });
    }
    assert.equal(await browser.see((session) => session.id), id);
    const fresh = browse(over);
    await fresh.see((session) => assert.throws(() => session.login("ann"), TypeError));
    assert.equal(fresh.header, "");
    await fresh.see((session) => session.login("bob", { stamp: "x".repeat(200) }));
  });

  it("SR-046 every kind of load asks: open, saveEveryRequest, headersFor", async () => {
    const { browser, stamps, over } = await world();
    const id = await browser.see((session) => session.id);
    stamps["ann"] = "two";
    if (site.isHeld) {
      assert.equal((await over.open(id)).id, undefined);
      return;
    }
    const every = browser.twin(make({ saveEveryRequest: true, stampOf: () => "two" }));
    const answer = await every.visit(() => "not used");
    assert.ok(answer.headers.getSetCookie().every((field) => /; Max-Age=0(;|$)/.test(field)));
  });
});
