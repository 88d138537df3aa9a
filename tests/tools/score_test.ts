/**
 * What JSR scores a package by (https://jsr.io/docs/scoring) as far as a repository decides it, from `deno doc --json` and
 * `deno publish --dry-run`; and that the release page names the settings a person decides the rest with.
 */

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import process from "node:process";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const onDeno = "Deno" in globalThis ? {} : { skip: "not on this runtime: deno doc, deno publish" };
const read = (path: string) => readFileSync(join(root, path), "utf8");
const manifest = JSON.parse(read("deno.json"));
const entries = Object.values<string>(manifest.exports).map((path) => path.replace(/^\.\//, ""));

interface Comment {
  readonly doc?: string;
  readonly tags?: readonly { readonly kind: string; readonly doc?: string }[];
}
interface Place {
  readonly filename: string;
  readonly line: number;
}
interface Declaration {
  readonly kind: string;
  readonly declarationKind: string;
  readonly location: Place;
  readonly jsDoc?: Comment;
  readonly def?: { readonly target?: Place };
}
interface Documented {
  readonly module_doc?: Comment;
  readonly symbols: readonly { readonly name: string; readonly declarations: readonly Declaration[] }[];
}
/** An exported name, where it can be imported from. */
interface Exported extends Declaration {
  readonly name: string;
}

const modules = new Map<string, Documented>();
let published: { readonly status: number | null; readonly output: string };

const at = ({ filename, line }: Place) => `${filename}:${line}`;

/** Every exported name; one that stands for a declaration which another entry point documents is that declaration. */
function everyExport(): Exported[] {
  const found = [...modules].flatMap(([entry, { symbols }]) =>
    symbols.flatMap(({ name, declarations }) =>
      declarations.filter((one) => one.declarationKind === "export")
        .map((one): Exported => ({ ...one, name: `${entry}: ${name}` }))
    )
  );
  const byPlace = new Map(found.map((one) => [at(one.location), one]));
  return found.map((one) => {
    const target = one.def?.target;
    if (one.kind !== "reference" || target === undefined) return one;
    return { ...one, ...byPlace.get(at(target)), name: one.name };
  });
}

const isDocumented = ({ jsDoc }: Exported) => Boolean(jsDoc?.doc?.trim());
const examples = (comment: Comment | undefined) =>
  (comment?.tags ?? []).filter(({ kind, doc }) => kind === "example" && doc?.includes("```ts"));

/** The names of what is wrong: there should be none. */
const none = (wrong: readonly Exported[]) => assert.deepEqual(wrong.map(({ name }) => name), []);

describe("the JSR score", onDeno, () => {
  before(() => {
    const json = execFileSync(process.execPath, ["doc", "--json", ...entries], {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 2 ** 26,
      stdio: ["ignore", "pipe", "ignore"],
    });
    for (const [url, documented] of Object.entries<Documented>(JSON.parse(json).nodes)) {
      modules.set(relative(root, fileURLToPath(url)), documented);
    }
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["publish", "--dry-run", "--allow-dirty", "--no-check"],
      { cwd: root, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } },
    );
    published = { status, output: stdout + stderr };
  });

  it("sees every entry point", () => {
    assert.deepEqual([...modules.keys()].sort(), [...entries].sort());
    assert.ok(everyExport().length > 100, "deno doc did not tell the exported names");
  });

  it("README: there is one, it is published, and it shows an example (3 points)", () => {
    assert.match(read("README.md"), /```ts\b[\s\S]*?from "@sojourn\/session"/);
    assert.ok(manifest.publish.include.includes("README.md"));
    assert.match(published.output, /README\.md/);
  });

  it("module docs: every entry point has one (1 point), with an example in mod.ts", () => {
    const silent = [...modules].filter(([, { module_doc }]) => !module_doc?.doc?.trim());
    assert.deepEqual(silent.map(([entry]) => entry), []);
    assert.ok(examples(modules.get("mod.ts")?.module_doc).length > 0);
  });

  it("symbols: every exported one is documented, where JSR asks for 80 % (5 points)", () => {
    none(everyExport().filter((one) => !isDocumented(one)));
  });

  it("examples: every exported function and class has one that deno test --doc runs", () => {
    none(
      everyExport().filter(({ kind, jsDoc }) =>
        (kind === "function" || kind === "class") && examples(jsDoc).length === 0
      ),
    );
    const left = everyExport().filter(({ jsDoc }) =>
      examples(jsDoc).some(({ doc }) => /```\w*[ ,]ignore/.test(doc!))
    );
    none(left);
  });

  it("types: none is slow, so that documentation and .d.ts files come without a type checker (5 points)", () => {
    assert.equal(published.status, 0, published.output);
    assert.match(published.output, /Checking for slow types/);
    for (const flag of ["allow-slow-types", "no-slow-types"]) {
      assert.doesNotMatch(read("deno.json") + read("tools/check.ts"), new RegExp(flag));
    }
  });

  it("publishing: only the library leaves, whole", () => {
    const files = [...published.output.matchAll(/file:\/\/\S+/g)]
      .map(([url]) => relative(root, fileURLToPath(url)));
    const library = ["src", "backends", "cli"].flatMap((room) =>
      readdirSync(join(root, room), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".ts")).map((name) => join(room, name))
    );
    const others = ["mod.ts", "deno.json", "README.md", "LICENSE", "CHANGELOG.md"];
    assert.deepEqual(files.sort(), [...library, ...others].sort());
  });

  it("description: deno.json keeps the text for the settings, at most 250 characters (1 point)", () => {
    assert.match(manifest.description, /^[A-Z].{20,249}$/);
  });

  it("settings: RELEASING.md names the manual setup (description, two runtimes: 3 points)", () => {
    const page = read("RELEASING.md").split("\n## One-time manual setup\n")[1]?.split("\n## ")[0] ?? "";
    for (const what of ["Description", "Runtime compat", "Deno", "Bun", "Node.js", "GitHub repository"]) {
      assert.ok(page.includes(what), `RELEASING.md does not say what to do about: ${what}`);
    }
  });

  it("provenance: CI publishes, with an identity token, what it has tested (1 point)", () => {
    const flow = read(".github/workflows/publish.yml");
    assert.match(flow, /id-token: write/);
    assert.match(flow, /\.ci\/run[\s\S]+deno@\S+ publish$[\s\S]+npm publish/m);
    assert.doesNotMatch(flow, /no-provenance|secrets\./);
  });

  it("provenance: the job that may publish runs no test, and no action or package that can change", () => {
    const flow = read(".github/workflows/publish.yml");
    const [, head, test, publish] = /^([^]*?)\n {2}test:\n([^]*?)\n {2}publish:\n([^]*)$/.exec(flow)!;
    assert.match(head!, /^permissions: \{\}$/m);
    assert.doesNotMatch(test!, /id-token/);
    assert.match(test!, /install --frozen[\s\S]+\.ci\/run$/m);
    assert.match(publish!, /^ {4}needs: test$/m);
    assert.doesNotMatch(publish!, /\.ci\/run|task (test|check)|npm (ci|install)/);
    const actions = [...flow.matchAll(/uses: (\S+)/g)].map(([, action]) => action!);
    assert.equal(actions.length, 4);
    for (const action of actions) assert.match(action, /^actions\/[\w-]+@[0-9a-f]{40}$/);
  });
});
