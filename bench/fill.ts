/** Fills a database with very many sessions in seconds, by its own means, and says the keys of some of them. */

import { read, write } from "../backends/redis/record.ts";
import { toColumns } from "../backends/sqlite/rows.ts";
import type { Server } from "../tests/support/redis/server.ts";
import { stored } from "../tests/support/redis/text.ts";
import type { SessionRecord } from "../src/store.ts";
import { openSqlite } from "./subjects/clients.ts";

/** Some sessions that were made. */
export type Made = { key: string; version: string }[];

/** How many are said. */
const said = 20_000;

/**
 * Rows like this one in the table that a store has made, in the order of their keys, which is several times faster. Each ends up to `span`
 * milliseconds before it.
 */
export async function fillSqlite(path: string, count: number, like: SessionRecord, span = 0): Promise<Made> {
  const database = await openSqlite(path, "NORMAL");
  database.exec("PRAGMA cache_size = -200000");
  database.exec("BEGIN");
  const keys = Array.from({ length: count }, newKey).sort();
  const insert = database.prepare(
    `INSERT INTO sojourn_session (data, version, head, data_sum, record_sum, user_id, created_at, touched_at,
      expires_at, instants_sum, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  for (const key of keys) {
    const expiresAt = like.expiresAt - Math.floor(Math.random() * (span + 1));
    insert.run(...toColumns(key, { ...like, userId: key.slice(0, 16), expiresAt }, "1"), key);
  }
  database.exec("COMMIT");
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
  return some(keys).map((key) => ({ key, version: "1" }));
}

/** A storage key of a session that nobody has. */
function newKey(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex");
}

/** Keys from all over, at most as many as are said. */
function some(keys: readonly string[]): string[] {
  const step = Math.max(1, Math.floor(keys.length / said));
  return keys.filter((_, n) => n % step === 0);
}

/** Copies of one record under keys of their own, made in the server. The scripts of the store allow a version to be shared. */
export async function fillRedis(
  { cli }: Server,
  count: number,
  first: string,
  version: string,
): Promise<Made> {
  const [at] = (await cli("--scan", "--pattern", `*${first}`)).split("\n");
  const prefix = at!.slice(0, -first.length);
  const like = read(first, (await cli("--raw", "GET", at!)).replace(/\n$/, ""));
  // As many as one command line holds
  const batch = 500;
  const script = `
    local life = redis.call('PTTL', KEYS[1])
    for n = 2, #ARGV, 2 do redis.call('SET', ARGV[1] .. ARGV[n], ARGV[n + 1], 'PX', life) end`;
  const keys = Array.from({ length: count }, newKey);
  for (let n = 0; n < count; n += batch) {
    const copies = keys.slice(n, n + batch).flatMap((key) => [key, stored(write(key, like, version))]);
    await cli("EVAL", script, "1", at!, prefix, ...copies);
  }
  return some(keys).map((key) => ({ key, version }));
}
