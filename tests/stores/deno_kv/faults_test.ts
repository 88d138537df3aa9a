import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type DenoKv, DenoKvStore } from "../../../backends/deno_kv.ts";
import { decodeRecord, encodeRecord } from "../../../backends/deno_kv/record.ts";
import { SessionError, type SessionErrorCode } from "../../../src/errors.ts";
import { openTestKv, wrapKv } from "../../support/deno_kv/open_kv.ts";

const startTime = Date.now();
const key = (n: number) => n.toString(16).padStart(64, "0");
const record = (data = "{}", userId?: string, expiresAt = startTime + 60_000) => ({
  data,
  ...(userId === undefined ? {} : { userId }),
  createdAt: startTime,
  touchedAt: startTime,
  expiresAt,
});
const code = (code: SessionErrorCode) => (error: unknown) =>
  error instanceof SessionError && error.code === code;
const at = (store: string, n: number) => [store, "record", key(n)];

/** Every change, each on a session of its own that `create` has prepared, except the first. */
const changes: [string, (store: DenoKvStore, version: string) => Promise<unknown>][] = [
  ["create", (store) => store.create(key(9), record("new", "u"))],
  ["save", (store, version) => store.save(key(1), record("new", "u"), version)],
  ["touch", (store, version) => store.touch(key(1), startTime + 1, startTime + 70_000, version)],
  ["delete", (store) => store.delete(key(1))],
];

