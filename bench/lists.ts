/**
 * Measures `list` for a user with five sessions, among none, 1,000 and very many sessions of others, on every store that has it. JSON on
 * stdout. `lists.ts FOLDER MOST [part of a store's name]…`
 */

import process from "node:process";
import type { Listing } from "./figures.ts";
import { measure, sure } from "./latency.ts";
import { endings, type Measured, type Place, places } from "./places.ts";
import { fill, fillTime } from "./sessions.ts";

const [folder = "artifacts/bench/lists", most = "100000", ...words] = process.argv.slice(2);
const few = 1_000;
const sizes = [...new Set([0, few, Number(most)])].filter((size) => size <= Number(most));
const mine = 5;
/** What is durable makes no difference to what is only read. */
const measured = [
  "MemoryStore",
  "SqliteStore, NORMAL",
  "FileStore, os",
  "DenoKvStore, a file",
  "RedisStore, node-redis",
  "CachedStore, memory over SQLite FULL, staleness 5",
];

/** Adds sessions of others, and looks each time. */
async function measurePlace({ name, open }: Place): Promise<Listing[]> {
  const { store: opened, close } = await open();
  const store = opened as Required<Measured>;
  const step = () =>
    sure(store.list("ann"), ({ entries: { length } }) => {
      if (length !== mine) throw new Error(`${length} sessions of ${mine} were listed`);
    });
  const listings: Listing[] = [];
  let foreign = 0;
  await fill(store, mine, Infinity, () => "ann");
  for (const size of sizes) {
    foreign += (await fill(store, size - foreign, size > few ? fillTime : Infinity)).length;
    for (let i = 0; i < 50; i++) await step();
    const { p50, p99 } = await measure(step, 1, 2_000, 300);
    listings.push({ name, foreign, p50, p99 });
    if (foreign < size) break;
  }
  await close();
  return listings;
}

const figures: Listing[] = [];
try {
  for (const place of await places(folder, measured)) {
    if (words.length > 0 && !words.some((word) => place.name.includes(word))) continue;
    figures.push(...await measurePlace(place));
  }
} finally {
  for (const end of endings) await end();
}
process.stdout.write(`\n${JSON.stringify({ rounds: 1, figures })}`);
process.exit(0);
