/** The plans of files, SQLite and Deno KV. */

import * as fs from "node:fs";
import { age } from "../support/file/places.ts";
import { connect, run as query } from "../support/sqlite/driver.ts";
import { count } from "./counting.ts";
import { kill } from "./killing.ts";
import { expect, type Outcome, outcome, type Plan, type Size } from "./plan.ts";
import { canMount, fullDisk } from "./small_disk.ts";

const smallDisk = ["a small disk to mount, as root", canMount] as const;
const times = ({ isFull }: Size, full: number, short: number) => isFull ? full : short;
const within = ({ isFull }: Size) => isFull ? 500 : 100;

const integrity = (path: string) => (_: unknown, result: Outcome) => {
  const database = connect(path);
  try {
    const answer = query(database, "PRAGMA integrity_check");
    expect(result, answer === "ok", `integrity_check: ${answer}`);
  } finally {
    database.close();
  }
};

function sqlite(size: Size, runs: number, beside = "nothing"): Promise<Outcome> {
  const place = `${size.folder}/sessions.db`;
  const { seed } = size;
  return kill({
    store: "SqliteStore",
    place,
    runs,
    seed,
    beside,
    within: within(size),
    after: integrity(place),
  });
}

/** Kills a process, takes away a side file, and counts what that costs. */
async function withoutSideFile(suffix: "-wal" | "-shm", size: Size): Promise<Outcome> {
  const runs = times(size, 10, 2);
  const place = `${size.folder}/sessions.db`;
  const { seed } = size;
  const cost = outcome(runs);
  const result = await kill({
    store: "SqliteStore",
    place,
    runs,
    seed,
    within: within(size),
    before: () => fs.rmSync(`${place}${suffix}`, { force: true }),
    check: (story, opened, result) => story.check(opened, suffix === "-wal" ? cost : result),
    after: integrity(place),
  });
  // Without its log SQLite is back at its last checkpoint, and nobody can tell; but nothing may be wrong in itself.
  for (const what of ["torn", "unreadable"] as const) result[what] += cost[what];
  if (suffix === "-wal") result.notes.push(`${cost.lost} values lost with the log, ${cost.back} back`);
  return result;
}

export const storePlans: readonly Plan[] = [
  {
    id: "F1",
    title: "file store, kill -9 at random: nothing lost, torn, back or left over",
    run: (size) => {
      const place = `${size.folder}/sessions`;
      const leavings = (result: Outcome, most: number, when: string) => {
        const files = fs.readdirSync(`${place}/work`, { recursive: true, withFileTypes: true });
        const left = files.filter((one) => one.isFile()).length;
        expect(result, left <= most, `${left} temporary files ${when}`);
      };
      return kill({
        store: "FileStore",
        place,
        runs: times(size, 100, 6),
        seed: size.seed,
        within: within(size),
        before: (result) => {
          leavings(result, 4, "after a kill");
          age(place, 11); // younger ones may be at work
        },
        after: (_, result) => leavings(result, 0, "after the next start"),
      });
    },
  },
  {
    id: "F3 F5",
    title: "file store, disk full and read-only: typed errors, old records readable, nothing left over",
    needs: smallDisk,
    run: (size) => fullDisk("FileStore", size),
  },
  {
    id: "F8",
    title: "file store, four processes of both runtimes add: no update lost",
    run: (size) => count("FileStore", `${size.folder}/sessions`, size),
  },
  {
    id: "S1",
    title: "SQLite, kill -9 during writes: nothing lost, torn or back, integrity_check ok",
    run: (size) => sqlite(size, times(size, 100, 6)),
  },
  {
    id: "S2 purge",
    title: "SQLite, kill -9 while expired sessions are cleared: no live one removed",
    run: (size) => sqlite(size, times(size, 25, 2), "purge"),
  },
  {
    id: "S2 checkpoint",
    title: "SQLite, kill -9 during checkpoints: nothing lost, torn or back",
    run: (size) => sqlite(size, times(size, 25, 2), "checkpoint"),
  },
  {
    id: "S4 S7",
    title: "SQLite, disk full and read-only: typed errors, reads answer, the next saves succeed",
    needs: smallDisk,
    run: (size) => fullDisk("SqliteStore", size),
  },
  {
    id: "S6 shm",
    title: "SQLite, shared-memory file removed while stopped: nothing lost",
    run: (size) => withoutSideFile("-shm", size),
  },
  {
    id: "S6 wal",
    title: "SQLite, write-ahead log removed while stopped: it starts, and no value is a mixture",
    run: (size) => withoutSideFile("-wal", size),
  },
  {
    id: "S9",
    title: "SQLite, four processes of both runtimes add: no update lost, no busy error",
    run: (size) => count("SqliteStore", `${size.folder}/sessions.db`, size),
  },
  {
    id: "K1",
    title: "Deno KV in a file, kill -9: nothing lost, back or unreadable",
    run: (size) =>
      kill({
        store: "DenoKvStore",
        place: `${size.folder}/sessions.kv`,
        runs: times(size, 100, 6),
        seed: size.seed,
        within: within(size),
      }),
  },
  {
    id: "K8",
    title: "Deno KV in a file, four processes of both runtimes add: no update lost",
    run: (size) => count("DenoKvStore", `${size.folder}/sessions.kv`, size),
  },
];
