/** Wrong arguments, help, secrets, terminals and logs. */

import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { after, describe, it } from "node:test";
import { SqliteStore } from "../../backends/sqlite.ts";
import { createSessions } from "../../src/sessions.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { cli, makeFolder } from "../support/cli/world.ts";

const folder = makeFolder();
const handle = "ab".repeat(32);

describe("the arguments", () => {
  after(() => folder.remove());

  const wrong: Record<string, [args: string[], reason: RegExp]> = {
    "nothing": [[], /^A command is missing$/m],
    "an option in place of a command": [["--hunter2"], /^A command is missing$/m],
    "no such command": [["hunter2"], /^There is no such command$/m],
    "a misspelt command": [["clearsession"], /^There is no command "clearsession"$/m],
    "the name of something that all objects have": [["constructor"], /^There is no command "constructor"$/m],
    "no store": [["stats"], /STORE is missing/],
    "a store of an unknown kind": [["stats", "hunter2://x"], /expected a store as sqlite:PATH/],
    "a path alone": [["stats", "hunter2.db"], /expected a store as sqlite:PATH/],
    "no path": [["stats", "sqlite:"], /expected a path/],
    "a host where a path should be": [["stats", "file://hunter2/a"], /with no host/],
    "Redis without a host": [["stats", "redis:hunter2"], /expected a store as/],
    "an unknown option": [["stats", "kv:", "--hunter=hunter2"], /there is no option --hunter$/m],
    "an unknown short option": [["stats", "kv:", "-x"], /there is no option -x/],
    "an option of another command": [["stats", "kv:", "--user", "hunter2"], /there is no option --user/],
    "an option that all objects have": [["stats", "kv:", "--constructor"], /no option --constructor/],
    "an option twice": [["list", "kv:", "--user", "a", "--user", "hunter2"], /--user is given twice/],
    "an option without its value": [["list", "kv:", "--user"], /--user needs a value/],
    "an option in place of a value": [["revoke", "kv:", "--user", "--all"], /--user needs a value/],
    "an empty value": [["list", "kv:", "--user="], /--user needs a value/],
    "a flag with a value": [["stats", "kv:", "--json=hunter2"], /--json takes no value/],
    "list without a user": [["list", "kv:"], /--user is missing/],
    "too many": [["stats", "kv:", "hunter2"], /expected at most 1 argument: received 2/],
    "a table of Redis": [["stats", "redis://h", "--table", "hunter2"], /--table is for sqlite/],
    "a prefix of SQLite": [["stats", "sqlite:a", "--prefix", "hunter2"], /--prefix is for/],
    "a table that is no name": [["stats", "sqlite:a", "--table", "a b"], /--table must be/],
    "a limit of nothing": [["clearsessions", "kv:", "--limit", "0"], /--limit must be/],
    "a limit that is no number": [["clearsessions", "kv:", "--limit", "1e3"], /--limit must be/],
    "revoke without anything": [["revoke", "kv:"], /either a handle or/],
    "revoke of a user without --all": [["revoke", "kv:", "--user", "a"], /either a handle or/],
    "revoke of all without a user": [["revoke", "kv:", "--all"], /--all needs --user/],
    "revoke of both": [["revoke", "kv:", handle, "--user", "a", "--all"], /either a handle or/],
    "an id for a handle": [["revoke", "kv:", "hunter2".padEnd(32, "x")], /64 hex digits/],
    "doctor of nothing": [["doctor"], /expected a store, --options or --secret-env/],
    "doctor with a table of nothing": [["doctor", "--secret-env", "A", "--table", "t"], /STORE is missing/],
    "options that are not there": [["doctor", "--options", "hunter2.json"], /--options must be/],
    "secret of something": [["secret", "hunter2"], /expected at most 0 arguments/],
  };
  for (const [title, [args, reason]] of Object.entries(wrong)) {
    it(`${title}: usage on stderr, and 2`, async () => {
      const { code, out, err } = await cli(args);
      assert.equal(code, 2, err);
      assert.equal(out, "");
      assert.match(err.replace(/\n(?!\n|Usage)/g, " ").replace(/ {2,}/g, "\n"), reason);
      assert.match(err, /^Usage: /m);
      assert.doesNotMatch(err, /hunter2/);
    });
  }

  it("with --json: one line on stderr with what is wrong and the forms there are, and 2", async () => {
    const refused = async (...args: string[]) => {
      const { code, out, err } = await cli([...args, "--json"]);
      assert.deepEqual([code, out, err.match(/\n/g)?.length], [2, "", 1]);
      assert.doesNotMatch(err, /hunter2/);
      return JSON.parse(err).error;
    };
    assert.deepEqual(await refused("revoke", "kv:", "--all"), {
      code: "ERR_USAGE",
      message: "Cannot run revoke: --all needs --user",
      usage: ["revoke STORE HANDLE [--user ID]", "revoke STORE --user ID --all"],
    });
    const { message, usage } = await refused("hunter2");
    assert.equal(message, "There is no such command");
    assert.deepEqual(usage, [
      "clearsessions",
      "stats",
      "list",
      "revoke",
      "secret",
      "doctor",
      "import-django",
    ]);
    assert.equal((await refused()).message, "A command is missing");
  });

  it("--help is no error, before and behind a command", async () => {
    for (const args of [["--help"], ["help"], ["-h"]]) {
      const { code, out, err } = await cli(args);
      assert.deepEqual([code, err], [0, ""]);
      for (const name of ["clearsessions", "stats", "list", "revoke", "secret", "doctor"]) {
        assert.match(out, new RegExp(`^  ${name}`, "m"));
      }
      assert.match(out, /Exit codes: 0 done/);
    }
    const { code, out } = await cli(["revoke", "--help"]);
    assert.equal(code, 0);
    assert.match(out, /^Usage: revoke STORE HANDLE \[--user ID\]\n {7}revoke STORE --user ID --all\n/);
  });

  it("a user id may begin with a dash, and hold anything", async () => {
    const { out } = await cli(["list", "kv::memory:", "--user=-\u202e\u001b[31m\n", "--json"]);
    assert.equal(out, '{"user":"-\\u202e\\u001b[31m\\n","sessions":[]}\n');
    assert.equal(
      (await cli(["list", "kv::memory:", `--user=${"x".repeat(200)}\u001b`])).out,
      `0 live sessions of ${"x".repeat(60)}…\n`,
    );
  });
});

