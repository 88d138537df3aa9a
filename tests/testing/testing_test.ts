import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SessionError } from "../../src/errors.ts";
import type { ListOptions, SessionStore, StoredRecord } from "../../src/store.ts";
import { testStore } from "../../src/testing.ts";
import { turns } from "../../src/testing/case.ts";
import { storeCases } from "../../src/testing/suite.ts";
import { brokenStores } from "../support/broken_stores.ts";
import { CorrectStore } from "../support/stores/correct_store.ts";

const storeMethods = [
  "load",
  "create",
  "save",
  "delete",
  "touch",
  "clearExpired",
  "list",
  "version",
] as const;

/** The methods of a store, each call of which passes through `around` first. */
function wrapped(store: SessionStore, around: (call: () => unknown) => unknown): SessionStore {
  const wrapper: Record<string, unknown> = { close: () => store.close?.() };
  for (const method of storeMethods) {
    const original = store[method] as ((...args: unknown[]) => unknown) | undefined;
    if (original !== undefined) {
      wrapper[method] = (...args: unknown[]) => around(() => original.apply(store, args));
    }
  }
  return wrapper as unknown as SessionStore;
}

/** A store that can be opened again, and whose backend can break. */
class Disk {
  readonly store: CorrectStore = new CorrectStore();
  broken = false;

  open(): SessionStore {
    return wrapped(this.store, (call) => {
      if (this.broken) throw new SessionError("ERR_STORE", "The disk is broken");
      return call();
    });
  }
}

const disks = new WeakMap<SessionStore, Disk>();
function openDisk(disk = new Disk()): SessionStore {
  const store = disk.open();
  disks.set(store, disk);
  return store;
}

testStore("a correct store with plain answers", () => new CorrectStore());

let waits = 0;
testStore("a correct store that takes its time", async () => {
  await null;
  return wrapped(new CorrectStore(), async (call) => {
    await turns(waits++ % 5);
    const answer = await call();
    await turns(waits++ % 3);
    return answer;
  });
});

testStore("a correct store without optional methods", () => {
  const store = new CorrectStore();
  return {
    load: (key, options) => store.load(key, options),
    create: (key, record) => store.create(key, record),
    save: (key, record, version) => store.save(key, record, version),
    delete: (key) => store.delete(key),
  };
}, { runs: 5, seed: 1 });

testStore("a correct store that is reopened and that fails", () => openDisk(), {
  runs: 2,
  maxBytes: 1000,
  reopen: (store) => openDisk(disks.get(store)!),
  fail: (store) => void (disks.get(store)!.broken = true),
});

/** The names of the cases that fail for a store, with what they say. */
async function failures(
  open: () => SessionStore | Promise<SessionStore>,
  options: Parameters<typeof storeCases>[1] = {},
): Promise<Map<string, string>> {
  const failed = new Map<string, string>();
  for (const { name, run } of storeCases(open, { runs: 20, seed: 1, ...options })) {
    try {
      await run();
    } catch (error) {
      failed.set(name, (error as Error).message);
    }
  }
  return failed;
}

