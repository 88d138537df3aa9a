/**
 * Draws the two diagrams of CONTRIBUTING.md from `deno info --json`: which room imports which, and how the files that the path of a
 * request names import each other; with `--check` it only says whether the page has the ones it would draw.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { type Import, readImports } from "./imports.ts";
import { root } from "./project.ts";

const page = `${root}/CONTRIBUTING.md`;
const imports = readImports();

/** The room a file is in: a store with all its parts is one, and what several of them use is another. */
function roomOf(path: string): string | undefined {
  if (path === "mod.ts") return path;
  if (/^src\/testing\b/.test(path)) return "src/testing";
  const [room, name = ""] = path.split(/[/.]/);
  if (room !== "backends") return imports.has(path) ? room : undefined;
  return `backends/${name}`;
}

/** An arrow per pair of rooms, by `from to`; whether every import behind it happens at run time only. */
function roomArrows(): Map<string, boolean> {
  const arrows = new Map<string, boolean>();
  for (const [path, all] of imports) {
    for (const { to, isDynamic } of all) {
      const [from, target] = [roomOf(path), roomOf(to)];
      if (from === undefined || target === undefined || from === target) continue;
      arrows.set(`${from} ${target}`, (arrows.get(`${from} ${target}`) ?? true) && isDynamic);
    }
  }
  return arrows;
}

const mermaid = (lines: readonly string[]) => ["```mermaid", "flowchart TD", ...lines, "```"].join("\n");
const id = (name: string) => name.replace(/\W/g, "_");

function rooms(): string {
  const arrows = [...roomArrows()].sort(([a], [b]) => a < b ? -1 : 1);
  const names = [...new Set(arrows.flatMap(([arrow]) => arrow.split(" ")))].sort();
  const node = (name: string) => `${id(name)}["${name.replace("backends/", "")}"]`;
  const inside = names.filter((name) => name.startsWith("backends/"));
  return mermaid([
    ...names.filter((name) => !inside.includes(name)).map((name) => `  ${node(name)}`),
    "  subgraph backends",
    ...inside.map((name) => `    ${node(name)}`),
    "  end",
    ...arrows.map(([arrow, isDynamic]) =>
      `  ${arrow.split(" ").map(id).join(isDynamic ? " -.-> " : " --> ")}`
    ),
  ]);
}

/** The files that the section tells the path of a request with, in its order. */
function told(section: string): string[] {
  const files = [...new Set([...section.matchAll(/`(src\/[\w/]+\.ts)`/g)].map(([, path]) => path!))];
  for (const path of files) {
    if (!imports.has(path)) throw new Error(`CONTRIBUTING.md names ${path}: there is no such file`);
  }
  return files;
}

/** Which of `files` import each other, each in its room, without the arrows that longer ways imply. */
function path(files: readonly string[]): string {
  const near = (from: string) =>
    (imports.get(from) ?? []).map(({ to }: Import) => to).filter((to) => files.includes(to));
  const reaches = (from: string, to: string): boolean =>
    near(from).some((next) => next === to || reaches(next, to));
  const name = (file: string) => id(file.replace(/^src\/|\.ts$/g, ""));
  const label = (file: string) => `${name(file)}["${file.replace(/^.*\/|\.ts$/g, "")}"]`;
  const room = (file: string) => file.split("/").slice(1, -1).join("/");
  const arrows = files.flatMap((from) =>
    near(from)
      .filter((to) => !near(from).some((other) => other !== to && reaches(other, to)))
      .map((to) => `  ${name(from)} --> ${name(to)}`)
  );
  return mermaid([
    ...[...new Set(files.map(room))].flatMap((one) => {
      const nodes = files.filter((file) => room(file) === one).map(label);
      return one === ""
        ? nodes.map((node) => `  ${node}`)
        : [`  subgraph ${one}`, ...nodes.map((node) => `    ${node}`), "  end"];
    }),
    ...arrows,
  ]);
}

/** `text` with `content` between the marks of this name. */
function put(text: string, name: string, content: string): string {
  const [from, to] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [start, end] = [text.indexOf(from), text.indexOf(to)];
  if (start < 0 || end < start) throw new Error(`CONTRIBUTING.md has no place for ${from} … ${to}`);
  return `${text.slice(0, start + from.length)}\n\n${content}\n\n${text.slice(end)}`;
}

const text = readFileSync(page, "utf8");
const section = text.split("\n### The path of a request\n")[1]?.split("\n## ")[0] ?? "";
const made = put(put(text, "rooms", rooms()), "path", path(told(section)));
if (made === text) Deno.exit(0);
if (Deno.args.includes("--check")) {
  console.log(
    "The diagrams in CONTRIBUTING.md are out of date: deno run -A tools/architecture.ts draws them again",
  );
  Deno.exit(1);
}
writeFileSync(page, made);
