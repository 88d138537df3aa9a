/** Runs plans beside each other, each in a folder of its own. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Outcome, outcome, type Plan, type Size } from "./plan.ts";

/** What came of a plan, and how long it took. */
export interface Performed {
  readonly plan: Plan;
  readonly outcome: Outcome;
  readonly seconds: number;
}

/** Starts all of them, so many at a time; by plan. A plan that throws has a problem, and harms no other. */
export function perform(
  plans: readonly Plan[],
  size: Omit<Size, "folder">,
  together: number,
): Map<Plan, Promise<Performed>> {
  const free = Array.from({ length: together }, () => Promise.resolve());
  return new Map(plans.map((plan, i) => {
    const place = i % together;
    const done = free[place]!.then(() => one(plan, size));
    free[place] = done.then(() => {});
    return [plan, done];
  }));
}

async function one(plan: Plan, size: Omit<Size, "folder">): Promise<Performed> {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-plan-"));
  const started = performance.now();
  let result: Outcome;
  try {
    result = await plan.run({ ...size, folder });
  } catch (error) {
    result = outcome(0);
    result.problems.push(`the plan itself failed: ${(error as Error)?.stack ?? error}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { plan, outcome: result, seconds: (performance.now() - started) / 1000 };
}
