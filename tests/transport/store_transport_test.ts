/** The transport of server-held sessions by itself, over a store that answers later. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import { SessionError } from "../../mod.ts";
import type { StoredSession } from "../../src/transport/transport.ts";
import { readProofs } from "../../src/transport/id_proofs.ts";
import { turn, withoutTouch } from "../support/commit_rig.ts";
import { cookie, cycle, grace, type Setting, setUp } from "../support/store_transport_rig.ts";
import { secret } from "../support/identity_rig.ts";

/** Over a store with `touch`, and over one without. */
const settings = (): Setting[] =>
  [true, false].map((canTouch) => {
    const inner = new MemoryStore({ now: () => 1_800_000_000_000 });
    return setUp(canTouch ? inner : withoutTouch(inner) as MemoryStore);
  });

describe("a session that is held on the server", () => {
  it("is found by its cookie, as often as it comes, and by its id", async () => {
    const { first, record, transport, store, told } = setUp();
    const made = await first.create(record());
    for (const one of [first, transport()]) {
      for (let i = 0; i < 3; i++) {
        for (
          const header of [cookie(made), `a=b; ${cookie(made)}`, `${cookie(made)}; a=${"b".repeat(600)}`]
        ) {
          store.taken();
          const [found, ...others] = await one.find(header);
          assert.equal(others.length, 0);
          assert.deepEqual(found!.ref, made.ref);
          assert.deepEqual(store.taken(), { load: 1 });
        }
      }
      assert.deepEqual((await one.open(made.ref.id))?.ref, made.ref);
    }
    assert.deepEqual(await first.find(null), []);
    assert.deepEqual(await first.find("a=b"), []);
    assert.deepEqual(told, []);
  });

  it("SR-025 gets a token under the newest secret from a save, a touch and a rotation", async () => {
    for (const { first, record, transport } of settings()) {
      for (const way of ["save", "touch", "rotate"] as const) {
        const made = await first.create(record());
        const { cookieValue } = made.ref;
        const both = transport([secret(2), secret(1)]);
        const [found] = await both.find(cookie(made)) as [StoredSession];
        assert.equal(found.ref.hasOldSignature, true);
        const renewed = (await both[way](found, found.record, cycle()))!;
        assert.equal(renewed.ref.hasOldSignature, false);
        assert.notEqual(renewed.ref.cookieValue, cookieValue);
        const newest = transport([secret(2)]);
        const [again] = await newest.find(cookie(renewed));
        assert.equal(again!.ref.hasOldSignature, false);
        assert.equal(again!.ref.cookieValue, renewed.ref.cookieValue);
        assert.equal((await both.find(cookie(renewed)))[0]!.ref.hasOldSignature, false);
        assert.deepEqual(await newest.find(cookie(made)), []);
      }
    }
  });

  it("SR-016 is not chosen from more than four cookies; four are read", async () => {
    const { first, record, told } = setUp();
    const all = await Promise.all(Array.from({ length: 5 }, () => first.create(record())));
    const keys = all.map(({ ref }) => ref.key);
    const four = await first.find(all.slice(1).map(cookie).join("; "));
    assert.deepEqual(four.map(({ ref }) => ref.key), keys.slice(1));
    const two = await first.find(all.slice(3).map(cookie).join("; "));
    assert.equal(two.length, 2);
    assert.deepEqual(told, []);
    assert.deepEqual(await first.find(all.map(cookie).join("; ")), []);
    assert.deepEqual(told, ["rejected ambiguous"]);
    assert.deepEqual(await first.find("sid=x"), []);
    assert.deepEqual(told, ["rejected ambiguous", "rejected malformed"]);
  });

  it("SR-006 is not found by a tag that another secret made", async () => {
    const { first, record, transport, told } = setUp();
    const made = await first.create(record());
    const other = transport([secret(9)]);
    for (let i = 0; i < 2; i++) assert.deepEqual(await other.find(cookie(made)), []);
    assert.deepEqual(told, ["rejected forged", "rejected forged"]);
  });

  it("SR-050 is nobody's when its record is damaged, and trouble when the store fails", async () => {
    const { first, record, store, told } = setUp();
    const made = await first.create(record());
    const failing = (code: "ERR_DAMAGED" | "ERR_GONE") => () => {
      throw new SessionError(code, "as told");
    };
    store.before = failing("ERR_DAMAGED");
    assert.deepEqual(await first.find(cookie(made)), []);
    await turn();
    assert.deepEqual(told, ["damaged"]);
    store.before = failing("ERR_GONE");
    await assert.rejects(async () => await first.find(cookie(made)), { code: "ERR_GONE" });
    store.before = () => {
      throw new Error("down");
    };
    await assert.rejects(async () => await first.find(cookie(made)), { code: "ERR_STORE" });
  });

  it("SR-035 a touch of another's version does nothing, and so does one of a session that is gone", async () => {
    for (const { first, record, store } of settings()) {
      const made = await first.create(record());
      const saved = (await first.save(made, { ...made.record, data: '{"a":1}' }))!;
      assert.notEqual(saved.ref.version, made.ref.version);
      const later = { ...made.record, touchedAt: made.record.touchedAt + 5 };
      assert.equal(await first.touch(made, later), undefined);
      const { version: _, ...stored } = (await store.inner.load(made.ref.key))!;
      assert.deepEqual(stored, saved.record);
      const touched = (await first.touch(saved, { ...later, data: saved.record.data }))!;
      assert.equal((await first.reload(made))!.record.touchedAt, later.touchedAt);
      assert.ok(await first.save(touched, saved.record), "the next save goes on from it");
      assert.equal(await first.end(made), true);
      assert.equal(await first.touch(saved, later), undefined);
      assert.equal(await first.reload(made), undefined);
      assert.equal(await first.save(saved, record()), undefined);
    }
  });
});

