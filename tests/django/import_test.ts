/** `import-django` and `adoptDjango`: what became of a Django site's sessions on the day it was switched off. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { importedId } from "../../backends/django/import/importer.ts";
import { adoptDjango } from "../../backends/django.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { metaOf, withMeta } from "../../src/data/record_head.ts";
import { withProofs } from "../../src/transport/id_proofs.ts";
import { createSessions } from "../../src/sessions.ts";
import type { Session } from "../../src/session.ts";
import type { SessionStore } from "../../src/store.ts";
import { SessionClient } from "../../src/testing.ts";
import { proofOf, storageKey } from "../../src/crypto/session_id.ts";
import { cli, kinds, makeFolder } from "../support/cli/world.ts";
import { day, env, keyOf, makeSite, now, type Rows } from "../support/django/gone_site.ts";

const backend = "django.contrib.auth.backends.ModelBackend";

const rows: Rows = {
  ada: [
    {
      json: `{"_auth_user_id":"7","_auth_user_backend":"${backend}","_auth_user_hash":"ab12","cart":[1,2.0]}`,
    },
    now + day,
  ],
  anonymous: [{ json: `{"10":"ten","text":"\\u00fc\\ud83d\\ude00","__proto__":1}` }, now + day],
  brief: [{ json: `{"a":1,"_session_expiry":300}` }, now + 60_000],
  browser: [{ json: `{"a":1,"_session_expiry":0}` }, now + day],
  fixed: [{ json: `{"a":1,"_session_expiry":"2100-01-01T00:00:00+00:00"}` }, Date.parse("2100-01-01")],
  odd: [{ json: `{"_session_expiry":60.00015}` }, now + 60_000],
  vast: [{ json: `{"_session_expiry":1e300}` }, now + day],
  empty: [{ json: "{}" }, now + day],
  number: [{ json: `{"_auth_user_id":8}` }, now + day],
  expired: [{ json: `{"a":1}` }, now - 1000],
  nan: [{ json: `{"a":NaN}` }, now + day],
  list: [{ json: "[1]" }, now + day],
  forged: ["e30:1r31eq:DSXs_4hRllpPb7Py-41yLIb1S31VZcZL6AXmGH-t7hk", now + day],
  rubbish: ["\u0000", now + day],
};
const unreadable = ["nan", "list", "forged", "rubbish"];

/** A site's visitors before sessions of ours over a store. */
function visitors(store: SessionStore, clock: { now: number }) {
  const secrets = [Uint8Array.from({ length: 32 }, (_, i) => i * 37)];
  const sessions = createSessions({ store: adoptDjango(store), secrets, now: () => clock.now });
  const enter = (cookies: Record<string, string>) => {
    let work: (session: Session) => unknown = () => {};
    const client = new SessionClient(
      sessions.wrap(async (request: Request) => {
        const { session } = request as unknown as { session: Promise<Session> };
        return Response.json(await work(await session) ?? null);
      }),
      { now: () => clock.now },
    );
    for (const [name, value] of Object.entries(cookies)) client.cookies.set(name, value);
    return {
      client,
      async visit<T>(what: (session: Session) => T | Promise<T>): Promise<T> {
        work = what;
        const response = await client.fetch("/");
        assert.equal(response.status, 200);
        return await response.json();
      },
    };
  };
  return { sessions, enter };
}

