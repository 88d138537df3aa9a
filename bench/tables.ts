/** Writes what the bench of the stores found into the documentation, between `<!-- bench:NAME -->` and `<!-- /bench -->`. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dataBytes, type Figures, type RequestFigure, type StoreFigures } from "./figures.ts";

type Table = (all: readonly Figures[]) => string;

/** What a document can ask for. */
export const tables: Record<string, Table> = { stores: latencies, methods, sizes };

/** Fills all blocks in the Markdown files of a folder, and answers the paths of those that have one. */
export function fillDocuments(folder: string, all: readonly Figures[]): string[] {
  const paths = readdirSync(folder).filter((name) => name.endsWith(".md")).map((name) => `${folder}/${name}`);
  return paths.filter((path) => {
    const text = readFileSync(path, "utf8");
    const filled = text.replace(
      /(<!-- bench:(\w+) -->\n)[\s\S]*?(<!-- \/bench -->)/g,
      (_all, start: string, name: string, end: string) => {
        const table = tables[name];
        if (table === undefined) throw new Error(`${path} asks for an unknown table: ${name}`);
        return `${start}\n${table(all)}\n\n${origin(all)}\n\n${end}`;
      },
    );
    writeFileSync(path, filled);
    return filled.includes("<!-- bench:");
  });
}

function origin(all: readonly Figures[]): string {
  const { machine, at } = all[0]!;
  return `Measured by \`deno task bench stores\` on ${at.slice(0, 10)}: ${machine}; ${
    all.map(({ runtime }) => runtime).join(", ")
  }.`;
}

/** All the stores' names, in the order of the first runtime that has them. */
function names(all: readonly Figures[]): string[] {
  return [...new Set(all.flatMap(({ stores }) => stores.map(({ name }) => name)))];
}

function find(figures: Figures, name: string): StoreFigures | undefined {
  return figures.stores.find((one) => one.name === name);
}

function latencies(all: readonly Figures[]): string {
  const wanted = [["load", 1, "p50"], ["save", 1, "p50"], ["load", 64, "perSecond"], [
    "save",
    64,
    "perSecond",
  ]] as const;
  const titles = ["load, µs", "save, µs", "loads/s", "saves/s"];
  const head = all.flatMap(({ runtime }) => titles.map((title) => `${runtime.split(" ")[0]}: ${title}`));
  const rows = names(all).map((name) => [
    name,
    ...all.flatMap((figures) =>
      wanted.map(([operation, inFlight, what]) => {
        const found = find(figures, name)?.latencies.find((one) =>
          one.operation === operation && one.inFlight === inFlight
        );
        return found ? rounded(found[what]) : "–";
      })
    ),
  ]);
  return markdown(["store", ...head], rows);
}

/** Every method of every store: p50 and p99 one at a time, operations per second with 64 in flight. */
function methods(all: readonly Figures[]): string {
  const rows = names(all).flatMap((name) =>
    all.flatMap((figures) => {
      const found = find(figures, name);
      if (found === undefined) return [];
      const cells = ["load", "create", "save", "touch", "rotate", "delete"].map((operation) => {
        const of = (inFlight: number) =>
          found.latencies.find((one) => one.operation === operation && one.inFlight === inFlight);
        const [alone, many] = [of(1), of(64)];
        return alone && many
          ? `${rounded(alone.p50)} / ${rounded(alone.p99)} / ${rounded(many.perSecond)}`
          : "–";
      });
      return [[name, figures.runtime.split(" ")[0]!, ...cells]];
    })
  );
  return markdown(["store", "runtime", "load", "create", "save", "touch", "rotate", "delete"], rows, 2);
}

/** What a session takes where it is kept. */
function sizes(all: readonly Figures[]): string {
  const rows = names(all).flatMap((name) => {
    const each = all.map((figures) => find(figures, name)?.bytes);
    if (each.every((bytes) => bytes === undefined)) return [];
    return [[name, ...each.map((bytes) => bytes === undefined ? "–" : rounded(bytes))]];
  });
  const head = all.map(({ runtime }) => `bytes, ${runtime.split(" ")[0]}`);
  return markdown([`a logged-in session with ${dataBytes} bytes of data, in`, ...head], rows);
}

/** Two significant digits: more would be noise. */
function rounded(value: number): string {
  return value < 1 ? "< 1" : Number(value.toPrecision(2)).toLocaleString("en");
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[], words = 1): string {
  const rule = head.map((_, i) => i < words ? "---" : "---:");
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Requests as a table. */
export function printRequests(figures: readonly RequestFigure[]): string {
  const cell = (name: string, scenario: string) => {
    const found = figures.find((one) => one.name === name && one.scenario === scenario);
    if (found === undefined) return "–";
    const { overBare, toLimit } = found;
    const limit = toLimit === undefined ? "" : `; ${toLimit.median.toFixed(2)}`;
    return `${overBare!.median.toFixed(2)} [${overBare!.min.toFixed(2)}, ${
      overBare!.max.toFixed(2)
    }]${limit}`;
  };
  const names = [...new Set(figures.map(({ name }) => name))];
  return markdown(
    ["", "N", "R", "W"],
    names.map((name) => [name, ...["N", "R", "W"].map((one) => cell(name, one))]),
  );
}
