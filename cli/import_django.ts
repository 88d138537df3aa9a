/** `import-django`: imports the sessions of a Django site into a store of this library. */

import { SessionError } from "../src/errors.ts";
import type { SessionRecord } from "../src/store.ts";
import { type Command, storeOptions } from "./command.ts";
import { ImportMarker } from "./import_marker.ts";
import { exit, type Io, UsageError } from "./io.ts";
import { type AnyStore, type DjangoSessions, openDjango } from "./open.ts";
import { Progress } from "./progress.ts";
import { count, json, number, wrap } from "./text.ts";
import { withStore } from "./with_store.ts";

/** The number of rows that are read in one query, and written concurrently. */
const page = 200;
/** The maximum number of skipped rows that are named in text; JSON names all. */
const mostNamed = 20;

/** The outcome of all rows. */
interface Sums {
  /** Whether an earlier run, which was interrupted, had done the rows before. */
  readonly resumed: boolean;
  imported: number;
  present: number;
  expired: number;
  /** Rows that an earlier run could not read. */
  readonly unreadableBefore: number;
  readonly unreadable: string[];
}

/**
 * Imports each live row once: a row that was imported before is left alone. A session that was ended here since would be restored, so a
 * run after an interrupted one continues where that stopped, and a run after a finished one is refused.
 */
export const importDjango: Command = {
  usage: [
    "DJANGO STORE --secret-env NAME [--cookie-age SECONDS]\n" +
    "                     [--django-table NAME] [--local-time] [--again]",
  ],
  summary: "brings a Django site's sessions into STORE; DJANGO is\n" +
    "      sqlite:PATH, postgres://HOST/NAME or mysql://HOST/NAME. Finish it before\n" +
    "      the new server takes requests: interrupted, run it again to go on;\n" +
    "      once done it refuses, since with --again all sessions that were\n" +
    "      ended in STORE since then come back",
  positionals: ["DJANGO", "STORE"],
  options: {
    ...storeOptions,
    "secret-env": "value",
    "cookie-age": "value",
    "django-table": "value",
    "local-time": "flag",
    again: "flag",
  },
  async run(given, io) {
    const { values, flags, positionals } = given;
    const django = await openDjango(positionals["DJANGO"]!, {
      secrets: secretsOf(values["secret-env"], io),
      table: values["django-table"] ?? "django_session",
      cookieAge: ageOf(values["cookie-age"]),
      useTz: !flags.has("local-time"),
    });
    try {
      return await withStore(given, async (store) => {
        const marker = await ImportMarker.find(store, io.now());
        if (marker.reached?.isDone && !flags.has("again")) return refuse(io, flags.has("json"));
        const sums = await bring(django, store, marker, flags.has("again"), io, flags.has("json"));
        report(sums, io, flags.has("json"));
        return sums.unreadable.length + sums.unreadableBefore > 0 ? exit.reservations : exit.done;
      });
    } finally {
      await django.close();
    }
  },
};

function secretsOf(variable: string | undefined, io: Io): readonly string[] {
  if (variable === undefined) throw new UsageError("--secret-env is missing");
  const secrets = (io.env(variable) ?? "").split(/\r?\n/).filter((line) => line !== "");
  if (secrets.length === 0) throw new UsageError("the variable that --secret-env names is not set");
  return secrets;
}

function ageOf(text: string | undefined): number {
  if (text === undefined) return 1_209_600;
  const age = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (age === 0) throw new UsageError("--cookie-age must be the site's SESSION_COOKIE_AGE in seconds");
  return age;
}

function refuse(io: Io, isJson: boolean): number {
  const message =
    "An import into this store has been done already. Another one would bring back every session that was logged out " +
    "since then. If the new server has taken no requests yet, or for another site, use --again";
  io.err(isJson ? json({ error: { code: "ERR_IMPORTED", message } }) : `${wrap(message, io.columns, 0)}\n`);
  return exit.reservations;
}

async function bring(
  django: DjangoSessions,
  store: AnyStore,
  marker: ImportMarker,
  isAgain: boolean,
  io: Io,
  isJson: boolean,
): Promise<Sums> {
  const before = isAgain ? undefined : marker.reached;
  const sums: Sums = {
    resumed: before !== undefined,
    imported: 0,
    present: 0,
    expired: 0,
    unreadableBefore: before?.unreadable ?? 0,
    unreadable: [],
  };
  let from = before?.from ?? "";
  const reached = (isDone: boolean) => ({
    from,
    unreadable: sums.unreadableBefore + sums.unreadable.length,
    isDone,
  });
  const progress = new Progress(io, isJson, await django.count(from), "rows read");
  try {
    for await (const { rows, mark } of django.pages(page, io.now(), from)) {
      // Before the first of them is stored. A run that can read nothing, for example with a wrong secret, leaves no marker
      const ends = rows.map((row) => row.kind === "session" ? row.record.expiresAt : 0);
      if (Math.max(...ends) > 0) await marker.put(reached(false), Math.max(...ends));
      await Promise.all(rows.map(async (row) => {
        if (row.kind === "expired") sums.expired++;
        else if (row.kind === "unreadable") sums.unreadable.push(tagOf(row.key));
        else {
          const outcome = await put(store, row.key, row.record);
          if (outcome === "refused") sums.unreadable.push(tagOf(row.key));
          else sums[outcome]++;
        }
      }));
      progress.advance(rows.length);
      from = mark ?? from;
    }
    if (marker.isBegun) await marker.put(reached(true));
  } catch (error) {
    progress.end();
    if (error instanceof SessionError && error.code === "ERR_STORE") {
      throw new SessionError(
        "ERR_STORE",
        `${error.message}. ${
          count(sums.imported, "session")
        } imported so far; run the command again to go on`,
        { cause: error.cause },
      );
    }
    throw error;
  }
  progress.end();
  return sums;
}

async function put(
  store: AnyStore,
  key: string,
  record: SessionRecord,
): Promise<"imported" | "present" | "refused"> {
  try {
    return await store.create(key, record) === undefined ? "present" : "imported";
  } catch (error) {
    if (error instanceof SessionError && error.code === "ERR_TOO_LARGE") return "refused";
    throw error;
  }
}

/** A part of a storage key that is enough to find its row, but useless as a cookie. */
function tagOf(key: string): string {
  return key.slice(0, 8);
}

function report(sums: Sums, io: Io, isJson: boolean): void {
  const { resumed, imported, present, expired, unreadable: tags } = sums;
  const unreadable = sums.unreadableBefore + tags.length;
  if (isJson) return io.out(json({ resumed, imported, present, expired, unreadable, tags }));
  if (resumed) io.out("gone on where an earlier run was interrupted\n");
  io.out(`${count(imported, "session")} imported\n`);
  if (present > 0) io.out(`${count(present, "session")} had been imported before\n`);
  if (expired > 0) io.out(`${count(expired, "expired row")} left out\n`);
  if (unreadable === 0) return;
  io.out(
    `${count(unreadable, "row")} could not be read, or not be kept there: is the secret right?\n`,
  );
  for (const tag of tags.slice(0, mostNamed)) io.out(`  ${tag}\n`);
  if (tags.length > mostNamed) io.out(`  and ${number(tags.length - mostNamed)} more\n`);
}
