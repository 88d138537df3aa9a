/**
 * `deno run -A tools/request_path.ts`: what one request enters over `MemoryStore`, as Deno's coverage counts it: files, functions and calls. Prints
 * the table of CONTRIBUTING.md; with `--write` puts it there. Two requests less one: what only starting takes is in both.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { markdown } from "../bench/markdown.ts";
import { deno, root } from "./project.ts";

/** The kinds of requests, in the order of the table. */
export const kinds = ["unused", "read", "write", "logout"] as const;

/** What one request enters. */
export interface Entered {
  readonly files: readonly string[];
  readonly functions: number;
  readonly calls: number;
}

interface Script {
  readonly url: string;
  readonly functions: readonly {
    readonly functionName: string;
    readonly ranges: readonly { readonly startOffset: number; readonly count: number }[];
  }[];
}

/** Runs a request of a kind and counts. */
export async function entered(kind: typeof kinds[number]): Promise<Entered> {
  const [one, two] = [await counts(kind, 1), await counts(kind, 2)];
  const files = new Set<string>();
  let functions = 0, calls = 0;
  for (const [name, count] of two) {
    const more = count - (one.get(name) ?? 0);
    if (more <= 0) continue;
    files.add(name.split("#", 1)[0]!);

    functions++;
    calls += more;
  }
  return { files: [...files].sort(), functions, calls };
}

/** How often each function of the library was called. */
async function counts(kind: string, requests: number): Promise<Map<string, number>> {
  const folder = await Deno.makeTempDir({ prefix: "sojourn-path-" });
  try {
    const args = [
      "run",
      "-A",
      "--no-check",
      `${root}/tools/request_path/requests.ts`,
      kind,
      String(requests),
    ];
    const command = new Deno.Command(deno, { args, cwd: root, env: { DENO_COVERAGE_DIR: folder } });
    const { success, stderr } = await command.output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const called = new Map<string, number>();
    for await (const { name } of Deno.readDir(folder)) {
      if (!name.endsWith(".json")) continue;
      const { url, functions }: Script = JSON.parse(await Deno.readTextFile(`${folder}/${name}`));
      const path = url.split(`file://${root}/`)[1];
      if (path === undefined || !/^(src|backends)\//.test(path)) continue;
      for (const { functionName, ranges } of functions) {
        const { startOffset, count } = ranges[0]!;
        // The module itself is a function that begins at 0 and has no name.
        if (functionName === "" && startOffset === 0) continue;
        called.set(`${path}#${functionName}@${startOffset}`, count);
      }
    }
    return called;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const rows: string[][] = [];
  for (const kind of kinds) {
    const { files, functions, calls } = await entered(kind);
    rows.push([kind, String(files.length), String(functions), String(calls)]);
    if (Deno.args.includes("--files")) console.log(kind, files);
  }
  const table = markdown(["request", "files", "functions", "calls"], rows);
  console.log(table);
  if (Deno.args.includes("--write")) {
    const path = `${root}/CONTRIBUTING.md`;
    const text = readFileSync(path, "utf8");
    writeFileSync(
      path,
      text.replace(
        /(<!-- entered -->\n)[\s\S]*?(\n<!-- \/entered -->)/,
        (_, begin, end) => `${begin}\n${table}\n${end}`,
      ),
    );
  }
}
