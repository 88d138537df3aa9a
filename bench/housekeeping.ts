/**
 * Measures how many expired records a second a server clears from SQLite under load, and the effect on its responses. JSON on
 * stdout. `housekeeping.ts FOLDER RECORDS`
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { SqliteStore } from "../backends/sqlite.ts";
import type { Answers, Clearing } from "./figures.ts";
import { fillSqlite } from "./fill.ts";
import { percentile } from "./latency.ts";
import { day, recordOf } from "./sessions.ts";

const [folder = "artifacts/bench/housekeeping", records = "200000"] = process.argv.slice(2);
/** The runtime to measure, as a command; the one that started this gives it. */
const runtime: readonly string[] = JSON.parse(process.env.BENCH_RUNTIME ?? "[]");
/** Requests a second, sent without waiting for responses: a client that waits would not notice a server that stalls. */
const rate = 200;
const visitors = 100;
/** Milliseconds of the same load before. */
const quiet = 5_000;

const path = `${folder}/sessions.db`;
mkdirSync(folder, { recursive: true });
await fillExpired(Number(records));
const program = fileURLToPath(new URL("housekeeping_server.ts", import.meta.url));
const server = spawn(runtime[0]!, [...runtime.slice(1), program, path], {
  stdio: ["ignore", "pipe", "inherit"],
});
try {
  const figures: Clearing[] = [{ records: Number(records), rate, ...await measure(server) }];
  process.stdout.write(`\n${JSON.stringify({ rounds: 1, figures })}`);
} finally {
  server.kill("SIGKILL");
}
process.exit(0);

/** Sessions that ended over the last month. */
async function fillExpired(count: number): Promise<void> {
  const open = async () => {
    const store = await SqliteStore.open(path);
    await store.load("0".repeat(64)); // opening makes the table
    await store.close();
  };
  await open();
  await fillSqlite(path, count, { ...recordOf(""), expiresAt: Date.now() - 1_000 }, 30 * day);
}

async function measure({ stdout }: ChildProcess): Promise<Pick<Clearing, "seconds" | "before" | "during">> {
  const lines = createInterface({ input: stdout! })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("The server has ended");
    return Number(value);
  };
  const url = `http://127.0.0.1:${await next()}/`;
  const cookies = await Promise.all(Array.from({ length: visitors }, async () => {
    const response = await fetch(url);
    await response.text();
    return response.headers.getSetCookie()[0]!.split(";", 1)[0]!;
  }));
  const before = await visit(url, cookies, new Promise((resolve) => setTimeout(resolve, quiet)));
  const began = performance.now();
  await (await fetch(url, { method: "POST" })).text();
  const clearing = next().then((removed) => {
    if (removed !== Number(records)) throw new Error(`${removed} removed of ${records}`);
    return (performance.now() - began) / 1000;
  });
  const during = await visit(url, cookies, clearing);
  return { seconds: await clearing, before, during };
}

/** Visits at the rate until `end`: milliseconds from when a visit was due to when it was answered. */
async function visit(url: string, cookies: readonly string[], end: Promise<unknown>): Promise<Answers> {
  let isOver = false;
  end.finally(() => isOver = true).catch(() => {});
  const taken: number[] = [];
  const visits: Promise<void>[] = [];
  const began = performance.now();
  const once = async (due: number, i: number) => {
    // one in five writes
    const headers = { cookie: cookies[i % cookies.length]!, ...(i % 5 === 0 ? {} : { "x-read": "1" }) };
    const response = await fetch(url, { headers });
    await response.text();
    if (response.status !== 200) throw new Error(`The server answered ${response.status}`);
    taken.push(performance.now() - due);
  };
  for (let i = 0; !isOver; i++) {
    const due = began + i * 1000 / rate;
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const one = once(due, i);
    one.catch(() => isOver = true);
    visits.push(one);
  }
  await Promise.all(visits);
  const sorted = taken.sort((a, b) => a - b);
  const [p50, p99] = [percentile(sorted, 0.5), percentile(sorted, 0.99)];
  return { answers: sorted.length, p50, p99, most: sorted.at(-1)! };
}
