/** The transport of sessions in cookies by itself. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromBase64url } from "../../../src/crypto/base64url.ts";
import { type Found, headerOf, hour, type Settings, setUp } from "../../support/cookie/transport_rig.ts";
import { cryptoCalls, Ended, secret, start } from "../../support/cookie/rig.ts";

describe("a session in the cookie", () => {
  for (const isSealed of [true, false]) {
    it(`is found as it was written, on every server, ${isSealed ? "sealed" : "signed"}`, async () => {
      const { first, transport, record } = setUp({ isSealed });
      for (const one of [record(), record("é\n😀", { userId: "ada" }), record("x".repeat(7_500))]) {
        const made = await first.create(one);
        const { ref } = made;
        assert.equal(ref.hasOldSignature, false);
        const shown = new TextDecoder().decode(fromBase64url(ref.cookieValue.slice(0, -43)));
        assert.equal(shown.endsWith(one.data), !isSealed);
        const header = headerOf(first, made);
        for (const server of [first, transport()]) {
          for (const sent of [header, header, `a=${"b".repeat(2_100)}; ${header}`]) {
            const [found, ...others] = await server.find(sent);
            assert.equal(others.length, 0);
            assert.deepEqual(found!.record, one);
            const { id, key, version, cookieValue, hasOldSignature } = found!.ref;
            assert.deepEqual({ id, key, version, cookieValue, hasOldSignature }, {
              id: ref.id,
              key: ref.key,
              version: ref.cookieValue,
              cookieValue: ref.cookieValue,
              hasOldSignature: false,
            });
          }
        }
      }
    });
  }

  it("is made with one sealing, or two if it takes several cookies, and is known from then on", async () => {
    const { first, transport, record } = setUp();
    await first.create(record());
    for (const [data, count] of [["{}", 1], ["x".repeat(7_500), 2]] as const) {
      let made: Found | undefined;
      const calls = await cryptoCalls(async () => made = await first.create(record(data)));
      assert.equal(calls.filter((name) => name === "encrypt").length, count);
      const header = headerOf(first, made!);
      const found = first.find(header);
      assert.ok(Array.isArray(found));
      assert.equal(found[0]!.ref.hasOldSignature, false);
      assert.ok(Array.isArray(first.find(header)));
      const other = transport();
      await other.find(header);
      assert.ok(Array.isArray(other.find(header)));
    }
  });

  it("is not looked for where there is no cookie, and one that is no session is told of", async () => {
    const { first, takeTold } = setUp();
    assert.deepEqual(first.find(null), []);
    assert.deepEqual(first.find("a=b"), []);
    assert.deepEqual(await takeTold(), []);
    assert.deepEqual(first.find("sid=%"), []);
    assert.deepEqual(await takeTold(), ["rejected malformed"]);
    assert.deepEqual(await first.find("sid=AAAA; sid=AQAA"), []);
    assert.deepEqual(await takeTold(), ["rejected malformed", "rejected malformed"]);
  });

  it("is one of several that a browser may send, known or not", async () => {
    const { first, transport, record } = setUp();
    const [one, two] = [await first.create(record("1")), await first.create(record("2"))];
    for (const server of [first, transport(), transport()]) {
      const found = await server.find(`sid=AAAA; ${headerOf(first, one, two)}`);
      assert.deepEqual(found.map(({ record }) => record.data), ["1", "2"]);
      assert.deepEqual((await server.find(headerOf(first, one, two))).map(({ ref }) => ref.key), [
        one.ref.key,
        two.ref.key,
      ]);
    }
  });

  it("is stale when it was made with an older secret", async () => {
    const { first, transport, record } = setUp();
    const header = headerOf(first, await first.create(record()));
    const [found] = await transport({ secrets: [secret(2), secret(1)] }).find(header);
    assert.equal(found!.ref.hasOldSignature, true);
  });

  it("SR-027 is refused when it is issued more than a minute ahead, and nobody is asked about it", async () => {
    for (const alone of [true, false]) {
      const asked: string[] = [];
      const notBefore = (user: string) => (asked.push(user), 0);
      const { clock, transport, first, record, takeTold } = setUp(alone ? {} : { notBefore });
      clock.now = start + 60_001;
      const header = headerOf(first, await first.create(record("{}", { userId: "ada" })));
      const server = transport();
      for (let i = 0; i < 3; i++) {
        clock.now = start;
        assert.deepEqual(await server.find(header), []);
        assert.deepEqual(await takeTold(), ["rejected future"]);
        assert.deepEqual(await first.find(header), []);
        assert.deepEqual(await takeTold(), ["rejected future"]);
        assert.deepEqual(asked.splice(0), []);
        clock.now = start + 1;
        assert.equal((await server.find(header)).length, 1);
        assert.deepEqual(asked.splice(0), alone ? [] : ["ada"]);
        assert.deepEqual(await takeTold(), []);
      }
    }
  });

  it("is cleared with all of its cookies, and set anew over the pieces of a longer one", async () => {
    const { first, record } = setUp();
    const header = headerOf(first, await first.create(record("x".repeat(7_500))));
    const cleared = (await first.endByCookies(header, new Set())).setCookies;
    assert.deepEqual(cleared.map((field) => field.split("=", 1)[0]), ["sid", "sid.1", "sid.2"]);
    const fields = first.setCookie((await first.create(record())).ref, 60, header);
    assert.deepEqual(fields.map((field) => /Max-Age=\d+/.exec(field)![0]), [
      "Max-Age=60",
      "Max-Age=0",
      "Max-Age=0",
    ]);
  });

  it("is not to be opened, listed, looked at or ended from elsewhere", async () => {
    const { first, transport } = setUp();
    for (
      const [work, what] of [
        [() => first.open(), "be opened from outside a request"],
        [() => first.list(), "list a user's sessions"],
        [() => first.inspect(), "look at another session"],
        [() => first.revoke(), "end another session"],
        [() => first.clearExpired(1, 2), "clear expired sessions"],
      ] as const
    ) {
      assert.throws(work, { code: "ERR_UNSUPPORTED", message: `A session in a cookie cannot ${what}` });
    }
    const store = new Ended();
    store.create("0".repeat(64), { data: "", createdAt: 1, touchedAt: 1, expiresAt: 2 });
    assert.equal(await transport({ store }).clearExpired(2, 10), 1);
  });
});

describe("what one server did with a session in the cookie", () => {
  /** A session, and three requests that were on their way before anything was done with it. */
  async function begun(settings: Settings = {}) {
    const world = setUp(settings);
    const { first, record } = world;
    const header = headerOf(first, await first.create(record("0")));
    const requests = [];
    for (let i = 0; i < 3; i++) requests.push((await first.find(header))[0]!);
    return { ...world, header, requests: requests as [Found, Found, Found] };
  }

  it("is what a reload gives, as far as it knows", async () => {
    const { first, transport, header, record, requests: [a, b] } = await begun();
    const one = record("1");
    const saved = await first.save(a, one);
    assert.deepEqual(saved!.record, one);
    assert.deepEqual(await first.reload(b), saved);
    const other = transport();
    assert.equal(await other.reload((await other.find(header))[0]!), undefined);
    await first.end({ ...b, record: one });
    assert.equal(await first.reload(a), undefined);
  });

  it("stands against a save or a rotation that began before it, and not after", async () => {
    const { first, transport, record, requests: [a, b] } = await begun();
    const saved = (await first.save(a, record("1")))!;
    assert.equal(saved.ref.key, a.ref.key);
    assert.notEqual(saved.ref.cookieValue, a.ref.cookieValue);
    assert.equal(await first.save(b, record("2")), undefined);
    assert.equal(await first.rotate(b, record("2")), undefined);
    assert.equal((await first.reload(b))!.record.data, "1");
    const again = (await first.save(saved, record("3")))!;
    const moved = (await first.rotate(again, record("4")))!;
    assert.notEqual(moved.ref.key, a.ref.key);
    assert.notEqual(moved.ref.id, a.ref.id);
    const [found] = await transport().find(headerOf(first, moved));
    assert.deepEqual([found!.ref.id, found!.ref.key], [moved.ref.id, moved.ref.key]);
    assert.equal((await first.reload(moved))!.record.data, "4");
    assert.equal(await first.reload(again), undefined);
    assert.equal(await first.save(again, record("5")), undefined);
    assert.ok(await first.save(moved, record("5")));
  });

  it("is seen also when it is done while a cookie is made", async () => {
    const { first, record, requests: [a, b] } = await begun();
    const answers = await Promise.all([first.save(a, record("1")), first.save(b, record("2"))]);
    assert.equal(answers.filter((one) => one !== undefined).length, 1);
  });

  it("is kept by a touch, which renews only the limits", async () => {
    const { first, record, requests: [a, b, c] } = await begun();
    const limits = { touchedAt: start + 5, expiresAt: start + 9 * hour };
    const touched = (await first.touch(a, record("0", limits)))!;
    assert.deepEqual((await first.reload(touched))!.record, record("0", limits));
    assert.equal(touched.ref.key, a.ref.key);
    const saved = (await first.save(touched, record("1")))!;
    const late = (await first.touch(b, record("0", limits)))!;
    assert.deepEqual((await first.reload(late))!.record, record("1", limits));
    assert.deepEqual((await first.find(headerOf(first, late)))[0]!.record, record("1", limits));
    await first.end(saved);
    assert.equal(await first.touch(c, record("0")), undefined);
    assert.equal(await first.reload(c), undefined);
  });

  it("stands against a touch that overlaps it", async () => {
    const { first, record, requests: [a, b, c] } = await begun();
    const touching = first.touch(a, record("0"));
    await first.end(b);
    assert.equal(await touching, undefined);
    assert.equal(await first.reload(c), undefined);
  });

  it("is known to who was under way before it, however much is done with others meanwhile", async () => {
    const { first, record, header, requests: [a, b, c] } = await begun();
    const saved = (await first.save(a, record("1")))!;
    const others = async () => {
      for (let i = 0; i < 2_500; i++) {
        await first.end(await first.create(record()));
      }
    };
    await others();
    assert.equal(await first.save(b, record("2")), undefined, "nothing is written over");
    assert.equal((await first.reload(b))!.record.data, "1");
    assert.equal((await first.find(header))[0]!.ref.key, a.ref.key);
    await first.end(saved);
    await others();
    assert.equal(await first.save(c, record("3")), undefined, "nothing is brought back");
    assert.equal(await first.touch(c, record("0")), undefined);
    assert.equal(await first.reload(c), undefined);
  });
});
