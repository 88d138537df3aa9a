/** What README.md, SECURITY.md and docs/tracing.md say of ids: tags for life, restored backups, cookies that are not ours. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { storageKey } from "../../src/crypto/session_id.ts";
import { begin, makeSite, tokenOf } from "../support/identity_rig.ts";

const cookie = (value: string) => `__Host-sid=${value}`;

describe("a session's ids, as they are told of", () => {
  it("SR-070 the tag of a session stays the same through a rotation, a log-in and its end", async () => {
    const site = makeSite();
    let token = await begin(site, "x");
    token = tokenOf(await site.visit(cookie(token), (session) => session.cycleKey()));
    token = tokenOf(await site.visit(cookie(token), (session) => session.login("Zoë")));
    await site.visit(cookie(token), (session) => session.logout());
    const told = site.events.map(({ type }) => type);
    for (const type of ["created", "rotated", "login", "ended"] as const) {
      assert.ok(told.includes(type), type);
    }
    assert.equal(new Set(site.events.map(({ tag }) => tag)).size, 1);
  });

  it("a store restored from before a log-in knows the id of then, and the newer one is old", async () => {
    const site = makeSite();
    const before = await begin(site, "x");
    const key = await storageKey(before.slice(0, 32));
    const { version: _, ...backup } = site.store.inner.load(key)!;
    const after = tokenOf(await site.visit(cookie(before), (session) => session.login("Zoë")));
    site.store.inner.delete(key);
    site.store.inner.create(key, backup);
    const seen = async (token: string) => {
      let size = -1;
      let user: string | undefined;
      await site.visit(cookie(token), (session) => void ([size, user] = [session.size, session.userId]));
      return [size, user];
    };
    assert.deepEqual(await seen(before), [1, undefined]);
    assert.deepEqual(await seen(after), [0, undefined]);
    assert.equal(site.events.at(-1)?.type, "reuse");
  });

  it("SR-033 a log-out clears no cookie that the library did not make", async () => {
    const site = makeSite();
    const token = await begin(site, "x");
    const forged = `${token.slice(0, 33)}${"A".repeat(42)}A`;
    for (const value of [forged, "somebody-else's"]) {
      const response = await site.visit(cookie(value), (session) => session.logout());
      assert.deepEqual(response.headers.getSetCookie(), [], value);
    }
    assert.ok(site.store.inner.load(await storageKey(token.slice(0, 32))));
    const own = await site.visit(cookie(token), (session) => session.logout());
    assert.match(own.headers.getSetCookie()[0]!, /^__Host-sid=;.*Max-Age=0/i);
  });
});
