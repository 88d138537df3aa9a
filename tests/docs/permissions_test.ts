/** What docs/choosing-a-store.md says that Deno has to allow for each store: enough for every method, and all of it needed. */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type Server, skip as noRedis, startServer } from "../support/redis/server.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const document = readFileSync(`${root}docs/choosing-a-store.md`, "utf8");

/** The flags in the row that begins with `name`. */
function flagsOf(name: string): string[] {
  const row = document.split("\n").find((line) => line.startsWith(`| ${name} `) && line.includes("--"));
  assert.ok(row, `no row for ${name}`);
  return /`(-[^`]*)`/.exec(row)![1]!.split(" ");
}

const rows: Record<string, string> = {
  sqlite: "`SqliteStore`",
  file: "`FileStore`",
  "deno-kv": "`DenoKvStore`, by default",
  "deno-kv-file": "`DenoKvStore`, a file",
  "node-redis": "`RedisStore`, node-redis",
  ioredis: "`RedisStore`, ioredis",
};

describe("the permissions that the documentation names", () => {
  let redis: Server | undefined;
  before(async () => {
    if ("Deno" in globalThis && noRedis === false) redis = await startServer();
  });
  after(() => redis?.stop());

  /** What a program that calls every method says, with these flags, in an empty folder. */
  async function run(kind: string, flags: readonly string[]): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), "sojourn-permissions-"));
    if (kind === "file") mkdirSync(join(folder, "sessions"), { mode: 0o700 });
    const args = ["run", "--no-prompt", "--no-check", "--quiet", "--config", `${root}deno.json`, ...flags];
    const port = String(redis?.port ?? 0);
    // not node:child_process, which gives a Deno that it starts with no --allow-… all permissions
    const { stdout, stderr } = await new Deno.Command(process.execPath, {
      args: [...args, `${root}tests/support/stores/permissions_child.ts`, kind, port],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    rmSync(folder, { recursive: true });
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  }

  for (const kind of ["memory", ...Object.keys(rows)]) {
    const skip = "Deno" in globalThis
      ? kind.endsWith("redis") && noRedis
      : "not on this runtime: it has no permissions";
    it(`${kind} works with them, and with none fewer`, { skip }, async () => {
      const flags = (kind === "memory" ? [] : flagsOf(rows[kind]!))
        .map((flag) => flag.replace("127.0.0.1:6379", `127.0.0.1:${redis?.port}`));
      assert.match(await run(kind, flags), /^works$/m);
      // the checkout's deno.json allows it already
      const needed = flags.filter((flag) => flag !== "--unstable-kv");
      await Promise.all(needed.map(async (flag) => {
        const said = await run(kind, flags.filter((one) => one !== flag));
        assert.doesNotMatch(said, /^works$/m, `without ${flag}`);
      }));
    });
  }
});
