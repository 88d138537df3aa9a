import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { inspect } from "node:util";
import type { SessionsOptions } from "../../mod.ts";
import {
  begin,
  type Browser,
  requestWith,
  Site,
  StagedStore,
  stores,
  type Work,
} from "../support/commit_rig.ts";
import { isBun } from "../support/live_server.ts";

/** Calls of `crypto.subtle`, counted while the tests of this file run. */
let crypted = 0;
const methods = [
  "decrypt",
  "deriveBits",
  "deriveKey",
  "digest",
  "encrypt",
  "exportKey",
  "generateKey",
  "importKey",
  "sign",
  "verify",
] as const;

before(() => {
  for (const name of methods) {
    const real = crypto.subtle[name] as (...args: unknown[]) => unknown;
    const counting = (...args: unknown[]) => (crypted++, real.apply(crypto.subtle, args));
    Object.defineProperty(crypto.subtle, name, { value: counting, configurable: true, writable: true });
  }
});
after(() => {
  for (const name of methods) delete (crypto.subtle as unknown as Record<string, unknown>)[name];
});

/** Nobody listens, so no log tags are made. */
const silent = { onEvent: undefined } as unknown as Partial<SessionsOptions>;
const marks = ["cache-control", "vary"];
const untouched = () => {};
const reads: Work = (session) => session.get("a");
const writes: Work = (session) => void session.set("b", 2);
const writesThrice: Work = (session) => void session.set("b", 2).set("c", 3).set("d", 4);