describe("a session that was given a new id with grace", () => {
  it("SR-031 is found under the old id until the grace is over, and then told as reuse", async () => {
    const { first, record, transport, clock, store, told } = setUp();
    const old = await first.create(record());
    const next = (await first.rotate(old, old.record, cycle(grace)))!;
    assert.equal(next.ref.key, old.ref.key);
    assert.notEqual(next.ref.id, old.ref.id);
    assert.equal(next.ref.hasOldSignature, false);
    for (const one of [first, transport()]) {
      const [found, ...others] = await one.find(cookie(old));
      assert.deepEqual(others, []);
      assert.deepEqual(found!.ref, { ...old.ref, version: next.ref.version, viaOldId: true });
      for (const header of [`${cookie(old)}; ${cookie(next)}`, `${cookie(next)}; ${cookie(old)}`]) {
        const both = await one.find(header);
        assert.deepEqual(both.map(({ ref }) => ref), [next.ref]);
      }
      assert.deepEqual(one.setCookie(found!.ref, 1, null), []);
    }
    clock.now += grace * 1000 - 1;
    assert.equal((await first.find(cookie(old)))[0]!.ref.replacedBy, undefined);
    clock.now += 1;
    const done: string[] = [];
    store.after = (method) => void done.push(method);
    assert.equal((await first.find(cookie(old)))[0]!.ref.replacedBy, "rotation");
    assert.equal(done.at(-1), "save", "it is struck out");
    await turn();
    assert.deepEqual(told, ["reuse"]);
    assert.equal(await first.open(old.ref.id), undefined);
    await turn();
    assert.deepEqual(told, ["reuse"], "no event for who opens it");
    clock.now -= 2;
    const [again] = await first.find(cookie(old));
    assert.equal(again!.ref.replacedBy, "rotation", "it is over whatever the clock says");
    assert.equal((await first.find(cookie(next)))[0]!.ref.replacedBy, undefined);
  });

  it("SR-036 a touch or a save under the old id is a former one's, which gets no cookie", async () => {
    for (const { first, record } of settings()) {
      const old = await first.create(record());
      await first.rotate(old, old.record, cycle(grace));
      for (const way of ["touch", "save"] as const) {
        const [found] = await first.find(cookie(old)) as [StoredSession];
        const done = (await first[way](found, found.record))!;
        assert.equal(done.ref.viaOldId, true);
        assert.equal(done.ref.cookieValue, old.ref.cookieValue);
        assert.deepEqual(first.setCookie(done.ref, 1, null), []);
      }
    }
  });

  it("SR-031 is not given another when somebody else has saved, and tells how its id was replaced since", async () => {
    const { first, record } = setUp();
    for (const why of ["rotated", "login"] as const) {
      const made = await first.create(record("ann"));
      await first.save(made, made.record);
      assert.equal(await first.rotate(made, made.record, cycle()), undefined);
      const now = (await first.reload(made))!;
      assert.equal(now.ref.replacedBy, undefined);
      const next = (await first.rotate(now, now.record, cycle(0, why)))!;
      const expected = why === "login" ? "login" : "rotation";
      assert.equal((await first.reload(made))!.ref.replacedBy, expected);
      assert.equal(first.seenBy(made, next).ref.replacedBy, expected);
      assert.equal(first.seenBy(next, next).ref.replacedBy, undefined);
      assert.equal(readProofs(next.record.head).logins, Number(why === "login"));
    }
  });

  it("SR-031 a change of the user is seen as a log-in also under an id that stays", async () => {
    const { first, record } = setUp();
    const made = await first.create(record("ann"));
    const { userId: _, ...nobody } = made.record;
    const cleared = (await first.save(made, nobody))!;
    assert.equal((await first.reload(made))!.ref.replacedBy, "login");
    assert.equal((await first.reload(cleared))!.ref.replacedBy, undefined);
    assert.equal((await first.find(cookie(made)))[0]!.ref.replacedBy, undefined);
  });

  it("SR-031 has one new id, however often the save is tried", async () => {
    const { first, record, store } = setUp();
    const made = await first.create(record());
    const wish = cycle();
    store.after = (method) => {
      if (method === "save") throw new Error("the line broke");
    };
    await assert.rejects(async () => await first.rotate(made, made.record, wish), { code: "ERR_STORE" });
    store.after = undefined;
    const id = wish.next!.id;
    assert.equal(await first.rotate(made, made.record, wish), undefined);
    assert.equal(wish.next!.id, id);
    assert.equal((await first.open(id))?.ref.id, id);
  });

  it("SR-040 is inspected and revoked by the one key that it keeps", async () => {
    const { first, record } = setUp();
    const old = await first.create(record("ann"));
    const next = (await first.rotate(old, old.record, cycle(grace)))!;
    const { key } = old.ref;
    assert.equal((await first.inspect(key))?.record.userId, "ann");
    assert.equal(await first.revoke(key), true);
    assert.equal(await first.inspect(key), undefined);
    assert.equal(await first.reload(next), undefined);
    assert.equal(await first.revoke(key), false);
  });
});

