/** The options of every store's `list`. */

import type { ListOptions } from "../../src/store.ts";

/**
 * The requested page, with defaults.
 *
 * @throws {RangeError} If `limit` is not a positive integer.
 */
export function checkPage({ after, limit = 100 }: ListOptions): { after: string | undefined; limit: number } {
  if (Number.isSafeInteger(limit) && limit > 0) return { after, limit };
  throw new RangeError(`Cannot list sessions: limit must be a positive integer: received ${String(limit)}`);
}
