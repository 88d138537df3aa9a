/**
 * The trail of a session from id to id. A rotation with grace first leaves a pointer beside the old record and then
 * rotates as always, in one step: so the session is in one place at every moment, and nobody who misses it at the old one
 * misses the pointer. A pointer of a rotation that came to nothing leads nowhere, and serves the next one.
 */

import { SessionError } from "./errors.ts";
import { type GuardedStore, harmless } from "./guard.ts";
import { mask, type Pointer, pointerKey, readPointer, writePointer } from "./pointer.ts";
import type { SessionRecord } from "./store.ts";
import { makeId, storageKey } from "./token.ts";

/** For how long after the grace a pointer still leads log-outs and tells on who comes with the old id: a day. */
const evidence = 86_400_000;
/** How often a pointer is tried for that others change at the same moment. */
const mostTries = 8;

/** A pointer, and where it was found. */
export interface Sign extends Pointer {
  readonly at: string;
  readonly version: string;
}

/** See the first lines of this file. */
export class Trail {
  readonly #store: GuardedStore;
  readonly #now: () => number;

  constructor(store: GuardedStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** The pointer that was left when a session moved away from a key. */
  async from(key: string): Promise<Sign | undefined> {
    const at = await pointerKey(key);
    const record = await this.#store.load(at);
    const pointer = record && readPointer(record.data);
    return pointer && { ...pointer, at, version: record.version };
  }

  /**
   * Leaves the pointer for a rotation; the id to rotate to, which is that of a pointer that is there already unless that is
   * `taken`. `undefined`: the session is no longer at the old id.
   */
  async leave(
    { id: oldId, key: oldKey, version }: {
      readonly id: string;
      readonly key: string;
      readonly version: string;
    },
    grace: number,
    taken: string | undefined,
  ): Promise<string | undefined> {
    const made = makeId();
    const until = Math.ceil(this.#now() + grace * 1000);
    const fresh = { until, key: await storageKey(made), masked: await mask(made, oldId) };
    for (let i = 0; i < mostTries; i++) {
      const at = await pointerKey(oldKey);
      if (await this.#store.create(at, this.#record(fresh)) !== undefined) return made;
      const there = await this.#store.load(at);
      if (there === undefined) continue;
      // Looked at after the pointer: one that has served its rotation is not made to serve for longer.
      if ((await this.#store.load(oldKey))?.version !== version) return undefined;
      const pointer = readPointer(there.data);
      const next = pointer && await mask(pointer.masked, oldId);
      const isKept = pointer !== undefined && next !== taken;
      const record = this.#record(isKept ? { ...pointer, until } : fresh);
      if (await this.#store.save(at, record, there.version) !== undefined) return isKept ? next : made;
    }
    throw new SessionError("ERR_STORE", "The session store took no pointer to a new id");
  }

  /** From now on a pointer leads log-outs only, whatever the clock will say. If that fails, its time is over all the same. */
  close({ at, version, ...pointer }: Sign): Promise<void> {
    return harmless(async () => {
      if (pointer.until > 0) await this.#store.save(at, this.#record({ ...pointer, until: 0 }), version);
    });
  }

  /** A record without a user: no device, and gone with the evidence. */
  #record(pointer: Pointer): SessionRecord {
    const now = this.#now();
    return {
      data: writePointer(pointer),
      createdAt: now,
      touchedAt: now,
      expiresAt: Math.max(pointer.until, now) + evidence,
    };
  }
}
