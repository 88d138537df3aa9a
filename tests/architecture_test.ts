/** The rules of the house about files and imports, read from `deno info --json` and from the text of the files. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { readImports } from "../tools/imports.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const rooms = ["src", "backends", "cli", "tests", "tools", "examples", "bench"];
const onDeno = "Deno" in globalThis ? {} : { skip: "not on this runtime: deno info" };

/** What a backend takes from `src/` beyond the five files that all may take, with the reason. */
const furtherImports: Record<string, readonly string[]> = {
  // A store that keeps sessions in the cookie brings a carrier of its own, made from the core's parts.
  "backends/cookie.ts": ["src/carrier.ts"],
  "backends/cookie/carrier.ts": [
    "src/carrier.ts",
    "src/guard.ts",
    "src/seal.ts",
    "src/token.ts",
  ],
  "backends/sqlite/row_memory.ts": ["src/recent.ts"],
  "backends/redis/wire.ts": ["src/time_limit.ts"],
  "backends/cookie/chunks.ts": ["src/cookie.ts"],
  "backends/cookie/memory.ts": ["src/carrier.ts", "src/recent.ts"],
  "backends/cookie/signed.ts": ["src/base64url.ts", "src/keyring.ts", "src/seal.ts"],
  // Django's formats lie above the store interface: its sessions bring a carrier, a data format and manners of their own.
  "backends/django.ts": ["src/sessions.ts", "src/session_map.ts"],
  "backends/django/adopt.ts": ["src/carrier.ts", "src/cookie.ts", "src/held_carrier.ts"],
  "backends/django/cache_removal.ts": ["src/time_limit.ts"],
  "backends/django/cookies.ts": ["src/cookie.ts"],
  "backends/django/envelope.ts": ["src/base64url.ts", "src/keyring.ts", "src/recent.ts"],
  "backends/django/format.ts": ["src/format.ts", "src/head.ts", "src/lifetime.ts", "src/values.ts"],
  "backends/django/imported.ts": [
    "src/base64url.ts",
    "src/head.ts",
    "src/keyring.ts",
    "src/proofs.ts",
    "src/token.ts",
  ],
  "backends/django/manners.ts": ["src/format.ts", "src/manners.ts", "src/values.ts"],
  "backends/django/options.ts": [
    "src/carrier.ts",
    "src/cookie_options.ts",
    "src/events.ts",
    "src/options.ts",
    "src/respond.ts",
    "src/schema.ts",
    "src/session_map.ts",
  ],
  "backends/django/row_carrier.ts": ["src/carrier.ts", "src/guard.ts", "src/manners.ts", "src/recent.ts"],
  "backends/django/signed_carrier.ts": ["src/carrier.ts", "src/cookie.ts", "src/manners.ts"],
  "backends/django/signing.ts": ["src/base64url.ts", "src/keyring.ts"],
};
/** What the core needs from the runtime: no files, no network. */
const coreBuiltins = ["node:async_hooks", "node:diagnostics_channel"];

interface Text {
  readonly path: string;
  readonly text: string;
  /** The text without comments that stand on lines of their own. */
  readonly code: string;
}

function files(): Text[] {
  const found = rooms.filter((room) => existsSync(join(root, room))).flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: "utf8" }).map((name) => join(room, name))
  );
  return [...found, "mod.ts"].filter((path) => path.endsWith(".ts") && existsSync(join(root, path))).map(
    (path) => {
      const text = readFileSync(join(root, path), "utf8");
      const code = text.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, "").replace(/^[ \t]*\/\/.*$/gm, "");
      return { path, text, code };
    },
  );
}

const all = files();
const library = all.filter(({ path }) => /^(src|backends|cli)\/|^mod\.ts$/.test(path));

function where(wrong: readonly { readonly path: string }[]): string[] {
  return wrong.map(({ path }) => path);
}

/** What each file of the library imports: paths inside the checkout, or specifiers for the rest. */
const imports = new Map<string, string[]>();
/** The same without what is imported at run time only. */
const statics = new Map<string, string[]>();

/** Everything that `from` reaches, itself included. */
function reach(
  from: string,
  seen: Set<string> = new Set(),
  by: ReadonlyMap<string, readonly string[]> = imports,
): Set<string> {
  if (seen.has(from)) return seen;
  seen.add(from);
  for (const next of by.get(from) ?? []) reach(next, seen, by);
  return seen;
}

