/** `import-django` as it is typed: what it says, where nobody watches and on a terminal, and what it refuses. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { SqliteStore } from "../../backends/sqlite.ts";
import type { SessionStore } from "../../src/store.ts";
import { cli, kinds, makeFolder } from "../support/cli/world.ts";
import { day, env, makeSite, now } from "../support/django/gone_site.ts";

describe("import-django on the command line", () => {
  const folder = makeFolder();
  const url = `sqlite:${folder.path}/sessions.db`;
  const site = `sqlite:${folder.path}/db.sqlite3`;
  before(async () => {
    const many = Array.from(
      { length: 10_300 },
      (_, i) => [`many${i}x`, [{ json: `{"n":${i}}` }, now + day]] as const,
    );
    await makeSite(`${folder.path}/db.sqlite3`, Object.fromEntries(many));
    await using _ = (await kinds["sqlite"]!.open(folder.path, 0)).store as SessionStore & AsyncDisposable;
  });
  after(() => folder.remove());
  const args = ["import-django", site, url, "--secret-env", "DJANGO_SECRET"];

  it("writes a line now and then where nobody watches", async () => {
    const { code, out } = await cli(args, { env });
    assert.equal(out, "10,000 rows read so far\n10,300 sessions imported\n");
    assert.equal(code, 0);
  });

  it("draws a bar on a terminal, and takes it away", async () => {
    const { out } = await cli([...args, "--again"], { env, isTerminal: true, columns: 60 });
    assert.ok(out.endsWith("\r\x1b[K0 sessions imported\n10,300 sessions had been imported before\n"));
    const drawn = out.split("\r\x1b[K").slice(0, -1);
    assert.match(drawn.at(-1)!, /^█+ 100 % {2}10,300 of 10,300$/);
    for (const line of drawn) assert.ok([...line].length <= 60, line);
  });

  it("a wrong secret imports nothing, and says so", async () => {
    const { code, out } = await cli([...args, "--again", "--json"], { env: () => "wrong" });
    assert.equal(code, 1);
    assert.equal(JSON.parse(out).imported, 0);
    assert.equal(JSON.parse(out).unreadable, 10_300);
  });

  it("a wrong secret in the first run does not stand in the way of the right one", async () => {
    const ref = `sqlite:${folder.path}/wrong.db`;
    await (await SqliteStore.open(`${folder.path}/wrong.db`)).close();
    const wrong = ["import-django", site, ref, "--secret-env", "DJANGO_SECRET", "--json"];
    assert.equal((await cli(wrong, { env: () => "wrong" })).code, 1);
    const { code, out } = await cli(wrong, { env });
    assert.equal(code, 0);
    assert.equal(JSON.parse(out).imported, 10_300);
  });

  it("wrong arguments and databases are told apart", async () => {
    const wrong = async (expected: number, message: RegExp, ...more: string[]) => {
      const { code, err, out } = await cli(more, { env });
      assert.equal(code, expected);
      assert.match(err, message);
      assert.equal(out, "");
    };
    const [command, , , ...secret] = args as [string, string, string, ...string[]];
    await wrong(2, /--secret-env is missing/, command, site, url);
    await wrong(2, /that --secret-env names is not set/, command, site, url, "--secret-env", "NOTHING");
    await wrong(2, /as sqlite:PATH,\s+postgres:/, command, "oracle://x", url, ...secret);
    await wrong(2, /SESSION_COOKIE_AGE/, ...args, "--cookie-age", "1.5");
    await wrong(3, /no file of that name/, command, `${site}x`, url, ...secret);
    await wrong(3, /no table other/, ...args, "--django-table", "other");
  });
});
