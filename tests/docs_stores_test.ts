/** Runs the example of docs/stores.md: its suite becomes part of this file's tests. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const root = new URL("../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

const { name, exports } = JSON.parse(read("deno.json")) as { name: string; exports: Record<string, string> };
const block = /```ts[^\n]*\n(.*?)```/s.exec(read("docs/stores.md"))?.[1];
assert.ok(
  block !== undefined && block.includes(`from "${name}/testing"`),
  "the page has an example that tests a store",
);

const code = block.replace(/from "(.*?)"/g, (_, specifier: string) => {
  const target = exports[specifier.replace(name, ".")];
  assert.ok(target, `"${specifier}" is an entry point`);
  return `from "${new URL(target, root)}"`;
});
const folder = mkdtempSync(join(tmpdir(), "sojourn-docs-"));
try {
  const file = join(folder, "stores_example.ts");
  writeFileSync(file, code);
  const { MapStore } = await import(pathToFileURL(file).href);
  assert.equal(typeof MapStore, "function");
} finally {
  rmSync(folder, { recursive: true });
}
