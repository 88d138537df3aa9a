/** What becomes of a request's cookies that led to no session. */

import type { Found } from "../transport/transport.ts";
import type { Manners } from "../transport/policy.ts";
import type { State } from "./change_tracker.ts";

/** What is asked of a unit of work. */
export interface Visit {
  readonly core: { readonly manners: Manners };
  readonly found: Found | undefined;
  readonly state: State;
  readonly isUsed: boolean;
  /** The request's cookies, if they led to no session and that is all there is to say of them. */
  readonly staleCookies: string | null | undefined;
  fields: readonly string[];
}

/** Whether a session without a record holds nothing that makes it worth one. */
export function isEmpty({ core, state: { draft, cycles } }: Visit): boolean {
  return draft.values.size === 0 && draft.userId === undefined &&
    !(cycles !== undefined && core.manners.cyclesEmpty);
}

/** What becomes of the cookies. */
export function fate(visit: Visit): ReturnType<Manners["stale"]> {
  const { core, found, isUsed, staleCookies, fields } = visit;
  const isOpen = staleCookies !== undefined && fields.length === 0 && found === undefined && isEmpty(visit);
  return isOpen ? core.manners.stale(staleCookies, isUsed) : "left";
}

/** The last step before the answer is dressed. */
export function leave(visit: Visit): void {
  const fields = fate(visit);
  if (typeof fields !== "string") visit.fields = fields;
}
