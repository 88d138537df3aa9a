/** The command line on real stores: what a person reads in 80 columns, and what a program reads as JSON. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { statsOf } from "../../cli/stats.ts";
import { cli, day, furnish, hour, kinds, makeFolder, minute, start } from "../support/cli/world.ts";
import { type Server, skip as noRedis, startServer } from "../support/redis/server.ts";

for (const [title, kind] of Object.entries(kinds)) {
  const isRedis = title === "redis";
  describe(`the command line on ${title}`, { skip: isRedis && noRedis }, () => {
    const folder = makeFolder();
    let server: Server | undefined;
    let url: string;
    let port = 0;

    before(async () => {
      if (isRedis) server = await startServer();
      port = server?.port ?? 0;
      url = kind.url(folder.path, port);
      const { store, close } = await kind.open(folder.path, port);
      await furnish(store);
      await close();
    });

    after(async () => {
      await server?.stop();
      folder.remove();
    });

    it("stats reads well", async () => {
      const { code, out } = await cli(["stats", url]);
      assert.equal(code, 0);
      const lines = out.replace(/\d+ bytes, \d+ bytes each/, "N bytes").split("\n");
      const full = "█".repeat(60);
      assert.deepEqual(lines, [
        `Sessions in ${url}`,
        "",
        "  live      3   43 %",
        "  expired   4   57 %",
        "  data      N bytes",
        "  oldest    3 days",
        "",
        "Age of the 3 live ones",
        "",
        `  under 1 hour   1  ${full}`,
        `  1 to 24 hours  1  ${full}`,
        `  1 to 7 days    1  ${full}`,
        "  7 to 30 days   0",
        "  30 to 90 days  0",
        "  over 90 days   0",
        "",
      ]);
    });

    it("stats as JSON", async () => {
      const { code, out } = await cli(["stats", "--json", url]);
      const { bytes, ages, ...found } = JSON.parse(out);
      assert.equal(code, 0);
      assert.ok(bytes > 7 * 30 && bytes < 7 * 200);
      assert.deepEqual(found, {
        store: url,
        at: start + 2 * hour,
        live: 3,
        expired: 4,
        damaged: 0,
        oldest: start - 3 * day,
        newest: start + 2 * hour - minute,
      });
      assert.deepEqual(ages.map(({ sessions }: { sessions: number }) => sessions), [1, 1, 1, 0, 0, 0]);
      assert.deepEqual([ages[0].from, ages[0].to, ages[5].to], [0, 3600, null]);
    });

    it("list shows handles, labels that cannot steer a terminal, and times", async () => {
      const { code, out } = await cli(["list", url, "--user", "ada"]);
      assert.equal(code, 0);
      assert.equal(
        out.replace(/^[0-9a-f]{64}$/gm, "HANDLE"),
        `2 live sessions of ada

HANDLE
  Safari on iPhone
  created 60 seconds ago, active 60 seconds ago, ends in 13 days

HANDLE
  Firefox\u{FFFD}[2J on Linux
  created 3 days ago, active 3 days ago, ends in 10 days
`,
      );
      assert.equal((await cli(["list", url, "--user", "nobody"])).out, "0 live sessions of nobody\n");
    });

    it("list as JSON", async () => {
      const { out } = await cli(["list", url, "--user", "bob", "--json"]);
      const { user, sessions: [session, ...others] } = JSON.parse(out);
      const { handle, expiresAt, ...times } = session;
      assert.deepEqual([user, others], ["bob", []]);
      assert.match(handle, /^[0-9a-f]{64}$/);
      assert.ok(expiresAt > start + 13 * day);
      assert.deepEqual(times, { createdAt: start, touchedAt: start });
    });

    it("doctor finds nothing amiss but the mode that Deno KV gives its file", async () => {
      const { code, out } = await cli(["doctor", url]);
      assert.match(out, new RegExp(`^Checks of ${url}\n\n  ok       the clock`));
      assert.match(out, /ok {7}the store opens and responds/);
      assert.match(out, /ok {7}4 of 7 records expired/);
      assert.equal(code, title === "kv" ? 1 : 0, out);
    });

    it("revoke ends one session, with --user only if it is theirs", async () => {
      const { out } = await cli(["list", url, "--user", "ada", "--json"]);
      const [{ handle }] = JSON.parse(out).sessions;
      assert.deepEqual(await cli(["revoke", url, handle, "--user", "bob"]), {
        code: 1,
        out: "There is no such session\n",
        err: "",
      });
      assert.equal((await cli(["revoke", url, handle, "--user", "ada"])).out, "1 session ended\n");
      assert.deepEqual(await cli(["revoke", url, handle, "--json"]), {
        code: 1,
        out: '{"ended":0}\n',
        err: "",
      });
      assert.match((await cli(["list", url, "--user", "ada"])).out, /^1 live session of ada\n/);
    });

    it("revoke ends all sessions of a user when it is told to", async () => {
      assert.deepEqual(await cli(["revoke", url, "--user", "ada", "--all"]), {
        code: 0,
        out: "1 session ended\n",
        err: "",
      });
      assert.equal((await cli(["revoke", url, "--user", "ada", "--all", "--json"])).out, '{"ended":0}\n');
      assert.match((await cli(["list", url, "--user", "bob"])).out, /^1 live session of bob\n/);
    });

    it("list and revoke go through all pages of a user with many sessions", async () => {
      const { store, close } = await kind.open(folder.path, port);
      const keys = Array.from({ length: 230 }, (_, n) => n.toString(16).padStart(64, "0"));
      const instants = { createdAt: start, touchedAt: start, expiresAt: start + 30 * day };
      for (const key of keys) await store.create(key, { data: "{}", head: "1", userId: "Zoë", ...instants });
      await close();
      const { out } = await cli(["list", url, "--user", "Zoë", "--json"]);
      const handles: string[] = JSON.parse(out).sessions.map(({ handle }: { handle: string }) => handle);
      assert.deepEqual(handles.sort(), keys);
      assert.equal((await cli(["revoke", url, "--user", "Zoë", "--all"])).out, "230 sessions ended\n");
      assert.equal((await cli(["list", url, "--user", "Zoë"])).out, "0 live sessions of Zoë\n");
    });

    it("clearsessions removes what has expired, and no more", async () => {
      const ended = isRedis ? [0, 0] : [1, 3]; // Redis removes them itself, by its own clock
      assert.deepEqual(await cli(["clearsessions", url, "--limit", "1"]), {
        code: 0,
        out: isRedis ? "0 expired sessions removed\n" : "1 expired session removed\n",
        err: "",
      });
      assert.equal((await cli(["clearsessions", url, "--json"])).out, `{"removed":${ended[1]}}\n`);
      assert.equal(JSON.parse((await cli(["stats", url, "--json"])).out).live, 1);
    });
  });
}

describe("the command line and other prefixes and tables", () => {
  const folder = makeFolder();
  after(() => folder.remove());

  it("looks where it is told", { skip: noRedis }, async () => {
    const server = await startServer();
    try {
      const { clients } = await import("../support/redis/clients.ts");
      const { RedisStore } = await import("../../backends/redis.ts");
      const { client, close } = await clients["node-redis"]!(server.port);
      await furnish(new RedisStore(client, { prefix: "shop:" }));
      close();
      const url = `redis://127.0.0.1:${server.port}/0`;
      assert.equal(JSON.parse((await cli(["stats", url, "--json"])).out).live, 0);
      assert.equal(JSON.parse((await cli(["stats", url, "--prefix", "shop:", "--json"])).out).live, 3);
    } finally {
      await server.stop();
    }
  });

  it("a table of another name", async () => {
    const { SqliteStore } = await import("../../backends/sqlite.ts");
    const store = await SqliteStore.open(`${folder.path}/s.db`, { table: "shop" });
    await furnish(store);
    await store.close();
    const url = `sqlite://${folder.path}/s.db`;
    assert.equal(JSON.parse((await cli(["stats", url, "--table", "shop", "--json"])).out).live, 3);
    const { code, err } = await cli(["stats", url]);
    assert.deepEqual([code, err], [
      3,
      "The database has no table sojourn_session, and the command line does not create one\n",
    ]);
  });

  it("a store that cannot count says so", async () => {
    await assert.rejects(statsOf({} as never, 0), { code: "ERR_UNSUPPORTED", message: /cannot count/ });
  });
});