describe("trouble with a store is 3", () => {
  const folder = makeFolder();
  after(() => folder.remove());

  it("a store that is not there is not made", async () => {
    for (const scheme of ["sqlite", "file", "kv"]) {
      for (const command of [["stats"], ["clearsessions"], ["doctor"]]) {
        const { code } = await cli([...command, `${scheme}:${folder.path}/nothing`]);
        assert.equal(code, 3);
        assert.equal(existsSync(`${folder.path}/nothing`), false);
      }
    }
  });

  it("what is no database, in words and as JSON", async () => {
    writeFileSync(`${folder.path}/text`, "no database at all, but a text that is long enough\n".repeat(50));
    const { code, out, err } = await cli(["stats", `sqlite:${folder.path}/text`]);
    assert.deepEqual([code, out], [3, ""]);
    assert.match(err, /^The session database is damaged or is no database/);
    const asJson = await cli(["stats", `sqlite:${folder.path}/text`, "--json"]);
    assert.equal(JSON.parse(asJson.err).error.code, "ERR_DAMAGED");
  });

  it("a Redis that is away; its password is not shown", async () => {
    for (const command of ["stats", "doctor"]) {
      const { code, out, err } = await cli([command, "redis://user:hunter2@127.0.0.1:1/3"]);
      assert.equal(code, 3);
      assert.match(out + err, /Cannot connect to Redis/);
      assert.doesNotMatch(out + err, /hunter2|user/);
    }
  });
});

describe("secret", () => {
  it("makes one that createSessions and doctor take, another each time", async () => {
    const first = (await cli(["secret"])).out.trim();
    const second = JSON.parse((await cli(["secret", "--json"])).out).secret;
    assert.match(first, /^[A-Za-z0-9_-]{43}$/);
    assert.notEqual(first, second);
    createSessions({ store: new MemoryStore(), secrets: [first, second] });
    assert.equal((await cli(["doctor", "--secret-env", "X"], { env: () => first })).code, 0);
  });
});

describe("clearsessions of many", () => {
  const folder = makeFolder();
  after(() => folder.remove());
  const url = `sqlite:${folder.path}/sessions.db`;

  async function fill(count: number): Promise<void> {
    const store = await SqliteStore.open(`${folder.path}/sessions.db`, { synchronous: "NORMAL" });
    await Promise.all(
      Array.from({ length: count }, (_, i) =>
        store.create(i.toString(16).padStart(64, "0"), {
          data: "",
          createdAt: 0,
          touchedAt: 0,
          expiresAt: 1,
        })),
    );
    await store.close();
  }

  it("on a terminal there is a bar that is gone at the end", async () => {
    await fill(1000);
    let time = Date.now();
    const { out } = await cli(["clearsessions", url], { isTerminal: true, now: () => time += 5000 });
    const steps = out.split("\r\x1b[K");
    assert.equal(steps[0], "counting …");
    assert.equal(steps[1], `█▌${"░".repeat(28)}   5 %  50 of 1,000, 95 seconds left`);
    assert.equal(steps[20], `${"█".repeat(30)} 100 %  1,000 of 1,000`);
    assert.equal(steps.at(-1), "1,000 expired sessions removed\n");
    for (const step of steps) assert.ok([...step].length <= 80, step);
  });

  it("elsewhere there is a line now and then", async () => {
    await fill(10_500);
    const { out } = await cli(["clearsessions", url]);
    assert.equal(out, "10,000 removed so far\n10,500 expired sessions removed\n");
  });

  it("colours are used when they are asked for", async () => {
    const { out } = await cli(["stats", url], { isTerminal: true, colours: true });
    assert.ok(out.startsWith(`\u001b[1mSessions in ${url}\u001b[0m\n`));
  });
});
