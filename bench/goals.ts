/** What we want to reach, and how far we are: the figures of issues 6 and 7, judged by the kept results. */

import { markdown, share, short } from "./markdown.ts";
import { contestsOf, find } from "./request_tables.ts";
import { type Results, type Runtime, runtimes, titles } from "./results.ts";
import type { Scenario } from "./subjects/subject.ts";

interface Goal {
  readonly what: string;
  readonly scenario: Scenario;
  /** What is wanted; `undefined` where a runtime has no such goal. */
  readonly wanted: Readonly<Record<Runtime, number>>;
  /** Whether less is better. */
  readonly isCost?: boolean;
  have(results: Results, runtime: Runtime): number | undefined;
}

const both = (value: number) => ({ bun: value, deno: value });

function ofLimit(scenario: Scenario, name: string, wanted: number): Goal {
  return {
    what: `${name}: share of the limit over HTTP`,
    scenario,
    wanted: both(wanted),
    have: (results, runtime) => find(results.figures("http", runtime), name, scenario)?.toLimit?.median,
  };
}

function ofBare(scenario: Scenario, name: string, bun: number, deno: number): Goal {
  return {
    what: `${name}: share of bare over HTTP`,
    scenario,
    wanted: { bun, deno },
    have: (results, runtime) => find(results.figures("http", runtime), name, scenario)?.toBare.median,
  };
}

function times(part: "process" | "http", scenario: Scenario, name: string, bun: number, deno: number): Goal {
  return {
    what: `${name}: times the best other one, ${part === "http" ? "over HTTP" : "in process"}`,
    scenario,
    wanted: { bun, deno },
    have: (results, runtime) =>
      contestsOf(results, part, runtime).find((one) => one.name === name && one.scenario === scenario)?.times,
  };
}

function untouched(name: string, wanted: number): Goal {
  return {
    what: `${name}: µs over bare in process`,
    scenario: "N",
    wanted: both(wanted),
    isCost: true,
    have: (results, runtime) => find(results.figures("process", runtime), name, "N")?.overBare?.median,
  };
}

const [memory, normal, full] = ["sojourn, memory", "sojourn, SQLite NORMAL", "sojourn, SQLite FULL"] as const;
const [redis, sealed] = ["sojourn, Redis", "sojourn, sealed cookie, seen"] as const;
const django = (scenario: Scenario, wanted: number): Goal => ({
  what: `${normal}: times Django's database sessions, in process`,
  scenario,
  wanted: both(wanted),
  have(results, runtime) {
    const mine = find(results.figures("process", runtime), normal, scenario)?.overBare?.median;
    const theirs = find(results.figures("django"), "Django, db (SQLite NORMAL)", scenario)?.overBare?.median;
    return mine === undefined || theirs === undefined ? undefined : theirs / mine;
  },
});
const worst = (what: string, wanted: number, have: Goal["have"]): Goal => ({
  what,
  scenario: "W",
  wanted: both(wanted),
  isCost: true,
  have,
});

const goals: readonly Goal[] = [
  untouched("sojourn, sync handler", 0.1),
  untouched("sojourn, async handler", 0.2),
  ofBare("N", "sojourn, sync handler", 0.95, 0.95),
  ofLimit("R", memory, 0.9),
  ofBare("R", memory, 0.65, 0.6),
  ofLimit("W", memory, 0.9),
  ofBare("W", memory, 0.6, 0.5),
  ofLimit("R", normal, 1),
  ofBare("R", normal, 0.62, 0.5),
  ofLimit("W", full, 5),
  ofBare("W", full, 0.22, 0.18),
  ofLimit("W", normal, 1.4),
  ofBare("W", normal, 0.32, 0.28),
  ofLimit("R", redis, 0.9),
  ofBare("R", redis, 0.4, 0.48),
  ofLimit("W", redis, 0.9),
  ofBare("W", redis, 0.28, 0.32),
  ofLimit("R", sealed, 0.9),
  ofBare("R", sealed, 0.6, 0.55),
  ofBare("W", sealed, 0.22, 0.11),
  times("process", "R", memory, 12, 12),
  times("process", "R", normal, 4, 4),
  times("process", "R", sealed, 5, 5),
  times("http", "R", memory, 2.5, 3.5),
  times("http", "R", normal, 2.5, 4),
  times("http", "W", normal, 2, 2),
  django("R", 25),
  django("W", 20),
  worst("the worst growth of memory, bytes per request", 1, (results, runtime) => {
    const all = results.figures("heap", runtime).map(({ bytesPerRequest }) => bytesPerRequest);
    return all.length === 0 ? undefined : Math.max(...all);
  }),
  worst("the worst p99 at half load over bare, ms", 2, (results, runtime) => {
    const figures = results.figures("half-load", runtime);
    const bare = figures.find(({ name }) => name === "bare");
    return bare && Math.max(...figures.map(({ p99 }) => p99.median - bare.p99.median)) / 1000;
  }),
];

/** Every goal: what is wanted and what is there; `✗` where it is missed. */
export function goalTable(results: Results): string {
  const rows = goals.map((goal) => {
    const cells = runtimes.map((runtime) => {
      const have = goal.have(results, runtime);
      if (have === undefined) return "–";
      const wanted = goal.wanted[runtime];
      const isReached = goal.isCost ? have <= wanted : have >= wanted;
      const shown = have >= 0.005 && have < 1 ? share(have) : short(have);
      return `${shown} (${goal.isCost ? "≤" : "≥"} ${wanted}) ${isReached ? "✓" : "✗"}`;
    });
    return [goal.what, goal.scenario, ...cells];
  });
  return markdown(["", "", ...runtimes.map((runtime) => titles[runtime])], rows, 2);
}
