/**
 * Commits of one session queue up here, one line per session and process, so that conflicts come only from other
 * processes. Saves that wait are combined into one.
 */

import type { Carrier, Cycle, Found } from "../transport/transport.ts";
import { gone, SessionError } from "../errors.ts";
import type { Events } from "../events.ts";
import { isTimeout } from "../guard/call_guard.ts";
import type { MaybePromise, SessionRecord } from "../store.ts";

/** One unit of work's wish to save. */
export interface Task {
  /** If it is to get a new id: how. */
  readonly cycles: Cycle | undefined;
  /** Whether others' changes were saved together with its own. */
  isShared: boolean;
  /** The record to write over `base`; replays the change log when `base` is not what the unit loaded. */
  apply(base: Found): MaybePromise<SessionRecord>;
}

interface Waiting {
  /** The session as the unit loaded it. */
  readonly found: Found;
  readonly task: Task;
  resolve(found: Found): void;
  reject(error: unknown): void;
}

interface Attempt {
  readonly found: ReturnType<Carrier["save"]>;
}

/** How often a save is tried again on fresh data (SR-042). */
const mostRetries = 10;

/** A log-in whose session got another id meanwhile: it begins a session of its own. */
export const overtaken: unique symbol = Symbol("overtaken");

/** All lines of one `Sessions` object. */
export class Lines {
  readonly #carrier: Carrier;
  readonly #events: Events;
  readonly #isLive: (found: Found) => boolean;
  readonly #lines = new Map<string, Waiting[]>();

  constructor(carrier: Carrier, events: Events, isLive: (found: Found) => boolean) {
    this.#carrier = carrier;
    this.#events = events;
    this.#isLive = isLive;
  }

  /**
   * Saves a session that was loaded as `found`; resolves with the session as it is afterwards.
   *
   * @throws {SessionError} `ERR_GONE` when the session was ended, or its id replaced; `ERR_CONFLICT` after ten retries; `ERR_STORE`.
   * Throws `overtaken` for a log-in whose id was replaced.
   */
  save(found: Found, task: Task): MaybePromise<Found> {
    const { key, replacedBy } = found.place;
    const line = this.#lines.get(key);
    if (line === undefined && task.cycles === undefined && replacedBy === undefined) {
      const record = task.apply(found);
      if (!(record instanceof Promise)) {
        const saved = this.#carrier.save(found, record);
        return !(saved instanceof Promise) && saved !== undefined
          ? saved
          : this.#join(found, task, { found: saved });
      }
    }
    return this.#join(found, task);
  }

