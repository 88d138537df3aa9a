/** The index of a user's sessions is exact. */
import assert from "node:assert/strict";
import type { SessionRecord } from "../../store.ts";
import type { StoreCase } from "../case.ts";
import {
  assertFree,
  assertHolds,
  assertListed,
  expiredRecord,
  hourMs,
  put,
  record,
  version,
} from "../records.ts";

const longUser = "x".repeat(999);

/** Prefixes of one another, patterns, separators, look-alikes. */
const hostileUsers: readonly string[] = [
  "alice",
  "alic",
  "alice2",
  "Alice",
  "ALICE",
  "alice ",
  " alice",
  "alice\n",
  "alice\r\n",
  "alice\u0000",
  "alice\u0000b",
  "al*ce",
  "al?ce",
  "*",
  "?",
  "%",
  "_",
  "al_ce",
  "alice%",
  "[a-z]",
  ".*",
  "alice:",
  "alice:1",
  "alice/1",
  "../alice",
  "alice|1",
  "alice,bob",
  "{alice}",
  "O'Brien",
  'say "hi"',
  "back\\slash",
  "`",
  "'; DROP TABLE sessions; --",
  "$1",
  ":a",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "null",
  "undefined",
  "0",
  "00",
  "1",
  "1.0",
  "-1",
  "true",
  "caf\u00e9",
  "cafe\u0301",
  "用户",
  "用户🙂",
  "🙂",
  "İ",
  "i",
  "ß",
  "ss",
  "\u202ealice",
  "\ufeffalice",
  longUser,
  `${longUser}y`,
];

/** Halves of a surrogate pair, and what they turn into on the way through UTF-8; a NUL where text may be cut. */
const invalidUsers: readonly string[] = [
  "\ud800",
  "\udbff",
  "\udc00",
  "\udfff",
  "\ufffd",
  "a\ud800",
  "a\ud800b",
  "\udc00\ud800",
  "\ufffd\ufffd",
  "\0",
  "\0\0",
  "\0\ud800",
  "\ud83d",
  "\ud83d\ude42",
];

export const listCases: readonly StoreCase[] = [
  {
    name: "SR-040 list shows exactly the sessions of the user",
    methods: ["list"],
    async run(store, { random }) {
      await assertListed(store, "alice", []);
      const mine = Array.from({ length: 3 }, (_, n) => ({
        key: random.key(),
        record: record({ userId: "alice", data: `session ${n}`, createdAt: n }),
      }));
      for (const { key, record } of mine) await put(store, key, record);
      await put(store, random.key(), record({ userId: "bob" }));
      await put(store, random.key(), record());
      await assertListed(store, "alice", mine);
      await assertListed(store, "carol", []);
    },
  },
  {
    name: "SR-040 hostile user ids are told apart to the letter",
    methods: ["list"],
    async run(store, { random }) {
      const sessions = hostileUsers.map((userId) => ({ key: random.key(), record: record({ userId }) }));
      for (const { key, record } of sessions) await put(store, key, record);
      for (const session of sessions) await assertListed(store, session.record.userId!, [session]);
      for (const { key, record } of sessions) {
        assert.equal(await store.delete(key), true);
        await assertListed(store, record.userId!, []);
      }
    },
  },
  {
    name: "SR-040 a user id that is no proper text is kept or refused, and never mixed up with another",
    methods: ["list"],
    async run(store, { random }) {
      const kept: { key: string; record: SessionRecord }[] = [];
      for (const userId of invalidUsers) {
        const session = { key: random.key(), record: record({ userId }) };
        const answer = await Promise.resolve().then(() => store.create(session.key, session.record)).catch(
          () => undefined,
        );
        if (answer !== undefined) kept.push(session);
        else await assertFree(store, session.key, "what was refused is not there");
      }
      for (const userId of invalidUsers) {
        await assertListed(store, userId, kept.filter(({ record }) => record.userId === userId));
      }
      for (const { key, record } of kept) {
        await assertHolds(store, key, record);
        assert.equal(await store.delete(key), true);
        await assertListed(store, record.userId!, []);
      }
    },
  },
  {
    name: "SR-040 the index follows saves that change the user",
    methods: ["list"],
    async run(store, { random }) {
      const key = random.key();
      let current = await put(store, key, record());
      for (const userId of ["alice", "bob", undefined, "alice", "alice"]) {
        const value = record(userId === undefined ? {} : { userId });
        current = version(await store.save(key, value, current), "save");
        for (const name of ["alice", "bob"]) {
          await assertListed(store, name, name === userId ? [{ key, record: value }] : []);
        }
      }
    },
  },
  {
    name: "a refused create or save leaves the index alone",
    methods: ["list"],
    async run(store, { random }) {
      const key = random.key();
      const value = record({ userId: "alice" });
      const stale = await put(store, key, value);
      version(await store.save(key, value, stale), "save");
      assert.equal(await store.create(key, record({ userId: "mallory" })), undefined);
      assert.equal(await store.save(key, record({ userId: "mallory" }), stale), undefined);
      await assertListed(store, "alice", [{ key, record: value }]);
      await assertListed(store, "mallory", []);
    },
  },
  {
    name: "the index follows delete, and create after it",
    methods: ["list"],
    async run(store, { random }) {
      const [key, other] = [random.key(), random.key()];
      const value = record({ userId: "alice" });
      await put(store, key, value);
      await put(store, other, value);
      await store.delete(key);
      await assertListed(store, "alice", [{ key: other, record: value }]);
      const bob = record({ userId: "bob" });
      await put(store, key, bob);
      await assertListed(store, "alice", [{ key: other, record: value }]);
      await assertListed(store, "bob", [{ key, record: bob }]);
    },
  },
  {
    name: "the index lets go of an expired record that create replaced",
    methods: ["list"],
    async run(store, { random }) {
      const key = random.key();
      await put(store, key, expiredRecord({ userId: "alice" }));
      const value = record({ userId: "bob" });
      await put(store, key, value);
      await assertListed(store, "alice", []);
      await assertListed(store, "bob", [{ key, record: value }]);
    },
  },
  {
    name: "what list gave does not change afterwards, and changing it does not change the index",
    methods: ["list"],
    async run(store, { random }) {
      const [key, other] = [random.key(), random.key()];
      const value = record({ userId: "alice", head: "head" });
      let current = await put(store, key, value);
      const { entries } = await store.list("alice");
      const changed = record({ userId: "alice", expiresAt: value.expiresAt + hourMs });
      current = version(await store.save(key, changed, current), "save");
      await put(store, other, value);
      assert.equal(entries.length, 1);
      assert.equal(entries[0]!.record.expiresAt, value.expiresAt);
      assert.equal(entries[0]!.record.head, "head");
      try {
        (entries as unknown[]).length = 0;
      } catch {
        // A frozen list is as good.
      }
      await assertListed(store, "alice", [{ key, record: changed }, { key: other, record: value }]);
    },
  },
];
