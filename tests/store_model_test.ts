/** Random histories over every store, held against a model: one command after the other under a fake clock, and several at once. */

import fc from "fast-check";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SessionRecord, SessionStore, StoredRecord } from "../src/store.ts";
import { canExplain, type Command, type Done, execute, type Model } from "../src/testing/model.ts";
import { backends, type HeldBackend } from "./backends.ts";

const start = 1_800_000_000_000;
const HOUR = 3_600_000;
const runs = 12;

/** What a run acts on: keys and users of its own, so that runs and shrinking can share one store. */
interface Real {
  readonly store: SessionStore;
  readonly clock: { now: number };
  readonly keys: readonly string[];
  readonly users: readonly string[];
  /** All versions ever answered, by key. */
  readonly used: Map<string, string[]>;
}

/** The records as they should be. Of one that has expired, the store may or may not have something left. */
interface Expected {
  readonly records: Map<string, StoredRecord>;
}

/** A step that fast-check can leave out, and print. */
abstract class Step implements fc.AsyncCommand<Expected, Real> {
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
interface Sketch {
  readonly data: string;
  readonly user: number;
  /** Hours from now; 0 and less have expired. */
  readonly hours: number;
}

function recordOf({ data, user, hours }: Sketch, { clock, users }: Real): SessionRecord {
  return {
    data,
    ...user < users.length && { userId: users[user]! },
    createdAt: clock.now - 5,
    touchedAt: clock.now - 2,
    expiresAt: clock.now + hours * HOUR + 1,
  };
}

/** A version to save with: the current one, or one used before, or none of this key. */
function versionFor(key: string, age: number, { used }: Real): string {
  return used.get(key)?.at(-1 - age) ?? "never";
}

function noteVersion(key: string, version: string, { used }: Real): void {
  const known = used.get(key) ?? [];
  assert.ok(!known.includes(version), "a version was used twice for one key");
  used.set(key, [...known, version]);
}

/** What an answer to a write tells: it must have succeeded, must have failed, or may have, for what had expired. */
function judge(answer: unknown, record: StoredRecord | undefined, isAllowed: boolean, real: Real): void {
  if (isLive(record, real) || record === undefined) {
    assert.equal(answer !== undefined && answer !== false, isAllowed, "the answer");
  } else if (!isAllowed) assert.equal(answer, undefined, "the answer");
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

class Rotate extends Step {
  readonly n: number;
  readonly to: number;
  readonly sketch: Sketch;
  readonly age: number;
  constructor(n: number, to: number, sketch: Sketch, age: number) {
    super(`rotate ${n} to ${to} ${JSON.stringify(sketch)} with the version ${age} before the last`);
    [this.n, this.to, this.sketch, this.age] = [n, to, sketch, age];
  }
  async run(model: Expected, real: Real): Promise<void> {
    const [key, to] = [real.keys[this.n]!, real.keys[this.to]!];
    const record = recordOf(this.sketch, real);
    const version = versionFor(key, this.age, real);
    const before = model.records.get(key);
    const next = await real.store.rotate(key, to, record, version);
    const isFree = key !== to && !isLive(model.records.get(to), real);
    judge(next, before, before?.version === version && isFree, real);
    if (next === undefined) return;
    noteVersion(to, next, real);
    model.records.delete(key);
    model.records.set(to, { ...record, version: next });
  }
}

class Touch extends Step {
  readonly n: number;
  readonly hours: number;
  constructor(n: number, hours: number) {
    super(`touch ${n} until ${hours}`);
    [this.n, this.hours] = [n, hours];
  }
  async run(model: Expected, real: Real): Promise<void> {
    const key = real.keys[this.n]!;
    const before = model.records.get(key);
    const times = { touchedAt: real.clock.now, expiresAt: real.clock.now + this.hours * HOUR };
    const touched = await real.store.touch!(key, times.touchedAt, times.expiresAt);
    if (isLive(before, real) || !before) assert.equal(touched, before !== undefined, "whether there was one");
    if (touched) model.records.set(key, { ...before!, ...times });
    else model.records.delete(key);
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
  constructor(user: number) {
    super(`list ${user}`);
    this.user = user;
  }
  async run(model: Expected, real: Real): Promise<void> {
    const userId = real.users[this.user]!;
    const listed = new Map((await real.store.list!(userId)).map(({ key, record }) => [key, record]));
    for (const [key, { version: _, ...record }] of model.records) {
      if (record.userId !== userId) continue;
      const found = listed.get(key);
      if (found || isLive(record, real)) assert.deepEqual(found, record);
      listed.delete(key);
    }
    assert.deepEqual([...listed.keys()], [], "nobody else's, and none that is gone");
  }
}

class Wait extends Step {
  readonly hours: number;
  constructor(hours: number) {
    super(`wait ${hours} h`);
    this.hours = hours;
  }
  run(_model: Expected, { clock }: Real): Promise<void> {
    clock.now += this.hours * HOUR;
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

const n = fc.nat(2);
const age = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) });
const sketch: fc.Arbitrary<Sketch> = fc.record({
  data: fc.string({ unit: "binary", maxLength: 20 }),
  user: fc.nat(2),
  hours: fc.integer({ min: -1, max: 6 }),
});
const steps = (store: SessionStore, clears: boolean): fc.Arbitrary<Step>[] => [
  n.map((n) => new Load(n)),
  fc.tuple(n, sketch).map((given) => new Create(...given)),
  fc.tuple(n, sketch, age).map((given) => new Save(...given)),
  fc.tuple(n, n, sketch, age).map((given) => new Rotate(...given)),
  n.map((n) => new Delete(n)),
  fc.integer({ min: 1, max: 3 }).map((hours) => new Wait(hours)),
  ...store.touch ? [fc.tuple(n, fc.integer({ min: -1, max: 6 })).map((given) => new Touch(...given))] : [],
  ...store.list ? [fc.nat(1).map((user) => new List(user))] : [],
  ...store.clearExpired && clears ? [fc.integer({ min: 1, max: 3 }).map((limit) => new Clear(limit))] : [],
];

let serial = 0;
/** Fresh keys and users on a store that is shared. */
function realOf(store: SessionStore, clock: { now: number }): Real {
  const mark = (++serial).toString(16).padStart(62, "0");
  return {
    store,
    clock,
    keys: ["00", "a1", "ff"].map((end) => end + mark),
    users: ["ann", "bob"].map((name) => `${name} ${serial}`),
    used: new Map(),
  };
}

async function cleanUp({ store, keys }: Real): Promise<void> {
  for (const key of keys) await store.delete(key);
}

/** A command of which the version is still to be chosen. */
type Draft = { op: Command["op"]; n: number; to: number; sketch: Sketch; age: number };

function commandOf({ op, n, to, sketch, age }: Draft, real: Real): Command {
  const key = real.keys[n]!;
  const version = versionFor(key, age, real);
  const record = recordOf({ ...sketch, hours: 9 }, real);
  if (op === "create") return { op, key, record };
  if (op === "save") return { op, key, record, version };
  if (op === "rotate") return { op, key, to: real.keys[(n + 1 + to % 2) % 3]!, record, version };
  if (op === "touch") return { op, key, touchedAt: start, expiresAt: start + (10 + to) * HOUR };
  return { op, key };
}

const draft: fc.Arbitrary<Draft> = fc.record({
  op: fc.constantFrom("load", "create", "create", "save", "save", "rotate", "touch", "delete"),
  n,
  to: n,
  sketch,
  age,
});

for (const backend of backends().filter((one): one is HeldBackend => one.isHeld)) {
  describe(`${backend.name} and the model`, () => {
    it("SR-039 agree on any history of commands, also while time passes", async () => {
      const clock = { now: start };
      const store = await backend.open(() => clock.now);
      await fc.assert(
        fc.asyncProperty(fc.commands(steps(store, backend.clears), { maxCommands: 25 }), async (commands) => {
          clock.now = start;
          const real = realOf(store, clock);
          try {
            await fc.asyncModelRun(() => ({ model: { records: new Map() }, real }), commands);
          } finally {
            await cleanUp(real);
          }
        }),
        { numRuns: runs },
      );
    });

    it("SR-042 agree on commands that run at once: some order of them explains all answers", async () => {
      const store = await backend.open(() => start);
      const batch = fc.array(draft, { minLength: 2, maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(
          fc.scheduler(),
          fc.array(batch, { minLength: 1, maxLength: 5 }),
          async (scheduler, batches) => {
            const real = realOf(store, { now: start });
            let model: Model = new Map();
            try {
              for (const drafts of batches) {
                const commands = drafts.map((draft) => commandOf(draft, real));
                const answers = commands.map(async (command): Promise<Done> => {
                  // The scheduler decides who begins when; whoever has begun goes on beside the others
                  await scheduler.schedule(Promise.resolve(), command.op);
                  return { command, answer: await execute(store, command) };
                });
                const done = await scheduler.waitFor(Promise.all(answers));
                for (const { command, answer } of done) {
                  if (typeof answer === "string") {
                    noteVersion("to" in command ? command.to : command.key, answer, real);
                  }
                }
                const found = await Promise.all(
                  real.keys.map(async (key) => [key, await store.load(key)] as const),
                );
                const end = new Map(
                  found.filter((entry): entry is [string, StoredRecord] => entry[1] !== undefined),
                );
                assert.ok(canExplain(model, done, end), "no order explains these answers and records");
                for (const userId of store.list ? real.users : []) {
                  const listed = (await store.list!(userId)).map(({ key }) => key).sort();
                  const mine = [...end].filter(([, record]) => record.userId === userId);
                  assert.deepEqual(listed, mine.map(([key]) => key).sort(), "the user index");
                }
                model = end;
              }
            } finally {
              await cleanUp(real);
            }
          },
        ),
        { numRuns: runs },
      );
    });
  });
}
