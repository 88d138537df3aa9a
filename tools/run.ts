/** Runs a command with its output in a file and a hard time limit, and leaves no process behind. */

import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import process from "node:process";

/** How a command ended. */
export interface Ended {
  /** Exit code; a signal counts as 1. */
  readonly code: number;
  /** Whether the time limit ended it. */
  readonly hung: boolean;
  /** All that it printed, stdout and stderr mixed, without colours. */
  readonly output: string;
  /** How long it took, in seconds. */
  readonly seconds: number;
}

/** Signals the whole process group. It may be gone already. */
function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // nobody is left
  }
}

/** Runs `command` (`[program, ...args]`); after `limit` seconds its process group is ended, and also what it left behind. */
export async function run(
  command: readonly string[],
  options: {
    readonly limit: number;
    readonly log: string;
    readonly cwd?: string;
    readonly env?: Record<string, string>;
  },
): Promise<Ended> {
  const [program, ...args] = command;
  const started = Date.now();
  const log = openSync(options.log, "w");
  const child = spawn(program!, args, {
    detached: true, // a process group of its own
    stdio: ["ignore", log, log],
    cwd: options.cwd,
    env: { ...process.env, NO_COLOR: "1", ...options.env },
  });
  closeSync(log);
  const leader = child.pid!;
  const interrupted = () => {
    signalGroup(leader, "SIGKILL");
    process.exit(130);
  };
  process.on("SIGINT", interrupted).on("SIGTERM", interrupted);

  let hung = false;
  let kill: ReturnType<typeof setTimeout> | undefined;
  const limit = setTimeout(() => {
    hung = true;
    signalGroup(leader, "SIGINT"); // Deno then names the tests that were pending
    kill = setTimeout(() => signalGroup(leader, "SIGKILL"), 1000);
  }, options.limit * 1000);
  const code = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
  clearTimeout(limit);
  clearTimeout(kill);
  signalGroup(leader, "SIGKILL");
  process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
  // deno-lint-ignore no-control-regex -- colour codes start with a control character
  const output = readFileSync(options.log, "utf8").replace(/\x1b\[[0-9;]*m/g, "");
  return { code, hung, output, seconds: (Date.now() - started) / 1000 };
}

/** The last `count` lines that are not empty, indented, for showing. */
export function tail(output: string, count: number): string {
  return output.split("\n").filter((line) => line.trim()).slice(-count).map((line) => `    ${line}`).join(
    "\n",
  );
}
