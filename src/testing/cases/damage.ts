/** An unreadable record: an error for calls that load it, without effect on others. */
import assert from "node:assert/strict";
import type { StoreCase } from "../case.ts";
import { assertFree, assertHolds, assertListed, expiredRecord, listed, put, record } from "../records.ts";

export const damageCases: readonly StoreCase[] = [
  {
    name: "SR-050 a record that cannot be read is an error to load, can be ended, and is in nobody's way",
    option: "damage",
    async run(store, { random, damage, expiresAlone }) {
      const [bad, good, dead] = [random.key(), random.key(), random.key()];
      const value = record({ userId: "alice" });
      await put(store, bad, value);
      const kept = await put(store, good, value);
      await put(store, dead, expiredRecord({ userId: "alice" }));
      await damage(store, bad);
      await assert.rejects(
        async () => await store.load(bad),
        (error) => ["ERR_DAMAGED", "ERR_STORE"].includes((error as { code?: string }).code ?? ""),
        "load must throw ERR_DAMAGED, or ERR_STORE for a newer format",
      );
      await assert.rejects(async () => await store.load(bad, { fresh: true }), "and so it must with `fresh`");
      if (store.clearExpired !== undefined && !expiresAlone) {
        await store.clearExpired(Date.now(), 10);
        await assertFree(store, dead, "what has expired is cleared all the same");
      }
      await store.delete(dead);
      const others = [{ key: good, record: value }];
      if (store.list !== undefined) {
        // What a list does not read, such as the data, it cannot know to be damaged.
        const shown = [...(await listed(store as Required<typeof store>, "alice")).keys()];
        assert.ok(shown.includes(good) && shown.every((key) => key === good || key === bad));
      }
      assert.equal(await store.delete(bad), true, "there was something");
      assert.equal(await store.delete(bad), false, "and now there is nothing");
      await assertFree(store, bad);
      if (store.list !== undefined) await assertListed(store, "alice", others);
      await assertHolds(store, good, value, kept);
      await put(store, bad, value);
      if (store.list !== undefined) {
        await assertListed(store, "alice", [...others, { key: bad, record: value }]);
      }
    },
  },
];
