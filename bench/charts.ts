/** Bar charts as SVG, legible on light and on dark pages. */

import type { RequestFigure } from "./figures.ts";
import { share, short } from "./markdown.ts";
import { contestsOf } from "./request_tables.ts";
import { type Results, type Runtime, titles } from "./results.ts";
import type { Scenario } from "./subjects/subject.ts";

const width = 760;
const [nameWidth, barWidth, rowHeight, top] = [250, 360, 22, 64];

/** A chart brings its own page: an image is not told whether it is shown on a light or on a dark one. */
const style = `.page { fill: #ffffff; }
text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
.title { font-size: 15px; font-weight: 600; }
.name { text-anchor: end; }
.own { font-weight: 600; }
.figure { font-variant-numeric: tabular-nums; }
.bare { fill: #6e7781; }
.limit { fill: #afb8c1; }
.ours { fill: #0969da; }
.peer { fill: #bc4c00; }
.spread { stroke: #1f2328; fill: none; }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117; }
text { fill: #e6edf3; }
.bare { fill: #8b949e; }
.limit { fill: #6e7681; }
.ours { fill: #2f81f7; }
.peer { fill: #db6d28; }
.spread { stroke: #e6edf3; }
}`;

const escape = (text: string) => text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);

/** What a chart says above its bars. */
export interface Heading {
  readonly title: string;
  readonly subtitle: string;
}

/** The charts of one runtime: everything in R and in W; and of R ours and their best rivals, for where there is little room. */
export function charts(results: Results, runtime: Runtime): [name: string, chart: string][] {
  const result = results.get("http", runtime);
  if (result === undefined) return [];
  const spread = result.rounds === 1 ? "One round" : `Median of ${result.rounds} rounds, least and most`;
  const chart = (scenario: Scenario, what: string, isShown: (name: string) => boolean = () => true) =>
    requestChart(result.figures.filter(({ name }) => isShown(name)), scenario, {
      title: `Requests per second on ${titles[runtime]}, ${what}`,
      subtitle: `${spread}; in brackets the share of a handler without sessions`,
    });
  const few = new Set(["bare", "sojourn, Redis"]);
  for (const { name, rival } of contestsOf(results, "http", runtime)) few.add(name).add(rival);
  return [
    ["http-r", chart("R", "one value read")],
    ["http-w", chart("W", "one value read and one written")],
    ["http-r-few", chart("R", "one value read", (name) => few.has(name))],
  ];
}

/** Requests per second of everything in one scenario, most first, with the least and the most of the rounds. */
export function requestChart(
  figures: readonly RequestFigure[],
  scenario: Scenario,
  { title, subtitle }: Heading,
): string {
  const bars = figures.filter((one) =>
    one.scenario === scenario && !/^(Hono|h3|node:http|Express), bare$/.test(one.name)
  )
    .toSorted((a, b) => b.value.median - a.value.median);
  const largest = Math.max(...bars.map(({ value }) => value.max));
  const x = (value: number) => Number((nameWidth + value / largest * barWidth).toFixed(1));
  const rows = bars.map(({ name, kind, value, toBare }, i) => {
    const y = top + i * rowHeight;
    const middle = y + 8;
    const label = `${perSecond(value.median)} (${share(toBare.median)})`;
    const [left, right] = [x(value.min), x(value.max)];
    const length = Math.max(1, x(value.median) - nameWidth).toFixed(1);
    return [
      `<text x="${nameWidth - 8}" y="${y + 12}" class="name${kind === "ours" ? " own" : ""}">${
        escape(name)
      }</text>`,
      `<rect x="${nameWidth}" y="${y}" width="${length}" height="16" rx="2" class="${kind}"/>`,
      `<path d="M${left} ${middle}H${right}M${left} ${middle - 3}v6M${right} ${
        middle - 3
      }v6" class="spread"/>`,
      `<text x="${Math.max(right, x(value.median)) + 6}" y="${y + 12}" class="figure">${label}</text>`,
    ].join("\n");
  });
  const height = top + bars.length * rowHeight + 12;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${
    escape(title)
  }">
<style>
${style}
</style>
<rect width="100%" height="100%" rx="6" class="page"/>
<text x="12" y="24" class="title">${escape(title)}</text>
<text x="12" y="44">${escape(subtitle)}</text>
${rows.join("\n")}
</svg>
`;
}

function perSecond(value: number): string {
  return value >= 10_000
    ? `${Math.round(value / 1000)}k/s`
    : value >= 1_000
    ? `${(value / 1000).toFixed(1)}k/s`
    : `${short(value)}/s`;
}
