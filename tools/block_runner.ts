/**
 * Runs one code block of the documentation, on Deno or on Bun: `block_runner.ts FILE PROOF`.
 *
 * Servers that the block starts get a free port; once the block has loaded, each has to answer one real request with a status
 * below 500. A default export with a `fetch` counts as a server. The file PROOF is written when all of that is done: an exit
 * code alone would not tell a block that ended the process, or that waits for ever.
 */

import { writeFileSync } from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";

type Fetch = (request: Request, ...rest: unknown[]) => Response | Promise<Response>;
type BunOptions = { fetch?: Fetch; port?: number; error?: (error: Error) => Response };
type BunServer = { url: URL; stop(force: boolean): Promise<void> };
const onBun = (globalThis as { Bun?: { serve(options: BunOptions): BunServer } }).Bun;

const [file, proof] = process.argv.slice(2) as [string, string];
const running: { url: string; stop(): Promise<void> }[] = [];
let start: (handler: Fetch) => unknown;

if (onBun) {
  const serve = onBun.serve;
  onBun.serve = (options) => {
    const error = (error: Error) => new Response(error.stack, { status: 500 });
    const server = serve({ error, ...options, port: 0 });
    running.push({ url: server.url.href, stop: () => server.stop(true) });
    return server;
  };
  start = (handler) => onBun.serve({ fetch: (...given) => handler(...given) });
} else {
  const serve = Deno.serve as (
    options: Deno.ServeTcpOptions,
    handler: Fetch,
  ) => Deno.HttpServer<Deno.NetAddr>;
  const free = (...given: (Fetch | Deno.ServeTcpOptions & { handler?: Fetch })[]) => {
    const options = given.find((one) => typeof one === "object") ?? {};
    const handler = given.find((one) => typeof one === "function") ?? options.handler;
    const server = serve({ ...options, hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler!);
    running.push({ url: `http://127.0.0.1:${server.addr.port}/`, stop: () => server.shutdown() });
    return server;
  };
  Object.assign(Deno, { serve: free });
  start = free;
}

const block = await import(pathToFileURL(file).href);
const handler = block.default?.fetch;
if (typeof handler === "function") start(handler.bind(block.default));

for (const server of running) {
  const response = await fetch(server.url);
  const text = await response.text();
  if (response.status >= 500) {
    throw new Error(`The server of this block answered ${response.status}: ${text}`);
  }
  await server.stop();
}

// What the block left unawaited may still fail; what never ends, such as an interval, is cut off.
setTimeout(() => process.exit(0), 300).unref();
process.on("exit", (code) => {
  if (code === 0) writeFileSync(proof, "");
});
