/** The tools of this repository are red when they should be: each way to fail without being noticed, on made-up tests. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { readJunit } from "../../tools/junit.ts";
import { needs } from "../support/needs.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const onDeno = "Deno" in globalThis ? {} : { skip: "not on this runtime: the tools run on Deno" };

let folder = "";

/** Runs a tool in a fresh folder with these files, and answers its exit code and what it printed. */
function tool(
  name: string,
  files: Record<string, string>,
  env: Record<string, string> = {},
): Promise<{ code: number; output: string }> {
  const place = join(folder, String(readdirSync(folder).length));
  mkdirSync(place);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(place, file), text);
  const what = name === "test" ? [place] : Object.keys(files).map((file) => join(place, file));
  const surroundings = { ...process.env, SOJOURN_CI: "", SOJOURN_LANE_LIMIT: "60", TMPDIR: place, ...env };
  return new Promise((resolve) =>
    execFile(
      process.execPath,
      ["run", "-A", join(root, `tools/${name}.ts`), ...what],
      { env: surroundings, encoding: "utf8" },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr }),
    )
  );
}

/** How the made-up test files start, and one that passes. */
const head = `import { describe, it } from "node:test";\nimport assert from "node:assert/strict";\n`;
const good = `${head}it("adds", () => assert.equal(1 + 1, 2));\n`;

/** Asserts that the test tool is red and says why. */
async function red(files: Record<string, string>, says: RegExp, env?: Record<string, string>): Promise<void> {
  const { code, output } = await tool("test", files, env);
  assert.equal(code, 1, output);
  assert.match(output, says);
  assert.match(output, /^\d+ passed, [1-9]\d* failed, \d+ skipped$/m);
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), "sojourn-tools-"));
});
after(() => rmSync(folder, { recursive: true }));

describe("the test tool", onDeno, () => {
  it("runs both lanes and ends with the sum alone on a line", async () => {
    const text = `${head}describe("a", () => { it("x", () => {}); it("y", { skip: "why" }, () => {}); });\n`;
    const { code, output } = await tool("test", { "a_test.ts": good, "b_test.ts": text });
    assert.equal(code, 0, output);
    assert.match(output, /^deno 2 passed, 0 failed, 1 skipped/m);
    assert.match(output, /^bun {2}2 passed, 0 failed, 1 skipped/m);
    assert.equal(output.trimEnd().split("\n").at(-1), "4 passed, 0 failed, 2 skipped");
  });

  it("is red for a failing test, on each runtime", async () => {
    await red(
      { "a_test.ts": `${good}it("subtracts", () => assert.equal("Deno" in globalThis, false));` },
      /\[deno\] subtracts/,
    );
    await red(
      { "a_test.ts": `${good}it("subtracts", () => assert.equal("Bun" in globalThis, false));` },
      /\[bun\] subtracts/,
    );
  });

  it("is red for a test that hangs, and leaves no process behind", async () => {
    const mark = `3${process.pid}`; // a length of sleep that nobody else uses
    const text = `${head}import { spawn } from "node:child_process";
      it("hangs", async () => { spawn("sleep", ["${mark}"]); await new Promise((r) => setInterval(r, 1e9)); });`;
    await red({ "a_test.ts": text }, /\[deno\] did not end within 2 s[\s\S]*\[bun\] did not end within 2 s/, {
      SOJOURN_LANE_LIMIT: "2",
    });
    const left = await new Promise<string>((resolve) =>
      execFile("ps", ["-eo", "args"], (_, stdout) => resolve(stdout))
    );
    assert.equal(left.includes(`sleep ${mark}`), false);
  });

  it("is red for a lane without tests, a file without tests and a folder without files", async () => {
    await Promise.all([
      red(
        { "a_test.ts": `${head}if ("Deno" in globalThis) it("adds", () => {});` },
        /\[bun\] ended with code 0 and without a report/,
      ),
      red(
        { "a_test.ts": `${head}if ("Bun" in globalThis) it("adds", () => {});` },
        /\[deno\] passed no test/,
      ),
      red({ "a_test.ts": good, "b_test.ts": "export {};" }, /b_test\.ts registers no test/),
      red({}, /no test file/),
    ]);
  });

  it("is red for .only", async () => {
    await red({ "a_test.ts": `${good}it${".only"}("adds alone", () => {});` }, /a_test\.ts uses \.only/);
  });

  it("is red for a rejection or an error outside of the tests", async () => {
    const floating = `${good}it("floats", () => { Promise.reject(new Error("nobody waits for me")); });`;
    await red(
      { "a_test.ts": floating },
      /\[deno\] .*a_test\.ts outside of its tests\n.*nobody waits[\s\S]*\[bun\] floats/,
    );
    await red(
      { "a_test.ts": `${good}throw new Error("while loading");` },
      /\[deno\][^\n]*\n.*while loading[\s\S]*\[bun\]/,
    );
  });

  it("is red for a test that ends the process with code 0", async () => {
    await red(
      { "a_test.ts": `${good}it("exits", () => process.exit(0));` },
      /\[deno\] exits[\s\S]*\[bun\] ended with code 0/,
    );
  });

  it("is red on CI for a test that is skipped on both runtimes, green for one that has to be", async () => {
    const CI = { SOJOURN_CI: "1" };
    const both = `${good}it("is left out", { skip: "no redis" }, () => {});`;
    await red(
      { "a_test.ts": both },
      /\[deno\] is left out\n.*did not pass on the other[\s\S]*\[bun\] is left out/,
      CI,
    );
    const whole = `${good}describe("all of it", { skip: "no redis" }, () => { it("x", () => {}); });`;
    await red({ "a_test.ts": whole }, /\[deno\] all of it/, CI);
    const one =
      `${good}it("is Deno's", { skip: "Bun" in globalThis && "not on this runtime: Deno.Kv" }, () => {});`;
    const { code, output } = await tool("test", { "a_test.ts": one }, CI);
    assert.equal(code, 0, output);
  });
});

