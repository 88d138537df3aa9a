/** What the doctor says about stores and options that are not as they should be, and how it ends. */

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { after, describe, it } from "node:test";
import { FileStore } from "../../backends/file.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import { openDatabase } from "../../backends/sqlite/database.ts";
import { canary, cli, hour, makeFolder, start } from "../support/cli/world.ts";

const good = "T3tT6vGk0Hc3F5l7hV1w-3cC9mQ2xZ8yB4nJ6kLpRsU";
const key = (index: number) => index.toString(16).padStart(64, "0");

/** The findings of a check, as `severity message`. */
async function examine(args: readonly string[], check: string, given: Parameters<typeof cli>[1] = {}) {
  const { code, out } = await cli(["doctor", "--json", ...args], given);
  const { findings, warnings, errors } = JSON.parse(out);
  const count = (severity: string) =>
    findings.filter((one: { severity: string }) => one.severity === severity).length;
  assert.deepEqual([count("warning"), count("error")], [warnings, errors]);
  const found: { severity: string; message: string }[] = findings.filter((one: { check: string }) =>
    one.check === check
  );
  return { code, found: found.map(({ severity, message }) => `${severity} ${message}`) };
}

describe("the doctor of stores", () => {
  const folder = makeFolder();
  after(() => folder.remove());
  let number = 0;

  async function database(records: number, expiresAt: number, createdAt = start): Promise<string> {
    const path = `${folder.path}/${number++}.db`;
    const store = await SqliteStore.open(path, { synchronous: "NORMAL", now: () => 0 });
    await Promise.all(
      Array.from(
        { length: records },
        (_, i) => store.create(key(i), { data: canary, createdAt, touchedAt: createdAt, expiresAt }),
      ),
    );
    await store.close();
    return path;
  }

  async function change(path: string, sql: string): Promise<void> {
    const database = await openDatabase(path);
    const statement = database.prepare(sql);
    statement.run();
    statement.finalize?.();
    database.close();
  }

  it("says that all is well, and ends with 0", async () => {
    const path = await database(3, start + 9 * hour);
    const { code, out } = await cli(["doctor", `sqlite:${path}`]);
    assert.equal(code, 0);
    assert.equal(
      out,
      `Checks of sqlite:${path}

  ok       the clock of this machine shows a possible time
  ok       the store opens and responds
  ok       only the owner may read and write it
  ok       the store's indexes are there
  ok       0 of 3 records expired
  ok       every record can be read
  ok       no session is from the future

0 errors, 0 warnings
`,
    );
  });

  it("most of many expired: a warning and 1; of few: nothing", async () => {
    const many = await examine([`sqlite:${await database(1200, start)}`], "expired");
    assert.deepEqual(many, {
      code: 1,
      found: ["warning 1,200 of 1,200 records expired: run clearsessions, once a day say"],
    });
    assert.equal((await examine([`sqlite:${await database(900, start)}`], "expired")).code, 0);
  });

  it("a missing index is told, and is there the next time", async () => {
    const path = await database(1, start + 9 * hour);
    await change(path, "DROP INDEX sojourn_session_user");
    const { code, found } = await examine([`sqlite:${path}`], "index");
    assert.equal(code, 1);
    assert.deepEqual(found, [
      "warning sojourn_session_user was missing: opening the store has made the index again",
    ]);
    assert.equal((await examine([`sqlite:${path}`], "index")).code, 0);
  });

  it("modes of a database: readable by others is a warning, writable an error", async () => {
    const path = await database(1, start + 9 * hour);
    chmodSync(path, 0o640);
    assert.deepEqual(await examine([`sqlite:${path}`], "modes"), {
      code: 1,
      found: [`warning others than the owner may read it: chmod go= ${path}*`],
    });
    symlinkSync(path, `${path}.link`);
    assert.equal((await examine([`sqlite:${path}.link`], "modes")).code, 1, "behind a link too");
    chmodSync(path, 0o602);
    assert.deepEqual(await examine([`sqlite:${path}`], "modes"), {
      code: 3,
      found: [`error others than the owner may write to it: chmod go= ${path}*`],
    });
  });

  it("a damaged record is an error, and nothing of it is shown", async () => {
    const path = await database(2, start + 9 * hour);
    await change(path, `UPDATE sojourn_session SET expires_at = '${canary}' WHERE key = '${key(1)}'`);
    assert.deepEqual(await examine([`sqlite:${path}`], "damaged"), {
      code: 3,
      found: ["error 1 record cannot be read: is the disk sound?"],
    });
  });

  it("a session from the future, or an impossible time, is an error of the clock", async () => {
    const path = await database(1, start + 99 * hour, start + 5 * hour);
    const { code, found } = await examine([`sqlite:${path}`], "clock");
    assert.equal(code, 3);
    assert.match(found[1]!, /^error there is a session that begins in 3 hours: this clock is behind/);
    const past = await examine(["--secret-env", "A"], "clock", { now: () => 1e12, env: () => good });
    assert.equal(past.code, 3);
    assert.match(past.found[0]!, /^error the clock of this machine is years behind/);
  });

  it("a store that is not there: that, and nothing about what is in it", async () => {
    mkdirSync(`${folder.path}/empty`);
    for (const url of ["sqlite:", "file:", "kv:"].map((scheme) => `${scheme}${folder.path}/nowhere`)) {
      const { code, out } = await cli(["doctor", url, "--json"]);
      const { findings, errors, warnings } = JSON.parse(out);
      assert.deepEqual([code, errors, warnings], [3, 1, 0]);
      assert.deepEqual(findings.map(({ check }: { check: string }) => check), ["clock", "opens"], url);
    }
    assert.deepEqual((await examine([`file:${folder.path}/empty`], "index")).found, []);
    const path = await database(1, start + 9 * hour);
    await change(path, "ALTER TABLE sojourn_session RENAME TO another");
    const { code, found } = await examine([`sqlite:${path}`], "index");
    assert.deepEqual([code, found], [3, []]);
  });

  it("a file store: its modes, its index, its damaged files", async () => {
    const path = `${folder.path}/files`;
    const store = await FileStore.open(path, { durability: "os" });
    const record = { data: canary, createdAt: start, touchedAt: start, expiresAt: start + 9 * hour };
    await store.create(key(1), record);
    await store.create(key(2), record);
    await store.close();
    const url = `file:${path}`;
    assert.equal((await cli(["doctor", url])).code, 0);

    const file = readdirSync(path, { recursive: true, encoding: "utf8" }).find((name) =>
      name.endsWith(key(1))
    )!;
    chmodSync(`${path}/${file}`, 0o604);
    assert.match((await examine([url], "modes")).found[0]!, /^warning others than the owner may read it/);
    chmodSync(`${path}/${file}`, 0o600);
    truncateSync(`${path}/${file}`, 10);
    assert.equal((await examine([url], "damaged")).code, 3);
    rmSync(`${path}/users`, { recursive: true });
    assert.match((await examine([url], "index")).found[0]!, /^error users was missing/);
    chmodSync(path, 0o777);
    const { code, found } = await examine([url], "opens");
    assert.equal(code, 3);
    assert.match(found[0]!, /^error the store cannot be used: .*must be writable by its owner only/);
  });
});

