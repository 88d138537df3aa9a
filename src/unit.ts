/** One unit of work on one session: what was loaded, what changed, and bringing both back to where sessions are kept. */

import type { Carrier, Found } from "./carrier.ts";
import { SessionError } from "./errors.ts";
import type { Events } from "./events.ts";
import { cookieAge, endOf, isTouchDue, type Life, type Limits } from "./lifetime.ts";
import type { Lines } from "./lines.ts";
import { demand, type StandardSchema } from "./schema.ts";
import { type Draft, type Format, State, toObject } from "./state.ts";
import type { MaybePromise, SessionRecord } from "./store.ts";

/** What all units of one `Sessions` object share. */
export interface Core {
  readonly carrier: Carrier;
  readonly lines: Lines;
  readonly events: Events;
  readonly format: Format;
  readonly limits: Limits;
  /** Whether reading counts as activity. */
  readonly rolls: boolean;
  readonly savesEveryRequest: boolean;
  readonly schema: StandardSchema<unknown> | undefined;
  readonly now: () => number;
  /** The commits under way: closing waits for them. */
  readonly running: Set<Promise<void>>;
}

/** See the first line of this file. */
export class Unit {
  readonly core: Core;
  /** The session as it was loaded or last saved; `undefined` while there is no record. */
  found: Found | undefined;
  state: State;
  /** Whether a member of the session that shows or changes something was called. */
  isUsed = false;
  /** Whether the answer has left, so that a write would be lost. */
  isClosed = false;
  /** The `Set-Cookie` fields to send: the last word on the cookie. */
  fields: readonly string[] = [];
  /** The request's `Cookie` header; `undefined` outside a request. */
  readonly #header: string | null | undefined;
  #running: Promise<void> | undefined;

  constructor(core: Core, header: string | null | undefined, found?: Found, draft?: Draft) {
    this.core = core;
    this.#header = header;
    this.found = found;
    const now = core.now();
    this.state = new State(
      core.format,
      draft ?? { values: new Map(), notes: {}, userId: undefined, createdAt: now, touchedAt: now },
      this.#reader(found),
      core.schema === undefined,
    );
  }

