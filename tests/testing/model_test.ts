import fc from "fast-check";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { canExplain, type Command, type Done, execute, type Model, step } from "../../src/testing/model.ts";
import { Random } from "../../src/testing/random.ts";
import { CorrectStore } from "../support/stores/correct_store.ts";

const later = Date.now() + 3_600_000;
const key = fc.constantFrom("a", "b", "c");
const version = fc.integer({ min: 1, max: 12 }).map(String);
const record = fc.record({
  data: fc.string(),
  head: fc.string(),
  createdAt: fc.nat(),
  touchedAt: fc.nat(),
  expiresAt: fc.nat().map((n) => later + n),
});
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ op: fc.constantFrom("load", "delete"), key }),
  fc.record({ op: fc.constant("create"), key, record }),
  fc.record({ op: fc.constant("save"), key, record, version }),
  fc.record({
    op: fc.constant("touch"),
    key,
    touchedAt: fc.nat(),
    expiresAt: fc.nat().map((n) => later + n),
    version,
  }),
);

const run = (store: CorrectStore, commands: readonly Command[]): Done[] =>
  commands.map((command) => ({ command, answer: execute(store, command) as Done["answer"] }));

describe("the model", () => {
  it("follows a correct store through any history", () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        const store = new CorrectStore();
        let model: Model | undefined = new Map();
        for (const command of commands) {
          model = step(model, { command, answer: execute(store, command) as Done["answer"] });
          assert.ok(model !== undefined, `${command.op} answered what it must not`);
          assert.deepEqual(new Map(model), store.records);
        }
      }),
      { numRuns: 1000 },
    );
  });
  it("explains commands whatever the order in which they are told", () => {
    fc.assert(
      fc.property(
        fc.array(command, { maxLength: 10 }),
        fc.array(command, { maxLength: 4 }),
        fc.nat(),
        (before, batch, seed) => {
          const store = new CorrectStore();
          run(store, before);
          const start = new Map(store.records);
          const done = run(store, batch);
          const random = new Random(seed);
          const shuffled = done.map((one) => [random.below(1000), one] as const).sort(([a], [b]) => a - b)
            .map(([, one]) => one);
          assert.ok(canExplain(start, shuffled, store.records));
        },
      ),
      { numRuns: 500 },
    );
  });
  it("explains no answer turned into its opposite", () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 10 }), command, (before, command) => {
        const store = new CorrectStore();
        run(store, before);
        const start = new Map(store.records);
        const answer = execute(store, command) as Done["answer"];
        const wrong = typeof answer === "boolean" ? !answer : answer === undefined ? "13" : undefined;
        assert.equal(step(start, { command, answer: wrong }), undefined);
      }),
      { numRuns: 500 },
    );
  });
});

describe("Random", () => {
  it("gives the same for the same seed, and keys that are keys", () => {
    const [one, same, other] = [new Random(7), new Random(7), new Random(8)];
    assert.match(one.key(), /^[0-9a-f]{64}$/);
    assert.deepEqual([same.key(), same.below(1e9)].slice(1), [one.below(1e9)]);
    assert.notEqual(other.key(), new Random(7).key());
  });
  it("spreads evenly", () => {
    const random = new Random(1);
    const counts = [0, 0, 0, 0, 0, 0];
    for (let n = 0; n < 60_000; n++) counts[random.below(6)]!++;
    for (const count of counts) assert.ok(count > 9_500 && count < 10_500, String(counts));
  });
});
