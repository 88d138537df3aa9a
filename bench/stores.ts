/**
 * Measures the methods of every store, on the real thing: latency and operations per second, one at a time and 64 in flight, with few and
 * with very many sessions stored; and the bytes that a session takes. JSON on stdout. `stores.ts FOLDER MS RECORDS [part of a store's
 * name]…`: where files go, for how long each figure is measured, and how many sessions there are besides a thousand.
 */

import process from "node:process";
import { type Latency, operations, type StoreFigures } from "./figures.ts";
import { measure, sure } from "./latency.ts";
import { endings, type Measured, type Place, places } from "./places.ts";
import { day, fill, fillTime, freshKey, recordOf, type Session, userOf } from "./sessions.ts";

const [folder = "artifacts/bench/places", ms = "100", records = "1000", ...words] = process.argv.slice(2);
const time = Number(ms);
const few = 1_000;
/** As many of very many sessions are used, taken from all over: what grows is what is stored, not who comes. */
const sample = few;
const most = 20_000;
/** Those that are apart by what they cost with very many sessions. */
const forMany = [
  "MemoryStore",
  "SqliteStore, FULL",
  "SqliteStore, NORMAL",
  "FileStore, os",
  "DenoKvStore, a file",
  "RedisStore, node-redis",
];

/** What is done for each operation. A session is used by one step at a time, since the steps go round. */
function stepsOf(store: Measured, all: readonly Session[]) {
  const made: Session[] = [];
  const of = (n: number) => all[n % all.length]!;
  const keep = (session: Session) => (version: string | undefined) => void (session.version = version!);
  return {
    made,
    load: (n: number) => sure(store.load(of(n).key)),
    save: (n: number) => {
      const one = of(n);
      return sure(store.save(one.key, recordOf(userOf(one.key)), one.version), keep(one));
    },
    touch: (n: number) => {
      const { key, version } = of(n);
      return sure(store.touch!(key, Date.now(), Date.now() + 14 * day, version), (isDone) => {
        if (!isDone) throw new Error("A session had another version than it was saved with");
      });
    },
    create: () => {
      const key = freshKey();
      return sure(
        store.create(key, recordOf(userOf(key))),
        (version) => void made.push({ key, version: version! }),
      );
    },
    delete: () => sure(store.delete(made.pop()!.key)),
  };
}

function everySoManieth<T>(all: readonly T[]): T[] {
  const step = Math.max(1, Math.floor(all.length / sample));
  return all.filter((_, i) => i % step === 0);
}

async function measurePlace(place: Place, count: number): Promise<StoreFigures> {
  const { name, only, open, bytes } = place;
  const before = await bytes?.();
  const { store, close } = await open();
  const isFilledAtOnce = count > few && place.fill !== undefined;
  const filled = isFilledAtOnce
    ? await place.fill!(count, recordOf("f".repeat(16)))
    : await fill(store as Measured, count, count > few ? fillTime : Infinity);
  await close();
  const there = isFilledAtOnce ? count : filled.length;
  const each = bytes && (await bytes() - before!) / there;
  const again = await open();
  const steps = stepsOf(again.store as Measured, everySoManieth(filled));
  const latencies: Latency[] = [];
  for (const inFlight of [1, 64]) {
    for (const operation of operations) {
      if (only && !only.includes(operation)) continue;
      const limit = operation === "delete"
        ? steps.made.length
        : operation === "create"
        ? Math.min(count, most)
        : most;
      const step = steps[operation];
      // a first turn, so that neither a cold script nor uncompiled code is measured
      if (inFlight === 1 && operation !== "delete") { for (let i = 0; i < 20; i++) await step(i); }
      latencies.push({ operation, ...await measure(step, inFlight, limit, time) });
    }
  }
  await again.close();
  return { name, records: there, ...(each === undefined ? {} : { bytes: Math.round(each) }), latencies };
}

const figures: StoreFigures[] = [];
const counts = [...new Set([few, Number(records)])];
try {
  for (const count of counts) {
    // places of their own: what few sessions left behind is not there when there are many
    for (const place of await places(`${folder}-${count}`, count > few ? forMany : undefined)) {
      if (words.length === 0 || words.some((word) => place.name.includes(word))) {
        await measurePlace(place, count).then(
          (measured) => figures.push(measured),
          (error) => console.error(`${place.name} is left out, it failed: ${error}`),
        );
      }
    }
    while (endings.length > 0) await endings.pop()!();
  }
} finally {
  for (const end of endings) await end();
}
process.stdout.write(`\n${JSON.stringify({ rounds: 1, figures })}`);
process.exit(0);
