/** The carrier of sessions in cookies by itself, with and without a memory of those that have ended. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CookieCarrier, type Ending } from "../backends/cookie/carrier.ts";
import { SessionError, type SessionEvent, type SessionRecord } from "../mod.ts";
import { fromBase64url } from "../src/base64url.ts";
import { CookieWriter } from "../src/cookie.ts";
import type { CarrierKit } from "../src/carrier.ts";
import { Events } from "../src/events.ts";
import { cryptoCalls, Ended, secret, start } from "./cookie_rig.ts";

const hour = 3_600_000;
const longMemory = 400 * 24 * hour;
type Settings = Partial<Ending> & {
  readonly absoluteAge?: number | null;
  readonly chunks?: number;
  readonly isSealed?: boolean;
  readonly secrets?: Uint8Array<ArrayBuffer>[];
};

/** A clock, what was told, and carriers that know nothing of each other. */
function setUp(settings: Settings = {}) {
  const clock = { now: start };
  const now = () => clock.now;
  const told: string[] = [];
  const tell = ({ type, reason }: SessionEvent) => void told.push([type, reason].filter(Boolean).join(" "));
  const carrier = (more: Settings = {}) => {
    const { store, notBefore, absoluteAge = null, chunks = 3, isSealed = true, secrets = [secret(1)] } = {
      ...settings,
      ...more,
    };
    const kit: Partial<CarrierKit> = {
      secrets,
      cookie: new CookieWriter({ name: "sid" }),
      timeout: 30,
      events: new Events(tell, now, (key) => Promise.resolve(key)),
      limits: { absoluteAge } as CarrierKit["limits"],
      now,
    };
    return new CookieCarrier(kit as CarrierKit, { store, notBefore }, chunks, isSealed);
  };
  const record = (data = "{}", more: Partial<SessionRecord> = {}): SessionRecord => ({
    data,
    createdAt: clock.now - 2,
    touchedAt: clock.now - 1,
    expiresAt: clock.now + hour,
    ...more,
  });
  const takeTold = async () => {
    for (let i = 0; i < 5; i++) await Promise.resolve();
    return told.splice(0);
  };
  return { clock, carrier, first: carrier(), record, takeTold };
}

type Place = Awaited<ReturnType<CookieCarrier["create"]>>;

/** The `Cookie` header of a browser that was sent these places. */
const headerOf = (carrier: CookieCarrier, ...places: Place[]) =>
  places.flatMap((place) => carrier.setCookie(place, undefined, null)).map((field) => field.split(";", 1)[0])
    .join("; ");

