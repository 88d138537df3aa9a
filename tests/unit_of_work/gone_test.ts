import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers";
import { begin, type Browser, dice, gate, seed, Site, stores, type Work } from "../support/commit_rig.ts";

const ways: Record<string, Work> = {
  writes: (session) => void session.set("late", 1),
  "changes an object": (session) => void session.get("cart")?.push("late"),
  rotates: (session) => session.cycleKey(),
  "logs in": (session) => session.login("eve"),
  "writes and rotates": (session) => (session.set("late", 1), session.cycleKey()),
  "sets an expiry": (session) => session.setExpiry(60),
  clears: (session) => session.clear(),
  updates: (session) => session.update("n", (n = 0) => n + 1),
  saves: async (session) => (session.set("late", 1), await session.save()),
};

/** Holds the store's calls back and lets them through one at a time, in an order drawn from a seed. */
class Interleaving {
  readonly #roll: (below: number) => number;
  readonly #held: (() => void)[] = [];

  constructor(from: number) {
    this.#roll = dice(from);
  }

  readonly hold = (): Promise<void> => new Promise((resolve) => this.#held.push(resolve));

  /** Runs until the work is done. */
  async through<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const mark = () => void (isDone = true);
    work.then(mark, mark);
    while (!isDone) {
      // Whatever can run without the store has run when a macrotask begins.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#held.length > 0) this.#held.splice(this.#roll(this.#held.length), 1)[0]!();
    }
    return await work;
  }
}

for (const { name, open } of stores) {
  describe(`a session that another request ends, on ${name}`, () => {
    for (const [way, work] of Object.entries(ways)) {
      for (const isOther of [false, true]) {
        it(`SR-034 stays gone when a late request ${way}${isOther ? " in another process" : ""}`, async () => {
          const site = new Site(await open());
          const browser = await begin(site, { cart: [] });
          const id = await browser.id();
          const { wait, open: go } = gate();
          const loaded = gate();
          const late = browser.twin(isOther ? site.other() : site);
          const answer = late.visit(async (session, request) => {
            session.get("cart");
            loaded.open();
            await wait;
            return await work(session, request);
          });
          await loaded.wait;
          const flushed = await browser.visit((session) => session.flush());
          assert.match(flushed.headers.get("set-cookie")!, /Max-Age=0/);
          go();
          const response = await answer;
          assert.equal(response.status, 409);
          assert.deepEqual(response.headers.getSetCookie(), []);
          assert.match(response.headers.get("cache-control")!, /no-store/);
          assert.equal(await site.stored(id), undefined);
          assert.deepEqual(await site.sessions.list("eve"), []);
        });
      }
    }

    it("SR-034 stays gone when a late request only reads, and its answer is 200 without a cookie", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      const id = await browser.id();
      site.clock.now += 2 * 3_600_000; // a touch is due
      site.events.length = 0;
      const response = await browser.visit(async (session) => {
        session.get("a");
        await browser.twin().visit((session) => session.flush());
      });
      assert.equal(response.status, 200);
      assert.deepEqual(response.headers.getSetCookie(), []);
      assert.equal(await site.stored(id), undefined);
      assert.ok(site.eventTypes().includes("gone"));
    });

    it("SR-034 a handler that catches the refusal and goes on is refused again", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      const id = await browser.id();
      const response = await browser.visit(async (session) => {
        session.set("late", 1);
        await browser.twin().visit((session) => session.flush());
        await assert.rejects(session.save(), { code: "ERR_GONE", retryable: false });
        session.set("later", 2);
      });
      assert.equal(response.status, 409);
      assert.equal(await site.stored(id), undefined);
    });

    it("SR-034 a session opened outside any request stays gone", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      const session = await site.sessions.open(await browser.id());
      await browser.visit((session) => session.flush());
      for (let i = 0; i < 3; i++) {
        session.set("late", i);
        await assert.rejects(session.save(), { code: "ERR_GONE" });
      }
      assert.equal(await site.stored(session.id), undefined);
    });

    it("SR-034 revoking ends it for writers in flight too", async () => {
      const site = new Site(await open());
      const browser = await begin(site);
      await browser.visit((session) => session.login("ada"));
      const response = await browser.visit(async (session) => {
        session.set("late", 1);
        assert.equal(await site.other().sessions.revokeAll("ada"), 1);
      });
      assert.equal(response.status, 409);
      assert.deepEqual(await site.sessions.list("ada"), []);
    });

    it("SR-034 nothing is brought back in 1,000 random interleavings of a log-out with writers", async () => {
      console.log(`SOJOURN_SEED=${seed}`);
      const site = new Site(await open());
      const other = site.other();
      const works = Object.values(ways);
      const outcomes = new Map<number, number>();
      for (let round = 0; round < 1000; round++) {
        const from = seed + round;
        const roll = dice(from);
        const browser = await begin(site, { cart: [] });
        const id = await browser.id();
        const steps = new Interleaving(from);
        site.store.before =
          site.store.after =
          other.store.before =
          other.store.after =
            steps.hold;
        const writers: Browser[] = [browser.twin(), browser.twin(other)];
        const out = browser.twin(roll(2) === 0 ? site : other);
        const [left, ...answers] = await steps.through(Promise.all([
          out.visit(async (session) => (session.get("a"), await session.flush())),
          ...writers.map((writer) => writer.visit(works[roll(works.length)]!)),
        ]));
        site.store.before =
          site.store.after =
          other.store.before =
          other.store.after =
            undefined;
        assert.equal(left!.status, 200, `seed ${from}`);
        assert.equal(await site.stored(id), undefined, `seed ${from}: the ended session is back`);
        for (const [i, answer] of answers.entries()) {
          outcomes.set(answer.status, (outcomes.get(answer.status) ?? 0) + 1);
          assert.ok(answer.status === 200 || answer.status === 409, `seed ${from}: ${answer.status}`);
          if (answer.status === 409) assert.deepEqual(answer.headers.getSetCookie(), [], `seed ${from}`);
          // A writer that came first or found nobody may have a session, but never under the id that was ended.
          if (writers[i]!.cookie !== browser.cookie) assert.notEqual(await writers[i]!.id(), id);
        }
      }
      assert.ok(
        (outcomes.get(409) ?? 0) > 100 && (outcomes.get(200) ?? 0) > 100,
        JSON.stringify([...outcomes]),
      );
    });
  });
}
