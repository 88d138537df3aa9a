/** G1: a hundred users before a store that is slow, fails, hangs, or fails after it did what it was asked. */

import { createSessions, type Session, type Sessions } from "../../mod.ts";
import { SessionClient } from "../../src/testing.ts";
import { dice } from "../support/dice.ts";
import { type Fault, FaultyStore } from "../support/fault_rig.ts";
import { secrets } from "../support/processes_stores.ts";
import { expect, found, type Outcome, outcome, pause, type Size } from "./plan.ts";

const userCount = 100;

/** What a user's browser knows of the session it has. */
interface Era {
  /** Keys whose write was answered, and keys whose write was not. */
  readonly written: Set<string>;
  readonly maybe: Set<string>;
  counted: number;
  tried: number;
  /** Whether a rotation or a log-out was tried that was not answered. */
  isUnsure: boolean;
}

type Work = (session: Session) => unknown;

class User {
  readonly name: string;
  readonly client: SessionClient;
  readonly work: Map<string, Work> = new Map<string, Work>();
  /** Cookies that have to be dead. */
  readonly dead: string[] = [];
  era: Era | undefined;
  requests = 0;

  constructor(name: string, sessions: Sessions) {
    this.name = name;
    this.client = new SessionClient(sessions.wrap(async (request) => {
      const work = this.work.get(new URL(request.url).pathname)!;
      const answer = await work(await request.session as Session);
      return answer instanceof Response ? answer : new Response("done");
    }));
  }

  get cookie(): string | undefined {
    return this.client.cookies.get("__Host-sid");
  }

  /** One request; its status. */
  async send(work: Work, init?: RequestInit): Promise<number> {
    const path = `/${this.requests++}`;
    this.work.set(path, work);
    const response = await this.client.fetch(path, init);
    await response.text();
    this.work.delete(path);
    return response.status;
  }
}

/** Runs it; every request of the full form may take half a second in the store. */
export async function chaos({ seed, isFull }: Size): Promise<Outcome> {
  const requests = isFull ? 10_000 : 1_500;
  const slowest = isFull ? 500 : 100;
  const result = outcome(requests);
  const roll = dice(seed);
  const store = new FaultyStore();
  const sessions = createSessions({ store, secrets, timeout: slowest / 1000, absoluteAge: null });
  const faults: readonly Fault[] = ["reject", "throw", "hang", "lost", "late"];
  let made = 0;
  const makeTrouble = () => {
    store.plan = () => {
      if (roll(100) >= 15) return undefined;
      made++;
      return faults[roll(faults.length)]!;
    };
    // Slow for a third of the calls, at times beyond the limit, and then done all the same.
    store.before = () => pause(roll(3) === 0 ? roll(slowest * 1.1) : 0);
  };
  const users = Array.from({ length: userCount }, (_, i) => new User(`user${i}`, sessions));
  makeTrouble();
  let refused = 0;
  await Promise.all(users.map(async (user) => {
    while (user.requests < requests / userCount) {
      const statuses = await step(user, roll, result);
      refused += statuses.filter((status) => status >= 500).length;
    }
  }));
  // Calls that were given up on may still be at work: they are let come to their end.
  await pause(slowest * 1.2);
  for (const { reject } of store.hanging.splice(0)) reject(new Error("released"));
  store.heal();
  store.before = undefined;
  for (const user of users) {
    await read(user, result);
    for (const cookie of user.dead) {
      let isLive = false;
      const look = (session: Session) => void (isLive = session.get("who") !== undefined);
      await new User(user.name, sessions).send(look, { headers: { cookie: `__Host-sid=${cookie}` } });
      if (isLive) found(result, "back", `${user.name}, ended or replaced`);
    }
  }
  expect(result, refused > requests / 50, `only ${refused} requests were refused`);
  result.notes.push(`${made} faults, ${refused} requests refused, slow up to ${slowest} ms`);
  await sessions.close();
  return result;
}

/** The next thing that a user does; how it was answered. */
async function step(user: User, roll: (below: number) => number, result: Outcome): Promise<number[]> {
  const { era } = user;
  if (era === undefined) return [await login(user)];
  if (era.isUnsure) return [await logout(user, era)];
  const kind = roll(20);
  if (kind < 5) return [await read(user, result)];
  if (kind < 10) return [await write(user, era, roll(4) === 0)];
  if (kind < 14) {
    return await Promise.all([write(user, era, false), count(user, era), write(user, era, true)]);
  }
  if (kind < 17) return [await count(user, era)];
  if (kind < 19) return [await rotate(user, era)];
  return [await logout(user, era)];
}

/** A session that is not there is no place to write to. */
const nobody = () => new Response("who?", { status: 401 });

async function login(user: User): Promise<number> {
  const status = await user.send((session) => {
    session.login(user.name);
    session.set("who", user.name);
  });
  if (status < 400) {
    user.era = { written: new Set(), maybe: new Set(), counted: 0, tried: 0, isUnsure: false };
  }
  return status;
}

async function logout(user: User, era: Era): Promise<number> {
  const { cookie } = user;
  era.isUnsure = true;
  const status = await user.send((session) => session.flush());
  if (status < 400) {
    if (cookie !== undefined) user.dead.push(cookie);
    user.era = undefined;
    user.client.cookies.clear();
  }
  return status;
}

async function write(user: User, era: Era, isSavedByHand: boolean): Promise<number> {
  const key = `key${era.written.size + era.maybe.size}`;
  era.maybe.add(key);
  const status = await user.send(async (session) => {
    if (!session.has("who")) return nobody();
    session.set(key, `${user.name} ${key}`);
    if (isSavedByHand) await session.save();
  });
  if (status < 400) {
    era.maybe.delete(key);
    era.written.add(key);
  }
  return status;
}

async function count(user: User, era: Era): Promise<number> {
  era.tried++;
  const status = await user.send((session) => {
    if (!session.has("who")) return nobody();
    session.update("n", (n: number = 0) => n + 1);
  });
  if (status < 400) era.counted++;
  return status;
}

async function rotate(user: User, era: Era): Promise<number> {
  const { cookie } = user;
  const status = await user.send((session) => session.has("who") ? session.cycleKey() : nobody());
  if (status >= 400) era.isUnsure = true;
  else if (user.cookie !== cookie) user.dead.push(cookie!);
  return status;
}

/** Everything that was answered as written has to be there, nothing that nobody wrote, and nothing of others. */
async function read(user: User, result: Outcome): Promise<number> {
  const { era, name } = user;
  let data: Record<string, unknown> | undefined;
  const written = new Set(era?.written);
  const counted = era?.counted ?? 0;
  const status = await user.send((session) => void (data = { ...session.toObject() }));
  if (status >= 400 || data === undefined || era === undefined) return status;
  const { who, n = 0, ...rest } = data;
  if (who === undefined) {
    if (!era.isUnsure) found(result, "lost", `the session of ${name}: ${JSON.stringify(data).slice(0, 50)}`);
    return status;
  }
  if (who !== name) found(result, "torn", `${name} sees ${who}`);
  for (const key of written) if (!(key in rest)) found(result, "lost", `${key} of ${name}`);
  for (const [key, value] of Object.entries(rest)) {
    if (value !== `${name} ${key}`) found(result, "torn", `${name} sees ${value} under ${key}`);
    if (!era.written.has(key) && !era.maybe.has(key)) found(result, "back", `${key} of ${name}`);
  }
  const number = n as number;
  if (number < counted) found(result, "lost", `${name} counts ${number} of ${counted}`);
  if (number > era.tried) found(result, "torn", `${name} counts ${number} of ${era.tried} tried`);
  return status;
}
