/** `deno task bench`: runs the benches on both runtimes, writes JSON to artifacts/bench/, and prints the tables. */

import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { bun, deno, installBun, root } from "../tools/project.ts";
import type { Figure } from "./in_process.ts";

await installBun();
const folder = `${root}/artifacts/bench`;
mkdirSync(folder, { recursive: true });
const rounds = Deno.args[0] ?? "9";
for (
  const [runtime, command, args] of [
    ["Bun", bun, []],
    ["Deno", deno, ["run", "-A", "--no-check"]],
  ] as const
) {
  const { stdout, code } = await new Deno.Command(command, {
    args: [...args, `${root}/bench/in_process.ts`, rounds],
    stderr: "inherit",
  }).output();
  if (code !== 0) Deno.exit(code);
  const figures: Figure[] = JSON.parse(new TextDecoder().decode(stdout));
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length };
  const tagged = {
    runtime,
    deno: Deno.version.deno,
    machine,
    at: new Date().toISOString(),
    rounds: Number(rounds),
    figures,
  };
  writeFileSync(`${folder}/in_process_${runtime.toLowerCase()}.json`, JSON.stringify(tagged, null, 2));
  print(runtime, figures);
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
