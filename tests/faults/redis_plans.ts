/** The plans of Redis: a server that stalls, is killed, forgets, and a line to it that spoils answers. */

import process from "node:process";
import { RedisStore } from "../../backends/redis.ts";
import { createSessions, type Session, type SessionError, type Sessions } from "../../mod.ts";
import { SessionClient } from "../../src/testing.ts";
import { dice } from "../support/dice.ts";
import { clients, freshKey, type Opened, recordOf } from "../support/redis/clients.ts";
import { type Piece, type Server, skip, startProxy, startServer } from "../support/redis/server.ts";
import { secrets } from "../support/processes_stores.ts";
import { count } from "./counting.ts";
import { kill } from "./killing.ts";
import { add, expect, found, type Outcome, outcome, pause, type Plan, type Size } from "./plan.ts";

/** A visitor whose session knows its name and counts. */
class Visitor {
  readonly name: string;
  readonly client: SessionClient;
  acknowledged = 0;
  attempted = 0;

  constructor(name: string, sessions: Sessions) {
    this.name = name;
    this.client = new SessionClient(sessions.wrap(async (request) => {
      const session = await request.session as Session;
      if (request.url.endsWith("/read")) return new Response(`${session.get("who")} ${session.get("n")}`);
      session.set("who", name);
      return new Response(String(session.update("n", (n: number = 0) => n + 1)));
    }));
  }

  async write(): Promise<number> {
    this.attempted++;
    const { status } = await this.client.fetch("/write");
    if (status < 400) this.acknowledged++;
    return status;
  }

  /** What a read answers, and whether it sends a cookie. */
  async read(): Promise<{ status: number; text: string; cookies: string[] }> {
    const response = await this.client.fetch("/read");
    const cookies = response.headers.getSetCookie();
    return { status: response.status, text: await response.text(), cookies };
  }
}

/** Does it over every client that this runtime has. */
async function overClients(
  args: string[],
  runs: number,
  act: (server: Server, opened: Opened, sessions: Sessions, result: Outcome, client: string) => Promise<void>,
): Promise<Outcome> {
  const result = outcome(runs);
  for (const [name, open] of Object.entries(clients)) {
    const server = await startServer(...args);
    const opened = await open(server.port);
    try {
      const part = outcome(0);
      await act(
        server,
        opened,
        createSessions({ store: new RedisStore(opened.client), secrets }),
        part,
        name,
      );
      add(result, {
        ...part,
        problems: part.problems.map((words) => `${name}: ${words}`),
        notes: part.notes.map((words) => `${name}: ${words}`),
      });
    } finally {
      opened.close();
      await server.stop();
    }
  }
  return result;
}

