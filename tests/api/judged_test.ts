/** A session is ended only as it was judged: what has changed it since counts. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, describe, it } from "node:test";
import { CachedStore } from "../../backends/cached.ts";
import { DenoKvStore } from "../../backends/deno_kv.ts";
import { FileStore } from "../../backends/file.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { RedisStore } from "../../backends/redis.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import { Redis } from "ioredis";
import { createSessions, type Session, type SessionsOptions } from "../../mod.ts";
import type { SessionStore } from "../../src/store.ts";
import { openTestKv } from "../support/deno_kv/open_kv.ts";
import { type Server, skip, startServer } from "../support/redis/server.ts";

const secrets = [crypto.getRandomValues(new Uint8Array(32))];
const folder = mkdtempSync(`${tmpdir()}/sojourn-judged-`);
after(async () => {
  for (const client of clients) client.disconnect();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});
let made = 0;
let server: Server | undefined;
const clients: Redis[] = [];
const stores: Record<string, (now: () => number) => SessionStore | Promise<SessionStore>> = {
  MemoryStore: (now) => new MemoryStore({ now }),
  SqliteStore: (now) => SqliteStore.open(`${folder}/${++made}.db`, { now }),
  CachedStore: async (now) => {
    const durable = await SqliteStore.open(`${folder}/${++made}.db`, { now });
    return new CachedStore(new MemoryStore({ now }), durable, { now });
  },
  DenoKvStore: async (now) => {
    const kv = await openTestKv(`${folder}/${++made}.kv`);
    return Object.assign(new DenoKvStore(kv, { now }), { close: () => Promise.resolve(kv.close()) });
  },
  RedisStore: async (now) => {
    server ??= await startServer();
    clients.push(new Redis(server.port, "127.0.0.1"));
    return new RedisStore(clients.at(-1)!, { now, prefix: `${++made}:` });
  },
  FileStore: (now) => FileStore.open(`${folder}/${++made}`, { now, durability: "os" }),
};

type Data = Record<string, unknown>;
type Act = (session: Session<Data>) => unknown;

/** A site whose handlers do what they are told, and a clock. */
async function site(open: typeof stores[string], options: Partial<SessionsOptions<Data>> = {}) {
  const clock = { now: 1_800_000_000_000 };
  const store = await open(() => clock.now);
  const events: string[] = [];
  const make = (over: SessionStore = store) =>
    createSessions<Data>({
      store: over,
      secrets,
      now: () => clock.now,
      onEvent: ({ type, reason }) => events.push([type, reason].filter(Boolean).join(" ")),
      ...options,
    });
  const go = async (sessions: ReturnType<typeof make>, cookie: string, act: Act = () => {}) => {
    let seen: unknown;
    const response = await sessions.wrap(async (request) => {
      const session = await request.session;
      await act(session);
      seen = [session.userId, session.get("a")];
      return new Response();
    })(new Request("https://localhost/", { headers: cookie === "" ? {} : { cookie } }));
    const set = response.headers.getSetCookie()[0]?.split(";", 1)[0];
    return { status: response.status, cookie: set ?? cookie, seen };
  };
  return { clock, store, events, make, go, sessions: make() };
}

/** The same store, whose calls of one method wait for `gate`. */
function gated(
  store: SessionStore,
  method: "load" | "delete" | "save",
  gate: () => Promise<void> | undefined,
): SessionStore {
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...args: unknown[]) => {
        const first = name === method && method === "load"
          ? await Reflect.apply(value, target, args)
          : undefined;
        if (name === method) await gate();
        return first ?? await Reflect.apply(value, target, args);
      };
    },
  });
}

