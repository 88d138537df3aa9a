/**
 * `deno task test [what…]`: runs the tests on Deno and on Bun, side by side, and ends with the sum of both lanes.
 *
 * `what` is the path of a file or folder, or a part of the paths in `tests/`; nothing means all.
 * Green means: both lanes ran to their end within the limit, each passed at least one test, and nothing failed, threw outside of
 * a test, or was left to `.only`.
 * `SOJOURN_CI` set: a skipped test has to pass in the other lane, and, when all tests run, every row of docs/security.md needs a
 * test that passed in each lane. `SOJOURN_LANE_LIMIT`: seconds for one lane.
 */

import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { relative, resolve } from "node:path";
import { type Outcome, readJunit } from "./junit.ts";
import { bun, deno, installBun, root } from "./project.ts";
import { unproved } from "./proofs.ts";
import { run, tail } from "./run.ts";

/** Something that makes the run red. */
interface Failure {
  readonly lane: string;
  readonly title: string;
  readonly detail: string;
}

interface Lane {
  readonly name: string;
  readonly outcomes: readonly Outcome[];
  readonly files: ReadonlySet<string>;
  readonly failures: Failure[];
  readonly seconds: number;
}

function testsIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith("_test.ts")
  ).sort().map((name) => resolve(folder, name));
}

/** The test files that the arguments mean, as full paths. */
function choose(wanted: readonly string[]): string[] {
  if (wanted.length === 0) return testsIn(`${root}/tests`);
  const chosen = wanted.flatMap((what) => {
    const path = resolve(what);
    if (!what.includes("/") || !existsSync(path)) {
      return testsIn(`${root}/tests`).filter((file) => relative(`${root}/tests`, file).includes(what));
    }
    return statSync(path).isDirectory() ? testsIn(path) : [path];
  });
  return [...new Set(chosen)];
}

/** `.only` makes both runners omit the other tests and still exit with 0. */
function refuseOnly(files: readonly string[]): Failure[] {
  return files.filter((file) => /\.only\s*\(|\bonly:\s*true/.test(readFileSync(file, "utf8"))).map((
    file,
  ) => ({
    lane: "both",
    title: `${relative(root, file)} uses .only`,
    detail: "",
  }));
}

/** Errors outside of any test, as `guard.ts` wrote them down. */
function strays(path: string): Failure[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8").trim().split("\n").map((line) => {
    const { file, message } = JSON.parse(line);
    return {
      lane: "deno",
      title: `${file.replace(`file://${root}/`, "")} outside of its tests`,
      detail: message,
    };
  });
}

async function runLane(
  name: string,
  command: readonly string[],
  folder: string,
  limit: number,
): Promise<Lane> {
  const report = `${folder}/${name}.xml`;
  const stray = `${folder}/${name}.strays`;
  const ended = await run(command, {
    limit,
    log: `${folder}/${name}.log`,
    cwd: root,
    env: { SOJOURN_STRAYS: stray },
  });
  const { tests: outcomes, files } = readJunit(existsSync(report) ? readFileSync(report, "utf8") : "");
  const failures = outcomes.filter((one) => one.state === "failed")
    .map((one) => ({ lane: name, title: one.name, detail: one.message }));
  failures.push(...strays(stray));
  const fail = (title: string) => failures.push({ lane: name, title, detail: tail(ended.output, 25) });
  if (ended.hung) fail(`did not end within ${limit} s`);
  else if (!existsSync(report)) fail(`ended with code ${ended.code} and without a report`);
  else if (ended.code !== 0 && failures.length === 0) fail(`ended with code ${ended.code}`);
  else if (!outcomes.some((one) => one.state === "passed") && failures.length === 0) fail("passed no test");
  return { name, outcomes, files, failures, seconds: ended.seconds };
}

/** A file counts as tested when one of the lanes reports it: Bun does not report a `describe` that is skipped as a whole. */
function refuseEmpty(files: readonly string[], lanes: readonly Lane[]): Failure[] {
  const reported = new Set(lanes.flatMap((lane) => [...lane.files].map((file) => resolve(root, file))));
  return files.filter((file) => !reported.has(file)).map((file) => ({
    lane: "both",
    title: `${relative(root, file)} registers no test`,
    detail: "",
  }));
}

