/**
 * `deno task readme`: runs every TypeScript block of README.md and docs/ against this checkout, on both runtimes.
 *
 * A fence says `ts`, or `ts deno` or `ts bun` for a block of one runtime, or `ts test` for a block of tests; there is no word for
 * a block that is not run. Also looks up the tasks that the README's shell commands name. Arguments: other files to read instead.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { bun, deno, installBun, manifest, root } from "./project.ts";
import { run, tail } from "./run.ts";

/** A fenced block of a Markdown file. */
interface Block {
  readonly where: string;
  readonly language: string;
  readonly words: readonly string[];
  readonly text: string;
}

function readBlocks(path: string): Block[] {
  const blocks: Block[] = [];
  const text = readFileSync(path, "utf8");
  for (const match of text.matchAll(/^( *)(`{3,})([^\n`]*)\n([\s\S]*?)^\1\2 *$/gm)) {
    const [language = "", ...words] = match[3]!.trim().split(/[\s,]+/);
    const line = text.slice(0, match.index).split("\n").length;
    const indent = new RegExp(`^${match[1]}`, "gm");
    blocks.push({
      where: `${relative(root, path)}:${line}`,
      language,
      words,
      text: match[4]!.replace(indent, ""),
    });
  }
  return blocks;
}

/** The runtimes of a TypeScript block, or what is wrong with its fence. */
function runtimesOf({ language, words }: Block): readonly ("deno" | "bun")[] | string {
  if (language !== "ts") return `a code block is "ts": received "${language}"`;
  if (words.length === 0) return ["deno", "bun"];
  const [word] = words;
  if (words.length === 1 && word === "test") return ["deno", "bun"];
  if (words.length === 1 && (word === "deno" || word === "bun")) return [word];
  return `a "ts" fence may only add "deno", "bun" or "test": received "${words.join(" ")}"`;
}

/** What is wrong with the commands of a shell block: they may only name tasks that exist. */
function refuseCommands({ text }: Block): string[] {
  return text.split("\n").map((line) => line.trim().replace(/^\$ /, "")).filter((line) =>
    line.startsWith("npx -y deno@")
  ).filter((line) => {
    const task = /^npx -y deno@\S+ task ([\w:-]+)/.exec(line)?.[1];
    return task === undefined || !(task in manifest.tasks);
  }).map((line) => `no task of deno.json: ${line}`);
}

/** A folder in which `@sojourn/session/…` means this checkout, for Deno by an import map and for Bun by TypeScript paths. */
function workshop(): string {
  const folder = `${root}/artifacts/blocks-${Deno.pid}`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const entries = Object.entries(manifest.exports)
    .map(([name, path]) => [manifest.name + name.slice(1), resolve(root, path)] as const);
  const imports = { ...manifest.imports, ...Object.fromEntries(entries) };
  const paths = Object.fromEntries(entries.map(([name, path]) => [name, [path]]));
  const { unstable } = JSON.parse(readFileSync(`${root}/deno.json`, "utf8"));
  // its own compiler options: examples need no isolatedDeclarations
  const config = {
    imports,
    unstable,
    nodeModulesDir: "none",
    lock: false,
    compilerOptions: { strict: true },
  };
  writeFileSync(`${folder}/deno.json`, JSON.stringify(config));
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify({ compilerOptions: { paths } }));
  return folder;
}

/** Runs a block on one runtime, and returns what went wrong. */
async function runBlock(
  { text, words }: Block,
  runtime: "deno" | "bun",
  folder: string,
): Promise<string | undefined> {
  mkdirSync(folder);
  const isTest = words.includes("test");
  const [file, proof] = [`${folder}/block${isTest ? "_test" : ""}.ts`, `${folder}/proof`];
  writeFileSync(file, `${text}\nexport {};\n`);
  const config = `${folder}/../deno.json`;
  const runner = `${root}/tools/block_runner.ts`;
  if (runtime === "deno") {
    const checked = await run([deno, "check", "--config", config, file], {
      limit: 60,
      log: `${folder}/check.log`,
    });
    if (checked.code !== 0) return tail(checked.output, 25);
  }
  const runs = isTest ? [file] : [runner, file, proof];
  const command = runtime === "deno"
    ? [deno, isTest ? "test" : "run", "-A", "--no-check", "--config", config, ...runs]
    : [bun, ...(isTest ? ["test"] : []), ...runs];
  const secret = [...crypto.getRandomValues(new Uint8Array(32))].map((byte) =>
    byte.toString(16).padStart(2, "0")
  ).join("");
  const env = {
    SESSION_SECRET: secret,
    DJANGO_SECRET: `${secret}\n${secret}-before`,
    DATABASE_URL: "postgres://nobody@127.0.0.1:1/none", // a client connects when it is used
  };
  const ended = await run(command, {
    limit: 20,
    log: `${folder}/run.log`,
    cwd: folder,
    env,
  });
  if (ended.hung) return `    did not end within 20 s\n${tail(ended.output, 25)}`;
  if (ended.code !== 0) return tail(ended.output, 25);
  if (!isTest && !existsSync(proof)) return `    ended before it was done\n${tail(ended.output, 25)}`;
}

function documents(): string[] {
  if (Deno.args.length > 0) return Deno.args.map((path) => resolve(path));
  const docs = existsSync(`${root}/docs`)
    ? readdirSync(`${root}/docs`).filter((name) => name.endsWith(".md")).sort()
    : [];
  return [`${root}/README.md`, ...docs.map((name) => `${root}/docs/${name}`)];
}

await installBun();
const folder = workshop();
const failures: string[] = [];
let runs = 0;
for (const block of documents().flatMap(readBlocks)) {
  const { where, language } = block;
  if (/^(sh|bash|shell|console)$/.test(language)) {
    failures.push(...refuseCommands(block).map((wrong) => `${where}: ${wrong}`));
  }
  if (!/^(ts|tsx|typescript|js|jsx|javascript|mts|mjs)$/.test(language)) continue;
  const runtimes = runtimesOf(block);
  if (typeof runtimes === "string") {
    failures.push(`${where}: ${runtimes}`);
    continue;
  }
  for (const runtime of runtimes) {
    const wrong = await runBlock(block, runtime, `${folder}/${++runs}`);
    if (wrong !== undefined) failures.push(`${where} on ${runtime}\n${wrong}`);
  }
}
if (runs === 0) failures.push("no block was run");
rmSync(folder, { recursive: true });
for (const failure of failures) console.log(`FAILED ${failure}\n`);
console.log(`${runs} block runs, ${failures.length} failures`);
Deno.exit(failures.length === 0 ? 0 : 1);
