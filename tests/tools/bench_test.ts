/** The bench itself: what it makes of figures, and that its subjects do what they are measured for. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, describe, it } from "node:test";
import { charts, requestChart } from "../../bench/charts.ts";
import { fill } from "../../bench/documents.ts";
import type { RequestFigure } from "../../bench/figures.ts";
import { markdown, rounded, share, short } from "../../bench/markdown.ts";
import { overHttp } from "../../bench/request_tables.ts";
import { Results, writeResult } from "../../bench/results.ts";
import { spread } from "../../bench/spread.ts";
import { clearing, lists } from "../../bench/store_tables.ts";
import { byHand } from "../../bench/subjects/by_hand.ts";
import { callListener } from "../../bench/subjects/node_request.ts";
import { sojourn } from "../../bench/subjects/ours.ts";
import { prove, visitors } from "../../bench/subjects/visitors.ts";

const folder = mkdtempSync(`${tmpdir()}/sojourn-bench-test-`);
after(() => rmSync(folder, { recursive: true, force: true }));

const ones = { median: 1, min: 1, max: 1 };
const tag = {
  runtime: "Bun 1",
  at: "2026-01-02T00:00:00Z",
  machine: "one",
  versions: {},
  depth: "full",
  rounds: 3,
};
const figure: RequestFigure = {
  name: "ours & <theirs>",
  kind: "ours",
  scenario: "R",
  value: { median: 50_000, min: 40_000, max: 60_000 },
  toBare: { median: 0.5, min: 0.4, max: 0.6 },
  toLimit: { median: 1.25, min: 1.2, max: 1.3 },
};

describe("figures", () => {
  it("a spread is the median, the least and the most, whatever the order and the number", () => {
    assert.deepEqual(spread([3, 1, 10]), { median: 3, min: 1, max: 10 });
    assert.deepEqual(spread([4, 1, 2, 10]), { median: 3, min: 1, max: 10 });
  });

  it("numbers are shown with as many digits as they are worth", () => {
    assert.deepEqual([rounded(0.4), rounded(123_456), rounded(4.44)], ["< 1", "120,000", "4.4"]);
    assert.deepEqual([short(0), short(0.123), short(4.44), short(44.4), short(4444)], [
      "0",
      "0.12",
      "4.4",
      "44",
      "4,400",
    ]);
    assert.deepEqual([share(0.0123), share(0.456)], ["0.012", "0.46"]);
  });

  it("a table is as the formatter leaves it", () => {
    const table = markdown(["", "µs"], [["a longer name", "1"], ["b", "1,000"]]);
    assert.equal(
      table,
      "|               |    µs |\n| ------------- | ----: |\n| a longer name |     1 |\n| b             | 1,000 |",
    );
  });

  it("what is written is found again, and told in tables and charts", () => {
    writeResult(`${folder}/http-bun.json`, {
      ...tag,
      figures: [{ ...figure, name: "bare", toBare: ones }, figure],
    });
    const results = new Results(folder);
    assert.match(
      overHttp(results, "bun"),
      /\| ours & <theirs> +\| +– \| 0\.50 \[0\.40, 0\.60\] \| +– \| +1\.25 \| +– \|/,
    );
    assert.equal(overHttp(results, "deno"), "");
    assert.match(results.origin("http"), /bench full http` on 2026-01-02, 3 rounds: one; Bun 1\.$/);
    const chart = requestChart(results.figures("http", "bun"), "R", { title: "T", subtitle: "S" });
    assert.match(chart, /ours &#38; &#60;theirs&#62;/);
    assert.match(chart, />50k\/s \(0\.50\)</);
    const small = Object.fromEntries(charts(results, "bun"))["http-r-few"]!;
    assert.doesNotMatch(small, /theirs/);
  });

  it("lists and clearing are told runtime by runtime", () => {
    const listing = { name: "a store", p50: 12, p99: 34 };
    writeResult(`${folder}/lists-deno.json`, {
      ...tag,
      figures: [0, 1_000, 70_000].map((foreign) => ({ ...listing, foreign, p50: 12 + foreign / 10_000 })),
    });
    const latencies = (p99: number) => ({ answers: 100, p50: 1.5, p99, most: 50 });
    writeResult(`${folder}/housekeeping-bun.json`, {
      ...tag,
      figures: [{ records: 50_000, rate: 200, seconds: 5, before: latencies(7), during: latencies(9) }],
    });
    const results = new Results(folder);
    assert.match(lists(results), /\| a store +\| Deno +\| +12 \| +12 \| +19 \| +70,000 \|$/);
    assert.match(
      clearing(results),
      /\| Bun +\| +50,000 \| +10,000 \| +1\.5 ms \| +1\.5 ms \| +7\.0 ms \| +9\.0 ms \|$/,
    );
  });
});

describe("documents", () => {
  const empty = new Results(`${folder}/nothing`);
  const block = (name: string, text = "") =>
    `before\n<!-- bench:${name} -->\n${text}<!-- /bench -->\nafter\n`;

  it("a block is filled, whatever stood in it", () => {
    const filled = block("lists", "\nNot measured yet.\n\n");
    assert.equal(fill("a.md", block("lists"), empty), filled);
    assert.equal(fill("a.md", block("lists", "something old\n"), empty), filled);
  });

  it("a block that nothing fills is an error", () => {
    assert.throws(() => fill("a.md", block("nonsense"), empty), /a\.md asks for an unknown table: nonsense/);
    const open = "<!-- bench:lists -->\n" + block("clearing");
    assert.throws(() => fill("a.md", open, empty), /a\.md asks for 2 tables, and has room for 1/);
  });
});

describe("subjects", () => {
  const around = { path: () => `${folder}/${crypto.randomUUID()}`, redisPort: undefined };
  for (const subject of [...byHand(undefined), ...sojourn(undefined)]) {
    if (subject.kind === "bare" || subject.absent !== undefined || subject.only?.[0] === "N") continue;
    it(`${subject.name}: keeps what was written, and shows it`, async () => {
      const { handlers, close } = await subject.open(around);
      try {
        await prove(subject.name, handlers);
        const cookies = await visitors(handlers, 3);
        assert.equal(new Set(cookies).size, 3);
      } finally {
        await close?.();
      }
    });
  }

  it("one that forgets is found out", async () => {
    const never = () => new Response("undefined");
    await assert.rejects(prove("forgetful", { N: never, R: never, W: never }), /forgetful answers/);
  });

  it("a listener of node:http is called with a cookie and may set some", async () => {
    const handler = callListener((request, response) => {
      response.setHeader("Set-Cookie", ["a=1", "b=2"]);
      response.end(request.headers.cookie);
    });
    const response = await handler(new Request("http://localhost/", { headers: { cookie: "c=3" } }));
    assert.deepEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
    assert.equal(await response.text(), "c=3");
  });
});
