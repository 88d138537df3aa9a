/** What a `RedisStore` promises whatever its client, on one server and on a cluster. */

import assert from "node:assert/strict";
import { it } from "node:test";
import type { RedisStore } from "../../../backends/redis.ts";
import { freshKey, recordOf } from "./clients.ts";

/** Registers the tests; `first` and `second` are stores over two clients of one service. */
export function contract(first: () => RedisStore, second: () => RedisStore): void {
  it("what was created is loaded, byte for byte", async () => {
    const store = first();
    for (const data of ["", "{}", "\u0000\r\n$-1\r\n*3\u{1f600}é\u007f", "x".repeat(65_536)]) {
      const key = freshKey();
      const record = recordOf(data, {
        head: data.slice(0, 4096),
        userId: `a "user"\u0000{} é ${key}`,
        touchedAt: 1.5,
      });
      const version = await store.create(key, record);
      assert.ok(version);
      assert.deepEqual(await store.load(key), { ...record, version });
    }
    assert.equal(await store.load(freshKey()), undefined);
  });

  it("a taken key is not created again, an expired one is", async () => {
    const store = first();
    const key = freshKey();
    const version = await store.create(key, recordOf("1", { expiresAt: Date.now() + 60_000 }));
    assert.ok(version);
    assert.equal(await store.create(key, recordOf("2")), undefined);
    assert.equal((await store.load(key))?.data, "1");
    assert.ok(await store.save(key, recordOf("1", { expiresAt: Date.now() - 1 }), version));
    assert.ok(await store.create(key, recordOf("3")));
    assert.equal((await store.load(key))?.data, "3");
  });

  it("SR-034 a save needs the version, and never brings a record back", async () => {
    const store = first();
    const key = freshKey();
    const one = await store.create(key, recordOf("1", { userId: "u" }));
    const two = await store.save(key, recordOf("2"), one!);
    assert.ok(two && two !== one);
    assert.equal((await store.load(key))?.userId, undefined);
    assert.equal(await store.save(key, recordOf("3"), one!), undefined);
    assert.equal((await store.load(key))?.data, "2");
    assert.equal(await store.delete(key), true);
    assert.equal(await store.delete(key), false);
    assert.equal(await store.save(key, recordOf("4"), two), undefined);
    assert.equal(await store.load(key), undefined);
  });

  it("a version is not used twice, also across delete and create", async () => {
    const seen = new Set<string>();
    const key = freshKey();
    for (const store of [first(), second(), first()]) {
      const created = await store.create(key, recordOf("1"));
      const saved = await store.save(key, recordOf("2"), created!);
      assert.equal(await store.delete(key), true);
      assert.equal(await store.save(key, recordOf("3"), created!), undefined);
      seen.add(created!).add(saved!);
    }
    assert.equal(seen.size, 6);
  });

  it("a touch moves the two instants forward and nothing else, at its version only", async () => {
    const store = first();
    const key = freshKey();
    const userId = `touch ${key}`;
    const record = recordOf("1", { userId, head: "head" });
    const version = (await store.create(key, record))!;
    const touchedAt = record.touchedAt + 1000, expiresAt = record.expiresAt + 1000;
    const moved = { ...record, version, touchedAt, expiresAt };
    assert.equal(await store.touch(key, touchedAt, expiresAt, "another"), false);
    assert.deepEqual(await store.load(key), { ...record, version });
    assert.equal(await store.touch(key, touchedAt, expiresAt, version), true);
    assert.deepEqual(await store.load(key), moved);
    assert.equal(await store.touch(key, touchedAt - 500, expiresAt - 500, version), true);
    assert.deepEqual(await store.load(key), moved);
    // Each forward by itself
    assert.equal(await store.touch(key, touchedAt + 1.5, expiresAt - 500, version), true);
    assert.deepEqual(await store.load(key), { ...moved, touchedAt: touchedAt + 1.5 });
    assert.equal(await store.touch(key, touchedAt - 500, expiresAt + 1.5, version), true);
    assert.deepEqual(await store.load(key), {
      ...moved,
      touchedAt: touchedAt + 1.5,
      expiresAt: expiresAt + 1.5,
    });
    assert.ok(await store.save(key, recordOf("2", { userId }), version));
    assert.equal(await store.touch(key, touchedAt + 9000, expiresAt + 9000, version), false);
    assert.equal((await store.list(userId)).entries.length, 1);
    assert.equal(await store.touch(freshKey(), touchedAt, expiresAt, version), false);
  });

  it("SR-040 a user's sessions are listed, those of others and ended ones are not", async () => {
    const store = first();
    const user = `list ${freshKey()}`;
    const keys = Array.from({ length: 150 }, freshKey);
    const record = recordOf("mine", { userId: user, head: "mine" });
    await Promise.all(keys.map((key) => store.create(key, record)));
    await store.create(freshKey(), recordOf("theirs", { userId: user + "2" }));
    const other = await store.create(keys[0]!, recordOf("x", { userId: "y" }));
    assert.equal(other, undefined);
    await store.delete(keys[1]!);
    const version = (await store.load(keys[2]!))!.version;
    await store.save(keys[2]!, recordOf("another's now", { userId: user + "2" }), version);
    const listed = [];
    for (let after: string | undefined, begun = false; after !== undefined || !begun; begun = true) {
      const page = await second().list(user, after === undefined ? { limit: 40 } : { limit: 40, after });
      assert.ok(page.entries.length <= 40);
      listed.push(...page.entries);
      after = page.next;
    }
    assert.deepEqual(listed.map((one) => one.key).sort(), keys.filter((_, i) => i !== 1 && i !== 2).sort());
    assert.ok(
      listed.every((one) =>
        one.record.head === "mine" && !("version" in one.record) && !("data" in one.record)
      ),
    );
    assert.equal((await store.list(user + "2")).entries.length, 2);
    assert.deepEqual(await store.list(user + "3"), { entries: [] });
  });

  it("SR-042 two clients that count at the same time lose nothing", async () => {
    const key = freshKey();
    await first().create(key, recordOf("0"));
    const count = async (store: RedisStore) => {
      for (let done = 0; done < 20;) {
        const seen = (await store.load(key))!;
        if (await store.save(key, { ...seen, data: String(Number(seen.data) + 1) }, seen.version)) done++;
      }
    };
    await Promise.all([first(), second(), first(), second()].map(count));
    assert.equal((await first().load(key))?.data, "80");
  });

  it("SR-042 of ten saves of one version at the same time one wins", async () => {
    const key = freshKey();
    const version = (await first().create(key, recordOf("0")))!;
    const results = await Promise.all(
      Array.from(
        { length: 10 },
        (_, i) =>
          (i % 2 ? first() : second()).save(
            key,
            recordOf(String(i), { userId: `race ${i} ${key}` }),
            version,
          ),
      ),
    );
    const winners = results.flatMap((result, i) => result === undefined ? [] : [i]);
    assert.equal(winners.length, 1);
    assert.equal((await first().load(key))?.data, String(winners[0]));
    for (let i = 0; i < 10; i++) {
      const { entries } = await second().list(`race ${i} ${key}`);
      assert.deepEqual(entries.map((one) => one.key), i === winners[0] ? [key] : []);
    }
  });

  it("SR-034 a save, a touch and a delete at the same time leave nothing behind", async () => {
    for (let round = 0; round < 30; round++) {
      const key = freshKey();
      const version = await first().create(key, recordOf("1", { userId: "gone" }));
      const [deleted] = await Promise.all([
        first().delete(key),
        second().save(key, recordOf("2", { userId: "gone" }), version!),
        second().touch(key, Date.now(), Date.now() + 7_200_000, version!),
        first().create(freshKey(), recordOf("x")),
      ]);
      assert.equal(deleted, true);
      assert.equal(await first().load(key), undefined);
    }
    assert.deepEqual(await first().list("gone"), { entries: [] });
  });
}
