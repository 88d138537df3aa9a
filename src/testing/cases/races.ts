/** Several at once: exactly one wins, nothing is lost, nothing comes back. */
import assert from "node:assert/strict";
import type { SessionRecord, SessionStore } from "../../store.ts";
import { type StoreCase, turns } from "../case.ts";
import {
  assertFree,
  assertHolds,
  assertListed,
  expiredRecord,
  HOUR,
  put,
  record,
  stored,
  version,
} from "../records.ts";

const MANY = 20;
const ROUNDS = 12;

/** Calls `act` so many times at once, each a few turns later than the one before; the answers that are versions. */
async function race(
  count: number,
  act: (n: number) => string | undefined | Promise<string | undefined>,
): Promise<{ n: number; version: string }[]> {
  const answers = await Promise.all(Array.from({ length: count }, async (_, n) => {
    await turns(n % 3);
    return await act(n);
  }));
  return answers.flatMap((version, n) => version === undefined ? [] : [{ n, version }]);
}

const numbered = (n: number): SessionRecord => record({ data: `writer ${n}`, userId: `user ${n}` });

/** Of several racing writers exactly one won, and the record is the winner's. */
async function assertOneWon(
  store: SessionStore,
  winners: readonly { n: number; version: string }[],
  keyOf: (n: number) => string,
): Promise<void> {
  assert.equal(winners.length, 1, "the number of winners");
  const { n, version } = winners[0]!;
  const found = await stored(store, keyOf(n));
  assert.equal(found.data, `writer ${n}`, "the record is the winner's");
  assert.equal(found.userId, `user ${n}`, "the user is the winner's");
  assert.equal(found.version, version, "the version is the winner's");
}