/** R1: stopped for a while under a steady stream of requests. */
function stall({ isFull }: Size): Promise<Outcome> {
  const seconds = isFull ? 10 : 2.6;
  return overClients([], 1, async (server, _opened, sessions, result) => {
    const visitors = Array.from({ length: 50 }, (_, i) => new Visitor(`v${i}`, sessions));
    await Promise.all(visitors.map((one) => one.write()));
    const answers: Promise<void>[] = [];
    let [isStalled, worst, refused, healthyAt] = [true, 0, 0, 0];
    /** How long this process was kept from running, in ms, without what it took itself: other work on the machine is not Redis' fault. */
    let late = 0;
    const visit = async (i: number) => {
      const began = performance.now() - late;
      const status = await visitors[i % 50]!.write();
      const took = performance.now() - late - began;
      worst = Math.max(worst, took);
      if (status === 503) refused++;
      else if (status < 400 && !isStalled && healthyAt === 0) healthyAt = performance.now();
      expect(result, status === 200 || status === 503 || status === 409, `status ${status}`);
    };
    let isOver = false;
    const watch = async () => {
      while (!isOver) {
        const [before, ran] = [performance.now(), process.cpuUsage()];
        await pause(10);
        const { user, system } = process.cpuUsage(ran);
        late += Math.max(0, performance.now() - before - (user + system) / 1000 - 20);
      }
    };
    const watched = watch();
    server.signal("SIGSTOP");
    for (let i = 0; i < seconds * 100; i++) {
      answers.push(visit(i));
      await pause(10);
    }
    server.signal("SIGCONT");
    isStalled = false;
    const on = performance.now();
    while (healthyAt === 0 && performance.now() - on < 10_000) await visit(answers.length);
    await Promise.all(answers);
    isOver = true;
    await watched;
    const back = healthyAt - on;
    expect(result, refused > 0, "nothing was refused during the stall");
    expect(result, worst < 2500, `an answer took ${Math.round(worst)} ms, not under 2.5 s`);
    expect(result, back < 2000, `all was well ${Math.round(back)} ms after it went on, not within 2 s`);
    for (const one of visitors) {
      const { text } = await one.read();
      const [who, n] = text.split(" ") as [string, string];
      if (who !== one.name) found(result, "torn", `${one.name} sees ${who}`);
      else if (Number(n) < one.acknowledged) {
        found(result, "lost", `${one.name} at ${n} of ${one.acknowledged}`);
      } else if (Number(n) > one.attempted) found(result, "torn", `${one.name} at ${n} of ${one.attempted}`);
    }
    result.notes.push(
      `${refused} refused, longest answer ${Math.round(worst)} ms, well after ${Math.round(back)} ms`,
    );
  });
}

/** R2: killed and started again, without anything that it kept. */
function forget({ isFull }: Size): Promise<Outcome> {
  const rounds = isFull ? 10 : 2;
  return overClients([], rounds, async (server, _opened, sessions, result) => {
    let worst = 0;
    for (let round = 0; round < rounds; round++) {
      const visitors = Array.from({ length: 10 }, (_, i) => new Visitor(`r${round}v${i}`, sessions));
      await Promise.all(visitors.map((one) => one.write()));
      await server.kill();
      for (const answer of await Promise.all(visitors.map((one) => one.read()))) {
        expect(result, answer.status === 503, `status ${answer.status} while the server was down`);
        expect(result, answer.cookies.length === 0, "a cookie was sent while the server was down");
      }
      await server.restart();
      const started = performance.now();
      while ((await visitors[0]!.read()).status !== 200 && performance.now() - started < 5000) {
        await pause(10);
      }
      worst = Math.max(worst, performance.now() - started);
      for (const [i, answer] of (await Promise.all(visitors.map((one) => one.read()))).entries()) {
        expect(result, answer.status === 200, `status ${answer.status} after the restart`);
        expect(result, answer.cookies.length === 0, "the cookie of an unknown session was cleared");
        if (answer.text !== "undefined undefined") found(result, "torn", `visitor ${i} sees ${answer.text}`);
      }
    }
    result.notes.push(`answers again after at most ${Math.round(worst)} ms`);
  });
}

/**
 * R3: killed and started again with its append-only file, while a worker is at work. With `everysec` it may forget its last two
 * seconds, which is all that a worker had: that is counted, and what is older has to be there.
 */
async function remember(fsync: "always" | "everysec", { isFull, seed }: Size): Promise<Outcome> {
  const server = await startServer("--appendonly", "yes", "--appendfsync", fsync);
  const forgotten = outcome(0);
  try {
    const result = await kill({
      store: "RedisStore",
      place: String(server.port),
      runs: isFull ? 25 : 2,
      seed,
      within: isFull ? 500 : 100,
      fault: () => server.kill(),
      before: () => server.restart(),
      check: (story, place, result) => story.check(place, fsync === "always" ? result : forgotten),
    });
    for (const what of ["torn", "unreadable"] as const) result[what] += forgotten[what];
    if (fsync === "everysec") {
      result.notes.push(`${forgotten.lost} values of the last two seconds lost, ${forgotten.back} back`);
    }
    return result;
  } finally {
    await server.stop();
  }
}

