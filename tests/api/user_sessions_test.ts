/** A user's sessions from outside: `list`, `revoke`, `revokeAll`; and `clearExpired`. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Session } from "../../mod.ts";
import { begin, fails, keyOf, Site } from "../support/fault_rig.ts";

describe("list", () => {
  it("shows a user's live sessions: handle, instants in milliseconds, label, which one is this", async () => {
    const site = new Site();
    const phone = await begin(site, { a: 1 }, "ada");
    await phone.visit((session) => session.setLabel("Phone"));
    site.clock.now += 5_000;
    const laptop = await begin(site, { a: 1 }, "ada");
    await begin(site, { a: 1 }, "eve");
    await begin(site, { a: 1 });
    await laptop.visit(async (session) => {
      const infos = await site.sessions.list("ada", { current: session });
      const [other, mine] = infos.toSorted((a, b) => a.createdAt - b.createdAt);
      assert.equal(infos.length, 2);
      const now = site.clock.now;
      assert.deepEqual(mine, {
        handle: mine!.handle,
        createdAt: now,
        touchedAt: now,
        expiresAt: now + 1_209_600_000,
        current: true,
      });
      assert.deepEqual([other!.label, other!.current, other!.createdAt], ["Phone", false, now - 5_000]);
    });
    const outside = await site.sessions.list("ada");
    assert.deepEqual(outside.map(({ current }) => current), [false, false]);
    const opened = await site.sessions.open(phone.id);
    const current = (await site.sessions.list("ada", { current: opened })).filter((info) => info.current);
    assert.deepEqual(current.map(({ label }) => label), ["Phone"]);
  });

  it("gives handles that are no ids and of no use as a cookie or for open", async () => {
    const site = new Site();
    const visitor = await begin(site, { a: 1 }, "ada");
    const [info] = await site.sessions.list("ada");
    const shown = JSON.stringify(info);
    assert.ok(!shown.includes(visitor.id) && !shown.includes(visitor.cookie!));
    assert.equal((await site.sessions.open(info!.handle)).id, undefined);
    visitor.client.cookies.set("__Host-sid", info!.handle);
    assert.equal(await (await visitor.visit((session) => session.userId)).text(), "undefined");
  });

  it("leaves out what has expired, by whatever limit, though the store still holds it", async () => {
    const site = new Site({ absoluteAge: 5_000 });
    const idle = await begin(site, { a: 1 }, "ada");
    await idle.visit((session) => session.setExpiry(10));
    const fixed = await begin(site, { a: 1 }, "ada");
    await fixed.visit((session) => session.setExpiry(new Date(site.clock.now + 100_000)));
    await begin(site, { a: 1 }, "ada");
    const count = async () => (await site.sessions.list("ada")).length;
    assert.equal(await count(), 3);
    site.clock.now += 10_000;
    assert.equal(await count(), 2);
    site.clock.now += 90_000;
    assert.equal(await count(), 1);
    site.clock.now += 4_900_000;
    assert.equal(await count(), 0);
    assert.equal(site.store.inner.size, 3);
  });

  it("follows log-in as another user and log-out", async () => {
    const site = new Site();
    const visitor = await begin(site, { a: 1 }, "ada");
    await visitor.visit((session) => session.login("eve"));
    assert.deepEqual([(await site.sessions.list("ada")).length, (await site.sessions.list("eve")).length], [
      0,
      1,
    ]);
    await visitor.visit((session) => session.logout());
    assert.deepEqual(await site.sessions.list("eve"), []);
    assert.deepEqual(await site.sessions.list("nobody"), []);
  });
});

describe("revoke", () => {
  it("ends one session at once, also in the middle of its request", async () => {
    const site = new Site();
    const [victim, other] = [await begin(site, { a: 1 }, "ada"), await begin(site, { a: 1 }, "ada")];
    const handle = await keyOf(victim.id);
    const response = await victim.visit(async (session) => {
      session.set("a", 2);
      assert.equal(await site.sessions.revoke(handle), 1);
    });
    assert.equal(response.status, 409);
    assert.equal(await (await victim.visit((session) => session.userId)).text(), "undefined");
    assert.deepEqual(await other.data(), { a: 1 });
    assert.equal(await site.sessions.revoke(handle), 0);
    assert.ok(site.eventTypes().includes("ended"));
  });

  it("is 0 for whatever is no handle, without a store call", async () => {
    const site = new Site();
    const visitor = await begin(site, { a: 1 }, "ada");
    for (
      const handle of [
        "",
        visitor.id,
        visitor.cookie,
        "x".repeat(64),
        "A".repeat(64),
        "../x",
        null,
        undefined,
        5,
        {},
        ["a"],
      ]
    ) {
      assert.equal(await site.sessions.revoke(handle as string), 0);
    }
    assert.deepEqual(site.store.taken(), []);
    assert.equal(await site.sessions.revoke("0".repeat(64)), 0);
    assert.equal(site.store.inner.size, 1);
  });

  it("with userId ends only that user's", async () => {
    const site = new Site();
    const ada = await begin(site, { a: 1 }, "ada");
    const anonymous = await begin(site, { a: 1 });
    const { sessions } = site;
    assert.equal(await sessions.revoke(await keyOf(ada.id), { userId: "eve" }), 0);
    assert.equal(await sessions.revoke(await keyOf(anonymous.id), { userId: "eve" }), 0);
    assert.equal(await sessions.revoke(await keyOf(ada.id), { userId: "" }), 0);
    assert.equal(site.store.inner.size, 2);
    assert.equal(await sessions.revoke(await keyOf(ada.id), { userId: "ada" }), 1);
  });

  it("with the userId of a visitor who is not logged in ends nobody's", async () => {
    const site = new Site();
    const ada = await begin(site, { a: 1 }, "ada");
    const handle = await keyOf(ada.id);
    const eve = await begin(site);
    await eve.visit(async (session) => {
      // What a careless "end this device" form does for a visitor without a user.
      await site.sessions.revoke(handle, { userId: session.userId as string }).catch(() => {});
    });
    assert.equal(site.store.inner.size, 2);
  });
});

describe("revokeAll", () => {
  it("ends all of a user's sessions but the one that is kept, and nobody else's", async () => {
    const site = new Site();
    const [one, , eve] = [
      await begin(site, { a: 1 }, "ada"),
      await begin(site, { a: 1 }, "ada"),
      await begin(site, { a: 1 }, "eve"),
    ];
    await one.visit(async (session: Session) => {
      assert.equal(await site.sessions.revokeAll("ada", { except: session }), 1);
    });
    assert.deepEqual(await one.data(), { a: 1 });
    assert.equal(await site.sessions.revokeAll("ada"), 1);
    assert.equal(await site.sessions.revokeAll("ada"), 0);
    assert.deepEqual(await one.data(), {});
    assert.deepEqual(await eve.data(), { a: 1 });
  });

  it("keeps nothing when the session to keep has no record, or is another's", async () => {
    const site = new Site();
    await begin(site, { a: 1 }, "ada");
    assert.equal(await site.sessions.revokeAll("ada", { except: await site.sessions.open() }), 1);
    await begin(site, { a: 1 }, "ada");
    const eve = await begin(site, { a: 1 }, "eve");
    assert.equal(await site.sessions.revokeAll("ada", { except: await site.sessions.open(eve.id) }), 1);
    assert.equal(site.store.inner.size, 1);
  });

  it("ends nothing for no user", async () => {
    const site = new Site();
    await begin(site, { a: 1 });
    await begin(site, { a: 1 }, "undefined");
    assert.equal(await site.sessions.revokeAll(""), 0);
    await assert.rejects(site.sessions.revokeAll(undefined as never), TypeError);
    assert.equal(site.store.inner.size, 2);
  });
});

describe("a user id that is no string", () => {
  const noStrings = [42, 0, null, true, {}, ["ada"], 42n, Symbol("ada"), new String("ada")];

  it("is refused by list, revoke and revokeAll, as login does, before the store is asked", async () => {
    const site = new Site();
    const ada = await begin(site, { a: 1 }, "42");
    const handle = await keyOf(ada.id);
    const { sessions } = site;
    for (const userId of [...noStrings, undefined] as never[]) {
      const what = String(userId);
      const message = /^Cannot .*: expected a user id, a string: received \w+$/;
      await assert.rejects(sessions.list(userId), { name: "TypeError", message }, what);
      await assert.rejects(sessions.revokeAll(userId), { name: "TypeError", message }, what);
      if (userId === undefined) continue; // of a visitor who is not logged in
      await assert.rejects(sessions.revoke(handle, { userId }), { name: "TypeError", message }, what);
      await assert.rejects(sessions.revoke("no handle", { userId }), { name: "TypeError", message }, what);
    }
    assert.equal(await sessions.revoke(handle, { userId: undefined as never }), 0);
    assert.deepEqual(site.store.taken(), []);
    assert.equal(site.store.inner.size, 1);
    assert.equal(await sessions.revoke(handle, { userId: "42" }), 1);
  });
});

describe("a long user id", () => {
  it("has at most 1,024 bytes of UTF-8; more are refused at login, and nothing changes", async () => {
    const site = new Site();
    const visitor = await begin(site, { a: 1 });
    const longest = ["u".repeat(1024), "é".repeat(512), "語".repeat(341), "🦊".repeat(256)];
    await visitor.visit((session) => {
      for (const userId of [...longest.map((id) => `${id}é`), "x".repeat(20_000_000)]) {
        assert.throws(() => session.login(userId), (error: Error) => {
          assert.ok(error instanceof TypeError);
          assert.match(error.message, /at most 1024 bytes/);
          assert.ok(error.message.length < 200);
          return true;
        });
      }
      assert.deepEqual([session.userId, session.modified], [undefined, false]);
    });
    for (const userId of longest) {
      await visitor.visit((session) => session.login(userId));
      assert.equal((await site.sessions.list(userId)).length, 1);
    }
  });

  it("of an earlier release goes on: it is shown, listed, saved with, and ended", async () => {
    const site = new Site();
    const visitor = await begin(site, { a: 1 }, "ada");
    const userId = "語".repeat(2_000);
    const { key, record } = await site.stored(visitor.id);
    site.store.inner.save(key, { ...record!, userId }, record!.version);
    await visitor.visit((session) => assert.equal(session.set("a", 2).userId, userId));
    assert.equal((await site.stored(visitor.id)).record!.userId, userId);
    assert.equal((await site.sessions.list(userId)).length, 1);
    assert.equal(await site.sessions.revokeAll(userId), 1);
  });
});

describe("clearExpired", () => {
  async function siteWith(expired: number, live: number): Promise<Site> {
    const site = new Site();
    const { inner } = site.store;
    const { now } = site.clock;
    const record = (expiresAt: number) => ({ data: "1\n{}", createdAt: now, touchedAt: now, expiresAt });
    for (let i = 0; i < expired; i++) inner.create(i.toString(16).padStart(64, "0"), record(now + 1));
    for (let i = 0; i < live; i++) inner.create(i.toString(16).padStart(64, "f"), record(now + 60_000));
    site.clock.now += 1;
    return await Promise.resolve(site);
  }

  it("removes all that has expired, in bounded batches, and nothing else", async () => {
    const site = await siteWith(2_345, 100);
    assert.equal(await site.sessions.clearExpired(), 2_345);
    assert.equal(site.store.inner.size, 100);
    const limits = site.store.calls.map(({ args }) => args[1] as number);
    assert.ok(
      limits.length > 1 && limits.every((limit) => Number.isInteger(limit) && limit <= 1_000),
      limits.join(),
    );
    assert.equal(await site.sessions.clearExpired(), 0);
  });

  it("removes at most `limit`", async () => {
    const site = await siteWith(2_000, 5);
    for (const limit of [1, 3, 500, 501, 900]) {
      const before = site.store.inner.size;
      assert.equal(await site.sessions.clearExpired({ limit }), limit);
      assert.equal(site.store.inner.size, before - limit);
    }
    assert.equal(await site.sessions.clearExpired({ limit: 1_000 }), 95);
    assert.equal(await site.sessions.clearExpired({ limit: 0 }), 0);
  });

  it("stops at a signal with its reason: before it starts, and between batches", async () => {
    const site = await siteWith(3_000, 0);
    const reason = new Error("enough");
    await assert.rejects(() => site.sessions.clearExpired({ signal: AbortSignal.abort(reason) }), /enough/);
    assert.equal(site.store.inner.size, 3_000);
    const controller = new AbortController();
    site.store.before = () => Promise.resolve(controller.abort(reason));
    await assert.rejects(
      () => site.sessions.clearExpired({ signal: controller.signal }),
      (error) => error === reason,
    );
    assert.ok(site.store.inner.size > 1_500 && site.store.inner.size < 3_000);
  });

  it("refuses a limit that is no whole number from 0 on", async () => {
    for (const limit of [-1, NaN, 1.5, "3", null]) {
      const site = await siteWith(10, 0);
      await assert.rejects(
        () => site.sessions.clearExpired({ limit: limit as number }),
        (error) => error instanceof TypeError || error instanceof RangeError,
        String(limit),
      );
      assert.equal(site.store.inner.size, 10);
    }
  });

  it("tells a failure in the middle", async () => {
    const site = await siteWith(3_000, 0);
    site.store.plan = (_method, nth) => nth === 3 ? "reject" : undefined;
    await fails(() => site.sessions.clearExpired(), "ERR_STORE");
    site.store.heal();
    assert.ok(await site.sessions.clearExpired() > 0);
  });
});
