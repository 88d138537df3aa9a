/** Several at once: exactly one wins, nothing is lost, nothing comes back. */
import assert from "node:assert/strict";
import type { SessionRecord, SessionStore } from "../../store.ts";
import { type StoreCase, turns } from "../case.ts";
import {
  assertFree,
  assertHolds,
  assertListed,
  expiredRecord,
  hourMs,
  listed,
  put,
  record,
  stored,
  version,
} from "../records.ts";

const racers = 20;
const rounds = 12;

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
    name: `of ${racers} creates of one key exactly one wins`,
    async run(store, { random }) {
      for (const start of [undefined, expiredRecord({ userId: "dead" })]) {
        const key = random.key();
        if (start !== undefined) await put(store, key, start);
        await assertOneWon(store, await race(racers, (n) => store.create(key, numbered(n))), () => key);
      }
    },
  },
  {
    name: `SR-042 of ${racers} saves with one version exactly one wins`,
    async run(store, { random }) {
      const key = random.key();
      const born = await put(store, key, record());
      const winners = await race(racers, (n) => store.save(key, numbered(n), born));
      await assertOneWon(store, winners, () => key);
      for (let n = 0; store.list !== undefined && n < racers; n++) {
        assert.equal((await listed(store, `user ${n}`)).size, n === winners[0]!.n ? 1 : 0);
      }
    },
  },
  {
    name: `of ${racers} deletes of one record exactly one answers true`,
    async run(store, { random }) {
      const key = random.key();
      await put(store, key, record());
      const answers = await Promise.all(Array.from({ length: racers }, async () => await store.delete(key)));
      assert.equal(answers.filter(Boolean).length, 1);
      await assertFree(store, key);
    },
  },
  {
    name: "SR-034 a record deleted during a save stays gone",
    async run(store, { random }) {
      for (let round = 0; round < rounds; round++) {
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
    name: "SR-034 a save or a touch from before a delete changes nothing of what is created after it",
    async run(store, { random }) {
      for (let round = 0; round < rounds; round++) {
        const key = random.key();
        const value = record({ userId: "alice", head: "before" });
        const after = record({ data: "after" });
        const born = await put(store, key, value);
        const [again] = await Promise.all([
          turns(round % 2 * 3).then(() => store.delete(key)).then(() => put(store, key, after)),
          turns(round % 7).then(() => store.save(key, { ...value, data: "late" }, born)),
          turns(round % 5).then(() =>
            store.touch?.(key, value.touchedAt + hourMs, value.expiresAt + hourMs, born)
          ),
        ]);
        await assertHolds(store, key, after, again);
        if (store.list !== undefined) await assertListed(store, "alice", []);
      }
    },
  },
  {
    name: "SR-032 at no moment of a save is the session nowhere, or half the old and half the new",
    async run(store, { random }) {
      const key = random.key();
      const numbered = (n: number) =>
        record({ data: `${n}`, head: `${n}`, userId: `user ${n}`, createdAt: n });
      let current = await put(store, key, numbered(0));
      for (let round = 1; round <= rounds; round++) {
        let done = false;
        const seen = new Map<string, string>([[String(round - 1), current]]);
        const watch = async () => {
          for (let looks = 0; looks < 200 && !done; looks++) {
            const { version, data, ...found } = await stored(store, key);
            assert.ok(data === `${round}` || data === `${round - 1}`, "the old content or the new");
            assert.equal(found.head, data, "the head is that of the data");
            assert.equal(found.userId, `user ${data}`, "the user is that of the data");
            assert.equal(found.createdAt, Number(data), "the instants are those of the data");
            assert.equal(seen.get(data) ?? version, version, "the version is that of the data");
            seen.set(data, version);
            await null;
          }
        };
        const saving = async () => {
          await turns(round % 4);
          try {
            return await store.save(key, numbered(round), current);
          } finally {
            done = true;
          }
        };
        const [saved] = await Promise.all([saving(), watch()]);
        current = version(saved, "save");
        assert.equal(
          seen.get(String(round)) ?? current,
          current,
          "the version that was seen is the one answered",
        );
      }
    },
  },
  {
    name: "SR-040 at no moment of a save that changes the user is the session in neither list",
    methods: ["list"],
    async run(store, { random }) {
      const key = random.key();
      const users = ["alice", "bob"] as const;
      let current = await put(store, key, record({ userId: users[0] }));
      for (let round = 1; round <= rounds; round++) {
        const [before, after] = [users[(round - 1) % 2]!, users[round % 2]!];
        let done = false;
        const watch = async () => {
          for (let looks = 0; looks < 100 && !done; looks++) {
            // In this order: a session that has left the first list is in the second by then.
            const isThere = (await listed(store, before)).has(key) || (await listed(store, after)).has(key);
            assert.ok(isThere, "the session was in neither list for a moment");
            await null;
          }
        };
        const saving = async () => {
          await turns(round % 4);
          try {
            return await store.save(key, record({ userId: after }), current);
          } finally {
            done = true;
          }
        };
        const [saved] = await Promise.all([saving(), watch()]);
        current = version(saved, "save");
      }
    },
  },
  {
    name: "SR-035 a touch during a save or a delete changes nothing of what they leave",
    methods: ["touch"],
    async run(store, { random }) {
      for (let round = 0; round < rounds; round++) {
        const [saved, deleted] = [random.key(), random.key()];
        const value = record({ data: "before", head: "before", userId: "bob" });
        const born = [await put(store, saved, value), await put(store, deleted, value)] as const;
        const after = record({ data: "after", userId: "alice", touchedAt: value.touchedAt + 1 });
        const touch = (key: string, version: string) =>
          turns(round % 7).then(() =>
            store.touch(key, value.touchedAt + 2, value.expiresAt + hourMs, version)
          );
        const later = <T>(act: () => T) => turns(round % 2 * 3).then(act);
        const [kept, , gone] = await Promise.all([
          later(() => store.save(saved, after, born[0])),
          touch(saved, born[0]),
          later(() => store.delete(deleted)),
          touch(deleted, born[1]),
        ]);
        await assertHolds(store, saved, after, version(kept, "save during a touch"));
        assert.equal(gone, true);
        await assertFree(store, deleted, "a touch brought a deleted record back");
        if (store.list !== undefined) {
          await assertListed(store, "alice", [{ key: saved, record: after }]);
          await assertListed(store, "bob", []);
          await store.delete(saved);
        }
      }
    },
  },
  {
    name: "touches at once leave the latest of all they asked for, of either instant",
    methods: ["touch"],
    async run(store, { random }) {
      // Few enough for a store that tries again a handful of times when another write came between.
      const touches = 5;
      const key = random.key();
      const value = record();
      const born = await put(store, key, value);
      const answers = await Promise.all(Array.from({ length: touches }, async (_, n) => {
        await turns(n % 3);
        return await store.touch(
          key,
          value.touchedAt + n * 3 % touches,
          value.expiresAt + n * 2 % touches,
          born,
        );
      }));
      assert.ok(answers.every((answer) => answer === true), "every touch found the version");
      const latest = { touchedAt: value.touchedAt + touches - 1, expiresAt: value.expiresAt + touches - 1 };
      await assertHolds(store, key, { ...value, ...latest }, born);
    },
  },
  {
    name: "SR-039 a record that is renewed while it is cleared is renewed or gone, as the answer says",
    methods: ["clearExpired"],
    async run(store, { random }) {
      for (let round = 0; round < rounds; round++) {
        const [saved, touched] = [random.key(), random.key()];
        const dying = record({ userId: "alice" });
        const renewed = { ...dying, expiresAt: dying.expiresAt + hourMs };
        const born = [await put(store, saved, dying), await put(store, touched, dying)] as const;
        const answers = await Promise.all([
          turns(round % 7).then(() => store.save(saved, renewed, born[0])),
          turns(round % 7).then(() => store.touch?.(touched, renewed.touchedAt, renewed.expiresAt, born[1])),
          turns(round % 2 * 3).then(() => store.clearExpired(dying.expiresAt, 10)),
        ]);
        const present = async (key: string) => await store.load(key) !== undefined;
        assert.equal(await present(saved), answers[0] !== undefined, "a saved record is there");
        if (store.touch !== undefined) {
          assert.equal(await present(touched), answers[1], "a touched record is there");
        }
        for (const key of [saved, touched]) await store.delete(key);
      }
    },
  },
  {
    name: "SR-040 the user index is exact after log-ins and log-outs at once",
    methods: ["list"],
    async run(store, { random }) {
      const keys = Array.from({ length: racers }, () => random.key());
      const users = ["alice", "bob", "carol"];
      const versions = await Promise.all(
        keys.map((key, n) => put(store, key, record({ userId: users[n % 3]! }))),
      );
      const after = record({ userId: "alice" });
      await Promise.all(keys.map(async (key, n) => {
        await turns(n % 3);
        if (n % 4 < 2) version(await store.save(key, after, versions[n]!), "save");
        else assert.equal(await store.delete(key), true);
      }));
      const left = keys.filter((_, n) => n % 4 < 2).map((key) => ({ key, record: after }));
      await assertListed(store, "alice", left);
      for (const user of ["bob", "carol"]) await assertListed(store, user, []);
    },
  },
];