describe("the doctor of secrets", () => {
  const secrets: Record<string, [secret: string | undefined, found: RegExp]> = {
    "a good one": [good, /^ok the secret in S looks random$/],
    "32 random hex digits": ["9f86d081884c7d659a2feaa0c55ad015", /^ok /],
    "none": [undefined, /^error the secret in S is missing$/],
    "an empty one": ["", /^error the secret in S is missing$/],
    "a short one": [good.slice(0, 31), /^error the secret in S must have at least 32 bytes: make one with/],
    "a placeholder": ["changeme".repeat(5), /^error the secret in S must be random/],
    "one character": ["x".repeat(40), /^error the secret in S must be random/],
    "few characters": ["0123456701234567012345670123456701", /^warning the secret in S has only 8/],
    "a repetition": [`${good.slice(0, 20)}`.repeat(2), /^warning the secret in S repeats itself/],
    "a sequence": ["abcdefghijklmnopqrstuvwxyz0123456789", /^warning the secret in S is a sequence/],
    "words": ["correct horse battery staple and more words", /^warning the secret in S looks like words/],
  };
  for (const [title, [secret, expected]] of Object.entries(secrets)) {
    it(title, async () => {
      const asked: string[] = [];
      const env = (name: string) => (asked.push(name), secret);
      const { code, found } = await examine(["--secret-env", "S"], "secret", { env });
      assert.match(found[0]!, expected);
      assert.equal(code, { ok: 0, warning: 1, error: 3 }[found[0]!.split(" ")[0] as "ok"]);
      assert.deepEqual(asked, ["S"]);
      if (secret) assert.ok(!found[0]!.includes(secret.slice(0, 16)));
    });
  }
});

