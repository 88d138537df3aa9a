/** Starts scripts in processes of their own, on this runtime and on the other one. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const isDeno: boolean = "Deno" in globalThis;

/** The command that runs a script, with room for Deno's permissions. */
export type Runtime = (permissions?: string[]) => string[];

const deno =
  (path: string): Runtime => (permissions = ["-A"]) => [path, "run", "--no-prompt", ...permissions];
const bun = (path: string): Runtime => () => [path];

export const own: Runtime = isDeno ? deno(process.execPath) : bun(process.execPath);

/** The other runtime, if it is on this machine. */
export function other(): Runtime | undefined {
  if (isDeno) {
    const path = fileURLToPath(new URL("../../node_modules/bun/bin/bun.exe", import.meta.url));
    return existsSync(path) ? bun(path) : undefined;
  }
  const cache = `${homedir()}/.npm/_npx`;
  const places = [
    ...(process.env["PATH"] ?? "").split(":").map((folder) => `${folder}/deno`),
    ...(existsSync(cache) ? readdirSync(cache) : []).map((name) => `${cache}/${name}/node_modules/deno/deno`),
  ];
  const path = places.find((ref) => existsSync(ref) && ref.includes("_npx"));
  return path === undefined ? undefined : deno(path);
}

export interface Child {
  readonly process: ChildProcess;
  readonly lines: string[];
  /** Resolves when so many lines were said. */
  said(count: number): Promise<void>;
  /** Resolves with the exit code or the signal's name. */
  readonly ended: Promise<number | string>;
}

/** Starts a script. `shell` runs first in the same process, such as `ulimit -n 32`. */
export function start(
  script: string,
  runtime: Runtime,
  args: string[],
  { shell = "true", permissions }: { shell?: string; permissions?: string[] } = {},
): Child {
  const command = [...runtime(permissions), script, ...args];
  const child = spawn("bash", ["-c", `${shell}; exec "$@"`, "bash", ...command], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin!.on("error", () => {}); // it may be gone before it has read
  const lines: string[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const reader = createInterface({ input: child.stdout! });
  reader.on("line", (line) => {
    lines.push(line);
    for (const { count, resolve } of waiting) if (lines.length >= count) resolve();
  });
  const exit = new Promise<number | string>((resolve) =>
    child.on("exit", (code, signal) => resolve(code ?? signal ?? -1))
  );
  const read = new Promise<void>((resolve) => reader.on("close", () => resolve()));
  const ended = Promise.all([exit, read]).then(([ending]) => ending);
  const said = (count: number) =>
    Promise.race([
      new Promise<void>((resolve) => lines.length >= count ? resolve() : waiting.push({ count, resolve })),
      ended.then((ending) => {
        if (lines.length < count) throw new Error(`The child ended (${ending}) after ${lines.length} lines`);
      }),
    ]);
  return { process: child, lines, said, ended };
}
