/**
 * Measures the methods of every store, on the real thing: latency and operations per second, one at a time and 64 in flight, with few and
 * with very many sessions stored; and the bytes that a session takes. JSON on stdout. `stores.ts FOLDER MS RECORDS [part of a store's
 * name]…`: where files go, for how long each figure is measured, and how many sessions there are besides a thousand.
 */

import process from "node:process";
import { dataBytes, type Latency, operations, type StoreFigures } from "./figures.ts";
import type { SessionRecord } from "../src/store.ts";
import { endings, type Measured, type Place, places } from "./places.ts";

const [folder = "artifacts/bench/places", ms = "100", records = "1000", ...words] = process.argv.slice(2);
const time = Number(ms);
const few = 1_000;
/** So many of very many sessions are used, taken from all over. */
const sample = 20_000;
const most = 20_000;
/** For how long a store is filled that can only be filled one by one, in ms: what it then holds is what is told. */
const fillTime = Number(process.env.BENCH_FILL_MS ?? "8000");
const day = 86_400_000;

/** One operation on a session of its own; the n-th of them all. */
type Step = (n: number) => unknown;

interface Session {
  key: string;
  version: string;
}

function freshKey(): string {
  const words = crypto.getRandomValues(new Uint32Array(8));
  return Array.from(words, (word) => word.toString(16).padStart(8, "0")).join("");
}

let data = 0;
/** A logged-in session of {@linkcode dataBytes}, another one each time. */
function recordOf(key: string): SessionRecord {
  const now = Date.now();
  const text = `{"visits":${++data},"cart":"`;
  return {
    data: `${text}${"x".repeat(dataBytes - text.length - 2)}"}`,
    userId: key.slice(0, 16),
    createdAt: now,
    touchedAt: now,
    expiresAt: now + 14 * day,
  };
}

/** Does steps for a while, so many in flight. */
async function measure(step: Step, inFlight: number, limit: number): Promise<Omit<Latency, "operation">> {
  const taken: number[] = [];
  const start = performance.now();
  let begun = 0;
  const worker = async () => {
    while (begun < limit && performance.now() - start < time) {
      const at = performance.now();
      const answer = step(begun++);
      if (answer instanceof Promise) await answer;
      taken.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const seconds = (performance.now() - start) / 1000;
  const sorted = taken.sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]! * 1000;
  return { inFlight, count: sorted.length, p50: at(0.5), p99: at(0.99), perSecond: sorted.length / seconds };
}

/** An answer that says the operation was done. Anything else would make the figure one of something else. */
function sure<T>(answer: T | Promise<T>, done: (value: T) => void = () => {}): void | Promise<void> {
  const check = (value: T) => {
    if (value === undefined || value === false) throw new Error("An operation was refused");
    done(value);
  };
  return answer instanceof Promise ? answer.then(check) : check(answer);
}

/** What is done for each operation. A session is used by one step at a time, since the steps go round. */
function stepsOf(store: Measured, all: readonly Session[]) {
  const made: Session[] = [];
  const of = (n: number) => all[n % all.length]!;
  const keep = (session: Session) => (version: string | undefined) => void (session.version = version!);
  return {
    made,
    load: (n: number) => store.load(of(n).key),
    save: (n: number) => {
      const one = of(n);
      return sure(store.save(one.key, recordOf(one.key), one.version), keep(one));
    },
    touch: (n: number) => sure(store.touch!(of(n).key, Date.now(), Date.now() + 14 * day)),
    rotate: (n: number) => {
      const one = of(n);
      const from = one.key;
      one.key = freshKey();
      return sure(store.rotate(from, one.key, recordOf(from), one.version), keep(one));
    },
    create: () => {
      const key = freshKey();
      return sure(store.create(key, recordOf(key)), (version) => void made.push({ key, version: version! }));
    },
    delete: () => sure(store.delete(made.pop()!.key)),
  };
}

/** Makes sessions by the store's own `create`, for so long at most. */
async function fill(store: Pick<Measured, "create">, count: number, time: number): Promise<Session[]> {
  const all: Session[] = [];
  const start = performance.now();
  while (all.length < count && performance.now() - start < time) {
    const some = Array.from({ length: Math.min(64, count - all.length) }, freshKey);
    const versions = await Promise.all(some.map((key) => store.create(key, recordOf(key))));
    all.push(...some.map((key, i) => ({ key, version: versions[i]! })));
  }
  return all;
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
    ? await place.fill!(count, recordOf("f".repeat(64)))
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
      latencies.push({ operation, ...await measure(step, inFlight, limit) });
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
    for (const place of await places(`${folder}-${count}`, count > few)) {
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
