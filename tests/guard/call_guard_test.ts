/** The guard before a store by itself: answers of the wrong kind, failures, time, and calls that are traced. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import { SessionError, type SessionEvent, type SessionRecord, type SessionStore } from "../../mod.ts";
import { Events } from "../../src/events.ts";
import {
  CallGuard,
  GuardedStore,
  ignoreSessionErrors,
  isTimeout,
  rethrowAsStoreError,
} from "../../src/guard/call_guard.ts";

const now = 1_800_000_000_000;
const record: SessionRecord = { data: "1\n{}", createdAt: now, touchedAt: now, expiresAt: now + 1000 };
const stored = { ...record, version: "1" };
const item = { key: "key", record };

/** A store whose calls all come to `answer`, at once or as a promise. */
function storeOf(answer: () => unknown): SessionStore {
  const names = ["load", "create", "save", "delete", "touch", "clearExpired", "list", "close"];
  return Object.fromEntries(names.map((name) => [name, answer])) as unknown as SessionStore;
}

function guarded(store: SessionStore, timeout = 30) {
  const told: string[] = [];
  const events = new Events(
    ({ type }: SessionEvent) => void told.push(type),
    () => now,
    (key) => Promise.resolve(key),
  );
  return { told, events, store: new GuardedStore(store, new CallGuard(timeout, events)) };
}

const calls: Readonly<Record<string, (store: GuardedStore) => unknown>> = {
  load: (store) => store.load("key"),
  create: (store) => store.create("key", record),
  save: (store) => store.save("key", record, "1"),
  delete: (store) => store.delete("key"),
  touch: (store) => store.touch("key", now, now, "1"),
  clearExpired: (store) => store.clearExpired(now, 10),
  list: (store) => store.list("ann", undefined),
  close: (store) => store.close(),
};

const versions = { right: ["1", undefined, null], wrong: ["", 1, true, {}] };
const booleans = { right: [true, false], wrong: [undefined, null, 0, "true"] };
const answers: Readonly<Record<string, { right: unknown[]; wrong: unknown[] }>> = {
  load: {
    right: [undefined, null, stored, { ...stored, userId: "ann" }],
    wrong: [
      "text",
      1,
      record,
      { ...stored, version: 1 },
      { ...stored, data: 1 },
      { ...stored, head: 1 },
      { ...stored, userId: 1 },
      { ...stored, createdAt: "now" },
      { ...stored, touchedAt: NaN },
      { ...stored, expiresAt: Infinity },
    ],
  },
  create: versions,
  save: versions,
  delete: booleans,
  touch: booleans,
  clearExpired: { right: [0, 1, 10], wrong: [-1, 0.5, "1", undefined] },
  list: {
    right: [
      { entries: [] },
      { entries: [item], next: "more" },
      { entries: [item, { ...item, record: { ...record, userId: "ann", head: "1" } }], next: undefined },
    ],
    wrong: [
      undefined,
      {},
      [item],
      { entries: item },
      { entries: [], next: 1 },
      ...[null, { key: 1, record }, { key: "key" }, { ...item, record: null }].map((one) => ({
        entries: [item, one],
      })),
      { entries: [{ ...item, record: { ...record, head: 1 } }] },
    ],
  },
  close: { right: [undefined, null, 1], wrong: [] },
};

describe("an answer of a store", () => {
  for (const [method, { right, wrong }] of Object.entries(answers)) {
    it(`to ${method} is passed on if it is of the right kind, at once or later`, async () => {
      for (const answer of right) {
        const expected = answer === null ? undefined : answer;
        assert.equal(calls[method]!(guarded(storeOf(() => answer)).store), expected);
        const later = calls[method]!(guarded(storeOf(() => Promise.resolve(answer))).store);
        assert.ok(later instanceof Promise);
        assert.equal(await later, expected);
      }
    });

    it(`to ${method} of another kind is an error, and told`, async () => {
      for (const answer of wrong) {
        for (const give of [() => answer, () => Promise.resolve(answer)]) {
          const { store, told, events } = guarded(storeOf(give));
          await assert.rejects(async () => await calls[method]!(store), {
            code: "ERR_STORE",
            message: "The session store gave an answer of the wrong kind",
          }, JSON.stringify(answer));
          await events.pending;
          assert.deepEqual(told, ["store-error"]);
        }
      }
    });
  }

  it("may be a promise of any kind", async () => {
    const thenable = { then: (done: (value: unknown) => void) => done(stored) };
    assert.equal(await guarded(storeOf(() => thenable)).store.load("key"), stored);
  });
});