  /** `first` is a save that is already under way for this task. */
  #join(found: Found, task: Task, first?: Attempt): Promise<Found> {
    const { key } = found.place;
    const { promise, resolve, reject } = Promise.withResolvers<Found>();
    const waiting = { found, task, resolve, reject };
    const line = this.#lines.get(key);
    if (line !== undefined) line.push(waiting);
    else {
      const line = [waiting];
      this.#lines.set(key, line);
      this.#work(key, line, first);
    }
    return promise;
  }

  async #work(key: string, line: Waiting[], first: Attempt | undefined): Promise<void> {
    let known: Found | undefined;
    while (line.length > 0) {
      const batch = takeBatch(line, first !== undefined);
      try {
        const saved = await this.#commit(batch, line, known, first);
        // Where a new id has another key, whoever still waits finds out that the old one is dead.
        known = saved.place.key === key ? saved : undefined;
      } catch (error) {
        // Whoever waits behind a store that hangs has waited long enough (SR-048).
        if (isTimeout(error)) batch.push(...line.splice(0));
        for (const { reject } of batch) reject(error);
        known = undefined;
      }
      first = undefined;
    }
    this.#lines.delete(key);
  }

  async #commit(
    batch: Waiting[],
    line: Waiting[],
    known: Found | undefined,
    first?: Attempt,
  ): Promise<Found> {
    const { found: loaded, task: { cycles } } = batch[0]!;
    let base = known === undefined ? loaded : this.#seen(loaded, known);
    for (let [retries, isFresh] = [0, first !== undefined];; retries++) {
      // What was loaded or saved here is a copy, which never decides that an id was replaced.
      if (!isFresh && batch.some(({ found }) => this.#seen(found, base).place.replacedBy)) {
        base = await this.#reload(loaded);
      }
      const attempt: Attempt | undefined = first ?? await this.#attempt(batch, line, base, cycles);
      first = undefined;
      if (attempt === undefined) return base;
      const saved = await attempt.found;
      if (saved !== undefined) return this.#resolve(batch, saved, batch.length > 1);
      base = await this.#reload(loaded);
      isFresh = true;
      // The store has made the save before it refused it: a library that sends again what it got no answer to.
      const own = ownSave(this.#carrier, cycles, base);
      if (own !== undefined) return this.#resolve(batch, own, true);
      if (retries === mostRetries) {
        this.#events.emit("conflict", base.place.key);
        throw new SessionError("ERR_CONFLICT", `The session was changed by others ${retries} times in a row`);
      }
      if (retries > 0) await pause(Math.random() * Math.min(2 ** retries, 50));
    }
  }

  #resolve(batch: readonly Waiting[], saved: Found, isShared: boolean): Found {
    for (const { task, resolve } of batch) {
      task.isShared = isShared;
      resolve(saved);
    }
    return saved;
  }

  async #reload(loaded: Found): Promise<Found> {
    const fresh = await this.#carrier.reload(loaded);
    return fresh === undefined || !this.#isLive(fresh) ? this.#gone(loaded) : fresh;
  }

  /** The session as it is now, for whoever loaded it before. */
  #seen(loaded: Found, now: Found): Found {
    return loaded === now ? now : this.#carrier.seenBy?.(loaded, now) ?? now;
  }

  /** What may still be done under an id that was replaced after it was loaded: one save, if only the id has changed. */
  #judge({ found: loaded, task: { cycles } }: Waiting, base: Found): void {
    const { replacedBy } = this.#seen(loaded, base).place;
    if (replacedBy === undefined) return;
    if (cycles?.why === "login") throw overtaken;
    if (cycles !== undefined || replacedBy === "login" || loaded.place.replacedBy) this.#gone(loaded);
  }

  #gone({ place }: Found): never {
    this.#events.emit("gone", place.key);
    throw gone();
  }

  /** Writes what all tasks of the batch make of the record together; a task that cannot be applied fails alone. */
  async #attempt(
    batch: Waiting[],
    line: Waiting[],
    base: Found,
    cycles: Cycle | undefined,
  ): Promise<Attempt | undefined> {
    let { record } = base;
    const all = batch.splice(0);
    for (const [i, waiting] of all.entries()) {
      // Who waits behind a change of the user has loaded another user's session.
      if (record.userId !== base.record.userId) {
        line.unshift(...all.slice(i));
        break;
      }
      try {
        this.#judge(waiting, base);
        record = await waiting.task.apply({ record, place: base.place });
        batch.push(waiting);
      } catch (error) {
        waiting.reject(error);
      }
    }
    if (batch.length === 0) return undefined;
    const carrier = this.#carrier;
    // Who came with an id that was given up with grace has a newer one already.
    const isDone = cycles === undefined || cycles.grace > 0 && base.place.isFormer === true;
    return { found: isDone ? carrier.save(base, record) : carrier.rotate(base, record, cycles) };
  }
}

/** The session under the new id that only this save has made, if the record bears its proof. */
export function ownSave(carrier: Carrier, cycles: Cycle | undefined, now: Found): Found | undefined {
  if (cycles?.next === undefined) return undefined;
  const own = carrier.seenBy?.({ record: now.record, place: cycles.next }, now);
  return own?.place.replacedBy === undefined ? own : undefined;
}

/** Takes what can be saved together from the front of the line, by one id: a new id is made alone. */
function takeBatch(line: Waiting[], isBegun: boolean): Waiting[] {
  const cycles = ({ task }: Waiting) => task.cycles !== undefined;
  if (isBegun || cycles(line[0]!)) return line.splice(0, 1);
  const { id } = line[0]!.found.place;
  const until = line.findIndex((one) => cycles(one) || one.found.place.id !== id);
  return line.splice(0, until < 0 ? line.length : until);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
