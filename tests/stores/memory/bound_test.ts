import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { CachedStore } from "../../../backends/cached.ts";
import { MemoryStore } from "../../../backends/memory.ts";
import { begin, Browser, Site, stores } from "../../support/commit_rig.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

describe("how much is kept", () => {
  it("SR-063 1,000,000 creates leave at most the limit, and memory is flat after it", () => {
    // In a process of its own, which can be told to collect its garbage.
    const code = `
      import { MemoryStore } from ${
      JSON.stringify(new URL("../../../backends/memory.ts", import.meta.url).href)
    };
      const collect = globalThis.gc ?? (() => Bun.gc(true));
      const store = new MemoryStore();
      const keyOf = (n) => n.toString(16).padStart(64, "0");
      const record = { data: "1\\n{}", createdAt: 0, touchedAt: 0, expiresAt: 8e15 };
      let made = 0;
      const inUse = (count) => {
        for (const end = made + count; made < end; made++) store.create(keyOf(made), { ...record, userId: "user" + (made >> 4) });
        collect();
        return process.memoryUsage().heapUsed;
      };
      const sizes = [];
      const before = inUse(100_000);
      sizes.push(store.size);
      const grown = inUse(900_000) - before;
      sizes.push(store.size);
      console.log(JSON.stringify({ grown, sizes, first: store.load(keyOf(0)) ?? null, last: store.load(keyOf(made - 1)) ?? null }));
      process.exit(0);`;
    const args = "Bun" in globalThis ? ["-e", code] : ["run", "--v8-flags=--expose-gc", "--ext=ts", "-"];
    const run = spawnSync(process.execPath, args, {
      cwd: root,
      input: code,
      timeout: 60_000,
      encoding: "utf8",
    });
    assert.equal(run.status, 0, run.stderr);
    const { grown, sizes, first, last } = JSON.parse(run.stdout);
    assert.deepEqual(sizes, [10_000, 10_000], "the default limit");
    assert.ok(grown < 2 ** 20, `${grown} bytes`);
    assert.equal(first, null);
    assert.notEqual(last, null);
  });

  it("SR-063 who was used last stays: a session that is read survives a flood of new ones", async () => {
    const site = new Site(new MemoryStore({ maxEntries: 50 }));
    const regular = await begin(site, { who: "regular" });
    const idle = await begin(site, { who: "idle" });
    for (let i = 0; i < 200; i++) {
      await begin(site);
      await regular.visit((session) => assert.equal(session.get("who"), "regular"));
    }
    await idle.visit((session) => assert.ok(session.isEmpty));
    assert.equal((site.store.inner as MemoryStore).size, 50);
  });

  it("SR-063 a flood of anonymous visitors logs nobody out, over CachedStore too, and each loss is an event", async () => {
    for (
      const wrap of [
        (store: MemoryStore) => store,
        (store: MemoryStore) => new CachedStore(new MemoryStore(), store),
      ]
    ) {
      const memory = new MemoryStore({ maxEntries: 20 });
      const site = new Site(wrap(memory));
      const users: Browser[] = [];
      for (let i = 0; i < 20; i++) {
        const browser = await begin(site);
        await browser.visit((session) => session.login(`user ${i}`));
        users.push(browser);
      }
      site.events.length = 0;
      const tags = new Set<string>();
      for (let i = 0; i < 100; i++) {
        const guest = new Browser(site);
        await guest.visit((session) => void session.set("a", 1));
        await guest.visit((session) => assert.ok(session.isEmpty));
      }
      for (const { type, tag } of site.events) if (type === "evicted") tags.add(tag!);
      assert.equal(tags.size, 100);
      for (const [i, browser] of users.entries()) {
        await browser.visit((session) => assert.equal(session.userId, `user ${i}`));
      }
      assert.equal(memory.size, 20);
      site.events.length = 0;
      await new Browser(site).visit((session) => session.login("late"));
      assert.deepEqual(site.eventTypes().toSorted(), ["created", "evicted", "login"]);
    }
  });

  it("SR-063 a process with sessions in memory and nothing to do ends by itself", () => {
    const mod = new URL("../../../mod.ts", import.meta.url).href;
    const memory = new URL("../../../backends/memory.ts", import.meta.url).href;
    const code = `
      import { createSessions } from ${JSON.stringify(mod)};
      import { MemoryStore } from ${JSON.stringify(memory)};
      const sessions = createSessions({ store: new MemoryStore(), secrets: [crypto.getRandomValues(new Uint8Array(32))] });
      const slow = { ...Object.fromEntries(["load","create","save","delete"].map((name) => [name, async () => undefined])) };
      slow.create = async () => "1";
      const other = createSessions({ store: slow, secrets: [crypto.getRandomValues(new Uint8Array(32))], timeout: 60 });
      for (const one of [sessions, other]) {
        const handler = one.wrap(async (request) => { (await request.session).set("a", 1); return new Response("x"); });
        const { status } = await handler(new Request("https://site.test/"));
        if (status !== 200) throw new Error(String(status));
      }
      console.log("done");`;
    const args = "Bun" in globalThis ? ["-e", code] : ["eval", "--ext=ts", code];
    const run = spawnSync(process.execPath, args, { cwd: root, timeout: 15_000, encoding: "utf8" });
    assert.equal(run.status, 0, run.stderr);
    assert.match(run.stdout, /done/);
  });
});

