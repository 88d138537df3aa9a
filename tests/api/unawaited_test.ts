/** A promise of ours that fails and that nobody waits for ends no process; whoever waits is told. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const stories: Record<string, string> = {
  "save": "ERR_STORE",
  "flush": "ERR_STORE",
  "logout": "ERR_STORE",
  "save after the answer": "ERR_CLOSED",
  "flush after the answer": "ERR_CLOSED",
  "logout after the answer": "ERR_CLOSED",
  "save in cancel": "ERR_CLOSED",
  "flush in cancel": "ERR_CLOSED",
  "logout in cancel": "ERR_CLOSED",
  "get": "ERR_UNBOUND",
  "get nothing": "ERR_UNBOUND",
  "headersFor": "ERR_UNBOUND",
  "headersFor a failing session": "ERR_STORE",
  "request.session": "ERR_STORE",
  "open": "ERR_STORE",
  "list": "ERR_STORE",
  "list of another's": "TypeError",
  "revoke": "ERR_STORE",
  "revokeAll": "ERR_STORE",
  "clearExpired": "ERR_STORE",
  "clearExpired with a wrong limit": "RangeError",
  "clearExpired that was stopped": "AbortError",
  "close": "ERR_STORE",
  "asyncDispose": "ERR_STORE",
  "FileStore.open": "TypeError",
  "SqliteStore.open": "ERR_STORE",
};

describe("a promise that nobody waits for", () => {
  let told: string[] = [];
  let failure = "";
  before(async () => {
    const child = fileURLToPath(new URL("../support/unawaited_child.ts", import.meta.url));
    const args = "Deno" in globalThis ? ["run", "-A", "--no-check", "--unstable-kv", child] : [child];
    try {
      told = (await promisify(execFile)(process.execPath, args, { timeout: 60_000 })).stdout.trim().split(
        "\n",
      );
    } catch (error) {
      failure = String((error as { stderr?: string }).stderr ?? error);
    }
  });

  it("ends no process", () => {
    assert.equal(told.at(-1), "done", failure);
  });

  for (const [what, outcome] of Object.entries(stories)) {
    it(`tells whoever waits later: ${what}`, () => {
      assert.ok(
        told.includes(`${what}: ${outcome}`),
        told.filter((line) => line.startsWith(what)).join("\n"),
      );
    });
  }

  for (
    const store of ["FileStore", "SqliteStore", "CachedStore", "RedisStore", "DenoKvStore"]
  ) {
    it(`tells whoever waits later for a method of ${store}`, () => {
      const lines = told.filter((line) => line.startsWith(`${store}.`));
      assert.ok(
        lines.some((line) => /: (ERR_STORE|TypeError|RangeError|Error)$/.test(line)),
        lines.join("\n"),
      );
    });
  }
});
