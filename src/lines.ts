/**
 * Commits of one session queue up here, one line per session and process, so that conflicts come only from other
 * processes. Saves that wait are combined into one.
 */

import type { Carrier, Found } from "./carrier.ts";
import { gone, SessionError } from "./errors.ts";
import type { Events } from "./events.ts";
import { isTimeout } from "./guard.ts";
import type { MaybePromise, SessionRecord } from "./store.ts";

/** One unit of work's wish to save. */
export interface Task {
  /** If it is to get a new id: the seconds for which the old one leads there. */
  readonly rotates: number | undefined;
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

/** How often a save is tried again on fresh data (SR-042). */
const mostRetries = 10;

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
   * @throws {SessionError} `ERR_GONE` when the session was ended, `ERR_CONFLICT` after ten retries, `ERR_STORE`.
   */
  save(found: Found, task: Task): MaybePromise<Found> {
    const { key } = found.place;
    const line = this.#lines.get(key);
    if (line === undefined && task.rotates === undefined) {
      const record = task.apply(found);
      if (!(record instanceof Promise)) {
        const place = this.#carrier.save(found.place, record);
        if (!(place instanceof Promise) && place !== undefined) return { record, place };
        return this.#join(found, task, { record, place });
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
        const saved = await this.#commit(batch, known ?? batch[0]!.found, first);
        // After a rotation this line's id is dead: whoever still waits will find that out.
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
    const { rotates } = batch[0]!.task;
    for (let retries = 0;; retries++) {
      const attempt: Attempt | undefined = first ?? await this.#attempt(batch, base, rotates);
      first = undefined;
      if (attempt === undefined) return base;
      const place = await attempt.place;
      if (place !== undefined) {
        const found = { record: attempt.record, place };
        for (const { resolve } of batch) resolve(found);
        return found;
      }
      const fresh = await this.#carrier.reload(base.place);
      if (fresh === undefined || !this.#isLive(fresh)) {
        this.#events.emit("gone", base.place.key);
        throw gone();
      }
      if (retries === mostRetries) {
        this.#events.emit("conflict", base.place.key);
        throw new SessionError("ERR_CONFLICT", `The session was changed by others ${retries} times in a row`);
      }
      base = fresh;
      if (retries > 0) await pause(Math.random() * Math.min(2 ** retries, 50));
    }
  }

  /** Writes what all tasks of the batch make of the record together; a task that cannot be applied fails alone. */
  async #attempt(batch: Waiting[], base: Found, rotates: number | undefined): Promise<Attempt | undefined> {
    let record = base.record;
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
    // Who came with an id that was given up with grace finds a new one already.
    const isDone = rotates === undefined || rotates > 0 && base.place.isFormer === true;
    const place = isDone ? carrier.save(base.place, record) : carrier.rotate(base.place, record, rotates);
    return { record, place };
  }
}

/** Takes what can be saved together from the front of the line: a rotation goes alone. */
function takeBatch(line: Waiting[], isBegun: boolean): Waiting[] {
  const rotates = ({ task }: Waiting) => task.rotates !== undefined;
  if (isBegun || rotates(line[0]!)) return line.splice(0, 1);
  const until = line.findIndex(rotates);
  return line.splice(0, until < 0 ? line.length : until);
}

interface Attempt {
  readonly record: SessionRecord;
  readonly place: ReturnType<Carrier["save"]>;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
