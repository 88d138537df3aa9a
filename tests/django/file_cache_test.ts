/** Django's engines `file` and `cache` behind `djangoSessions`: what the specification says of them. */

import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { Redis } from "ioredis";
import { DjangoCacheStore, DjangoFileStore, djangoSessions } from "../../backends/django.ts";
import type { Session, Sessions } from "../../mod.ts";
import { sign } from "../support/django/site.ts";
import { needs } from "../support/needs.ts";
import { type Server, skip as noRedis, startServer } from "../support/redis/server.ts";

const secretKey = "django-insecure-1";

/** One request with a session key; what `work` gives, and the key afterwards: `null` if the cookie was taken back. */
async function visit<T>(
  sessions: Sessions,
  key: string | undefined,
  work: (session: Session) => T | Promise<T>,
): Promise<{ seen: T; status: number; key: string | null | undefined; vary: string | null }> {
  const seen: T[] = [];
  const headers: Record<string, string> = key === undefined ? {} : { cookie: `sessionid=${key}` };
  const response = await sessions.wrap(async (request: Request) => {
    seen.push(await work(await (request as unknown as { session: Promise<Session> }).session));
    return new Response();
  })(new Request("https://site.test/", { headers }));
  const value = /^sessionid=("?)([^;"]*)\1/.exec(response.headers.get("set-cookie") ?? "")?.[2];
  return {
    seen: seen[0]!,
    status: response.status,
    key: value === undefined ? undefined : value || null,
    vary: response.headers.get("vary"),
  };
}

const begin = async (sessions: Sessions, name = "a") =>
  (await visit(sessions, undefined, (session) => void session.set(name, 1))).key!;
const dataOf = (session: Session) => ({ ...session.toObject() });

