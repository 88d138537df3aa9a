/** A model of one session under concurrent requests of two processes, every order of store calls and handlers drawn by fast-check. */

import fc from "fast-check";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Session } from "../mod.ts";
import { begin, Browser, cookieAfter, seed, Site, stores } from "./commit_rig.ts";

type Command =
  | { readonly do: "get" | "update" | "push" | "cycleKey" | "login" | "save" }
  | { readonly do: "set" | "delete"; readonly key: number }
  | { readonly do: "setExpiry"; readonly seconds: number };

interface Plan {
  /** On which of the two processes. */
  readonly process: number;
  readonly commands: readonly Command[];
  /** Log out at the end. */
  readonly flush: boolean;
}

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("get" as const, "save" as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("update" as const, "push" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("cycleKey" as const, "login" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("set" as const, "delete" as const), key: fc.nat(1) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("setExpiry" as const),
      seconds: fc.integer({ min: 1000, max: 9999 }),
    }),
  },
);
const process = fc.nat(1);
const plan: fc.Arbitrary<Plan> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      process,
      commands: fc.array(command, { maxLength: 5 }),
      flush: fc.constant(false),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      process,
      commands: fc.constant([{ do: "get" as const }]),
      flush: fc.constant(true),
    }),
  },
);

/** What one request did, and how much of it is acknowledged. */
class Request {
  readonly who: string;
  /** Its own keys, as it sees them. */
  #own = new Map<string, string>();
  #updates = 0;
  #pushes: string[] = [];
  #expiry: number | undefined;
  #rotated = false;
  /** As they must be in the session that they all came with. */
  own = new Map<string, string>();
  updates = 0;
  pushes: readonly string[] = [];
  expiry: number | undefined;
  rotated = false;
  flushed = false;
  /** It came when the session was over already: what it wrote is a new session of its own. */
  isFresh = false;
  /** The cookie after its answer. */
  cookie: string | undefined;
  /** The id that it came with. */
  #id: string | undefined;

  constructor(who: string) {
    this.who = who;
  }

