/** The default clock is asked anew at each look, so that whatever stands in for `Date` ages all parts of the library alike. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, describe, it } from "node:test";
import { CachedStore } from "../../backends/cached.ts";
import { CookieStore } from "../../backends/cookie.ts";
import { DenoKvStore } from "../../backends/deno_kv.ts";
import { djangoSessions } from "../../backends/django.ts";
import { FileStore } from "../../backends/file.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { RedisStore } from "../../backends/redis.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import { createSessions, type Sessions, type SessionStore } from "../../mod.ts";
import { SessionClient } from "../../src/testing.ts";
import { openTestKv } from "../support/deno_kv/open_kv.ts";
import { clients } from "../support/redis/clients.ts";
import { skip as noRedis, startServer } from "../support/redis/server.ts";

const secrets = [Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 1)];
const RealDate = Date;
const realNow = Date.now;
const folder = mkdtempSync(join(tmpdir(), "sojourn-clock-"));
const closing: { close(): unknown }[] = [];
after(async () => {
  for (const one of closing) await one.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The ways in which people stand in for the clock. */
const jumps: Record<string, (by: number) => void> = {
  "Date.now": (by) => void (Date.now = () => realNow() + by),
  "the whole of Date": (by) => {
    globalThis.Date = class extends RealDate {
      static override now = () => realNow() + by;
    } as DateConstructor;
  },
};

afterEach(() => {
  globalThis.Date = RealDate;
  Date.now = realNow;
});

const keep = <T extends { close(): unknown }>(one: T): T => (closing.push(one), one);

const stores: Record<string, () => SessionStore | Promise<SessionStore>> = {
  MemoryStore: () => new MemoryStore(),
  SqliteStore: async () => keep(await SqliteStore.open(join(folder, `${crypto.randomUUID()}.db`))),
  FileStore: async () => keep(await FileStore.open(join(folder, crypto.randomUUID()), { durability: "os" })),
  CachedStore: () => new CachedStore(new MemoryStore(), new MemoryStore(), { staleness: 3600 }),
  DenoKvStore: async () => new DenoKvStore(keep(await openTestKv(":memory:"))),
};

async function visitWith(client: SessionClient): Promise<string> {
  return await (await client.fetch("/")).text();
}

const visitsOf = (sessions: Sessions) =>
  new SessionClient(sessions.wrap(async (request) => {
    const session = await request.session;
    return new Response(String(session.update("visits", (n = 0) => n + 1)));
  }));

for (const [what, jump] of Object.entries(jumps)) {
  describe(`after a jump of ${what}`, () => {
    for (const [name, open] of Object.entries(stores)) {
      it(`a session in ${name} has aged, and its record may be replaced`, async () => {
        const store = await open();
        const client = visitsOf(createSessions({ store, secrets, idleAge: 1800 }));
        assert.deepEqual([await visitWith(client), await visitWith(client)], ["1", "2"]);
        const key = "ab".repeat(32);
        const record = { data: "1\n{}", createdAt: 0, touchedAt: 0, expiresAt: Date.now() + 1_800_000 };
        assert.notEqual(await store.create(key, record), undefined);
        assert.equal(await store.create(key, record), undefined);
        jump(1_801_000);
        assert.equal(await visitWith(client), "1");
        const later = { ...record, expiresAt: Date.now() + 1_800_000 };
        assert.notEqual(await store.create(key, later), undefined, "the store's own clock stands");
      });
    }

    it("the record of a RedisStore may be replaced", { skip: noRedis }, async () => {
      const server = await startServer();
      const opened = await clients["node-redis"]!(server.port);
      closing.push({ close: () => (opened.close(), server.stop()) });
      const store = new RedisStore(opened.client);
      const client = visitsOf(createSessions({ store, secrets, idleAge: 1800 }));
      assert.deepEqual([await visitWith(client), await visitWith(client)], ["1", "2"]);
      const key = "ab".repeat(32);
      const record = { data: "1\n{}", createdAt: 0, touchedAt: 0, expiresAt: Date.now() + 1_800_000 };
      assert.notEqual(await store.create(key, record), undefined);
      jump(1_801_000);
      assert.equal(await visitWith(client), "1");
      assert.notEqual(await store.create(key, { ...record, expiresAt: Date.now() + 1_800_000 }), undefined);
    });

    it("a session in its cookie has aged, and one in Django's signed cookie", async () => {
      for (
        const sessions of [
          createSessions({ store: new CookieStore({ revocation: "none" }), secrets, idleAge: 1800 }),
          djangoSessions({
            secretKey: "s".repeat(50),
            engine: "signed_cookies",
            sessionCookieAge: 1800,
            sessionCookieSecure: true,
          }),
        ]
      ) {
        let cookie: string | undefined;
        const handler = sessions.wrap(async (request) => {
          const session = await request.session;
          return new Response(String(session.update("visits", (n = 0) => n + 1)));
        });
        const visit = async () => {
          const headers = cookie === undefined ? {} : { cookie };
          const response = await handler(new Request("https://localhost/", { headers }));
          cookie = response.headers.getSetCookie()[0]!.split(";", 1)[0]!;
          return await response.text();
        };
        assert.deepEqual([await visit(), await visit()], ["1", "2"]);
        jump(1_801_000);
        assert.equal(await visit(), "1");
        globalThis.Date = RealDate;
        Date.now = realNow;
      }
    });

    it("a SessionClient forgets the cookies that are over", async () => {
      const client = new SessionClient(() =>
        new Response(null, { headers: { "set-cookie": "a=1; Max-Age=1800; Secure" } })
      );
      await client.fetch("/");
      assert.equal(client.cookies.get("a"), "1");
      jump(1_801_000);
      assert.equal(client.cookies.get("a"), undefined);
    });
  });
}