describe("DenoKvStore under faults", () => {
  let kv: DenoKv;
  let plain: DenoKvStore;
  let version: string;
  let serial = 0;
  let prefix: string;
  before(async () => {
    kv = await openTestKv(":memory:");
  });
  after(() => kv.close());
  const prepare = async () => {
    prefix = `f${serial++}`;
    plain = new DenoKvStore(kv, { prefix });
    version = (await plain.create(key(1), record("old", "u")))!;
  };

  for (const [name, change] of changes) {
    it(`SR-059 K2 ${name}: five failed commits are retried, six are a conflict that changed nothing`, async () => {
      for (let failures = 1; failures <= 6; failures++) {
        await prepare();
        let left = failures;
        const commit = (go: () => Promise<{ ok: boolean }>) =>
          left-- > 0 ? Promise.resolve({ ok: false }) : go();
        const store = new DenoKvStore(wrapKv(kv, { commit }), { prefix });
        if (failures < 6) {
          assert.ok(await change(store, version));
        } else {
          await assert.rejects(change(store, version), code("ERR_CONFLICT"));
          assert.deepEqual(await plain.load(key(1)), { ...record("old", "u"), version });
          assert.equal(await plain.load(key(9)), undefined);
        }
      }
    });

    it(`SR-048 SR-045 K5 ${name}: a database that rejects, hangs, throws or answers nonsense is a typed error in time`, async () => {
      const hang = () => new Promise<never>(() => {});
      const faults: [string, () => Promise<never>][] = [
        ["reject", () => Promise.reject(new Error("cut"))],
        ["hang", hang],
        ["throw", () => {
          throw new TypeError("Value too large");
        }],
        ["nonsense", () => Promise.resolve(undefined as never)],
      ];
      for (const [, fault] of faults) {
        for (const wrap of [{ commit: fault }, { get: fault }]) {
          await prepare();
          const store = new DenoKvStore(wrapKv(kv, wrap), { prefix, timeout: 0.05 });
          const start = performance.now();
          await assert.rejects(change(store, version), code("ERR_STORE"));
          assert.ok(performance.now() - start < 2500);
          assert.deepEqual(await plain.load(key(1)), { ...record("old", "u"), version });
          assert.equal(await plain.load(key(9)), undefined);
        }
      }
    });
  }

  it("SR-048 K5 reads of a hung or failing database are typed errors in time", async () => {
    await prepare();
    const hung = { ...wrapKv(kv, { get: () => new Promise<never>(() => {}) }) };
    const store = new DenoKvStore(hung, { prefix, timeout: 0.02 });
    await assert.rejects(store.load(key(1)), code("ERR_STORE"));
    await assert.rejects(store.clearExpired(startTime + 99_000, 5), code("ERR_STORE"));
    const cause = new Error("cut");
    const lists = new DenoKvStore({
      ...hung,
      list: () => {
        throw cause;
      },
    }, { prefix });
    await assert.rejects(
      lists.list("u"),
      (error: Error) => code("ERR_STORE")(error) && error.cause === cause,
    );
    await assert.rejects(lists.clearExpired(startTime, 5), code("ERR_STORE"));
    const never = { next: () => new Promise<never>(() => {}), [Symbol.asyncIterator]: () => never };
    const silent = new DenoKvStore({ ...hung, list: () => never } as DenoKv, { prefix, timeout: 0.02 });
    await assert.rejects(silent.list("u"), code("ERR_STORE"));
  });

  it("SR-048 an operation that gave up makes no further call", async () => {
    await prepare();
    let commits = 0;
    let answer = (_: { value: null; versionstamp: null }) => {};
    const slow = wrapKv(kv, {
      get: () => new Promise((resolve) => answer = resolve),
      commit: (go) => (commits++, go()),
    });
    await assert.rejects(
      new DenoKvStore(slow, { prefix, timeout: 0.02 }).create(key(9), record()),
      code("ERR_STORE"),
    );
    answer({ value: null, versionstamp: null });
    await new Promise((resolve) => setTimeout(resolve));
    assert.equal(commits, 0);
    assert.equal(await plain.load(key(9)), undefined);
  });

  it("SR-055 a locked file is waited for, up to the time limit", async () => {
    for (const [name, change] of changes) {
      for (const locks of [3, Infinity]) {
        await prepare();
        let left = locks;
        const commit = (go: () => Promise<{ ok: boolean }>) =>
          left-- > 0 ? Promise.reject(new TypeError("database is locked")) : go();
        const store = new DenoKvStore(wrapKv(kv, { commit }), { prefix, timeout: locks === 3 ? 2 : 0.1 });
        if (locks === 3) assert.ok(await change(store, version), name);
        else {await assert.rejects(change(store, version), (error: Error) =>
            code("ERR_STORE")(error) && error.cause instanceof TypeError);}
      }
    }
  });

  it("SR-049 a commit that was applied although it answered no is recognised, not repeated", async () => {
    for (const name of ["create", "save"]) {
      await prepare();
      let commits = 0;
      const commit = async (go: () => Promise<{ ok: boolean }>) => (commits++, await go(), { ok: false });
      const store = new DenoKvStore(wrapKv(kv, { commit }), { prefix });
      const got = await changes.find(([change]) => change === name)![1](store, version);
      assert.equal((await plain.load(key(name === "save" ? 1 : 9)))?.version, got);
      assert.equal(commits, 1);
    }
  });

  it("a log-out wins against others who change the record before each of its commits", async () => {
    await prepare();
    const commit = async (go: () => Promise<{ ok: boolean }>) => {
      const now = await plain.load(key(1));
      assert.ok(
        await plain.save(
          key(1),
          record(`${Math.random()}`, "u", startTime + Math.floor(Math.random() * 50_000)),
          now!.version,
        ),
      );
      return await go();
    };
    assert.equal(await new DenoKvStore(wrapKv(kv, { commit }), { prefix }).delete(key(1)), true);
    assert.equal(await plain.load(key(1)), undefined);
    assert.deepEqual(await plain.list("u"), { entries: [] });
    assert.equal(await plain.clearExpired(startTime + 99_000, 10), 0);
    const left = [];
    for await (const entry of kv.list({ prefix: [prefix, "expires"] }, { consistency: "strong" })) {
      left.push(entry);
    }
    assert.deepEqual(left, []);
  });

  it("SR-058 K3 a value of 65,536 bytes is kept, one byte more is refused before the call", async () => {
    for (const [letter, width] of [["a", 1], ["😀", 4], ['"', 1], ["\\", 1]] as const) {
      for (const size of [65_535, 65_536, 65_537]) {
        await prepare();
        const room = size - 70 - 1;
        const data = letter.repeat(room / width) + "b".repeat(room % width);
        let calls = 0;
        const counted = wrapKv(kv, { read: () => calls++, commit: (go) => (calls++, go()) });
        const store = new DenoKvStore(counted, { prefix });
        if (size <= 65_536) {
          const next = await store.save(key(1), record(data, "u"), version);
          const stored = await kv.get(at(prefix, 1), { consistency: "strong" });
          assert.equal((stored.value as Uint8Array).byteLength, size);
          assert.equal(await store.touch(key(1), startTime * 5, startTime * 7, next!), true);
          assert.deepEqual(await store.load(key(1)), {
            ...record(data, "u"),
            touchedAt: startTime * 5,
            expiresAt: startTime * 7,
            version: next,
          });
        } else {
          await assert.rejects(store.save(key(1), record(data, "u"), version), code("ERR_TOO_LARGE"));
          await assert.rejects(store.create(key(9), record(data, "u")), code("ERR_TOO_LARGE"));
          assert.equal(calls, 0);
          assert.deepEqual(await store.load(key(1)), { ...record("old", "u"), version });
        }
      }
    }
  });

  it("SR-038 K4 where the database never expires anything, records are shown with their end and can be cleared", async () => {
    prefix = `f${serial++}`;
    const store = new DenoKvStore(wrapKv(kv, { expireIn: () => undefined }), { prefix });
    const version = await store.create(key(1), record("dead", "u", startTime - 1000));
    assert.deepEqual(await store.load(key(1)), { ...record("dead", "u", startTime - 1000), version });
    assert.ok(await store.create(key(1), record("new", "u", startTime + 5)));
    assert.equal(await store.clearExpired(startTime + 4, 10), 0);
    assert.equal(await store.clearExpired(startTime + 5, 10), 1);
    assert.equal(await store.load(key(1)), undefined);
  });

  it("SR-059 tells the database to remove a record and its index a minute after the end, never before", async () => {
    prefix = `f${serial++}`;
    let told: (number | undefined)[] = [];
    const expireIn = (given: number | undefined) => (told.push(given), given);
    const store = new DenoKvStore(wrapKv(kv, { expireIn }), { prefix, now: () => startTime });
    for (
      const [life, expected] of [[10_000, 70_000], [1, 60_001], [0, 60_000], [-5000, 60_000], [
        1e13,
        undefined,
      ]] as const
    ) {
      told = [];
      await store.create(key(1), record("x", "u", startTime + life));
      assert.deepEqual(told, [expected, expected, expected]);
      await store.delete(key(1));
    }
  });

  it("SR-044 K6 reads nothing with eventual consistency", async () => {
    await prepare();
    const seen: unknown[] = [];
    const store = new DenoKvStore(wrapKv(kv, { read: (options) => seen.push(options?.consistency) }), {
      prefix,
    });
    await store.load(key(1));
    for (const [, change] of changes) await change(store, version);
    await store.list("u");
    await store.clearExpired(startTime + 99_000, 10);
    assert.ok(seen.length >= 7);
    assert.deepEqual([...new Set(seen)], ["strong"]);
  });

  it("SR-050 a damaged record is told from a missing one, can be ended and is not listed; a newer format is trouble", async () => {
    const bytes = encodeRecord(key(3), record('{"secret":"pearl"}', "u"), crypto.randomUUID());
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const bad = bytes.slice();
      bad[bit >> 3]! ^= 1 << (bit & 7);
      assert.throws(
        () => decodeRecord(key(3), bad),
        (error: Error) =>
          (code("ERR_DAMAGED")(error) || code("ERR_STORE")(error)) && error.cause === undefined,
      );
    }
    for (let size = 0; size < bytes.length; size++) {
      assert.throws(() => decodeRecord(key(3), bytes.slice(0, size)), code("ERR_DAMAGED"));
    }
    await prepare();
    const found = await kv.get(at(prefix, 1), { consistency: "strong" });
    for (const bad of [new Uint8Array(3), (found.value as Uint8Array).fill(0xff, 64)]) {
      await kv.atomic().set(at(prefix, 1), bad).commit();
      await assert.rejects(plain.load(key(1)), code("ERR_DAMAGED"));
      await assert.rejects(plain.save(key(1), record(), version), code("ERR_DAMAGED"));
      await assert.rejects(plain.touch(key(1), 1, 2, version), code("ERR_DAMAGED"));
      assert.deepEqual(
        new Uint8Array((await kv.get(at(prefix, 1), { consistency: "strong" })).value as Uint8Array),
        new Uint8Array(bad),
      );
    }
    assert.equal(await plain.clearExpired(startTime + 60_000, 10), 1);
    assert.equal(await plain.load(key(1)), undefined);
    // Damage in the data leaves enough to take it out of the user's list
    const other = (await plain.create(key(4), record('{"secret":"pearl"}', "u")))!;
    const worn = Uint8Array.from(
      (await kv.get(at(prefix, 4), { consistency: "strong" })).value as Uint8Array,
    );
    worn[worn.length - 7]! ^= 1;
    await kv.atomic().set(at(prefix, 4), worn).commit();
    await assert.rejects(plain.load(key(4)), code("ERR_DAMAGED"));
    await assert.rejects(plain.save(key(4), record(), other), code("ERR_DAMAGED"));
    assert.equal(await plain.delete(key(4)), true);
    assert.ok(!(await plain.list("u")).entries.some((entry) => entry.key === key(4)));
    await kv.atomic().set(at(prefix, 2), new Uint8Array(3)).commit();
    assert.equal(await plain.delete(key(2)), true);
    await kv.atomic().set(at(prefix, 3), Uint8Array.from(bytes, (byte, i) => i ? byte : 3)).commit();
    await assert.rejects(plain.load(key(3)), code("ERR_STORE"));
  });

  it("SR-003 keys that are no storage keys are not found or a typed error", async () => {
    await prepare();
    for (const odd of ["", "\0", "../..", "x".repeat(5000), "\uD800", "😀"]) {
      await plain.load(odd).then(
        (found) => assert.equal(found, undefined),
        (error) => assert.ok(code("ERR_STORE")(error)),
      );
    }
    assert.equal((await plain.load(key(1)))?.version, version);
  });
});