describe("SR-076 the suite catches every broken store", () => {
  it("there are at least 20 of them, no two alike", () => {
    assert.ok(brokenStores.length >= 20);
    assert.equal(new Set(brokenStores.map(({ fault }) => fault)).size, brokenStores.length);
  });
  for (const { fault, caughtBy, open } of brokenStores) {
    it(`${fault}: caught by "${caughtBy}"`, async () => {
      const failed = await failures(open);
      assert.ok(failed.size > 0, "no case caught it");
      assert.ok(
        [...failed.keys()].some((name) => name.includes(caughtBy)),
        `caught by: ${[...failed.keys()].join("; ")}`,
      );
    });
  }
  it("a store that forgets at a reopen", async () => {
    const failed = await failures(() => openDisk(), { reopen: () => openDisk() });
    assert.deepEqual([...failed.keys()], [
      "everything survives a reopen",
      "a version is never used twice for one key, also across a reopen",
    ]);
  });
  it("a store whose counter restarts at a reopen", async () => {
    const failed = await failures(() => openDisk(), {
      reopen: (store) => {
        const disk = disks.get(store)!;
        disk.store.lastVersion = 0;
        return openDisk(disk);
      },
    });
    assert.deepEqual([...failed.keys()], ["a version is never used twice for one key, also across a reopen"]);
  });
  it("a store that answers although its backend is down", async () => {
    const failed = await failures(() => openDisk(), { fail: () => {} });
    assert.equal(failed.size, 1);
  });
  it("a store that throws the driver's error", async () => {
    const failed = await failures(() => new CorrectStore(), {
      fail: (store) =>
        void ((store as CorrectStore).load = () => {
          throw new Error("ECONNREFUSED");
        }),
    });
    assert.equal(failed.size, 1);
  });
  it("a store that cannot end what it cannot read, and stores where that is in the way of others", async () => {
    const trouble = new SessionError("ERR_DAMAGED", "The record is damaged");
    const broken = (method: "delete" | "list" | "clearExpired") => {
      class Store extends CorrectStore {
        readonly bad: Set<string> = new Set<string>();
        override load(key: string) {
          if (this.bad.has(key)) throw trouble;
          return super.load(key);
        }
        override delete(key: string) {
          if (this.bad.has(key) && method === "delete") throw trouble;
          this.bad.delete(key);
          return super.delete(key);
        }
        override isListed(record: StoredRecord, userId: string) {
          return super.isListed(record, userId) &&
            ![...this.bad].some((key) => this.records.get(key) === record);
        }
        override list(userId: string, options?: ListOptions) {
          if (this.bad.size > 0 && method === "list") throw trouble;
          return super.list(userId, options);
        }
        override clearExpired(now: number, limit: number) {
          if (this.bad.size > 0 && method === "clearExpired") throw trouble;
          return super.clearExpired(now, limit);
        }
      }
      return failures(() => new Store(), {
        damage: (store, key) => void (store as Store).bad.add(key),
        runs: 1,
      });
    };
    for (const method of ["delete", "list", "clearExpired"] as const) {
      assert.deepEqual([...(await broken(method)).keys()].map((name) => name.slice(0, 33)), [
        "SR-050 a record that cannot be re",
      ], method);
    }
  });
  it("the random histories alone catch a lost update, and print how to repeat it", async () => {
    const racy = brokenStores.find(({ fault }) => fault === "save checks, waits, then writes")!;
    const history =
      "SR-042 random histories: four commands at once answer as if one had come after the other";
    const message = (await failures(racy.open)).get(history);
    const seed = Number(/seed: (\d+), runs: 1/.exec(message ?? "")?.[1]);
    assert.ok(Number.isInteger(seed), `no seed in ${message}`);
    assert.equal((await failures(racy.open, { seed, runs: 1 })).get(history), message);
  });
});

describe("testStore", () => {
  const open = () => new CorrectStore();
  it("registers nothing but names until a case runs", () => {
    const names: string[] = [];
    testStore("lazy", () => assert.fail("opened"), { register: (name) => names.push(name) });
    assert.ok(names.length > 60);
    assert.equal(new Set(names).size, names.length);
    assert.ok(names.every((name) => name.startsWith("lazy: ")));
  });
  it("closes every store it opened, also when a case fails", async () => {
    let opened = 0, closed = 0;
    const runs: (() => Promise<void>)[] = [];
    testStore("counted", () => {
      opened++;
      return Object.assign(new CorrectStore(), { close: () => void closed++, load: () => undefined });
    }, { register: (_, run) => runs.push(run), runs: 1 });
    await Promise.allSettled(runs.map((run) => run()));
    assert.equal(opened, runs.length);
    assert.ok(closed >= opened);
  });
  it("a store that cannot be closed fails", async () => {
    const failed = await failures(() =>
      Object.assign(open(), { close: () => Promise.reject(new Error("stuck")) })
    );
    assert.ok(failed.size > 60);
  });
  it("refuses wrong options, saying what was expected", () => {
    const bad = (options: unknown) => () => testStore("x", open, options as Record<string, never>);
    assert.throws(bad({ maxbytes: 1 }), {
      name: "TypeError",
      message:
        /^testStore: unknown option "maxbytes" \(did you mean "maxBytes"\?\); known options: maxBytes, runs,/,
    });
    assert.throws(bad({ maxBytes: 0 }), { name: "RangeError", message: /from 1 to \d+: received 0/ });
    assert.throws(bad({ runs: 1.5 }), { name: "RangeError" });
    assert.throws(bad({ seed: -1 }), { name: "RangeError" });
    assert.throws(bad({ seed: "1" }), { name: "TypeError" });
    assert.throws(bad({ reopen: true }), {
      name: "TypeError",
      message: /^testStore: reopen must be a function: received true$/,
    });
    for (const without of ["touch", ["tuch"], [1]]) assert.throws(bad({ without }), { name: "TypeError" });
    assert.throws(() => testStore("x", new CorrectStore() as never), { name: "TypeError" });
  });
});
