/**
 * `deno task bench`: runs the benches on both runtimes, writes JSON to artifacts/bench/, and prints the tables; those in docs/ are
 * filled. `deno task bench stores` measures only the stores; a number is the rounds of the first part. Two parts run only when they
 * are named, as they take minutes: `lists`, and `housekeeping`, which takes a number of records (1,000,000).
 */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { benchClearing } from "./housekeeping.ts";
import { machine } from "./machine.ts";
import { bun, deno, installBun, root } from "../tools/project.ts";
import type { Figures, Listings } from "./figures.ts";
import type { Figure } from "./in_process.ts";
import { clearing, fillDocuments, lists, origin, storeTexts, tables } from "./tables.ts";

const runtimes = [["Bun", bun, []], ["Deno", deno, ["run", "-A", "--no-check"]]] as const;
const folder = `${root}/artifacts/bench`;
await installBun();
mkdirSync(folder, { recursive: true });
const [part = "9"] = Deno.args;
if (part === "lists") await benchLists();
else if (part === "housekeeping") await benchHousekeeping();
else {
  if (part !== "stores") await benchHandlers(part);
  await benchStores();
}

/** What a program of this folder prints, as JSON. */
async function measure<T>(
  command: string,
  args: readonly string[],
  program: string,
  ...rest: string[]
): Promise<T> {
  const { stdout, code } = await new Deno.Command(command, {
    args: [...args, `${root}/bench/${program}`, ...rest],
    cwd: root,
    stderr: "inherit",
  }).output();
  if (code !== 0) Deno.exit(code);
  return JSON.parse(new TextDecoder().decode(stdout));
}

function keep(name: string, figures: unknown): void {
  writeFileSync(`${folder}/${name.toLowerCase()}.json`, JSON.stringify(figures, null, 2));
}

async function benchHandlers(rounds: string): Promise<void> {
  for (const [runtime, command, args] of runtimes) {
    const figures = await measure<Figure[]>(command, args, "in_process.ts", rounds);
    const machine = { cpu: cpus()[0]?.model, cores: cpus().length };
    keep(`in_process_${runtime}`, {
      runtime,
      deno: Deno.version.deno,
      machine,
      at: new Date().toISOString(),
      rounds: Number(rounds),
      figures,
    });
    print(runtime, figures);
  }
}

async function benchStores(): Promise<void> {
  const all: Figures[] = [];
  for (const [runtime, command, args] of runtimes) {
    const figures = await measure<Figures>(command, args, "stores.ts", `${folder}/places_${Deno.pid}`);
    keep(`stores_${runtime}`, figures);
    all.push(figures);
  }
  console.log("\nStores: p50 and p99 in µs one at a time / operations per second with 64 in flight\n");
  console.log(tables.methods!(all));
  await fill(storeTexts(all));
}

async function fill(texts: Readonly<Record<string, string>>): Promise<void> {
  const filled = fillDocuments(`${root}/docs`, texts);
  await new Deno.Command(deno, { args: ["fmt", "--quiet", ...filled], cwd: root }).output();
}

async function benchLists(): Promise<void> {
  const all: Listings[] = [];
  const place = `${folder}/lists_${Deno.pid}`;
  try {
    for (const [runtime, command, args] of runtimes) {
      const figures = await measure<Listings>(command, args, "lists.ts", place, ...Deno.args.slice(1));
      keep(`lists_${runtime}`, figures);
      all.push(figures);
    }
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
  const text = `${lists(all)}\n\n${origin("lists", all)}`;
  console.log(text);
  await fill({ lists: text });
}

async function benchHousekeeping(): Promise<void> {
  const figures = await benchClearing(
    runtimes,
    `${folder}/housekeeping_${Deno.pid}`,
    Number(Deno.args[1] ?? 1_000_000),
  );
  keep("housekeeping", figures);
  const at = new Date().toISOString();
  const places = runtimes.map(([runtime]) => ({ runtime, machine: machine(), at }));
  const text = `${clearing(figures)}\n\n${origin("housekeeping", places)}`;
  console.log(text);
  await fill({ clearing: text });
}

/** Microseconds per request over the bare handler of the same kind, medians of interleaved rounds. */
function print(runtime: string, figures: readonly Figure[]): void {
  console.log(`\n${runtime}, in process: µs per request (over the bare handler)\n`);
  console.log(
    `| ${"".padEnd(24)} | ${["N", "R", "W"].map((scenario) => scenario.padStart(16)).join(" | ")} |`,
  );
  console.log(`| ${"-".repeat(24)} | ${["N", "R", "W"].map(() => "-".repeat(15) + ":").join(" | ")} |`);
  const of = (name: string, scenario: string) =>
    figures.find((one) => one.name === name && one.scenario === scenario)!;
  for (const name of new Set(figures.map((one) => one.name))) {
    const cells = ["N", "R", "W"].map((scenario) => {
      const isSync = name.startsWith("bare handler") || name.startsWith("by hand") ||
        name.endsWith("sync") && scenario === "N";
      const base = of(isSync ? "bare handler" : "bare async handler", scenario).median;
      const { median } = of(name, scenario);
      return `${median.toFixed(2)} (${(median - base).toFixed(2)})`.padStart(16);
    });
    console.log(`| ${name.padEnd(24)} | ${cells.join(" | ")} |`);
  }
}
