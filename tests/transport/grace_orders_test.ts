/** Rotation with grace beside log-outs, log-ins, revocations and requests of other processes: every order of the store calls. */

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { after, before, describe, it } from "node:test";
import { setImmediate } from "node:timers";
import { MemoryStore } from "../../backends/memory.ts";
import { createSessions, type Session, type Sessions } from "../../mod.ts";
import { arrive, Browser, type Work } from "../support/browser.ts";
import { dice, seed } from "../support/commit_rig.ts";
import { secrets } from "../support/fault_rig.ts";
import { watch, type Watched } from "../support/watched_store.ts";

const grace = 30;
const now = () => 1_800_000_000_000;
const rotate = (session: Session) => session.cycleKey({ grace });
const flush = (session: Session) => session.flush();
const login = (session: Session) => session.login("eve");

/** A visitor with a session of "ann", and processes over the same records. */
interface Scene {
  readonly inner: MemoryStore;
  readonly watched: Watched;
  readonly browser: Browser;
  /** Cookies that somebody has kept. */
  readonly old: Browser;
  readonly handle: string;
  process(): Sessions;
  /** A request that has loaded its session in a process of its own, or in this one, and goes on when it is let go. */
  flight(work: Work, over?: Sessions): Promise<() => Promise<Response>>;
  /** A request that is yet to come, in a process of its own. */
  request(work: Work): () => Promise<Response>;
}

async function open(): Promise<Scene> {
  const inner = new MemoryStore({ now });
  const watched = watch(inner);
  const process = () => createSessions({ store: watched.store, secrets, now, timeout: 60 });
  const browser = new Browser(process(), now);
  await browser.see((session) => (session.login("ann"), session.set("a", 1)));
  const [info] = await process().list("ann");
  let flights = 0;
  return {
    inner,
    watched,
    browser,
    old: browser.twin(),
    handle: info!.handle,
    process,
    flight: async (work, over = process()) => {
      const { go } = await actor.run(`flight ${flights++}`, () => arrive(browser.twin(over), work));
      return go;
    },
    request: (work) => {
      const visitor = browser.twin(process());
      return () => visitor.visit(work);
    },
  };
}

/** Every record of a session that the store was ever given and still has. */
function stored({ watched, inner }: Scene): unknown[] {
  const keys = new Set(watched.calls.flatMap(({ args }) => args).map(String));
  return [...keys].map((key) => inner.load(key)).filter((record) => record !== undefined);
}

/** The user that an answer's cookie leads to. */
async function userOf(scene: Scene, answer: Response): Promise<string | undefined> {
  const [, value] = /^__Host-sid=([^;]+)/.exec(answer.headers.getSetCookie()[0] ?? "") ?? [];
  if (value === undefined) return undefined;
  return await new Browser(scene.process(), now, [["__Host-sid", value]]).see((session) => session.userId);
}

/** Who makes a store call: a name for each thing that goes on. */
const actor = new AsyncLocalStorage<string>();

/** Calls of `crypto.subtle` under way: they come back from other threads, so that whoever waits for one is not idle. */
let crypted = 0;
const methods = ["deriveBits", "deriveKey", "digest", "importKey", "sign", "verify"] as const;
before(() => {
  for (const name of methods) {
    const real = crypto.subtle[name] as (...args: unknown[]) => Promise<unknown>;
    const value = (
      ...args: unknown[]
    ) => (crypted++, real.apply(crypto.subtle, args).finally(() => crypted--));
    Object.defineProperty(crypto.subtle, name, { value, configurable: true, writable: true });
  }
});
after(() => {
  for (const name of methods) delete (crypto.subtle as unknown as Record<string, unknown>)[name];
});

/** Holds store calls back and lets them through one by one, as `choose` says, when everybody has arrived at one. */
class Gatekeeper {
  readonly #held: { readonly by: string; go(): void }[] = [];