describe("a store that fails", () => {
  const ways = (error: unknown) => [
    () => {
      throw error;
    },
    () => Promise.reject(error),
  ];

  for (const [method, call] of Object.entries(calls)) {
    it(`SR-046 at ${method} gives a typed error with the cause, and is told once`, async () => {
      const cause = new Error("driver");
      for (const fail of ways(cause)) {
        const { store, told, events } = guarded(storeOf(fail));
        await assert.rejects(async () => await call(store), (error: SessionError) => {
          assert.ok(error instanceof SessionError);
          assert.deepEqual([error.code, error.message, error.cause], [
            "ERR_STORE",
            "The session store failed",
            cause,
          ]);
          assert.equal(isTimeout(error), false);
          return true;
        });
        await events.pending;
        assert.deepEqual(told, ["store-error"]);
      }
    });

    it(`with damage at ${method} says so to reads; to writes it is trouble`, async () => {
      const damage = new SessionError("ERR_DAMAGED", "damaged");
      const isWrite = !["load", "list", "close"].includes(method);
      for (const fail of ways(damage)) {
        const { store, told, events } = guarded(storeOf(fail));
        await assert.rejects(async () => await call(store), (error: SessionError) => {
          if (!isWrite) return error === damage;
          return error.code === "ERR_STORE" && error.cause === damage &&
            error.message === "A write met a damaged record";
        });
        await events.pending;
        assert.deepEqual(told, isWrite ? ["store-error"] : []);
      }
    });

    it(`SR-048 by silence at ${method} is waited for as long as it was told`, async () => {
      const { store, told, events } = guarded(storeOf(() => new Promise(() => {})), 0.01);
      const started = performance.now();
      await assert.rejects(async () => await call(store), (error: SessionError) => {
        assert.equal(error.message, "The session store did not answer within 0.01 s");
        assert.ok(isTimeout(error));
        return error.code === "ERR_STORE";
      });
      assert.ok(performance.now() - started >= 9);
      await events.pending;
      assert.deepEqual(told, ["store-error"]);
    });
  }

  it("SR-048 by silence is given the seconds that it was told", () => {
    const real = { setTimeout: globalThis.setTimeout, now: performance.now };
    const waits: unknown[] = [];
    try {
      performance.now = () => 1000;
      Object.assign(globalThis, { setTimeout: (_run: unknown, wait: number) => void waits.push(wait) });
      void guarded(storeOf(() => new Promise(() => {})), 2.5).store.load("key");
    } finally {
      Object.assign(globalThis, { setTimeout: real.setTimeout });
      performance.now = real.now;
    }
    assert.deepEqual(waits, [2500]);
  });

  it("with a typed error that is no trouble keeps it", async () => {
    const gone = new SessionError("ERR_GONE", "gone");
    for (const fail of ways(gone)) {
      const { store, told, events } = guarded(storeOf(fail));
      for (const call of [calls["load"]!, calls["save"]!]) {
        await assert.rejects(async () => await call(store), (error) => error === gone);
      }
      await events.pending;
      assert.deepEqual(told, []);
    }
  });
});

describe("a store that lacks a method", () => {
  it("cannot do that, and closes all the same", () => {
    const { load, create, save, delete: remove } = new MemoryStore();
    const { store, told } = guarded({ load, create, save, delete: remove });
    assert.deepEqual([store.canTouch, store.canList], [false, false]);
    const unsupported = (what: string) => ({
      code: "ERR_UNSUPPORTED",
      message: `This session store cannot ${what}`,
    });
    assert.throws(() => store.list("ann", undefined), unsupported("list a user's sessions"));
    assert.throws(() => store.clearExpired(now, 1), unsupported("clear expired sessions"));
    assert.equal(store.close(), undefined);
    assert.deepEqual(told, []);
    const full = guarded(new MemoryStore()).store;
    assert.deepEqual([full.canTouch, full.canList], [true, true]);
  });
});

describe("what came of a call", () => {
  it("that met damage is thrown as trouble, and all else as it is", () => {
    const damage = new SessionError("ERR_DAMAGED", "damaged");
    assert.throws(
      () => rethrowAsStoreError(damage),
      (error: SessionError) => error.code === "ERR_STORE" && error.cause === damage,
    );
    for (const other of [new SessionError("ERR_GONE", "gone"), new Error("own"), undefined]) {
      assert.throws(() => rethrowAsStoreError(other), (error) => error === other);
    }
  });

  it("is waited for where it is harmless; only errors of our own kind are", async () => {
    let isDone = false;
    await ignoreSessionErrors(async () => {
      await Promise.resolve();
      await Promise.resolve();
      isDone = true;
    });
    assert.ok(isDone);
    await ignoreSessionErrors(() => Promise.reject(new SessionError("ERR_STORE", "down")));
    await assert.rejects(ignoreSessionErrors(() => Promise.reject(new Error("own"))), { message: "own" });
  });

  it("is no timeout when it is anything else", () => {
    assert.equal(
      isTimeout(new SessionError("ERR_STORE", "The session store did not answer within 2 s")),
      false,
    );
    for (const other of [undefined, null, "late", new Error("late")]) assert.equal(isTimeout(other), false);
  });
});
