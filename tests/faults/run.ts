/** Runs plans with their full figures and prints a line of JSON for each: `run.ts <together> [plan…]`; `short` among the plans: in short. */

import process from "node:process";
import { seed } from "../support/dice.ts";
import { perform } from "./perform.ts";
import { plans } from "./plans.ts";

const [together, ...words] = process.argv.slice(2);
const isFull = !words.includes("short");
const wanted = words.filter((word) => word !== "short");
const isWanted = (id: string) => wanted.length === 0 || wanted.some((word) => id.startsWith(word));
const chosen = plans.filter(({ id, needs }) => isWanted(id) && (needs?.[1] ?? true));
for (const running of perform(chosen, { seed, isFull }, Number(together)).values()) {
  void running.then(({ plan, outcome, seconds }) => {
    const { id, title } = plan;
    process.stdout.write(`${JSON.stringify({ id, title, seed, seconds, ...outcome })}\n`);
  });
}