  async run(session: Session, { commands, flush }: Plan, turn: () => Promise<void>): Promise<void> {
    this.isFresh = session.id === undefined;
    this.#id = session.id;
    for (const [step, command] of commands.entries()) {
      await turn();
      const token = `${this.who} ${step}`;
      switch (command.do) {
        case "get":
          this.#look(session);
          break;
        case "set":
          session.set(`${this.who}${command.key}`, token);
          this.#own.set(`${this.who}${command.key}`, token);
          break;
        case "delete":
          session.delete(`${this.who}${command.key}`);
          this.#own.delete(`${this.who}${command.key}`);
          break;
        case "update":
          session.update("count", (count: number = 0) => count + 1);
          this.#updates++;
          break;
        case "push":
          session.update("list", (list: string[] = []) => [...list, token]);
          this.#pushes.push(token);
          break;
        case "setExpiry":
          session.setExpiry(this.#expiry = command.seconds);
          break;
        case "cycleKey":
          session.cycleKey();
          this.#rotated = true;
          break;
        case "login":
          session.login("ann");
          this.#rotated = true;
          break;
        case "save":
          await session.save();
          if (this.isFresh || isOf(session.id, this.#id)) this.acknowledge();
      }
    }
    await turn();
    if (!flush) return;
    await session.flush();
    this.flushed = true;
  }

  /** A request always sees its own writes, and never another visitor's. */
  #look(session: Session): void {
    for (const key of ["0", "1"]) assert.equal(session.get(this.who + key), this.#own.get(this.who + key));
    for (const key of session.keys()) assert.doesNotMatch(key, /^stranger/);
  }

  /** A save was answered as done: all that came before it counts. */
  acknowledge(): void {
    this.own = new Map(this.#own);
    this.updates = this.#updates;
    this.pushes = [...this.#pushes];
    this.expiry = this.#expiry;
    this.rotated = this.#rotated;
  }

  /** What a session of its own must hold: all that it did. */
  assertBegan({ data: { count = 0, list = [], ...keys } }: Live): void {
    for (const [key, value] of this.#own) assert.equal(keys[key], value);
    assert.ok(Number(count) >= this.#updates);
    for (const one of this.#pushes) assert.ok((list as string[]).includes(one));
  }
}

/** Whether two ids, or cookies, are of one session: half of an id stays. */
function isOf(one: string | undefined, other: string | undefined): boolean {
  return one?.slice(0, 16) === other?.slice(0, 16);
}

interface Live {
  readonly cookie: string;
  readonly data: Record<string, unknown>;
  readonly age: number;
}

/** The session that a cookie leads to. */
async function find(site: Site, cookie: string | undefined): Promise<Live | undefined> {
  let found: Live | undefined;
  if (cookie === undefined) return undefined;
  await new Browser(site.other(), cookie).visit((session) => {
    if (session.id !== undefined) {
      found = { cookie, data: { ...session.toObject() }, age: session.getExpiryAge() };
    }
  });
  return found;
}

/** Everything that was acknowledged to these requests, once, and nothing else. */
function assertHolds({ data, age }: Live, requests: readonly Request[], hasBase: boolean): void {
  const { count = 0, list = [], ...own } = data as { count?: number; list?: string[] };
  const keys = Object.fromEntries(requests.flatMap((request) => [...request.own]));
  assert.deepEqual(own, hasBase ? { base: true, ...keys } : keys);
  assert.equal(count, requests.reduce((sum, request) => sum + request.updates, 0));
  assert.deepEqual([...list].sort(), requests.flatMap((request) => request.pushes).sort());
  const ages = requests.flatMap(({ expiry }) => expiry ?? []);
  assert.ok(ages.length === 0 ? age > 9999 : ages.includes(age), `${age}`);
}

for (const { name, open } of stores) {
  describe(`a session under concurrent requests, on ${name}`, () => {
    it("SR-042 SR-034 SR-043 nothing acknowledged is lost, nothing refused is kept, nothing comes back, nothing bleeds", async () => {
      const store = await open();
      await fc.assert(
        fc.asyncProperty(
          fc.scheduler(),
          fc.array(plan, { minLength: 2, maxLength: 5 }),
          async (scheduler, plans) => {
            const site = new Site(store);
            const sites = [site, site.other()] as const;
            const browser = await begin(site, { base: true });
            const stranger = await begin(site, { stranger: 0 });
            const turn = async () => void await scheduler.schedule(Promise.resolve());
            for (const { store } of sites) store.before = store.after = turn;

            const requests = plans.map((_, i) => new Request("abcde"[i]!));
            const visits = plans.map(async (plan, i) => {
              const response = await browser.twin(sites[plan.process]).visit(async (session) => {
                await requests[i]!.run(session, plan, turn);
              });
              assert.ok(response.status === 200 || response.status === 409, String(response.status));
              requests[i]!.cookie = cookieAfter(response, browser.cookie);
              const isOwn = requests[i]!.isFresh || isOf(requests[i]!.cookie, browser.cookie);
              if (response.status === 200 && !plan.flush && isOwn) requests[i]!.acknowledge();
            });
            visits.push((async () => {
              for (let n = 1; n <= 2; n++) {
                await stranger.visit((session) => {
                  assert.deepEqual({ ...session.toObject() }, { stranger: n - 1 });
                  session.set("stranger", n);
                });
              }
            })());
            await scheduler.waitFor(Promise.all(visits));
            for (const { store } of sites) store.before = store.after = undefined;

            const isHeir = ({ cookie }: Request) => cookie === undefined || isOf(cookie, browser.cookie);
            const heirs = requests.filter(({ isFresh }) => !isFresh);
            const cookies = new Set([browser.cookie, ...heirs.filter(isHeir).map(({ cookie }) => cookie)]);
            const live = (await Promise.all([...cookies].map((cookie) => find(site, cookie)))).filter((one) =>
              one !== undefined
            );
            // Also one that came with an id that was replaced: a log-out ends what its cookie proves.
            const flushed = requests.some((request) => request.flushed);
            const rotated = heirs.some((request) => request.rotated);
            assert.ok(live.length <= 1, "one session became two");
            assert.equal(
              live.length,
              flushed ? 0 : 1,
              flushed ? "an ended session came back" : "the session is lost",
            );
            if (rotated) assert.notEqual(live[0]?.cookie, browser.cookie, "the old id is alive");
            if (live.length > 0) assertHolds(live[0]!, heirs, true);
            for (const fresh of requests.filter(({ isFresh }) => isFresh)) {
              const own = isHeir(fresh) ? undefined : await find(site, fresh.cookie);
              if (own !== undefined) assertHolds(own, [fresh], false);
              else {assert.equal(
                  fresh.own.size + fresh.updates + fresh.pushes.length,
                  0,
                  "a new session is lost",
                );}
            }
            // A log-in that another one has overtaken has a session of its own, and the log-out of the other one leaves it alone.
            for (const overtaken of heirs.filter((one) => !isHeir(one))) {
              const own = await find(site, overtaken.cookie);
              assert.ok(own !== undefined, "the session of a log-in is lost");
              overtaken.assertBegan(own);
            }
            await stranger.visit((session) => assert.deepEqual({ ...session.toObject() }, { stranger: 2 }));
          },
        ),
        { seed, numRuns: 250 },
      );
    });
  });
}