describe("the block tool", onDeno, () => {
  it("runs blocks and servers on both runtimes", async () => {
    const text = [
      "```ts\nif (process.env.SESSION_SECRET?.length !== 64) throw new Error('no secret');\n```",
      "```ts deno\nDeno.serve({ port: 1 }, () => new Response('x'));\n```",
      "```ts bun\nBun.serve({ port: 1, fetch: () => new Response('x') });\n```",
      "```sh\nnpx -y deno@2.9.6 task test\n```",
    ];
    const { code, output } = await tool("blocks", { "a.md": text.join("\n\n") });
    assert.equal(code, 0, output);
    assert.match(output, /^4 block runs, 0 failures$/m);
  });

  it("is red for blocks that fail, end early or are not to be run, and for unknown tasks", async () => {
    const text = [
      "```ts ignore\n1;\n```",
      "```ts deno\nDeno.serve(() => new Response('x', { status: 500 }));\n```",
      "```ts bun\nBun.serve({ fetch: () => { throw new Error('boom'); } });\n```",
      "```ts bun\nprocess.exit(0);\n```",
      "```ts bun\nsetTimeout(() => Promise.reject(new Error('late')));\n```",
      "```ts deno\nconst one: number = 'one';\n```",
      "```sh\nnpx -y deno@2.9.6 task missing\n```",
    ];
    const { code, output } = await tool("blocks", { "a.md": text.join("\n") });
    assert.equal(code, 1, output);
    assert.match(output, /5 block runs, 7 failures/);
    for (const line of [1, 4, 7, 10, 13, 16, 19]) {
      assert.match(output, new RegExp(`FAILED \\S*a\\.md:${line}[: ]`));
    }
  });
});

describe("readJunit", () => {
  it("counts tests, not the describes around them", () => {
    const xml = `<testsuites name="deno test"><testsuite name="./a_test.ts" tests="1">
      <testcase name="a" classname="./a_test.ts"><failure message="1 test step failed">1 test step failed.</failure></testcase>
      </testsuite><testsuite name="ext:deno_node/testing.ts">
      <testcase name="a &gt; x &lt;1&gt;" classname="ext:deno_node/testing.ts"><failure message="m">no</failure></testcase>
      <testcase name="a &gt; y" classname="ext:deno_node/testing.ts"><skipped/></testcase></testsuite></testsuites>`;
    assert.deepEqual(readJunit(xml).tests, [
      { name: "a > x <1>", state: "failed", message: "no" },
      { name: "a > y", state: "skipped", message: "" },
    ]);
  });

  it("reads nested suites, and a describe that failed itself", () => {
    const xml =
      `<testsuites name="bun test"><testsuite name="a_test.ts" file="a_test.ts"><testsuite name="a" file="a_test.ts">
      <testcase name="x" classname="a" file="a_test.ts" /></testsuite></testsuite><testsuite name="b_test.ts">
      <testcase name="b" classname="b_test.ts"><failure message="in before" /></testcase></testsuite></testsuites>`;
    assert.deepEqual(readJunit(xml).tests, [
      { name: "a > x", state: "passed", message: "" },
      { name: "b", state: "failed", message: "in before" },
    ]);
  });
});

describe("needs", () => {
  const before = process.env["SOJOURN_CI"];
  after(() => {
    if (before === undefined) delete process.env["SOJOURN_CI"];
    else process.env["SOJOURN_CI"] = before;
  });

  it("runs a test whose service is there, skips one whose service is not, and throws on CI", () => {
    assert.deepEqual(needs("redis-server", true), {});
    delete process.env["SOJOURN_CI"];
    assert.deepEqual(needs("redis-server", false), { skip: "needs redis-server" });
    process.env["SOJOURN_CI"] = "1";
    assert.throws(() => needs("redis-server", false), /Cannot run this test without redis-server/);
  });
});