for (const name of ["sqlite", "file"] as const) {
  describe(`import-django into ${name}`, () => {
    const folder = makeFolder();
    const url = kinds[name]!.url(folder.path, 0);
    const site = `sqlite:${folder.path}/db.sqlite3`;
    const args = ["import-django", site, url, "--secret-env", "DJANGO_SECRET"];
    before(async () => {
      await makeSite(`${folder.path}/db.sqlite3`, rows);
      await using _ = (await kinds[name]!.open(folder.path, 0)).store as SessionStore & AsyncDisposable;
    });
    after(() => folder.remove());

    it("brings every live session over, leaves out what has expired, and names what it cannot read by a tag", async () => {
      const { code, out, err } = await cli([...args, "--json"], { env });
      assert.equal(err, "");
      assert.equal(code, 1);
      const { tags, ...sums } = JSON.parse(out);
      assert.deepEqual(sums, { resumed: false, imported: 9, present: 0, expired: 1, unreadable: 4 });
      const expected = await Promise.all(
        unreadable.map(async (name) => (await storageKey(await importedId(keyOf(name)))).slice(0, 8)),
      );
      assert.deepEqual(tags.toSorted(), expected.toSorted());
    });

    it("run again when it is done, it refuses and changes nothing, and says what --again would do", async () => {
      const { store, close } = await kinds[name]!.open(folder.path, 0);
      const key = await storageKey(await importedId(keyOf("empty")));
      const record = (await store.load(key))!;
      await store.delete(key);
      const { code, out, err } = await cli(args, { env });
      assert.deepEqual([code, out], [1, ""]);
      assert.match(
        err.replaceAll("\n", " "),
        /would bring back every session that was logged out.*use --again/,
      );
      assert.equal(JSON.parse((await cli([...args, "--json"], { env })).err).error.code, "ERR_IMPORTED");
      assert.equal(await store.load(key), undefined);
      await store.create(key, record);
      await close();
    });

    it("with --again it changes nothing that is there and brings what is missing", async () => {
      const { store, close } = await kinds[name]!.open(folder.path, 0);
      const key = await storageKey(await importedId(keyOf("ada")));
      const other = await storageKey(await importedId(keyOf("brief")));
      const record = (await store.load(key))!;
      await store.save(key, { ...record, data: record.data.replace("cart", "bag") }, record.version);
      await store.delete(other);
      const { out } = await cli([...args, "--again"], { env });
      assert.match(out, /^1 session imported\n8 sessions had been imported before\n1 expired row left out\n/);
      assert.match(
        out,
        /4 rows could not be read, or not be kept there: is the secret right\?\n {2}[0-9a-f]{8}\n/,
      );
      assert.match((await store.load(key))!.data, /"bag":\[1,2\.0\]/);
      assert.equal((await store.load(other))!.expiresAt, now + 60_000);
      await close();
    });

    it("users are in the index, lifetimes are kept, and data is spelled as it was", async () => {
      const { store, close } = await kinds[name]!.open(folder.path, 0);
      const load = async (name: string) =>
        (await store.load(await storageKey(await importedId(keyOf(name)))))!;
      assert.equal((await store.list!("7")).entries.length, 1);
      assert.equal((await load("brief")).touchedAt, now + 60_000 - 300_000);
      const noted = async (name: string) => metaOf((await load(name)).head);
      assert.deepEqual(await noted("brief"), { expiry: 300 });
      assert.equal((await load("brief")).data, '{"a":1}');
      assert.equal((await load("odd")).touchedAt, now - 1);
      assert.equal((await load("vast")).touchedAt, now);
      assert.deepEqual(await noted("browser"), { expiry: 0 });
      assert.deepEqual(await noted("fixed"), { expiry: { at: 4102444800000 } });
      assert.deepEqual(await noted("anonymous"), {});
      assert.equal((await load("anonymous")).data, (rows.anonymous![0] as { json: string }).json);
      assert.equal((await load("ada")).userId, "7");
      assert.equal((await load("number")).userId, "8");
      assert.deepEqual(await noted("ada"), { stamp: "ab12" });
      await close();
    });

    it("a visitor with Django's cookie has the session, gets our cookie, and needs Django's no more", async () => {
      const clock = { now };
      const { store, close } = await kinds[name]!.open(folder.path, 0);
      const { sessions, enter } = visitors(store, clock);
      const ada = enter({ sessionid: keyOf("ada") });
      assert.deepEqual(await ada.visit(({ userId }) => userId), "7");
      const tabs = [enter({ sessionid: keyOf("ada") }), enter({ sessionid: keyOf("ada") })];
      await Promise.all(tabs.map((tab, i) => tab.visit((session) => void session.set(`tab${i}`, i))));
      await ada.visit((session) => void session.set("seen", true));
      assert.ok(ada.client.cookies.has("__Host-sid"));
      ada.client.cookies.delete("sessionid");
      assert.deepEqual(
        await ada.visit((session) => [session.get("tab0"), session.get("tab1"), session.get("seen")]),
        [
          0,
          1,
          true,
        ],
      );
      const anonymous = enter({ sessionid: keyOf("anonymous") });
      assert.deepEqual(await anonymous.visit((session) => session.get("text")), "ü\u{1F600}");
      await close();
      void sessions;
    });

    it("after a log-in or a log-out Django's cookie opens nothing", async () => {
      const { store, close } = await kinds[name]!.open(folder.path, 0);
      const { enter } = visitors(store, { now });
      const one = enter({ sessionid: keyOf("anonymous") });
      await one.visit((session) => void session.login("8"));
      assert.equal(await one.visit(({ userId }) => userId ?? null), "8");
      assert.equal(await enter({ sessionid: keyOf("anonymous") }).visit(({ size }) => size), 0);
      const other = enter({ sessionid: keyOf("browser") });
      await other.visit((session) => session.logout());
      assert.equal(await enter({ sessionid: keyOf("browser") }).visit(({ size }) => size), 0);
      await close();
    });
  });
}

