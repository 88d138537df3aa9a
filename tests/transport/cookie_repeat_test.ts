import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Signer } from "../../src/crypto/signer.ts";
import { makeId } from "../../src/crypto/session_id.ts";
import {
  begin,
  makeSite,
  markFor,
  secret,
  type Site,
  tokenOf,
  withLive,
  writes,
} from "../support/identity_rig.ts";
import { type CookieVectors, itWithVectors, type RequestCase, vectors } from "../support/vectors.ts";

describe("repeated cookies", () => {
  const cookies = (tokens: readonly string[]) => tokens.map((token) => `__Host-sid=${token}`).join("; ");
  const rejected = (site: Site) =>
    site.events.filter(({ type }) => type === "rejected").map(({ reason }) => reason);
  const signer = new Signer([secret(1)], "session id", "__Host-sid");
  const unknown = async () => {
    const id = makeId();
    return `${id}.${await signer.sign(id)}`;
  };
  const forged = async () => `${makeId()}.${await signer.sign(makeId())}`;

  it("SR-016 two live cookies are refused in either order, and nothing is written or cleared", async () => {
    const site = makeSite();
    const [one, two] = [await begin(site, "one"), await begin(site, "two")];
    for (const tokens of [[one, two], [two, one], [one, two, one]]) {
      site.store.calls.length = site.events.length = 0;
      const answer = await site.visit(cookies(tokens));
      assert.equal(await answer.text(), "anonymous");
      assert.deepEqual(answer.headers.getSetCookie(), []);
      assert.equal(site.store.count(), site.store.count("load"));
      assert.deepEqual(rejected(site), ["ambiguous"]);
    }
  });

  it("SR-016 a write under two live cookies starts a new session and harms neither", async () => {
    const site = makeSite();
    const [one, two] = [await begin(site, "one"), await begin(site, "two")];
    const third = tokenOf(await site.visit(cookies([one, two]), writes("three")));
    for (const [token, mark] of [[one, "one"], [two, "two"], [third, "three"]] as const) {
      assert.equal(await (await site.visit(cookies([token]))).text(), mark);
    }
  });

  it("SR-016 with one live cookie among dead, forged and malformed ones, that one is used in any order", async () => {
    const site = makeSite();
    const live = await begin(site, "live");
    const others = [await unknown(), await forged(), "evil", "", live.slice(0, -1), live];
    for (const other of others) {
      for (const tokens of [[live, other], [other, live]]) {
        assert.equal(await (await site.visit(cookies(tokens))).text(), "live");
      }
    }
    const four = [await unknown(), await forged(), await unknown()];
    for (let at = 0; at <= 3; at++) {
      const tokens = [...four.slice(0, at), live, ...four.slice(at)];
      assert.equal(await (await site.visit(cookies(["evil", ...tokens, live, "evil"]))).text(), "live");
    }
  });

  it("SR-016 an expired session does not compete with a live one", async () => {
    const site = makeSite({ idleAge: 1000 });
    const dead = await begin(site, "dead");
    site.clock.now += 999_999;
    const live = await begin(site, "live");
    site.clock.now += 1;
    for (const tokens of [[live, dead], [dead, live]]) {
      assert.equal(await (await site.visit(cookies(tokens))).text(), "live");
    }
  });

  it("SR-016 more than four distinct values are refused without a store call, even with one live among them", async () => {
    const site = makeSite();
    const live = await begin(site, "live");
    for (const count of [4, 7]) {
      const tokens = [live, ...await Promise.all(Array.from({ length: count }, unknown))];
      for (const order of [tokens, tokens.toReversed()]) {
        site.store.calls.length = site.events.length = 0;
        const answer = await site.visit(cookies(order));
        assert.equal(await answer.text(), "anonymous");
        assert.deepEqual(answer.headers.getSetCookie(), []);
        assert.equal(site.store.count(), 0);
        assert.equal(rejected(site).length, 1);
      }
    }
  });

  it("flush clears what the request carried under our name if any of it is ours, and else nothing", async () => {
    const site = makeSite();
    const [one, two] = [await begin(site, "one"), await begin(site, "two")];
    for (const tokens of [[one], [await unknown()], [one, two], [two, "evil"], [await forged(), two]]) {
      const answer = await site.visit(cookies(tokens), (session) => session.flush());
      const fields = answer.headers.getSetCookie();
      assert.equal(fields.length, 1);
      assert.match(fields[0]!, /^__Host-sid=;.* Max-Age=0/);
    }
    for (const tokens of [["evil"], [""], [await forged()], [await forged(), "evil"]]) {
      const answer = await site.visit(cookies(tokens), (session) => session.flush());
      assert.deepEqual(answer.headers.getSetCookie(), [], "it may be another application's");
    }
    site.store.calls.length = 0;
    for (const cookie of [undefined, "a=1", `x__Host-sid=${two}`, `__host-sid=${two}`, "__Host-sid"]) {
      const answer = await site.visit(cookie, (session) => session.flush());
      assert.deepEqual(answer.headers.getSetCookie(), [], String(cookie));
    }
    assert.equal(site.store.count(), 0);
  });

  it("of many malformed values the first thousand do not hide the good one that follows", async () => {
    const site = makeSite();
    const live = await begin(site, "live");
    const noise = Array.from({ length: 1_000 }, (_, i) => `evil${i}`);
    assert.equal(await (await site.visit(cookies([...noise, live, ...noise]))).text(), "live");
  });

  itWithVectors("SR-016 the session cases of cookies.json lead where they say", async () => {
    const cases = vectors<CookieVectors>("cookies.json").request.filter((one): one is Required<RequestCase> =>
      one.session !== undefined
    );
    for (const { id, cookie, session } of cases) {
      const site = makeSite();
      const header = await withLive(site, cookie);
      site.store.calls.length = 0;
      const mark = await markFor(site, header);
      assert.equal(mark, session.candidates === "one" ? session.wellFormed[0]![0] : "anonymous", id);
      if (session.candidates !== "one" && session.candidates !== "several") {
        assert.equal(site.store.count(), 0, id);
      }
    }
  });
});
