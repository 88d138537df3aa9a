/** Rotation with grace between two store calls: crashes, failures, what the store learns, log-out in every order. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import {
  createSessions,
  type Session,
  type SessionRecord,
  type Sessions,
  type SessionStore,
} from "../../mod.ts";
import { arrive, Browser } from "../support/browser.ts";
import { dice, seed } from "../support/commit_rig.ts";
import { secrets } from "../support/fault_rig.ts";
import { type Call, Interleaving, watch, type Watched } from "../support/watched_store.ts";

const grace = 30;
const writes = ["create", "save", "delete", "touch"];

interface World {
  readonly clock: { now: number };
  readonly inner: MemoryStore;
  readonly watched: Watched;
  readonly sessions: Sessions;
  readonly events: string[];
  /** Sessions like another process's, over the same records. */
  other(store?: SessionStore): Sessions;
  begin(data: Record<string, unknown>): Promise<Browser>;
}

function world(wrapped: (inner: MemoryStore) => SessionStore = (inner) => inner, timeout = 0.05): World {
  const clock = { now: 1_800_000_000_000 };
  const now = () => clock.now;
  const inner = new MemoryStore({ now });
  const watched = watch(wrapped(inner));
  const events: string[] = [];
  const onEvent = ({ type }: { type: string }) => events.push(type);
  const make = (store: SessionStore) => createSessions({ store, secrets, now, onEvent, timeout });
  const sessions = make(watched.store);
  return {
    clock,
    inner,
    watched,
    sessions,
    events,
    other: (store = inner) => make(store),
    begin: async (data) => {
      const browser = new Browser(sessions, now);
      await browser.see((session) => void session.assign(data));
      return browser;
    },
  };
}

const rotate = (session: Session) => session.cycleKey({ grace });

/** Every key that the store was given. */
const keysOf = ({ watched }: World) =>
  new Set(
    watched.calls.flatMap(({ args }) => args).filter((arg) => /^[0-9a-f]{64}$/.test(String(arg))),
  ) as Set<
    string
  >;

/** The records that the store holds. */
const stored = (site: World): SessionRecord[] =>
  [...keysOf(site)].map((key) => site.inner.load(key)).filter((record) =>
    record !== undefined
  ) as SessionRecord[];

describe("what the store learns of a rotation with grace", () => {
  it("SR-005 is one key and hashes: no id nor half of one in any spelling, nor masked with what the store has", async () => {
    const site = world();
    const browser = await site.begin({ a: 1 });
    const ids = [await browser.see((session) => session.id!)];
    const tokens: string[] = [...browser.cookies.values()];
    for (let i = 0; i < 4; i++) {
      await browser.see(rotate);
      ids.push(await browser.see((session) => session.id!));
      tokens.push(...browser.cookies.values());
    }
    assert.equal(keysOf(site).size, 1);
    const dump = JSON.stringify(site.watched.calls) +
      JSON.stringify([...keysOf(site)].map((key) => site.inner.load(key)));
    assert.equal(dump.match(/@\d+/g)!.length > 4, true, "the formers are there");
    const hashes = dump.match(/[0-9a-f]{24,}/g)!.map((text) => Buffer.from(text, "hex"));
    for (const id of ids) {
      for (const half of [id, id.slice(0, 16), id.slice(16)]) {
        const bytes = Buffer.from(half, "base64url");
        const forms = [half, bytes.toString("hex"), bytes.toString("base64"), [...half].reverse().join("")];
        for (const form of forms) assert.ok(!dump.includes(form));
        for (const one of hashes) {
          for (const other of hashes) {
            const plain = Buffer.from(bytes.map((_, i) => (one[i] ?? 0) ^ (other[i] ?? 0)));
            assert.ok(!plain.equals(bytes));
          }
        }
      }
    }
    for (const token of tokens) assert.ok(!dump.includes(token.slice(33)));
  });
});

