/** The carrier of server-held sessions by itself, over a store that answers later. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../backends/memory.ts";
import { SessionError } from "../mod.ts";
import type { CarrierKit } from "../src/carrier.ts";
import { Events } from "../src/events.ts";
import { HeldCarrier } from "../src/held_carrier.ts";
import { withFormer } from "../src/record.ts";
import { turn, withoutTouch } from "./commit_rig.ts";
import { cookie, grace, setUp } from "./held_rig.ts";
import { secret } from "./identity_rig.ts";

describe("a session that is held on the server", () => {
  it("is found by its cookie, as often as it comes, and by its id", async () => {
    const { first, record, carrier, store, told } = setUp();
    const place = await first.create(record());
    for (const one of [first, carrier()]) {
      for (let i = 0; i < 3; i++) {
        for (
          const header of [cookie(place), `a=b; ${cookie(place)}`, `${cookie(place)}; a=${"b".repeat(600)}`]
        ) {
          store.taken();
          const [found, ...others] = await one.find(header);
          assert.equal(others.length, 0);
          assert.deepEqual({ ...found!.place }, { ...place, isFormer: false });
          assert.deepEqual(store.taken(), { load: 1 });
        }
      }
      assert.deepEqual({ ...(await one.open(place.id))?.place }, { ...place, isFormer: false });
    }
    assert.deepEqual(await first.find(null), []);
    assert.deepEqual(await first.find("a=b"), []);
    assert.deepEqual(told, []);
  });

  it("SR-025 gets a token under the newest secret from a save, a touch and a rotation", async () => {
    const ways = ["save", "touch", "rotate"] as const;
    for (const canTouch of [true, false]) {
      for (const way of ways) {
        const inner = new MemoryStore({ now: () => 1_800_000_000_000 });
        const { first, record, carrier } = setUp(canTouch ? inner : withoutTouch(inner) as MemoryStore);
        const { token } = await first.create(record());
        const both = carrier([secret(2), secret(1)]);
        const [found] = await both.find(cookie({ token }));
        assert.equal(found!.place.isStale, true);
        const place = await both[way](found!.place, record(), 0);
        assert.equal(place!.isStale, false);
        assert.notEqual(place!.token, token);
        const newest = carrier([secret(2)]);
        const [again] = await newest.find(cookie(place!));
        assert.equal(again!.place.isStale, false);
        assert.equal(again!.place.token, place!.token);
        assert.equal((await both.find(cookie(place!)))[0]!.place.isStale, false);
        assert.deepEqual(await newest.find(cookie({ token })), []);
      }
    }
  });

  it("SR-016 is not chosen from more than four cookies; four are read", async () => {
    const { first, record, told } = setUp();
    const places = await Promise.all(Array.from({ length: 5 }, () => first.create(record())));
    const four = await first.find(places.slice(1).map(cookie).join("; "));
    assert.deepEqual(four.map(({ place }) => place.key), places.slice(1).map(({ key }) => key));
    const two = await first.find(places.slice(3).map(cookie).join("; "));
    assert.equal(two.length, 2);
    assert.deepEqual(told, []);
    assert.deepEqual(await first.find(places.map(cookie).join("; ")), []);
    assert.deepEqual(told, ["rejected ambiguous"]);
    assert.deepEqual(await first.find("sid=x"), []);
    assert.deepEqual(told, ["rejected ambiguous", "rejected malformed"]);
  });

  it("SR-006 is not found by a tag that another secret made", async () => {
    const { first, record, carrier, told } = setUp();
    const place = await first.create(record());
    const other = carrier([secret(9)]);
    for (let i = 0; i < 2; i++) assert.deepEqual(await other.find(cookie(place)), []);
    assert.deepEqual(told, ["rejected forged", "rejected forged"]);
  });

  it("SR-050 is nobody's when its record is damaged, and trouble when the store fails", async () => {
    const { first, record, store, told } = setUp();
    const place = await first.create(record());
    const failing = (code: "ERR_DAMAGED" | "ERR_GONE") => () => {
      throw new SessionError(code, "as told");
    };
    store.before = failing("ERR_DAMAGED");
    assert.deepEqual(await first.find(cookie(place)), []);
    await turn();
    assert.deepEqual(told, ["damaged"]);
    store.before = failing("ERR_GONE");
    await assert.rejects(async () => await first.find(cookie(place)), { code: "ERR_GONE" });
    store.before = () => {
      throw new Error("down");
    };
    await assert.rejects(async () => await first.find(cookie(place)), { code: "ERR_STORE" });
  });

  it("SR-035 a touch of another's version leaves the version the old one; of a session that is gone it is nothing", async () => {
    for (const canTouch of [true, false]) {
      const inner = new MemoryStore({ now: () => 1_800_000_000_000 });
      const { first, record } = setUp(canTouch ? inner : withoutTouch(inner) as MemoryStore);
      const place = await first.create(record());
      const saved = await first.save(place, record(undefined, '{"a":1}'));
      assert.notEqual(saved!.version, place.version);
      const touched = await first.touch(place, record());
      assert.equal(touched!.version, place.version);
      assert.ok(!touched!.isFormer);
      assert.equal(await first.save(touched!, record()), undefined);
      assert.equal((await first.reload(place))!.record.data, record(undefined, '{"a":1}').data);
      assert.equal(await first.end({ place, record: record() }), true);
      assert.equal(await first.touch(place, record()), undefined);
      assert.equal(await first.reload(place), undefined);
      assert.equal(await first.save(place, record()), undefined);
    }
  });
});

describe("a session that was given a new id with grace", () => {
  it("SR-031 is found under the old id until the grace is over, and then told as reuse", async () => {
    const { first, record, carrier, clock, store, told } = setUp();
    const old = await first.create(record());
    const place = (await first.rotate(old, record(), grace))!;
    assert.notEqual(place.key, old.key);
    assert.equal(place.isStale, false);
    for (const one of [first, carrier()]) {
      const [found, ...others] = await one.find(cookie(old));
      assert.deepEqual(others, []);
      const { id, key, isFormer, isStale, version, token } = found!.place;
      assert.deepEqual(
        [id, key, isFormer, isStale, version, token],
        [place.id, place.key, true, false, place.version, old.token],
      );
      for (const header of [`${cookie(old)}; ${cookie(place)}`, `${cookie(place)}; ${cookie(old)}`]) {
        const both = await one.find(header);
        assert.deepEqual(both.map(({ place }) => [place.key, place.isFormer]), [[place.key, false]]);
      }
      assert.deepEqual(one.setCookie(found!.place, 1), []);
    }
    clock.now += grace * 1000 - 1;
    assert.equal((await first.find(cookie(old))).length, 1);
    clock.now += 1;
    const done: string[] = [];
    store.after = (method) => void done.push(method);
    assert.deepEqual(await first.find(cookie(old)), []);
    assert.equal(done.at(-1), "save");
    assert.deepEqual(told, ["reuse"]);
    assert.equal(await first.reload(old), undefined);
    clock.now -= 2;
    assert.deepEqual(await first.find(cookie(old)), [], "it is over whatever the clock says");
  });

  it("SR-031 is found over 32 rotations, and no more", async () => {
    const { first, record, store } = setUp();
    store.before = undefined;
    assert.equal(first.hasGrace, true);
    const old = await first.create(record());
    let place = old;
    for (let i = 0; i < 32; i++) place = (await first.rotate(place, record(), grace))!;
    assert.equal((await first.find(cookie(old)))[0]?.place.key, place.key);
    await first.rotate(place, record(), grace);
    assert.deepEqual(await first.find(cookie(old)), []);
  });

  it("SR-036 and touched under the old id is a former one, which gets no cookie", async () => {
    for (const canTouch of [true, false]) {
      const inner = new MemoryStore({ now: () => 1_800_000_000_000 });
      const { first, record } = setUp(canTouch ? inner : withoutTouch(inner) as MemoryStore);
      const old = await first.create(record());
      await first.rotate(old, record(), grace);
      const touched = await first.touch(old, record());
      assert.equal(touched!.isFormer, true);
      assert.equal(touched!.version, old.version);
      assert.deepEqual(first.setCookie(touched!, 1), []);
    }
  });

  it("SR-031 is not given another when somebody else has saved", async () => {
    const { first, record, store } = setUp();
    for (const seconds of [0, grace]) {
      const place = await first.create(record("ann"));
      await first.save(place, record("ann"));
      assert.equal(await first.rotate(place, record("ann"), seconds), undefined);
      assert.ok(await first.reload(place));
    }
    assert.equal((await store.list("ann")).length, 2);
  });

  it("SR-040 is inspected and revoked by every key it had", async () => {
    const { first, record } = setUp();
    const old = await first.create(record("ann"));
    const place = (await first.rotate(old, record("ann"), grace))!;
    assert.equal((await first.inspect(old.key))?.userId, "ann");
    assert.equal(await first.revoke(old.key), true);
    assert.equal(await first.inspect(old.key), undefined);
    assert.equal(await first.reload(place), undefined);
    assert.equal(await first.revoke(old.key), false);
  });
});

describe("a log-out", () => {
  for (const seconds of [0, grace]) {
    it(`SR-033 ends what a rotation of this process has made, with ${seconds} s of grace`, async () => {
      const { first, record } = setUp();
      const old = await first.create(record());
      const place = (await first.rotate(old, record(), seconds))!;
      assert.equal(await first.end({ place: old, record: record() }), true);
      assert.equal(await first.reload(place), undefined);
      assert.equal(await first.end({ place: old, record: record() }), false);
    });
  }

  it("SR-033 ends what two rotations of this process have made, one after the other", async () => {
    const { first, record, store } = setUp();
    const old = await first.create(record());
    const second = (await first.rotate(old, record(), 0))!;
    const third = (await first.rotate(second, record(), 0))!;
    assert.equal(await first.end({ place: old, record: record() }), true);
    assert.equal(store.inner.load(third.key), undefined);
  });

  it("SR-033 ends what a rotation under way makes", async () => {
    const { first, record, store } = setUp();
    const old = await first.create(record("ann"));
    const rotating = first.rotate(old, record("ann"), 0);
    while (store.counts.rotate !== 1) await turn();
    await Promise.all([rotating, first.end({ place: old, record: record("ann") })]);
    assert.deepEqual(await store.list("ann"), []);
  });

  it("SR-034 ends what another process made of a user's session, and no other of theirs", async () => {
    const { first, record, carrier, store } = setUp();
    const old = await first.create(record("ann"));
    const others = [await first.create(record("ann")), await first.create(record("ann"))];
    await carrier().rotate(old, record("ann"), 0);
    assert.equal((await store.list("ann")).length, 3);
    assert.equal(await first.end({ place: old, record: record("ann") }), true);
    const left = (await store.list("ann")).map(({ key }) => key);
    assert.deepEqual(left.sort(), others.map(({ key }) => key).sort());
    assert.equal(await first.end({ place: old, record: record("ann") }), false);
    assert.equal(await first.end({ place: old, record: record() }), false);
    assert.equal((await store.list("ann")).length, 2);
  });

  it("SR-034 waits for the end of everything that another process made of it", async () => {
    const { first, record, store } = setUp();
    const old = await first.create(record("ann"));
    for (const key of ["b", "a"].map((letter) => letter.repeat(64))) {
      const { data, ...others } = record("ann");
      await store.create(key, { ...others, data: withFormer(data, old.key) });
    }
    await store.delete(old.key);
    let running = 0;
    store.before = async (method) => {
      if (method === "delete") assert.equal(++running, 1, "one at a time");
      await turn();
    };
    store.after = (method) => void (method === "delete" && running--);
    assert.equal(await first.end({ place: old, record: record("ann") }), true);
    assert.equal(running, 0);
    assert.deepEqual(await store.list("ann"), []);
  });

  it("SR-034 of a user's session needs no list when it was where it was", async () => {
    const { first, record, store } = setUp();
    const place = await first.create(record("ann"));
    store.taken();
    assert.equal(await first.end({ place, record: record("ann") }), true);
    assert.equal(store.taken().list, undefined);
  });

  it("SR-034 of a session that is gone is none over a store that cannot list", async () => {
    const { record } = setUp();
    const first = new HeldCarrier(withoutTouch(new MemoryStore()), kitOf());
    const place = await first.create(record("ann"));
    assert.equal(await first.end({ place, record: record("ann") }), true);
    assert.equal(await first.end({ place, record: record("ann") }), false);
  });
});

describe("an expired record", () => {
  it("SR-038 is removed, unless somebody has saved it since", async () => {
    const { first, record } = setUp();
    const place = await first.create(record());
    const saved = (await first.save(place, record()))!;
    await first.retire({ place, record: record() });
    assert.ok(await first.reload(place));
    await first.retire({ place: saved, record: record() });
    assert.equal(await first.reload(place), undefined);
  });

  it("is cleared with all others, at most so many at once", async () => {
    const { first, record, clock } = setUp();
    for (let i = 0; i < 3; i++) await first.create(record());
    clock.now += 2 * 86_400_000;
    assert.equal(await first.clearExpired(clock.now, 2), 2);
    assert.equal(await first.clearExpired(clock.now, 2), 1);
  });
});

function kitOf(): CarrierKit {
  const now = () => 1_800_000_000_000;
  const events = new Events(undefined, now, (key) => Promise.resolve(key));
  const cookie = { name: "sid", set: () => "", clear: () => "" } as never;
  return { secrets: [secret(1)], cookie, timeout: 30, events, now } as unknown as CarrierKit;
}
