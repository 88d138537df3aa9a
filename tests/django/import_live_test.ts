/** The day a real Django site is switched off: its sessions move into a store of ours, and its visitors with them. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { adoptDjango } from "../../backends/django.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import { createSessions } from "../../src/sessions.ts";
import { cli, makeFolder } from "../support/cli/world.ts";
import {
  type DatabaseServer,
  mariaFound,
  postgresFound,
  startMaria,
  startPostgres,
} from "../support/django/databases.ts";
import { startOurs } from "../support/django/ours.ts";
import {
  djangoFound,
  pythonHas,
  type SiteOptions,
  startDjango,
  Visitor,
} from "../support/django/real_site.ts";
import { needs } from "../support/needs.ts";

/** Moves a site, and tells what its visitors find. */
async function move(options: SiteOptions, urlOf: (path: string) => string): Promise<void> {
  const folder = makeFolder();
  const path = `${folder.path}/sessions.db`;
  await using store = await SqliteStore.open(path);
  const secrets = [crypto.getRandomValues(new Uint8Array(32))];
  const sessions = createSessions({
    store: adoptDjango(store),
    secrets,
    cookie: { name: "sid", secure: false },
  });
  await using ours = startOurs(sessions, { user: ({ userId }) => userId });
  await using site = await startDjango(options);
  const sides = { django: site.url, ours: ours.url };
  const [ada, guest, late, gone] = [0, 1, 2, 3].map(() => new Visitor(sides)) as [
    Visitor,
    Visitor,
    Visitor,
    Visitor,
  ];
  await ada.django(["login", "ada"], ["set", "cart", ["ü", 1.5]]);
  await guest.django(["set", "lang", "de"]);
  await late.django(["set", "a", 1], ["expiry", -10]);
  await gone.django(["login", "ada"]);
  await gone.django(["logout"]);
  const { code, out, err } = await cli(
    ["import-django", urlOf(site.path), `sqlite:${path}`, "--secret-env", "KEY", "--json"],
    { now: Date.now, env: () => site.secretKey },
  );
  assert.deepEqual([code, err], [0, ""]);
  assert.deepEqual(JSON.parse(out), {
    resumed: false,
    imported: 2,
    present: 0,
    expired: 1,
    unreadable: 0,
    tags: [],
  });
  const [{ id }] = await new Visitor(sides).django(["user", "ada"]);
  assert.deepEqual(await ada.ours(["user"], ["get", "cart"], ["set", "cart", 2]), [
    String(id),
    ["ü", 1.5],
    null,
  ]);
  ada.client.cookies.delete("sessionid");
  assert.deepEqual(await ada.ours(["user"], ["get", "cart"]), [String(id), 2]);
  assert.deepEqual(await guest.ours(["data"]), [{ lang: "de" }]);
  assert.deepEqual(await late.ours(["data"]), [{}]);
  assert.deepEqual(await gone.ours(["data"]), [{}]);
  assert.deepEqual((await sessions.list(String(id))).length, 1);
  folder.remove();
}

const asUrl = (scheme: string, { user, port, name }: DatabaseServer) =>
  `${scheme}://${user}@127.0.0.1:${port}/${name}`;

describe("live: import-django", () => {
  it("from SQLite", needs("python3-django", djangoFound), () => move({}, (path) => `sqlite:${path}`));

  const postgres = postgresFound && pythonHas("django", "psycopg2");
  it("from PostgreSQL", needs("postgresql, python3-django, python3-psycopg2", postgres), async () => {
    await using server = await startPostgres();
    await move({ database: server.django }, () => asUrl("postgres", server));
  });

  const maria = mariaFound && pythonHas("django", "MySQLdb");
  it("from MariaDB", needs("mariadb-server, python3-django, python3-mysqldb", maria), async () => {
    await using server = await startMaria();
    await move({ database: server.django }, () => asUrl("mysql", server));
  });
});
