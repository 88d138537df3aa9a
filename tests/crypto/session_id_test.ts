import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import { Signer } from "../../src/crypto/signer.ts";
import { makeId, storageKey } from "../../src/crypto/session_id.ts";
import { begin, makeSite, randomness, read, secret, tokenOf, writes } from "../support/identity_rig.ts";
import { type CookieVectors, itWithVectors, vectors } from "../support/vectors.ts";

/** Runs `work` while the platform's generator fills ids from `bytes()`. */
async function withGenerator<T>(bytes: () => Uint8Array, work: () => Promise<T>): Promise<T> {
  const fill = (target: Uint8Array) => {
    target.set(bytes().subarray(0, target.length));
    return target;
  };
  Object.defineProperty(crypto, "getRandomValues", { value: fill, configurable: true });
  try {
    return await work();
  } finally {
    delete (crypto as unknown as Record<string, unknown>)["getRandomValues"];
  }
}

const bytesOf = (id: string) => new Uint8Array(Buffer.from(id, "base64url"));
const idOf = (token: string) => token.slice(0, 32);
const unknownIds = (count: number) => Array.from({ length: count }, makeId);
const text = JSON.stringify;

describe("ids", () => {
  it("SR-001 ids have one shape and never repeat", () => {
    const seen = new Set<string>();
    for (let i = 0; i < 250_000; i++) {
      const id = makeId();
      if (!/^[A-Za-z0-9_-]{32}$/.test(id)) {
        assert.fail(`an id of another shape, ${id.length} characters long`);
      }
      seen.add(id);
    }
    assert.equal(seen.size, 250_000);
  });

  it("SR-001 each of the 192 bits of an id is set half of the time", () => {
    const rounds = 100_000;
    const set = new Uint32Array(192);
    for (let i = 0; i < rounds; i++) {
      const bytes = bytesOf(makeId());
      for (let bit = 0; bit < 192; bit++) set[bit]! += bytes[bit >> 3]! >> (bit & 7) & 1;
    }
    for (const count of set) {
      assert.ok(count > 0.49 * rounds && count < 0.51 * rounds, `a bit was set ${count} times`);
    }
  });

  it("SR-001 an id is the platform's 24 random bytes and nothing else", async () => {
    const bytes = Uint8Array.from({ length: 24 }, (_, i) => 255 - i * 9);
    const site = makeSite();
    const token = await withGenerator(() => bytes, () => begin(site, "a"));
    assert.equal(idOf(token), Buffer.from(bytes).toString("base64url"));
  });

  it("SR-001 without random bytes there is an error, and neither a cookie nor a record", async () => {
    const site = makeSite();
    const broken = () => {
      throw new Error("no entropy");
    };
    await withGenerator(broken, async () => {
      const answer = await site.visit(undefined, writes("a")).catch((error: Error) => error);
      if (answer instanceof Response) {
        assert.equal(answer.status, 503);
        assert.deepEqual(answer.headers.getSetCookie(), []);
      }
    });
    assert.equal(site.store.count("create"), 0);
  });

  it("SR-002 a well-formed unknown id is never adopted, signed or not", async () => {
    const site = makeSite();
    const signer = new Signer([secret(1)], "session id", "__Host-sid");
    const issued = new Set<string>();
    const sent = unknownIds(2_000);
    for (const [i, id] of sent.entries()) {
      const tag = await signer.sign(i % 2 === 0 ? id : makeId());
      issued.add(idOf(tokenOf(await site.visit(`__Host-sid=${id}.${tag}`, writes("mine")))));
    }
    assert.equal(issued.size, sent.length);
    for (const id of sent) {
      assert.ok(!issued.has(id));
      assert.equal(site.store.inner.load(await storageKey(id)), undefined);
    }
  });

  it("SR-002 an id counts only in the session cookie", async () => {
    const site = makeSite();
    const token = await begin(site, "victim");
    const id = idOf(token);
    const handler = site.sessions.wrap(async (request) => new Response(String(read(await request.session))));
    const url = `https://site.test/${token}?__Host-sid=${token}&sid=${token}&session=${id}#${token}`;
    const bearing: Record<string, string>[] = [
      { authorization: `Bearer ${token}` },
      { "x-session-id": token },
      { "__host-sid": token },
      { "set-cookie": `__Host-sid=${token}` },
      { "cookie2": `__Host-sid=${token}` },
      { cookie: `sid=${token}; __host-sid=${token}; x=__Host-sid=${token}` },
    ];
    for (const headers of bearing) {
      for (const value of [token, id]) {
        const written = text(headers).replaceAll(token, value);
        const body = `__Host-sid=${value}`;
        const request = new Request(url, { method: "POST", headers: JSON.parse(written), body });
        assert.equal(await (await handler(request)).text(), "anonymous", String(Object.keys(headers)[0]));
      }
    }
    assert.equal(await (await site.visit(`__Host-sid=${token}`)).text(), "victim");
  });

  it("SR-003 what is not of the exact shape reaches no store", async () => {
    const site = makeSite();
    const random = randomness("SR-003");
    const good = await begin(site, "a");
    const calls = site.store.count();
    const printable = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).filter((c) =>
      c !== ";"
    ).join("");
    const mutate = (value: string) => {
      const at = random(value.length);
      const odd = printable[random(printable.length)]!;
      const changed = [
        value.slice(0, at),
        value.slice(0, at) + odd + value.slice(at),
        value + odd,
        value.repeat(2),
      ];
      return changed[random(4)]!;
    };
    const noise = () =>
      Array.from({ length: random(120) }, () => printable[random(printable.length)]).join("");
    for (let i = 0; i < 5_000; i++) {
      const value = i % 2 === 0 ? noise() : mutate(good);
      const answer = await site.visit(`__Host-sid=${value}`);
      assert.equal(answer.status, 200);
      assert.equal(await answer.text(), "anonymous", value);
    }
    assert.equal(site.store.count(), calls);
  });

  itWithVectors("SR-003 the malformed ids of cookies.json reach no store", async () => {
    const site = makeSite();
    const cases = vectors<CookieVectors>("cookies.json").request.filter(({ id }) => id.startsWith("id/"));
    assert.ok(cases.length > 5);
    for (const { cookie } of cases) assert.equal(await (await site.visit(cookie)).text(), "anonymous");
    assert.equal(site.store.count(), 0);
  });

  it("SR-003 a store given such values directly finds nothing and keeps its neighbours", async () => {
    const hostile = [
      "",
      "../../etc/passwd",
      "..%2f..%2f",
      "' OR '1'='1",
      "x\r\nDEL y",
      "\0",
      "a".repeat(100_000),
      "%",
      "*",
      "__proto__",
    ];
    const record = { data: "{}", createdAt: 1, touchedAt: 1, expiresAt: 9e12 };
    for (const store of [new MemoryStore(), await SqliteStore.open(":memory:")]) {
      const key = "ab".repeat(32);
      const version = await store.create(key, record);
      const trouble = async (run: () => unknown) => {
        try {
          return await run();
        } catch (error) {
          assert.equal((error as { code?: unknown }).code, "ERR_STORE");
        }
      };
      for (const value of hostile) {
        assert.equal(await trouble(() => store.load(value)), undefined);
        assert.ok(!await trouble(() => store.delete(value)));
        assert.ok(!await trouble(() => store.touch(value, 2, 2, version!)));
        assert.equal(await trouble(() => store.save(value, record, version!)), undefined);
      }
      assert.deepEqual(await store.load(key), { ...record, version });
      await store.close();
    }
  });

  it("SR-003 open answers a malformed id with an empty session and no store call", async () => {
    const site = makeSite();
    for (
      const id of [
        "",
        "a".repeat(31),
        "a".repeat(33),
        `${"a".repeat(31)}\n`,
        `${"a".repeat(31)}+`,
        "../".repeat(11),
      ]
    ) {
      const session = await site.sessions.open(id);
      assert.equal(session.id, undefined);
      assert.equal(session.size, 0);
    }
    assert.equal(site.store.count(), 0);
  });

  it("SR-004 an id that is taken is left to its owner, and another is made", async () => {
    for (const work of [writes("thief"), (session: Parameters<typeof read>[0]) => session.login("thief")]) {
      const site = makeSite();
      const victim = idOf(await begin(site, "victim"));
      const before = text(site.store.inner.load(await storageKey(victim)));
      let times = 0;
      const fresh = new Uint8Array(24).fill(7);
      const generator = () => times++ === 0 ? bytesOf(victim) : fresh;
      fresh[0]!++;
      const rotating = (session: Parameters<typeof read>[0]) => {
        session.cycleKey();
        return work(session);
      };
      const answer = await withGenerator(generator, () => site.visit(undefined, rotating));
      assert.equal(answer.status, 200);
      assert.equal(idOf(tokenOf(answer)), Buffer.from(fresh).toString("base64url"));
      assert.equal(times, 2);
      assert.equal(text(site.store.inner.load(await storageKey(victim))), before);
    }
  });

  it("SR-004 a generator that repeats a live id for ever ends in a refusal after eight tries", async () => {
    const site = makeSite();
    const victim = idOf(await begin(site, "victim"));
    const other = await begin(site, "other");
    const before = text(site.store.inner.load(await storageKey(victim)));
    site.store.calls.length = 0;
    const answer = await withGenerator(() => bytesOf(victim), () => site.visit(undefined, writes("thief")));
    assert.equal(answer.status, 503);
    assert.deepEqual(answer.headers.getSetCookie(), []);
    assert.equal(site.store.count("create"), 8);
    assert.equal(site.store.count(), 8);
    assert.equal(text(site.store.inner.load(await storageKey(victim))), before);
    assert.equal(await (await site.visit(`__Host-sid=${other}`)).text(), "other");
  });
});
