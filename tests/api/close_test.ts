/** Ending: `close` waits for what runs and may come twice; nothing is left floating (SR-075). */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { begin, Site, Visitor } from "../support/fault_rig.ts";

function gate(): { wait: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { wait: promise, open: resolve };
}

const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

describe("close", () => {
  it("SR-075 may be called twice, at once and later, and closes the store once", async () => {
    const site = new Site();
    await Promise.all([site.sessions.close(), site.sessions.close()]);
    await site.sessions.close();
    await site.sessions[Symbol.asyncDispose]();
    assert.deepEqual(site.store.taken(), ["close"]);
  });

  it("SR-075 works with await using", async () => {
    const site = new Site();
    {
      await using _sessions = site.sessions;
    }
    assert.deepEqual(site.store.taken(), ["close"]);
  });

  it("SR-075 works over a store that has no close", async () => {
    const { inner } = new Site().store;
    const store = {
      load: inner.load.bind(inner),
      create: inner.create.bind(inner),
      save: inner.save.bind(inner),
      delete: inner.delete.bind(inner),
    };
    await new Site({ store }).sessions.close();
  });

  it("SR-075 waits for 100 running saves, and every acknowledged one is stored", async () => {
    const site = new Site({ timeout: 30 });
    const visitors = Array.from({ length: 100 }, () => new Visitor(site));
    const { wait, open } = gate();
    site.store.before = (method) => method === "close" ? Promise.resolve() : wait;
    const answers = visitors.map((visitor, i) => visitor.visit((session) => session.set("i", i).get("i")));
    while (site.store.calls.length < 100) await turn();
    let isClosed = false;
    const closing = site.sessions.close().then(() => isClosed = true);
    for (let i = 0; i < 5; i++) await turn();
    assert.equal(isClosed, false);
    open();
    const all = await Promise.all(answers);
    await closing;
    assert.ok(all.every((response) => response.status === 200));
    const calls = site.store.taken();
    assert.equal(calls.lastIndexOf("create") < calls.indexOf("close"), true, calls.slice(-5).join());
    for (const [i, visitor] of visitors.entries()) {
      assert.equal((await site.stored(visitor.id)).record?.data, `{"i":${i}}`);
    }
  });

  const running: [string, (site: Site, visitor: Visitor) => Promise<unknown>][] = [
    ["save() of an opened session", async (site, visitor) => {
      const session = await site.sessions.open(visitor.id);
      return session.set("a", 2).save();
    }],
    ["flush() of an opened session", async (site, visitor) => (await site.sessions.open(visitor.id)).flush()],
    [
      "save() in a handler that goes on",
      (_site, visitor) => visitor.visit((session) => session.set("a", 2).save()),
    ],
    ["log-out in a handler that goes on", (_site, visitor) => visitor.visit((session) => session.flush())],
  ];
  for (const [what, start] of running) {
    it(`SR-075 waits for a ${what}`, async () => {
      const site = new Site({ timeout: 30 });
      const visitor = await begin(site);
      const { wait, open } = gate();
      site.store.before = (method) => method === "save" || method === "delete" ? wait : Promise.resolve();
      const work = start(site, visitor);
      while (!site.store.calls.some(({ method }) => method === "save" || method === "delete")) await turn();
      const closing = site.sessions.close();
      for (let i = 0; i < 5; i++) await turn();
      const closedEarly = site.store.calls.some(({ method }) => method === "close");
      open();
      await Promise.all([work, closing]);
      assert.equal(closedEarly, false, "the store was closed under a running save");
    });
  }

  it("SR-075 leaves no timer behind that keeps the process alive, and no rejection unhandled", async () => {
    const child = fileURLToPath(new URL("../support/fault_child.ts", import.meta.url));
    const args = "Deno" in globalThis ? ["run", "-A", "--no-check", child] : [child];
    const start = performance.now();
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
    assert.equal(stdout.trim().split("\n").at(-1), "done", stderr);
    assert.ok(performance.now() - start < 15_000, "a timer kept the process alive");
  });
});