describe("Django's engine file", () => {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-django-engine-"));
  after(() => rmSync(folder, { recursive: true }));
  const clock = { now: Date.now() };
  let sessions: Sessions;
  const open = async (cookieAge = 1_209_600, where: string | URL = folder) =>
    djangoSessions({
      secretKey,
      store: await DjangoFileStore.open(where),
      sessionCookieAge: cookieAge,
      now: () => clock.now,
    });
  before(async () => sessions = await open());
  const file = (key: string) => join(folder, `sessionid${key}`);
  const age = (key: string, seconds: number) => {
    const time = clock.now / 1000 - seconds;
    utimesSync(file(key), time, time);
  };

  it("DJ-051 a folder that does not exist is told when the store is opened", async () => {
    await assert.rejects(DjangoFileStore.open(join(folder, "nowhere")), { code: "ERR_STORE" });
  });

  it("DJ-054 of three files the two that are over are cleared, whatever ends them", async () => {
    const ref = mkdtempSync(join(folder, "cleared-"));
    const brief = await open(1, ref);
    const lasting = (await visit(brief, undefined, (session) => {
      session.set("a", 1);
      session.setExpiry(3600);
    })).key!;
    const past = (await visit(brief, undefined, (session) => session.set("a", 1))).key!;
    await visit(brief, past, (session) => session.setExpiry(-3600));
    await begin(brief);
    clock.now += 5000;
    await brief.clearExpired();
    assert.deepEqual(readdirSync(ref).filter((name) => name.startsWith("sessionid")), [
      `sessionid${lasting}`,
    ]);
    clock.now -= 5000;
  });

  it("DJ-055 the folder may be given as a URL", async () => {
    const other = await open(1_209_600, pathToFileURL(folder));
    const key = await begin(other);
    assert.deepEqual((await visit(sessions, key, dataOf)).seen, { a: 1 });
  });

  it("DX-049 a file has the cookie's name and the key for a name, a signed text without a newline, and is its owner's alone", async () => {
    const key = await begin(sessions);
    assert.match(readFileSync(file(key), "latin1"), /^eyJhIjoxfQ:[0-9A-Za-z]{6}:[\w-]{43}$/);
    assert.equal(statSync(file(key)).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder).filter((name) => name.includes("_out_")), []);
  });

  it("DX-050 a number ends a session by the time of its file, which Django forgets", async () => {
    const key = await begin(sessions);
    await visit(sessions, key, (session) => session.setExpiry(60));
    age(key, 50);
    assert.deepEqual((await visit(sessions, key, dataOf)).seen, { a: 1, _session_expiry: 60 });
    age(key, 70);
    assert.deepEqual((await visit(sessions, key, dataOf)).seen, {});
  });

  it("DX-051 a file older than the cookie age is no session; nothing is made in its place, and clearing takes it", async () => {
    const key = await begin(sessions);
    age(key, 1_209_700);
    const { seen, key: after } = await visit(sessions, key, dataOf);
    assert.deepEqual(seen, {});
    assert.equal(after, null);
    await sessions.clearExpired();
    assert.equal(existsSync(file(key)), false);
  });

  it("DX-052 DX-053 rubbish, nothing at all and bytes outside ASCII are an empty session, and stay where they are", async () => {
    for (const content of ["rubbish", "", new Uint8Array([0xff, 0xfe, 0x3a]), await sign("[1]")]) {
      const key = "damaged0damaged0damaged0damaged0";
      writeFileSync(file(key), content);
      const { seen, status } = await visit(sessions, key, dataOf);
      assert.deepEqual([seen, status], [{}, 200]);
      const { key: fresh } = await visit(sessions, key, (session) => void session.set("a", 2));
      assert.notEqual(fresh, key);
      assert.deepEqual(readFileSync(file(key)), Buffer.from(content as string));
    }
    await sessions.clearExpired();
  });

  it("DJ-052 DJ-053 DX-054 a key with other characters leads nowhere, and no file is looked for", async () => {
    writeFileSync(join(folder, "secret"), await sign(`{"a":1}`, { at: clock.now }));
    for (const key of ["/../secret", "..\\..\\secret", "ABCDEFGHIJKL", "a.b.c.d.e.f"]) {
      const { seen, key: after } = await visit(sessions, key, dataOf);
      assert.deepEqual([seen, after], [{}, null]);
    }
    assert.equal(existsSync(join(folder, "secret")), true);
  });

  it("DX-055 what a killed process left beside the files is cleared, and what Django left is not ours", async () => {
    const left = `${file("abcdefgh")}_out_x`;
    writeFileSync(left, "half");
    const work = join(folder, ".sojourn-sessionid", "AbandonedAbandon");
    writeFileSync(work, "half");
    utimesSync(work, 1_000_000_000, 1_000_000_000);
    await sessions.clearExpired();
    assert.equal(existsSync(work), false);
    assert.equal(existsSync(left), true);
  });

  it("DX-056 a write that fails is told, and what was there stays", async () => {
    const key = await begin(sessions);
    const work = join(folder, ".sojourn-sessionid");
    const before = readFileSync(file(key), "latin1");
    rmSync(work, { recursive: true });
    writeFileSync(work, "no folder");
    const { status } = await visit(sessions, key, (session) => void session.set("a", 2));
    rmSync(work);
    assert.equal(status >= 500, true);
    assert.equal(readFileSync(file(key), "latin1"), before);
    await visit(sessions, key, (session) => void session.set("a", 3));
    assert.deepEqual((await visit(sessions, key, dataOf)).seen, { a: 3 });
  });

  it("DX-057 without a key there is nothing to look for", async () => {
    const { seen, key } = await visit(sessions, undefined, dataOf);
    assert.deepEqual([seen, key], [{}, undefined]);
  });

  it("another cookie name than that of the files is refused", async () => {
    const store = await DjangoFileStore.open(folder, { cookieName: "other" });
    assert.throws(() => djangoSessions({ secretKey, store }), /cookie name/);
    djangoSessions({ secretKey, store, sessionCookieName: "other" });
  });
});

