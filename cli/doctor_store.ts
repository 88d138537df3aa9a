/** The checks of `doctor` for a store. */

import { readdirSync, statSync } from "node:fs";
import type { StoreStats } from "../src/store.ts";
import { type Finding, finding } from "./finding.ts";
import { type AnyStore, type Place, readSqlite } from "./open.ts";
import { statsOf } from "./stats.ts";
import { count, number, span } from "./text.ts";
import { trouble } from "./trouble.ts";

/** Fewer expired records than this are not reported. */
const fewExpired = 1000;
/** The tolerated difference between two machines' clocks, in ms. */
const drift = 60_000;

/** Checks the files before the store is opened, as opening repairs some things, then the stored records. */
export async function examineStore(place: Place, now: number): Promise<Finding[]> {
  const seen = modes(place);
  try {
    const indexed = await indexes(place);
    const store = await place.open();
    try {
      await store.load("0".repeat(64));
      if (!store.list) {
        indexed.push(finding("index", "warning", "this store cannot list the sessions of a user"));
      }
      const counted = await records(store, now);
      return [finding("opens", "ok", "the store opens and responds"), ...seen, ...indexed, ...counted];
    } finally {
      await store.close?.();
    }
  } catch (error) {
    return [finding("opens", "error", `the store cannot be used: ${trouble(error).message}`), ...seen];
  }
}

async function records(store: AnyStore, now: number): Promise<Finding[]> {
  let found: StoreStats;
  try {
    found = await statsOf(store, now);
  } catch (error) {
    const { code, message } = trouble(error);
    if (code !== "ERR_UNSUPPORTED") throw error;
    return [finding("expired", "warning", `not checked: ${message}`)];
  }
  const { live, expired, damaged, newest = now } = found;
  const share = `${number(expired)} of ${count(live + expired, "record")} expired`;
  const future = newest - now;
  return [
    expired >= fewExpired && expired > live
      ? finding("expired", "warning", `${share}: run clearsessions, once a day say`)
      : finding("expired", "ok", share),
    damaged > 0
      ? finding("damaged", "error", `${count(damaged, "record")} cannot be read: is the disk sound?`)
      : finding("damaged", "ok", "every record can be read"),
    future > drift
      ? finding(
        "clock",
        "error",
        `there is a session that begins in ${
          span(future)
        }: this clock is behind, or another machine's is ahead`,
      )
      : finding("clock", "ok", "no session is from the future"),
  ];
}

/** Checks the user index and the expiry index of stores that can lose them. */
async function indexes({ kind, path, table }: Place): Promise<Finding[]> {
  if (path === undefined || path === ":memory:") return [];
  let missing: string[] = [];
  if (kind === "sqlite") {
    const rows = await readSqlite(
      path,
      `SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = '${table.replaceAll("'", "''")}'`,
    );
    const there = rows.map(({ name }) => String(name));
    missing = [`${table}_expires`, `${table}_user`].filter((name) => !there.includes(name));
  } else if (kind === "file") {
    if (statSync(`${path}/users`, { throwIfNoEntry: false }) === undefined) missing = ["users"];
  } else return [];
  if (missing.length === 0) return [finding("index", "ok", "the store's indexes are there")];
  const what = `${missing.join(" and ")} ${missing.length === 1 ? "was" : "were"} missing`;
  return [
    kind === "sqlite"
      ? finding("index", "warning", `${what}: opening the store has made the index again`)
      : finding("index", "error", `${what}: sessions from before are not found by their user`),
  ];
}

/** Checks whether users other than the owner may read or write the stored files. */
function modes({ kind, path }: Place): Finding[] {
  if (path === undefined || path === ":memory:") return [];
  const paths = kind === "file"
    ? [path, `${path}/sessions`, `${path}/users`, ...someSessions(`${path}/sessions`)]
    : [path, `${path}-wal`, `${path}-shm`];
  let seen: number | undefined;
  for (const one of paths) {
    const facts = statSync(one, { throwIfNoEntry: false });
    if (facts !== undefined) seen = (seen ?? 0) | facts.mode;
  }
  if (seen === undefined) return [];
  const hint = kind === "file" ? `chmod -R go= ${path}` : `chmod go= ${path}*`;
  if (seen & 0o022) return [finding("modes", "error", `others than the owner may write to it: ${hint}`)];
  if (seen & 0o044) return [finding("modes", "warning", `others than the owner may read it: ${hint}`)];
  return [finding("modes", "ok", "only the owner may read and write it")];
}

/** The files of the first folder that has any: all are created with the same mode. */
function someSessions(folder: string): string[] {
  try {
    for (const upper of readdirSync(folder)) {
      for (const lower of readdirSync(`${folder}/${upper}`)) {
        const shard = `${folder}/${upper}/${lower}`;
        const names = readdirSync(shard).slice(0, 100);
        if (names.length > 0) return [shard, ...names.map((name) => `${shard}/${name}`)];
      }
    }
  } catch { /* read errors are reported when the store opens */ }
  return [];
}
