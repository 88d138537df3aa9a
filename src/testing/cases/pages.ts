/** A user's sessions come page by page, and nobody is lost between two pages. */
import assert from "node:assert/strict";
import type { ListOptions, SessionRecord } from "../../store.ts";
import { type StoreCase, turns } from "../case.ts";
import { assertListed, HOUR, listed, pagesOf, put, record, version } from "../records.ts";

const MANY = 250;
const LIMITS = [undefined, 7, 100, MANY, 5_000] as const;

type Session = { key: string; record: SessionRecord };

export const pageCases: readonly StoreCase[] = [
  {
    name: `SR-040 the pages of ${MANY} sessions show every one, at most 100 or \`limit\` at a time`,
    methods: ["list"],
    async run(store, { random }) {
      // Many are equal in every instant, as after an import.
      const value = record({ userId: "alice" });
      const mine: Session[] = Array.from({ length: MANY }, (_, n) => ({
        key: random.key(),
        record: n % 2 > 0 ? value : { ...value, createdAt: n % 9, touchedAt: value.touchedAt - n },
      }));
      await Promise.all(mine.map(({ key, record }) => put(store, key, record)));
      await Promise.all(
        Array.from({ length: 20 }, (_, n) => put(store, random.key(), record({ userId: `alice${n}` }))),
      );
      for (const limit of LIMITS) await assertListed(store, "alice", mine, limit);
    },
  },
  {
    name: "list without options, with none that is set, and one by one shows the same",
    methods: ["list"],
    async run(store, { random }) {
      for (let count = 0; count < 4; count++) {
        const mine: Session[] = Array.from({ length: count }, (_, n) => ({
          key: random.key(),
          record: record({ userId: `user ${count}`, createdAt: n }),
        }));
        for (const { key, record } of mine) await put(store, key, record);
        for (const limit of [undefined, 1, 2, count + 1]) {
          await assertListed(store, `user ${count}`, mine, limit);
        }
        for (const options of [undefined, {}, { after: undefined, limit: undefined }, { limit: count + 5 }]) {
          const { entries, next } = await store.list(`user ${count}`, options);
          assert.ok(entries.length <= count);
          if (next === undefined) assert.equal(entries.length, count, "the last page came too early");
        }
      }
    },
  },
  {
    name: "an entry of a list shows no data, however little or much there is",
    methods: ["list"],
    async run(store, { random, maxBytes }) {
      const mine: Session[] = ["", "{}", "x".repeat(maxBytes)].map((data) => ({
        key: random.key(),
        record: record({ userId: "alice", head: "shown", data }),
      }));
      for (const { key, record } of mine) await put(store, key, record);
      for await (const entries of pagesOf(store, "alice")) {
        for (const { key, record } of entries) {
          assert.ok(!("data" in record));
          assert.ok(!JSON.stringify({ key, record }).includes("xxxx"), "the data is in the entry");
        }
      }
      await assertListed(store, "alice", mine);
    },
  },
  {
    name: "a limit that is not a positive integer is a RangeError, and changes nothing",
    methods: ["list"],
    async run(store, { random }) {
      const mine = { key: random.key(), record: record({ userId: "alice" }) };
      await put(store, mine.key, mine.record);
      for (const limit of [0, -1, 1.5, NaN, Infinity, "5", "all"]) {
        for (const userId of ["alice", "nobody"]) {
          await assert.rejects(
            async () => await store.list(userId, { limit } as ListOptions),
            (error) => error instanceof RangeError,
            `a limit of ${limit} must be refused with a RangeError`,
          );
        }
      }
      await assertListed(store, "alice", [mine]);
    },
  },
  {
    name: "the end of one user's page leads to no other user's sessions",
    methods: ["list"],
    async run(store, { random }) {
      for (let n = 0; n < 12; n++) {
        await put(store, random.key(), record({ userId: n % 2 ? "alice" : "bob" }));
      }
      for await (const entries of pagesOf(store, "alice", 1)) assert.ok(entries.length <= 1);
      const { next } = await store.list("alice", { limit: 2 });
      assert.equal(typeof next, "string", "of six sessions two are on the first page, and more follow");
      for (const userId of ["bob", "nobody"]) {
        let found: readonly { record: { userId?: string } }[] = [];
        try {
          found = (await store.list(userId, { after: next! })).entries;
        } catch {
          // A store may refuse what it did not give for this user.
        }
        for (const { record } of found) assert.equal(record.userId, userId);
      }
    },
  },
  {
    name: "SR-040 whatever is saved, touched or removed between two pages, no session is left out",
    methods: ["list"],
    async run(store, { random }) {
      for (const limit of [1, 3, 8]) {
        const userId = `alice, ${limit} a page`;
        const versions = new Map<string, string>();
        const records = new Map<string, SessionRecord>();
        const add = async (n: number) => {
          const key = random.key();
          const value = record({ userId, createdAt: n, touchedAt: Date.now() - n * 1000 });
          versions.set(key, await put(store, key, value));
          records.set(key, value);
        };
        const save = async (key: string, changes: Partial<SessionRecord>) => {
          const value = { ...records.get(key)!, ...changes };
          versions.set(key, version(await store.save(key, value, versions.get(key)!), "save"));
          records.set(key, value);
        };
        const leave = (key: string) => {
          versions.delete(key);
          expected.delete(key);
        };
        for (let n = 0; n < 30; n++) await add(n);
        const expected = new Set(versions.keys());
        const shown = new Set<string>();
        let changes = 0;
        for await (const entries of pagesOf(store, userId, limit)) {
          for (const { key } of entries) {
            assert.ok(versions.has(key), "a page shows what was removed before it");
            shown.add(key);
          }
          if (changes++ > 40) continue;
          const pick = (from: readonly string[]) => from.length > 0 ? random.pick(from) : undefined;
          const seen = () => pick([...shown].filter((key) => versions.has(key)));
          const coming = () => pick([...versions.keys()].filter((key) => !shown.has(key)));
          for (const key of [seen(), coming()]) {
            if (key === undefined) continue;
            const ahead = random.pick([1, HOUR, 9 * HOUR]);
            const { touchedAt, expiresAt } = records.get(key)!;
            const times = { touchedAt: touchedAt + ahead, expiresAt: expiresAt + ahead };
            if (await store.touch?.(key, times.touchedAt, times.expiresAt, versions.get(key)!)) {
              records.set(key, { ...records.get(key)!, ...times });
            }
          }
          for (const key of [seen(), coming(), coming()]) {
            if (key === undefined) continue;
            const by = random.pick([-1, 1]) * HOUR / 2;
            const { createdAt, touchedAt } = records.get(key)!;
            await save(key, {
              createdAt: random.pick([createdAt, 0, Date.now()]),
              touchedAt: touchedAt + by,
              expiresAt: Date.now() + HOUR + by,
              data: `saved ${changes}`,
            });
          }
          const gone = random.pick([seen, coming])();
          if (gone !== undefined && changes % 3 === 1) {
            assert.equal(await store.delete(gone), true);
            leave(gone);
          }
          const lost = random.pick([seen, coming])();
          if (lost !== undefined && changes % 3 === 2) {
            await save(lost, { userId: "bob" });
            leave(lost);
          }
          if (changes % 4 === 0) await add(changes);
        }
        const left = [...expected].filter((key) => !shown.has(key));
        assert.equal(left.length, 0, `${left.length} of ${expected.size} sessions were on no page`);
        await assertListed(
          store,
          userId,
          [...versions.keys()].map((key) => ({ key, record: records.get(key)! })),
        );
      }
    },
  },
  {
    name: "SR-040 pages read while sessions are touched, saved and removed at once show every one that stays",
    methods: ["list"],
    async run(store, { random }) {
      const value = record({ userId: "alice" });
      const keys = Array.from({ length: 40 }, () => random.key());
      const versions = await Promise.all(keys.map((key) => put(store, key, value)));
      const change = async (key: string, n: number) => {
        await turns(n % 9);
        if (n % 4 === 0) return void assert.equal(await store.delete(key), true);
        for (let round = 1; round <= 3; round++) {
          const later = { touchedAt: value.touchedAt + round * n, expiresAt: value.expiresAt + round * n };
          await store.touch?.(key, later.touchedAt, later.expiresAt, versions[n]!);
          await turns(n % 5);
          versions[n] = version(await store.save(key, { ...value, ...later }, versions[n]!), "save");
        }
      };
      const readers = [1, 3, 10].map((limit) => listed(store, "alice", limit));
      const [found] = await Promise.all([Promise.all(readers), Promise.all(keys.map(change))]);
      for (const [n, key] of keys.entries()) {
        if (n % 4 === 0) continue;
        for (const one of found) assert.ok(one.has(key), "a session that stayed was on no page");
      }
      assert.equal((await listed(store, "alice")).size, 30);
    },
  },
];
