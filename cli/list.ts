/** `list`: the live sessions of one user, by their handles. */

import { SessionError } from "../src/errors.ts";
import { metaOf } from "../src/data/record_head.ts";
import type { IndexedRecord } from "../src/store.ts";
import { indexed } from "../src/unit_of_work/live_sessions.ts";
import { type Command, storeOptions } from "./command.ts";
import { exit, type Io, UsageError } from "./io.ts";
import type { AnyStore } from "./open.ts";
import { count, cut, json, paint, plain, span } from "./text.ts";
import { withStore } from "./with_store.ts";

/**
 * The records of a user.
 *
 * @throws {SessionError} If the store has no index (`ERR_UNSUPPORTED`).
 */
export async function recordsOf(store: AnyStore, user: string): Promise<readonly IndexedRecord[]> {
  if (!store.list) throw new SessionError("ERR_UNSUPPORTED", "This store cannot list the sessions of a user");
  return await Array.fromAsync(indexed((user, after) => store.list!(user, { after }), user));
}

/** Prints handles, labels and times, the latest activity first. */
export const list: Command = {
  usage: ["STORE --user ID"],
  summary: "shows the live sessions of a user, with handles for revoke",
  positionals: ["STORE"],
  options: { ...storeOptions, user: "value" },
  run(given, io) {
    const user = given.values["user"];
    if (user === undefined) throw new UsageError("--user is missing");
    return withStore(given, async (store) => {
      const now = io.now();
      const sessions = (await recordsOf(store, user))
        .filter(({ record }) => record.userId === user && record.expiresAt > now)
        .sort((a, b) => b.record.touchedAt - a.record.touchedAt)
        .map(({ key, record: { createdAt, touchedAt, expiresAt, head } }) => {
          const label = labelIn(head);
          return { handle: key, createdAt, touchedAt, expiresAt, ...(label === undefined ? {} : { label }) };
        });
      if (given.flags.has("json")) io.out(json({ user, sessions }));
      else {
        io.out(
          `${
            paint(io, "bold", cut(`${count(sessions.length, "live session")} of ${plain(user)}`, io.columns))
          }\n`,
        );
        for (const session of sessions) io.out(`\n${entry(session, now, io)}\n`);
      }
      return exit.done;
    });
  },
};

function labelIn(head: string | undefined): string | undefined {
  try {
    return metaOf(head).label;
  } catch {
    return undefined;
  }
}

interface Shown {
  readonly handle: string;
  readonly createdAt: number;
  readonly touchedAt: number;
  readonly expiresAt: number;
  readonly label?: string;
}

function entry({ handle, createdAt, touchedAt, expiresAt, label }: Shown, now: number, io: Io): string {
  const times = `created ${span(now - createdAt)} ago, active ${span(now - touchedAt)} ago, ends in ${
    span(expiresAt - now)
  }`;
  const shown = label === undefined ? [] : [`  ${cut(plain(label), io.columns - 2)}`];
  return [paint(io, "cyan", handle), ...shown, paint(io, "dim", `  ${times}`)].join("\n");
}
