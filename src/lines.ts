/**
 * Commits of one session queue up here, one line per session and process, so that conflicts come only from other
 * processes. Saves that wait are combined into one.
 */

import type { Carrier, Cycle, Found } from "./carrier.ts";
import { gone, SessionError } from "./errors.ts";
import type { Events } from "./events.ts";
import { isTimeout } from "./guard.ts";
import type { MaybePromise, SessionRecord } from "./store.ts";

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
        const { found } = batch[0]!;
        const base = known === undefined ? found : this.#carrier.seenBy?.(found, known) ?? known;
        const saved = await this.#commit(batch, base, first);
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

  async #commit(batch: Waiting[], base: Found, first: Attempt | undefined): Promise<Found> {
    const { found: loaded, task: { cycles } } = batch[0]!;
    for (let retries = 0;; retries++) {
      if (base.place.replacedBy !== undefined) this.#judge(loaded, base, cycles);
      const attempt: Attempt | undefined = first ?? await this.#attempt(batch, base, cycles);
      first = undefined;
      if (attempt === undefined) return base;
      const saved = await attempt.found;
      if (saved !== undefined) {
        for (const { task, resolve } of batch) {
          task.isShared = batch.length > 1;
          resolve(saved);
        }
        return saved;
      }
      const fresh = await this.#carrier.reload(loaded);
      if (fresh === undefined || !this.#isLive(fresh)) this.#gone(loaded);
      if (retries === mostRetries) {
        this.#events.emit("conflict", base.place.key);
        throw new SessionError("ERR_CONFLICT", `The session was changed by others ${retries} times in a row`);
      }
      base = fresh;
      if (retries > 0) await pause(Math.random() * Math.min(2 ** retries, 50));
    }
  }

  /** What may still be done under an id that was replaced after it was loaded: one save, if only the id has changed. */
  #judge(loaded: Found, { place }: Found, cycles: Cycle | undefined): void {
    if (cycles?.why === "login") throw overtaken;
    if (cycles !== undefined || place.replacedBy === "login" || loaded.place.replacedBy) this.#gone(loaded);
  }

  #gone({ place }: Found): never {
    this.#events.emit("gone", place.key);
    throw gone();
  }

  /** Writes what all tasks of the batch make of the record together; a task that cannot be applied fails alone. */
  async #attempt(batch: Waiting[], base: Found, cycles: Cycle | undefined): Promise<Attempt | undefined> {
    let { record } = base;
    for (const waiting of batch.splice(0)) {
      try {
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
