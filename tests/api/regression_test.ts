/** Histories that once lost something or told something wrong, each as it was found. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import { createSessions, type SessionsOptions, type SessionStore } from "../../mod.ts";

const secrets = ["of no use outside of these tests: 4e8d1a"];
const start = 1_800_000_000_000;

function make(options: Partial<SessionsOptions> = {}) {
  return createSessions({ store: new MemoryStore(), secrets, ...options });
}

const request = (cookie = "", init: RequestInit = {}) =>
  new Request("https://site.test/", { ...init, headers: cookie === "" ? {} : { cookie } });

const cookieOf = (response: Response) => response.headers.getSetCookie()[0]!.split(";", 1)[0]!;

/** A store whose calls take a turn of the event loop. */
function slow(inner: SessionStore): SessionStore {
  return proxy(inner, async (_, call) => {
    await new Promise((resolve) => setTimeout(resolve));
    return await call();
  });
}

function proxy(inner: SessionStore, around: (method: string, call: () => unknown) => unknown): SessionStore {
  return new Proxy(inner, {
    get: (target, name) => {
      const method = Reflect.get(target, name);
      if (typeof method !== "function" || typeof name !== "string") return method;
      return (...args: unknown[]) => around(name, () => method.apply(target, args));
    },
  });
}

/** A store that applies the next save and then says that it failed. */
function losingReplies(inner: SessionStore): { store: SessionStore; lose: () => void } {
  let loses = false;
  const store = proxy(inner, (method, call) => {
    const answer = call();
    if (method !== "save" || answer === undefined || !loses) return answer;
    loses = false;
    throw new Error("the reply was lost");
  });
  return { store, lose: () => (loses = true) };
}

