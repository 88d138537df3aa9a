/** Where the checkout is, what its manifest says, and the two runtimes that run it. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { run } from "./run.ts";

/** The checkout's folder, without a slash at the end. */
export const root: string = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** The parts of deno.json that the tools read. */
export const manifest: {
  readonly name: string;
  readonly description: string;
  /** Where the source is kept; there once a person has entered it. */
  readonly repository?: unknown;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  readonly tasks: Readonly<Record<string, string>>;
} = JSON.parse(readFileSync(`${root}/deno.json`, "utf8"));

/** The exported files, as paths inside the checkout. */
export const exported: readonly string[] = Object.values(manifest.exports).map((path) =>
  path.replace(/^\.\//, "")
);

/** The Deno that runs this. */
export const deno: string = Deno.execPath();

/** The Bun that deno.json pins; there after {@linkcode installBun}. */
export const bun: string = `${root}/node_modules/bun/bin/bun.exe`;

async function bunVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command(bun, { args: ["--version"], stderr: "null" }).output();
    return new TextDecoder().decode(stdout).trim();
  } catch {
    return undefined;
  }
}

/** Makes node_modules and the pinned Bun when they are missing. */
export async function installBun(): Promise<void> {
  const pinned = manifest.imports["bun"]?.split("@").at(-1);
  if (await bunVersion() === pinned) return;
  const log = await Deno.makeTempFile({ prefix: "sojourn-install-" });
  // Bun's install script can be skipped for a node_modules that was made without it, so it is asked for by name.
  const ended = await run([deno, "install", "--allow-scripts=npm:bun"], { limit: 300, log, cwd: root });
  const found = await bunVersion();
  if (found !== pinned) {
    throw new Error(`Cannot install bun ${pinned}: found ${found ?? "none"} at ${bun}\n${ended.output}`);
  }
}
