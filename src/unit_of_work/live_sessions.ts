/** The live sessions of a user, page by page, and their number kept within a limit. */

import type { Transport } from "../transport/transport.ts";
import { SessionError } from "../errors.ts";
import type { Events } from "../events.ts";
import { metaOf } from "../data/record_head.ts";
import { endOf, type Limits } from "../data/lifetime.ts";
import type { IndexedRecord, MaybePromise, SessionPage, SessionSummary } from "../store.ts";

/** What it takes to look at a user's sessions. */
export interface UserSessionsContext {
  readonly transport: Transport;
  readonly events: Events;
  readonly limits: Limits;
  readonly now: () => number;
  /** The most sessions that a user may have. */
  readonly maxSessionsPerUser: number;
}

/** When a session ends, by its own account and by the limits; `undefined` if its head cannot be read. */
export function endOfRecord(limits: Limits, record: SessionSummary): number | undefined {
  const { userId, createdAt, touchedAt, expiresAt } = record;
  try {
    return Math.min(expiresAt, endOf(limits, { meta: metaOf(record.head), userId, createdAt, touchedAt }));
  } catch {
    return undefined;
  }
}

/** Everything that an index holds for a user, each record once, page by page. */
export async function* indexed(
  list: (userId: string, after: string | undefined) => MaybePromise<SessionPage>,
  userId: string,
): AsyncGenerator<IndexedRecord> {
  const seen = new Set<string>();
  let after: string | undefined;
  for (;;) {
    const page = await list(userId, after);
    for (const one of page.entries) {
      if (one.record.userId !== userId || seen.has(one.key)) continue;
      seen.add(one.key);
      yield one;
    }
    if (page.next === undefined) return;
    if (page.next === after) {
      throw new SessionError("ERR_STORE", "The session store gave the same page twice");
    }
    after = page.next;
  }
}

/** The live ones, with their ends. */
export async function liveSessions(
  { transport, limits, now }: UserSessionsContext,
  userId: string,
): Promise<(IndexedRecord & { readonly end: number })[]> {
  const found = [];
  for await (const one of indexed(transport.list.bind(transport), userId)) {
    const end = endOfRecord(limits, one.record);
    if (end !== undefined && now() < end) found.push({ ...one, end });
  }
  return found;
}

/** Ends a session by its storage key; whether there was one. */
export async function endByKey(
  { transport, events }: UserSessionsContext,
  key: string,
  reason?: string,
): Promise<boolean> {
  if (!await transport.revoke(key)) return false;
  events.emit("ended", key, reason);
  return true;
}

/**
 * Ends the sessions of a user beyond the limit, those first that were longest without activity. Every process takes the same order, so
 * log-ins that run concurrently leave as many as the limit allows. A store that fails is an event and no failed log-in.
 */
export async function keepWithinLimit(kit: UserSessionsContext, userId: string): Promise<void> {
  const sessions = await liveSessions(kit, userId);
  const excess = sessions.length - kit.maxSessionsPerUser;
  if (excess <= 0) return;
  sessions.sort((a, b) => a.record.touchedAt - b.record.touchedAt || (a.key < b.key ? -1 : 1));
  for (const { key } of sessions.slice(0, excess)) await endByKey(kit, key, "limit");
}