describe("a rotation with grace that is cut short", () => {
  /** Runs one rotation with a user logged in, and `plan` at its nth store call. */
  async function cut(nth: number, when: "before" | "after", plan: () => Promise<void>) {
    const site = world();
    const browser = await site.begin({ a: 1 });
    await browser.see((session) => session.login("ann"));
    let calls = 0;
    let isHit = false;
    site.watched[when] = async ({ method }: Call) => {
      if (!writes.includes(method) || ++calls < nth) return;
      isHit ||= calls === nth;
      await plan();
    };
    const old = browser.twin();
    const answer = await browser.visit((session) => (session.set("b", 2), rotate(session)));
    site.watched[when] = undefined;
    return { site, old, browser, answer, isHit };
  }

  it("SR-032 a crash between any two store calls leaves the old id usable, with all of the data or none of it", async () => {
    for (const when of ["before", "after"] as const) {
      for (let nth = 1;; nth++) {
        // The process is gone: no call of it does anything any more.
        const { site, old, isHit } = await cut(nth, when, () => new Promise(() => {}));
        if (!isHit) break;
        const title = `${when} write ${nth}`;
        const survivor = old.twin(site.other());
        const data = await survivor.data();
        assert.ok(
          [{ a: 1 }, { a: 1, b: 2 }].some((one) => JSON.stringify(one) === JSON.stringify(data)),
          title,
        );
        assert.equal(await survivor.see((session) => session.userId), "ann", title);
        await survivor.see((session) => session.flush());
        assert.deepEqual(await old.twin(site.other()).data(), {}, title);
      }
    }
  });

  it("SR-032 a failure at any store call is a 503 without a cookie; the old id works, and there is one device", async () => {
    for (const when of ["before", "after"] as const) {
      for (let nth = 1;; nth++) {
        let fails = 1;
        const { site, old, answer, isHit } = await cut(nth, when, () => {
          return fails-- > 0 ? Promise.reject(new Error("down")) : Promise.resolve();
        });
        if (!isHit) break;
        const title = `${when} write ${nth}`;
        assert.equal(answer.status, 503, title);
        assert.deepEqual(answer.headers.getSetCookie(), [], title);
        assert.equal(await old.twin().see((session) => session.userId), "ann", title);
        assert.equal((await site.sessions.list("ann")).length, 1, title);
      }
    }
  });

  it("SR-032 a write that lands after its time was up does not lead the old id nowhere", async () => {
    for (const held of ["save"]) {
      const site = world();
      const browser = await site.begin({ a: 1 });
      let land: () => void = () => {};
      site.watched.before = ({ method }) => {
        if (method !== held) return;
        return new Promise<void>((resolve) => void (land = resolve));
      };
      const answer = await browser.visit(rotate);
      assert.equal(answer.status, 503);
      site.watched.before = undefined;
      land();
      await new Promise((resolve) => setTimeout(resolve));
      // It was made: the old id is in its grace.
      assert.deepEqual(await browser.data(), { a: 1 });
      await browser.see((session) => session.flush());
      assert.deepEqual(stored(site), []);
    }
  });

  it("SR-049 one that was written and told as failed is not done twice when the handler tries again", async () => {
    for (const isPerKey of [false, true]) {
      const site = world((inner) => isPerKey ? countingPerKey(inner) : inner);
      const browser = await site.begin({ n: 0 });
      let fails = 1;
      site.watched.after = ({ method }) => {
        if (method === "save" && fails-- > 0) throw new Error("the line broke");
      };
      const answer = await browser.visit(async (session) => {
        session.update("n", (n) => Number(n) + 1);
        rotate(session);
        await assert.rejects(session.save(), { code: "ERR_STORE" });
        await session.save();
      });
      assert.deepEqual([answer.status, answer.headers.getSetCookie().length], [200, 1]);
      assert.deepEqual(
        await browser.data(),
        { n: 1 },
        isPerKey ? "versions per key" : "versions of the store",
      );
    }
  });

  it("SR-031 a log-in that fails in flight beside a cycleKey with grace leaves the planted id no way in", async () => {
    const site = world();
    const victim = await site.begin({ a: 1 });
    const attacker = victim.twin();
    let fails = 1;
    site.watched.before = ({ method }) => {
      if (method === "save" && fails-- > 0) throw new Error("down");
    };
    await victim.see(async (session) => {
      session.login("ann");
      const saving = session.save();
      rotate(session);
      await saving.catch(() => {});
    });
    assert.equal(await victim.see((session) => session.userId), "ann");
    assert.equal(await attacker.see((session) => session.userId), undefined);
  });
});