describe("Django's engine cache", noRedis ? needs("redis-server", false) : {}, () => {
  let server: Server;
  let client: Redis;
  let sessions: Sessions;
  const name = (key: string) => `:1:django.contrib.sessions.cache${key}`;
  before(async () => {
    server = await startServer();
    client = new Redis(server.port, "127.0.0.1");
    sessions = djangoSessions({ secretKey, store: new DjangoCacheStore(client as never) });
  });
  after(async () => {
    client?.disconnect();
    await server?.stop();
  });

  it("DJ-056 a key of 1240 characters leads nowhere", async () => {
    assert.deepEqual((await visit(sessions, "a".repeat(1240), dataOf)).seen, {});
  });

  it("DJ-057 DJ-059 DX-048 the entry has Django's key, plain JSON, and the session's life", async () => {
    const key = await begin(sessions);
    assert.equal(await client.get(name(key)), `{"a":1}`);
    const life = await client.pttl(name(key));
    assert.ok(life > 1_209_000_000 && life <= 1_209_600_000);
    await visit(sessions, key, (session) => session.setExpiry(60));
    assert.ok(await client.pttl(name(key)) <= 60_000);
  });

  it("DJ-058 another cache is another prefix or version, and the default has nothing", async () => {
    const store = new DjangoCacheStore(client as never, { keyPrefix: "other", version: 2 });
    const key = await begin(djangoSessions({ secretKey, store }));
    assert.equal(await client.exists(`other:2:django.contrib.sessions.cache${key}`), 1);
    assert.equal(await client.exists(name(key)), 0);
  });

  it("an entry that is gone is no session any more, also while a request runs", async () => {
    const key = await begin(sessions);
    const { status } = await visit(sessions, key, async (session) => {
      await client.del(name(key));
      session.set("a", 2);
    });
    assert.equal(status, 400);
    assert.equal(await client.exists(name(key)), 0);
  });

  it("DX-047 saved with an end in the past it is gone, and another save does not bring it back", async () => {
    const key = await begin(sessions);
    await visit(sessions, key, async (session) => {
      session.setExpiry(-10);
      await session.save();
      session.set("a", 2);
    });
    while (await client.exists(name(key)));
    assert.deepEqual((await visit(sessions, key, dataOf)).seen, {});
  });

  it("DX-045 DX-046 a cache that fails is told at once: no visitor is taken for a new one, and no key tried twice", async () => {
    let calls = 0;
    const failing = {
      isOpen: true,
      sendCommand: () => Promise.reject(new Error(`OOM ${++calls}`)),
    };
    const broken = djangoSessions({ secretKey, store: new DjangoCacheStore(failing) });
    const answer = await visit(broken, "a".repeat(32), dataOf);
    assert.equal(answer.status, 503);
    const write = await visit(broken, undefined, (session) => void session.set("a", 1));
    assert.equal(write.status, 503);
    assert.equal(calls, 2);
  });

  it("a pickled entry is an error of the site, not a visitor without a session", async () => {
    const key = "pickled0pickled0pickled0pickled0";
    await client.set(name(key), Buffer.from("80049506000000000000007d9494752e", "hex"));
    await assert.rejects(visit(sessions, key, dataOf), { code: "ERR_UNSUPPORTED" });
    assert.equal(await client.exists(name(key)), 1);
  });

  it("parallel writers lose nothing", async () => {
    const key = await begin(sessions);
    const others = [sessions, djangoSessions({ secretKey, store: new DjangoCacheStore(client as never) })];
    await Promise.all(
      Array.from(
        { length: 20 },
        (_, i) => visit(others[i % 2]!, key, (session) => session.update("n", (n = 0) => (n as number) + 1)),
      ),
    );
    assert.equal((await visit(sessions, key, (session) => session.get("n"))).seen, 20);
  });
});