describe("a session in the cookie", () => {
  for (const isSealed of [true, false]) {
    it(`is found as it was written, on every server, ${isSealed ? "sealed" : "signed"}`, async () => {
      const { first, carrier, record } = setUp({ isSealed });
      for (const one of [record(), record("é\n😀", { userId: "ada" }), record("x".repeat(7_500))]) {
        const place = await first.create(one);
        assert.equal(place.isStale, false);
        const shown = new TextDecoder().decode(fromBase64url(place.token.slice(0, -43)));
        assert.equal(shown.endsWith(one.data), !isSealed);
        const header = headerOf(first, place);
        for (const server of [first, carrier()]) {
          for (const sent of [header, header, `a=${"b".repeat(2_100)}; ${header}`]) {
            const [found, ...others] = await server.find(sent);
            assert.equal(others.length, 0);
            assert.deepEqual(found!.record, one);
            const { id, key, version, token, isStale } = found!.place;
            assert.deepEqual({ id, key, version, token, isStale }, {
              id: place.id,
              key: place.key,
              version: place.token,
              token: place.token,
              isStale: false,
            });
          }
        }
      }
    });
  }

  it("is made with one sealing, or two if it takes several cookies, and is known from then on", async () => {
    const { first, carrier, record } = setUp();
    await first.create(record());
    for (const [data, count] of [["{}", 1], ["x".repeat(7_500), 2]] as const) {
      let place: Place | undefined;
      const calls = await cryptoCalls(async () => place = await first.create(record(data)));
      assert.equal(calls.filter((name) => name === "encrypt").length, count);
      const header = headerOf(first, place!);
      const found = first.find(header);
      assert.ok(Array.isArray(found));
      assert.equal(found[0]!.place.isStale, false);
      assert.ok(Array.isArray(first.find(header)));
      const other = carrier();
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
    const { first, carrier, record } = setUp();
    const [one, two] = [await first.create(record("1")), await first.create(record("2"))];
    for (const server of [first, carrier(), carrier()]) {
      const found = await server.find(`sid=AAAA; ${headerOf(first, one, two)}`);
      assert.deepEqual(found.map(({ record }) => record.data), ["1", "2"]);
      assert.deepEqual((await server.find(headerOf(first, one, two))).map(({ place }) => place.key), [
        one.key,
        two.key,
      ]);
    }
  });

  it("is stale when it was made with an older secret", async () => {
    const { first, carrier, record } = setUp();
    const header = headerOf(first, await first.create(record()));
    const [found] = await carrier({ secrets: [secret(2), secret(1)] }).find(header);
    assert.equal(found!.place.isStale, true);
  });

  it("SR-027 is refused when it is issued more than a minute ahead, and nobody is asked about it", async () => {
    for (const alone of [true, false]) {
      const asked: string[] = [];
      const notBefore = (user: string) => (asked.push(user), 0);
      const { clock, carrier, first, record, takeTold } = setUp(alone ? {} : { notBefore });
      clock.now = start + 60_001;
      const header = headerOf(first, await first.create(record("{}", { userId: "ada" })));
      const server = carrier();
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
    const cleared = first.clearCookie(header);
    assert.deepEqual(cleared.map((field) => field.split("=", 1)[0]), ["sid", "sid.1", "sid.2"]);
    const fields = first.setCookie(await first.create(record()), 60, header);
    assert.deepEqual(fields.map((field) => /Max-Age=\d+/.exec(field)![0]), [
      "Max-Age=60",
      "Max-Age=0",
      "Max-Age=0",
    ]);
  });

  it("is not to be opened, listed, looked at or ended from elsewhere", async () => {
    const { first, carrier } = setUp();
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
    assert.equal(await carrier({ store }).clearExpired(2, 10), 1);
  });
});

describe("what one server did with a session in the cookie", () => {
  /** A session, and three requests that were on their way before anything was done with it. */
  async function begun(settings: Settings = {}) {
    const world = setUp(settings);
    const { first, record } = world;
    const header = headerOf(first, await first.create(record("0")));
    const requests = [];
    for (let i = 0; i < 3; i++) requests.push((await first.find(header))[0]!.place);
    return { ...world, header, requests: requests as [Place, Place, Place] };
  }

  it("is what a reload gives, as far as it knows", async () => {
    const { first, carrier, record, requests: [a, b] } = await begun();
    const one = record("1");
    const place = await first.save(a, one);
    assert.deepEqual(await first.reload(b), { record: one, place });
    assert.equal(await carrier().reload(b), undefined);
    await first.end({ place: b, record: one });
    assert.equal(await first.reload(a), undefined);
  });

  it("stands against a save or a rotation that began before it, and not after", async () => {
    const { first, carrier, record, requests: [a, b] } = await begun();
    const saved = (await first.save(a, record("1")))!;
    assert.equal(saved.key, a.key);
    assert.notEqual(saved.token, a.token);
    assert.equal(await first.save(b, record("2")), undefined);
    assert.equal(await first.rotate(b, record("2")), undefined);
    assert.equal((await first.reload(b))!.record.data, "1");
    const again = (await first.save(saved, record("3")))!;
    const moved = (await first.rotate(again, record("4")))!;
    assert.notEqual(moved.key, a.key);
    assert.notEqual(moved.id, a.id);
    const [found] = await carrier().find(headerOf(first, moved));
    assert.deepEqual([found!.place.id, found!.place.key], [moved.id, moved.key]);
    assert.equal((await first.reload(moved))!.record.data, "4");
    assert.equal(await first.reload(again), undefined);
    assert.equal(await first.save(again, record("5")), undefined);
    assert.ok(await first.save(moved, record("5")));
  });

  it("is seen also when it is done while a cookie is made", async () => {
    const { first, record, requests: [a, b] } = await begun();
    const answers = await Promise.all([first.save(a, record("1")), first.save(b, record("2"))]);
    assert.equal(answers.filter((place) => place !== undefined).length, 1);
  });

  it("is kept by a touch, which renews only the limits", async () => {
    const { first, record, requests: [a, b, c] } = await begun();
    const limits = { touchedAt: start + 5, expiresAt: start + 9 * hour };
    const touched = (await first.touch(a, record("0", limits)))!;
    assert.deepEqual((await first.reload(touched))!.record, record("0", limits));
    assert.equal(touched.key, a.key);
    const saved = (await first.save(touched, record("1")))!;
    const late = (await first.touch(b, record("0", limits)))!;
    assert.deepEqual((await first.reload(late))!.record, record("1", limits));
    assert.deepEqual((await first.find(headerOf(first, late)))[0]!.record, record("1", limits));
    await first.end({ place: saved, record: record("1") });
    assert.equal(await first.touch(c, record("0")), undefined);
    assert.equal(await first.reload(c), undefined);
  });

  it("stands against a touch that overlaps it", async () => {
    const { first, record, requests: [a, b, c] } = await begun();
    const touching = first.touch(a, record("0"));
    await first.end({ place: b, record: record("0") });
    assert.equal(await touching, undefined);
    assert.equal(await first.reload(c), undefined);
  });

  it("is forgotten after 2,048 others", async () => {
    for (const others of [2_047, 2_048]) {
      const { first, record } = setUp();
      const place = await first.create(record());
      for (let i = 0; i < others; i++) {
        await first.end({ place: { ...place, key: `${i}` }, record: record() });
      }
      assert.equal(await first.reload(place) !== undefined, others < 2_048);
    }
  });
});

describe("a session in the cookie that has ended", () => {
  it("SR-028 is remembered for as long as a copy of its cookie could live, and no longer", async () => {
    const at = start + hour;
    for (
      const [absoluteAge, more, expiresAt] of [
        [null, {}, start + hour + longMemory],
        [null, { expiresAt: at + 7 }, at + 7 + longMemory],
        [null, { expiresAt: at - 7 }, at + longMemory],
        [7_200, {}, start - 2 + 7_200_000],
        [3_660, {}, at + 60_000],
        [1, {}, at + 60_000],
        [3_661, {}, start - 2 + 3_661_000],
      ] as const
    ) {
      const store = new Ended();
      store.fault = () => Promise.resolve();
      const { first, clock, record } = setUp({ store, absoluteAge });
      const one = record("secret", { userId: "ada", ...more });
      const place = await first.create(one);
      clock.now = at;
      assert.equal(await first.end({ place, record: one }), true);
      assert.equal(await first.end({ place, record: one }), false);
      const { version: _, ...kept } = (await store.load(place.key))!;
      assert.deepEqual(kept, { data: "ended", createdAt: at, touchedAt: at, expiresAt });
    }
  });

  it("SR-028 is remembered for as long as one that was saved meanwhile", async () => {
    for (const [mine, later] of [[1, 5], [5, 1]] as const) {
      const store = new Ended();
      const { first, record } = setUp({ store });
      const place = await first.create(record());
      const [found] = await first.find(headerOf(first, place));
      await first.save(place, record("1", { expiresAt: start + later * hour }));
      await first.end({ place: found!.place, record: record("0", { expiresAt: start + mine * hour }) });
      assert.equal(store.load(place.key)!.expiresAt, start + 5 * hour + longMemory);
    }
  });

  it("SR-028 is not found, not saved, not touched, not reloaded and not rotated again, on any server", async () => {
    const store = new Ended();
    const { first, carrier, record, takeTold } = setUp({ store });
    const place = await first.create(record());
    const header = headerOf(first, place);
    const other = carrier();
    const [seen] = await other.find(header);
    const mine = await other.save(seen!.place, record("1"));
    assert.ok(await other.reload(mine!));
    assert.equal(await first.end({ place, record: record() }), true);
    assert.equal(await first.reload(place), undefined);
    for (const server of [other, first]) {
      assert.deepEqual(await server.find(header), []);
      assert.deepEqual(await takeTold(), ["rejected unknown"]);
    }
    assert.equal(await other.reload(mine!), undefined);
    assert.equal(await other.save(mine!, record("2")), undefined);
    assert.equal(await other.touch(mine!, record("2")), undefined);
    assert.equal(await other.rotate(mine!, record("2")), undefined);
  });

  it("with nobody to remember it was there, and is good as a copy on another server", async () => {
    const { first, carrier, record } = setUp();
    const place = await first.create(record());
    assert.equal(await first.end({ place, record: record() }), true);
    assert.equal((await carrier().find(headerOf(first, place))).length, 1);
  });

  it("SR-028 is any that began before the user's instant, and nobody's without a user", async () => {
    const asked: string[] = [];
    let since = start - 2;
    const notBefore = (user: string) => (asked.push(user), Promise.resolve(since));
    const { first, record } = setUp({ notBefore });
    const mine = await first.create(record("{}", { userId: "ada" }));
    const header = headerOf(first, mine);
    assert.equal((await first.find(header)).length, 1);
    assert.deepEqual(asked.splice(0), ["ada"]);
    since++;
    assert.deepEqual(await first.find(header), []);
    assert.equal(await first.save(mine, record("1", { userId: "ada" })), undefined);
    asked.length = 0;
    assert.equal((await first.find(headerOf(first, await first.create(record())))).length, 1);
    assert.deepEqual(asked, []);
  });

  it("SR-048 is not taken for a live one when the instant is no instant", async () => {
    for (const answer of [NaN, "1", undefined]) {
      const { first, record } = setUp({ notBefore: () => answer as number });
      const header = headerOf(first, await first.create(record("{}", { userId: "ada" })));
      await assert.rejects(async () => await first.find(header), { code: "ERR_STORE" });
    }
  });

  it("is one of which the memory is damaged; other trouble is no answer", async () => {
    for (
      const [code, told] of [["ERR_DAMAGED", ["damaged", "rejected unknown"]], ["ERR_STORE", []]] as const
    ) {
      const store = new Ended();
      const { first, record, takeTold } = setUp({ store });
      const header = headerOf(first, await first.create(record()));
      store.fault = () => {
        throw new SessionError(code, "trouble");
      };
      if (code === "ERR_DAMAGED") assert.deepEqual(await first.find(header), []);
      else await assert.rejects(async () => await first.find(header), { code });
      assert.deepEqual((await takeTold()).filter((one) => one !== "store-error"), told);
    }
  });
});
