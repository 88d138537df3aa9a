/**
 * Writes the table of all DJ and DX items into `docs/django.md`, from the names of the tests and the reasons in
 * `tests/support/django/scope.ts`; with `--check` it only says whether the table there is the one it would write.
 */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { allIds, outOfScope } from "../tests/support/django/scope.ts";
import { root } from "./project.ts";

const page = `${root}/docs/django.md`;
const [from, to] = ["<!-- django items -->", "<!-- /django items -->"];

/** The test files by the ids that stand in the names of their tests, or in a table that names are made from. */
function testsById(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (
    const name of readdirSync(`${root}/tests/django`).filter((name) => name.endsWith("_test.ts")).sort()
  ) {
    const text = readFileSync(`${root}/tests/django/${name}`, "utf8");
    for (const [, title] of text.matchAll(/(?:\bit\(|\bids:)\s*[`"]([^`"]*)/g)) {
      for (const id of title!.match(/D[JX]-\d{3}/g) ?? []) {
        if (!found.has(id)) found.set(id, new Set());
        found.get(id)!.add(name);
      }
    }
  }
  return found;
}

function table(): string {
  const tests = testsById();
  const rows = allIds.map((id): [string, string] => {
    const files = [...tests.get(id) ?? []];
    const reason = outOfScope[id];
    if (files.length > 0) {
      return [
        id,
        `pass: ${files.map((file) => file.replace(/_test\.ts$/, "")).join(", ")}`,
      ];
    }
    if (reason === undefined) {
      throw new Error(`${id} has neither a test nor a reason in tests/support/django/scope.ts`);
    }
    return [id, `out of scope: ${reason}`];
  });
  const passed = rows.filter(([, what]) => what.startsWith("pass")).length;
  const width = Math.max(...rows.map(([, what]) => what.length));
  const line = (id: string, what: string) => `| ${id.padEnd(6)} | ${what.padEnd(width)} |`;
  return [
    `${passed} of ${rows.length} items have tests that carry their number; ${
      rows.length - passed
    } do not apply here.`,
    "",
    line("item", ""),
    `| ------ | ${"-".repeat(width)} |`,
    ...rows.map(([id, what]) => line(id, what)),
  ].join("\n");
}

const text = readFileSync(page, "utf8");
const [start, end] = [text.indexOf(from), text.indexOf(to)];
if (start < 0 || end < start) throw new Error(`docs/django.md has no place for the table: ${from} … ${to}`);
const made = `${text.slice(0, start + from.length)}\n\n${table()}\n\n${text.slice(end)}`;
if (made === text) Deno.exit(0);
if (Deno.args.includes("--check")) {
  console.log("The table in docs/django.md is old: deno run -A tools/django_table.ts makes it anew");
  Deno.exit(1);
}
writeFileSync(page, made);
