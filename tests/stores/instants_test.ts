/** What no clock tells is refused as an instant by every store, before anything is changed. */

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { SessionRecord, SessionStore } from "../../src/store.ts";
import { backends } from "../support/backends.ts";

const bad: readonly unknown[] = [NaN, Infinity, -Infinity, 2 ** 53, "0", null, undefined, 1n];
const end = 4_000_000_000_000;
const [key, free] = ["a".repeat(64), "b".repeat(64)];
const record = (more: object = {}): SessionRecord =>
  ({ data: "x", userId: "ann", createdAt: 1, touchedAt: 2, expiresAt: end, ...more }) as SessionRecord;

const refused = (what: string, call: () => unknown) =>
  assert.rejects(
    async () => await call(),
    (error) => error instanceof TypeError || error instanceof RangeError,
    what,
  );

for (const { name, open, isHeld } of backends()) {
  if (!isHeld) continue;
  describe(`instants in ${name}`, () => {
    let store: SessionStore;
    after(() => store?.close?.());

    it("what is no number below 2^53 is refused, and nothing changes", async () => {
      store = await open(Date.now) as SessionStore;
      const version = (await store.create(key, record()))!;
      for (const value of bad as readonly number[]) {
        for (const field of ["createdAt", "touchedAt", "expiresAt"]) {
          const wrong = record({ [field]: value });
          await refused(`create, ${field} ${value}`, () => store.create(free, wrong));
          await refused(`save, ${field} ${value}`, () => store.save(key, wrong, version));
        }
        await refused(`touch at ${value}`, () => store.touch!(key, value, end, version));
        await refused(`touch until ${value}`, () => store.touch!(key, 3, value, version));
        if (value !== Infinity) await refused(`clear ${value}`, () => store.clearExpired!(value, 10));
      }
      assert.deepEqual(await store.load(key), { ...record(), version });
      assert.equal(await store.load(free), undefined);
    });

    it("fractions of a millisecond come back, and the end of time clears what it may", async () => {
      const odd = record({ createdAt: 1.5, touchedAt: 2.25 });
      const version = await store.create(free, odd);
      assert.deepEqual(await store.load(free), { ...odd, version });
      const removed = await store.clearExpired!(Infinity, 10);
      // Redis removes by itself what has expired by its own clock.
      assert.ok(name.startsWith("RedisStore") ? removed === 0 : removed === 2, `${removed} removed`);
    });
  });
}