for (const [name, open] of Object.entries(stores)) {
  describe(`a judgement over ${name}`, { skip: name === "RedisStore" && skip }, () => {
    it("a login that changed the stamp survives a request that judges the stamp of before [SR-034]", async () => {
      let stamp = "old";
      let gate: Promise<void> | undefined;
      const stampOf = async () => {
        await gate;
        return stamp;
      };
      const { sessions, go } = await site(open, { stampOf });
      const login: Act = (session) => session.login("ada", { stamp });
      const before = await go(sessions, "", login);
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      const poll = go(sessions, before.cookie);
      await new Promise((resolve) => setTimeout(resolve, 20));
      gate = undefined;
      const changed = await go(sessions, before.cookie, (session) => {
        stamp = "new";
        session.login("ada", { stamp });
      });
      assert.deepEqual(changed.seen, ["ada", undefined]);
      resolve();
      assert.deepEqual((await poll).seen, [undefined, undefined], "its cookie is an old one");
      assert.deepEqual((await go(sessions, changed.cookie)).seen, ["ada", undefined]);
      stamp = "newer";
      assert.deepEqual((await go(sessions, changed.cookie)).seen, [undefined, undefined]);
      await sessions.close();
    });

    it("a session that was renewed while another request had it for expired goes on [SR-038]", async () => {
      const { clock, store, make, go, sessions } = await site(open, { idleAge: 1800 });
      const begun = await go(sessions, "", (session) => session.set("a", 1));
      clock.now += 1_799_900;
      const { promise, resolve } = Promise.withResolvers<void>();
      let isSlow = true;
      const late = go(make(gated(store, "load", () => isSlow ? promise : undefined)), begun.cookie);
      await new Promise((resolve) => setTimeout(resolve, 20));
      const renewed = await go(sessions, begun.cookie);
      assert.deepEqual(renewed.seen, [undefined, 1]);
      clock.now += 200;
      isSlow = false;
      resolve();
      await late;
      assert.deepEqual((await go(sessions, renewed.cookie)).seen, [undefined, 1]);
      await sessions.close();
    });

    it("revoke with a user id ends no session that has become another user's meanwhile [SR-035]", async () => {
      const { store, make, go, sessions } = await site(open);
      const ada = await go(sessions, "", (session) => session.login("ada"));
      const handle = (await sessions.list("ada"))[0]!.handle;
      let bob: { cookie: string } | undefined;
      const racing = make(gated(store, "load", () => {
        const isFirst = bob === undefined;
        bob ??= { cookie: "" };
        return isFirst
          ? go(sessions, ada.cookie, (session) => session.login("bob")).then((one) => void (bob = one))
          : undefined;
      }));
      assert.equal(await racing.revoke(handle, { userId: "ada" }), 0);
      assert.deepEqual((await go(sessions, bob!.cookie)).seen, ["bob", undefined]);
      assert.equal(await sessions.revoke(handle, { userId: "bob" }), 1);
      assert.deepEqual((await go(sessions, bob!.cookie)).seen, [undefined, undefined]);
      await sessions.close();
    });

    it("a session held outside requests can be saved as long as requests keep it alive [SR-037]", async () => {
      const { clock, go, sessions } = await site(open, { idleAge: 1800 });
      const { cookie } = await go(sessions, "", (session) => session.set("a", 1));
      let id: string | undefined;
      await go(sessions, cookie, (session) => void (id = session.id));
      const held = await sessions.open(id);
      for (let i = 0; i < 4; i++) {
        clock.now += 600_000;
        assert.deepEqual((await go(sessions, cookie)).seen, [undefined, 1]);
      }
      held.set("a", 2);
      await held.save();
      assert.deepEqual((await go(sessions, cookie)).seen, [undefined, 2]);
      clock.now += 1_900_000;
      held.set("a", 3);
      await assert.rejects(held.save(), { code: "ERR_GONE" });
      await sessions.close();
    });

    it("a session held outside requests goes on with the end that a request has given it meanwhile [SR-037]", async () => {
      const expiries = [[60, 3600], [{ at: 60_000 }, { at: 7_200_000 }]] as const;
      for (const [before, after] of expiries) {
        const { clock, go, sessions } = await site(open, { idleAge: 86_400 });
        const end = (expiry: typeof before | typeof after) =>
          typeof expiry === "number" ? expiry : new Date(clock.now + expiry.at);
        const { cookie } = await go(sessions, "", (session) => session.set("a", 1).setExpiry(end(before)));
        let id: string | undefined;
        await go(sessions, cookie, (session) => void (id = session.id));
        const held = await sessions.open(id);
        await go(sessions, cookie, (session) => session.set("b", 1).setExpiry(end(after)));
        clock.now += 600_000;
        held.update("a", (n) => (n as number) + 1);
        await held.save();
        assert.deepEqual({ ...held.toObject() }, { a: 2, b: 1 });
        assert.deepEqual((await go(sessions, cookie)).seen, [undefined, 2], JSON.stringify(before));
        clock.now += 10_000_000;
        assert.deepEqual((await go(sessions, cookie)).seen, [undefined, undefined]);
        await sessions.close();
      }
    });

    it("a logout while a held session looks for its new end leaves nothing of it [SR-034]", async () => {
      const { clock, store, make, go, sessions } = await site(open, { idleAge: 1800 });
      const { cookie } = await go(sessions, "", (session) => session.set("a", 1));
      let id: string | undefined;
      await go(sessions, cookie, (session) => void (id = session.id));
      const { promise, resolve } = Promise.withResolvers<void>();
      let isSlow = false;
      const slow = make(gated(store, "load", () => isSlow ? promise : undefined));
      const held = await slow.open(id);
      clock.now += 1_200_000;
      await go(sessions, cookie);
      clock.now += 1_200_000;
      isSlow = true;
      held.set("a", 2);
      const saved = held.save();
      const ended = held.logout();
      resolve();
      await Promise.all([saved, ended]);
      assert.equal(held.id, undefined);
      assert.deepEqual((await go(sessions, cookie)).seen, [undefined, undefined]);
      held.set("a", 3);
      await held.save();
      assert.notEqual(held.id, id);
      await sessions.close();
    });

    it("a clock that was set back far does not make an old cookie a conflict for as long [SR-031]", async () => {
      const { clock, go, sessions } = await site(open);
      const old = await go(sessions, "", (session) => session.set("a", 1));
      await go(sessions, old.cookie, (session) => session.cycleKey());
      assert.equal((await go(sessions, old.cookie, (session) => session.set("a", 2))).status, 409);
      clock.now -= 86_400_000;
      assert.equal((await go(sessions, old.cookie, (session) => session.set("a", 2))).status, 200);
      await sessions.close();
    });
  });
}

describe("a session whose data is damaged", () => {
  it("is shown in its user's list and can be revoked there [SR-050]", async () => {
    const path = `${folder}/damaged.db`;
    const store = await SqliteStore.open(path);
    const sessions = createSessions<Data>({ store, secrets });
    const session = await sessions.open();
    session.login("ada");
    await session.save();
    await store.close();
    const driver: string = "Bun" in globalThis ? "bun:sqlite" : "node:sqlite";
    const { Database, DatabaseSync = Database } = await import(driver);
    const database = new DatabaseSync(path);
    const [{ name }] = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    database.exec(`UPDATE "${name}" SET data = '{"a":9}'`);
    database.close();
    const again = createSessions<Data>({ store: await SqliteStore.open(path), secrets });
    const [one] = await again.list("ada");
    assert.equal(await again.revoke(one!.handle, { userId: "bob" }), 0);
    assert.equal(await again.revoke(one!.handle, { userId: "ada" }), 1);
    assert.deepEqual(await again.list("ada"), []);
    await again.close();
  });
});