for (const { name, open } of stores) {
  describe(`the operation budget on ${name}`, () => {
    let home: Site;
    let site: Site;
    let browser: Browser;

    beforeEach(async () => {
      home = new Site(await open(), silent);
      browser = await begin(home);
      const warm = await begin(home);
      // A process that has its keys, but has not seen the browser's cookie.
      site = new Site(new StagedStore(home.store.inner), silent, home.clock);
      await warm.visit(reads, site);
      site.store.taken();
      crypted = 0;
    });
    after(() => home.sessions.close());

    /** What one request costs: store calls, `crypto.subtle` calls, and the names of the headers that it gained. */
    async function cost(cookie: string | undefined, work: Work): Promise<unknown> {
      crypted = 0;
      site.store.taken();
      const own = new Response("hello");
      const handler = site.sessions.wrap(async (request) => {
        if (work !== untouched) await work(await request.session, request);
        return own;
      });
      const response = await handler(requestWith(cookie));
      const isSame = isBun || !response.headers.has("set-cookie");
      assert.equal(response === own, isSame, "the very same object, but for a cookie on Deno");
      const headers = [...response.headers.keys()].filter((key) => key !== "content-type").sort();
      return { store: site.store.taken(), crypted, headers };
    }

    it("an untouched request costs nothing, with and without a cookie", async () => {
      for (const cookie of [undefined, browser.cookie, "__Host-sid=junk", "theme=dark"]) {
        assert.deepEqual(await cost(cookie, untouched), { store: {}, crypted: 0, headers: [] });
      }
    });

    it("an untouched answer is the very same object, and a sync handler's is no promise", async () => {
      const own = new Response("hello");
      for (const cookie of [undefined, browser.cookie]) {
        assert.equal(site.sessions.wrap(() => own)(requestWith(cookie)), own);
        assert.equal(await site.sessions.wrap(() => Promise.resolve(own))(requestWith(cookie)), own);
      }
      assert.deepEqual([...own.headers.keys()].filter((key) => key !== "content-type"), []);
      assert.deepEqual(site.store.taken(), {});
    });

    it("a cookie never seen: at most 3 crypto calls and 1 load to read, 1 save more to write", async () => {
      const costs = await cost(browser.cookie, reads) as { crypted: number };
      assert.ok(costs.crypted <= 3, `${costs.crypted}`);
      assert.deepEqual(costs, { store: { load: 1 }, crypted: costs.crypted, headers: marks });
    });

    it("a cookie never seen: at most 3 crypto calls, 1 load and 1 save to write once or thrice", async () => {
      for (const work of [writes, writesThrice]) {
        const fresh = new Site(new StagedStore(home.store.inner), silent, home.clock);
        await (await begin(fresh)).visit(reads);
        site = fresh;
        browser = await begin(home);
        const costs = await cost(browser.cookie, work) as { crypted: number };
        assert.ok(costs.crypted <= 3, `${costs.crypted}`);
        assert.deepEqual(costs, { store: { load: 1, save: 1 }, crypted: costs.crypted, headers: marks });
      }
    });

    it("a cookie seen before: no crypto, 1 load to read, 1 save more to write once or thrice", async () => {
      await cost(browser.cookie, reads);
      assert.deepEqual(await cost(browser.cookie, reads), { store: { load: 1 }, crypted: 0, headers: marks });
      const written = { store: { load: 1, save: 1 }, crypted: 0, headers: marks };
      assert.deepEqual(await cost(browser.cookie, writes), written);
      assert.deepEqual(await cost(browser.cookie, writesThrice), written);
      // Its own new cookie counts as seen.
      const own = await begin(site);
      assert.deepEqual(await cost(own.cookie, reads), { store: { load: 1 }, crypted: 0, headers: marks });
    });

    it("a session that was only awaited costs one load and leaves the answer alone", async () => {
      await cost(browser.cookie, reads);
      const awaited: Work = () => {};
      assert.deepEqual(await cost(browser.cookie, awaited), { store: { load: 1 }, crypted: 0, headers: [] });
      assert.deepEqual(await cost(undefined, awaited), { store: {}, crypted: 0, headers: [] });
      home.clock.now += 30 * 86_400_000;
      assert.deepEqual((await cost(undefined, awaited) as { store: unknown }).store, {});
    });

    it("a session that was only awaited is not touched, however long ago it was", async () => {
      await cost(browser.cookie, reads);
      home.clock.now += 86_400_000;
      assert.deepEqual(await cost(browser.cookie, () => {}), { store: { load: 1 }, crypted: 0, headers: [] });
    });

    it("a due touch is one store call and one cookie", async () => {
      await cost(browser.cookie, reads);
      home.clock.now += 3_600_000;
      const touched = {
        store: { load: 1, touch: 1 },
        crypted: 0,
        headers: ["cache-control", "set-cookie", "vary"],
      };
      assert.deepEqual(await cost(browser.cookie, reads), touched);
      assert.deepEqual(await cost(browser.cookie, reads), { store: { load: 1 }, crypted: 0, headers: marks });
    });

    it("a first write costs one create and one cookie; only reading costs nothing but two headers", async () => {
      assert.deepEqual(await cost(undefined, reads), { store: {}, crypted: 0, headers: marks });
      const made = await cost(undefined, writesThrice) as { crypted: number };
      assert.deepEqual(made, {
        store: { create: 1 },
        crypted: made.crypted,
        headers: ["cache-control", "set-cookie", "vary"],
      });
      assert.ok(made.crypted <= 3, `${made.crypted}`);
    });

    it("setting what is there already, and changing back, is not more than one save", async () => {
      await cost(browser.cookie, reads);
      const { store } = await cost(browser.cookie, (session) => session.set("a", 2).set("a", 1)) as {
        store: { save?: number };
      };
      assert.ok((store.save ?? 0) <= 1);
    });

    it("logging or copying a request loads nothing", async () => {
      const handler = site.sessions.wrap((request) => {
        inspect(request);
        String(request);
        Object.keys(request);
        JSON.stringify(request);
        assert.ok(!Object.keys({ ...request }).includes("session"));
        return new Response(null);
      });
      assert.deepEqual([...(await handler(requestWith(browser.cookie))).headers.keys()], []);
      assert.deepEqual(site.store.taken(), {});
      assert.equal(crypted, 0);
    });

    it("SR-065 forged, malformed and foreign cookies cost no store call", async () => {
      const token = browser.cookie!.slice("__Host-sid=".length);
      const flipped = (token[0] === "A" ? "B" : "A") + token.slice(1);
      for (const value of [flipped, `${token}x`, "", "a.b", token.slice(0, 32), token.toLowerCase()]) {
        const { store } = await cost(`__Host-sid=${value}`, reads) as { store: unknown };
        assert.deepEqual(store, {}, value);
      }
    });
  });
}