describe("what was once lost", () => {
  it("SR-036 a job that saves beside a request does not empty the request's cookie", async () => {
    const sessions = make({ store: slow(new MemoryStore()) });
    const first = await sessions.wrap(async (r) => {
      (await r.session).set("a", 1);
      return new Response();
    })(request());
    const seen: { id?: string } = {};
    await sessions.wrap(async (r) => {
      const { id } = await r.session;
      if (id !== undefined) seen.id = id;
      return new Response();
    })(request(cookieOf(first)));
    const job = await sessions.open(seen.id);
    job.set("job", 1);
    const answer = await sessions.wrap(async (r) => {
      (await r.session).set("req", 1);
      job.save();
      return new Response();
    })(request(cookieOf(first)));
    assert.ok(answer.headers.getSetCookie().every((field) => !/^__Host-sid=;/.test(field)));
    const { toObject } = await sessions.open(seen.id).then((s) => ({ toObject: s.toObject() }));
    assert.deepEqual({ ...toObject }, { a: 1, job: 1, req: 1 });
  });

  it("SR-049 after a save whose reply was lost nothing is done twice, and what others saved stays", async () => {
    const { store, lose } = losingReplies(new MemoryStore());
    const [ours, others] = [make({ store }), make({ store })];
    const a = await ours.open();
    a.set("x", 0);
    await a.save();
    const b = await others.open(a.id);
    b.set("theirs", 1);
    await b.save();
    a.update("n", (n = 0) => n + 1);
    lose();
    await assert.rejects(a.save(), { code: "ERR_STORE" });
    // Nobody can tell whether the increment is in there: it is refused, not done twice and not told as done.
    a.set("later", 1);
    await assert.rejects(a.save(), { code: "ERR_CONFLICT" });
    const again = await ours.open(a.id);
    again.set("later", 1);
    await again.save();
    assert.deepEqual({ ...again.toObject() }, { x: 0, theirs: 1, n: 1, later: 1 });
  });

  it("SR-043 one response object answered to many visitors carries no other visitor's cookie", async () => {
    for (const body of [null, "", "x"]) {
      const sessions = make({ store: slow(new MemoryStore()) });
      const constant = new Response(body);
      const handler = sessions.wrap(async (r) => {
        if (r.url.endsWith("/plain")) return constant;
        (await r.session).set("a", 1);
        return constant;
      });
      const answers = await Promise.all(Array.from({ length: 10 }, () => handler(request())));
      const cookies = answers.flatMap((answer) => answer.headers.getSetCookie());
      assert.equal(cookies.length, 10);
      assert.equal(new Set(cookies).size, 10);
      const plain = await handler(new Request("https://site.test/plain", { method: "HEAD" }));
      assert.deepEqual(plain.headers.getSetCookie(), [], String(body));
    }
  });

  it("SR-038 a session opened outside a request is not brought back when its time is over", async () => {
    const clock = { now: start };
    const sessions = make({ now: () => clock.now, idleAge: 1800, absoluteAge: 5000 });
    const a = await sessions.open();
    a.set("x", 1);
    await a.save();
    clock.now += 1_800_000;
    a.get("x");
    a.set("y", 1);
    await assert.rejects(a.save(), { code: "ERR_GONE" });
    const fresh = await sessions.open();
    clock.now += 6_000_000;
    fresh.set("late", 1);
    await fresh.save();
    assert.equal((await sessions.open(fresh.id)).get("late"), 1);
  });

  it("SR-073 a write while the answer's save is under way is refused, not lost", async () => {
    const sessions = make({ store: slow(new MemoryStore()) });
    let late: Promise<string> | undefined;
    await sessions.wrap(async (r) => {
      const session = await r.session;
      session.set("a", 1);
      late = new Promise((resolve) =>
        setTimeout(() => {
          try {
            session.set("late", 1);
            resolve("taken");
          } catch (error) {
            resolve((error as { code: string }).code);
          }
        })
      );
      return new Response();
    })(request());
    assert.equal(await late, "ERR_CLOSED");
  });

  it("SR-033 a log-out that failed and that nobody waited for is not answered as done", async () => {
    const store = new MemoryStore();
    let fails = false;
    const sessions = make({
      store: proxy(store, (method, call) => {
        if (fails && method === "delete") throw new Error("down");
        return call();
      }),
    });
    const first = await sessions.wrap(async (r) => {
      (await r.session).set("a", 1);
      return new Response();
    })(request());
    fails = true;
    const answer = await sessions.wrap(async (r) => {
      const session = await r.session;
      session.flush();
      await new Promise((resolve) => setTimeout(resolve, 5));
      return new Response("bye");
    })(request(cookieOf(first)));
    assert.equal(answer.status, 503);
    const again = await sessions.wrap(async (r) => {
      const session = await r.session;
      session.flush();
      await new Promise((resolve) => setTimeout(resolve, 5));
      fails = false;
      await session.logout();
      return new Response("bye");
    })(request(cookieOf(first)));
    assert.equal(again.status, 200);
    assert.equal(store.size, 0);
  });

  it("SR-033 a log-out beside a rotation of the same process ends the session that came of it", async () => {
    const store = new MemoryStore();
    const sessions = make({ store });
    const first = await sessions.wrap(async (r) => {
      (await r.session).login("ann");
      return new Response();
    })(request());
    await sessions.wrap(async (r) => {
      const session = await r.session;
      session.get("a");
      await sessions.wrap(async (r) => {
        (await r.session).cycleKey();
        return new Response();
      })(request(cookieOf(first)));
      await session.logout();
      return new Response();
    })(request(cookieOf(first)));
    assert.deepEqual(await sessions.list("ann"), []);
  });

  it("SR-030 with a schema, a flush while its check runs leaves no record", async () => {
    const store = new MemoryStore();
    const schema = {
      "~standard": {
        version: 1 as const,
        vendor: "test",
        validate: async (value: unknown) => await { value },
      },
    };
    const sessions = make({ store, schema: schema as never });
    await sessions.wrap(async (r) => {
      const session = await r.session;
      session.set("a", 1);
      session.save();
      await session.flush();
      return new Response();
    })(request());
    assert.equal(store.size, 0);
  });

  it("SR-031 a login that failed to be saved stays a login when cycleKey follows", async () => {
    const inner = new MemoryStore();
    let fails = true;
    const sessions = make({
      store: proxy(inner, (method, call) => {
        if (method === "save" && fails) {
          fails = false;
          throw new Error("down");
        }
        return call();
      }),
    });
    const a = await sessions.open();
    a.set("x", 1);
    await a.save();
    const before = a.createdAt;
    a.login("ann");
    await assert.rejects(a.save(), { code: "ERR_STORE" });
    a.cycleKey();
    const old = a.id;
    await a.save();
    assert.notEqual(a.id, old);
    assert.equal((await sessions.open(old)).id, undefined);
    assert.ok(a.createdAt >= before);
    assert.equal((await sessions.open(a.id)).userId, "ann");
  });

  it("SR-072 a label with a line separator harms nothing", async () => {
    const sessions = make();
    const a = await sessions.open();
    a.login("ann");
    a.setLabel("one\u2028two\u2029three\nfour");
    await a.save();
    assert.equal((await sessions.list("ann"))[0]!.label, "one\u2028two\u2029three\nfour");
    assert.equal((await sessions.open(a.id)).userId, "ann");
  });

  it("SR-075 a session that is saved again and again beside others does not grow", async () => {
    const store = new MemoryStore();
    const [ours, others] = [make({ store }), make({ store })];
    const a = await ours.open();
    a.set("o", { big: "x".repeat(100) });
    a.set("n", 0);
    await a.save();
    const b = await others.open(a.id);
    let encoded = 0;
    const stringify = JSON.stringify;
    try {
      for (let i = 0; i < 60; i++) {
        a.get("o");
        a.set("n", i);
        if (i === 50) {
          JSON.stringify = ((value: unknown) => {
            encoded++;
            return stringify(value);
          }) as typeof stringify;
        }
        await a.save();
        JSON.stringify = stringify;
        b.set("m", i);
        await b.save();
      }
    } finally {
      JSON.stringify = stringify;
    }
    assert.ok(encoded < 25, `${encoded} encodings in one save`);
  });
});