/** Puts a session where this id leads to. */
async function put(
  store: SessionStore,
  id: string,
  data: string,
  notes = {},
  userId?: string,
): Promise<void> {
  const proofs = { proof: await proofOf(id), since: now, logins: 0, formers: [] };
  const head = withProofs(withMeta(undefined, notes), proofs);
  const user = userId === undefined ? {} : { userId };
  const times = { createdAt: now, touchedAt: now, expiresAt: now + day };
  await store.create(await storageKey(id), { data, head, ...user, ...times });
}

describe("adopting a Django session", () => {
  const world = () => {
    const store = new MemoryStore();
    const clock = { now };
    return { store, clock, ...visitors(store, clock) };
  };

  it("never leads to a session that was not imported", async () => {
    const { store, enter } = world();
    const id = keyOf("plain"); // an id that has the shape of a Django key
    await put(store, id, `{"a":1}`);
    await put(store, await importedId(keyOf("imported")), `{"a":1}`);
    assert.equal(await enter({ sessionid: id }).visit(({ size }) => size), 0);
    assert.equal(
      await enter({ sessionid: await importedId(keyOf("imported")) }).visit(({ size }) => size),
      0,
    );
    assert.equal(await enter({ sessionid: keyOf("imported") }).visit(({ size }) => size), 1);
  });

  it("a key that leads nowhere is never taken for a new session", async () => {
    const { store, enter } = world();
    for (const planted of [keyOf("planted"), "", "short", "A".repeat(32), "a".repeat(5000), "a;b"]) {
      const one = enter({ sessionid: planted });
      await one.visit((session) => void session.set("a", 1));
      assert.ok(one.client.cookies.has("__Host-sid"));
      assert.equal(await store.load(await storageKey(await importedId(planted))), undefined);
    }
  });

  it("our own cookie goes first, also one that leads nowhere; of two Django cookies none counts", async () => {
    const { store, enter, sessions } = world();
    await put(store, await importedId(keyOf("k")), `{"a":1}`);
    assert.equal(await enter({ sessionid: keyOf("k"), "__Host-sid": "x" }).visit(({ size }) => size), 0);
    const handler = sessions.wrap(async (request: Request) => {
      const { session } = request as unknown as { session: Promise<Session> };
      return Response.json((await session).size);
    });
    const cookie = `sessionid=${keyOf("k")}; sessionid=${keyOf("j")}`;
    const response = await handler(new Request("https://localhost/", { headers: { cookie } }));
    assert.equal(await response.json(), 0);
  });

  it("SR-036 what is written with Django's cookie while that of a log-in is on its way is a 409, and sets none", async () => {
    const { store, clock, sessions } = world();
    await put(store, await importedId(keyOf("k")), `{"a":1}`);
    const handler = sessions.wrap(async (request: Request) => {
      const session = await (request as unknown as { session: Promise<Session> }).session;
      if (request.url.endsWith("/login")) session.login("Zoë");
      else session.set("b", 1);
      return new Response(String(session.size));
    });
    const send = (path: string) =>
      handler(new Request(`https://localhost${path}`, { headers: { cookie: `sessionid=${keyOf("k")}` } }));
    assert.equal((await send("/login")).headers.getSetCookie().length, 1);
    const early = await send("/write");
    assert.deepEqual([early.status, early.headers.get("set-cookie")], [409, null]);
    clock.now += 61_000;
    const late = await send("/write");
    assert.deepEqual([await late.text(), late.headers.getSetCookie().length], ["1", 1]);
  });

  it("an imported session ends when Django's would have ended", async () => {
    const { store, clock, enter } = world();
    await put(store, await importedId(keyOf("k")), `{"a":1}`);
    clock.now = now + day;
    assert.equal(await enter({ sessionid: keyOf("k") }).visit(({ size }) => size), 0);
  });

  it("Django's session auth hash is the stamp: a password changed since ends the log-in", async () => {
    const store = new MemoryStore();
    for (const name of ["a", "b"]) {
      await put(store, await importedId(keyOf(name)), `{"cart":1}`, { stamp: "ab12" }, "7");
    }
    let stamp = "ab12";
    const sessions = createSessions({
      store: adoptDjango(store),
      secrets: [crypto.getRandomValues(new Uint8Array(32))],
      now: () => now,
      stampOf: () => stamp,
    });
    const handler = sessions.wrap(async (request: Request) => {
      const { session } = request as unknown as { session: Promise<Session> };
      return Response.json((await session).userId ?? null);
    });
    const visit = async (name: string) =>
      await (await handler(
        new Request("https://localhost/", { headers: { cookie: `sessionid=${keyOf(name)}` } }),
      )).json();
    assert.equal(await visit("a"), "7");
    stamp = "cd34";
    assert.equal(await visit("b"), null);
    assert.equal(await visit("a"), null);
  });

  it("wrong options are refused", () => {
    assert.throws(() => adoptDjango(new MemoryStore(), { cookieName: "" }), TypeError);
    assert.throws(() => adoptDjango(new MemoryStore(), { name: "x" } as never), TypeError);
  });
});

