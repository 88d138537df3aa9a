/**
 * Measures what memory grows by when a fixed number of visitors sends very many requests: bytes per request, after collecting garbage,
 * between the end of a tenth of them and the end. JSON on stdout. `heap.ts REQUESTS`
 */

import process from "node:process";
import type { HeapFigure } from "./figures.ts";
import { allSubjects, openAll, redisPort } from "./subjects/all.ts";
import { type Handler, onBun, type Scenario } from "./subjects/subject.ts";
import { requestOf, visitors } from "./subjects/visitors.ts";

const all = Number(process.argv[2] ?? "1000000");
/** Those that are in this process altogether. A million writes to SQLite would take longer than they tell. */
const measured: readonly (readonly [string, readonly Scenario[]])[] = [
  ["bare", ["N"]],
  ["sojourn, sync handler", ["N"]],
  ["sojourn, memory", ["R", "W"]],
  ["sojourn, SQLite NORMAL", ["R", "W"]],
  ["sojourn, sealed cookie, seen", ["R"]],
];

/** The bytes that are in use once everything that can be freed is. */
async function used(): Promise<number> {
  const { Bun, gc } = globalThis as { Bun?: { gc(force: boolean): void }; gc?: () => void };
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (Bun) Bun.gc(true);
    else gc?.();
  }
  if (!onBun) return process.memoryUsage().heapUsed;
  const { heapStats } = await import("bun:jsc" as string);
  return heapStats().heapSize;
}

/** As many in flight as a busy server has. */
async function send(handler: Handler, cookies: readonly string[], count: number): Promise<void> {
  const inFlight = 32;
  for (let i = 0; i < count; i += inFlight) {
    const answers: (Response | Promise<Response>)[] = [];
    for (let n = i; n < i + inFlight; n++) answers.push(handler(requestOf(cookies[n % cookies.length]!)));
    for (const answer of answers) if (answer instanceof Promise) await answer;
  }
}

const figures: HeapFigure[] = [];
const { subjects, close } = await openAll(
  allSubjects(redisPort).filter(({ name }) => measured.some(([wanted]) => wanted === name)),
);
for (const [name, scenarios] of measured) {
  const { opened } = subjects.find(({ subject }) => subject.name === name)!;
  const cookies = await visitors(opened.handlers, 64);
  for (const scenario of scenarios) {
    const requests = name.includes("SQLite") && scenario === "W" ? all / 10 : all;
    const first = requests / 10;
    await send(opened.handlers[scenario], cookies, first);
    const before = await used();
    await send(opened.handlers[scenario], cookies, requests - first);
    const bytes = (await used() - before) / (requests - first);
    figures.push({ name, scenario, requests, bytesPerRequest: Number(bytes.toFixed(3)) });
  }
}
await close();
process.stdout.write(`\n${JSON.stringify({ rounds: 1, figures })}`);
process.exit(0);
