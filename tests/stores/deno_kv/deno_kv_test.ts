import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DenoKv, DenoKvStore } from "../../../backends/deno_kv.ts";
import { SessionError, type SessionErrorCode } from "../../../src/errors.ts";
import { openTestKv } from "../../support/deno_kv/open_kv.ts";

const onDeno = "Deno" in globalThis;
const startTime = Date.now();
const key = (n: number) => n.toString(16).padStart(64, "0");
const record = (data = "{}", userId?: string, expiresAt = startTime + 60_000) => ({
  data,
  ...(userId === undefined ? {} : { userId }),
  createdAt: startTime,
  touchedAt: startTime,
  expiresAt,
});
const code = (code: SessionErrorCode) => (error: unknown) =>
  error instanceof SessionError && error.code === code;
const keysOf = async (store: DenoKvStore, user: string) =>
  (await store.list(user)).entries.map(({ key }) => key).sort();

async function entries(kv: DenoKv): Promise<string[]> {
  const found = [];
  for await (const { key } of kv.list({ prefix: [] }, { consistency: "strong" })) found.push(String(key[1]));
  return found.sort();
}

const folder = mkdtempSync(join(tmpdir(), "sojourn-kv-"));
after(() => rmSync(folder, { recursive: true, force: true }));

for (const path of [":memory:", join(folder, "plain.kv")]) {
  describe(`DenoKvStore over ${path === ":memory:" ? path : "a file"}`, () => {
    let kv: DenoKv;
    let store: DenoKvStore;
    let serial = 0;
    before(async () => {
      kv = await openTestKv(path);
    });
    const fresh = () => store = new DenoKvStore(kv, { prefix: `t${serial++}` });
    after(() => kv.close());

    it("keeps what it was given, byte for byte", async () => {
      fresh();
      for (
        const data of ["", "{}", '{"a":"é\u0000😀"}', "\uFEFFbom", "lone \uD800 surrogate", '"'.repeat(1000)]
      ) {
        for (const userId of [undefined, "", "u", "é😀", "\uDFFF", "long".repeat(1000)]) {
          const given = {
            data,
            ...(userId === undefined ? {} : { userId }),
            createdAt: 0,
            touchedAt: -3,
            expiresAt: startTime * 3,
          };
          const version = await store.create(key(1), given);
          assert.deepEqual(await store.load(key(1)), { ...given, version });
          if (userId !== undefined) assert.deepEqual(await keysOf(store, userId), [key(1)]);
          assert.equal(await store.delete(key(1)), true);
        }
      }
    });

    it("creates only where the key is free or its record has expired", async () => {
      fresh();
      assert.equal(await store.load(key(1)), undefined);
      assert.ok(await store.create(key(1), record("old", "u")));
      assert.equal(await store.create(key(1), record("new")), undefined);
      assert.equal((await store.load(key(1)))?.data, "old");
      assert.ok(await store.create(key(2), record("dead", "u", startTime - 1)));
      assert.ok(await store.create(key(2), record("new", "v")));
      assert.equal((await store.load(key(2)))?.data, "new");
      assert.deepEqual(await keysOf(store, "u"), [key(1)]);
    });

    it("SR-042 saves over the version that was loaded, and no other", async () => {
      fresh();
      const first = await store.create(key(1), record("1"));
      const second = await store.save(key(1), record("2"), first!);
      assert.ok(second && second !== first);
      assert.equal(await store.save(key(1), record("3"), first!), undefined);
      assert.equal((await store.load(key(1)))?.data, "2");
      const wins = await Promise.all(
        Array.from({ length: 20 }, (_, i) => store.save(key(1), record(`${i}`), second)),
      );
      assert.equal(wins.filter((version) => version !== undefined).length, 1);
    });

    it("SR-034 a deleted record stays deleted, and no version comes back", async () => {
      fresh();
      const seen = new Set<string>();
      for (let round = 0; round < 5; round++) {
        const version = (await store.create(key(1), record()))!;
        const saved = (await store.save(key(1), record("s"), version))!;
        assert.ok(!seen.has(version) && !seen.has(saved));
        seen.add(version).add(saved);
        assert.equal(await store.delete(key(1)), true);
        assert.equal(await store.delete(key(1)), false);
        for (const old of seen) assert.equal(await store.save(key(1), record("back"), old), undefined);
        assert.equal(await store.touch(key(1), startTime, startTime + 1, saved), false);
        assert.equal(await store.load(key(1)), undefined);
      }
      assert.equal((await Promise.all([store.delete(key(1)), store.delete(key(1))])).includes(true), false);
    });

    it("SR-035 a touch moves the two instants and nothing else, also beside saves", async () => {
      fresh();
      const version = (await store.create(key(1), record("kept", "u")))!;
      assert.equal(await store.touch(key(1), startTime + 5, startTime + 90_000, version), true);
      assert.deepEqual(await store.load(key(1)), {
        ...record("kept", "u"),
        touchedAt: startTime + 5,
        expiresAt: startTime + 90_000,
        version,
      });
      let current = version;
      for (let round = 0; round < 50; round++) {
        const [saved, touched] = await Promise.all([
          store.save(key(1), record(`${round}`, "u"), current),
          store.touch(key(1), startTime + round, startTime + 70_000 + round, current),
        ]);
        assert.ok(saved);
        assert.equal(typeof touched, "boolean");
        current = saved;
        const loaded = await store.load(key(1));
        assert.equal(loaded?.data, `${round}`);
        assert.equal(loaded?.version, saved);
      }
    });

    it("SR-040 the user index shows records without their data, and follows each touch, save and delete", async () => {
      fresh();
      const { data: _, ...bare } = record("", "u");
      const shown = async (user: string) => (await store.list(user)).entries;
      const one = (await store.create(key(1), { ...record("secret", "u"), head: "1 é\n{}" }))!;
      assert.deepEqual(await shown("u"), [{ key: key(1), record: { ...bare, head: "1 é\n{}" } }]);
      assert.equal(await store.touch(key(1), startTime + 7, startTime + 80_000, one), true);
      const touched = { ...bare, touchedAt: startTime + 7, expiresAt: startTime + 80_000 };
      assert.deepEqual(await shown("u"), [{ key: key(1), record: { ...touched, head: "1 é\n{}" } }]);
      assert.equal(await store.touch(key(1), startTime + 1, startTime + 90_000, one), true);
      assert.deepEqual((await shown("u"))[0]!.record.touchedAt, startTime + 7);
      assert.deepEqual((await shown("u"))[0]!.record.expiresAt, startTime + 90_000);
      const two = (await store.save(key(1), { ...record("other", "u"), head: "2" }, one))!;
      assert.deepEqual(await shown("u"), [{ key: key(1), record: { ...bare, head: "2" } }]);
      assert.equal(await store.touch(key(1), startTime + 9, startTime + 99_000, one), false);
      assert.deepEqual(await shown("u"), [{ key: key(1), record: { ...bare, head: "2" } }]);
      await store.save(key(1), record("other", "v"), two);
      assert.deepEqual(await shown("u"), []);
      assert.deepEqual(await shown("v"), [{ key: key(1), record: { ...bare, userId: "v" } }]);
      assert.equal(await store.delete(key(1)), true);
      assert.deepEqual(await shown("v"), []);
      const indexed = [];
      for await (const entry of kv.list({ prefix: [`t${serial - 1}`] }, { consistency: "strong" })) {
        indexed.push(entry.key);
      }
      assert.deepEqual(indexed, []);
    });

    it("SR-040 lists exactly one user's records, however many there are", async () => {
      fresh();
      const all = Array.from({ length: 75 }, (_, i) => key(i));
      await Promise.all(all.map((key) => store.create(key, record("x", "u"))));
      await Promise.all(all.map((_, i) => store.create(key(1000 + i), record("y", "u2"))));
      assert.deepEqual(await keysOf(store, "u"), all);
      const moved = (await store.load(all[0]!))!;
      await store.save(all[0]!, record("x", "v"), moved.version);
      await store.delete(all[1]!);
      assert.deepEqual(await keysOf(store, "u"), all.slice(2));
      assert.deepEqual(await keysOf(store, "v"), [all[0]]);
      assert.deepEqual(await keysOf(store, "nobody"), []);
    });

    it("SR-039 clears expired records only, at most as many as told", async () => {
      fresh();
      const clock = startTime + 1000;
      for (let i = 0; i < 100; i++) {
        await store.create(key(i), record("x", "u", i < 50 ? startTime + i : startTime + 1001 + i));
      }
      const [first, last] = [(await store.load(key(0)))!, (await store.load(key(99)))!];
      assert.equal(await store.touch(key(0), startTime, startTime + 5000, first.version), true);
      assert.equal(await store.touch(key(99), startTime, clock, last.version), true); // not moved back
      assert.equal(await store.clearExpired(clock, 0), 0);
      assert.equal(await store.clearExpired(clock, 3), 3);
      const [a, b] = await Promise.all([store.clearExpired(clock, 100), store.clearExpired(clock, 100)]);
      assert.equal(a + b, 46);
      assert.equal(await store.clearExpired(clock, 100), 0);
      assert.deepEqual(await keysOf(store, "u"), [
        key(0),
        ...Array.from({ length: 50 }, (_, i) => key(50 + i)),
      ]);
    });

    it("leaves nothing behind when all sessions have ended", async () => {
      fresh();
      const lone = await openTestKv(":memory:");
      const store2 = new DenoKvStore(lone);
      for (let i = 0; i < 5; i++) {
        let version = await store2.create(key(i), record("x", `u${i % 2}`));
        version = await store2.save(key(i), record("y", `v${i}`, startTime + 99_000), version!);
        await store2.touch(key(i), startTime, startTime + 177_000, version!);
        if (i > 2) await store2.save(key(i), record("z"), version!);
      }
      assert.equal((await entries(lone)).length, 5 + 5 + 3);
      for (let i = 0; i < 5; i++) await store2.delete(key(i));
      assert.deepEqual(await entries(lone), []);
      lone.close();
    });
  });
}

