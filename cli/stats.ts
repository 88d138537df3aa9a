/** `stats`: how many sessions there are, how old, and how large. */

import { SessionError } from "../src/errors.ts";
import type { StoreStats } from "../src/store.ts";
import { type Command, storeOptions } from "./command.ts";
import { exit, type Io } from "./io.ts";
import type { AnyStore } from "./open.ts";
import { bar, bytes, count, json, number, paint, plain, span } from "./text.ts";
import { withStore } from "./with_store.ts";

const [hour, day] = [3_600_000, 86_400_000];
const bounds = [hour, day, 7 * day, 30 * day, 90 * day];
const ages = [
  "under 1 hour",
  "1 to 24 hours",
  "1 to 7 days",
  "7 to 30 days",
  "30 to 90 days",
  "over 90 days",
];

/**
 * Counts all records of the store.
 *
 * @throws {SessionError} If the store cannot count them (`ERR_UNSUPPORTED`).
 */
export async function statsOf(store: AnyStore, now: number): Promise<StoreStats> {
  if (!store.stats) throw new SessionError("ERR_UNSUPPORTED", "This store cannot count its sessions");
  return await store.stats(now, bounds);
}

/** Prints the counts, and a histogram of the ages. */
export const stats: Command = {
  usage: ["STORE"],
  summary: "counts the live and the expired sessions, by age, with their size",
  positionals: ["STORE"],
  options: storeOptions,
  run: (given, io) =>
    withStore(given, async (store, { name }) => {
      const now = io.now();
      const found = await statsOf(store, now);
      if (given.flags.has("json")) {
        const histogram = found.ages.map((sessions, index) => ({
          from: index === 0 ? 0 : bounds[index - 1]! / 1000,
          to: index === bounds.length ? null : bounds[index]! / 1000,
          sessions,
        }));
        io.out(json({ store: name, at: now, ...found, ages: histogram }));
      } else io.out(page(name, found, now, io));
      return exit.done;
    }),
};

function page(name: string, found: StoreStats, now: number, io: Io): string {
  const { live, expired, damaged, oldest } = found;
  const all = live + expired;
  const share = (part: number) => all === 0 ? "" : `${Math.round(part / all * 100)} %`;
  const rows: [string, string, string][] = [
    ["live", number(live), share(live)],
    ["expired", number(expired), share(expired)],
    ...(damaged > 0 ? [["damaged", number(damaged), ""] as [string, string, string]] : []),
  ];
  const width = Math.max(...rows.map(([, value]) => value.length));
  const lines = rows.map(([label, value, more]) =>
    `  ${label.padEnd(8)}  ${value.padStart(width)}  ${paint(io, "dim", more.padStart(5))}`.trimEnd()
  );
  lines.push(`  data      ${bytes(found.bytes)}${all === 0 ? "" : `, ${bytes(found.bytes / all)} each`}`);
  if (oldest !== undefined) lines.push(`  oldest    ${span(now - oldest)}`);
  return `${paint(io, "bold", `Sessions in ${plain(name)}`)}\n\n${lines.join("\n")}\n${
    live === 0 ? "" : histogram(found, io)
  }`;
}

function histogram({ live, ages: counts }: StoreStats, io: Io): string {
  const most = Math.max(...counts);
  const digits = number(most).length;
  const room = io.columns - 2 - 13 - 2 - digits - 2;
  const lines = counts.map((sessions, index) =>
    `  ${ages[index]!.padEnd(13)}  ${number(sessions).padStart(digits)}  ${
      paint(io, "cyan", bar(sessions / most, room))
    }`.trimEnd()
  );
  return `\n${paint(io, "bold", `Age of the ${count(live, "live one")}`)}\n\n${lines.join("\n")}\n`;
}
