/** From a session's content to the record that is stored: whether its limits are renewed, and when it then ends. */

import type { StoredSession } from "../transport/transport.ts";
import { endOf, endsWithBrowser, isTouchDue, type Limits, type SessionAge } from "../data/lifetime.ts";
import { metaOf, withMeta } from "../data/record_head.ts";
import type { SessionRecord } from "../store.ts";

/** A record to store, and whether it gives the session a new end, so that the cookie needs one too. */
export interface BuiltRecord {
  readonly record: SessionRecord;
  readonly extendsExpiry: boolean;
}

/** The record that takes the place of `base`; `isFresh` when the limits are to be renewed whether or not that is due. */
export function buildRecord(
  limits: Limits,
  now: number,
  life: SessionAge,
  data: string,
  base: StoredSession | undefined,
  isFresh: boolean,
): BuiltRecord {
  const extendsExpiry = base === undefined || isFresh || base.ref.hasOldSignature ||
    isTouchDue(limits, life, base.record.expiresAt, now) || endOf(limits, life) !== base.record.expiresAt ||
    endsWithBrowser(limits, life.meta) !== endsWithBrowser(limits, metaOf(base.record.head));
  const touchedAt = extendsExpiry ? Math.max(now, life.touchedAt) : life.touchedAt;
  const { createdAt, userId } = life;
  const expiresAt = endOf(limits, life, touchedAt);
  const head = withMeta(base?.record.head, life.meta);
  const record = userId === undefined
    ? { data, head, createdAt, touchedAt, expiresAt }
    : { data, head, userId, createdAt, touchedAt, expiresAt };
  return { record, extendsExpiry: extendsExpiry };
}
