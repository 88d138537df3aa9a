/** The `version` method returns the version that a load would return. */
import assert from "node:assert/strict";
import type { SessionStore } from "../../store.ts";
import type { StoreCase } from "../case.ts";
import { expiredRecord, put, record, version } from "../records.ts";

async function assertAgrees(store: Required<SessionStore>, key: string, expected?: string): Promise<void> {
  assert.equal(await store.version(key), expected, "the version that the last write answered");
  assert.equal((await store.load(key))?.version, expected, "the version that load shows");
}

export const versionCases: readonly StoreCase[] = [
  {
    name: "version tells what load would show, after every kind of change",
    methods: ["version"],
    async run(store, { random }) {
      const key = random.key();
      await assertAgrees(store, key);
      let current = await put(store, key, record({ userId: "alice" }));
      await assertAgrees(store, key, current);
      const saved = version(await store.save(key, record({ data: "saved" }), current), "save");
      assert.equal(await store.save(key, record(), current), undefined);
      await assertAgrees(store, key, saved);
      await store.touch?.(key, Date.now(), record().expiresAt + 1, saved);
      await assertAgrees(store, key, saved);
      current = version(await store.save(key, record({ userId: "bob" }), saved), "save");
      await assertAgrees(store, key, current);
      await store.delete(key);
      await assertAgrees(store, key);
      current = await put(store, key, record());
      await assertAgrees(store, key, current);
    },
  },
  {
    name: "version and load agree about a record that has expired, and about one that was cleared",
    methods: ["version"],
    async run(store, { random }) {
      const key = random.key();
      await put(store, key, expiredRecord());
      assert.equal(await store.version(key), (await store.load(key))?.version);
      await store.clearExpired?.(Date.now(), 10);
      assert.equal(await store.version(key), (await store.load(key))?.version);
    },
  },
];