describe("a log-out", () => {
  for (const seconds of [0, grace]) {
    it(`SR-033 SR-034 ends what 50 rotations of two processes have made, with ${seconds} s of grace`, async () => {
      const { first, record, transport, store } = setUp();
      store.before = undefined;
      const old = await first.create(record("ann"));
      const other = await first.create(record("ann"));
      const all = [old];
      for (let i = 0; i < 50; i++) {
        const by = i % 2 ? first : transport();
        all.push((await by.rotate(all[i]!, all[i]!.record, cycle(seconds, i % 5 ? "rotated" : "login")))!);
      }
      store.taken();
      assert.equal(await first.end(old), true);
      assert.deepEqual(store.taken(), { delete: 1 });
      for (const one of all) {
        assert.deepEqual(await first.find(cookie(one)), []);
        assert.equal(await first.reload(one), undefined);
      }
      assert.equal(await first.end(old), false);
      assert.deepEqual((await store.list("ann")).entries.map(({ key }) => key), [other.ref.key]);
    });
  }

  it("SR-033 ends what a rotation under way makes, or is before it", async () => {
    const { first, record, store } = setUp();
    const old = await first.create(record("ann"));
    const rotating = first.rotate(old, old.record, cycle());
    while (store.counts.save !== 1) await turn();
    await Promise.all([rotating, first.end(old)]);
    assert.deepEqual((await store.list("ann")).entries, []);
  });

  it("ends the sessions of all cookies that are ours, whatever they are, and clears them; of others it knows nothing", async () => {
    const { first, record, transport, store } = setUp();
    const [one, two, kept] = [
      await first.create(record()),
      await first.create(record()),
      await first.create(record()),
    ];
    await first.rotate(one, one.record, cycle());
    const unknown = await first.create(record());
    await first.end(unknown);
    const forged = cookie(await transport([secret(9)]).create(record()));
    const header = [one, two, unknown].map(cookie).concat(forged, "sid=x").join("; ");
    assert.deepEqual(await first.endByCookies(header, new Set()), {
      ended: [one.ref.key, two.ref.key],
      setCookies: ["sid="],
    });
    assert.equal(await store.inner.load(one.ref.key), undefined);
    store.taken();
    assert.deepEqual(await first.endByCookies(`${forged}; sid=x`, new Set()), { ended: [], setCookies: [] });
    assert.deepEqual(await first.endByCookies(null, new Set()), { ended: [], setCookies: [] });
    assert.deepEqual(await first.endByCookies(cookie(kept), new Set([kept.ref.key])), {
      ended: [],
      setCookies: ["sid="],
    });
    assert.deepEqual(store.taken(), {});
    assert.equal((await first.find(cookie(kept))).length, 1);
    // More cookies than are ever read are all ended.
    const many = await Promise.all(Array.from({ length: 9 }, () => first.create(record())));
    assert.equal((await first.endByCookies(many.map(cookie).join("; "), new Set())).ended.length, 9);
  });
});

describe("an expired record", () => {
  it("SR-038 is removed, unless somebody has saved it since", async () => {
    const { first, record } = setUp();
    const made = await first.create(record());
    const saved = (await first.save(made, made.record))!;
    await first.removeExpired(made);
    assert.ok(await first.reload(made));
    await first.removeExpired(saved);
    assert.equal(await first.reload(saved), undefined);
  });

  it("is cleared with all others, at most so many at once", async () => {
    const { first, record, clock } = setUp();
    for (let i = 0; i < 3; i++) await first.create(record());
    clock.now += 2 * 86_400_000;
    assert.equal(await first.clearExpired(clock.now, 2), 2);
    assert.equal(await first.clearExpired(clock.now, 2), 1);
  });
});
