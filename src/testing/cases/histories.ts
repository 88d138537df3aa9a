/** Random histories against a model. */
import type { SessionStore } from "../../store.ts";
import type { CaseTools, StoreCase } from "../case.ts";
import { runHistory } from "../history.ts";
import { Random } from "../random.ts";

export const historyCases: readonly StoreCase[] = [
  {
    name: "random histories: command after command answers as the model does",
    run: (store, tools) => runHistories(store, tools, 1),
  },
  {
    name: "SR-042 random histories: four commands at once answer as if one had come after the other",
    run: (store, tools) => runHistories(store, tools, 4),
  },
];

async function runHistories(
  store: SessionStore,
  { runs, seed, expiresAlone }: CaseTools,
  atOnce: number,
): Promise<void> {
  for (let run = 0; run < runs; run++) {
    // The first history of a seed is the one that failed when that seed was printed.
    const runSeed = (seed + run) >>> 0;
    try {
      await runHistory(store, new Random(runSeed), atOnce, !expiresAlone);
    } catch (error) {
      (error as Error).message += `\nrun it again with { seed: ${runSeed}, runs: 1 }`;
      throw error;
    }
  }
}
