/**
 * `deno task mutants [file…]`: changes the code of signing, parsing, commit and stores in every small way, runs the tests that
 * concern it, and writes docs/mutants.md: who was noticed, and who was not.
 *
 * Files are parts of the paths in `mutants_map.ts`; what was found of other files before stays on the page. `--again` tries
 * only those that were not noticed the last time, while the file is as it was. The tests run on Bun, in
 * two copies of the tree.
 */

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { type Mutant, mutantsOf } from "./mutate.ts";
import { type Subject, subjects } from "./mutants_map.ts";
import { bun, deno, installBun, root } from "./project.ts";
import { run } from "./run.ts";

const WORKERS = 2;
/** A test that measures time would notice the other mutant. */
const untimed = "^(?!.*(linear time|event loop|timing)).*$";
const page = `${root}/docs/mutants.md`;
const memory = `${root}/docs/mutants.json`;

/** What came of the mutants of one file. */
interface Report {
  readonly path: string;
  readonly mutants: number;
  readonly killed: number;
  /** Killed by the time limit; counted in `killed` too. */
  readonly late: number;
  readonly equivalent: readonly { line: number; what: string; why: string }[];
  readonly survivors: readonly { line: number; what: string }[];
  readonly date: string;
}

/** A copy of the tree to spoil. */
function copyTree(folder: string): string {
  mkdirSync(folder);
  for (const name of readdirSync(root)) {
    if (name === "node_modules" || name.startsWith(".")) continue;
    cpSync(`${root}/${name}`, `${folder}/${name}`, { recursive: true });
  }
  symlinkSync(`${root}/node_modules`, `${folder}/node_modules`);
  return folder;
}

function testFiles({ tests }: Subject): string[] {
  const all = readdirSync(`${root}/tests`);
  return tests.map((part) => {
    const name = all.find((name) => name === `${part}.ts`);
    if (name === undefined) throw new Error(`There is no test file ${part}.ts`);
    return `./tests/${name}`;
  });
}

/** Whether the tests pass in a tree; `undefined` when they came to no end. */
async function passes(tree: string, files: readonly string[], limit: number): Promise<boolean | undefined> {
  const ended = await run([bun, "test", "--timeout=20000", "--bail=1", "-t", untimed, ...files], {
    limit,
    log: `${tree}.log`,
    cwd: tree,
  });
  return ended.hung ? undefined : ended.code === 0;
}

async function examine(
  path: string,
  subject: Subject,
  trees: readonly string[],
  before?: Report,
): Promise<Report> {
  const source = readFileSync(`${root}/${path}`, "utf8");
  const lines = source.split("\n");
  const files = testFiles(subject);
  const started = performance.now();
  if (!await passes(trees[0]!, files, 120)) {
    throw new Error(
      `The tests of ${path} fail as they are:\n${readFileSync(`${trees[0]}.log`, "utf8").slice(-2000)}`,
    );
  }
  const limit = Math.max(10, 5 * (performance.now() - started) / 1000);
  const all = mutantsOf(path, source);
  const open = before &&
    [...before.survivors, ...before.equivalent].map(({ line, what }) => `${line} ${what}`);
  const queue = open === undefined
    ? [...all]
    : all.filter(({ line, what }) => open.includes(`${line} ${what}`));
  const survivors: Mutant[] = [];
  let late = 0;
  await Promise.all(trees.map(async (tree) => {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      writeFileSync(
        `${tree}/${path}`,
        source.slice(0, mutant.start) + mutant.text + source.slice(mutant.end),
      );
      const passed = await passes(tree, files, limit);
      if (passed === undefined) late++;
      else if (passed) survivors.push(mutant);
    }
    writeFileSync(`${tree}/${path}`, source);
  }));
  survivors.sort((a, b) => a.start - b.start);
  const why = ({ line, what }: Mutant) =>
    subject.equivalent?.find(([part]) => `${lines[line - 1]!.trim()}: ${what}`.includes(part))?.[1];
  const report = {
    path,
    mutants: all.length,
    killed: all.length - survivors.length,
    late: late + (before?.late ?? 0),
    equivalent: survivors.flatMap((one) => {
      const reason = why(one);
      return reason === undefined ? [] : [{ line: one.line, what: one.what, why: reason }];
    }),
    survivors: survivors.filter((one) => why(one) === undefined).map(({ line, what }) => ({ line, what })),
    date: new Date().toISOString().slice(0, 10),
  };
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  console.log(
    `${path}: ${report.killed} of ${all.length} killed, ${report.equivalent.length} equivalent (${minutes} minutes)`,
  );
  for (const { line, what } of report.survivors) console.log(`    ${path}:${line} ${what}`);
  return report;
}

const code = (what: string) => what.replaceAll("|", "\\|");

function write(reports: readonly Report[]): void {
  const text = [
    "# Mutants",
    "",
    "Generated by `deno task mutants`: every comparison flipped, every condition always true or always false, every `await`, call and",
    "`throw` dropped, every number one more, every returned value nothing, and in the stores insert-only made upsert and the version check",
    "skipped. Each is to be noticed by the tests that concern its file. Those that are equivalent, or that no test noticed, are listed.",
    "",
    "| file | mutants | killed | of these by the time limit | equivalent | survivors | date |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...reports.map(({ path, mutants, killed, late, equivalent, survivors, date }) =>
      `| ${path} | ${mutants} | ${killed} | ${late} | ${equivalent.length} | ${survivors.length} | ${date} |`
    ),
    "",
    ...section(
      "Survivors",
      reports.flatMap(({ path, survivors }) =>
        survivors.map(({ line, what }) => `- ${path}:${line}: ${code(what)}`)
      ),
    ),
    ...section(
      "Equivalent",
      reports.flatMap(({ path, equivalent }) =>
        equivalent.map(({ line, what, why }) => `- ${path}:${line}: ${code(what)}. ${why}`)
      ),
    ),
  ];
  writeFileSync(page, text.join("\n"));
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`## ${title}`, "", ...lines, ""];
}

await installBun();
const known: Record<string, Report> = existsSync(memory) ? JSON.parse(readFileSync(memory, "utf8")) : {};
const wanted = Deno.args.filter((word) => !word.startsWith("--"));
const chosen = Object.entries(subjects).filter(([path]) =>
  wanted.length === 0 || wanted.some((part) => path.includes(part))
);
const isAgain = Deno.args.includes("--again");
const folder = await Deno.makeTempDir({ prefix: "sojourn-mutants-" });
try {
  const trees = Array.from({ length: WORKERS }, (_, i) => copyTree(`${folder}/${i}`));
  for (const [path, subject] of chosen) {
    known[path] = await examine(path, subject, trees, isAgain ? known[path] : undefined);
    const reports = Object.keys(subjects).flatMap((path) => known[path] ?? []);
    writeFileSync(
      memory,
      `${JSON.stringify(Object.fromEntries(reports.map((one) => [one.path, one])), null, 2)}\n`,
    );
    write(reports);
  }
} finally {
  rmSync(folder, { recursive: true });
  await new Deno.Command(deno, { args: ["fmt", "-q", page, memory] }).output();
}