describe("the cookie of a Django site beside one of ours", () => {
  /** An imported session of ada, and a visitor who has a session of ours as well. */
  async function both() {
    const store = new MemoryStore({ now: () => now });
    const key = keyOf("a");
    const id = await importedId(key);
    const proofs = { proof: await proofOf(id), since: now, logins: 0, formers: [] };
    const record = { data: "{}", userId: "ada", createdAt: now, touchedAt: now, expiresAt: now + day };
    store.create(await storageKey(id), { ...record, head: withProofs("1", proofs) });
    const { enter } = visitors(store, { now });
    const visitor = enter({});
    await visitor.visit((session) => session.set("a", 1));
    visitor.client.cookies.set("sessionid", key);
    return { visitor, onlyDjango: enter({ sessionid: key }) };
  }
  const user = (session: Session) => session.userId ?? null;

  it("leads to nobody after a logout [SR-034]", async () => {
    const { visitor, onlyDjango } = await both();
    assert.equal(await visitor.visit(user), null);
    await visitor.visit((session) => session.logout());
    assert.equal(await onlyDjango.visit(user), null);
  });

  it("leads to nobody after a login as somebody else [SR-016]", async () => {
    const { visitor, onlyDjango } = await both();
    await visitor.visit((session) => session.login("bob"));
    assert.equal(await visitor.visit(user), "bob");
    assert.equal(await onlyDjango.visit(user), null);
  });
});
