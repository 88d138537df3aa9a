/**
 * Commits of one session queue up here, one line per session and process, so that conflicts come only from other
 * processes. Saves that wait are combined into one.
 */

import type { Rotation, StoredSession, Transport } from "../transport/transport.ts";
import { gone, SessionError } from "../errors.ts";
import type { Events } from "../events.ts";
import { isTimeout } from "../guard/call_guard.ts";
import type { MaybePromise, SessionRecord } from "../store.ts";

/** One unit of work's wish to save. */
export interface QueuedSave {
  /** If it is to get a new id: how. */
  readonly rotation: Rotation | undefined;
  /** Whether others' changes were saved together with its own. */
  isShared: boolean;
  /** The record to write over `base`; replays the change log when `base` is not what the unit loaded. */
  apply(base: StoredSession): MaybePromise<SessionRecord>;
}

interface PendingSave {
  /** The session as the unit loaded it. */
  readonly stored: StoredSession;
  readonly save: QueuedSave;
  resolve(found: StoredSession): void;
  reject(error: unknown): void;
}

interface Attempt {
  readonly found: ReturnType<Transport["save"]>;
}

/** How often a save is tried again on fresh data (SR-042). */
const mostRetries = 10;

/** A log-in whose session got another id meanwhile: it begins a session of its own. */
export const overtaken: unique symbol = Symbol("overtaken");

/** All lines of one `Sessions` object. */
export class SaveQueue {
  readonly #transport: Transport;
  readonly #events: Events;
  readonly #isLive: (found: StoredSession) => boolean;
  readonly #queues = new Map<string, PendingSave[]>();

  constructor(transport: Transport, events: Events, isLive: (found: StoredSession) => boolean) {
    this.#transport = transport;
    this.#events = events;
    this.#isLive = isLive;
  }

  /**
   * Saves a session that was loaded as `found`; resolves with the session as it is afterwards.
   *
   * @throws {SessionError} `ERR_GONE` when the session was ended, or its id replaced; `ERR_CONFLICT` after ten retries; `ERR_STORE`.
   * Throws `overtaken` for a log-in whose id was replaced.
   */
  save(found: StoredSession, save: QueuedSave): MaybePromise<StoredSession> {
    const { key, replacedBy } = found.ref;
    const queue = this.#queues.get(key);
    if (queue === undefined && save.rotation === undefined && replacedBy === undefined) {
      const record = save.apply(found);
      if (!(record instanceof Promise)) {
        const saved = this.#transport.save(found, record);
        return !(saved instanceof Promise) && saved !== undefined
          ? saved
          : this.#join(found, save, { found: saved });
      }
    }
    return this.#join(found, save);
  }

