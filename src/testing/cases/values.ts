/** What goes in comes out, to the letter, and nobody can change it from outside. */
import assert from "node:assert/strict";
import type { SessionRecord, SessionSummary } from "../../store.ts";
import type { StoreCase } from "../case.ts";
import { assertHolds, assertListed, assertSame, hourMs, put, record, stored, version } from "../records.ts";

export const dataTexts: readonly string[] = [
  "",
  "{}",
  " ",
  "\n",
  "null",
  "true",
  "007",
  "1e3",
  "-0",
  "0x10",
  "undefined",
  "[object Object]",
  "UPPER lower ÄÖÜ äöü İı ẞß",
  "quote ' double \" back ` slash \\ end",
  "';--",
  "\\u0041 \\x41 %41 &#65; ${1} $1 \\n",
  "  edges  ",
  "line\nfeed",
  "carriage\r\nreturn\r",
  "tab\ttab",
  "NUL \u0000 inside",
  "\u0000",
  "NUL at the end\u0000",
  "\u0001\u0002\u001b\u007f\u0080\u009f",
  "\ufeffbyte order mark first",
  "last\ufeff",
  "\u2028\u2029",
  "composed \u00e9, decomposed e\u0301",
  "🙂 👩‍👩‍👧 𝄞 \u{10ffff}",
  "日本語 العربية עברית \u202e",
  "\ufffd \ufffe \uffff \ufdd0",
  JSON.stringify("lone \ud800 surrogates \udfff, and the wrong way round \udc00\ud800"),
  JSON.stringify({ ["__proto__"]: { admin: true }, constructor: null, "": [1.5, "é"], nested: '{"a":"b"}' }),
];

const userIds: readonly string[] = [
  "0",
  "null",
  "__proto__",
  "a'b\"c\\d",
  "línea\n用户🙂",
  " edges ",
  "UPPER",
  "NUL \u0000 inside",
  "caf\u00e9",
  "cafe\u0301",
  "é".repeat(1000),
];

