/** `deno task check`: all checks except the tests; all steps run, even after one failed. */

import { existsSync } from "node:fs";
import { deno, exported, root } from "./project.ts";
import { run, tail } from "./run.ts";

// examples are run in all files, also in those that are not exported
const documented = ["src", "backends", "cli"].filter((folder) => existsSync(`${root}/${folder}`));

const steps: readonly (readonly [string, readonly string[]])[] = [
  ["fmt", ["fmt", "--check"]],
  ["lint", ["lint"]],
  ["check", ["check"]],
  ["doc lint", ["doc", "--lint", ...exported]],
  ["doc tests", ["test", "-A", "--doc", ...new Set([...exported, ...documented])]],
  ["django table", ["run", "-A", "tools/django_table.ts", "--check"]],
  ["diagrams", ["run", "-A", "tools/architecture.ts", "--check"]],
  ["readme", ["run", "-A", "tools/blocks.ts"]],
  ["bench", ["run", "-A", "bench/report.ts", "--check"]],
  ["security.md", ["run", "-A", "tools/security.ts", "--check"]],
  ["publish", ["publish", "--dry-run", "--allow-dirty"]],
];

let red = 0;
for (const [name, args] of steps) {
  const log = Deno.makeTempFileSync({ prefix: "sojourn-check-" });
  const ended = await run([deno, ...args], { limit: 300, log, cwd: root });
  const green = ended.code === 0 && !ended.hung;
  console.log(`${green ? "ok    " : "FAILED"} ${name} (${ended.seconds.toFixed(1)} s)`);
  if (green) Deno.removeSync(log);
  else console.log(`${tail(ended.output, 60)}\n    (all of it is in ${log})`);
  if (!green) red++;
}
Deno.exit(red === 0 ? 0 : 1);
