/** What the sessions of the plans hold: a count, a filler of any length, and a checksum over all of it. */

import type { Session } from "../../mod.ts";

/** The data of slot `slot` at count `n`. */
export function content(slot: string, n: number, length: number): Record<string, unknown> {
  const filler = String.fromCharCode(97 + n % 26).repeat(length);
  return { slot, n, filler, check: checksum(slot, n, filler) };
}

/** Why the data of a session is not that of `slot`; `undefined` if it is whole. */
export function flawOf(slot: string, session: Pick<Session, "get" | "size">): string | undefined {
  const [name, n, filler, check] = ["slot", "n", "filler", "check"].map((key) => session.get(key));
  if (name !== slot) return `of ${String(name)}, not of ${slot}`;
  if (session.size !== 4) return `${session.size} keys`;
  if (check !== checksum(slot, n as number, String(filler))) return "a wrong checksum";
}

/** FNV-1a, 32 bits. */
function checksum(slot: string, n: number, filler: string): number {
  let hash = 0x811c9dc5;
  for (const char of `${slot} ${n} ${filler}`) {
    hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  }
  return hash >>> 0;
}