export const raceCases: readonly StoreCase[] = [
  {
    name: "SR-042 parallel increments through load and save lose nothing",
    async run(store, { random }) {
      const key = random.key();
      const [writers, increments] = [16, 4];
      await put(store, key, record({ data: "0" }));
      let attempts = 0;
      const increment = async () => {
        for (;;) {
          const { version, ...found } = await stored(store, key);
          if (
            await store.save(key, { ...found, data: String(Number(found.data) + 1) }, version) !== undefined
          ) return;
          // With every failure another writer has succeeded, so this is far more than can be needed.
          assert.ok(
            ++attempts < writers * writers * increments * 4,
            "saves are refused although nobody else saved",
          );
        }
      };
      await Promise.all(Array.from({ length: writers }, async () => {
        for (let n = 0; n < increments; n++) await increment();
      }));
      assert.equal((await stored(store, key)).data, String(writers * increments));
    },
  },
  {
    name: `of ${MANY} creates of one key exactly one wins`,
    async run(store, { random }) {
      for (const start of [undefined, expiredRecord({ userId: "dead" })]) {
        const key = random.key();
        if (start !== undefined) await put(store, key, start);
        await assertOneWon(store, await race(MANY, (n) => store.create(key, numbered(n))), () => key);
      }
    },
  },
  {
    name: `SR-042 of ${MANY} saves with one version exactly one wins`,
    async run(store, { random }) {
      const key = random.key();
      const born = await put(store, key, record());
      const winners = await race(MANY, (n) => store.save(key, numbered(n), born));
      await assertOneWon(store, winners, () => key);
      for (let n = 0; store.list !== undefined && n < MANY; n++) {
        assert.equal((await store.list(`user ${n}`)).length, n === winners[0]!.n ? 1 : 0);
      }
    },
  },
  {
    name: `SR-031 of ${MANY} rotations of one session exactly one wins`,
    async run(store, { random }) {
      const key = random.key();
      const targets = Array.from({ length: MANY }, () => random.key());
      const born = await put(store, key, record());
      const winners = await race(MANY, (n) => store.rotate(key, targets[n]!, numbered(n), born));
      await assertOneWon(store, winners, (n) => targets[n]!);
      await assertFree(store, key, "the old key is dead");
      for (const [n, target] of targets.entries()) if (n !== winners[0]!.n) await assertFree(store, target);
    },
  },
  {
    name: "of several sessions rotated to one key exactly one gets it, and the others stay as they were",
    async run(store, { random }) {
      const next = random.key();
      const keys = Array.from({ length: 8 }, () => random.key());
      const value = record({ data: "before" });
      const versions = await Promise.all(keys.map((key) => put(store, key, value)));
      const winners = await race(keys.length, (n) => store.rotate(keys[n]!, next, numbered(n), versions[n]!));
      await assertOneWon(store, winners, () => next);
      for (const [n, key] of keys.entries()) {
        if (n === winners[0]!.n) await assertFree(store, key);
        else await assertHolds(store, key, value, versions[n]!);
      }
    },
  },
  {
    name: "of a create and a rotation to one key exactly one gets it",
    async run(store, { random }) {
      for (let round = 0; round < ROUNDS; round++) {
        const [key, next] = [random.key(), random.key()];
        const born = await put(store, key, record());
        const winners = await race(
          2,
          (n) =>
            n === round % 2 ? store.rotate(key, next, numbered(n), born) : store.create(next, numbered(n)),
        );
        await assertOneWon(store, winners, () => next);
        assert.equal(
          await store.load(key) === undefined,
          winners[0]!.n === round % 2,
          "dead only if rotated",
        );
      }
    },
  },
  {
    name: `of ${MANY} deletes of one record exactly one answers true`,
    async run(store, { random }) {
      const key = random.key();
      await put(store, key, record());
      const answers = await Promise.all(Array.from({ length: MANY }, async () => await store.delete(key)));
      assert.equal(answers.filter(Boolean).length, 1);
      await assertFree(store, key);
    },
  },
  {
    name: "SR-034 a record deleted during a save stays gone",
    async run(store, { random }) {
      for (let round = 0; round < ROUNDS; round++) {
        const key = random.key();
        const born = await put(store, key, record());
        const [, deleted] = await Promise.all([
          turns(round % 2 * 3).then(() => store.save(key, record({ userId: "alice" }), born)),
          turns(round % 7).then(() => store.delete(key)),
        ]);
        assert.equal(deleted, true, "there was a record to delete");
        await assertFree(store, key, "a deleted record came back");
        if (store.list !== undefined) await assertListed(store, "alice", []);
      }
    },
  },
  {
    name: "SR-034 a record deleted during a rotation is gone, or safe under its new key",
    async run(store, { random }) {
      for (let round = 0; round < ROUNDS; round++) {
        const [key, next] = [random.key(), random.key()];
        const after = record({ data: "after" });
        const born = await put(store, key, record());
        const [moved, deleted] = await Promise.all([
          turns(round % 2 * 3).then(() => store.rotate(key, next, after, born)),
          turns(round % 7).then(() => store.delete(key)),
        ]);
        assert.equal(deleted, moved === undefined, "either the record was deleted or it was rotated");
        await assertFree(store, key, "a dead record came back");
        if (moved === undefined) await assertFree(store, next);
        else await assertHolds(store, next, after, moved);
      }
    },
  },
  {
    name: "of a save and a rotation with one version exactly one wins",
    async run(store, { random }) {
      for (let round = 0; round < ROUNDS; round++) {
        const [key, next] = [random.key(), random.key()];
        const [after, elsewhere] = [record({ data: "saved" }), record({ data: "rotated" })];
        const born = await put(store, key, record());
        const [saved, moved] = await Promise.all([
          turns(round % 7).then(() => store.save(key, after, born)),
          turns(round % 2 * 3).then(() => store.rotate(key, next, elsewhere, born)),
        ]);
        assert.equal(
          [saved, moved].filter((answer) => answer !== undefined).length,
          1,
          "the number of winners",
        );
        if (saved !== undefined) await assertHolds(store, key, after, saved);
        else await assertFree(store, key);
        if (moved !== undefined) await assertHolds(store, next, elsewhere, moved);
        else await assertFree(store, next);
      }
    },
  },
  {
    name: "SR-035 a touch during a save, a rotation or a delete changes nothing but instants",
    methods: ["touch"],
    async run(store, { random }) {
      for (let round = 0; round < ROUNDS; round++) {
        const [saved, rotated, next, deleted] = [random.key(), random.key(), random.key(), random.key()];
        const value = record({ data: "before" });
        const born = [
          await put(store, saved, value),
          await put(store, rotated, value),
          await put(store, deleted, value),
        ];
        const after = record({ data: "after", userId: "alice", touchedAt: value.touchedAt + 1 });
        const touch = (key: string) =>
          turns(round % 7).then(() => store.touch(key, value.touchedAt + 2, value.expiresAt + HOUR));
        const later = <T>(act: () => T) => turns(round % 2 * 3).then(act);
        const [kept, , moved, , gone] = await Promise.all([
          later(() => store.save(saved, after, born[0]!)),
          touch(saved),
          later(() => store.rotate(rotated, next, after, born[1]!)),
          touch(rotated),
          later(() => store.delete(deleted)),
          touch(deleted),
        ]);
        const found = await stored(store, saved);
        assert.equal(found.data, "after", "a touch undid a save");
        assert.equal(found.userId, "alice", "a touch undid a log-in");
        assert.equal(found.version, version(kept, "save during a touch"));
        await assertHolds(store, next, after, version(moved, "rotate during a touch"));
        await assertFree(store, rotated, "a touch brought a rotated record back");
        assert.equal(gone, true);
        await assertFree(store, deleted, "a touch brought a deleted record back");
      }
    },
  },
  {
    name: "touches at once leave the instants of one of them, not a mixture",
    methods: ["touch"],
    async run(store, { random }) {
      const key = random.key();
      const value = record();
      const born = await put(store, key, value);
      const at = (n: number) => ({ touchedAt: value.touchedAt + n, expiresAt: value.expiresAt + n });
      // Few enough for a store that tries again a handful of times when another write came between.
      const answers = await Promise.all(Array.from({ length: 5 }, async (_, n) => {
        await turns(n % 3);
        return await store.touch(key, at(n).touchedAt, at(n).expiresAt);
      }));
      assert.ok(answers.every((answer) => answer === true), "every touch found the record");
      const { touchedAt } = await stored(store, key);
      await assertHolds(store, key, { ...value, ...at(touchedAt - value.touchedAt) }, born);
    },
  },
  {
    name: "SR-039 a record that is renewed while it is cleared is renewed or gone, as the answer says",
    methods: ["clearExpired"],
    async run(store, { random }) {
      for (let round = 0; round < ROUNDS; round++) {
        const [saved, touched, rotated, next] = [random.key(), random.key(), random.key(), random.key()];
        const dying = record({ userId: "alice" });
        const renewed = { ...dying, expiresAt: dying.expiresAt + HOUR };
        const born = [
          await put(store, saved, dying),
          await put(store, touched, dying),
          await put(store, rotated, dying),
        ];
        const answers = await Promise.all([
          turns(round % 7).then(() => store.save(saved, renewed, born[0]!)),
          turns(round % 7).then(() => store.touch?.(touched, renewed.touchedAt, renewed.expiresAt)),
          turns(round % 7).then(() => store.rotate(rotated, next, renewed, born[2]!)),
          turns(round % 2 * 3).then(() => store.clearExpired(dying.expiresAt, 10)),
        ]);
        const present = async (key: string) => await store.load(key) !== undefined;
        assert.equal(await present(saved), answers[0] !== undefined, "a saved record is there");
        if (store.touch !== undefined) {
          assert.equal(await present(touched), answers[1], "a touched record is there");
        }
        assert.equal(await present(next), answers[2] !== undefined, "a rotated record is there");
        assert.equal(await present(rotated), false, "the old key is dead either way");
        for (const key of [saved, touched, next]) await store.delete(key);
      }
    },
  },
  {
    name: "SR-040 the user index is exact after log-ins and log-outs at once",
    methods: ["list"],
    async run(store, { random }) {
      const keys = Array.from({ length: MANY }, () => random.key());
      const users = ["alice", "bob", "carol"];
      const versions = await Promise.all(
        keys.map((key, n) => put(store, key, record({ userId: users[n % 3]! }))),
      );
      const after = record({ userId: "alice" });
      const targets = keys.map((key, n) => n % 4 === 0 ? random.key() : key);
      await Promise.all(keys.map(async (key, n) => {
        await turns(n % 3);
        if (n % 4 === 0) version(await store.rotate(key, targets[n]!, after, versions[n]!), "rotate");
        else if (n % 4 === 1) version(await store.save(key, after, versions[n]!), "save");
        else assert.equal(await store.delete(key), true);
      }));
      const left = targets.filter((_, n) => n % 4 < 2).map((key) => ({ key, record: after }));
      await assertListed(store, "alice", left);
      for (const user of ["bob", "carol"]) await assertListed(store, user, []);
    },
  },
];
