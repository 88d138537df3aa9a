/**
 * Measures response times at half of what a server can do, which is the load that a careful operator gives it: p50 and p99 in
 * microseconds. JSON on stdout. `half_load.ts ROUNDS`
 */

import process from "node:process";
import type { HalfLoadFigure } from "./figures.ts";
import { Fleet, separateRedis } from "./fleet.ts";
import type { Load } from "./load.ts";
import { spread } from "./spread.ts";
import { allSubjects, chosen, redisPort } from "./subjects/all.ts";
import type { Scenario } from "./subjects/subject.ts";

const rounds = Number(process.argv[2] ?? "3");
const connections = 64;
const measured: readonly (readonly [string, Scenario])[] = [
  ["bare", "N"],
  ["sojourn, memory", "R"],
  ["sojourn, memory", "W"],
  ["sojourn, SQLite NORMAL", "R"],
  ["sojourn, SQLite NORMAL", "W"],
  ["sojourn, SQLite FULL", "W"],
  ["sojourn, Redis", "W"],
  ["sojourn, sealed cookie, seen", "R"],
  ["sojourn, sealed cookie, seen", "W"],
];

/** What to ask for to get so many per second: whoever waits for an answer asks for nothing meanwhile. */
async function rateFor(name: string, scenario: Scenario, wanted: number): Promise<number> {
  const { perSecond } = await fleet.load(name, scenario, 1, connections, wanted);
  return Math.min(4 * wanted, 1 / Math.max(2 / wanted - 1 / perSecond, 1e-9));
}

const subjects = chosen(allSubjects(redisPort), [], true)
  .filter(({ name }) => measured.some(([wanted]) => wanted === name));
const present = measured.filter(([name]) => subjects.some((subject) => subject.name === name));
const fleet = new Fleet();
const figures: HalfLoadFigure[] = [];
try {
  separateRedis();
  for (const subject of subjects) await fleet.start(subject);
  const all = [];
  for (const [name, scenario] of present) {
    const { perSecond: peak } = await fleet.load(name, scenario, 1, connections);
    all.push({ name, scenario, peak, rate: await rateFor(name, scenario, peak / 2), loads: [] as Load[] });
  }
  for (let i = 0; i < rounds; i++) {
    for (const { name, scenario, rate, loads } of all) {
      loads.push(await fleet.load(name, scenario, 1, connections, rate));
    }
  }
  for (const { name, scenario, peak, loads } of all) {
    figures.push({
      name,
      scenario,
      peak: Math.round(peak),
      perSecond: spread(loads.map(({ perSecond }) => perSecond)),
      p50: spread(loads.map(({ p50 }) => p50)),
      p99: spread(loads.map(({ p99 }) => p99)),
    });
  }
} finally {
  await fleet.stop();
}
process.stdout.write(`\n${JSON.stringify({ rounds, connections, figures })}`);
process.exit(0);
