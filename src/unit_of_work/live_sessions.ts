/** The live sessions of a user, page by page, and their number kept within a limit. */

import type { StoredSession } from "../transport/transport.ts";
import type { SessionContext } from "./context.ts";
import { SessionError } from "../errors.ts";
import { ignoreSessionErrors } from "../guard/call_guard.ts";
import { metaOf } from "../data/record_head.ts";
import { endsAt, type Limits } from "../data/lifetime.ts";
import type { IndexedRecord, MaybePromise, SessionPage, SessionSummary } from "../store.ts";

/** How often ending a session that changes at the same time is tried. */
const mostTries = 10;

/** When a session ends; `undefined` if its head cannot be read. */
export function endOfRecord(limits: Limits, record: SessionSummary): number | undefined {
  const { userId, createdAt, touchedAt } = record;
  try {
    return endsAt(limits, record, { meta: metaOf(record.head), userId, createdAt, touchedAt });
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
  { transport, limits, now }: SessionContext,
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
  { transport, events }: SessionContext,
  key: string,
  reason?: string,
): Promise<boolean> {
  if (!await transport.revoke(key)) return false;
  events.emit("ended", key, reason);
  return true;
}

/** Ends a session unless it was changed since it was found; whether it did. */
export async function endUnchanged(
  { transport, events }: SessionContext,
  found: StoredSession,
  reason?: string,
): Promise<boolean> {
  const hasEnded = await (transport.endUnchanged?.(found) ?? transport.end(found));
  if (hasEnded) events.emit("ended", found.ref.key, reason);
  return hasEnded;
}

/** Ends a session by its storage key if it is this user's; whether it was. @throws {SessionError} `ERR_CONFLICT`; `ERR_STORE`. */
export async function endOwned(context: SessionContext, key: string, userId: string): Promise<boolean> {
  const { transport } = context;
  for (let tries = 0; tries < mostTries; tries++) {
    let found: StoredSession | undefined;
    try {
      found = await transport.inspect(key);
    } catch (error) {
      if (!(error instanceof SessionError && error.code === "ERR_DAMAGED")) throw error;
      // Its data cannot be read: the list still says whose it is, and nobody can log in to it.
      for await (const one of indexed(transport.list.bind(transport), userId)) {
        if (one.key === key) return await endByKey(context, key);
      }
    }
    if (found?.record.userId !== userId) return false;
    if (await endUnchanged(context, found)) return true;
  }
  throw new SessionError("ERR_CONFLICT", `The session was changed by others ${mostTries} times in a row`);
}

/**
 * Ends the sessions of a user beyond the limit, those first that were longest without activity. Every process takes the same order, so
 * concurrent logins leave as many as the limit allows. The login is saved already: a store that fails here is an event, and undoes nothing.
 */
export function keepWithinLimit(context: SessionContext, userId: string): Promise<void> | undefined {
  const { maxSessionsPerUser } = context;
  if (maxSessionsPerUser === Infinity) return undefined;
  return ignoreSessionErrors(async () => {
    const sessions = await liveSessions(context, userId);
    const excess = sessions.length - maxSessionsPerUser;
    if (excess <= 0) return;
    sessions.sort((a, b) => a.record.touchedAt - b.record.touchedAt || (a.key < b.key ? -1 : 1));
    for (const { key } of sessions.slice(0, excess)) await endByKey(context, key, "limit");
  });
}
