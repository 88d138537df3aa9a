/** What is no instant is refused, before anything is changed. */
import assert from "node:assert/strict";
import type { StoreCase } from "../case.ts";
import { assertFree, assertHolds, HOUR, put, record } from "../records.ts";

const NO_INSTANTS: readonly unknown[] = [NaN, Infinity, -Infinity, 2 ** 53, 1.5, "0", null, undefined, 1n];
const FIELDS = ["createdAt", "touchedAt", "expiresAt"] as const;

async function assertRefused(what: string, call: () => unknown): Promise<void> {
  await assert.rejects(
    async () => await call(),
    (error) => error instanceof TypeError || error instanceof RangeError,
    `${what} must be refused with a TypeError or RangeError`,
  );
}

export const instantCases: readonly StoreCase[] = [
  {
    name: "an instant that is no whole number is refused by create, save and rotate, and nothing changes",
    async run(store, { random }) {
      const [key, free] = [random.key(), random.key()];
      const value = record({ userId: "alice" });
      const born = await put(store, key, value);
      for (const field of FIELDS) {
        for (const bad of NO_INSTANTS) {
          const wrong = record({ [field]: bad });
          const what = `${field}: ${String(bad)}`;
          await assertRefused(`create with ${what}`, () => store.create(free, wrong));
          await assertRefused(`save with ${what}`, () => store.save(key, wrong, born));
          await assertRefused(`rotate with ${what}`, () => store.rotate(key, free, wrong, born));
        }
        await assertFree(store, free);
        await assertHolds(store, key, value, born);
      }
    },
  },
  {
    name: "an instant that is no whole number is refused by touch, and nothing changes",
    methods: ["touch"],
    async run(store, { random }) {
      const key = random.key();
      const value = record();
      const born = await put(store, key, value);
      for (const bad of NO_INSTANTS as readonly number[]) {
        await assertRefused(`touch at ${String(bad)}`, () => store.touch(key, bad, Date.now() + HOUR));
        await assertRefused(`touch until ${String(bad)}`, () => store.touch(key, Date.now(), bad));
      }
      await assertHolds(store, key, value, born);
    },
  },
  {
    name: "an instant that is no whole number is refused by clearExpired, and nothing is removed",
    methods: ["clearExpired"],
    async run(store, { random }) {
      const key = random.key();
      const value = record();
      const born = await put(store, key, value);
      for (const bad of NO_INSTANTS as readonly number[]) {
        await assertRefused(`clearExpired of ${String(bad)}`, () => store.clearExpired(bad, 10));
      }
      await assertHolds(store, key, value, born);
    },
  },
];
