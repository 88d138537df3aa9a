/** Fills a database with very many sessions in seconds, by its own means, and says the keys of some of them. */

import type { Server } from "../tests/redis_server.ts";
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
  database.exec("CREATE TEMP TABLE made (key TEXT)");
  database.exec(
    `INSERT INTO made WITH RECURSIVE counter (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < ${count})
    SELECT lower(hex(randomblob(32))) FROM counter`,
  );
  const insert = database.prepare(
    `INSERT INTO sojourn_session (key, data, user_id, created_at, touched_at, expires_at, version)
    SELECT key, ?, substr(key, 1, 16), ?, ?, ? - abs(random() % ?), '1' FROM made ORDER BY key`,
  );
  insert.run(like.data, like.createdAt, like.touchedAt, like.expiresAt, span + 1);
  const some = database.prepare("SELECT json_group_array(key) AS keys FROM made WHERE rowid % ? = 0");
  const { keys } = some.get(Math.max(1, Math.floor(count / said))) as { keys: string };
  database.exec("DROP TABLE made");
  database.exec("COMMIT");
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
  return (JSON.parse(keys) as string[]).map((key) => ({ key, version: "1" }));
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
  const batch = 5_000;
  const script = `
    local record, life = redis.call('HGETALL', KEYS[1]), redis.call('PTTL', KEYS[1])
    local at, said = 0, {}
    for i = 1, #record, 2 do if record[i] == 'k' then at = i + 1 end end
    for n = ARGV[1] + 1, ARGV[1] + ${batch} do
      local key = redis.sha1hex(n) .. string.sub(redis.sha1hex(-n), 1, 24)
      record[at] = key
      redis.call('HSET', ARGV[2] .. key, unpack(record))
      redis.call('PEXPIRE', ARGV[2] .. key, life)
      if n % ${Math.max(1, Math.floor(count / said))} == 0 then said[#said + 1] = key end
    end
    return said`;
  const made: Made = [];
  for (let n = 0; n < count; n += batch) {
    const keys = await cli("EVAL", script, "1", at!, String(n), prefix);
    made.push(...keys.split("\n").map((key) => ({ key, version })));
  }
  return made;
}
