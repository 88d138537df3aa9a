/**
 * Serves one subject: each scenario on a port of its own. Says where, and with which cookies visitors come, as one line of JSON on
 * stdout, and ends with its standard input. `server.ts NAME`
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { serve } from "../examples/demo/serve.ts";
import { allSubjects, openAll, redisPort } from "./subjects/all.ts";
import { type Handler, type Listener, type Scenario, scenarios } from "./subjects/subject.ts";
import { prove, requestOf, visitors } from "./subjects/visitors.ts";

/** What this program says of itself. */
export interface Serving {
  readonly ports: Readonly<Record<Scenario, number>>;
  readonly cookies: readonly string[];
}

function serveNode(listener: Listener): Promise<number> {
  const server = createServer(listener);
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

/** What the compiler needs to see before figures are taken: some hundred milliseconds of each scenario. */
async function warm(handler: Handler, cookies: readonly string[]): Promise<void> {
  const start = performance.now();
  for (let i = 0; performance.now() - start < 150; i++) {
    await handler(requestOf(cookies[i % cookies.length]!));
  }
}

/** Visits through the real server, for subjects that work with nothing else. */
function over(ports: Readonly<Record<Scenario, number>>): Record<Scenario, Handler> {
  const handler = (scenario: Scenario): Handler => async (request) => {
    const cookie = request.headers.get("cookie");
    return await fetch(
      `http://127.0.0.1:${ports[scenario]}/`,
      cookie === null ? {} : { headers: { cookie } },
    );
  };
  return { N: handler("N"), R: handler("R"), W: handler("W") };
}

if (import.meta.main) {
  const name = process.argv[2]!;
  const { subjects, close } = await openAll(allSubjects(redisPort).filter((one) => one.name === name));
  const { subject, opened } = subjects[0]!;
  const ports = {} as Record<Scenario, number>;
  for (const scenario of scenarios) {
    ports[scenario] = opened.listeners
      ? await serveNode(opened.listeners[scenario])
      : serve(opened.handlers[scenario], 0).port;
  }
  const handlers = opened.listeners ? over(ports) : opened.handlers;
  if (subject.kind !== "bare") await prove(name, handlers);
  const cookies = await visitors(handlers, subject.visitors ?? 256);
  for (const scenario of scenarios) await warm(handlers[scenario], cookies);
  process.stdout.write(`${JSON.stringify({ ports, cookies } satisfies Serving)}\n`);
  process.stdin.on("data", () => {}).on("end", async () => {
    await close();
    process.exit(0);
  });
}