describe("the imports", onDeno, () => {
  before(() => {
    for (const [path, all] of readImports()) {
      imports.set(path, all.map(({ to }) => to));
      statics.set(path, all.filter(({ isDynamic }) => !isDynamic).map(({ to }) => to));
    }
    assert.ok(imports.size >= library.length, "deno info did not see every file");
  });

  it("src never imports backends", () => {
    for (const [path, targets] of imports) {
      if (path.startsWith("src/")) {
        assert.deepEqual(targets.filter((to) => to.startsWith("backends/")), [], path);
      }
    }
  });

  it("backends import from src only the store, its instants, the errors, the codec and what marks promises as handled", () => {
    for (const [path, targets] of imports) {
      if (!path.startsWith("backends/")) continue;
      const common = ["store", "instants", "errors", "codec", "handled"].map((name) => `src/${name}.ts`);
      const allowed = [...common, ...(furtherImports[path] ?? [])];
      assert.deepEqual(targets.filter((to) => to.startsWith("src/") && !allowed.includes(to)), [], path);
    }
  });

  it("the command line imports backends at run time only, all in one file, and nothing imports it", () => {
    const early = [...reach("cli/main.ts", new Set(), statics)];
    assert.deepEqual(early.filter((to) => to.startsWith("backends/")), []);
    const opening = [...imports].filter(([path, targets]) =>
      path.startsWith("cli/") && targets.some((to) => to.startsWith("backends/"))
    );
    assert.deepEqual(opening.map(([path]) => path), ["cli/open.ts"]);
    for (const [path, targets] of imports) {
      if (!path.startsWith("cli/")) assert.deepEqual(targets.filter((to) => to.startsWith("cli/")), [], path);
    }
  });

  it("mod.ts reaches neither backends nor files nor the network", () => {
    const outside = [...reach("mod.ts")].filter((to) => to !== "mod.ts" && !to.startsWith("src/"));
    assert.deepEqual(outside.filter((to) => !coreBuiltins.includes(to)), []);
  });

  it("there are no cycles", () => {
    for (const [path, targets] of imports) {
      assert.deepEqual(
        targets.filter((to) => reach(to).has(path)).map((to) => `${path} -> ${to} -> … -> ${path}`),
        [],
      );
    }
  });

  it("Bun finds the package's own names where Deno does", () => {
    const { name, exports } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
    const { paths } = JSON.parse(readFileSync(join(root, "tsconfig.json"), "utf8")).compilerOptions;
    const wanted = Object.entries(exports).map(([entry, path]) => [name + entry.slice(1), [path]]);
    assert.deepEqual(paths, Object.fromEntries(wanted));
  });

  it("nothing depends on a package", () => {
    const { exports } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
    for (const entry of Object.values<string>(exports)) {
      const reached = [...reach(relative(root, join(root, entry)))];
      assert.deepEqual(reached.filter((to) => !imports.has(to) && !/^(node|bun):/.test(to)), [], entry);
    }
  });

  it("every file of src is reached by an export", () => {
    const { exports } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
    const reached = new Set(
      Object.values<string>(exports).flatMap((entry) => [...reach(relative(root, join(root, entry)))]),
    );
    assert.deepEqual(where(library).filter((path) => path.startsWith("src/") && !reached.has(path)), []);
  });
});

describe("the files", () => {
  it("none is over 350 lines", () => {
    assert.deepEqual(where(all.filter(({ text }) => text.split("\n").length > 351)), []);
  });

  it("none has a name that says nothing", () => {
    const wrong = all.filter(({ path }) =>
      /^(utils|types|deps)\.ts$/.test(basename(path)) || /(^|\/)(helpers|adapters)\//.test(path)
    );
    assert.deepEqual(where(wrong), []);
  });

  it("every file of the library says on its first line what it is for", () => {
    assert.deepEqual(where(library.filter(({ text }) => !/^\/\*\*( \S|\n \* \S)/.test(text))), []);
  });

  it("the library lists its exports by name", () => {
    assert.deepEqual(where(library.filter(({ code }) => /\bexport\s*\*/.test(code))), []);
  });

  it("the library prints nothing", () => {
    const wrong = library.filter(({ code }) => /\bconsole\s*[.[]/.test(code));
    assert.deepEqual(where(wrong), []);
  });

  it("the library keeps no clock: whatever stands in for Date is asked at each look", () => {
    const kept =
      /\bDate\.now\b(?!\()|\bDate\[|=\s*(?:globalThis\.)?Date\s*[;,]|\{[^}]*\bnow\b[^}]*\}\s*=\s*(?:globalThis\.)?Date\b/;
    assert.deepEqual(where(library.filter(({ code }) => kept.test(code))), []);
  });

  it("every any has its reason on its line", () => {
    const wrong = library.flatMap(({ path, code }) =>
      code.split("\n")
        .filter((line) =>
          /[:<|&,(]\s*any\b|\bas any\b|\bany\s*[[>|&]/.test(line.replace(/\/\/.*|"[^"]*"/g, "")) &&
          !/\/\/ *\S/.test(line)
        )
        .map((line) => `${path}: ${line.trim()}`)
    );
    assert.deepEqual(wrong, []);
  });
});
