/**
 * Loaded before every test file on Deno. There, `node:test` swallows whatever fails outside of a test: floating rejections,
 * errors in timers, even a test file that throws while it loads. This writes them down, and `tools/test.ts` counts them as
 * failures. Bun counts them itself.
 */

import { appendFileSync } from "node:fs";

const path = Deno.env.get("SOJOURN_STRAYS");

function write(kind: string, error: unknown): void {
  const text = error instanceof Error ? error.stack ?? error.message : String(error);
  if (path) {
    appendFileSync(path, JSON.stringify({ file: Deno.mainModule, message: `${kind}: ${text}` }) + "\n");
  }
}

addEventListener("unhandledrejection", (event) => write("unhandled rejection", event.reason));
addEventListener("error", (event) => write("uncaught error", event.error));
