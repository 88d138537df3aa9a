/**
 * `deno task campaign [plan…]`: runs the plans of faults with their full figures on both runtimes and writes docs/campaign.md.
 *
 * A plan is given by its letter or number: `S`, `R3`. `short` runs the short forms, `--dry` writes nothing; what was found of other plans before stays on the page. A plan that is no
 * campaign of its own is a test with its number in its name: those tests are run and counted. `SOJOURN_SEED` repeats a run;
 * `SOJOURN_SOAK` is the length of G4 in seconds.
 */

import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Outcome, readJunit } from "./junit.ts";
import { bun, deno, installBun, root } from "./project.ts";
import { run } from "./run.ts";

/** A line of `tests/faults/run.ts`. */
interface Row {
  readonly runtime: string;
  readonly id: string;
  readonly title: string;
  readonly runs: number;
  readonly lost: number;
  readonly torn: number;
  readonly back: number;
  readonly unreadable: number;
  readonly seed: number;
  readonly seconds: number;
  readonly date: string;
  readonly isShort: boolean;
  readonly notes: readonly string[];
  readonly problems: readonly string[];
}

/** What was found before: plans that are not run again stay on the page. */
interface Known {
  readonly rows: readonly Row[];
  readonly tests: Readonly<Record<string, readonly Outcome[]>>;
}

const memory = `${root}/docs/campaign.json`;
const wanted = Deno.args.filter((word) => !word.startsWith("--") && word !== "short");
const isShort = Deno.args.includes("short");
const lanes = [
  { runtime: "Deno", command: [deno, "run", "-A", "--unstable-kv", "--no-check"] },
  { runtime: "Bun", command: [bun] },
] as const;

/** Runs the plans on one runtime; those that mostly wait run beside each other. */
function perform(runtime: string, command: readonly string[], seed: number): Promise<Row[]> {
  const [program, ...before] = command;
  const words = [...(isShort ? ["short"] : []), ...wanted];
  const child = spawn(program!, [...before, `${root}/tests/faults/run.ts`, "4", ...words], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...Deno.env.toObject(), SOJOURN_SEED: String(seed) },
  });
  const rows: Row[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    const date = new Date().toISOString().slice(0, 10);
    const row = { runtime, date, isShort, ...JSON.parse(line) } as Row;
    rows.push(row);
    console.log(`${runtime} ${row.id}: ${isClean(row) ? "ok" : "FAILED"}, ${row.seconds.toFixed(0)} s`);
    for (const problem of row.problems) console.log(`    ${problem}`);
  });
  return new Promise((resolve) => child.on("close", () => resolve(rows)));
}

function isClean(row: Row): boolean {
  return row.lost + row.torn + row.back + row.unreadable + row.problems.length === 0 && row.runs > 0;
}

const planPattern = /\b([FSKRCG]\d{1,2})\b/g;

/** The plans that a test's name says it belongs to. */
function plansOf({ name }: Outcome): string[] {
  return [...name.matchAll(planPattern)].map(([, plan]) => plan!);
}

