/** The command line as a process of its own: what it writes where, and how it ends. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { canary, furnish, hour, kinds, makeFolder, type Outcome } from "../support/cli/world.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = join(root, "cli/main.ts");
const command = "Deno" in globalThis
  ? ["run", "-A", "--no-prompt", "--config", join(root, "deno.json"), program]
  : [program];

describe("the program", () => {
  const folder = makeFolder();

  before(async () => {
    for (const kind of [kinds["sqlite"]!, kinds["kv"]!]) {
      const { store, close } = await kind.open(folder.path, 0);
      await furnish(store, Date.now() - 2 * hour);
      await close();
    }
    chmodSync(join(folder.path, "kv.db"), 0o644);
  });

  after(() => folder.remove());

  function start(...args: string[]): Promise<Outcome> {
    const env = { ...process.env, SECRET_OF_THE_TEST: "too short" };
    return new Promise((resolve) => {
      execFile(process.execPath, [...command, ...args], { cwd: folder.path, env }, (error, out, err) => {
        assert.doesNotMatch(out + err, new RegExp(`${canary}|too short|\\u001b`));
        resolve({ code: error === null ? 0 : Number(error.code), out, err });
      });
    });
  }

  it("0: done, on stdout alone, without colours in a pipe", async () => {
    const { code, out, err } = await start("stats", "sqlite:sessions.db");
    assert.deepEqual([code, err], [0, ""]);
    assert.match(out, /^Sessions in sqlite:sessions\.db\n\n {2}live/);
    assert.equal(
      JSON.parse((await start("list", "sqlite:sessions.db", "--user", "ada", "--json")).out).user,
      "ada",
    );
    assert.match((await start("secret")).out, /^[\w-]{43}\n$/);
  });

  it("1: nothing to revoke, or warnings", async () => {
    assert.deepEqual(await start("revoke", "sqlite:sessions.db", "0".repeat(64)), {
      code: 1,
      out: "There is no such session\n",
      err: "",
    });
    const { code, out } = await start("doctor", "kv:kv.db");
    assert.equal(code, 1);
    assert.match(out, /warning {2}others than the owner may read it/);
  });

  it("2: wrong arguments, on stderr alone", async () => {
    const { code, out, err } = await start("stats", "--jsno");
    assert.deepEqual([code, out], [2, ""]);
    assert.match(err, /^Cannot run stats: there is no option --jsno\n\nUsage: stats STORE\n/);
  });

  it("3: a store that is not there, or an error that the doctor found", async () => {
    assert.deepEqual(await start("stats", "sqlite:nothing.db"), {
      code: 3,
      out: "",
      err: "There is no file of that name, and the command line does not create one\n",
    });
    const { code, out } = await start("doctor", "--secret-env", "SECRET_OF_THE_TEST");
    assert.equal(code, 3);
    assert.match(out, /error {4}the secret in SECRET_OF_THE_TEST must have at least 32 bytes/);
  });

  it("two at once clear the same store", async () => {
    const both = await Promise.all([1, 2].map(() => start("clearsessions", "sqlite:sessions.db", "--json")));
    assert.deepEqual(both.map(({ code }) => code), [0, 0]);
    const { out } = await start("stats", "sqlite:sessions.db", "--json");
    assert.equal(JSON.parse(out).live + both.reduce((sum, { out }) => sum + JSON.parse(out).removed, 0), 7);
  });
});
