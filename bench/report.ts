/**
 * Fills the tables of the documentation, and draws the charts, from the JSON in bench/results/: `deno run -A bench/report.ts`. With
 * `--check` it changes nothing, and fails when they are not what the JSON says.
 */

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { root } from "../tools/project.ts";
import { charts } from "./charts.ts";
import { fill, tables } from "./documents.ts";
import { Results, runtimes } from "./results.ts";

/** What every generated file should be, by path. */
function generate(results: Results): Map<string, string> {
  const files = new Map<string, string>();
  const documents = readdirSync(`${root}/docs`).filter((name) => name.endsWith(".md"));
  for (const path of [...documents.map((name) => `docs/${name}`), "README.md", "bench/NOTES.md"]) {
    const text = readFileSync(`${root}/${path}`, "utf8");
    if (text.includes("<!-- bench:")) files.set(path, fill(path, text, results));
  }
  const all = [...files.values()].join();
  const unused = Object.keys(tables).filter((name) => !all.includes(`<!-- bench:${name} -->`));
  if (unused.length > 0) throw new Error(`No document asks for ${unused.join(", ")}`);
  for (const runtime of runtimes) {
    for (const [name, chart] of charts(results, runtime)) {
      files.set(`bench/results/${name}-${runtime}.svg`, chart);
    }
  }
  return files;
}

/** Writes all that is generated from bench/results/, and returns the paths that were not up to date. */
export function report(isWriting: boolean): string[] {
  const stale: string[] = [];
  for (const [path, text] of generate(new Results(`${root}/bench/results`))) {
    const at = `${root}/${path}`;
    if (existsSync(at) && readFileSync(at, "utf8") === text) continue;
    stale.push(path);
    if (isWriting) writeFileSync(at, text);
  }
  return stale;
}

/** Shows the tables of these parts from a folder that is not kept. */
export function print(folder: string, names: readonly string[]): void {
  const results = new Results(folder);
  for (const [name, [part, table]] of Object.entries(tables)) {
    // What we want is judged by several parts
    const isThere = name === "goals"
      ? names.includes("process") && names.includes("http")
      : names.includes(part);
    const rows = isThere ? table(results) : "";
    if (rows !== "") console.log(`\n${name}\n\n${rows}`);
  }
}

if (import.meta.main) {
  const isChecking = Deno.args.includes("--check");
  const stale = report(!isChecking);
  for (const path of stale) {
    console.log(isChecking ? `${path} is not what bench/results/ says` : `wrote ${path}`);
  }
  if (isChecking && stale.length > 0) {
    console.log("`deno run -A bench/report.ts` writes it anew");
    Deno.exit(1);
  }
}
