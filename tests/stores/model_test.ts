/** Random histories over every store, held against a model: one command after the other under a fake clock, and several at once. */

import fc from "fast-check";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StoredRecord } from "../../src/store.ts";
import { canExplain, type Command, type Done, execute, type Model } from "../../src/testing/model.ts";
import { assertListed } from "../../src/testing/records.ts";
import { backends, type HeldBackend } from "../support/backends.ts";
import {
  age,
  cleanUp,
  hourMs,
  n,
  noteVersion,
  type Real,
  realOf,
  recordOf,
  type Sketch,
  sketch,
  start,
  steps,
  versionFor,
} from "../support/stores/steps.ts";

const runs = 25;

/** A command of which the version is still to be chosen. */
type Draft = { op: Command["op"]; n: number; later: number; sketch: Sketch; age: number };

function commandOf({ op, n, later, sketch, age }: Draft, real: Real): Command {
  const key = real.keys[n]!;
  const version = versionFor(key, age, real);
  const record = recordOf({ ...sketch, hours: 9 }, real);
  if (op === "create") return { op, key, record };
  if (op === "save") return { op, key, record, version };
  if (op === "touch") return { op, key, touchedAt: start, expiresAt: start + (10 + later) * hourMs, version };
  return { op, key };
}

const draft: fc.Arbitrary<Draft> = fc.record({
  op: fc.constantFrom("load", "create", "create", "save", "save", "touch", "touch", "delete"),
  n,
  later: n,
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
                  if (typeof answer === "string") noteVersion(command.key, answer, real);
                }
                const found = await Promise.all(
                  real.keys.map(async (key) => [key, await store.load(key)] as const),
                );
                const end = new Map(
                  found.filter((entry): entry is [string, StoredRecord] => entry[1] !== undefined),
                );
                assert.ok(canExplain(model, done, end), "no order explains these answers and records");
                for (const userId of store.list ? real.users : []) {
                  const mine = [...end].filter(([, record]) => record.userId === userId);
                  await assertListed(
                    { list: store.list!.bind(store) },
                    userId,
                    mine.map(([key, record]) => ({ key, record })),
                    2,
                  );
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
