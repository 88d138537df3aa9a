/**
 * Fills the tables of the documentation, and draws the charts, from the JSON in bench/results/: `deno run -A bench/report.ts`. With
 * `--check` it changes nothing, and fails when they are not what the JSON says.
 */

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { root } from "../tools/project.ts";
import { requestChart } from "./charts.ts";
import { goalTable } from "./goals.ts";
import * as requests from "./request_tables.ts";
import { type Parts, Results, runtimes, titles } from "./results.ts";
import * as stores from "./store_tables.ts";

/** What a document can ask for, by the name in `<!-- bench:NAME -->`, and the part that it is from. */
const tables: Readonly<Record<string, readonly [keyof Parts, (results: Results) => string]>> = {
  goals: ["http", goalTable],
  "http-bun": ["http", (results) => requests.overHttp(results, "bun")],
  "http-deno": ["http", (results) => requests.overHttp(results, "deno")],
  "process-bun": ["process", (results) => requests.inProcess(results, "bun")],
  "process-deno": ["process", (results) => requests.inProcess(results, "deno")],
  rivals: ["process", requests.rivals],
  "half-load": ["half-load", requests.halfLoad],
  heap: ["heap", requests.heap],
  serialization: ["serialization", requests.serialization],
  stores: ["stores", stores.latencies],
  methods: ["stores", stores.methods],
  sizes: ["stores", stores.sizes],
  many: ["stores", stores.many],
};

/** What every generated file should be, by path. */
function generate(results: Results): Map<string, string> {
  const files = new Map<string, string>();
  const documents = readdirSync(`${root}/docs`).filter((name) => name.endsWith(".md")).map((name) =>
    `docs/${name}`
  );
  for (
    const path of [...documents, "README.md", "bench/NOTES.md"].filter((path) =>
      existsSync(`${root}/${path}`)
    )
  ) {
    const text = readFileSync(`${root}/${path}`, "utf8");
    if (text.includes("<!-- bench:")) files.set(path, fill(path, text, results));
  }
  for (const runtime of runtimes) {
    const result = results.get("http", runtime);
    if (result === undefined) continue;
    for (
      const [scenario, what] of [["R", "one value read"], ["W", "one value read and one written"]] as const
    ) {
      const title = `Requests per second on ${titles[runtime]}, ${what}`;
      const subtitle =
        `Median of ${result.rounds}, least and most; in brackets the share of a handler without sessions`;
      const chart = requestChart(result.figures, scenario, { title, subtitle });
      files.set(`bench/results/http-${scenario.toLowerCase()}-${runtime}.svg`, chart);
    }
  }
  return files;
}

/** Everything between `<!-- bench:NAME -->` and `<!-- /bench -->`. */
function fill(path: string, text: string, results: Results): string {
  return text.replace(
    /(<!-- bench:([\w-]+) -->\n)[\s\S]*?(<!-- \/bench -->)/g,
    (_all, start: string, name: string, end: string) => {
      const found = tables[name];
      if (found === undefined) throw new Error(`${path} asks for an unknown table: ${name}`);
      const [part, table] = found;
      return `${start}\n${table(results)}\n\n${results.origin(part)}\n\n${end}`;
    },
  );
}

/** Writes all that is generated from bench/results/, and answers the paths that were not up to date. */
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

/** Shows the tables of a folder that is not kept. */
export function print(folder: string, names: readonly string[]): void {
  const results = new Results(folder);
  for (const [name, [part, table]] of Object.entries(tables)) {
    if (names.includes(part) && name !== "goals") console.log(`\n${name}\n\n${table(results)}`);
  }
  if (names.includes("http") && names.includes("process")) console.log(`\ngoals\n\n${goalTable(results)}`);
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