describe("DenoKvStore opened and closed", () => {
  it("opens on Deno, elsewhere says what to do", async () => {
    if (!onDeno) {
      await assert.rejects(
        DenoKvStore.open(":memory:"),
        (error: Error) => code("ERR_UNSUPPORTED")(error) && /@deno\/kv/.test(error.message),
      );
      return;
    }
    const path = join(folder, "opened.kv");
    {
      await using store = await DenoKvStore.open(path, { prefix: "p" });
      await store.create(key(1), record("kept"));
      store.close();
      await assert.rejects(store.load(key(1)), code("ERR_STORE"));
    }
    await using again = await DenoKvStore.open(path, { prefix: "p" });
    assert.equal((await again.load(key(1)))?.data, "kept");
    writeFileSync(join(folder, "garbage.kv"), "no database at all ".repeat(500));
    await assert.rejects(DenoKvStore.open(join(folder, "garbage.kv")), code("ERR_DAMAGED"));
    await assert.rejects(DenoKvStore.open(join(folder, "missing", "x.kv")), code("ERR_STORE"));
  });

  it("does not close a database that was handed in", async () => {
    const kv = await openTestKv(":memory:");
    {
      await using store = new DenoKvStore(kv);
      store.close();
      store.close();
    }
    assert.equal(await new DenoKvStore(kv).load(key(1)), undefined);
    kv.close();
  });

  it("refuses wrong options and anything that is no Deno.Kv", async () => {
    const kv = await openTestKv(":memory:");
    for (const wrong of [{ prefix: 1 }, { timeout: "2" }, { now: 5 }, { prefixx: "a" }]) {
      assert.throws(() => new DenoKvStore(kv, wrong as object), TypeError);
      await assert.rejects(DenoKvStore.open(":memory:", wrong as object), TypeError);
    }
    for (
      const wrong of [{ prefix: "" }, { prefix: "x".repeat(257) }, { timeout: 0 }, { timeout: NaN }, {
        timeout: Infinity,
      }]
    ) {
      assert.throws(() => new DenoKvStore(kv, wrong), RangeError);
    }
    for (const wrong of [undefined, null, {}, { get() {} }]) {
      assert.throws(() => new DenoKvStore(wrong as unknown as DenoKv), TypeError);
    }
    kv.close();
  });

  it("keeps stores with different prefixes apart", async () => {
    const kv = await openTestKv(":memory:");
    const [a, b] = [new DenoKvStore(kv, { prefix: "a" }), new DenoKvStore(kv, { prefix: "b" })];
    await a.create(key(1), record("a", "u", startTime - 1));
    assert.equal(await b.load(key(1)), undefined);
    assert.deepEqual(await keysOf(b, "u"), []);
    assert.equal(await b.clearExpired(startTime, 10), 0);
    assert.equal((await a.load(key(1)))?.data, "a");
    kv.close();
  });
});
