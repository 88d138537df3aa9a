/** Measures handlers in this process, without sockets: microseconds per request, interleaved rounds, medians. JSON on stdout. */

import process from "node:process";
import { type Handler, type Scenario, subjects } from "./subjects.ts";

const rounds = Number(process.argv[2] ?? 9);
const scenarios: readonly Scenario[] = ["N", "R", "W"];

/** A figure for one subject in one scenario, in microseconds. */
export interface Figure {
  readonly name: string;
  readonly scenario: Scenario;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Requests are made beforehand: their cost is not what is measured. */
function requests(count: number, cookie: string): Request[] {
  const headers = cookie === "" ? undefined : { cookie };
  return Array.from({ length: count }, () => new Request("http://localhost/", headers && { headers }));
}

/** The cookie after two requests, as a client would have it. */
async function visit(handler: Handler): Promise<string> {
  let cookie = "";
  for (let i = 0; i < 2; i++) {
    const response = await handler(requests(1, cookie)[0]!);
    const field = response.headers.getSetCookie()[0];
    if (field !== undefined) cookie = field.split(";", 1)[0]!;
  }
  return cookie;
}

/** One round: microseconds per request, one after the other. A sealed cookie is carried on, as a browser does. */
async function round(handler: Handler, cookie: string, count: number): Promise<number> {
  const all = requests(count, cookie);
  const start = performance.now();
  for (const request of all) {
    const answer = handler(request);
    if (answer instanceof Promise) await answer;
  }
  return (performance.now() - start) * 1000 / count;
}

const figures: Figure[] = [];
for (const scenario of scenarios) {
  const all = [];
  for (const subject of await subjects()) {
    const handler = subject.handler(scenario);
    const cookie = await visit(handler);
    const once = await round(handler, cookie, 200);
    // About 20 ms a round, whatever the subject costs.
    all.push({
      subject,
      handler,
      cookie,
      count: Math.min(10_000, Math.max(50, Math.round(20_000 / once))),
      times: [] as number[],
    });
  }
  for (let i = 0; i < rounds + 2; i++) {
    for (const one of all) {
      const time = await round(one.handler, one.cookie, one.count);
      if (i >= 2) one.times.push(time);
    }
  }
  for (const { subject, times } of all) {
    const sorted = times.sort((a, b) => a - b);
    figures.push({
      name: subject.name,
      scenario,
      median: sorted[Math.floor(sorted.length / 2)]!,
      min: sorted[0]!,
      max: sorted.at(-1)!,
    });
  }
}
process.stdout.write(JSON.stringify(figures));
process.exit(0);
