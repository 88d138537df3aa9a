/**
 * Measures two builds in one process, interleaved: `against_process.ts FIRST SECOND ROUNDS [WORD…]`. FIRST is loaded first, and which one
 * that is matters: what is loaded second is up to a fifth slower on Deno. So this runs twice, with the order swapped. JSON on stdout:
 * for each path the median over the rounds of FIRST's time divided by SECOND's.
 */

import process from "node:process";
import { redisPort, surroundings } from "./subjects/all.ts";
import { compared, type Ready } from "./subjects/compared.ts";
import { libraryAt } from "./subjects/library.ts";
import type { Handler } from "./subjects/subject.ts";
import { requestOf, visitors } from "./subjects/visitors.ts";
import { spread } from "./spread.ts";

const [first, second, rounds, ...words] = process.argv.slice(2);
const libraries = [await libraryAt(first!), await libraryAt(second!)];
/** Milliseconds: short, so that both builds meet the same machine. */
const roundTime = 5;
const most = 3_000;

/** One build of a path, with its visitors. */
interface Side extends Ready {
  readonly cookies: readonly string[];
  from: number;
}

/** Microseconds per request of one round. Requests are made beforehand. */
async function round(side: Side, inFlight: number, count: number): Promise<number> {
  const { handler, cookies } = side;
  const next = () =>
    cookies.length === 0
      ? new Request("http://localhost/")
      : requestOf(cookies[side.from++ % cookies.length]!);
  const all = Array.from({ length: count }, next);
  const start = performance.now();
  if (inFlight === 1) await inTurn(handler, all, 0, 1);
  else await Promise.all(Array.from({ length: inFlight }, (_, i) => inTurn(handler, all, i, inFlight)));
  return (performance.now() - start) * 1000 / count;
}

async function inTurn(handler: Handler, all: readonly Request[], from: number, step: number): Promise<void> {
  for (let i = from; i < all.length; i += step) {
    const answer = handler(all[i]!);
    if (answer instanceof Promise) await answer;
  }
}

const around = surroundings();
const figures: Record<string, unknown> = {};
for (const one of compared(redisPort)) {
  if (one.absent !== undefined) continue;
  if (words.length > 0 && !words.some((word) => one.name.includes(word))) continue;
  const inFlight = one.inFlight ?? 1;
  const sides: Side[] = [];
  for (const library of libraries) {
    const ready = await one.open(library, around);
    const cookies = one.visitors === 0
      ? []
      : await visitors({ N: ready.begin, R: ready.begin, W: ready.begin }, one.visitors ?? 256);
    sides.push({ ...ready, cookies, from: 0 });
  }
  const [a, b] = sides as [Side, Side];
  const least = inFlight === 1 ? 4 : inFlight * 4;
  let count = least;
  for (let i = 0; i < 4; i++) {
    const taken = Math.max(await round(a, inFlight, count), await round(b, inFlight, count));
    count = Math.min(most, Math.max(least, Math.round(roundTime * 1000 / taken)));
  }
  const ratios: number[] = [], times: number[] = [];
  for (let i = 0; i < Number(rounds) + 1; i++) {
    const [ofA, ofB] = i % 2 === 0
      ? [await round(a, inFlight, count), await round(b, inFlight, count)]
      : [await round(b, inFlight, count), await round(a, inFlight, count)].toReversed() as [number, number];
    if (i === 0) continue;
    ratios.push(ofA / ofB);
    times.push(ofA);
  }
  figures[one.name] = { ratio: spread(ratios).median, first: spread(times).median };
  for (const side of sides) await side.close();
}
around.remove();
process.stdout.write(`\n${JSON.stringify(figures)}`);
process.exit(0);
