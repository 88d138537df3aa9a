/**
 * `deno task bench [quick|full] [part…] [option…]`: measures all parts, or those that are named, on both runtimes, and writes JSON.
 * `quick`, the default, takes some minutes and writes to artifacts/bench/; `full` takes about thirteen, writes to bench/results/, and
 * fills the tables and charts of the documentation from there. See bench/NOTES.md.
 */

import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { bun, deno, installBun, root } from "../tools/project.ts";
import { skip, startServer } from "../tests/support/redis/server.ts";
import { type Depth, type Part, parts } from "./parts.ts";
import { print, report } from "./report.ts";
import { writeResult } from "./results.ts";
import { tag } from "./tag.ts";
import { against } from "./against.ts";

if (Deno.args[0] === "against") {
  await against(Deno.args.slice(1));
  Deno.exit();
}

const usage = `deno task bench [quick|full] [${
  parts.map(({ name }) => name).join("|")
}]… [--only=WORD] [--records=N] [--clock=cpu] [--into=FOLDER]`;
const option = (name: string) =>
  Deno.args.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3);
const words = Deno.args.filter((one) => !one.startsWith("--"));
const depth: Depth = words.includes("full") ? "full" : "quick";
const wanted = words.filter((one) => one !== "full" && one !== "quick");
const isWanted = (name: string) => wanted.length === 0 || wanted.includes(name);
const unknown = wanted.filter((one) => !parts.some(({ name }) => name === one));
if (unknown.length > 0) {
  console.error(`There is no part ${unknown.join(", ")}: ${usage}`);
  Deno.exit(2);
}

const only = option("only");
const kept = `${root}/bench/results`;
const made = `${root}/artifacts/bench`;
const into = option("into");
const folder = into ? resolve(into) : depth === "full" && !only ? kept : made;
const runtimes = [
  { name: "Bun", command: [bun] },
  { name: "Deno", command: [deno, "run", "-A", "--no-check", "--v8-flags=--expose-gc"] },
];
await installBun();
for (const one of [folder, made]) mkdirSync(one, { recursive: true });
const scratch = mkdtempSync(`${made}/files-`);
const redis = skip === false ? await startServer() : undefined;
const env = {
  NODE_NO_WARNINGS: "1",
  ...(redis === undefined ? {} : { BENCH_REDIS_PORT: String(redis.port) }),
};
const started = performance.now();
try {
  for (const part of parts) {
    if (!isWanted(part.name)) continue;
    for (const runtime of part.once ? runtimes.slice(0, 1) : runtimes) await measure(part, runtime);
  }
} finally {
  await redis?.stop();
  rmSync(scratch, { recursive: true, force: true });
}
console.log(
  `\nAll of it took ${Math.round((performance.now() - started) / 1000)} s. The JSON is in ${folder}`,
);
if (folder === kept) { for (const path of report(true)) console.log(`wrote ${path}`); }
else print(folder, parts.map(({ name }) => name).filter(isWanted));

/** Runs the program of a part, and keeps what it prints. */
async function measure(part: Part, { name, command }: typeof runtimes[number]): Promise<void> {
  const [program, ...args] = part.command(depth, {
    only,
    records: option("records"),
    clock: option("clock"),
    folder: `${scratch}/${part.name}-${name}`,
  });
  const own = part.leads ? runtimes[1]!.command : command;
  const line = part.once ? [program!] : [...own, `${root}/bench/${program}`];
  const title = part.once ? part.name : `${part.name}, ${name}`;
  if (part.once && !existsSync(program!)) return console.log(`${title}: left out, there is no ${program}`);
  const began = performance.now();
  const { stdout, code } = await new Deno.Command(line[0]!, {
    args: [...line.slice(1), ...args],
    cwd: root,
    stderr: "inherit",
    env: { ...env, BENCH_RUNTIME: JSON.stringify(command), BENCH_TARGET: name.toLowerCase() },
  }).output();
  const text = new TextDecoder().decode(stdout);
  const seconds = Math.round((performance.now() - began) / 1000);
  if (code !== 0) {
    console.log(`${title}: left out, it ended with ${code}`);
    if (!part.once) Deno.exitCode = 1;
    return;
  }
  const figures = JSON.parse(text.slice(text.indexOf("\n{") + 1));
  const file = `${folder}/${part.name}${part.once ? "" : `-${name.toLowerCase()}`}.json`;
  writeResult(file, { ...tag(part.once ? part.name : name), depth, ...figures });
  console.log(`${title}: ${seconds} s`);
}
