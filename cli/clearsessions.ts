/** `clearsessions`: removes expired records, in small batches alongside live traffic. */

import { SessionError } from "../src/errors.ts";
import { type Command, storeOptions } from "./command.ts";
import { exit, type Io, UsageError } from "./io.ts";
import type { AnyStore } from "./open.ts";
import { bar, count, json, number, paint, span } from "./text.ts";
import { withStore } from "./with_store.ts";

/** Small enough that other clients do not wait for long. */
const batch = 50;
/** Without a terminal, one line is printed for this many records. */
const milestone = 10_000;

/** Removes expired records, with a progress bar on a terminal. */
export const clearsessions: Command = {
  usage: ["STORE [--limit N]"],
  summary: "removes expired sessions, all of them or at most N",
  positionals: ["STORE"],
  options: { ...storeOptions, limit: "value" },
  run(given, io) {
    const limit = limitOf(given.values["limit"]);
    return withStore(given, async (store) => {
      const now = io.now();
      const isJson = given.flags.has("json");
      const isDrawn = io.isTerminal && !isJson;
      let removed = 0;
      try {
        const progress = isJson ? () => {} : isDrawn ? await drawing(store, limit, io) : logging(io);
        while (removed < limit) {
          if (!store.clearExpired) throw new SessionError("ERR_UNSUPPORTED", "This store clears nothing");
          const most = Math.min(batch, limit - removed);
          const gone = await store.clearExpired(now, most);
          removed += gone;
          progress(removed);
          if (gone < most) break;
          await new Promise((resolve) => setTimeout(resolve));
        }
      } finally {
        if (isDrawn) io.out("\r\x1b[K");
      }
      io.out(isJson ? json({ removed }) : `${count(removed, "expired session")} removed\n`);
      return exit.done;
    });
  },
};

function limitOf(text: string | undefined): number {
  if (text === undefined) return Infinity;
  const limit = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (limit === 0) throw new UsageError("--limit must be a whole number from 1");
  return limit;
}

/** Prints a line at intervals, for logs. */
function logging(io: Io): (removed: number) => void {
  let next = milestone;
  return (removed) => {
    if (removed < next) return;
    io.out(`${number(removed)} removed so far\n`);
    while (next <= removed) next += milestone;
  };
}

/** Draws a bar for a store that can count its expired records, otherwise a growing number. */
async function drawing(store: AnyStore, limit: number, io: Io): Promise<(removed: number) => void> {
  io.out("counting …");
  const total = Math.min(limit, (await store.stats?.(io.now(), []))?.expired ?? Infinity);
  const started = io.now();
  return (removed) => {
    // Other processes may clear too, and more records expire: the total is an estimate.
    const share = removed >= total ? 1 : removed / total;
    const left = share > 0.02 && share < 1 ? `, ${span((io.now() - started) * (1 / share - 1))} left` : "";
    const figures = total === Infinity
      ? `${number(removed)} removed`
      : `${String(Math.floor(share * 100)).padStart(3)} %  ${number(removed)} of ${number(total)}${left}`;
    const room = Math.max(10, Math.min(30, io.columns - 46));
    const drawn = total === Infinity
      ? ""
      : `${paint(io, "cyan", bar(share, room))}${
        paint(io, "dim", "░".repeat(Math.max(0, room - bar(share, room).length)))
      } `;
    io.out(`\r\x1b[K${drawn}${figures}`);
  };
}
