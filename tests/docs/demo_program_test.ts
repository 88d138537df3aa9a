/** The demo program, in a process and a folder of its own. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { connect, run } from "../support/sqlite/driver.ts";
import { Visitor, visits } from "../support/visitor.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

describe("the demo program", () => {
  const { tasks } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
  const [, ...args] = tasks.demo.command.split(" ") as string[];
  const program = join(root, args.pop()!);
  const command = "Deno" in globalThis
    ? [args[0]!, "--no-prompt", "--config", join(root, "deno.json"), ...args.slice(1), program]
    : [program];

  /** Starts it in a folder; resolves when it says where it is, or when it has ended. */
  async function start(folder: string, env: Record<string, string> = {}) {
    const { SESSION_SECRET: _, ...inherited } = process.env;
    const child = spawn(process.execPath, command, { cwd: folder, env: { ...inherited, PORT: "0", ...env } });
    let output = "";
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const started = new Promise<void>((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (text) => {
          output += text;
          if (/http:\/\/localhost:\d+\n/.test(output)) resolve();
        });
      }
    });
    await Promise.race([started, ended]);
    return {
      url: /http:\/\/localhost:\d+/.exec(output)?.[0] ?? "",
      output: () => output,
      ended,
      stop: (signal: "SIGTERM" | "SIGKILL" = "SIGTERM") => (child.kill(signal), ended),
    };
  }

  async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), "sojourn-demo-"));
    try {
      await run(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it("keeps its sessions when it is stopped, or killed, and started again", () =>
    inFolder(async (folder) => {
      let cookie = "";
      let seen = 0;
      for (const signal of ["SIGTERM", "SIGKILL", "SIGTERM"] as const) {
        const demo = await start(folder);
        assert.match(demo.output(), /sessions\.db/);
        const ada = new Visitor(demo.url);
        if (cookie !== "") ada.client.cookies.set("sid", cookie);
        assert.equal(visits(await ada.look()), ++seen);
        cookie = ada.cookie!;
        await demo.stop(signal);
        assert.equal(demo.output().includes("Stopped."), signal === "SIGTERM");
      }
      assert.equal(statSync(join(folder, "sessions.secret")).mode & 0o777, 0o600);
    }));

  it("takes its secret from SESSION_SECRET and writes none", () =>
    inFolder(async (folder) => {
      const SESSION_SECRET = Array.from(crypto.getRandomValues(new Uint8Array(32)), String).join("-");
      const demo = await start(folder, { SESSION_SECRET });
      assert.equal(visits(await new Visitor(demo.url).look()), 1);
      await demo.stop();
      assert.throws(() => statSync(join(folder, "sessions.secret")), { code: "ENOENT" });
    }));

  it("answers with a page that says when to try again while its database is locked", () =>
    inFolder(async (folder) => {
      const demo = await start(folder);
      const ada = new Visitor(demo.url);
      assert.equal(visits(await ada.look()), 1);
      const other = connect(join(folder, "sessions.db"));
      run(other, "BEGIN EXCLUSIVE");
      const answer = await ada.client.fetch("/");
      const page = await answer.text();
      assert.equal(answer.status, 503);
      assert.equal(answer.headers.get("retry-after"), "1");
      assert.equal(answer.headers.get("cache-control"), "no-store");
      assert.match(answer.headers.get("content-type")!, /text\/html/);
      assert.match(page, /<h1>The shop is busy\./);
      run(other, "COMMIT");
      other.close();
      assert.equal(visits(await ada.look()), 2);
      await demo.stop();
    }));

  it("says that its port is taken", () =>
    inFolder(async (folder) => {
      const demo = await start(folder);
      const { port } = new URL(demo.url);
      const second = await start(folder, { PORT: port });
      assert.equal(await second.ended, 1);
      assert.match(second.output(), new RegExp(`cannot start: port ${port} is taken.*PORT`));
      await demo.stop();
    }));

  it("says what is wrong with PORT and SESSION_SECRET", () =>
    inFolder(async (folder) => {
      for (const env of [{ PORT: "http" }, { PORT: "65536" }, { SESSION_SECRET: "short" }]) {
        const demo = await start(folder, env);
        assert.equal(await demo.ended, 1);
        assert.match(demo.output(), /^The demo cannot start: .*(PORT|32 bytes)/);
        assert.doesNotMatch(demo.output(), /short/);
      }
    }));
});