  #reader(found: Found | undefined): () => ReadonlyMap<string, unknown> {
    let values: ReadonlyMap<string, unknown> | undefined;
    return () => values ??= found === undefined ? new Map() : this.core.format.read(found.record).values;
  }

  /**
   * Brings the session up to date where it is kept: a save if it changed, else a touch if one is due.
   *
   * @throws {SessionError} `ERR_STORE`, `ERR_GONE`, `ERR_CONFLICT`, `ERR_TOO_LARGE` or `ERR_SERIALIZE`; what was stored stays.
   */
  commit(isAnswer: boolean): MaybePromise<void> {
    if (this.#running !== undefined) return this.#running.then(() => this.commit(isAnswer));
    const { found, state, core } = this;
    const { draft } = state;
    const isForced = isAnswer && core.savesEveryRequest && found !== undefined;
    if (found === undefined ? draft.values.size === 0 && draft.userId === undefined : !state.isModified) {
      if (isForced) return this.#run(this.#saveUnchanged());
      const isDue = found !== undefined && this.isUsed && core.rolls &&
        isTouchDue(core.limits, draft, core.now());
      return isDue ? this.#run(this.#touch(found)) : undefined;
    }
    if (endOf(core.limits, { ...draft, touchedAt: core.now() }) <= core.now()) return this.#run(this.#end());
    if (core.schema === undefined) return this.#save(isForced);
    return this.#run(demand(core.schema, toObject(draft.values)).then(() => this.#save(isForced)));
  }

  /** While a commit runs, the next one waits; the failure belongs to whoever asked for it. */
  #run(work: Promise<void>): Promise<void> {
    const { running } = this.core;
    const quiet = work.catch(() => {}).finally(() => {
      running.delete(quiet);
      if (this.#running === quiet) this.#running = undefined;
    });
    running.add(quiet);
    this.#running = quiet;
    return work;
  }

  #save(isForced: boolean): MaybePromise<void> {
    const { found, state, core } = this;
    const { log, cycles } = state;
    const draft = { ...state.draft };
    const text = core.format.write(draft);
    let renews = false;
    const compose = (life: Life, data: string, base: Found | undefined): SessionRecord => {
      const now = core.now();
      renews = base === undefined || isForced || cycles !== undefined || base.place.isStale ||
        isTouchDue(core.limits, life, now) || endOf(core.limits, life) !== base.record.expiresAt;
      const touchedAt = renews ? Math.max(now, life.touchedAt) : life.touchedAt;
      const { createdAt, userId } = life;
      const expiresAt = endOf(core.limits, { ...life, touchedAt });
      return { data, ...(userId === undefined ? {} : { userId }), createdAt, touchedAt, expiresAt };
    };
    const apply = (base: Found): SessionRecord => {
      if (base.record === found?.record) return compose(draft, text, base);
      const fresh = core.format.read(base.record);
      for (const change of log) change(fresh);
      return compose(fresh, core.format.write(fresh), base);
    };
    const done = (saved: Found) => {
      this.#saved(saved, renews, saved.record.data !== text);
      const { key } = saved.place;
      if (found === undefined) core.events.emit("created", key);
      if (cycles === "login" || found !== undefined && cycles !== undefined) core.events.emit(cycles, key);
    };
    const failed = (error: unknown): never => {
      state.log = [...log, ...state.log];
      state.cycles ??= cycles;
      throw error;
    };
    state.log = [];
    state.cycles = undefined;
    let saving: MaybePromise<Found>;
    try {
      saving = found === undefined
        ? this.#create(compose(draft, text, undefined))
        : core.lines.save({ found, rotates: cycles !== undefined, apply });
    } catch (error) {
      return failed(error);
    }
    if (saving instanceof Promise) return this.#run(saving.then(done, failed));
    done(saving);
  }

  async #create(record: SessionRecord): Promise<Found> {
    return { record, place: await this.core.carrier.create(record) };
  }

  #saved(saved: Found, renews: boolean, isMerged: boolean): void {
    const { core, state } = this;
    const isReissued = saved.place.token !== this.found?.place.token;
    this.found = saved;
    const draft = isMerged
      ? core.format.read(saved.record)
      : { ...state.draft, touchedAt: saved.record.touchedAt };
    if (renews || isReissued) this.#sendCookie(saved, draft.notes);
    state.rebase(draft, this.#reader(saved), isMerged);
  }

  #sendCookie({ place, record }: Found, notes: Draft["notes"]): void {
    if (this.#header === undefined) return;
    const { carrier, limits, now } = this.core;
    this.fields = carrier.setCookie(place, cookieAge(limits, notes, record.expiresAt, now()), this.#header);
  }

  /** Renews the limits. A session that is gone meanwhile, or a store that fails, does not harm an answer that only read. */
  async #touch(found: Found): Promise<void> {
    const { core, state } = this;
    const touchedAt = Math.max(core.now(), state.draft.touchedAt);
    const record = {
      ...found.record,
      touchedAt,
      expiresAt: endOf(core.limits, { ...state.draft, touchedAt }),
    };
    try {
      const place = await core.carrier.touch(found.place, record);
      if (place === undefined) return core.events.emit("gone", found.place.key);
      this.found = { record, place };
      state.draft.touchedAt = touchedAt;
      this.#sendCookie(this.found, state.draft.notes);
      core.events.emit("touched", place.key);
    } catch (error) {
      if (!(error instanceof SessionError)) throw error;
    }
  }

  async #saveUnchanged(): Promise<void> {
    try {
      await this.#save(true);
    } catch (error) {
      if (!(error instanceof SessionError)) throw error;
    }
  }

  /** Ends the session: the record is gone when this resolves, and the cookie is to be cleared. */
  flush(): Promise<void> {
    const before = this.#running;
    return this.#run(before === undefined ? this.#end() : before.then(() => this.#end()));
  }

  async #end(): Promise<void> {
    const { core, found } = this;
    if (found !== undefined && await core.carrier.end(found.place)) {
      core.events.emit("ended", found.place.key);
    }
    this.found = undefined;
    this.state = new Unit(core, this.#header).state;
    if (this.#header !== undefined) this.fields = core.carrier.clearCookie(this.#header);
  }
}
