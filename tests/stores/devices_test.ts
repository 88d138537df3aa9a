/** A user's devices and the broom, on every store that is held on a server: cost, reach, and what is left alone. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { SessionError, type SessionRecord, type SessionStore } from "../../mod.ts";
import { arrive } from "../support/browser.ts";
import { overEveryStore, start } from "../support/every_store.ts";
import { keyOf } from "../support/fault_rig.ts";
import { watch } from "../support/watched_store.ts";

const isUnsupported = (error: unknown) => error instanceof SessionError && error.code === "ERR_UNSUPPORTED";

overEveryStore("devices and housekeeping", (site) => {
  const { clock, browse, make } = site;
  const held = () => site.store as SessionStore;

  const logIn = async (userId: string, label?: string, over = site.sessions) => {
    const browser = browse(over);
    await browser.see((session) => {
      session.set("of", userId);
      session.login(userId);
      if (label !== undefined) session.setLabel(label);
    });
    return browser;
  };
  const isLive = (browser: ReturnType<typeof browse>) => browser.see((session) => !session.isNew);
  const alive = (browsers: ReturnType<typeof browse>[]) => Promise.all(browsers.map(isLive));

  /** Records put there without a browser, quickly. */
  async function plant(count: number, record: (i: number) => Partial<SessionRecord>): Promise<string[]> {
    const keys = Array.from({ length: count }, (_, i) => (i + 1).toString(16).padStart(64, "0"));
    for (let from = 0; from < count; from += 500) {
      await Promise.all(
        keys.slice(from, from + 500).map((key, i) =>
          held().create(key, {
            data: "{}",
            head: "1",
            createdAt: start,
            touchedAt: start,
            expiresAt: start + 86_400_000,
            ...record(from + i),
          })
        ),
      );
    }
    return keys;
  }

  it("SR-040 five of a user's sessions among 2,000 of others: list and revokeAll cost at most 6 store calls", async () => {
    if (!site.lists) return;
    await plant(2_000, (i) => ({ userId: `user ${i % 400}` }));
    const devices = await Promise.all(Array.from({ length: 5 }, (_, i) => logIn("ann", `device ${i}`)));
    const watched = watch(held());
    const over = make({ store: watched.store });
    const infos = await over.list("ann");
    assert.deepEqual(infos.map(({ label }) => label).sort(), [0, 1, 2, 3, 4].map((i) => `device ${i}`));
    assert.ok(watched.calls.length <= 6, `list: ${watched.taken()}`);
    watched.taken();
    assert.equal(await over.revoke(infos[0]!.handle, { userId: "ann" }), 1);
    assert.ok(watched.taken().length <= 6);
    assert.equal(await over.revokeAll("ann"), 4);
    const calls = watched.taken();
    assert.ok(calls.length <= 6, `revokeAll: ${calls}`);
    assert.deepEqual(await alive(devices), Array(5).fill(false));
    assert.deepEqual(await over.list("ann"), []);
    assert.equal((await over.list("user 7")).length, 5);
  });

  it("SR-040 a user ends all others of his devices, also while he logs in elsewhere; another's stay", async () => {
    if (!site.lists) return;
    const mine = await Promise.all(Array.from({ length: 5 }, () => logIn("ann")));
    const theirs = await Promise.all(Array.from({ length: 5 }, () => logIn("bob")));
    const [current, ...others] = mine;
    const elsewhere = logIn("ann");
    await current!.see(async (session) => {
      session.set("late", 1);
      assert.ok([4, 5].includes(await site.sessions.revokeAll("ann", { except: session })));
    });
    await elsewhere;
    assert.deepEqual(await alive(others), Array(4).fill(false));
    assert.deepEqual(await alive([current!, ...theirs]), Array(6).fill(true));
    assert.deepEqual((await current!.data())["late"], 1);
  });

  it("SR-040 revoking ends a request in flight too: 409, and nothing comes back", async () => {
    if (!site.lists) return;
    for (const work of ["save", "rotate"] as const) {
      const browser = await logIn("ann");
      const late = await arrive(browser.twin(), (session) => {
        session.set("late", 1);
        if (work !== "save") session.cycleKey();
      });
      assert.equal(await site.sessions.revokeAll("ann"), 1);
      assert.equal((await late.go()).status, 409, work);
      assert.equal(await isLive(browser), false);
      assert.deepEqual(await site.sessions.list("ann"), [], work);
    }
  });

  it("SR-040 labels: kept by saves, rotations and the same user's log-in; gone with another user's", async () => {
    if (!site.lists) return;
    const text = `Firefox on Linux "é😀" \n${"x".repeat(160)}`;
    const browser = await logIn("ann", text);
    const label = async (userId = "ann") => (await site.sessions.list(userId)).map(({ label }) => label);
    for (let i = 0; i < 2; i++) await browser.see((session) => session.cycleKey());
    await browser.see((session) => session.set("a", 1));
    assert.deepEqual(await label(), [text]);
    await browser.see((session) => session.login("ann"));
    assert.deepEqual(await label(), [text]);
    await browser.see((session) => {
      for (const wrong of ["x".repeat(257), 7, null, undefined]) {
        assert.throws(() => session.setLabel(wrong as string), TypeError);
      }
      session.setLabel("phone");
      assert.ok(![...session.keys()].includes("label"));
    });
    assert.deepEqual(await label(), ["phone"]);
    const id = await browser.see((session) => session.id!);
    assert.deepEqual((await site.sessions.list("ann")).map(({ handle }) => handle), [await keyOf(id)]);
    assert.ok(!JSON.stringify(await site.sessions.list("ann")).includes(id));
    await browser.see((session) => session.login("bob"));
    assert.deepEqual([await label(), await label("bob")], [[], [undefined]]);
  });

  it("SR-072 no text in a label or a stamp harms the session", async () => {
    for (const text of ["\u2028", "\u2029", "\r\n1\n{}", "\0", "\ud800", "}", '"}\n', "__proto__", ""]) {
      const browser = await logIn("ann");
      await browser.see((session) => session.setLabel(text));
      assert.equal(await isLive(browser), true, JSON.stringify(text));
      if (site.lists) assert.deepEqual((await site.sessions.list("ann")).map(({ label }) => label), [text]);
      await browser.see((session) => session.login("ann", { stamp: text }));
      assert.equal(await browser.see((session) => session.userId), "ann", JSON.stringify(text));
      await browser.see((session) => session.flush());
    }
  });

  it("SR-040 a session that clear() took from its user is not listed any more, one that expired neither", async () => {
    if (!site.lists) return;
    const [cleared, idle, live] = [await logIn("ann"), await logIn("ann"), await logIn("ann")];
    await cleared.see((session) => (session.clear(), session.set("b", 2)));
    await idle.see((session) => session.setExpiry(100));
    clock.now += 99_999;
    assert.equal((await site.sessions.list("ann")).length, 2);
    clock.now += 1;
    assert.equal((await site.sessions.list("ann")).length, 1);
    await site.sessions.revokeAll("ann");
    assert.deepEqual(await alive([cleared, live]), [true, false]);
  });

  it("SR-040 revokeAll beside a session that keeps rotating leaves none", async () => {
    if (!site.lists) return;
    const browser = await logIn("ann");
    const watched = watch(held());
    // The rotation falls between what revokeAll listed and what it removes.
    let rotations = 1;
    watched.after = async ({ method }) => {
      if (method === "list" && rotations-- > 0) await browser.see((session) => session.cycleKey());
    };
    await make({ store: watched.store }).revokeAll("ann");
    assert.deepEqual(await site.sessions.list("ann"), []);
    assert.equal(await isLive(browser), false);
  });

  it("SR-040 without an index list and revokeAll say so and end nothing; a handle works all the same", async () => {
    if (!site.isHeld) return;
    const watched = watch(held(), ["list"]);
    const over = make({ store: watched.store });
    const browser = await logIn("ann", undefined, over);
    watched.taken();
    await assert.rejects(over.list("ann"), isUnsupported);
    await assert.rejects(over.revokeAll("ann"), isUnsupported);
    await browser.see((session) => assert.rejects(over.revokeAll("ann", { except: session }), isUnsupported));
    assert.equal(await isLive(browser), true);
    assert.ok(!watched.taken().includes("delete"));
    const handle = await keyOf(await browser.see((session) => session.id!));
    assert.equal(await over.revoke(handle, { userId: "bob" }), 0);
    assert.equal(await over.revoke(handle, { userId: "ann" }), 1);
    assert.equal(await isLive(browser), false);
  });

  it("SR-039 two sweepers beside 100 sessions that are being renewed: 0 live removed, 0 expired left", async () => {
    if (!site.isHeld || !site.clears) return;
    // Some thousand changes of files at once: what one call takes is not what this is about.
    const timeout = 30;
    const over = make({ idleAge: 1_000, timeout });
    const live = await Promise.all(Array.from({ length: 100 }, async (_, i) => {
      const browser = browse(over);
      await browser.see((session) => session.set("n", i));
      return browser;
    }));
    // 500 that expire in three waves, 400 that nobody visits and that stay.
    const keys = await plant(900, (i) => i < 500 ? { expiresAt: start + 1 + (i % 3) * 900_000 } : {});
    let removed = 0;
    for (const second of [900, 1_800, 2_700]) {
      clock.now = start + second * 1_000;
      const sweep = async () => {
        for (const limit of [60, 1, 60, 60, Infinity]) {
          const count = await make({ timeout }).clearExpired({ limit });
          removed += count;
        }
      };
      const seen = await Promise.all([
        ...live.map((browser, i) =>
          browser.see((session) => {
            if (i % 3 === 0) session.set("second", second);
            if (i % 10 === 0) session.cycleKey();
            return session.get("n");
          })
        ),
        sweep(),
        sweep(),
      ]);
      assert.deepEqual(seen.slice(0, 100), live.map((_, i) => i), `second ${second}`);
    }
    assert.equal(removed, 500);
    assert.deepEqual(await alive(live), Array(100).fill(true));
    const left = await Promise.all(keys.map((key) => held().load(key)));
    assert.deepEqual(left.map((record) => record !== undefined), keys.map((_, i) => i >= 500));
    assert.equal(await site.sessions.clearExpired(), 0);
  });
});
