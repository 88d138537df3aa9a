/** Runs the recipes of docs/housekeeping.md as they stand there, on the runtimes' own schedulers. */

import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { SqliteStore } from "../../backends/sqlite.ts";
import { needs } from "../support/needs.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const text = readFileSync(`${root}/docs/housekeeping.md`, "utf8");
const blocks = [...text.matchAll(/^```(.*)\n([^]*?)^```$/gm)].map(([, fence, code]) =>
  [fence!, code!] as const
);
const blockOf = (wanted: string) => blocks.find(([fence]) => fence === wanted)![1];

const folder = mkdtempSync(join(tmpdir(), "sojourn-housekeeping-"));
const children: ChildProcess[] = [];
after(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
  }
  rmSync(folder, { recursive: true });
});

/** Gives the system's clock to a program, moved: Debian's libfaketime. */
const libFaketime = existsSync("/usr/lib")
  ? readdirSync("/usr/lib").map((name) => `/usr/lib/${name}/faketime/libfaketime.so.1`).find(existsSync)
  : undefined;

/** The clock of a program that thinks it is two seconds to minute 17, when the recipes' hour strikes. */
function nearlySeventeen(): Record<string, string> {
  const seconds = 16 * 60 + 58 - Math.floor(Date.now() / 1000) % 3600;
  return {
    LD_PRELOAD: libFaketime!,
    FAKETIME: `${seconds < 0 ? "" : "+"}${seconds}`,
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
}

/** A store with three sessions that are over for a day and two that are not. */
async function furnish(path: string): Promise<SqliteStore> {
  const store = await SqliteStore.open(path);
  const now = Date.now();
  const ends = [-3, -2, -1, 1, 2].map((days) => now + days * 86_400_000);
  for (const [i, expiresAt] of ends.entries()) {
    const record = { data: "1\n{}", createdAt: now - 9e8, touchedAt: now - 9e8, expiresAt };
    await store.create(String(i).repeat(64), record);
  }
  return store;
}

/** A folder in which the package's names mean this checkout, as an application has it. */
function application(name: string, code: string): string {
  const { name: own, exports, unstable } = JSON.parse(readFileSync(`${root}/deno.json`, "utf8"));
  const entries = Object.entries<string>(exports).map((
    [key, path],
  ) => [own + key.slice(1), join(root, path)]);
  const place = mkdtempSync(join(folder, `${name}-`));
  writeFileSync(`${place}/deno.json`, JSON.stringify({ imports: Object.fromEntries(entries), unstable }));
  const paths = Object.fromEntries(entries.map(([key, path]) => [key, [path]]));
  writeFileSync(`${place}/tsconfig.json`, JSON.stringify({ compilerOptions: { paths } }));
  writeFileSync(`${place}/server.ts`, code);
  return place;
}

const onDeno = "Deno" in globalThis;

describe("SR-039 the recipes of the housekeeping", () => {
  it(
    `${onDeno ? "Deno.cron" : "Bun.cron"} clears when its minute comes`,
    needs("libfaketime", libFaketime !== undefined),
    async () => {
      // port 0, as this machine may have something on the default one
      const code = blockOf(onDeno ? "ts deno" : "ts bun");
      const started = code.replace("Deno.serve(", "Deno.serve({ port: 0 }, ").replace(
        "Bun.serve({",
        "Bun.serve({ port: 0,",
      );
      assert.notEqual(started, code);
      const place = application("cron", started);
      const store = await furnish(`${place}/sessions.db`);
      try {
        const args = onDeno ? ["run", "-A", "--no-check", "server.ts"] : ["server.ts"];
        const env = {
          ...process.env,
          ...nearlySeventeen(),
          SESSION_SECRET: "A3".repeat(8) + "f-0_kP".repeat(5),
        };
        const child = spawn(process.execPath, args, { cwd: place, env });
        children.push(child);
        let output = "";
        const done = new Promise<void>((resolve, reject) => {
          const read = (part: unknown) => {
            output += part;
            if (output.includes("removed")) resolve();
          };
          child.stdout.on("data", read);
          child.stderr.on("data", read);
          child.once("exit", () => reject(new Error(`The server has ended: ${output}`)));
        });
        await done;
        assert.match(output, /^3 expired sessions removed$/m);
        const { live, expired } = await store.stats(Date.now(), []);
        assert.deepEqual({ live, expired }, { live: 2, expired: 0 });
        assert.equal(child.exitCode, null, "the server goes on");
      } finally {
        await store.close();
      }
    },
  );

  it("the line for the crontab clears, says nothing, and complains where it cannot", async () => {
    const [line] = blockOf("crontab").trim().split("\n");
    const [, schedule, command] = /^((?:\S+ ){5})(.*)$/.exec(line!)!;
    assert.match(schedule!, /^(\d+ )(\* ){4}$/);
    const place = mkdtempSync(join(folder, "crontab-"));
    const program = onDeno
      ? `"${process.execPath}" run --allow-read --allow-write --no-prompt --config "${root}/deno.json"`
      : `"${process.execPath}"`;
    writeFileSync(`${place}/sojourn`, `#!/bin/sh\nexec ${program} "${root}/cli/main.ts" "$@"\n`);
    chmodSync(`${place}/sojourn`, 0o755);
    const store = await furnish(`${place}/sessions.db`);
    const cron = (command: string) =>
      new Promise<{ code: number; out: string; err: string }>((resolve) => {
        const env = { ...process.env, PATH: `${place}${delimiter}${process.env["PATH"]}` };
        execFile("/bin/sh", ["-c", command], { cwd: "/", env }, (error, out, err) => {
          resolve({ code: error === null ? 0 : Number(error.code), out, err });
        });
      });
    try {
      assert.ok(command!.includes("/srv/shop"));
      const moved = command!.replaceAll("/srv/shop", place);
      assert.deepEqual(await cron(moved), { code: 0, out: "", err: "" });
      const { live, expired } = await store.stats(Date.now(), []);
      assert.deepEqual({ live, expired }, { live: 2, expired: 0 });
      const wrong = await cron(moved.replace("sessions.db", "elsewhere.db"));
      assert.equal(wrong.code, 3);
      assert.match(wrong.err, /^There is no file of that name/);
    } finally {
      await store.close();
    }
  });
});
