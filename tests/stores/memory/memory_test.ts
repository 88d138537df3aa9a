import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { MemoryStore } from "../../../backends/memory.ts";
import type { SessionRecord } from "../../../src/store.ts";

const keyOf = (n: number) => n.toString(16).padStart(64, "0");
const recordOf = (data: string, more: Partial<SessionRecord> = {}): SessionRecord => ({
  data,
  createdAt: 1,
  touchedAt: 1,
  expiresAt: 1_000,
  ...more,
});
const open = (maxEntries = 100) => new MemoryStore({ maxEntries, now: () => 500 });
const keysOf = (store: MemoryStore, userId: string) => store.list(userId).entries.map(({ key }) => key);
const [a, b, c, d] = [keyOf(1), keyOf(2), keyOf(3), keyOf(4)] as const;

describe("MemoryStore", () => {
  it("gives back what was created, as a plain value with its version", () => {
    const store = open();
    const record = recordOf('{"n":1}', { userId: "ada" });
    const version = store.create(a, record);
    assert.equal(typeof version, "string");
    assert.deepEqual(store.load(a), { ...record, version });
    assert.equal(store.load(b), undefined);
  });

  it("SR-004 inserts only if the key is free", () => {
    const store = open();
    const version = store.create(a, recordOf("old"))!;
    assert.equal(store.create(a, recordOf("new")), undefined);
    assert.deepEqual(store.load(a), { ...recordOf("old"), version });
  });

  it("replaces an expired record, from the instant it expires on, and leaves nothing of it", () => {
    const store = open();
    store.create(a, recordOf("old", { expiresAt: 500, userId: "ada" }));
    store.create(b, recordOf("old", { expiresAt: 501 }));
    assert.ok(store.create(a, recordOf("new", { userId: "bob" })));
    assert.equal(store.create(b, recordOf("new")), undefined);
    assert.equal(store.load(a)?.data, "new");
    assert.deepEqual(store.list("ada"), { entries: [] });
  });

  it("saves only over the version that was loaded", () => {
    const store = open();
    const first = store.create(a, recordOf("1"))!;
    const second = store.save(a, recordOf("2"), first)!;
    assert.notEqual(second, first);
    assert.equal(store.save(a, recordOf("3"), first), undefined);
    assert.equal(store.load(a)?.data, "2");
    assert.equal(store.save(b, recordOf("3"), first), undefined);
    assert.equal(store.load(b), undefined);
  });

  it("never uses a version twice, also across delete and create", () => {
    const store = open();
    const seen = new Set<string>();
    for (let i = 0; i < 50; i++) {
      const created = store.create(a, recordOf("x"))!;
      const saved = store.save(a, recordOf("y"), created)!;
      for (const version of [created, saved]) {
        assert.ok(!seen.has(version));
        seen.add(version);
      }
      store.delete(a);
    }
  });

  it("keeps the head beside the data, and shows it in a list", () => {
    const store = open();
    const record = recordOf("x", { userId: "ada", head: "ü" });
    const version = store.create(a, record)!;
    store.touch(a, 1, 1_000, version);
    assert.deepEqual(store.load(a), { ...record, version });
    const { data: _, ...summary } = record;
    assert.deepEqual(store.list("ada"), { entries: [{ key: a, record: summary }] });
    store.save(a, recordOf("y"), version);
    assert.ok(!("head" in store.load(a)!));
  });

  it("touches both instants, of the version it is given, and nothing else", () => {
    const store = open();
    const version = store.create(a, recordOf("x", { userId: "ada" }))!;
    const before = store.load(a);
    assert.equal(store.touch(a, 700, 1_700, version), true);
    assert.equal(store.touch(b, 700, 1_700, version), false);
    const touched = { ...recordOf("x", { userId: "ada", touchedAt: 700, expiresAt: 1_700 }), version };
    assert.deepEqual(store.load(a), touched);
    assert.equal(store.touch(a, 800, 1_800, "another"), false);
    assert.equal(store.touch(a, 600, 1_600, version), true);
    assert.deepEqual(store.load(a), touched);
    assert.equal(before?.touchedAt, 1);
    assert.ok(store.save(a, recordOf("y"), version));
  });

  it("deletes, and says whether there was one", () => {
    const store = open();
    store.create(a, recordOf("x"));
    assert.equal(store.delete(a), true);
    assert.equal(store.delete(a), false);
    assert.equal(store.load(a), undefined);
  });

  it("SR-043 holds records that nobody can change", () => {
    const store = open();
    const given = { ...recordOf("x") } as { data: string } & SessionRecord;
    store.create(a, given);
    given.data = "changed";
    const loaded = store.load(a) as { data: string };
    assert.equal(loaded.data, "x");
    assert.throws(() => loaded.data = "changed", TypeError);
    assert.equal(store.load(a)?.data, "x");
  });

  it("lists the records of one user", () => {
    const store = open();
    store.create(a, recordOf("a", { userId: "ada" }));
    store.create(b, recordOf("b", { userId: "bob" }));
    store.create(c, recordOf("c", { userId: "ada" }));
    store.create(d, recordOf("d"));
    const { data: _, ...summary } = recordOf("", { userId: "ada" });
    assert.deepEqual(store.list("ada"), {
      entries: [{ key: a, record: summary }, { key: c, record: summary }],
    });
    assert.deepEqual(store.list("eve"), { entries: [] });
    store.save(a, recordOf("a", { userId: "eve" }), store.load(a)!.version);
    assert.deepEqual(keysOf(store, "eve"), [a]);
    assert.deepEqual(keysOf(store, "ada"), [c]);
  });

  it("lists a hundred at a time, in the order in which they became the user's, whatever happens to them", () => {
    const store = new MemoryStore();
    const ada = recordOf("x", { userId: "ada" });
    for (let i = 0; i < 250; i++) store.create(keyOf(i), ada);
    const first = store.list("ada");
    assert.deepEqual(first.entries.map(({ key }) => key), Array.from({ length: 100 }, (_, i) => keyOf(i)));
    for (const i of [3, 99, 100]) store.delete(keyOf(i));
    for (const i of [101, 249]) store.touch(keyOf(i), 1, 2_000, store.load(keyOf(i))!.version);
    store.save(keyOf(248), recordOf("y", { userId: "ada", expiresAt: 1 }), store.load(keyOf(248))!.version);
    const second = store.list("ada", { after: first.next });
    assert.deepEqual(
      second.entries.map(({ key }) => key),
      Array.from({ length: 100 }, (_, i) => keyOf(101 + i)),
    );
    const third = store.list("ada", { after: second.next, limit: 1_000 });
    assert.deepEqual(
      third.entries.map(({ key }) => key),
      Array.from({ length: 49 }, (_, i) => keyOf(201 + i)),
    );
    assert.equal(third.next, undefined);
    assert.throws(() => store.list("ada", { limit: 0 }), RangeError);
  });

  it("clears at most so many expired records, and no live one", () => {
    const store = open();
    for (let i = 0; i < 10; i++) store.create(keyOf(i), recordOf("x", { expiresAt: i < 7 ? 400 : 600 }));
    assert.equal(store.clearExpired(500, 0), 0);
    assert.equal(store.clearExpired(500, 5), 5);
    assert.equal(store.clearExpired(500, 5), 2);
    assert.equal(store.clearExpired(500, 5), 0);
    assert.equal(store.size, 3);
    assert.equal(store.clearExpired(600, Infinity), 3);
  });

  for (const [whose, more] of [["users'", { userId: "ada" }], ["anonymous", {}]] as const) {
    it(`SR-063 drops the record that was used least recently when it is full of ${whose} ones`, () => {
      const store = open(3);
      const evicted: string[] = [];
      store.onEvict((key) => evicted.push(key));
      for (const [key, data] of [[a, "a"], [b, "b"], [c, "c"]] as const) {
        store.create(key, recordOf(data, more));
      }
      store.load(a);
      store.create(d, recordOf("d", more));
      assert.equal(store.load(b), undefined);
      if ("userId" in more) assert.deepEqual(keysOf(store, "ada"), [a, c, d]);
      store.touch(c, 2, 2_000, store.load(c)!.version);
      store.save(a, recordOf("a", more), store.load(a)!.version);
      store.create(b, recordOf("b", more));
      assert.deepEqual([a, b, c, d].map((key) => store.load(key)?.data), ["a", "b", "c", undefined]);
      assert.deepEqual(evicted, [b, d]);
    });
  }

  it("SR-063 drops anonymous records first, also the newest, and no user's for theirs", () => {
    const store = open(4);
    const evicted: string[] = [];
    store.onEvict((key) => evicted.push(key));
    store.create(a, recordOf("a", { userId: "ada" }));
    store.create(b, recordOf("b"));
    store.create(c, recordOf("c", { userId: "bob" }));
    store.create(d, recordOf("d"));
    store.load(b);
    store.create(keyOf(5), recordOf("5", { userId: "eve" }));
    assert.deepEqual(evicted, [d]);
    store.create(keyOf(6), recordOf("6", { userId: "eve" }));
    assert.deepEqual(evicted, [d, b]);
    for (let i = 7; i < 20; i++) {
      store.create(keyOf(i), recordOf("x"));
      assert.deepEqual([store.size, evicted.at(-1)], [4, keyOf(i)]);
    }
    store.create(keyOf(20), recordOf("20", { userId: "ann" }));
    assert.equal(evicted.at(-1), a, "of users, who was used least recently");
    assert.deepEqual([c, keyOf(5), keyOf(6), keyOf(20)].map((key) => store.load(key)?.userId), [
      "bob",
      "eve",
      "eve",
      "ann",
    ]);
  });

  it("SR-063 whoever logs in or out changes sides", () => {
    const store = open(2);
    const version = store.create(a, recordOf("a"))!;
    store.create(b, recordOf("b", { userId: "bob" }));
    const known = store.save(a, recordOf("a", { userId: "ada" }), version)!;
    store.create(c, recordOf("c"));
    assert.deepEqual([a, b, c].map((key) => store.load(key)?.data), ["a", "b", undefined]);
    store.save(a, recordOf("a"), known);
    store.load(a);
    store.create(c, recordOf("c"));
    assert.deepEqual([a, b, c].map((key) => store.load(key)?.data), [undefined, "b", "c"]);
  });

  it("SR-063 what has expired goes before what lives, and is no loss", () => {
    let now = 500;
    const store = new MemoryStore({ maxEntries: 2, now: () => now });
    const evicted: string[] = [];
    store.onEvict((key) => evicted.push(key));
    store.create(a, recordOf("a", { userId: "ada" }));
    store.create(b, recordOf("b", { userId: "bob", expiresAt: 3_000 }));
    now = 1_000;
    store.create(c, recordOf("c", { expiresAt: 2_000 }));
    assert.deepEqual([a, b, c].map((key) => store.load(key)?.data), [undefined, "b", "c"]);
    now = 2_000;
    store.create(d, recordOf("d", { expiresAt: 3_000 }));
    assert.deepEqual([[b, c, d].map((key) => store.load(key)?.data), evicted], [["b", undefined, "d"], []]);
  });

  it("SR-063 stays bounded under a flood of records", () => {
    const store = new MemoryStore();
    for (let i = 0; i < 200_000; i++) {
      store.create(keyOf(i), recordOf("x", { userId: String(i), expiresAt: 9e12 }));
    }
    assert.equal(store.size, 10_000);
    assert.equal(store.load(keyOf(189_999)), undefined);
    assert.deepEqual(store.list("0"), { entries: [] });
    assert.equal(store.load(keyOf(190_000))?.userId, "190000");
  });

  it("SR-063 a save counts as use, once", () => {
    const store = open(3);
    const version = store.create(a, recordOf("a"))!;
    for (const key of [b, c]) store.create(key, recordOf("x"));
    store.save(a, recordOf("a"), version);
    for (let i = 5; i < 9; i++) {
      store.create(keyOf(i), recordOf("x"));
      assert.equal(store.size, 3);
    }
    assert.deepEqual([a, b, c].map((key) => store.load(key)), [undefined, undefined, undefined]);

    const again = open(2);
    const first = again.create(a, recordOf("a"))!;
    again.create(b, recordOf("b"));
    again.save(a, recordOf("a"), first);
    again.create(c, recordOf("c"));
    assert.deepEqual([a, b, c].map((key) => again.load(key)?.data), ["a", undefined, "c"]);
  });

  it("holds a single record, too", () => {
    const store = open(1);
    store.create(a, recordOf("a"));
    store.create(b, recordOf("b"));
    assert.deepEqual([store.size, store.load(b)?.data], [1, "b"]);
  });

  it("a session of nobody is in no list", () => {
    const store = open();
    store.create(a, recordOf("a"));
    assert.deepEqual(store.list(undefined as never), { entries: [] });
    assert.deepEqual(store.list("undefined"), { entries: [] });
  });

  it("refuses what is no instant, and nothing changes", () => {
    const store = open();
    const version = store.create(a, recordOf("a"))!;
    for (const value of [NaN, 2 ** 53, "0" as never]) {
      for (const field of ["createdAt", "touchedAt", "expiresAt"]) {
        const wrong = recordOf("b", { [field]: value });
        assert.throws(() => store.create(b, wrong));
        assert.throws(() => store.save(a, wrong, version));
      }
      assert.throws(() => store.touch(a, value, 2_000, version));
      assert.throws(() => store.touch(a, 2, value, version));
      assert.throws(() => store.clearExpired(value, 1));
    }
    assert.deepEqual(store.load(a), { ...recordOf("a"), version });
    assert.equal(store.size, 1);
  });

  it("counts a thousand at a time, and what was removed meanwhile not at all", async () => {
    const store = new MemoryStore();
    for (let i = 0; i < 1500; i++) store.create(keyOf(i), recordOf("é", { createdAt: 100 + i }));
    const counting = store.stats(900, [200]);
    for (const i of [5, 999, 1000, 1400]) store.delete(keyOf(i));
    assert.deepEqual(await counting, {
      live: 1498,
      expired: 0,
      damaged: 0,
      bytes: 2996,
      oldest: 100,
      newest: 1599,
      ages: [897, 601],
    });
    assert.equal(store.size, 1496);
  });

  it("closes twice, and with `await using`", async () => {
    await using store = open();
    store.create(a, recordOf("x"));
    assert.equal(store.close(), undefined);
    assert.equal(store.close(), undefined);
    assert.ok(store[Symbol.asyncDispose]() instanceof Promise);
  });

  it("drops nothing with an infinite limit, and says whether it may", () => {
    const store = open(Infinity);
    for (let i = 0; i < 10_001; i++) {
      store.create(`${i}`, { data: "ä", createdAt: 0, touchedAt: 0, expiresAt: 1_000 });
    }
    assert.equal(store.size, 10_001);
    assert.equal(store.load("0")?.data, "ä");
    assert.deepEqual([store.forgets, open(5).forgets], [false, true]);
  });

  it("refuses wrong options", () => {
    for (const maxEntries of [0, -1, 1.5, NaN, -Infinity]) {
      assert.throws(() => new MemoryStore({ maxEntries }), {
        name: "RangeError",
        message:
          `MemoryStore: maxEntries must be a whole number, 1 or more, or Infinity: received ${maxEntries}`,
      });
    }
    for (const wrong of [{ maxEntries: "10" }, { maxEntry: 10 }, { now: 5 }]) {
      assert.throws(() => new MemoryStore(wrong as never), TypeError);
    }
  });
});