/** On CI a test may be skipped only where it cannot run, and that is to say: it passed on the other runtime. */
function refuseSkipped(lanes: readonly Lane[]): Failure[] {
  return lanes.flatMap((lane) => {
    const elsewhere = lanes.filter((other) => other !== lane).flatMap((other) => other.outcomes);
    const passed = (name: string) =>
      elsewhere.some((one) =>
        one.state === "passed" && (one.name === name || one.name.startsWith(`${name} > `))
      );
    return lane.outcomes.filter((one) => one.state === "skipped" && !passed(one.name))
      .map((one) => ({
        lane: lane.name,
        title: one.name,
        detail: "    skipped here, and it did not pass on the other runtime",
      }));
  });
}

/** Each requirement needs a test that passed, on each runtime. */
function refuseUnproved(lanes: readonly Lane[]): Failure[] {
  return lanes.flatMap(({ name, outcomes }) =>
    unproved(outcomes).map((id) => ({ lane: name, title: `no test for ${id} passed`, detail: "" }))
  );
}

function count(outcomes: readonly Outcome[], state: Outcome["state"]): number {
  return outcomes.filter((one) => one.state === state).length;
}

async function main(): Promise<boolean> {
  const limit = Number(Deno.env.get("SOJOURN_LANE_LIMIT") ?? 2_400);
  const folder = await Deno.makeTempDir({ prefix: "sojourn-test-" });
  const files = choose(Deno.args);
  const lanes: Lane[] = [];
  const failures: Failure[] = [];
  if (files.length === 0) {
    failures.push({ lane: "both", title: `no test file: ${Deno.args.join(" ")}`, detail: "" });
  }
  failures.push(...refuseOnly(files));
  if (failures.length === 0) {
    await installBun();
    const denoLane = [
      deno,
      "test",
      "-A",
      "--no-check",
      `--preload=${root}/tools/guard.ts`,
      `--junit-path=${folder}/deno.xml`,
    ];
    const bunLane = [
      bun,
      "test",
      "--timeout=60000",
      "--reporter=junit",
      `--reporter-outfile=${folder}/bun.xml`,
    ];
    // Side by side: the tests wait for processes and clocks most of the time.
    lanes.push(
      ...await Promise.all([
        runLane("deno", [...denoLane, ...files], folder, limit),
        runLane("bun", [...bunLane, ...files], folder, limit),
      ]),
    );
    for (const { name, outcomes, failures: red, seconds } of lanes) {
      const [passed, skipped] = [count(outcomes, "passed"), count(outcomes, "skipped")];
      const figures = `${passed} passed, ${red.length} failed, ${skipped} skipped`;
      console.log(`${name.padEnd(5)}${figures} (${seconds.toFixed(1)} s)`);
      failures.push(...red);
    }
    if (failures.length === 0) failures.push(...refuseEmpty(files, lanes));
    if (Deno.env.get("SOJOURN_CI")) failures.push(...refuseSkipped(lanes));
    if (Deno.env.get("SOJOURN_CI") && Deno.args.length === 0) failures.push(...refuseUnproved(lanes));
  }
  for (const { lane, title, detail } of failures) {
    console.log(`\nFAILED [${lane}] ${title}\n${detail.trimEnd()}`);
  }
  if (failures.length > 0 && lanes.length > 0) console.log(`\nThe whole output is in ${folder}/`);
  else rmSync(folder, { recursive: true, force: true });
  const outcomes = lanes.flatMap((lane) => lane.outcomes);
  console.log(
    `\n${count(outcomes, "passed")} passed, ${failures.length} failed, ${count(outcomes, "skipped")} skipped`,
  );
  return failures.length === 0;
}

let green = false;
try {
  green = await main();
} catch (error) {
  console.log(error instanceof Error ? error.message : error);
  console.log("\n0 passed, 1 failed, 0 skipped");
}
Deno.exit(green ? 0 : 1);
