/** Commands for random histories over one store, each of which knows what it must answer, for fast-check to run and to shrink. */

import fc from "fast-check";
import assert from "node:assert/strict";
import type { SessionRecord, SessionStore, StoredRecord } from "../../../src/store.ts";
import { moved } from "../../../src/testing/model.ts";
import { listed } from "../../../src/testing/records.ts";

export const start = 1_800_000_000_000;
export const hourMs = 3_600_000;

/** What a run acts on: keys and users of its own, so that runs and shrinking can share one store. */
export interface Real {
  readonly store: SessionStore;
  readonly clock: { now: number };
  readonly keys: readonly string[];
  readonly users: readonly string[];
  /** All versions ever answered, by key. */
  readonly used: Map<string, string[]>;
}

/** The records as they should be. Of one that has expired, the store may or may not have something left. */
export interface Expected {
  readonly records: Map<string, StoredRecord>;
}

/** A step that fast-check can leave out, and print. */
export abstract class Step implements fc.AsyncCommand<Expected, Real> {
  readonly words: string;
  constructor(words: string) {
    this.words = words;
  }
  check(_model: Readonly<Expected>): boolean {
    return true;
  }
  abstract run(model: Expected, real: Real): Promise<void>;
  toString(): string {
    return this.words;
  }
}

const isLive = (record: SessionRecord | undefined, { clock }: Real) => (record?.expiresAt ?? -1) > clock.now;

/** The record that a description stands for. */
export interface Sketch {
  readonly data: string;
  readonly head: string | undefined;
  readonly user: number;
  /** Hours from now; 0 and less have expired. */
  readonly hours: number;
}

export function recordOf({ data, head, user, hours }: Sketch, { clock, users }: Real): SessionRecord {
  return {
    data,
    ...head !== undefined && { head },
    ...user < users.length && { userId: users[user]! },
    createdAt: clock.now - 5,
    touchedAt: clock.now - 2,
    expiresAt: clock.now + hours * hourMs, // never soon by the real clock, by which Redis goes
  };
}

/** A version to save with: the current one, or one used before, or none of this key. */
export function versionFor(key: string, age: number, { used }: Real): string {
  return used.get(key)?.at(-1 - age) ?? "never";
}

export function noteVersion(key: string, version: string, { used }: Real): void {
  const known = used.get(key) ?? [];
  assert.ok(!known.includes(version), "a version was used twice for one key");
  used.set(key, [...known, version]);
}

/** What an answer to a write tells: it must have succeeded, must have failed, or may have, for what had expired. */
function judge(answer: unknown, record: StoredRecord | undefined, isAllowed: boolean, real: Real): void {
  const isDone = answer !== undefined && answer !== false;
  if (isLive(record, real) || record === undefined || !isAllowed) {
    assert.equal(isDone, isAllowed, "the answer");
  }
}

class Load extends Step {
  readonly n: number;
  constructor(n: number) {
    super(`load ${n}`);
    this.n = n;
  }
  async run(model: Expected, real: Real): Promise<void> {
    const key = real.keys[this.n]!;
    const found = await real.store.load(key);
    const expected = model.records.get(key);
    if (found === undefined && !isLive(expected, real)) model.records.delete(key);
    else assert.deepEqual(found, expected);
    assert.deepEqual(await real.store.load(key, { fresh: true }), found, "past every copy");
    if (real.store.version) assert.equal(await real.store.version(key), found?.version);
  }
}

class Create extends Step {
  readonly n: number;
  readonly sketch: Sketch;
  constructor(n: number, sketch: Sketch) {
    super(`create ${n} ${JSON.stringify(sketch)}`);
    [this.n, this.sketch] = [n, sketch];
  }
  async run(model: Expected, real: Real): Promise<void> {
    const key = real.keys[this.n]!;
    const record = recordOf(this.sketch, real);
    const version = await real.store.create(key, record);
    assert.equal(version === undefined, isLive(model.records.get(key), real), "taken exactly if it lives");
    if (version === undefined) return;
    noteVersion(key, version, real);
    model.records.set(key, { ...record, version });
  }
}

class Save extends Step {
  readonly n: number;
  readonly sketch: Sketch;
  readonly age: number;
  constructor(n: number, sketch: Sketch, age: number) {
    super(`save ${n} ${JSON.stringify(sketch)} with the version ${age} before the last`);
    [this.n, this.sketch, this.age] = [n, sketch, age];
  }
  async run(model: Expected, real: Real): Promise<void> {
    const key = real.keys[this.n]!;
    const record = recordOf(this.sketch, real);
    const version = versionFor(key, this.age, real);
    const before = model.records.get(key);
    const next = await real.store.save(key, record, version);
    judge(next, before, before?.version === version, real);
    if (next === undefined) return;
    noteVersion(key, next, real);
    model.records.set(key, { ...record, version: next });
  }
}

