/** The library of any checkout, so that two builds can be measured in one process. */

import { pathToFileURL } from "node:url";

/** The entry points that are measured. */
export type Library =
  & typeof import("../../mod.ts")
  & typeof import("../../backends/memory.ts")
  & typeof import("../../backends/sqlite.ts")
  & typeof import("../../backends/file.ts")
  & typeof import("../../backends/redis.ts")
  & typeof import("../../backends/deno_kv.ts")
  & typeof import("../../backends/cookie.ts")
  & typeof import("../../backends/django.ts");

const entries = ["memory", "sqlite", "file", "redis", "deno_kv", "cookie", "django"];

/** Loads the library of the checkout in this folder. */
export async function libraryAt(root: string): Promise<Library> {
  const paths = ["mod.ts", ...entries.map((name) => `backends/${name}.ts`)];
  const modules = [];
  for (const path of paths) modules.push(await import(pathToFileURL(`${root}/${path}`).href));
  return Object.assign({}, ...modules);
}