for (const { name, open } of stores) {
  describe(`how large a session may be, on ${name}`, () => {
    it("SR-064 exactly the limit is saved, one byte more is refused, and what was stored before stays", async () => {
      const site = new Site(await open());
      const browser = await begin(site, { a: "kept" });
      const id = await browser.id();
      const room = 65_536 - '{"a":"kept","b":""}'.length;
      await browser.visit((session) => void session.set("b", "x".repeat(room)));
      assert.equal(((await site.stored(id))!["b"] as string).length, room);
      const tooLarge = { code: "ERR_TOO_LARGE" };
      await assert.rejects(browser.visit((session) => void session.set("b", "x".repeat(room + 1))), tooLarge);
      await browser.visit(async (session) => {
        session.set("b", "y".repeat(room + 1)).set("c", 1);
        await assert.rejects(session.save(), tooLarge);
        session.set("b", "short");
      });
      assert.deepEqual(await site.stored(id), { a: "kept", b: "short", c: 1 });
      await assert.rejects(
        new Browser(site).visit((session) => void session.set("b", "x".repeat(65_536))),
        tooLarge,
      );
    });

    it("SR-064 the limit counts bytes, not characters, and notes do not count", async () => {
      const site = new Site(await open(), { maxBytes: 30 });
      const browser = await begin(site, { a: 1 });
      const room = 30 - '{"a":""}'.length;
      for (
        const [text, fits] of [
          ["é".repeat(11), true],
          ["é".repeat(11) + "x", false],
          ["😀".repeat(5), true],
          ["😀".repeat(6), false],
          ["x".repeat(room), true],
        ] as const
      ) {
        const visit = browser.visit((
          session,
        ) => (session.setLabel("a label of some length"), session.set("a", text), 1));
        if (fits) assert.equal((await visit).status, 200);
        else await assert.rejects(visit, { code: "ERR_TOO_LARGE" });
      }
    });

    it("SR-064 64 levels are kept, 65 are refused at set, and the message holds no data", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      const nest = (levels: number) => {
        let value: unknown = "hush";
        for (let i = 0; i < levels; i++) value = [value];
        return value;
      };
      let deepest = 0;
      await browser.visit((session) => {
        for (let levels = 60; levels < 70; levels++) {
          try {
            session.set("deep", nest(levels));
            deepest = levels;
          } catch (error) {
            assert.equal((error as { code?: string }).code, "ERR_SERIALIZE");
            assert.doesNotMatch(String(error), /hush/);
          }
        }
        assert.throws(() => session.set("deep", nest(100_000)), { code: "ERR_SERIALIZE" });
      });
      assert.ok(
        deepest === 63 || deepest === 64,
        `${deepest}: with or without the session itself as a level`,
      );
      await browser.visit((session) => assert.deepEqual(session.get("deep"), nest(deepest)));
    });

    it("SR-064 stored text of 100,000 nested arrays is a damaged record: an event, an anonymous visitor, no crash", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      const deep = '{"a":' + "[".repeat(100_000) + "]".repeat(100_000) + "}";
      let key = "";
      site.store.before = (method, of) => void (method === "load" && (key = of));
      await browser.visit((session) => session.get("a"));
      site.store.before = undefined;
      const { version, ...stored } = (await site.store.inner.load(key))!;
      await site.store.inner.save(key, { ...stored, data: deep }, version);
      site.events.length = 0;
      const response = await browser.visit((session) => assert.ok(session.isEmpty && session.isNew));
      assert.equal(response.status, 200);
      assert.deepEqual(site.eventTypes(), ["damaged"]);
      assert.equal((await site.store.inner.load(key))?.data, deep, "the record is left alone");
    });
  });
}