describe("the doctor of options", () => {
  const folder = makeFolder();
  after(() => folder.remove());
  let number = 0;

  async function withOptions(options: unknown, check: string) {
    const path = `${folder.path}/${number++}.json`;
    writeFileSync(path, JSON.stringify(options));
    return await examine(["--options", path], check);
  }

  it("good ones", async () => {
    assert.deepEqual(await withOptions({ idleAge: 3600, secrets: [good] }, "options"), {
      code: 0,
      found: ["ok createSessions takes the options"],
    });
  });

  it("what createSessions refuses is an error, in its words", async () => {
    const { code, found } = await withOptions({ idleAge: -1 }, "options");
    assert.equal(code, 3);
    assert.match(found[0]!, /^error createSessions: idleAge must be a number above 0 .*: received -1$/);
    assert.match(
      (await withOptions({ idelAge: 1 }, "options")).found[0]!,
      /unknown option "idelAge" \(did you mean "idleAge"\?\)/,
    );
  });

  it("a cookie that is not secure, or goes far", async () => {
    const found = async (cookie: object) => (await withOptions({ cookie }, "cookie")).found.join("\n");
    assert.match(await found({}), /^ok the cookie is secure$/);
    assert.match(await found({ name: "sid", secure: false }), /^warning the cookie is not secure/);
    assert.match(await found({ name: "sid" }), /^warning the cookie's name has no __Host- prefix/);
    assert.match(
      await found({ name: "__Secure-a", domain: "a.example", sameSite: "None" }),
      /domain.*\n.*"None"/,
    );
    assert.equal((await withOptions({ cookie: { name: "sid", secure: false } }, "cookie")).code, 1);
  });

  it("each secret by its place, and sessions without an end", async () => {
    const { found } = await withOptions({ secrets: [good, "short"], absoluteAge: null }, "secret");
    assert.match(found.join("\n"), /^ok secrets\[0\] looks random\nerror secrets\[1\] must have at least 32/);
    assert.match(
      (await withOptions({ absoluteAge: null }, "ages")).found[0]!,
      /^warning absoluteAge is null/,
    );
    assert.match(
      (await withOptions({ secrets: "one" }, "secret")).found[0]!,
      /^error secrets must be an array/,
    );
  });

  it("a module's own options, whose store is closed again", async () => {
    const path = `${folder.path}/options.mjs`;
    writeFileSync(
      path,
      `const nothing = () => undefined;
       const store = { load: nothing, create: nothing, save: nothing, rotate: nothing, delete: nothing,
         close() { globalThis.closedByDoctor = true; } };
       export const options = { store, secrets: [${JSON.stringify(good)}], now: Date.now };`,
    );
    assert.equal((await examine(["--options", path], "options")).code, 0);
    assert.equal((globalThis as { closedByDoctor?: boolean }).closedByDoctor, true);
  });
});
