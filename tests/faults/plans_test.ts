/** Every plan in its short form; `deno task campaign` runs the full figures. */

import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { seed } from "../support/dice.ts";
import { needs } from "../support/needs.ts";
import { perform, type Performed } from "./perform.ts";
import type { Plan } from "./plan.ts";
import { plans } from "./plans.ts";

const isThere = ({ needs }: Plan) => needs?.[1] ?? true;

describe("the plans of faults, in short", () => {
  let performed: Map<Plan, Promise<Performed>>;
  before(() => {
    console.log(`SOJOURN_SEED=${seed}`);
    // They mostly wait, so they run beside each other.
    performed = perform(plans.filter(isThere), { seed, isFull: false }, 4);
  });
  for (const plan of plans) {
    it(`${plan.id} ${plan.title}`, { ...needs(...(plan.needs ?? ["", true])), timeout: 60_000 }, async () => {
      const { outcome: { lost, torn, back, unreadable, runs, problems } } = await performed.get(plan)!;
      assert.deepEqual({ lost, torn, back, unreadable, problems }, {
        lost: 0,
        torn: 0,
        back: 0,
        unreadable: 0,
        problems: [],
      });
      assert.ok(runs > 0);
    });
  }
});
