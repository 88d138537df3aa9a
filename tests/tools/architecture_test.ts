/** The rules of the house about files and imports, read from `deno info --json` and from the text of the files. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { readImports } from "../../tools/imports.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const rooms = ["src", "backends", "cli", "tests", "tools", "examples", "bench"];
const onDeno = "Deno" in globalThis ? {} : { skip: "not on this runtime: deno info" };

/** The rooms of `src/`, floor by floor: a room imports `src/*.ts` and rooms of lower floors. */
const floors = [
  ["crypto", "data", "diagnostics", "testing"],
  ["guard"],
  ["transport"],
  ["unit_of_work"],
  ["request"],
];
/** The same for what sessions shared with Django are made of. */
const djangoFloors = [["format"], ["engines"], ["transport", "import"]];
/** The stores that bring a transport of their own. */
const transporting = ["cookie", "django"];
/** The stores whose parts Django's engines are built on. */
const below = ["file", "redis", "sqlite"];
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

  it("a room of src imports src/*.ts and the rooms below it, a room of django the ones below it", () => {
    const isHigher = (path: string, to: string, folder: string, floors: readonly string[][]) => {
      const floor = (path: string) =>
        floors.findIndex((rooms) => rooms.some((room) => path.startsWith(`${folder}/${room}/`)));
      const room = (path: string) => path.slice(folder.length).split("/")[1];
      return floor(path) >= 0 && floor(to) >= floor(path) && room(to) !== room(path);
    };
    for (const [path, targets] of imports) {
      const wrong = targets.filter((to) =>
        isHigher(path, to, "src", floors) || isHigher(path, to, "backends/django", djangoFloors)
      );
      assert.deepEqual(wrong, [], path);
    }
    const rooms = where(library).flatMap((path) => /^src\/(\w+)\//.exec(path)?.[1] ?? []);
    assert.deepEqual([...new Set(rooms)].sort(), floors.flat().sort());
  });

  it("a store imports src/*.ts, src/guard, its own parts and what stores share", () => {
    for (const [path, targets] of imports) {
      const store = /^backends\/(\w+)/.exec(path)?.[1];
      if (store === undefined) continue;
      const own = [`backends/${store}/`, "backends/support/"];
      if (store === "django") own.push(...below.map((name) => `backends/${name}/`));
      if (store !== "support") own.push("src/guard/");
      if (transporting.includes(store)) own.push("src/");
      const isRight = (to: string) =>
        !/^(src|backends|cli)\//.test(to) || /^src\/\w+\.ts$/.test(to) ||
        own.some((start) => to.startsWith(start));
      assert.deepEqual(targets.filter((to) => !isRight(to) || to.startsWith("src/unit_of_work/")), [], path);
    }
  });

  it("the command line imports stores at run time only, all in one file, and nothing imports it", () => {
    const early = [...reach("cli/main.ts", new Set(), statics)];
    const isStore = (to: string) => /^backends\/(?!support\/)/.test(to);
    assert.deepEqual(early.filter(isStore), []);
    const opening = [...imports].filter(([path, targets]) =>
      path.startsWith("cli/") && targets.some(isStore)
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
  it("backends has the entry points of the stores, and their parts in folders", () => {
    const { exports } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
    const faces = where(library).filter((path) => /^backends\/\w+\.ts$/.test(path));
    const entries = Object.values<string>(exports).map((path) => relative(root, join(root, path)));
    assert.deepEqual(faces.filter((path) => !entries.includes(path)), []);
  });

  it("no folder of the library has more than 16 of them, none of the tests more than 40", () => {
    const counts = new Map<string, number>();
    for (const path of where(all)) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
    const most = (folder: string) =>
      /^tests\b/.test(folder) ? 40 : /^(src|backends)\b/.test(folder) ? 16 : 40;
    assert.deepEqual([...counts].filter(([folder, count]) => count > most(folder)), []);
  });

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
