/** From a session's content to the record that is stored: whether its limits are renewed, and when it then ends. */

import type { Found } from "../transport/transport.ts";
import { endOf, endsWithBrowser, isTouchDue, type Life, type Limits } from "../data/lifetime.ts";
import { notesOf, withNotes } from "../data/record_head.ts";
import type { SessionRecord } from "../store.ts";

/** A record to store, and whether it gives the session a new end, so that the cookie needs one too. */
export interface Composed {
  readonly record: SessionRecord;
  readonly renews: boolean;
}

/** The record that takes the place of `base`; `isFresh` when the limits are to be renewed whether or not that is due. */
export function compose(
  limits: Limits,
  now: number,
  life: Life,
  data: string,
  base: Found | undefined,
  isFresh: boolean,
): Composed {
  const renews = base === undefined || isFresh || base.place.isStale ||
    isTouchDue(limits, life, base.record.expiresAt, now) || endOf(limits, life) !== base.record.expiresAt ||
    endsWithBrowser(limits, life.notes) !== endsWithBrowser(limits, notesOf(base.record.head));
  const touchedAt = renews ? Math.max(now, life.touchedAt) : life.touchedAt;
  const { createdAt, userId } = life;
  const expiresAt = endOf(limits, life, touchedAt);
  const head = withNotes(base?.record.head, life.notes);
  const record = userId === undefined
    ? { data, head, createdAt, touchedAt, expiresAt }
    : { data, head, userId, createdAt, touchedAt, expiresAt };
  return { record, renews };
}