/** The same store with versions that count for each key by itself, and never again from the start: what the interface allows. */
function countingPerKey(inner: MemoryStore): SessionStore {
  const counts = new Map<string, number>();
  const real = new Map<string, string>();
  const given = (key: string, version: string | undefined) => {
    if (version === undefined) return undefined;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    real.set(key, version);
    return String(counts.get(key));
  };
  const inside = (key: string, version: string) =>
    String(counts.get(key)) === version ? real.get(key)! : "none";
  return {
    load: (key) => {
      const record = inner.load(key);
      return record && { ...record, version: String(counts.get(key)) };
    },
    create: (key, record) => given(key, inner.create(key, record)),
    save: (key, record, version) => given(key, inner.save(key, record, inside(key, version))),
    delete: (key) => inner.delete(key),
  };
}

describe("many at once under one old id", () => {
  it("SR-031 50 requests that all rotate with grace are all answered, and none is anonymous", async () => {
    const site = world();
    const browser = await site.begin({ a: 1 });
    const all = await Promise.all(Array.from({ length: 50 }, (_, i) =>
      arrive(browser.twin(), (session) => {
        assert.equal(session.get("a"), 1);
        session.set(`k${i}`, i);
        rotate(session);
      })));
    const answers = await Promise.all(all.map(({ go }) => go()));
    assert.deepEqual(answers.map(({ status }) => status), Array(50).fill(200));
    assert.equal(await browser.see((session) => session.size), 51);
  });

  for (const isOther of [false, true]) {
    const where = isOther ? "in another process" : "in this process";
    it(`SR-033 after a flush beside rotations with grace ${where} nobody is in, in 500 orders`, async () => {
      console.log(`SOJOURN_SEED=${seed}`);
      const alive: number[] = [];
      for (let round = 0; round < 500; round++) {
        const roll = dice(seed + round);
        const site = world(undefined, 60);
        const browser = await site.begin({ a: 1 });
        await browser.see((session) => session.login("ann"));
        if (roll(2) === 0) await browser.twin().see(rotate);
        const order = new Interleaving(roll);
        site.watched.before = site.watched.after = order.hold;
        const second = isOther ? site.other(site.watched.store) : site.sessions;
        const twice = async (session: Session) => (rotate(session), await session.save(), rotate(session));
        const ends = await order.through(Promise.all([
          browser.twin().visit((session) => session.flush()),
          browser.twin(second).visit(twice),
          browser.twin(second).visit(rotate),
        ]));
        site.watched.before = site.watched.after = undefined;
        assert.equal(ends[0].status, 200, `seed ${seed + round}`);
        if (stored(site).length > 0) alive.push(seed + round);
        else for (const one of ends) assert.equal(await follow(site, one), undefined, `seed ${seed + round}`);
      }
      assert.deepEqual(alive.slice(0, 5), [], `${alive.length} of 500 left a session behind; seeds`);
    });
  }
});

/** The user of the session that an answer's cookie leads to. */
async function follow(site: World, answer: Response): Promise<string | undefined> {
  const [, value] = /^__Host-sid=([^;]+)/.exec(answer.headers.getSetCookie()[0] ?? "") ?? [];
  const browser = new Browser(
    site.sessions,
    () => site.clock.now,
    value === undefined ? [] : [["__Host-sid", value]],
  );
  return await browser.see((session) => session.userId);
}