  /** `first` is a save that is already under way for this task. */
  #join(found: StoredSession, save: QueuedSave, first?: Attempt): Promise<StoredSession> {
    const { key } = found.ref;
    const { promise, resolve, reject } = Promise.withResolvers<StoredSession>();
    const pending = { stored: found, save, resolve, reject };
    const queue = this.#queues.get(key);
    if (queue !== undefined) queue.push(pending);
    else {
      const queue = [pending];
      this.#queues.set(key, queue);
      this.#work(key, queue, first);
    }
    return promise;
  }

  async #work(key: string, queue: PendingSave[], first: Attempt | undefined): Promise<void> {
    let known: StoredSession | undefined;
    while (queue.length > 0) {
      const batch = takeBatch(queue, first !== undefined);
      try {
        const saved = await this.#commit(batch, queue, known, first);
        // Where a new id has another key, whoever still waits finds out that the old one is dead.
        known = saved.ref.key === key ? saved : undefined;
      } catch (error) {
        // Whoever waits behind a store that hangs has waited long enough (SR-048).
        if (isTimeout(error)) batch.push(...queue.splice(0));
        for (const { reject } of batch) reject(error);
        known = undefined;
      }
      first = undefined;
    }
    this.#queues.delete(key);
  }

  async #commit(
    batch: PendingSave[],
    queue: PendingSave[],
    known: StoredSession | undefined,
    first?: Attempt,
  ): Promise<StoredSession> {
    const { stored: loaded, save: { rotation } } = batch[0]!;
    let base = known === undefined ? loaded : this.#seen(loaded, known);
    for (let [retries, isFresh] = [0, first !== undefined];; retries++) {
      // What was loaded or saved here is a copy, which never decides that an id was replaced.
      if (!isFresh && batch.some(({ stored }) => this.#seen(stored, base).ref.replacedBy)) {
        base = await this.#reload(loaded);
      }
      const attempt: Attempt | undefined = first ?? await this.#attempt(batch, queue, base, rotation);
      first = undefined;
      if (attempt === undefined) return base;
      const saved = await attempt.found;
      if (saved !== undefined) return this.#resolve(batch, saved, batch.length > 1);
      base = await this.#reload(loaded);
      isFresh = true;
      // The store has made the save before it refused it: a library that sends again what it got no answer to.
      const own = ownSave(this.#transport, rotation, base);
      if (own !== undefined) return this.#resolve(batch, own, true);
      if (retries === mostRetries) {
        this.#events.emit("conflict", base.ref.key);
        throw new SessionError("ERR_CONFLICT", `The session was changed by others ${retries} times in a row`);
      }
      if (retries > 0) await pause(Math.random() * Math.min(2 ** retries, 50));
    }
  }

  #resolve(batch: readonly PendingSave[], saved: StoredSession, isShared: boolean): StoredSession {
    for (const { save, resolve } of batch) {
      save.isShared = isShared;
      resolve(saved);
    }
    return saved;
  }

  async #reload(loaded: StoredSession): Promise<StoredSession> {
    const fresh = await this.#transport.reload(loaded);
    return fresh === undefined || !this.#isLive(fresh) ? this.#gone(loaded) : fresh;
  }

  /** The session as it is now, for whoever loaded it before. */
  #seen(loaded: StoredSession, now: StoredSession): StoredSession {
    return loaded === now ? now : this.#transport.seenBy?.(loaded, now) ?? now;
  }

  /** What may still be done under an id that was replaced after it was loaded: one save, if only the id has changed. */
  #judge({ stored: loaded, save: { rotation } }: PendingSave, base: StoredSession): void {
    const { replacedBy } = this.#seen(loaded, base).ref;
    if (replacedBy === undefined) return;
    if (rotation?.why === "login") throw overtaken;
    if (rotation !== undefined || replacedBy === "login" || loaded.ref.replacedBy) this.#gone(loaded);
  }

  #gone({ ref }: StoredSession): never {
    this.#events.emit("gone", ref.key);
    throw gone();
  }

  /** Writes what all tasks of the batch make of the record together; a task that cannot be applied fails alone. */
  async #attempt(
    batch: PendingSave[],
    queue: PendingSave[],
    base: StoredSession,
    rotation: Rotation | undefined,
  ): Promise<Attempt | undefined> {
    let { record } = base;
    const all = batch.splice(0);
    for (const [i, pending] of all.entries()) {
      // Who waits behind a change of the user has loaded another user's session.
      if (record.userId !== base.record.userId) {
        queue.unshift(...all.slice(i));
        break;
      }
      try {
        this.#judge(pending, base);
        record = await pending.save.apply({ record, ref: base.ref });
        batch.push(pending);
      } catch (error) {
        pending.reject(error);
      }
    }
    if (batch.length === 0) return undefined;
    const transport = this.#transport;
    // Who came with an id that was given up with grace has a newer one already.
    const isDone = rotation === undefined || rotation.grace > 0 && base.ref.viaOldId === true;
    return { found: isDone ? transport.save(base, record) : transport.rotate(base, record, rotation) };
  }
}

/** The session under the new id that only this save has made, if the record bears its proof. */
export function ownSave(
  transport: Transport,
  rotation: Rotation | undefined,
  now: StoredSession,
): StoredSession | undefined {
  if (rotation?.next === undefined) return undefined;
  const own = transport.seenBy?.({ record: now.record, ref: rotation.next }, now);
  return own?.ref.replacedBy === undefined ? own : undefined;
}

/** Takes what can be saved together from the front of the line, by one id: a new id is made alone. */
function takeBatch(queue: PendingSave[], isBegun: boolean): PendingSave[] {
  const rotates = ({ save }: PendingSave) => save.rotation !== undefined;
  if (isBegun || rotates(queue[0]!)) return queue.splice(0, 1);
  const { id } = queue[0]!.stored.ref;
  const until = queue.findIndex((one) => rotates(one) || one.stored.ref.id !== id);
  return queue.splice(0, until < 0 ? queue.length : until);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
