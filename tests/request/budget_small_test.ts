/** What one request costs beside calls of stores and of crypto: headers written, promises, timers and, on V8, memory. */

import assert from "node:assert/strict";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { createSessions } from "../../mod.ts";
import { MemoryStore } from "../../backends/memory.ts";
import type { Session } from "../../mod.ts";

const onV8 = "Deno" in globalThis
  ? {}
  : { skip: "not on this runtime: its heap is measured at collections only" };
const secrets = ["of no use outside of this test: 6d1c04"];
type Work = (session: Session) => unknown;
const reads: Work = (session) => session.get("name");
const writes: Work = (session) => session.update("visits", (n = 0) => n + 1);

describe("the small costs of a request", () => {
  const sessions = createSessions({ store: new MemoryStore(), secrets });
  const untouched = sessions.wrap(async () => await new Response("ok"));
  const using = (work: Work) =>
    sessions.wrap(async (request) => {
      work(await request.session);
      return new Response("ok");
    });
  let cookie: string;
  before(async () => {
    const made = await using((session) => session.set("name", "Ann"))(new Request("http://localhost/"));
    cookie = made.headers.getSetCookie()[0]!.split(";", 1)[0]!;
  });
  after(() => sessions.close());
  const request = () => new Request("http://localhost/", { headers: { cookie } });

  /** How often methods are called while `run` runs, by name and first argument. */
  async function calls(on: object, names: readonly string[], run: () => unknown): Promise<string[]> {
    const seen: string[] = [];
    const own = on as Record<string, (...args: unknown[]) => unknown>;
    const real = names.map((name) => [name, own[name]!] as const);
    for (const [name, method] of real) {
      own[name] = function (this: unknown, ...args: unknown[]) {
        seen.push(typeof args[0] === "string" ? `${name} ${args[0]}` : name);
        return method.apply(this, args);
      };
    }
    try {
      const running = run();
      if (running instanceof Promise) await running;
    } finally {
      Object.assign(own, Object.fromEntries(real));
    }
    return seen;
  }

  it("SR-066 each header is written once, and none when the session is not used", async () => {
    const writers = ["append", "set", "delete"];
    const cost = (handler: (request: Request) => unknown, to = request()) =>
      calls(Headers.prototype, writers, () => handler(to));
    assert.deepEqual(await cost(untouched), []);
    assert.deepEqual(await cost(using(() => {})), []);
    const marked = ["append vary", "append cache-control"];
    assert.deepEqual(await cost(using(reads)), marked);
    assert.deepEqual(await cost(using(writes)), marked);
    const fresh = new Request("http://localhost/");
    assert.deepEqual(await cost(using(writes), fresh), [...marked, "append set-cookie"]);
  });

  it("an untouched request hangs one step on an async handler's promise, and makes none of its own", async () => {
    const cost = (handler: (request: Request) => unknown) =>
      calls(Promise.prototype, ["then", "catch", "finally"], () => void handler(request()));
    assert.deepEqual(await cost(sessions.wrap(() => new Response("ok"))), []);
    assert.deepEqual(await cost(untouched), ["then"]);
    const statics = ["resolve", "reject", "withResolvers", "all"];
    assert.deepEqual(await calls(Promise, statics, () => void untouched(request())), []);
  });

  it("no timer is set for a store that answers at once", async () => {
    for (const work of [reads, writes]) {
      assert.deepEqual(await calls(globalThis, ["setTimeout"], () => using(work)(request())), []);
    }
  });

  /** Bytes that a request leaves to be collected, beyond what bare handlers leave. The least of many: collections only take away. */
  async function bytes(handler: (request: Request) => unknown): Promise<number> {
    const bare = async () => await new Response("ok");
    const one = async (handler: (request: Request) => unknown) => {
      const requests = Array.from({ length: 100 }, request);
      const before = process.memoryUsage().heapUsed;
      for (const request of requests) await handler(request);
      return (process.memoryUsage().heapUsed - before) / 100;
    };
    const costs: number[] = [];
    for (let i = 0; i < 60; i++) {
      const [own, none] = [await one(handler), await one(bare)];
      if (own > 0 && none > 0) costs.push(own - none);
    }
    return costs.sort((a, b) => a - b)[Math.floor(costs.length / 2)]!;
  }

  it("memory: a request leaves at most 500 bytes untouched, 5 KB read and 9 KB written", onV8, async () => {
    for (const [handler, most] of [[untouched, 500], [using(reads), 5000], [using(writes), 9000]] as const) {
      const cost = await bytes(handler);
      if (process.env["SHOW"]) process.stderr.write(`${cost}\n`);
      assert.ok(cost < most, `${Math.round(cost)} bytes, over ${most}`);
    }
  });
});
