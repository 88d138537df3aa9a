/** Moving a session to a new key when the two keys may live on two servers. */

import { activate, create, remove } from "./scripts.ts";
import type { Wire } from "./wire.ts";

/** How long a record may wait for the end of its move, beyond the time limit of the store, in milliseconds. */
const grace = 10_000;

/** A move. */
export interface Move {
  /** Where the session is, as Redis knows it. */
  readonly from: string;
  /** Where it goes. */
  readonly to: string;
  /** The version that must still be there. */
  readonly version: string;
  /** The instant, for telling an expired record from a live one. */
  readonly now: number;
  /** The new record, as arguments of a script, its time to live last. */
  readonly record: readonly string[];
}

/**
 * Moves in three steps, each atomic on one server, none of which makes a session out of nothing:
 *
 * 1. The new record is written as *pending*, with a short life: `load`, `touch` and `save` do not see it.
 * 2. The old record is removed if it still has its version. This step decides: there is one such step, so of two moves,
 *    or a move and a save or a log-out, only one wins.
 * 3. The new record is activated if it is still there.
 *
 * Killed after 1: the old session works with the old data, the pending record lapses. Killed after 2: both are dead, which is
 * what the client sees too when a process dies before its answer: the new id was never sent. At no moment are both alive, and
 * never does the old id show the new data. `list` and `delete` do see a pending record, so that ending all sessions of a
 * user also ends one that is on its way; step 3 then finds nothing, and the move fails.
 *
 * Answers the user of the old record as stored, or `undefined`: nothing was moved.
 */
export async function moveBetween(
  wire: Wire,
  move: Move,
  by: number,
  token: string,
): Promise<string | undefined> {
  const life = move.record.at(-1)!;
  const short = Math.ceil(Math.min(Number(life), by - performance.now() + grace));
  const pending = [...move.record.slice(0, -1), String(short)];
  const [made] = await wire.ask(create, [move.to], [String(move.now), "1", ...pending], by, token);
  if (made !== "yes") return undefined;
  const [gone, user] = await wire.ask(remove, [move.from], [move.version], by);
  if (gone !== "yes") {
    // It would lapse by itself, so a failure to remove it now is none
    await wire.ask(remove, [move.to], [token], by).catch(() => {});
    return undefined;
  }
  const [live] = await wire.ask(activate, [move.to], [token, life], by);
  return live === "yes" ? String(user) : undefined;
}
