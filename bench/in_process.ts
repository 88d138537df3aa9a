/**
 * Measures handlers in this process, without sockets: microseconds per request, one after the other, interleaved rounds. JSON on
 * stdout. `in_process.ts ROUNDS [cpu] [part of a subject's name]…`; with `cpu` it is the process's own time on all cores that counts: for
 * comparing two versions on a machine that is busy with other things.
 */

import process from "node:process";
import { allSubjects, chosen, openAll, redisPort } from "./subjects/all.ts";
import { type Handler, type Opened, type Scenario, scenarios, type Subject } from "./subjects/subject.ts";
import { prove, requestOf, visitors } from "./subjects/visitors.ts";
import { spread } from "./spread.ts";
import type { RequestFigure } from "./figures.ts";

const [rounds = "31", ...words] = process.argv.slice(2);
const wanted = words.filter((word) => word !== "cpu");
const clock = words.includes("cpu") ? ownTime : () => performance.now() * 1000;

/** Microseconds that this process has used. */
function ownTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Short, so that what a subject is compared with was measured next to it; the median stands for many. */
const roundTime = 5;
const most = 5_000;

/** One round: microseconds per request. Requests are made beforehand: their cost is not what is measured. */
async function round(handler: Handler, of: Ready, count: number): Promise<number> {
  const { cookies } = of;
  const all = Array.from({ length: count }, () => requestOf(cookies[of.from++ % cookies.length]!));
  const start = clock();
  for (const request of all) {
    const answer = handler(request);
    if (answer instanceof Promise) await answer;
  }
  return (clock() - start) / count;
}

/** As many requests as a round has room for. */
async function countOf(handler: Handler, of: Ready): Promise<number> {
  const first = await round(handler, of, 5);
  const once = await round(handler, of, Math.max(5, Math.min(1_000, Math.round(5_000 / first))));
  return Math.min(most, Math.max(4, Math.round(roundTime * 1000 / once)));
}

interface Ready {
  readonly subject: Subject;
  readonly opened: Opened;
  readonly cookies: readonly string[];
  /** Whose turn it is; it goes on from scenario to scenario, so that who was never seen stays so. */
  from: number;
}

interface Running {
  readonly of: Ready;
  readonly handler: Handler;
  readonly count: number;
  readonly times: number[];
}

const { subjects, close } = await openAll(chosen(allSubjects(redisPort), wanted, false));
const ready: Ready[] = [];
for (const { subject, opened } of subjects) {
  if (subject.kind !== "bare") await prove(subject.name, opened.handlers);
  ready.push({ subject, opened, cookies: await visitors(opened.handlers, subject.visitors ?? 256), from: 0 });
}
const figures: RequestFigure[] = [];
for (const scenario of scenarios) {
  const all: Running[] = [];
  for (const of of ready) {
    const { subject, opened } = of;
    if (subject.only && !subject.only.includes(scenario)) continue;
    const handler = opened.handlers[scenario];
    all.push({ of, handler, count: await countOf(handler, of), times: [] });
  }
  for (let i = 0; i < Number(rounds) + 1; i++) {
    for (const { of, handler, count, times } of all) {
      const time = await round(handler, of, count);
      if (i > 0) times.push(time);
    }
  }
  const timesOf = (name: string) => all.find(({ of }) => of.subject.name === name)?.times;
  for (const { of, times } of all) figures.push(figureOf(of.subject, scenario, times, timesOf));
}
await close();
process.stdout.write(
  `\n${JSON.stringify({ rounds: Number(rounds), clock: words.includes("cpu") ? "cpu" : "wall", figures })}`,
);
process.exit(0);

/** The medians of what was taken, and of the ratios round by round: the machine's drift is in both parts of a ratio. */
function figureOf(
  subject: Subject,
  scenario: Scenario,
  times: readonly number[],
  timesOf: (name: string) => readonly number[] | undefined,
): RequestFigure {
  const bare = timesOf(subject.bare ?? "bare")!;
  const limit = subject.limit === undefined ? undefined : timesOf(subject.limit);
  return {
    name: subject.name,
    kind: subject.kind,
    ...(subject.keeps === undefined ? {} : { keeps: subject.keeps }),
    scenario,
    value: spread(times),
    overBare: spread(times.map((time, i) => time - bare[i]!)),
    toBare: spread(times.map((time, i) => bare[i]! / time)),
    ...(limit === undefined ? {} : { toLimit: spread(times.map((time, i) => limit[i]! / time)) }),
  };
}
