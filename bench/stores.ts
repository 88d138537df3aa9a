/**
 * Measures the methods of every store, on the real thing: latency and operations per second, one at a time and 64 in flight; and the
 * bytes that a session takes. JSON on stdout. `stores.ts FOLDER [ms]`: where files go, and for how long each figure is measured.
 */

import { statfsSync } from "node:fs";
import { cpus, release } from "node:os";
import process from "node:process";
import { dataBytes, type Figures, type Latency, operations } from "./figures.ts";
import type { SessionRecord } from "../src/store.ts";
import { endings, type Measured, type Place, places } from "./places.ts";

const [folder = "artifacts/bench/places", ms = "240"] = process.argv.slice(2);
const time = Number(ms);
/** So many sessions are there before anything is measured. */
const sessions = 2_048;
const most = 20_000;
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

async function measurePlace({ name, only, open, bytes }: Place) {
  const before = await bytes?.();
  const all: Session[] = [];
  const { store, close } = await open();
  for (let i = 0; i < sessions; i += 64) {
    await Promise.all(Array.from({ length: 64 }, async () => {
      const key = freshKey();
      all.push({ key, version: (await store.create!(key, recordOf(key)))! });
    }));
  }
  await close();
  const each = bytes && (await bytes() - before!) / sessions;
  const again = await open();
  const steps = stepsOf(again.store as Measured, all);
  const latencies: Latency[] = [];
  for (const inFlight of [1, 64]) {
    for (const operation of operations) {
      if (only && !only.includes(operation)) continue;
      const limit = operation === "delete" ? steps.made.length : most;
      const step = steps[operation];
      // a first turn, so that neither a cold script nor uncompiled code is measured
      if (inFlight === 1 && operation !== "delete") { for (let i = 0; i < 20; i++) await step(i); }
      latencies.push({ operation, ...await measure(step, inFlight, limit) });
    }
  }
  await again.close();
  return { name, records: sessions, ...(each === undefined ? {} : { bytes: Math.round(each) }), latencies };
}

const measured = [];
try {
  for (const place of await places(folder)) measured.push(await measurePlace(place));
} finally {
  for (const end of endings) await end();
}
const bun = (globalThis as { Bun?: { version: string } }).Bun;
const fileSystems: Record<number, string> = { 0xef53: "ext4", 0x01021994: "tmpfs", 0x9123683e: "btrfs" };
const figures: Figures = {
  runtime: bun ? `Bun ${bun.version}` : `Deno ${Deno.version.deno}`,
  at: new Date().toISOString(),
  machine: `${cpus().length} cores of ${cpus()[0]?.model ?? "an unknown processor"}, Linux ${release()}, ${
    fileSystems[statfsSync(".").type] ?? "another file system"
  }`,
  stores: measured,
};
process.stdout.write(JSON.stringify(figures));
process.exit(0);
