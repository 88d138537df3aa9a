/**
 * Measures subjects over HTTP: requests per second with 32 connections, interleaved rounds of a second, the bare handler between
 * them. JSON on stdout. `over_http.ts ROUNDS [part of a subject's name]…`
 */

import process from "node:process";
import type { RequestFigure } from "./figures.ts";
import { Fleet, separateRedis } from "./fleet.ts";
import { generator } from "./load.ts";
import { spread } from "./spread.ts";
import { allSubjects, chosen, redisPort } from "./subjects/all.ts";
import { type Scenario, scenarios, type Subject } from "./subjects/subject.ts";

const [rounds = "3", ...words] = process.argv.slice(2);
const connections = 32;
const seconds = 1;
/** The bare handler is measured again after this many others. */
const between = 7;

/** One round: requests per second of each, and of the bare handler about the same time. */
type Round = Map<string, { readonly perSecond: number; readonly bare: number }>;

async function round(fleet: Fleet, scenario: Scenario, subjects: readonly Subject[]): Promise<Round> {
  const of = async (name: string) => {
    try {
      return (await fleet.load(name, scenario, seconds, connections)).perSecond;
    } catch (error) {
      console.error(`A round of ${name}, ${scenario}, is left out: ${error}`);
      return NaN;
    }
  };
  const found: Round = new Map();
  let bare = await of("bare");
  for (let from = 0; from < subjects.length; from += between) {
    const some: [string, number][] = [];
    for (const { name } of subjects.slice(from, from + between)) some.push([name, await of(name)]);
    const after = await of("bare");
    for (const [name, perSecond] of some) found.set(name, { perSecond, bare: (bare + after) / 2 });
    bare = after;
  }
  return found.set("bare", { perSecond: bare, bare });
}

/** The figures of a subject, if it had a round in which nothing failed. */
function figuresOf(subject: Subject, scenario: Scenario, rounds: readonly Round[]): RequestFigure[] {
  const isWhole = (one: Round, name: string) => one.get(name) === undefined || one.get(name)!.perSecond > 0;
  const all = rounds.filter((one) => {
    const mine = one.get(subject.name);
    return mine !== undefined && mine.perSecond > 0 && mine.bare > 0 &&
      isWhole(one, subject.limit ?? subject.name);
  });
  return all.length === 0 ? [] : [figureOf(subject, scenario, all)];
}

function figureOf(subject: Subject, scenario: Scenario, all: readonly Round[]): RequestFigure {
  const { name, kind, keeps, limit } = subject;
  const mine = all.map((round) => round.get(name)!);
  const limits = limit === undefined ? [] : all.flatMap((round) => round.get(limit)?.perSecond ?? []);
  return {
    name,
    kind,
    ...(keeps === undefined ? {} : { keeps }),
    scenario,
    value: spread(mine.map(({ perSecond }) => perSecond)),
    overBare: spread(mine.map(({ perSecond, bare }) => 1e6 / perSecond - 1e6 / bare)),
    toBare: spread(mine.map(({ perSecond, bare }) => perSecond / bare)),
    ...(limits.length === 0
      ? {}
      : { toLimit: spread(mine.map(({ perSecond }, i) => perSecond / limits[i]!)) }),
  };
}

const subjects = chosen(allSubjects(redisPort), words, true);
const fleet = new Fleet();
const figures: RequestFigure[] = [];
try {
  separateRedis();
  for (const subject of subjects) await fleet.start(subject);
  for (const scenario of scenarios) {
    // A framework alone does the same in all scenarios
    const some = subjects.filter(({ name, kind, only }) =>
      name !== "bare" && (only?.includes(scenario) ?? true) && (kind !== "bare" || scenario === "N")
    );
    const all: Round[] = [];
    const isN = scenario === "N";
    const times = isN ? Math.min(2, Number(rounds)) : Number(rounds);
    for (let i = 0; i < times; i++) all.push(await round(fleet, scenario, some));
    // Ours lie so near to the limits, and N to the bare handler, that they need more rounds to be told apart
    const close = some.filter(({ kind }) => kind === "ours" || kind === "limit");
    for (let i = 0; i < (isN ? 4 * times : times); i++) all.push(await round(fleet, scenario, close));
    const bare = subjects.find(({ name }) => name === "bare")!;
    for (const subject of [bare, ...some]) figures.push(...figuresOf(subject, scenario, all));
  }
} finally {
  await fleet.stop();
}
process.stdout.write(`\n${JSON.stringify({ rounds: Number(rounds), generator, connections, figures })}`);
process.exit(0);