  readonly hold = (): Promise<void> =>
    new Promise((go) => this.#held.push({ by: actor.getStore() ?? "", go }));

  async through<T>(work: Promise<T>, choose: (among: number) => number): Promise<T> {
    let isDone = false;
    const mark = () => void (isDone = true);
    work.then(mark, mark);
    while (!isDone) {
      for (let quiet = 0, count = -1; quiet < 3 && !isDone; quiet++) {
        await new Promise((resolve) => setImmediate(resolve));
        if (this.#held.length !== count || crypted > 0) quiet = 0;
        count = this.#held.length;
      }
      if (this.#held.length === 0) continue;
      this.#held.sort((a, b) => a.by < b.by ? -1 : a.by > b.by ? 1 : 0);
      this.#held.splice(choose(this.#held.length), 1)[0]!.go();
    }
    return await work;
  }
}

type Stage<T> = (scene: Scene) => Promise<(() => Promise<T>)[]>;
type Check<T> = (scene: Scene, outcomes: T[], order: string) => unknown;

/** Runs what `stage` sets up in one order of its store calls. */
async function run<T>(
  stage: Stage<T>,
  check: Check<T>,
  choose: (among: number) => number,
  order: () => string,
): Promise<void> {
  const scene = await open();
  const actors = await stage(scene);
  const gatekeeper = new Gatekeeper();
  scene.watched.before = gatekeeper.hold;
  const going = Promise.all(actors.map((act, i) => actor.run(`actor ${i}`, act)));
  const outcomes = await gatekeeper.through(going, choose);
  scene.watched.before = undefined;
  await check(scene, outcomes, `order ${order()}`);
}

/**
 * Every order; the number of orders. An order is a list of choices: each run goes on from the last one by its last choice
 * that can be raised.
 */
async function inEveryOrder<T>(
  stage: Stage<T>,
  check: Check<T>,
): Promise<number> {
  let choices: number[] = [];
  for (let orders = 1;; orders++) {
    const widths: number[] = [];
    const choose = (among: number) => Math.min(choices[widths.push(among) - 1] ?? 0, among - 1);
    await run(stage, check, choose, () => choices.join(""));
    choices = widths.map((_, i) => choices[i] ?? 0);
    while (choices.length > 0 && choices.at(-1)! + 1 >= widths[choices.length - 1]!) choices.pop();
    if (choices.length === 0) return orders;
    choices.push(choices.pop()! + 1);
  }
}

/** Drawn orders, where there are too many. */
async function inDrawnOrders<T>(stage: Stage<T>, check: Check<T>, rounds = 60): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await run(stage, check, dice(seed + round), () => `drawn with SOJOURN_SEED=${seed + round}`);
  }
}

/** Nothing is left, for any cookie that was ever given out. */
async function isOver(scene: Scene, answers: readonly Response[], order: string): Promise<void> {
  assert.deepEqual(stored(scene), [], order);
  for (const answer of answers) assert.equal(await userOf(scene, answer), undefined, order);
  assert.deepEqual(await scene.old.data(), {}, order);
  assert.deepEqual(await scene.browser.data(), {}, order);
  assert.deepEqual(await scene.process().list("ann"), [], order);
}

describe("every order of store calls", () => {
  const beside: Record<string, Work[]> = {
    "a rotation with grace": [rotate],
    "two of them": [rotate, rotate],
    "one that rotates and writes": [(session) => (session.set("b", 2), rotate(session))],
    "one and a write": [rotate, (session) => void session.set("b", 2)],
  };
  for (const [title, works] of Object.entries(beside)) {
    it(`SR-033 after a log-out in flight beside ${title} nobody is in`, async () => {
      const stage = (scene: Scene) => Promise.all([flush, ...works].map((work) => scene.flight(work)));
      const check = async (scene: Scene, answers: Response[], order: string) => {
        assert.equal(answers[0]!.status, 200, order);
        for (const { status } of answers) assert.ok([200, 409].includes(status), `${status}, ${order}`);
        await isOver(scene, answers, order);
      };
      if (works.length > 1) await inDrawnOrders(stage, check);
      else assert.ok(await inEveryOrder(stage, check) >= 2);
    });
  }

  it("SR-033 nor after one that comes with the old cookie beside the next rotation", async () => {
    await inDrawnOrders(
      async (scene) => [scene.request(flush), await scene.flight(rotate)],
      async (scene, answers, order) => {
        assert.equal(answers[0]!.status, 200, order);
        await isOver(scene, answers, order);
      },
    );
    await inDrawnOrders(
      async (scene) => {
        await scene.browser.see(rotate);
        const [old, next] = [scene.old.twin(scene.process()), scene.browser.twin(scene.process())];
        return [() => old.visit(flush), () => next.visit(rotate)];
      },
      async (scene, answers, order) => {
        assert.equal(answers[0]!.status, 200, order);
        await isOver(scene, answers, order);
      },
    );
  });

  it("SR-033 two log-outs beside a rotation, in one process and in two", async () => {
    for (const isShared of [false, true]) {
      await inDrawnOrders(
        async (scene) => {
          const over = scene.process();
          return [
            await scene.flight(flush, over),
            await scene.flight(rotate, isShared ? over : scene.process()),
            await scene.flight(flush, over),
          ];
        },
        isOver,
      );
    }
  });

  it("SR-031 no request with the old cookie is anonymous beside one rotation or two; one new id is made", async () => {
    for (const others of [[rotate], [rotate, rotate]]) {
      const seen: unknown[] = [];
      const inOrders = others.length > 1 ? inDrawnOrders<Response> : inEveryOrder<Response>;
      await inOrders(
        async (scene) => [
          scene.request((session) => (seen.push(session.userId), session.set("mine", 1))),
          ...await Promise.all(others.map((work) => scene.flight(work))),
        ],
        async (scene, answers, order) => {
          assert.deepEqual(seen.splice(0), ["ann"], order);
          assert.deepEqual(answers.map(({ status }) => status), answers.map(() => 200), order);
          assert.equal(stored(scene).length, 1, order);
          assert.deepEqual(await scene.old.data(), { a: 1, mine: 1 }, order);
          const cookies = answers.slice(1).flatMap(({ headers }) => headers.getSetCookie());
          assert.equal(cookies.length, 1, order);
          assert.equal((await scene.process().list("ann")).length, 1, order);
        },
      );
    }
  });

  for (const where of ["in two processes", "in one process", "in one process, behind it"]) {
    it(`SR-031 a log-in beside a rotation ${where}: the old id is dead, and so is the id between`, async () => {
      const isBehind = where.endsWith("behind it");
      const orders = await inEveryOrder(
        async (scene) => {
          const over = scene.process();
          const goes = [
            await scene.flight(login, over),
            await scene.flight(rotate, where === "in two processes" ? scene.process() : over),
          ];
          return isBehind ? goes.reverse() : goes;
        },
        async (scene, answers, order) => {
          const [first, second] = isBehind ? answers.toReversed() : answers;
          assert.equal(first!.status, 200, order);
          assert.equal(await userOf(scene, first!), "eve", order);
          assert.deepEqual(await scene.old.data(), {}, order);
          // The rotation comes first and its id is dead, or it has lost.
          assert.equal(await userOf(scene, second!), undefined, order);
          assert.equal(stored(scene).length, 1, order);
        },
      );
      // In one process they queue up.
      assert.ok(orders > 1 || where !== "in two processes");
    });
  }

  it("SR-040 a handle from before ends the session that it has become; so does revokeAll", async () => {
    const ways: ((scene: Scene) => Promise<number>)[] = [
      (scene) => scene.process().revoke(scene.handle),
      (scene) => scene.process().revoke(scene.handle, { userId: "ann" }),
      (scene) => scene.process().revokeAll("ann"),
    ];
    for (const way of ways) {
      await inEveryOrder<number | Response>(
        async (scene) => [() => way(scene), await scene.flight(rotate)],
        async (scene, [ended, answer], order) => {
          assert.equal(ended, 1, order);
          await isOver(scene, [answer as Response], order);
        },
      );
    }
  });

  it("SR-040 who ends all other sessions keeps the own one beside a rotation of it", async () => {
    await inEveryOrder<number | Response>(
      async (scene) => {
        let ended = -1;
        const others = await scene.flight(async (session) => {
          ended = await scene.process().revokeAll("ann", { except: session });
        });
        const twin = new Browser(scene.process(), now);
        await twin.see((session) => (session.login("ann"), session.set("b", 2)));
        return [() => others().then(() => ended), await scene.flight(rotate)];
      },
      async (scene, [ended], order) => {
        assert.equal(ended, 1, order);
        assert.deepEqual(await scene.old.data(), { a: 1 }, order);
      },
    );
  });
});