/** The files with tests of plans, outside of the campaign. */
function planTests(): string[] {
  return readdirSync(`${root}/tests`, { recursive: true, encoding: "utf8" }).sort()
    .filter((name) => name.endsWith("_test.ts") && !name.startsWith("faults/"))
    .filter((name) =>
      /\bit\(\s*[`"'][^`"']*\b[FSKRC]\d\b/.test(readFileSync(`${root}/tests/${name}`, "utf8"))
    )
    .map((name) => `${root}/tests/${name}`);
}

async function runTests(runtime: string): Promise<Outcome[]> {
  const folder = await Deno.makeTempDir({ prefix: "sojourn-campaign-" });
  const report = `${folder}/report.xml`;
  const command = runtime === "Deno"
    ? [deno, "test", "-A", "--no-check", `--junit-path=${report}`]
    : [bun, "test", "--timeout=60000", "--reporter=junit", `--reporter-outfile=${report}`];
  await run([...command, ...planTests()], { limit: 400, log: `${folder}/log`, cwd: root });
  const { tests } = readJunit(readFileSync(report, "utf8"));
  await Deno.remove(folder, { recursive: true });
  return tests.filter((test) => plansOf(test).length > 0);
}

function table(head: readonly string[], rows: readonly (readonly unknown[])[]): string[] {
  return [`| ${head.join(" | ")} |`, `| ${head.map(() => "---").join(" | ")} |`].concat(
    rows.map((row) => `| ${row.join(" | ")} |`),
  );
}

const byPlan = (a: string, b: string) =>
  "FSKRHCG".indexOf(a[0]!) - "FSKRHCG".indexOf(b[0]!) || a.localeCompare(b);

async function version(command: readonly string[]): Promise<string> {
  const { stdout } = await new Deno.Command(command[0]!, { args: command.slice(1), stderr: "null" }).output();
  return new TextDecoder().decode(stdout).trim().split("\n")[0]!;
}

async function page(
  rows: readonly Row[],
  tests: Readonly<Record<string, readonly Outcome[]>>,
): Promise<string> {
  const sorted = [...rows].sort((a, b) => byPlan(a.id, b.id) || b.runtime.localeCompare(a.runtime));
  const plans = [...new Set(Object.values(tests).flat().flatMap(plansOf))].sort(byPlan);
  const counted = plans.map((plan) => [
    plan,
    ...lanes.map(({ runtime }) => {
      const own = (tests[runtime] ?? []).filter((test) => plansOf(test).includes(plan));
      const count = (state: Outcome["state"]) => own.filter((test) => test.state === state).length;
      const rest = [["failed", count("failed")], ["skipped", count("skipped")]].filter(([, n]) => n);
      return [`${count("passed")} passed`, ...rest.map(([word, n]) => `${n} ${word}`)].join(", ");
    }),
  ]);
  const versions = [
    await version([deno, "--version"]),
    `bun ${await version([bun, "--version"])}`,
    (await version(["redis-server", "--version"]).catch(() => "no redis")).split(" ").slice(0, 3).join(" "),
    `${Deno.build.os} ${Deno.osRelease()}`,
  ];
  return [
    "# The fault campaign",
    "",
    "Generated by `deno task campaign`; a run with the same seed makes the same choices. A worker process acknowledges each",
    "operation in a line, a fault is made at a random time, and a reader compares what is stored with what was acknowledged:",
    "**lost** values that are missing, **torn** ones that are wrong in themselves, sessions that are **back** from the dead,",
    "**unreadable** records. Workers run on both runtimes by turns; the runtime in the table is the reader's. One run of F1, S1,",
    "S2, S6, K1, R2 and R3 is one kill; the figures of the specification (200 kills, 10,000 updates) are those of both readers together.",
    "One run of H1 is one random history of log-outs, rotations, log-ins, writes, revocations and expiry at three processes, judged by",
    "what was answered; one of H2 is one of the sessions that get new ids all the time while all sessions of their user are ended.",
    "",
    `${new Date().toISOString().slice(0, 10)}, ${versions.join(", ")}, ${
      isShort ? "short form" : "full figures"
    }.`,
    "",
    ...table(
      ["plan", "", "reader", "runs", "lost", "torn", "back", "unreadable", "seed", "date", "result"],
      sorted.map((row) => [
        row.id,
        row.title,
        row.runtime,
        row.runs,
        row.lost,
        row.torn,
        row.back,
        row.unreadable,
        row.seed,
        row.date + (row.isShort ? ", short" : ""),
        isClean(row) ? "ok" : row.problems.map((words) => words.split("\n")[0]).join("; ") || "failed",
      ]),
    ),
    "",
    "What was measured besides:",
    "",
    ...sorted.filter(({ notes }) => notes.length).map(({ id, runtime, notes }) =>
      `- ${id}, ${runtime}: ${notes.join("; ")}`
    ),
    "",
    "## Plans that are tests",
    "",
    ...(counted.length > 0 ? [] : ["Not run with these figures; they are part of `deno task test`.", ""]),
    "These are exact where the campaign is random: every call of a disk in memory fails, is the last one before a kill, or before",
    "a loss of power (F1, F2, F9); every commit of Deno KV fails; every bit of a cookie is changed.",
    "",
    ...table(["plan", ...lanes.map(({ runtime }) => `tests on ${runtime}`)], counted),
    "",
    "## What is not shown",
    "",
    "- A kill does not take away what the operating system had not yet written to the disk. Loss of power is shown for files on a",
    "  disk in memory that forgets what was not synced (F2). For SQLite (S10) the tests hold every connection to `synchronous=FULL`",
    "  and the rest is left to SQLite's own crash tests.",
    "- With `appendfsync everysec` a killed Redis may forget what it acknowledged in its last two seconds, log-outs too: while the disk",
    "  is busy it answers before it hands its log to the system. R3 counts that; with `always` nothing is lost.",
    "- Without its write-ahead log an SQLite database is back at its last checkpoint, and nobody can tell (S6 wal): values are",
    "  missing, and what was ended may be back, but no value is a mixture. Never remove that file.",
    "- Deno KV as a remote service is not here; K5 stands in a client that rejects, hangs and throws.",
    "- G4 here is a minute per store, or more where three rounds of 4,096 new ids take longer, a third of it to warm up.",
    "  `SOJOURN_SOAK=3600 deno task campaign G4` is the hour of a release.",
    "",
  ].join("\n");
}

await installBun();
const seed = Number(Deno.env.get("SOJOURN_SEED") ?? Date.now() % 2 ** 31);
console.log(`SOJOURN_SEED=${seed}`);
const started = performance.now();
const rows: Row[] = [];
const tests: Record<string, Outcome[]> = {};
for (const { runtime, command } of lanes) {
  rows.push(...await perform(runtime, command, seed));
  if (wanted.length > 0) continue;
  tests[runtime] = (await runTests(runtime)).map(({ name, state, message }) => ({ name, state, message }));
  const failed = tests[runtime]!.filter(({ state }) => state === "failed");
  console.log(`${runtime}: ${tests[runtime]!.length} tests of plans, ${failed.length} failed`);
  for (const { name, message } of failed) console.log(`    ${name}\n${message}`);
}
if (!Deno.args.includes("--dry")) {
  const isNew = ({ id, runtime }: Row) => !rows.some((row) => row.id === id && row.runtime === runtime);
  const known: Known = existsSync(memory)
    ? JSON.parse(readFileSync(memory, "utf8"))
    : { rows: [], tests: {} };
  const all = { rows: [...known.rows.filter(isNew), ...rows], tests: { ...known.tests, ...tests } };
  writeFileSync(memory, `${JSON.stringify(all, null, 1)}\n`);
  writeFileSync(`${root}/docs/campaign.md`, await page(all.rows, all.tests));
  await new Deno.Command(deno, { args: ["fmt", "-q", memory, `${root}/docs/campaign.md`] }).output();
}
const failures = rows.filter((row) => !isClean(row)).length +
  Object.values(tests).flat().filter(({ state }) => state === "failed").length;
console.log(
  `${rows.length} plans, ${failures} failures, ${
    ((performance.now() - started) / 60_000).toFixed(1)
  } minutes`,
);
Deno.exit(failures > 0 ? 1 : 0);