/** R6: answers are split, come late, or are cut. */
function badNetwork({ isFull, seed }: Size): Promise<Outcome> {
  const loops = 25;
  const each = isFull ? 800 : 30;
  const all = Object.keys(clients).length * loops * each;
  return overClients([], all, async (server, direct, _sessions, result, name) => {
    const proxy = await startProxy(server.port);
    const through = await clients[name]!(proxy.port);
    const roll = dice(seed);
    try {
      const store = new RedisStore(through.client, { timeout: 0.4 });
      const plain = new RedisStore(direct.client);
      const tail = "\r\n$3\r\né😀";
      const keys = Array.from({ length: 40 }, freshKey);
      for (const key of keys) await plain.create(key, recordOf(key + tail, { userId: key }));
      const missing = keys.map(freshKey);
      let [right, failed, answers] = [0, 0, 0];
      proxy.spoil = (answer) => {
        const [luck, number] = [roll(100), ++answers];
        // Whatever the dice say, one is cut, and one that somebody waits for is too late: what a cut connection still had counts too.
        if (luck === 0 || number === 10) return [answer.subarray(0, roll(answer.length)), "cut"];
        if (number >= 20 && failed === 0) return [1000, answer];
        if (luck === 1) return [10 * roll(100), answer]; // at times too late
        const size = luck < 14 ? 1 : 1 + roll(64);
        const pieces: Piece[] = [];
        for (let i = 0; i < answer.length; i += size) pieces.push(answer.subarray(i, i + size));
        return pieces;
      };
      const loop = async () => {
        for (let i = 0; i < each; i++) {
          const [at, isMissing] = [roll(keys.length), roll(4) === 0];
          const key = (isMissing ? missing : keys)[at]!;
          try {
            const data = (await store.load(key))?.data;
            if (data === (isMissing ? undefined : key + tail)) right++;
            else {found(
                result,
                data === undefined ? "lost" : "torn",
                "an answer that belongs to another call",
              );}
          } catch (error) {
            failed++;
            const { code } = error as SessionError;
            expect(result, code === "ERR_STORE", `an error without a type: ${error}`);
          }
        }
      };
      await Promise.all(Array.from({ length: loops }, loop));
      proxy.spoil = undefined;
      expect(result, right > 0 && failed > 0, `${right} right answers, ${failed} errors`);
      const patient = new RedisStore(through.client, { timeout: 20 });
      for (const key of keys) {
        const isThere = (await patient.load(key))?.userId === key;
        expect(result, isThere, "the line did not recover");
      }
      result.notes.push(`${right} right answers, ${failed} typed errors`);
    } finally {
      through.close();
      await proxy.close();
    }
  });
}

async function counted(size: Size): Promise<Outcome> {
  const server = await startServer();
  try {
    return await count("RedisStore", String(server.port), size);
  } finally {
    await server.stop();
  }
}

const redis = ["redis-server", skip === false] as const;

export const redisPlans: readonly Plan[] = [
  {
    id: "R1",
    title: "Redis stalled under 100 requests/s: 503 within 2.5 s, well within 2 s, no wrong data",
    needs: redis,
    run: stall,
  },
  {
    id: "R2",
    title: "Redis killed and started without persistence: anonymous, no errors 5 s later, no cookie cleared",
    needs: redis,
    run: forget,
  },
  {
    id: "R3 always",
    title: "Redis killed and started with appendfsync always: nothing lost, torn or back",
    needs: redis,
    run: (size) => remember("always", size),
  },
  {
    id: "R3 everysec",
    title:
      "Redis killed and started with appendfsync everysec: nothing lost but of the last two seconds, nothing torn",
    needs: redis,
    run: (size) => remember("everysec", size),
  },
  {
    id: "R6",
    title: "Redis behind a line that splits, delays and cuts answers: right answers or typed errors",
    needs: redis,
    run: badNetwork,
  },
  {
    id: "R9",
    title: "Redis, four processes of both runtimes add: no update lost",
    needs: redis,
    run: counted,
  },
];
