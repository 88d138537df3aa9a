import assert from "node:assert/strict";
import { inspect } from "node:util";
import { describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import { createSessions, type Session, type SessionsOptions } from "../../mod.ts";
import { Signer } from "../../src/crypto/signer.ts";
import { makeId } from "../../src/crypto/session_id.ts";
import { begin, makeSite, randomness, secret, SpyStore, tokenOf } from "../support/identity_rig.ts";

const make = (secrets: unknown) => () =>
  createSessions({ store: new MemoryStore(), secrets: secrets as SessionsOptions["secrets"] });
const strong = "Xq3v9TtYpLw0ZbKf7RjNc2HsDg5MaUe1";

function refusal(secrets: unknown): Error {
  try {
    make(secrets)();
  } catch (error) {
    assert.ok(error instanceof TypeError || error instanceof RangeError, String(error));
    return error;
  }
  assert.fail(`accepted ${inspect(secrets)}`);
}

describe("secrets", () => {
  it("SR-024 weak and missing ones are refused, with a message that says how to make one and shows nothing", () => {
    const words = [
      "secret",
      "changeme",
      "keyboard cat",
      "password",
      "Change-Me",
      "CHANGE_ME",
      "Keyboard Cat",
    ];
    const padded = words.flatMap((word) => [
      word,
      word.padEnd(32),
      word.padStart(40),
      word.padEnd(64, "\t"),
      ` ${word} \n`.padEnd(48),
      word.repeat(16),
      `${word} `.repeat(16),
      word.padEnd(32, "="),
    ]);
    const weak = [
      "",
      " ",
      " ".repeat(32),
      strong.slice(1),
      "a".repeat(32),
      "a".repeat(64),
      "0".repeat(100),
      "é".repeat(15),
      ...padded,
    ];
    for (const one of weak) {
      for (const secrets of [[one], [strong, one], [new TextEncoder().encode(one)]]) {
        const { message } = refusal(secrets);
        assert.match(message, /openssl rand/);
        if (one.trim().length > 6) {
          assert.ok(!message.toLowerCase().includes(one.trim().toLowerCase()), message);
        }
      }
    }
    assert.match(refusal([strong, "short"]).message, /secrets\[1\]/);
  });

  it("SR-024 what is no array of secrets is a TypeError", () => {
    const wrong = [
      undefined,
      null,
      strong,
      new TextEncoder().encode(strong),
      {},
      [],
      [undefined],
      [null],
      [42],
      [{}],
      [[strong]],
      [new ArrayBuffer(32)],
      [strong, undefined],
      new Set([strong]),
    ];
    for (const secrets of wrong) {
      const error = refusal(secrets);
      assert.ok(error instanceof TypeError, inspect(secrets));
      assert.ok(!error.message.includes(strong));
    }
  });

  it("SR-024 bytes are refused when they are short, or one byte over and over", () => {
    for (
      const bytes of [
        new Uint8Array(0),
        new Uint8Array(31).map((_, i) => i),
        new Uint8Array(32),
        new Uint8Array(64).fill(7),
      ]
    ) refusal([bytes]);
    for (
      const good of [
        secret(1),
        new Uint8Array(33).map((_, i) => i),
        strong,
        "ß".repeat(8) + strong.slice(0, 16),
        "a passphrase of nine words is long enough for us",
      ]
    ) make([good])();
  });

  it("SR-024 random bytes are accepted, whatever few letters are among them", () => {
    const oneLetter = [
      44,
      129,
      222,
      234,
      5,
      202,
      206,
      2,
      183,
      21,
      101,
      166,
      124,
      31,
      232,
      152,
      187,
      58,
      36,
      17,
      223,
      47,
      206,
      219,
      139,
      20,
      146,
      225,
      26,
      182,
      233,
      241,
    ];
    make([Uint8Array.from(oneLetter)])();
    const random = randomness("SR-024");
    for (let i = 0; i < 10_000; i++) make([Uint8Array.from({ length: 32 }, () => random(256))])();
  });

  it("SR-024 bytes that were handed in are copied: wiping them changes nothing", async () => {
    const bytes = secret(1);
    const store = new SpyStore();
    const site = makeSite({ store, secrets: [bytes] });
    bytes.fill(0);
    const token = await begin(site, "mine");
    assert.equal(await (await makeSite({ store }).visit(`__Host-sid=${token}`)).text(), "mine");
  });

  it("SR-024 an array that was handed in is read once", async () => {
    const secrets = [secret(1)];
    const store = new SpyStore();
    const site = makeSite({ store, secrets });
    secrets.push(secret(9));
    const token = await begin(makeSite({ store, secrets: [secret(9)] }), "theirs");
    assert.equal(await (await site.visit(`__Host-sid=${token}`)).text(), "anonymous");
  });
});

describe("rotation of secrets", () => {
  const [a, b, c] = [secret(1), secret(2), secret(3)];
  const store = () => new SpyStore();
  const seenBy = async (secrets: Uint8Array[], store: SpyStore, token: string) =>
    await (await makeSite({ store, secrets }).visit(`__Host-sid=${token}`)).text();

  it("SR-025 an older secret still verifies, and a write issues the cookie anew under the first", async () => {
    const shared = store();
    const old = await begin(makeSite({ store: shared, secrets: [a] }), "mine");
    const site = makeSite({ store: shared, secrets: [b, a] });
    assert.equal(await (await site.visit(`__Host-sid=${old}`)).text(), "mine");
    const fresh = tokenOf(await site.visit(`__Host-sid=${old}`, (session) => session.set("more", 1)));
    assert.equal(fresh.slice(0, 32), old.slice(0, 32));
    assert.equal(await seenBy([b], shared, fresh), "mine");
    assert.equal(await seenBy([b], shared, old), "anonymous");
    assert.equal(await seenBy([a], shared, fresh), "anonymous");
    assert.equal(await seenBy([c], shared, fresh), "anonymous");
    const third = await site.visit(`__Host-sid=${fresh}`, (session) => session.set("more", 2));
    assert.deepEqual(third.headers.getSetCookie(), [], "a cookie under the first secret is not sent again");
  });

  it("SR-025 a touch issues the cookie anew under the first secret, with and without touch in the store", async () => {
    for (const canTouch of [true, false]) {
      const shared = store();
      if (!canTouch) Object.defineProperty(shared, "touch", { value: undefined });
      const old = await begin(makeSite({ store: shared, secrets: [a] }), "mine");
      const site = makeSite({ store: shared, secrets: [b, a] });
      site.clock.now += 2 * 3_600_000;
      const fresh = tokenOf(await site.visit(`__Host-sid=${old}`));
      assert.equal(await seenBy([b], shared, fresh), "mine");
    }
  });

  it("SR-025 a new id, a log-in and an explicit save give cookies of the first secret alone", async () => {
    const works: ((session: Session) => unknown)[] = [
      (session) => session.cycleKey(),
      (session) => session.login("ada"),
      async (session) => {
        session.set("more", 1);
        await session.save();
      },
    ];
    for (const work of works) {
      const shared = store();
      const old = await begin(makeSite({ store: shared, secrets: [a] }), "mine");
      const fresh = tokenOf(
        await makeSite({ store: shared, secrets: [b, a] }).visit(`__Host-sid=${old}`, work),
      );
      assert.equal(await seenBy([b], shared, fresh), "mine");
    }
  });

  it("SR-025 a secret that was removed is dead at once, also for cookies verified before by another object", async () => {
    const shared = store();
    const token = await begin(makeSite({ store: shared, secrets: [a] }), "mine");
    const before = makeSite({ store: shared, secrets: [b, a] });
    assert.equal(await (await before.visit(`__Host-sid=${token}`)).text(), "mine");
    const calls = shared.count();
    assert.equal(await seenBy([b], shared, token), "anonymous");
    assert.equal(shared.count(), calls);
  });

  it("SR-025 fifty sessions survive three rotations, and none is accepted under a removed secret", async () => {
    const shared = store();
    const all = Array.from({ length: 5 }, (_, i) => secret(10 + i));
    let tokens = await Promise.all(
      Array.from({ length: 50 }, (_, i) => begin(makeSite({ store: shared, secrets: [all[0]!] }), `s${i}`)),
    );
    for (let round = 1; round <= 3; round++) {
      const site = makeSite({ store: shared, secrets: [all[round]!, all[round - 1]!] });
      const olds = tokens;
      tokens = await Promise.all(
        olds.map(async (token) =>
          tokenOf(await site.visit(`__Host-sid=${token}`, (session) => session.set("round", round)))
        ),
      );
      for (const [i, token] of tokens.entries()) {
        assert.equal(await seenBy([all[round]!], shared, token), `s${i}`);
        assert.equal(await seenBy([all[round]!], shared, olds[i]!), "anonymous");
      }
    }
  });

  it("SR-025 the position of the secret that made a tag is told; no secret, no position", async () => {
    const signer = (secrets: Uint8Array<ArrayBuffer>[]) => new Signer(secrets, "session id", "__Host-sid");
    const id = makeId();
    const ten = Array.from({ length: 10 }, (_, i) => secret(20 + i));
    for (const [i, one] of ten.entries()) {
      assert.equal(await signer(ten).verify(id, await signer([one]).sign(id)), i);
    }
    assert.equal(await signer(ten).verify(id, await signer([a]).sign(id)), -1);
  });

  it("SR-025 a request with a cookie that was verified before costs no signature", async () => {
    const site = makeSite({ secrets: [a, b, c] });
    const token = await begin(site, "mine");
    let calls = 0;
    const own = crypto.subtle.verify.bind(crypto.subtle);
    Object.defineProperty(crypto.subtle, "verify", {
      value: (...args: Parameters<SubtleCrypto["verify"]>) => {
        calls++;
        return own(...args);
      },
      configurable: true,
    });
    try {
      for (let i = 0; i < 10; i++) {
        assert.equal(await (await site.visit(`__Host-sid=${token}`)).text(), "mine");
      }
      assert.equal(calls, 0);
      assert.equal(await (await site.visit(`__Host-sid=${makeId()}.${"A".repeat(43)}`)).text(), "anonymous");
      assert.ok(calls > 0 && calls <= 3, `${calls} verifications with three secrets`);
      calls = 0;
      assert.equal(await (await site.visit(`__Host-sid=${makeId()}.${"A".repeat(42)}`)).text(), "anonymous");
      assert.equal(calls, 0, "a malformed value is not verified");
    } finally {
      delete (crypto.subtle as unknown as Record<string, unknown>)["verify"];
    }
  });
});
