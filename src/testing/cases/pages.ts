/** A user's sessions come page by page, and nobody is lost between two pages. */
import assert from "node:assert/strict";
import type { ListOptions, SessionRecord, SessionStore } from "../../store.ts";
import { type StoreCase, turns } from "../case.ts";
import type { Random } from "../random.ts";
import { assertListed, hourMs, listed, pagesOf, put, record, version } from "../records.ts";

const sessionCount = 250;
const limits = [undefined, 7, 100, sessionCount, 5_000] as const;

type Session = { key: string; record: SessionRecord };

/** The sessions of one user, all of which may change at any time. */
class Crowd {
  readonly userId: string;
  readonly #store: Required<SessionStore>;
  readonly #random: Random;
  readonly #sessions = new Map<string, { record: SessionRecord; version: string }>();

  constructor(store: Required<SessionStore>, random: Random, userId: string) {
    [this.#store, this.#random, this.userId] = [store, random, userId];
  }

  has(key: string): boolean {
    return this.#sessions.has(key);
  }
  keys(): string[] {
    return [...this.#sessions.keys()];
  }
  entries(): Session[] {
    return [...this.#sessions].map(([key, { record }]) => ({ key, record }));
  }
  /** One of those that are as wanted, if there is one. */
  some(isWanted: (key: string) => boolean): string | undefined {
    const keys = this.keys().filter(isWanted);
    return keys.length > 0 ? this.#random.pick(keys) : undefined;
  }

  async add(n: number): Promise<void> {
    const key = this.#random.key();
    const value = record({ userId: this.userId, createdAt: 1000 + n, touchedAt: Date.now() - n * 1000 });
    this.#sessions.set(key, { record: value, version: await put(this.#store, key, value) });
  }
  async touch(key: string | undefined): Promise<void> {
    const found = this.#sessions.get(key ?? "");
    if (found === undefined) return;
    const ahead = this.#random.pick([1, hourMs, 9 * hourMs]);
    const times = {
      touchedAt: found.record.touchedAt + ahead,
      expiresAt: found.record.expiresAt + ahead,
    };
    const touched = await this.#store.touch?.(key!, times.touchedAt, times.expiresAt, found.version);
    if (touched) found.record = { ...found.record, ...times };
  }
  /** Moves all instants back or forward, past those of all others. */
  async save(key: string | undefined, by: number): Promise<void> {
    const now = Date.now();
    await this.#write(key, {
      createdAt: by < 0 ? this.#random.below(1000) : now,
      touchedAt: now + by * hourMs,
      expiresAt: now + (by < 0 ? hourMs / 2 : 40 * hourMs),
      data: "saved",
    });
  }
  async leave(key: string | undefined): Promise<void> {
    await this.#write(key, { userId: "somebody else" });
    this.#sessions.delete(key ?? "");
  }
  async remove(key: string | undefined): Promise<void> {
    if (key !== undefined && this.#sessions.delete(key)) assert.equal(await this.#store.delete(key), true);
  }

  async #write(key: string | undefined, changes: Partial<SessionRecord>): Promise<void> {
    const found = this.#sessions.get(key ?? "");
    if (found === undefined) return;
    const value = { ...found.record, ...changes };
    found.version = version(await this.#store.save(key!, value, found.version), "save");
    found.record = value;
  }
}

export const pageCases: readonly StoreCase[] = [
  {
    name: `SR-040 the pages of ${sessionCount} sessions show every one, at most 100 or \`limit\` at a time`,
    methods: ["list"],
    async run(store, { random }) {
      // Many are equal in every instant, as after an import.
      const value = record({ userId: "alice" });
      const mine: Session[] = Array.from({ length: sessionCount }, (_, n) => ({
        key: random.key(),
        record: n % 2 > 0 ? value : { ...value, createdAt: n % 9, touchedAt: value.touchedAt - n },
      }));
      await Promise.all(mine.map(({ key, record }) => put(store, key, record)));
      await Promise.all(
        Array.from({ length: 20 }, (_, n) => put(store, random.key(), record({ userId: `alice${n}` }))),
      );
      for (const limit of limits) await assertListed(store, "alice", mine, limit);
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
      for (const limit of [1, 4]) {
        const crowd = new Crowd(store, random, `alice, ${limit} a page`);
        for (let n = 0; n < 30; n++) await crowd.add(n);
        const constant = new Set(crowd.keys());
        const shown = new Set<string>();
        let round = 0;
        for await (const entries of pagesOf(store, crowd.userId, limit)) {
          for (const { key } of entries) {
            assert.ok(crowd.has(key), "a page shows what was removed before it");
            shown.add(key);
          }
          // Whoever goes by an instant, in either direction, meets one that moves from behind the cursor to before it.
          if (++round > 40) continue;
          const coming = () => crowd.some((key) => !shown.has(key));
          const seen = () => crowd.some((key) => shown.has(key));
          await crowd.touch(coming());
          await crowd.touch(seen());
          await crowd.save(coming(), -1);
          await crowd.save(coming(), 1);
          await crowd.save(seen(), random.pick([-1, 1]));
          // Among them the one that the cursor may point to.
          const gone = [entries.at(-1)?.key, seen(), coming()][round % 3];
          constant.delete(gone ?? "");
          if (round % 2 > 0) await crowd.remove(gone);
          else await crowd.leave(gone);
          if (round % 4 === 0) await crowd.add(round);
        }
        const left = [...constant].filter((key) => !shown.has(key));
        assert.equal(left.length, 0, `${left.length} of ${constant.size} sessions were on no page`);
        await assertListed(store, crowd.userId, crowd.entries());
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