export const valueCases: readonly StoreCase[] = [
  {
    name: "SR-071 every kind of text comes back as it was, after create and save",
    async run(store, { random }) {
      for (const data of dataTexts) {
        const key = random.key();
        const value = record({ data });
        let current = await put(store, key, value);
        await assertHolds(store, key, value, current);
        current = version(await store.save(key, record({ data: "between" }), current), "save");
        current = version(await store.save(key, value, current), "save");
        await assertHolds(store, key, value, current);
      }
    },
  },
  {
    name: "SR-064 data of the greatest size comes back whole",
    async run(store, { random, maxBytes }) {
      const key = random.key();
      let current = await put(store, key, record({ data: "small" }));
      for (
        const [alphabet, bytes] of [['abcdefghijklmnopqrstuvwxyz"\\{}', 1], ["äöüéèñ", 2], [
          "🙂😀𝄞",
          4,
        ]] as const
      ) {
        const length = Math.floor(maxBytes / bytes);
        const value = record({ data: random.text(length, alphabet) + "x".repeat(maxBytes - length * bytes) });
        current = version(await store.save(key, value, current), "save");
        await assertHolds(store, key, value, current);
        const other = random.key();
        await assertHolds(store, other, value, await put(store, other, value));
      }
      const small = record({ data: "small again" });
      await assertHolds(store, key, small, version(await store.save(key, small, current), "save"));
    },
  },
  {
    name: "userId comes back as it was, and is left out when there is none",
    async run(store, { random }) {
      for (const userId of userIds) {
        const key = random.key();
        const [known, unknown] = [record({ userId }), record()];
        let current = await put(store, key, known);
        await assertHolds(store, key, known, current);
        current = version(await store.save(key, unknown, current), "save");
        await assertHolds(store, key, unknown, current);
        current = version(await store.save(key, known, current), "save");
        await assertHolds(store, key, known, current);
      }
    },
  },
  {
    name: "a userId of undefined is no userId",
    async run(store, { random }) {
      const key = random.key();
      // The type forbids it, and plain JavaScript does it all the same.
      const anonymous = { ...record(), userId: undefined } as unknown as SessionRecord;
      const assertAnonymous = async () => {
        assert.equal((await stored(store, key)).userId, undefined);
        if (store.list === undefined) return;
        for (const name of ["undefined", "null", "alice"]) await assertListed(store, name, []);
      };
      let current = await put(store, key, anonymous);
      await assertAnonymous();
      current = version(await store.save(key, record({ userId: "alice" }), current), "save");
      current = version(await store.save(key, anonymous, current), "save");
      await assertAnonymous();
    },
  },
  {
    name: "instants come back to the millisecond",
    async run(store, { random }) {
      const now = Date.now();
      for (
        const times of [
          { createdAt: 0, touchedAt: 1, expiresAt: now + hourMs },
          { createdAt: now - 1, touchedAt: now, expiresAt: now + hourMs + 999 },
          {
            createdAt: now - 400 * 24 * hourMs - 1,
            touchedAt: now - 1001,
            expiresAt: now + 400 * 24 * hourMs + 1,
          },
          { createdAt: now + 5, touchedAt: now + 7, expiresAt: Date.UTC(9999, 11, 31, 23, 59, 59, 999) },
        ]
      ) {
        const key = random.key();
        const value = record(times);
        const born = await put(store, key, value);
        await assertHolds(store, key, value, born);
        await assertHolds(store, key, value, version(await store.save(key, value, born), "save"));
      }
    },
  },
  {
    name: "SR-043 a loaded record never changes afterwards",
    async run(store, { random }) {
      const key = random.key();
      const before = record({ userId: "alice", head: "before", data: "before" });
      const born = await put(store, key, before);
      const loaded = await stored(store, key);
      await store.touch?.(key, before.touchedAt + 1, before.expiresAt + 1, born);
      const saved = version(await store.save(key, record({ data: "after" }), born), "save");
      assertSame(loaded, before);
      const second = await stored(store, key);
      const copy = { ...second };
      await store.touch?.(key, second.touchedAt + 1, second.expiresAt + 1, saved);
      version(await store.save(key, record({ data: "last" }), saved), "save");
      await store.delete(key);
      assertSame(second, copy);
      assert.equal(loaded.version, born);
      assert.equal(second.version, saved);
    },
  },
  {
    name: "SR-043 changing a loaded record does not change the store",
    async run(store, { random }) {
      const key = random.key();
      const value = record({ userId: "alice", head: "head" });
      const born = await put(store, key, value);
      vandalise(await stored(store, key));
      await assertHolds(store, key, value, born);
      if (store.list !== undefined) {
        for (const { record } of (await store.list("alice")).entries) vandalise(record);
        await assertHolds(store, key, value, born);
        await assertListed(store, "alice", [{ key, record: value }]);
      }
    },
  },
  {
    name: "SR-043 changing a record that was handed in does not change the store",
    async run(store, { random }) {
      const key = random.key();
      const value = record({ userId: "alice", head: "head" });
      const [first, second] = [{ ...value }, { ...value }];
      let current = await put(store, key, first);
      vandalise(first);
      await assertHolds(store, key, value, current);
      current = version(await store.save(key, second, current), "save");
      vandalise(second);
      await assertHolds(store, key, value, current);
    },
  },
  {
    name: "a store takes records that are frozen, and does not change those that are not",
    async run(store, { random }) {
      const key = random.key();
      const frozen = Object.freeze(record({ userId: "alice", head: "head" }));
      const open = record({ userId: "alice", head: "head" });
      const copy = { ...open };
      let current = await put(store, key, frozen);
      current = version(await store.save(key, open, current), "save");
      await store.touch?.(key, Date.now(), Date.now() + 2 * hourMs, current);
      version(await store.save(key, frozen, current), "save");
      assert.deepEqual(open, copy);
    },
  },
];

/** Writes over every field, as far as the object lets us. */
function vandalise(target: SessionSummary): void {
  const changes = {
    data: "vandal",
    head: "vandal",
    userId: "vandal",
    version: "vandal",
    createdAt: 1,
    touchedAt: 1,
    expiresAt: 1,
  };
  for (const [field, value] of Object.entries(changes)) Reflect.set(target, field, value);
}
