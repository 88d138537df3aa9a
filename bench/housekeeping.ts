/** A server clears very many expired records from SQLite while it answers: how many a second, and what that does to the answers. */

import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { SqliteStore } from "../backends/sqlite.ts";
import { openDatabase } from "../backends/sqlite/database.ts";
import { root } from "../tools/project.ts";
import type { Clearing, Latencies } from "./figures.ts";

/** A second, whether answered or not: who waits for the answer before asking again would not see a server that stands still. */
const rate = 200;
const visitors = 100;
/** Seconds of the same load before. */
const quiet = 10;

type Runtime = readonly [name: string, command: string, args: readonly string[]];

/** All of it, for so many records. `folder` is for the databases, and is removed afterwards. */
export async function benchClearing(
  runtimes: readonly Runtime[],
  folder: string,
  records: number,
): Promise<Clearing[]> {
  mkdirSync(folder, { recursive: true });
  const figures: Clearing[] = [];
  try {
    await fill(`${folder}/full.db`, records);
    for (const [runtime, command, args] of runtimes) {
      const path = `${folder}/${runtime}.db`;
      copyFileSync(`${folder}/full.db`, path);
      const server = new Deno.Command(command, {
        args: [...args, `${root}/bench/housekeeping_server.ts`, path],
        cwd: root,
        stdout: "piped",
        stderr: "inherit",
      });
      figures.push({ runtime, records, rate, ...await measure(server.spawn(), records) });
      for (const end of ["", "-wal", "-shm"]) rmSync(path + end, { force: true });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return figures;
}

/** Sessions of 200 bytes that ended over the last month; a tenth of them were logged in. */
async function fill(path: string, records: number): Promise<void> {
  const store = await SqliteStore.open(path);
  await store.stats(Date.now(), []);
  await store.close();
  const database = await openDatabase(path);
  const run = (sql: string, ...values: unknown[]) => {
    const statement = database.prepare(sql);
    statement.all(...values as never[]);
    statement.finalize?.();
  };
  const now = Date.now();
  const month = 30 * 86_400_000;
  run("PRAGMA synchronous = OFF");
  run("PRAGMA cache_size = -600000");
  for (const name of ["expires", "user"]) run(`DROP INDEX sojourn_session_${name}`); // opening makes them again
  run(
    `INSERT INTO sojourn_session
      WITH RECURSIVE counter(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM counter WHERE i < ${records})
      SELECT lower(hex(randomblob(32))), '1' || char(10) || '{"cart":"' || hex(randomblob(95)) || '"}',
        iif(i % 10 = 0, 'user ' || (i / 50), NULL), ${now - 2 * month}, ${now - 2 * month},
        ${now} - 1000 - abs(random() % ${month}), 'bench'
      FROM counter ORDER BY 1`,
  );
  run("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
  const again = await SqliteStore.open(path);
  await again.load("0".repeat(64));
  await again.close();
}

async function measure(server: Deno.ChildProcess, records: number) {
  try {
    const lines = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const url = `http://127.0.0.1:${(await lines.read()).value!.trim()}/`;
    const cookies = await Promise.all(Array.from({ length: visitors }, async () => {
      const response = await fetch(url);
      await response.text();
      return response.headers.getSetCookie()[0]!.split(";", 1)[0]!;
    }));
    const before = await load(url, cookies, new Promise((resolve) => setTimeout(resolve, quiet * 1000)));
    const began = performance.now();
    await (await fetch(url, { method: "POST" })).text();
    const clearing = lines.read().then(({ value }) => ({
      removed: Number(value),
      seconds: (performance.now() - began) / 1000,
    }));
    const during = await load(url, cookies, clearing);
    const { removed, seconds } = await clearing;
    if (removed !== records) throw new Error(`${removed} removed of ${records}`);
    return { removed, seconds, before, during };
  } finally {
    server.kill("SIGKILL");
    await server.status;
  }
}

/** Visits at the rate until `end`: milliseconds from when a visit was due to when it was answered. */
async function load(url: string, cookies: readonly string[], end: Promise<unknown>): Promise<Latencies> {
  let isOver = false;
  end.finally(() => isOver = true).catch(() => {});
  const taken: number[] = [];
  const visits: Promise<void>[] = [];
  const began = performance.now();
  const visit = async (due: number, i: number) => {
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
    visits.push(visit(due, i));
  }
  await Promise.all(visits);
  const sorted = taken.sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
  return { answers: sorted.length, p50: at(0.5), p99: at(0.99), most: sorted.at(-1)! };
}
