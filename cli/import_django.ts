/** `import-django`: brings the sessions of a Django site into a store of the library's own. */

import { SessionError } from "../src/errors.ts";
import type { SessionRecord } from "../src/store.ts";
import { type Command, storeOptions } from "./command.ts";
import { exit, type Io, UsageError } from "./io.ts";
import { type AnyStore, type DjangoSessions, openDjango } from "./open.ts";
import { Progress } from "./progress.ts";
import { count, json, number } from "./text.ts";
import { withStore } from "./with_store.ts";

/** So many rows are read at once, and written at the same time. */
const page = 200;
/** So many rows that were left out are named in text; JSON names all. */
const mostNamed = 20;

/** What came of all rows. */
interface Sums {
  imported: number;
  present: number;
  expired: number;
  readonly unreadable: string[];
}

/** Brings each live row over once: a row that is there already is left alone, so the command can be run again and again. */
export const importDjango: Command = {
  usage: [
    "DJANGO STORE --secret-env NAME [--cookie-age SECONDS]\n" +
    "                     [--django-table NAME] [--local-time]",
  ],
  summary: "brings a Django site's sessions into STORE; DJANGO is\n" +
    "      sqlite:PATH, postgres://HOST/NAME or mysql://HOST/NAME",
  positionals: ["DJANGO", "STORE"],
  options: {
    ...storeOptions,
    "secret-env": "value",
    "cookie-age": "value",
    "django-table": "value",
    "local-time": "flag",
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
        const sums = await bring(django, store, io, flags.has("json"));
        report(sums, io, flags.has("json"));
        return sums.unreadable.length > 0 ? exit.reservations : exit.done;
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

async function bring(django: DjangoSessions, store: AnyStore, io: Io, isJson: boolean): Promise<Sums> {
  const sums: Sums = { imported: 0, present: 0, expired: 0, unreadable: [] };
  const progress = new Progress(io, isJson, await django.count(), "rows read");
  try {
    for await (const rows of django.pages(page, io.now())) {
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
    }
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

/** Enough of a storage key to find its row again, and of no use as a cookie. */
function tagOf(key: string): string {
  return key.slice(0, 8);
}

function report({ imported, present, expired, unreadable }: Sums, io: Io, isJson: boolean): void {
  if (isJson) {
    return io.out(json({ imported, present, expired, unreadable: unreadable.length, tags: unreadable }));
  }
  io.out(`${count(imported, "session")} imported\n`);
  if (present > 0) io.out(`${count(present, "session")} had been imported before\n`);
  if (expired > 0) io.out(`${count(expired, "expired row")} left out\n`);
  if (unreadable.length === 0) return;
  io.out(
    `${count(unreadable.length, "row")} could not be read, or not be kept there: is the secret right?\n`,
  );
  for (const tag of unreadable.slice(0, mostNamed)) io.out(`  ${tag}\n`);
  if (unreadable.length > mostNamed) io.out(`  and ${number(unreadable.length - mostNamed)} more\n`);
}
