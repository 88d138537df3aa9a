/** Counts the records in Deno KV, a page at a time. */

import { SessionError } from "../../src/errors.ts";
import type { StoreStats } from "../../src/store.ts";
import type { DenoKv, DenoKvKey } from "./client.ts";
import { decodeRecord } from "./record.ts";
import { withDeadline } from "./within.ts";
import { StatsCounter } from "../support/stats_counter.ts";

/** Records per page: at 64 KiB each they take 6 MiB. */
const pageSize = 100;

/** Counts the records under `prefix`; each page has `timeout` seconds. */
export async function countRecords(
  kv: DenoKv,
  prefix: DenoKvKey,
  timeout: number,
  now: number,
  bounds: readonly number[],
): Promise<StoreStats> {
  const tally = new StatsCounter(now, bounds);
  for (let start: DenoKvKey = [...prefix, ""], isMore = true; isMore;) {
    // As a whole: a page that finds the database locked is read again
    const page = await withDeadline(timeout, async (ask) => {
      const found: { key: readonly unknown[]; value: unknown }[] = [];
      const entries = kv.list({ prefix, start }, { consistency: "strong", limit: pageSize })
        [Symbol.asyncIterator]();
      for (let step = await ask(entries.next()); !step.done; step = await ask(entries.next())) {
        found.push(step.value);
      }
      return found;
    });
    for (const { key, value } of page) {
      add(tally, String(key.at(-1)), value);
      start = [...prefix, `${key.at(-1)}0`]; // after this key and before any other
    }
    isMore = page.length === pageSize;
  }
  return tally.stats;
}

function add(tally: StatsCounter, key: string, value: unknown): void {
  try {
    const { createdAt, expiresAt, data } = decodeRecord(key, value);
    tally.add(createdAt, expiresAt, Buffer.byteLength(data));
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
    tally.addDamaged();
  }
}
