import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { once } from "node:events";
import { DenoKvStore } from "../backends/deno_kv.ts";
import { openTestKv } from "./deno_kv/open_kv.ts";

describe("DenoKvStore over one file in several processes", () => {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-kv-"));
  const running = new Set<ChildProcess>();
  after(() => {
    for (const child of running) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  const start = (...args: string[]) => {
    const script = join(import.meta.dirname!, "deno_kv", "worker.ts");
    const run = "Deno" in globalThis ? ["run", "-A", "--unstable-kv", script] : [script];
    const child = spawn(process.execPath, [...run, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    running.add(child);
    child.on("exit", () => running.delete(child));
    return child;
  };

  it("SR-059 K1 what was acknowledged before a kill -9 is there, what was ended stays ended", {
    timeout: 60_000,
  }, async () => {
    const path = join(folder, "killed.kv");
    for (let round = 0; round < 4; round++) {
      const child = start(path, "churn");
      const exit = once(child, "exit");
      let text = "";
      for await (const piece of child.stdout!) {
        text += piece;
        if (text.split("\n").length > 60 + 45 * round) child.kill("SIGKILL");
      }
      await exit;
      const acknowledged = new Map<string, number>();
      const ended = new Set<string>();
      const unsure = new Set<string>();
      for (const line of text.split("\n").slice(0, -1)) {
        const [word, key, n] = line.split(" ") as [string, string, string];
        if (word === "set") acknowledged.set(key, Number(n)), ended.delete(key), unsure.delete(key);
        else if (word === "ending") unsure.add(key);
        else acknowledged.delete(key), ended.add(key), unsure.delete(key);
      }
      assert.ok(acknowledged.size > 0);
      const kv = await openTestKv(path);
      const store = new DenoKvStore(kv);
      const listed = new Set((await store.list("u")).map(({ key }) => key));
      for (const [key, n] of acknowledged) {
        const found = await store.load(key);
        if (found === undefined) {
          assert.ok(unsure.has(key), "an acknowledged save is lost");
          continue;
        }
        const data = JSON.parse(found.data);
        assert.ok(data.n === n || data.n === n + 1, "an acknowledged save is lost");
        assert.equal(data.check, `${data.n}`.repeat(500));
        assert.ok(listed.has(key));
      }
      for (const key of ended) {
        const found = await store.load(key);
        if (found !== undefined) assert.equal(JSON.parse(found.data).n, 1, "an ended session is back");
      }
      kv.close();
    }
  });

  it("SR-042 two processes that count up one session lose nothing", { timeout: 60_000 }, async () => {
    const path = join(folder, "counted.kv");
    const kv = await openTestKv(path);
    const store = new DenoKvStore(kv);
    await store.create("0".repeat(64), {
      data: "0",
      userId: "u",
      createdAt: 1,
      touchedAt: 1,
      expiresAt: Date.now() + 60_000,
    });
    const exits = await Promise.all([1, 2].map(async () => {
      const child = start(path, "count", "60");
      child.stdout!.resume();
      return (await once(child, "exit"))[0];
    }));
    assert.deepEqual(exits, [0, 0]);
    assert.equal((await store.load("0".repeat(64)))?.data, "120");
    kv.close();
  });
});
