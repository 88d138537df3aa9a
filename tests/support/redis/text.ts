/** The texts of records as a Redis server keeps them: what the store gives it, and what its scripts put in. */

import { promisedWidth, versionWidth, type Written } from "../../../backends/redis/record.ts";

/** What the scripts put in. */
export interface PutIn {
  /** Until when the index holds the session. */
  readonly promised?: string;
  /** The same once more. */
  readonly again?: string;
  /** The entry in the index of a cluster. */
  readonly entry?: string;
  /** The versions before this one. */
  readonly had?: string;
}

/** The text of a record. */
export function stored(
  { front, middle, back }: Pick<Written, "front" | "middle" | "back">,
  { promised = "0", again = promised, entry = "-", had = "" }: PutIn = {},
): string {
  const held = [promised, again].map((one) => `${one.padStart(promisedWidth)} `).join("");
  return `${front}${held}${middle}${entry.padEnd(versionWidth)} ${had}${back}`;
}
