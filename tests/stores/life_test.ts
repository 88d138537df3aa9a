import assert from "node:assert/strict";
import { it } from "node:test";
import { SessionError } from "../../mod.ts";
import { fieldsOf, overEveryStore, start } from "../support/every_store.ts";

const isUnsupported = (error: unknown) => error instanceof SessionError && error.code === "ERR_UNSUPPORTED";

overEveryStore("the life of sessions", (site) => {
  const { clock, browse, begin, make } = site;

  it("SR-037 the idle limit and the absolute limit end it to the second", async () => {
    const over = make({ idleAge: 1_000, absoluteAge: 2_500 });
    const idle = await begin({ a: 1 }, over);
    const header = idle.header;
    clock.now = start + 999_999;
    assert.deepEqual(await browse(over).data({ header }), { a: 1 });
    clock.now = start;
    const { header: untouched } = await begin({ a: 1 }, over);
    clock.now = start + 1_000_000;
    assert.deepEqual(await browse(over).data({ header: untouched }), {});
    clock.now = start;
    const busy = await begin({ a: 1 }, over);
    for (const second of [900, 1_800, 2_400, 2_499]) {
      clock.now = start + second * 1_000;
      assert.deepEqual(await busy.data(), { a: 1 }, `second ${second}`);
    }
    const last = busy.header;
    clock.now = start + 2_499_999;
    assert.deepEqual(await browse(over).data({ header: last }), { a: 1 });
    clock.now = start + 2_500_000;
    assert.deepEqual(await browse(over).data({ header: last }), {});
  });

  it("SR-037 a touch that is due renews record and cookie, one that is not sends nothing", async () => {
    const over = make({ idleAge: 6_000 });
    const browser = await begin({ a: 1 }, over);
    clock.now = start + 59_999;
    assert.deepEqual(fieldsOf(await browser.visit((session) => session.get("a"))), []);
    clock.now = start + 60_000;
    assert.match(fieldsOf(await browser.visit((session) => session.get("a")))[0]!, /; Max-Age=6000(;|$)/);
    const renewed = browser.header;
    clock.now = start + 6_059_999;
    assert.deepEqual(await browse(over).data({ header: renewed }), { a: 1 });
  });

  it("setExpiry: seconds, a date, browser close, the policy, and the past", async () => {
    const forms = [
      [90, "90", 90_000],
      [new Date(start + 45_000), "45", 45_000],
      [0, undefined, 1_209_600_000],
      [null, "1209600", 1_209_600_000],
      [9e9, "2592000", 2_592_000_000],
    ] as const;
    for (const [expiry, maxAge, life] of forms) {
      clock.now = start;
      const browser = browse();
      const answer = await browser.visit((session) => {
        session.set("a", 1);
        session.setExpiry(expiry);
        assert.equal(session.getExpireAtBrowserClose(), expiry === 0);
      });
      assert.equal(/; Max-Age=(\d+)/.exec(fieldsOf(answer)[0]!)?.[1], maxAge, String(expiry));
      const { header } = browser;
      assert.deepEqual(await browser.see((session) => [...session.keys()]), ["a"]);
      clock.now = start + life - 1;
      assert.equal(await browse().see((session) => session.get("a"), { header }), 1, String(expiry));
    }
    clock.now = start;
    for (const expiry of [90, new Date(start + 90_000)]) {
      const browser = browse();
      await browser.see((session) => {
        session.set("a", 1);
        session.setExpiry(expiry);
      });
      const { header } = browser;
      clock.now = start + 90_000;
      assert.deepEqual(await browse().data({ header }), {}, String(expiry));
      clock.now = start;
    }
    const past = await begin({ a: 1 });
    const { header } = past;
    const answer = await past.visit((session) => session.setExpiry(-1));
    assert.ok(fieldsOf(answer).length > 0 && fieldsOf(answer).every((field) => /; Max-Age=0;/.test(field)));
    assert.deepEqual(await browse().data({ header }), {});
  });

  it("SR-036 a cookie that leads nowhere is neither adopted nor cleared", async () => {
    const browser = await begin({ a: 1 });
    const lost = browser.twin();
    const id = await browser.see((session) => session.id);
    await browser.see((session) => session.flush());
    const read = await lost.visit((session) => session.get("a"));
    assert.deepEqual(fieldsOf(read), []);
    await lost.see((session) => session.set("b", 2));
    assert.notEqual(await lost.see((session) => session.id), id);
    assert.deepEqual(await lost.data(), { b: 2 });
  });

  it("lists and revokes a user's sessions where it can, and says so where it cannot", async () => {
    const [phone, laptop, other] = [await begin({ a: 1 }), await begin({ a: 2 }), await begin({ a: 3 })];
    await phone.see((session) => (session.login("ann"), session.setLabel("phone")));
    await laptop.see((session) => session.login("ann"));
    await other.see((session) => session.login("bob"));
    if (!site.lists) {
      for (
        const call of [
          () => site.sessions.list("ann"),
          () => site.sessions.revoke("ab".repeat(32)),
          () => site.sessions.revokeAll("ann"),
        ]
      ) {
        await assert.rejects(call, isUnsupported);
      }
      return;
    }
    const infos = await laptop.see((session) => site.sessions.list("ann", { current: session }));
    assert.deepEqual(infos.map(({ current, label }) => [current, label]).sort(), [[false, "phone"], [
      true,
      undefined,
    ]]);
    const handle = infos.find(({ current }) => !current)!.handle;
    assert.equal(await site.sessions.revoke(handle, { userId: "bob" }), 0);
    assert.equal(await site.sessions.revoke(handle, { userId: "ann" }), 1);
    assert.deepEqual(await phone.data(), {});
    assert.equal(await site.sessions.revokeAll("ann"), 1);
    for (const browser of [phone, laptop]) assert.deepEqual(await browser.data(), {});
    assert.deepEqual(await other.data(), { a: 3 });
  });

  it("is open from outside a request where records are held, else says so", async () => {
    const browser = await begin({ a: 1 });
    const id = await browser.see((session) => session.id!);
    if (!site.isHeld) {
      await assert.rejects(site.sessions.open(id), isUnsupported);
      await assert.rejects(site.sessions.open(), isUnsupported);
      return;
    }
    const outside = await site.sessions.open(id);
    outside.set("a", 2);
    await outside.save();
    assert.deepEqual(await browser.data(), { a: 2 });
    assert.equal((await site.sessions.open("x".repeat(32))).id, undefined);
  });

  it("SR-039 clears expired records, and only those", async () => {
    const over = make({ idleAge: 1_000 });
    const [old, ended] = [await begin({ a: 1 }, over), await begin({ a: 1 }, over)];
    await ended.see((session) => session.flush());
    clock.now = start + 999_000;
    const young = await begin({ a: 2 }, over);
    clock.now = start + 1_001_000;
    assert.equal(await over.clearExpired(), site.isHeld && site.clears ? 1 : 0);
    assert.deepEqual(await old.data(), {});
    assert.deepEqual(await young.data(), { a: 2 });
    assert.equal(await over.clearExpired(), 0);
  });
});