class Touch extends Step {
  readonly n: number;
  readonly hours: number;
  readonly age: number;
  constructor(n: number, hours: number, age: number) {
    super(`touch ${n} until ${hours} with the version ${age} before the last`);
    [this.n, this.hours, this.age] = [n, hours, age];
  }
  async run(model: Expected, real: Real): Promise<void> {
    const key = real.keys[this.n]!;
    const version = versionFor(key, this.age, real);
    const before = model.records.get(key);
    const times = { touchedAt: real.clock.now, expiresAt: real.clock.now + this.hours * hourMs };
    const touched = await real.store.touch!(key, times.touchedAt, times.expiresAt, version);
    judge(touched, before, before?.version === version, real);
    if (touched) model.records.set(key, moved(before!, times));
    else if (before?.version === version) model.records.delete(key);
  }
}

class Delete extends Step {
  readonly n: number;
  constructor(n: number) {
    super(`delete ${n}`);
    this.n = n;
  }
  async run(model: Expected, real: Real): Promise<void> {
    const key = real.keys[this.n]!;
    const before = model.records.get(key);
    const deleted = await real.store.delete(key);
    if (isLive(before, real) || !before) assert.equal(deleted, before !== undefined, "whether there was one");
    model.records.delete(key);
  }
}

class List extends Step {
  readonly user: number;
  readonly limit: number;
  constructor(user: number, limit: number) {
    super(`list ${user}, ${limit} a page`);
    [this.user, this.limit] = [user, limit];
  }
  async run(model: Expected, real: Real): Promise<void> {
    const userId = real.users[this.user]!;
    const shown = await listed({ list: real.store.list!.bind(real.store) }, userId, this.limit);
    for (const [key, { version: _, ...stored }] of model.records) {
      if (stored.userId !== userId) continue;
      const found = shown.get(key);
      const { data: __, ...record } = stored;
      if (found || isLive(stored, real)) assert.deepEqual(found, record);
      shown.delete(key);
    }
    assert.deepEqual([...shown.keys()], [], "nobody else's, and none that is gone");
  }
}

class Wait extends Step {
  readonly hours: number;
  constructor(hours: number) {
    super(`wait ${hours} h`);
    this.hours = hours;
  }
  run(_model: Expected, { clock }: Real): Promise<void> {
    clock.now += this.hours * hourMs;
    return Promise.resolve();
  }
}

class Clear extends Step {
  readonly limit: number;
  constructor(limit: number) {
    super(`clearExpired, ${limit} at most`);
    this.limit = limit;
  }
  async run(model: Expected, real: Real): Promise<void> {
    const removed = await real.store.clearExpired!(real.clock.now, this.limit);
    let gone = 0;
    let left = 0;
    for (const [key, record] of [...model.records]) {
      const found = await real.store.load(key);
      if (isLive(record, real)) assert.deepEqual(found, record, "what lives is left alone");
      else if (found === undefined) gone += Number(model.records.delete(key));
      else left++;
    }
    assert.ok(removed <= this.limit && removed <= gone, `removed ${removed} of ${gone}`);
    assert.ok(left === 0 || removed === this.limit, "fewer than the limit only if there are no more");
  }
}

export const n: fc.Arbitrary<number> = fc.nat(2);
export const age: fc.Arbitrary<number> = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, {
  weight: 1,
  arbitrary: fc.nat(3),
});
export const sketch: fc.Arbitrary<Sketch> = fc.record({
  data: fc.string({ unit: "binary", maxLength: 20 }),
  head: fc.option(fc.string({ unit: "binary", maxLength: 20 }), { nil: undefined }),
  user: fc.nat(2),
  hours: fc.integer({ min: -1, max: 6 }),
});
export const steps = (store: SessionStore, clears: boolean): fc.Arbitrary<Step>[] => [
  n.map((n) => new Load(n)),
  fc.tuple(n, sketch).map((given) => new Create(...given)),
  fc.tuple(n, sketch, age).map((given) => new Save(...given)),
  n.map((n) => new Delete(n)),
  fc.integer({ min: 1, max: 3 }).map((hours) => new Wait(hours)),
  ...store.touch
    ? [fc.tuple(n, fc.integer({ min: -1, max: 6 }), age).map((given) => new Touch(...given))]
    : [],
  ...store.list
    ? [fc.tuple(fc.nat(1), fc.integer({ min: 1, max: 3 })).map((given) => new List(...given))]
    : [],
  ...store.clearExpired && clears ? [fc.integer({ min: 1, max: 3 }).map((limit) => new Clear(limit))] : [],
];

let serial = 0;
/** Fresh keys and users on a store that is shared. */
export function realOf(store: SessionStore, clock: { now: number }): Real {
  const mark = (++serial).toString(16).padStart(62, "0");
  return {
    store,
    clock,
    keys: ["00", "a1", "ff"].map((end) => end + mark),
    users: ["ann", "bob"].map((name) => `${name} ${serial}`),
    used: new Map(),
  };
}

export async function cleanUp({ store, keys }: Real): Promise<void> {
  for (const key of keys) await store.delete(key);
}
