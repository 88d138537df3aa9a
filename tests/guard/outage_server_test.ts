/** Outages on a real server: 503 on the wire, clients that go away, a store that comes back. */

import assert from "node:assert/strict";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { Site } from "../support/fault_rig.ts";

type Handler = (request: Request) => Response | Promise<Response>;
interface BunApi {
  serve(options: { port: number; fetch: Handler }): { port: number; stop(force: boolean): Promise<void> };
}

/** A server of the runtime that runs the test, on a free port. */
function serve(fetch: Handler): { url: string; stop(): Promise<void> } {
  const { Bun } = globalThis as unknown as { Bun?: BunApi };
  if (Bun !== undefined) {
    const server = Bun.serve({ port: 0, fetch });
    return { url: `http://127.0.0.1:${server.port}/`, stop: () => server.stop(true) };
  }
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, fetch);
  return { url: `http://127.0.0.1:${server.addr.port}/`, stop: () => server.shutdown() };
}

const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

describe("a real server", () => {
  const site = new Site({ timeout: 0.1, cookie: { name: "sid", secure: false } });
  const rejections: unknown[] = [];
  const note = (reason: unknown) => void rejections.push(reason);
  let server: ReturnType<typeof serve>;
  let cookie = "";
  let running = 0;

  before(async () => {
    process.on("unhandledRejection", note);
    const wrapped = site.sessions.wrap(async (request) => {
      if (request.url.endsWith("/static")) return new Response("static");
      return new Response(String((await request.session).update("n", (n = 0) => n + 1)));
    });
    server = serve((request) => {
      running++;
      return Promise.resolve(wrapped(request)).finally(() => running--);
    });
    const response = await fetch(server.url);
    cookie = response.headers.getSetCookie()[0]!.split(";")[0]!;
    await response.text();
  });

  after(async () => {
    await server.stop();
    process.off("unhandledRejection", note);
    assert.deepEqual(rejections, []);
  });

  const send = async (path = "", signal?: AbortSignal) => {
    const response = await fetch(server.url + path, { headers: { cookie }, ...(signal ? { signal } : {}) });
    return { response, text: await response.text() };
  };

  it("SR-045 answers what needs no session while the store hangs, 503 to the rest, and recovers", async () => {
    for (const fault of ["hang", "reject", "throw", "wrong"] as const) {
      site.store.fail(fault);
      const [statics, others] = await Promise.all([
        Promise.all(Array.from({ length: 20 }, () => send("static"))),
        Promise.all(Array.from({ length: 20 }, () => send())),
      ]);
      assert.ok(statics.every(({ response, text }) => response.status === 200 && text === "static"));
      for (const { response } of others) {
        assert.equal(response.status, 503);
        assert.match(response.headers.get("cache-control")!, /no-store/);
        assert.ok(response.headers.has("retry-after"));
        assert.deepEqual(response.headers.getSetCookie(), []);
      }
      site.store.heal();
      assert.equal((await send()).response.status, 200);
    }
  });

  it("SR-048 clients that go away in the middle of a store call leave nothing behind", async () => {
    for (const method of ["load", "save"] as const) {
      const { text: was } = await send();
      site.store.taken();
      site.store.fail("hang", method);
      const controller = new AbortController();
      const all = Array.from(
        { length: 30 },
        () => send("", controller.signal).then(() => "answered", () => "away"),
      );
      while (!site.store.calls.some((call) => call.method === method)) await turn();
      controller.abort();
      assert.ok((await Promise.all(all)).includes("away"));
      while (running > 0) await turn();
      site.store.heal();
      const { response, text } = await send();
      assert.equal(response.status, 200);
      assert.equal(Number(text), Number(was) + 1);
    }
  });

  it("SR-046 the visitor is the same after all of that", async () => {
    assert.equal(site.store.inner.size, 1);
    assert.ok(Number((await send()).text) > 5);
  });
});
