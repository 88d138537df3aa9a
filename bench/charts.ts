/** Bar charts as SVG, legible on light and on dark pages. */

import type { RequestFigure } from "./figures.ts";
import { share, short } from "./markdown.ts";
import type { Scenario } from "./subjects/subject.ts";

/** Each can be read on white and on black: which of them a page is, its images do not always learn. */
const colours = { bare: "#8c959f", limit: "#8c959f", ours: "#1f7ae0", peer: "#d9822b" };
const width = 760;
const [nameWidth, barWidth, rowHeight, top] = [250, 360, 22, 64];

const escape = (text: string) => text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);

/** What a chart says above its bars. */
export interface Heading {
  readonly title: string;
  readonly subtitle: string;
}

/** Requests per second of everything in one scenario, most first, with the least and the most of the rounds. */
export function requestChart(
  figures: readonly RequestFigure[],
  scenario: Scenario,
  heading: Heading,
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
    return [
      `<text x="${nameWidth - 8}" y="${y + 12}" text-anchor="end"${
        kind === "ours" ? ' font-weight="600"' : ""
      }>${escape(name)}</text>`,
      `<rect x="${nameWidth}" y="${y}" width="${
        Math.max(1, x(value.median) - nameWidth).toFixed(1)
      }" height="16" rx="2" fill="${colours[kind]}"${kind === "limit" ? ' fill-opacity="0.45"' : ""}/>`,
      `<path d="M${left} ${middle}H${right}M${left} ${middle - 3}v6M${right} ${
        middle - 3
      }v6" class="spread"/>`,
      `<text x="${Math.max(right, x(value.median)) + 6}" y="${y + 12}" class="figure">${label}</text>`,
    ].join("\n");
  });
  const height = top + bars.length * rowHeight + 12;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${
    escape(heading.title)
  }">
<style>
text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #6e7681; }
.title { font-size: 15px; font-weight: 600; }
.figure { font-variant-numeric: tabular-nums; }
.spread { stroke: #6e7681; stroke-width: 1; fill: none; }
</style>
<text x="8" y="22" class="title">${escape(heading.title)}</text>
<text x="8" y="42">${escape(heading.subtitle)}</text>
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
