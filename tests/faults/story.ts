/** What workers said they did, and whether a store agrees. */

import { SessionError } from "../../mod.ts";
import { storageKey } from "../../src/crypto/session_id.ts";
import { flawOf } from "./content.ts";
import { found, type Outcome } from "./plan.ts";
import type { Opened } from "./places.ts";

interface Slot {
  readonly name: string;
  /** The live session, as far as it is known. */
  id: string | undefined;
  n: number;
  /** The operation that was begun and not acknowledged. */
  pending: string | undefined;
  /** Ids that are dead by acknowledgement. */
  dead: string[];
  /** How many sessions its user had when it was last compared. */
  listed: number;
}

/** The sessions of all workers so far. */
export class Story {
  readonly slots: Map<string, Slot> = new Map<string, Slot>();
  acknowledged = 0;
  readonly failures: string[] = [];

  /** Takes in the lines of a worker; one that was cut off was not said. */
  tell(lines: readonly string[]): void {
    for (const line of lines) {
      const [word, name, operation, id, n, ...rest] = line.split(" ") as [
        string,
        string,
        string,
        string,
        string,
        string,
      ];
      let slot = this.slots.get(name);
      if (slot === undefined) {
        this.slots.set(name, slot = { name, id: undefined, n: 0, pending: undefined, dead: [], listed: 0 });
      }
      if (word === "try") slot.pending = operation;
      else if (word === "fail") this.failures.push(rest.join(" "));
      else {
        this.acknowledged++;
        slot.pending = undefined;
        if (slot.id !== undefined && slot.id !== id) slot.dead.push(slot.id);
        slot.id = id === "-" ? undefined : id;
        slot.n = Number(n);
      }
    }
  }

  /** Compares with the store, counts what is wrong, and takes what is there for the truth from now on. */
  async check(place: Opened, result: Outcome, slots: Iterable<Slot> = this.slots.values()): Promise<void> {
    for (const slot of slots) {
      try {
        await checkSlot(slot, place, result);
        for (const trouble of place.troubles.splice(0)) {
          found(result, "unreadable", `${slot.name} ${trouble}`);
        }
      } catch (error) {
        const words = error instanceof SessionError ? `${error.code} ${String(error.cause)}` : String(error);
        found(result, "unreadable", `${slot.name} ${words}`);
      }
    }
  }
}

async function checkSlot(slot: Slot, { sessions, store, troubles }: Opened, result: Outcome): Promise<void> {
  const { name, n, pending } = slot;
  const dead: string[] = [];
  for (const id of slot.dead) {
    if ((await sessions.open(id)).id === undefined) dead.push(id);
    else found(result, "back", `${name}, ended or replaced`);
  }
  slot.dead = dead;
  const { entries: listed } = await store.list!(name);
  let isThere = false;
  if (slot.id !== undefined) {
    const session = await sessions.open(slot.id);
    if (troubles.length > 0) return;
    isThere = session.id !== undefined;
    if (isThere) {
      const flaw = flawOf(name, session);
      const now = session.get("n") as number;
      const mayBeNext = pending === "set" || pending === "update";
      if (flaw !== undefined) found(result, "torn", `${name} ${flaw}`);
      else if (now < n) found(result, "lost", `${name} is at ${now}, not at ${n}`);
      else if (now > n + Number(mayBeNext)) found(result, "torn", `${name} is at ${now}, not at ${n}`);
      slot.n = now;
      if (listed.length === 0) found(result, "lost", `${name} is missing in its user's list`);
    } else if (pending === "rotate") {
      // Under an id that nobody was told: found by its key, which stays.
      const record = await store.load(await storageKey(slot.id));
      if (!record?.data.includes(`"n":${n},`)) found(result, "lost", `${name} at ${n} was rotated away`);
    } else if (pending !== "flush") found(result, "lost", `${name} at ${n} is gone`);
  }
  const most = Number(isThere) + Number(pending === "create" || pending === "rotate");
  if (listed.length > Math.max(most, slot.listed)) {
    found(result, "back", `${name} has ${listed.length} sessions, not ${most}`);
  }
  slot.listed = listed.length;
  if (!isThere && slot.id !== undefined) {
    slot.dead.push(slot.id);
    slot.id = undefined;
  }
  // What it was is settled now, but a creation or a rotation may have left a session without a known id.
  if (pending !== "create" && pending !== "rotate") slot.pending = undefined;
}
