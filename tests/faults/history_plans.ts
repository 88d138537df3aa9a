/** The plans of histories: ids, ends and writes of three processes in random order, and all sessions of a user ended while they rotate. */

import { dice } from "../support/dice.ts";
import { History } from "../histories/history.ts";
import { cookieIn, cookieName } from "../histories/host.ts";
import { type Processes, startProcesses, type StoreName } from "../histories/hosts.ts";
import { skip } from "../support/redis/server.ts";
import { expect, found, type Outcome, outcome, type Plan, type Size } from "./plan.ts";

/** So many histories run beside each other, by one clock. */
const beside = 40;
const rounds = 14;
/** How far the clock goes at times: within a grace, beyond it, beyond the minute after a rotation, for a touch, for an end. */
const leaps = [1000, 20_000, 31_000, 31_000, 61_000, 61_000, 61_000, 2_000_000, 2_000_000, 3_601_000];

async function withProcesses(
  store: StoreName,
  { folder }: Size,
  work: (
    processes: Processes,
    clock: { readonly now: number; leap(by: number): Promise<void> },
  ) => Promise<void>,
): Promise<void> {
  const processes = await startProcesses(store, folder);
  const clock = {
    now: Date.now(),
    async leap(by: number) {
      clock.now += by;
      await Promise.all(processes.all.map((one) => one.ask({ do: "clock", now: clock.now })));
    },
  };
  try {
    await clock.leap(0);
    await work(processes, clock);
  } finally {
    await processes.close();
  }
}

/** H1: random histories, each judged by itself. */
async function histories(store: StoreName, size: Size): Promise<Outcome> {
  const runs = Number(process.env["SOJOURN_HISTORIES"] ?? (size.isFull ? 5000 : beside));
  const result = outcome(runs);
  let [steps, sessions, ended] = [0, 0, 0];
  const started = performance.now();
  await withProcesses(store, size, async (processes, clock) => {
    const roll = dice(size.seed);
    for (let first = 0; first < runs; first += beside) {
      const some = Array.from(
        { length: Math.min(beside, runs - first) },
        (_, i) =>
          new History(
            String(first + i),
            processes.all,
            clock,
            dice(size.seed + 1 + first + i),
            (what, words) => found(result, what, words),
          ),
      );
      for (let round = 0; round < rounds; round++) {
        await Promise.all(some.map((one) => one.round()));
        if (roll(4) === 0) await clock.leap(leaps[roll(leaps.length)]!);
        if (roll(20) === 0) await processes.all[roll(3)]!.ask({ do: "clear" });
      }
      await Promise.all(some.map((one) => one.end()));
      for (const { model, ...one } of some) {
        steps += one.steps;
        const all = [...model.sessions.values()];
        sessions += all.length;
        ended += all.filter((known) => model.isOver(known)).length;
      }
    }
  });
  expect(result, ended > runs / 2 && ended < sessions, `${ended} of ${sessions} sessions ended`);
  const seconds = (performance.now() - started) / 1000;
  result.notes.push(
    `${steps} steps in ${Math.round(seconds)} s, ${sessions} sessions, ${ended} of them ended`,
  );
  return result;
}

/** H2: all sessions of a user end while each of them gets one new id after the other. */
async function revokeAll(store: StoreName, size: Size): Promise<Outcome> {
  const count = size.isFull ? 200 : 24;
  const times = size.isFull ? 5 : 1;
  const result = outcome(times * count);
  let spins = 0;
  await withProcesses(store, size, async ({ all }) => {
    for (let time = 0; time < times; time++) {
      const userId = `ann ${time}`;
      const cookies = await Promise.all(Array.from({ length: count }, async (_, i) => {
        const { fields = [] } = await all[i % 3]!.ask({ do: "request", cookie: "", work: { login: userId } });
        return cookieIn(fields)!;
      }));
      const before = await all[0]!.ask({ do: "list", userId });
      expect(result, before.handles!.length === count, `${before.handles!.length} sessions before`);
      const spun = async () =>
        (await Promise.all(all.map((one) => one.ask({ do: "spun" })))).map(({ count }) => count!);
      const start = await spun();
      const spinning = all.map((one, n) =>
        one.ask({
          do: "spin",
          cookies: cookies.filter((_, i) => i % 3 === n),
          together: size.isFull ? 25 : 4,
        })
      );
      // Every process is at it, and each session has had about one new id.
      const least = Math.floor(count / 3);
      while ((await spun()).some((n, i) => n - start[i]! < least)) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const { count: ended, troubles = [] } = await all[time % 3]!.ask({ do: "revokeAll", userId });
      const over = await Promise.all(all.map((one) => one.ask({ do: "list", userId })));
      for (const { handles } of over) for (const _ of handles!) found(result, "back", "a session is listed");
      expect(result, ended === count, `${ended} of ${count} ended`);
      for (const trouble of troubles) found(result, "unreadable", trouble);
      const ids: string[] = [];
      for (const { cookies = [], troubles = [] } of await Promise.all(spinning)) {
        ids.push(...cookies);
        for (const trouble of troubles) found(result, "unreadable", trouble);
      }
      spins += ids.length;
      await Promise.all(ids.map(async (id, i) => {
        const cookie = `${cookieName}=${id}`;
        const { seen } = await all[i % 3]!.ask({ do: "request", cookie, work: {} });
        if (seen?.user !== undefined) found(result, "back", `an id of ${seen.user} is alive`);
      }));
    }
  });
  result.notes.push(`${spins} ids`);
  return result;
}

const stores: readonly StoreName[] = [
  "MemoryStore",
  "SqliteStore",
  "CachedStore",
  "FileStore",
  "RedisStore",
  "DenoKvStore",
];

export const historyPlans: readonly Plan[] = stores.flatMap((store): Plan[] => {
  const needs = store === "RedisStore" ? { needs: ["redis-server", skip === false] as const } : {};
  const three = store === "MemoryStore" ? "three Sessions objects" : "three processes";
  return [
    {
      id: `H1 ${store}`,
      title:
        `${store}, ${three}, random histories: ended is ended, acknowledged is there, nothing crosses a log-in`,
      ...needs,
      run: (size) => histories(store, size),
    },
    {
      id: `H2 ${store}`,
      title: `${store}, ${three}, all sessions of a user ended while they rotate: none is alive`,
      ...needs,
      run: (size) => revokeAll(store, size),
    },
  ];
});
