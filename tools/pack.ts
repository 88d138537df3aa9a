/**
 * `deno task pack`: makes the npm package in `artifacts/` and tries it as a user would: installed into an empty project, type-checked
 * there, and run on Bun and on Node. With `untried` it is only made: the job that publishes installs no foreign package.
 */

import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { bun, deno, installBun, manifest, root } from "./project.ts";
import { run, tail } from "./run.ts";

/** The oldest Node the package is for, and the one it is tried on where the machine's own is older. */
const oldestNode = 24;
const nodeToFetch = "24.9.0";

const folder = mkdtempSync(`${tmpdir()}/sojourn-pack-`);
const npm = ["npm", "--offline", "--no-audit", "--no-fund", "--loglevel=error"];

/** Runs one step; a red one ends everything. Answers what it printed. */
async function step(what: string, command: readonly string[], cwd: string): Promise<string> {
  const log = `${folder}/log`;
  const ended = await run(command, { limit: 300, log, cwd });
  const green = ended.code === 0 && !ended.hung;
  console.log(`${green ? "ok    " : "FAILED"} ${what} (${ended.seconds.toFixed(1)} s)`);
  if (green) return ended.output;
  console.log(tail(ended.output, 60));
  rmSync(folder, { recursive: true });
  Deno.exit(1);
}

/** A folder under the temporary one. */
function place(name: string): string {
  mkdirSync(`${folder}/${name}`);
  return `${folder}/${name}`;
}

/** `deno pack` and what it leaves out of package.json; returns the path of the tarball. */
async function pack(): Promise<string> {
  const raw = place("raw");
  await step("deno pack", [deno, "pack", "--no-source-maps", "--allow-dirty", "-o", `${raw}/raw.tgz`], root);
  await step("unpack", ["tar", "xzf", "raw.tgz"], raw);
  const path = `${raw}/package/package.json`;
  const { description, repository } = manifest;
  const complete = {
    ...JSON.parse(readFileSync(path, "utf8")),
    description,
    ...repository === undefined ? {} : { repository }, // npm compares it with where the package is published from
    engines: { node: `>=${oldestNode}` },
    sideEffects: false,
  };
  writeFileSync(path, `${JSON.stringify(complete, null, 2)}\n`);
  mkdirSync(`${root}/artifacts`, { recursive: true });
  const name = (await step(
    "npm pack",
    [...npm, "pack", "--silent", "--pack-destination", `${root}/artifacts`],
    `${raw}/package`,
  )).trim().split("\n").at(-1)!;
  return `${root}/artifacts/${name}`;
}

/** A Node that is new enough: this machine's, or one from npm. */
async function node(): Promise<string> {
  const own = (await step("node --version", ["node", "--version"], folder)).trim();
  if (Number(/^v(\d+)/.exec(own)?.[1]) >= oldestNode) return "node";
  const name = `node-${process.platform}-${process.arch}`;
  const home = place("node");
  const install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", home, `${name}@${nodeToFetch}`];
  await step(`node ${nodeToFetch}, as ${own} is too old`, install, home);
  return `${home}/node_modules/${name}/bin/node`;
}

if (Deno.args.includes("untried")) {
  await pack();
  rmSync(folder, { recursive: true });
  Deno.exit();
}
await installBun();
const tarball = await pack();
const project = place("project");
writeFileSync(`${project}/package.json`, JSON.stringify({ private: true, type: "module" }));
await step("npm install", [...npm, "install", tarball], project);
copyFileSync(`${root}/tools/packed/visit.ts`, `${project}/visit.ts`);
const compilerOptions = {
  noEmit: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false, // the declarations of the package have to hold by themselves
  target: "esnext",
  module: "nodenext",
  lib: ["esnext", "dom", "dom.iterable"],
  types: [],
};
writeFileSync(`${project}/tsconfig.json`, JSON.stringify({ compilerOptions, files: ["visit.ts"] }));
await step("types", [bun, `${root}/node_modules/typescript/bin/tsc`], project);
for (const [name, program] of [["bun", bun], ["node", await node()]] as const) {
  rmSync(`${project}/sessions`, { recursive: true, force: true });
  rmSync(`${project}/sessions.db`, { force: true });
  await step(`on ${name}`, [program, "visit.ts"], project);
}
rmSync(folder, { recursive: true });
console.log(`${tarball} can be published`);
