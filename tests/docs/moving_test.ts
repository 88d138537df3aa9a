/** Sessions that the other libraries made, with their own code, go on in the examples/from_*.ts; once, and only real ones. */

import { RedisStore as ConnectRedis } from "connect-redis";
import expressSession from "express-session";
import { Hono } from "hono";
import { MemoryStore as HonoStore, type Session as HonoSession, sessionMiddleware } from "hono-sessions";
import { getIronSession, sealData } from "iron-session";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { describe, it } from "node:test";
import { createClient } from "redis";
import { makeApp as fromExpress } from "../../examples/from_express_session.ts";
import { makeApp as fromHono } from "../../examples/from_hono_sessions.ts";
import { makeApp as fromIron } from "../../examples/from_iron_session.ts";
import { SessionClient } from "../../src/testing.ts";
import { needs } from "../support/needs.ts";
import { skip as noRedis, startServer } from "../support/redis/server.ts";

/** The value under the name of a cookie that an answer sets, as it went over the wire. */
function valueIn(answer: Response, name: string): string {
  const field = answer.headers.getSetCookie().find((field) => field.startsWith(`${name}=`));
  return field!.slice(name.length + 1).split(";", 1)[0]!;
}

const seen = async (client: SessionClient) => await (await client.fetch("/")).text();

/** What all three have to show: taken over, the old cookie dropped, forged ones of no use. */
async function takesOver(app: (request: Request) => Promise<Response>, name: string, value: string) {
  const client = new SessionClient(app);
  client.cookies.set(name, value);
  assert.equal(await seen(client), "ada: visit 3");
  assert.equal(client.cookies.has(name), false);
  assert.equal(await seen(client), "ada: visit 4");
  const changed = value.slice(0, 20) + (value[20] === "a" ? "b" : "a") + value.slice(21);
  for (const forged of [changed, value.slice(0, -5), "s%3Ax.y", "%", "__proto__"]) {
    const other = new SessionClient(app);
    other.cookies.set(name, forged);
    assert.equal(await seen(other), "nobody: visit 1", forged);
  }
}

describe("moving from express-session", () => {
  const make = async (secret: string, store: expressSession.Store = new expressSession.MemoryStore()) => {
    const use = expressSession({ secret, store, resave: false, saveUninitialized: false });
    const server = createServer((request, response) => {
      use(request, response, () => {
        Object.assign((request as unknown as { session: object }).session, {
          visits: 2,
          user: "ada",
          cart: ["tea"],
        });
        response.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      await answer.text();
      return { store, secret, name: "connect.sid", value: valueIn(answer, "connect.sid") };
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  };

  it("a session is taken over once", async () => {
    const { value, ...old } = await make("the old secret");
    const app = fromExpress(old);
    await takesOver(app, old.name, value);
    const replayed = new SessionClient(app);
    replayed.cookies.set(old.name, value);
    assert.equal(await seen(replayed), "nobody: visit 1", "the record is gone");
  });

  it(
    "a session of connect-redis is taken over once, and nobody is warned",
    needs("redis-server", !noRedis),
    async () => {
      const warnings: Error[] = [];
      const note = (warning: Error) => void warnings.push(warning);
      process.on("warning", note);
      const server = await startServer();
      const client = await createClient({ url: `redis://127.0.0.1:${server.port}` }).connect();
      try {
        const { value, ...old } = await make("the old secret", new ConnectRedis({ client }));
        assert.equal((await client.keys("sess:*")).length, 1);
        const app = fromExpress(old);
        await takesOver(app, old.name, value);
        assert.deepEqual(await client.keys("*"), [], "the record is gone");
        const replayed = new SessionClient(app);
        replayed.cookies.set(old.name, value);
        assert.equal(await seen(replayed), "nobody: visit 1");
        client.destroy();
        const late = new SessionClient(app);
        late.cookies.set(old.name, value);
        await assert.rejects(seen(late), "trouble with the old store is no empty session");
        assert.deepEqual(warnings, []);
      } finally {
        if (client.isOpen) client.destroy();
        await server.stop();
        process.off("warning", note);
      }
    },
  );

  it("a cookie signed with another secret is of no use", async () => {
    const { value, ...old } = await make("the old secret");
    const client = new SessionClient(fromExpress({ ...old, secret: "another" }));
    client.cookies.set(old.name, value);
    assert.equal(await seen(client), "nobody: visit 1");
  });
});

describe("moving from iron-session", () => {
  const old = { password: "the old password, 32 characters or more", name: "shop" };

  it("a session is taken over", async () => {
    const answer = new Response();
    const session = await getIronSession<{ visits: number; user: string }>(
      new Request("https://localhost/"),
      answer,
      { password: old.password, cookieName: old.name },
    );
    Object.assign(session, { visits: 2, user: "ada" });
    await session.save();
    const value = valueIn(answer, old.name);
    await takesOver(fromIron(old), old.name, value);
  });

  it("a sealed cookie can be used again until it expires: there is no record to delete", async () => {
    const value = await sealData({ visits: 2, user: "ada" }, { password: old.password });
    const app = fromIron(old);
    await takesOver(app, old.name, value);
    const replayed = new SessionClient(app);
    replayed.cookies.set(old.name, value);
    assert.equal(await seen(replayed), "ada: visit 3");
  });
});

describe("moving from hono-sessions", () => {
  const encryptionKey = "the old key, with 32 characters or more";

  it("a session is taken over once", async () => {
    const store = new HonoStore();
    const app = new Hono<{ Variables: { session: HonoSession<{ visits: number; user: string }> } }>();
    app.use("*", sessionMiddleware({ store, encryptionKey, expireAfterSeconds: 3600 }) as never);
    app.get("/", (c) => {
      c.get("session").set("visits", 2);
      c.get("session").set("user", "ada");
      return c.text("");
    });
    const value = valueIn(await app.request("/"), "session");
    const moved = fromHono({ store, encryptionKey, name: "session" });
    await takesOver(moved, "session", value);
    const replayed = new SessionClient(moved);
    replayed.cookies.set("session", value);
    assert.equal(await seen(replayed), "nobody: visit 1", "the record is gone");
  });
});
