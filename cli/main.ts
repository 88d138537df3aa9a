/**
 * The command line: `clearsessions`, `stats`, `list`, `revoke`, `secret` and `doctor`, for any store that has a URL.
 *
 * ```sh
 * deno run -A jsr:@sojourn/session/cli stats sqlite:sessions.db
 * bun cli/main.ts stats sqlite:sessions.db
 * ```
 *
 * @module
 */

import process from "node:process";
import type { Io } from "./io.ts";
import { run } from "./run.ts";

export { run };
export type { Io };

if (import.meta.main) {
  const { argv, env, stdout, stderr } = process;
  stdout.on("error", () => {}); // a reader such as `head` may leave early
  const isTerminal = stdout.isTTY === true;
  process.exitCode = await run(argv.slice(2), {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    isTerminal,
    columns: Math.max(40, Math.min(stdout.columns ?? 80, 120)),
    colours: isTerminal && !env["NO_COLOR"] && env["TERM"] !== "dumb",
    now: () => Date.now(),
    env: (name) => env[name],
  });
}
