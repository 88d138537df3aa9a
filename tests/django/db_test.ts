/** `DjangoDbStore` on the site's own table: dates, expiry, statements, what is wrong with a table, busy databases. */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { readDate, toColumn, toExpiry } from "../../backends/django/format/dates.ts";
import { DjangoDbStore } from "../../backends/django.ts";
import { SessionError } from "../../mod.ts";
import { DjangoSite, schema, sign, start, twoWeeks } from "../support/django/site.ts";
import { connect, Driver, run, trouble, watched } from "../support/sqlite/rig.ts";

const folder = mkdtempSync(join(tmpdir(), "sojourn-django-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const path = () => join(folder, `${++files}.sqlite3`);

/** A file with the site's table. */
function siteFile(statements: readonly string[] = schema): string {
  const file = path();
  const database = connect(file);
  for (const statement of statements) run(database, statement);
  database.close();
  return file;
}

describe("the site's table", () => {
  it("DJ-040 a row that the site wrote is read, also one that it has changed since", async () => {
    const site = new DjangoSite();
    const key = await site.begin();
    const text = await sign('{"color":"red"}');
    run(site.database, `UPDATE django_session SET session_data = '${text}' WHERE session_key = '${key}'`);
    assert.equal(await site.see((session) => session.get("color"), key), "red");
  });

  it("DJ-041 DJ-042 clearExpired removes the rows that have expired, and only those", async () => {
    const site = new DjangoSite();
    await site.put("expires-in-an-hour", "{}", start + 3_600_000);
    await site.put("expired-an-hour-ago", "{}", start - 3_600_000);
    assert.equal(await site.sessions.clearExpired(), 1);
    assert.notEqual(site.row("expires-in-an-hour"), undefined);
    for (let n = 0; n < 5; n++) await site.put(`expired-row-${n}`, "{}", start - 1000 * n - 1);
    assert.equal(await site.sessions.clearExpired({ limit: 3 }), 3);
    assert.equal(site.rows, 3);
  });

  it("DJ-043 local time: rows are written and read by the local clock", async () => {
    const site = new DjangoSite({ useTz: false });
    const key = await site.begin();
    const { expire_date } = site.row(key)!;
    assert.equal(expire_date, toColumn(start + twoWeeks * 1000, false));
    site.clock.now += twoWeeks * 1000 - 1000;
    assert.equal(await site.see((session) => session.get("color"), key), "blue");
    site.clock.now += 1000;
    assert.equal(await site.see((session) => session.get("color"), key), undefined);
    assert.equal(await site.sessions.clearExpired(), 0, "Django clears what ended before now, not now");
    site.clock.now += 1;
    assert.equal(await site.sessions.clearExpired(), 1);
  });

  it("DX-033 a read is one statement, a save is one transaction", async () => {
    const site = new DjangoSite();
    const key = await site.begin();
    const { database, ran } = watched(site.database);
    const store = new DjangoDbStore(database);
    const sessions = site.other({ store });
    ran.length = 0;
    const verbs = () => ran.splice(0).map((sql) => sql.split(" ")[0]);
    const session = await sessions.open(key);
    assert.deepEqual(verbs(), ["SELECT"]);
    session.get("color");
    session.clear();
    assert.deepEqual(verbs(), []);
    session.set("a", 1);
    await session.save();
    assert.deepEqual(verbs(), ["BEGIN", "UPDATE", "COMMIT"]);
    session.cycleKey();
    await session.save();
    assert.deepEqual(verbs(), ["BEGIN", "UPDATE", "COMMIT"]);
    await session.flush();
    assert.deepEqual(verbs(), ["BEGIN", "DELETE", "COMMIT"]);
  });

  it("DX-034 a row with a bad signature is left alone, its cookie too, and a write takes a new key", async () => {
    const site = new DjangoSite();
    const text = await sign('{"a":1}', { key: "the key of another site" });
    const key = await site.put("k".repeat(32), { text });
    const read = await site.visit((session) => session.get("a"), key);
    assert.equal(read.headers.get("set-cookie"), null);
    const written = await site.visit((session) => session.set("b", 2), key);
    assert.doesNotMatch(written.headers.get("set-cookie")!, /sessionid=kkkk/);
    assert.equal(site.row(key)?.session_data, text);
    assert.equal(site.rows, 2);
  });

  it("DX-035 DX-095 an expired row is no session, and still there; its cookie is deleted when it was read", async () => {
    const site = new DjangoSite();
    const key = await site.put("k".repeat(32), '{"a":1}', start);
    const answer = await site.visit((session) => assert.equal(session.get("a"), undefined), key);
    assert.match(answer.headers.get("set-cookie")!, /^sessionid="";/);
    assert.equal((await site.sessions.open(key)).id, undefined);
    assert.equal(site.rows, 1);
    assert.deepEqual(site.types(), ["expired", "expired"]);
  });

  it("DX-037 a session until the browser closes ends after the cookie age all the same", async () => {
    const site = new DjangoSite();
    const key = await site.begin((session) => session.setExpiry(0));
    assert.equal(site.row(key)?.expire_date, site.column(start + twoWeeks * 1000));
    assert.equal(await site.json(key), '{"_session_expiry":0}');
  });

  it("DX-038 dates have six digits, or none at zero, a space in the middle, and are UTC", () => {
    assert.equal(toColumn(start, true), "2027-01-15 08:00:00");
    assert.equal(toColumn(start + 7, true), "2027-01-15 08:00:00.007000");
    assert.equal(toExpiry(start + 120, true), "2027-01-15T08:00:00.120000+00:00");
    const local = toColumn(start + 120, false);
    const { timezone } = { timezone: new Date(start).getTimezoneOffset() };
    assert.equal(local, toColumn(start + 120 - timezone * 60_000, true));
    assert.match(toExpiry(start, false), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
    assert.equal(toColumn(8.64e15, true), "9999-12-30 00:00:00", "what Python's dates hold");
    assert.equal(toColumn(-8.64e15, true), "0001-01-02 00:00:00");
  });

  it("DX-039 dates that others spelled are read too", async () => {
    for (
      const text of [
        "2027-01-15 08:00:00.500000",
        "2027-01-15T08:00:00.500Z",
        "2027-01-15 08:00:00.5",
        "2027-01-15 09:30:00.500+01:30",
        "2027-01-15T08:00:00.500000+00:00",
      ]
    ) {
      assert.equal(readDate(text, true), start + 500, text);
    }
    for (const text of ["", "now", "2027-13-15 08:00:00", "2027-01-15", "2027-01-15 25:00:00"]) {
      assert.equal(readDate(text, true), undefined, text);
    }
    for (const [text, at] of [["0098-03-04 05:06:07", "0098"], ["0001-03-04 05:06:07", "0001"]] as const) {
      assert.equal(readDate(text, true), Date.parse(`${at}-03-04T05:06:07Z`), "no year of the 1900s");
      assert.equal(new Date(readDate(text, false)!).getFullYear(), Number(at));
    }
    for (const at of [start, start + 1, 0, 1_800_003_600_123]) {
      for (const useTz of [true, false]) assert.equal(readDate(toColumn(at, useTz), useTz), at);
    }
    const site = new DjangoSite();
    const key = await site.put("k".repeat(32), '{"a":1}');
    run(site.database, "UPDATE django_session SET expire_date = '2027-01-16T08:00:00Z'");
    assert.equal(await site.see((session) => session.get("a"), key), 1);
  });

  it("a row whose date is none is an anonymous visitor and an event", async () => {
    const site = new DjangoSite();
    const key = await site.put("k".repeat(32), '{"a":1}');
    run(site.database, "UPDATE django_session SET expire_date = 'tomorrow'");
    assert.equal(await site.see((session) => session.get("a"), key), undefined);
    assert.deepEqual(site.types(), ["damaged"]);
    assert.equal(site.rows, 1);
  });
});

describe("opening the site's database", () => {
  it("works on a file that Django made, and changes neither its schema nor its journal mode", async () => {
    for (const mode of ["delete", "wal"]) {
      const file = siteFile([`PRAGMA journal_mode = ${mode}`, ...schema]);
      const store = await DjangoDbStore.open(file);
      await store.create("some-key", { text: "t", expiresAt: start });
      await store.close();
      await store.close();
      const database = connect(file);
      assert.equal(run(database, "PRAGMA journal_mode"), mode);
      assert.equal(
        run(database, "SELECT group_concat(sql, ';') FROM sqlite_master WHERE sql NOT NULL"),
        schema.join(";"),
      );
      database.close();
      await assert.rejects(async () => await store.load("some-key"), { code: "ERR_STORE" });
    }
  });

  it("says that there is no such file, and makes none", async () => {
    const file = path();
    const error = await trouble(() => DjangoDbStore.open(file), "ERR_STORE");
    assert.match(error.message, /no such file/);
    assert.equal(existsSync(file), false);
    assert.match(
      (await trouble(() => DjangoDbStore.open(folder), "ERR_STORE")).message,
      /: it is not a file/,
    );
  });

  it("says that the table is missing, or has other columns", async () => {
    const missing = await trouble(() => DjangoDbStore.open(siteFile([])), "ERR_STORE");
    assert.match(missing.message, /no table "django_session".*migrate/);
    for (
      const columns of [
        "session_key varchar(40) PRIMARY KEY, session_data text NOT NULL",
        "session_key varchar(40), session_data text, expire_date datetime",
        "session_key varchar(40) PRIMARY KEY, session_data text, expire_date datetime, site integer NOT NULL",
      ]
    ) {
      const file = siteFile([`CREATE TABLE django_session (${columns})`]);
      const error = await trouble(() => DjangoDbStore.open(file), "ERR_STORE");
      assert.match(error.message, /session_key, session_data, expire_date/);
    }
  });

  it("DJ-044 takes a site's own table that has more columns, as long as those may be empty", async () => {
    const table = `CREATE TABLE own (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL,
      expire_date datetime NOT NULL, account_id integer NULL)`;
    await using store = await DjangoDbStore.open(siteFile([table]), { table: "own" });
    assert.equal(await store.create("some-key", { text: "t", expiresAt: start }), true);
  });

  it("says of a file that is no database that it is damaged", async () => {
    const file = path();
    writeFileSync(file, "This is no database. ".repeat(100));
    await trouble(() => DjangoDbStore.open(file), "ERR_DAMAGED");
  });

  it("SR-055 a site's file that is replaced below a running server is noticed, and a damaged one is trouble", async () => {
    const file = siteFile();
    const other = siteFile();
    await using store = await DjangoDbStore.open(file);
    assert.equal(await store.load("some-key"), undefined);
    renameSync(other, file);
    const end = performance.now() + 3_000;
    let error: unknown;
    while (error === undefined && performance.now() < end) {
      await setTimeout(20);
      await Promise.resolve().then(() => store.load("some-key")).catch((found) => error = found);
    }
    assert.equal((error as SessionError)?.code, "ERR_STORE");
    assert.match((error as SessionError).message, /removed or replaced/);
    const refused = await trouble(
      () => store.create("some-key", { text: "t", expiresAt: start }),
      "ERR_STORE",
    );
    assert.match(refused.message, /removed or replaced/);

    const damaged = siteFile();
    const bytes = readFileSync(damaged);
    writeFileSync(damaged, bytes.fill(0xff, bytes.readUInt16BE(16)));
    await using served = await DjangoDbStore.open(damaged);
    await trouble(() => served.load("some-key"), "ERR_STORE");
  });

  it(
    "refuses a connection whose rows have no names",
    { skip: "Bun" in globalThis && "no such option" },
    () => {
      const database = new Driver(siteFile(), { returnArrays: true });
      assert.throws(() => new DjangoDbStore(database), { name: "TypeError", message: /returnArrays: true/ });
      database.close();
    },
  );

  it("refuses wrong options", async () => {
    for (const options of [{ useTZ: true }, { timeout: "2" }, { table: "a b" }, { useTz: 1 }]) {
      await assert.rejects(DjangoDbStore.open(":memory:", options as never), TypeError);
    }
    await assert.rejects(DjangoDbStore.open(":memory:", { timeout: 0 }), RangeError);
    await assert.rejects(DjangoDbStore.open(":memory:", { timeout: 86_401 }), RangeError);
    await assert.rejects(DjangoDbStore.open(7 as never), TypeError);
    assert.throws(() => new DjangoDbStore({} as never), TypeError);
  });
});

describe("a busy database", () => {
  it("SR-055 is waited for without holding up the event loop", async () => {
    const file = siteFile();
    await using store = await DjangoDbStore.open(file);
    const other = connect(file);
    run(other, "BEGIN EXCLUSIVE");
    const [write, read] = [store.create("some-key", { text: "t", expiresAt: start }), store.load("some-key")];
    let turns = 0;
    const timer = setInterval(
      () => ++turns >= 5 && run(other, "COMMIT") === undefined && clearInterval(timer),
      5,
    );
    assert.equal(await write, true);
    await read;
    assert.ok(turns >= 5);
    clearInterval(timer);
    other.close();
  });

  it("is given up after the time limit, and the request is answered with 503", async () => {
    const file = siteFile();
    await using store = await DjangoDbStore.open(file, { timeout: 0.05 });
    const site = new DjangoSite();
    const sessions = site.other({ store });
    const other = connect(file);
    run(other, "BEGIN EXCLUSIVE");
    const answer = await sessions.wrap(async (request) => {
      (await request.session).set("a", 1);
      return new Response();
    })(new Request("https://site.test/"));
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get("set-cookie"), null);
    run(other, "ROLLBACK");
    other.close();
  });

  it("an error of the database is trouble, never a session that was deleted", async () => {
    const site = new DjangoSite();
    const key = await site.begin();
    const session = await site.sessions.open(key);
    run(
      site.database,
      "CREATE TRIGGER fail BEFORE UPDATE ON django_session BEGIN SELECT RAISE(FAIL, 'no'); END",
    );
    session.set("a", 1);
    await assert.rejects(
      session.save(),
      (error) => error instanceof SessionError && error.code === "ERR_STORE",
    );
  });
});
