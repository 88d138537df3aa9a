/** The database that a Django site leaves behind on the day it is switched off. */

import { toColumn } from "../../../backends/django/format/dates.ts";
import { openDatabase } from "../../../backends/sqlite/database.ts";
import { hour, start } from "../cli/world.ts";
import { schema, secretKey, sign } from "./site.ts";

/** When the command runs. */
export const now: number = start + 2 * hour;
export const day: number = 24 * hour;
/** The session key of a row. */
export const keyOf = (name: string): string => name.padEnd(32, "0");
/** The environment: two secrets, the second one is the site's. */
export const env = (name: string): string | undefined =>
  name === "DJANGO_SECRET" ? `a newer one\n${secretKey}` : undefined;

/** A row, by its name: its text, or the JSON to sign, and when it ends. */
export type Rows = Record<string, readonly [text: string | { readonly json: string }, end: number]>;

/** Makes a site's database at `path`, with these rows. */
export async function makeSite(path: string, all: Rows): Promise<void> {
  const database = await openDatabase(path);
  const run = (sql: string, ...values: string[]) => {
    const statement = database.prepare(sql);
    statement.run(...values);
    statement.finalize?.();
  };
  for (const statement of schema) run(statement);
  run("BEGIN");
  for (const [name, [text, end]] of Object.entries(all)) {
    const encoded = typeof text === "string" ? text : await sign(text.json, { at: end - 14 * day });
    run(
      "INSERT INTO django_session (session_key, session_data, expire_date) VALUES (?, ?, ?)",
      keyOf(name),
      encoded,
      toColumn(end, true),
    );
  }
  run("COMMIT");
  database.close();
}
