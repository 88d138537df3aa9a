/** A record that comes to a new key in a cluster: created for a user, or moved there from a key on another server. */

import { activate, create, remove } from "./scripts.ts";
import type { Entered } from "./user_index.ts";
import type { Wire } from "./wire.ts";

/** How long a record may be on its way, beyond the time limit of the store, in milliseconds. */
const grace = 10_000;

/** What comes, and from where. */
export interface Arrival {
  /** Where it goes. */
  readonly to: Place;
  /** Where it is now, and the version that must still be there; `undefined` for a new one. */
  readonly from: Place & { readonly version: string } | undefined;
  /** The instant, for telling an expired record from a live one. */
  readonly now: number;
  /** The record, as arguments of a script, its life last. */
  readonly record: readonly string[];
  /** Its place in the index, written already. */
  readonly entered: Entered;
}

/** A record's key, and its name in Redis. */
export interface Place {
  readonly key: string;
  readonly name: string;
}

/**
 * Arrives in three steps, each atomic on one server, none of which makes a session out of nothing:
 *
 * 1. The new record is written as *on its way*, with a short life: it is no session yet.
 * 2. The old record, if there is to be one, is removed if it still has its version. This step decides: there is one such step, so of two
 *    moves, or a move and a save or a log-out, only one wins.
 * 3. The new record is activated if it is still there.
 *
 * Killed, or out of time, after 1: the old session works with the old data, the record on its way lapses. Killed after 2: both are dead, which is
 * what the client sees too when a process dies before its answer: the new id was never sent. At no moment are both alive, and
 * never does the old id show the new data. Who meets a record on its way waits for step 3, or for its removal, and so sees
 * all or nothing; nobody waits who is waited for. Who has waited in vain takes the process for killed: then there is no session, the key is
 * taken, and `delete`, which `list` leads to it, ends it; step 3 finds nothing, and the arrival fails.
 *
 * Answers whether it arrived, or the user and the entry of the record that was removed for it.
 */
export async function arrive(
  wire: Wire,
  { to, from, now, record, entered }: Arrival,
  by: number,
  token: string,
): Promise<readonly unknown[] | undefined> {
  const life = record.at(-1)!;
  const short = Math.ceil(by - performance.now() + grace);
  const going = [String(now), "1", ...record.slice(0, -1), String(short), entered.entry, ""];
  const [made] = await wire.ask(create, [to.name], going, by, token);
  if (made !== "yes") return undefined;
  let old: readonly unknown[] = [];
  if (from !== undefined) {
    const [gone, ...whose] = await wire.ask(remove, [from.name], [from.key, from.version], by);
    if (gone !== "yes") {
      // It would lapse by itself, so a failure to remove it now is none
      await wire.ask(remove, [to.name], [to.key, token], by).catch(() => {});
      return undefined;
    }
    old = whose;
  }
  const [live] = await wire.ask(activate, [to.name], [token, life, entered.latest], by);
  return live === "yes" ? old : undefined;
}
