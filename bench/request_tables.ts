/** The tables of requests, and of what else is measured with whole handlers. */

import type { RequestFigure } from "./figures.ts";
import { markdown, share, short } from "./markdown.ts";
import { type Results, type Runtime, runtimes, titles } from "./results.ts";
import type { Scenario } from "./subjects/subject.ts";
import type { Spread } from "./spread.ts";

const scenarios: readonly Scenario[] = ["N", "R", "W"];

/** A figure by name and scenario. */
export function find(
  figures: readonly RequestFigure[],
  name: string,
  scenario: Scenario,
): RequestFigure | undefined {
  return figures.find((one) => one.name === name && one.scenario === scenario);
}

/** `0.62 [0.58, 0.66]`. */
const withSpread = ({ median, min, max }: Spread, shown: (value: number) => string) =>
  `${shown(median)} [${shown(min)}, ${shown(max)}]`;

function names(figures: readonly RequestFigure[]): string[] {
  return [...new Set(figures.map(({ name }) => name))];
}

function table(figures: readonly RequestFigure[], cell: (figure: RequestFigure) => string): string {
  const rows = names(figures).filter((name) => name !== "bare").map((name) => {
    const limits = (["R", "W"] as const).map((scenario) => {
      const limit = find(figures, name, scenario)?.toLimit;
      return limit === undefined ? "–" : share(limit.median);
    });
    const cells = scenarios.map((scenario) => {
      const figure = find(figures, name, scenario);
      return figure === undefined ? "–" : cell(figure);
    });
    return [name, ...cells, ...limits];
  });
  return markdown(["", "N", "R", "W", "R of limit", "W of limit"], rows);
}

/** Requests per second over HTTP as shares of the bare handler's. */
export function overHttp(results: Results, runtime: Runtime): string {
  return table(results.figures("http", runtime), ({ toBare }) => withSpread(toBare, share));
}

/** Microseconds per request in process, over the bare handler. */
export function inProcess(results: Results, runtime: Runtime): string {
  const django = results.figures("django").filter(({ kind }) => kind === "peer");
  return table(
    [...results.figures("process", runtime), ...django],
    ({ overBare }) => withSpread(overBare!, short),
  );
}

/** What is compared with the best of the others: the same durability, the same runtime, the same run. */
const contests = [
  ["R", "sojourn, memory", "memory"],
  ["W", "sojourn, memory", "memory"],
  ["R", "sojourn, SQLite NORMAL", "SQLite"],
  ["W", "sojourn, SQLite NORMAL", "SQLite"],
  ["R", "sojourn, sealed cookie, seen", "cookie"],
  ["W", "sojourn, sealed cookie, seen", "cookie"],
] as const;

/** One of ours and the best of the others. */
export interface Contest {
  readonly scenario: Scenario;
  readonly name: string;
  readonly rival: string;
  /** How many times more requests per second, or how many times less time over the bare handler. */
  readonly times: number;
}

/** All contests of a part. */
export function contestsOf(results: Results, part: "process" | "http", runtime: Runtime): Contest[] {
  const figures = results.figures(part, runtime);
  // Over HTTP more is better, in process less
  const worth = ({ value, overBare }: RequestFigure) => part === "http" ? value.median : 1 / overBare!.median;
  return contests.flatMap(([scenario, name, keeps]) => {
    const mine = find(figures, name, scenario);
    // cookie-session's is signed only, and readable by anybody
    const others = figures.filter((one) =>
      one.kind === "peer" && one.scenario === scenario && one.keeps === keeps &&
      !one.name.startsWith("cookie-session") &&
      !one.name.endsWith("FULL")
    );
    if (mine === undefined || others.length === 0) return [];
    const best = others.reduce((a, b) => worth(b) > worth(a) ? b : a);
    return [{ scenario, name, rival: best.name, times: worth(mine) / worth(best) }];
  });
}

/** How many times faster than the best of the others, and than Django. */
export function rivals(results: Results): string {
  const rows = runtimes.flatMap((runtime) =>
    (["process", "http"] as const).flatMap((part) =>
      contestsOf(results, part, runtime).map(({ scenario, name, rival, times }) => [
        name,
        scenario,
        titles[runtime],
        part === "http" ? "over HTTP" : "in process",
        rival,
        `× ${short(times)}`,
      ])
    ).concat(djangoRows(results, runtime))
  );
  return markdown(["ours", "", "runtime", "", "the best other one", "faster"], rows, 5);
}

function djangoRows(results: Results, runtime: Runtime): string[][] {
  const figures = results.figures("process", runtime);
  return (["R", "W"] as const).flatMap((scenario) => {
    const mine = find(figures, "sojourn, SQLite NORMAL", scenario);
    const django = find(results.figures("django"), "Django, db (SQLite NORMAL)", scenario);
    if (mine === undefined || django === undefined) return [];
    const times = django.overBare!.median / mine.overBare!.median;
    return [[mine.name, scenario, titles[runtime], "in process", django.name, `× ${short(times)}`]];
  });
}

/** Response times at half of what the server can do. */
export function halfLoad(results: Results): string {
  const rows = runtimes.flatMap((runtime) => {
    const figures = results.figures("half-load", runtime);
    const bare = figures.find(({ name }) => name === "bare")?.p99.median ?? 0;
    return figures.map(({ name, scenario, peak, perSecond, p50, p99 }) => [
      name,
      scenario,
      titles[runtime],
      peak.toLocaleString("en"),
      Math.round(perSecond.median).toLocaleString("en"),
      (p50.median / 1000).toFixed(2),
      (p99.median / 1000).toFixed(2),
      ((p99.median - bare) / 1000).toFixed(2),
    ]);
  });
  const head = ["at most, requests/s", "loaded with", "p50, ms", "p99, ms", "p99 over bare, ms"];
  return markdown(["", "", "runtime", ...head], rows, 3);
}

/** What memory grows by. */
export function heap(results: Results): string {
  const [bun, deno] = runtimes.map((runtime) => results.figures("heap", runtime));
  const rows = (bun ?? []).map(({ name, scenario, requests, bytesPerRequest }) => {
    const other = deno?.find((one) => one.name === name && one.scenario === scenario);
    return [
      name,
      scenario,
      requests.toLocaleString("en"),
      bytesPerRequest.toFixed(2),
      other === undefined ? "–" : other.bytesPerRequest.toFixed(2),
    ];
  });
  return markdown(["", "", "requests", "Bun: bytes per request", "Deno: bytes per request"], rows, 2);
}

/** What turns data into bytes and back. */
export function serialization(results: Results): string {
  const all = runtimes.map((runtime) => results.figures("serialization", runtime));
  const sizes = [...new Set(all.flat().map(({ size }) => size))];
  const formats = [...new Set(all.flat().map(({ name }) => name))];
  const rows = formats.map((name) => [
    name,
    ...all.flatMap((figures) =>
      sizes.map((size) => {
        const found = figures.find((one) => one.name === name && one.size === size);
        return found === undefined ? "–" : `${short(found.encode.median)} + ${short(found.decode.median)}`;
      })
    ),
  ]);
  const sizeText = (size: number) => size < 1000 ? `${size} B` : `${size / 1000} KB`;
  const head = runtimes.flatMap((runtime) => sizes.map((size) => `${titles[runtime]}: ${sizeText(size)}`));
  return markdown(["encode + decode, µs", ...head], rows);
}
