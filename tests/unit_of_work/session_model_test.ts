/** A model of one session under concurrent requests of two processes, every order of store calls and handlers drawn by fast-check. */

import fc from "fast-check";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Session } from "../../mod.ts";
import { begin, Browser, cookieAfter, seed, Site, stores } from "../support/commit_rig.ts";

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
  /** As they must be in the store. */
  own = new Map<string, string>();
  updates = 0;
  pushes: readonly string[] = [];
  expiry: number | undefined;
  rotated = false;
  flushed = false;
  /** Its log-in was overtaken by another and has begun a session of its own: what that one has to hold of this request. */
  apart: { own: Map<string, string>; updates: number; pushes: readonly string[] } | undefined;
  /** What the ids of the session that it came for begin with. */
  #home: string | undefined;
  /** It came when the session was over already: what it wrote is a new session of its own. */
  isFresh = false;
  /** The cookie after its answer. */
  cookie: string | undefined;

  constructor(who: string) {
    this.who = who;
  }

  async run(session: Session, { commands, flush }: Plan, turn: () => Promise<void>): Promise<void> {
    this.isFresh = session.id === undefined;
    this.#home = locatorOf(session.id);
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
          this.acknowledge(session.id);
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

  /** A save was answered as done: all that came before it counts, in the session with this id. */
  acknowledge(id: string | undefined): void {
    if (this.#home !== undefined && locatorOf(id) !== this.#home) {
      this.apart = { own: new Map(this.#own), updates: this.#updates, pushes: [...this.#pushes] };
      return;
    }
    this.own = new Map(this.#own);
    this.updates = this.#updates;
    this.pushes = [...this.#pushes];
    this.expiry = this.#expiry;
    this.rotated = this.#rotated;
  }
}

/** What all ids of a session begin with. */
function locatorOf(id: string | undefined): string | undefined {
  return id?.slice(0, 16);
}

interface Live {
  readonly cookie: string;
  readonly data: Record<string, unknown>;
  readonly age: number;
}

/** The id in a cookie. */
function idIn(cookie: string | undefined): string | undefined {
  return cookie?.slice("__Host-sid=".length, "__Host-sid=".length + 32);
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
              if (response.status === 200 && !plan.flush) requests[i]!.acknowledge(idIn(requests[i]!.cookie));
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

            const heirs = requests.filter(({ isFresh }) => !isFresh);
            const home = heirs.filter(({ apart }) => !apart);
            const cookies = new Set([browser.cookie, ...home.map(({ cookie }) => cookie)]);
            const live = (await Promise.all([...cookies].map((cookie) => find(site, cookie)))).filter((one) =>
              one !== undefined
            );
            // Also who came with a replaced id has ended the session.
            const flushed = requests.some((request) => request.flushed);
            const rotated = heirs.some((request) => request.rotated);
            assert.ok(live.length <= 1, "one session became two");
            if (!flushed) assert.equal(live.length, 1, "the session is lost");
            if (flushed) assert.equal(live.length, 0, "an ended session came back");
            if (flushed || rotated) assert.notEqual(live[0]?.cookie, browser.cookie, "the old id is alive");
            if (live.length > 0) assertHolds(live[0]!, heirs, true);
            for (const { apart, cookie, flushed, who } of heirs) {
              if (!apart || flushed) continue;
              const own = await find(site, cookie);
              assert.ok(own, "a log-in that was overtaken is lost");
              for (const [key, value] of apart.own) assert.equal(own.data[key], value);
              const { base, count = 0, list = [] } = own.data as {
                base?: unknown;
                count?: number;
                list?: string[];
              };
              assert.ok(base === true && count >= apart.updates, who);
              for (const token of apart.pushes) assert.equal(list.filter((one) => one === token).length, 1);
            }
            for (const fresh of requests.filter(({ isFresh }) => isFresh)) {
              const own = await find(site, fresh.cookie);
              if (own !== undefined) assertHolds(own, [fresh], false);
              else {assert.equal(
                  fresh.own.size + fresh.updates + fresh.pushes.length,
                  0,
                  "a new session is lost",
                );}
            }
            await stranger.visit((session) => assert.deepEqual({ ...session.toObject() }, { stranger: 2 }));
          },
        ),
        { seed, numRuns: 250 },
      );
    });
  });
}
