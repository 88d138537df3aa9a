/** One unit of work on one session: what was loaded, what changed, and bringing both back to where sessions are kept. */

import type { Carrier, Found } from "./carrier.ts";
import { SessionError } from "./errors.ts";
import type { Events } from "./events.ts";
import { cookieAge, endOf, endsWithBrowser, isTouchDue, type Life, type Limits } from "./lifetime.ts";
import { trouble } from "./guard.ts";
import type { Lines } from "./lines.ts";
import type { Recent } from "./recent.ts";
import { readText } from "./record.ts";
import { demand, type StandardSchema } from "./schema.ts";
import { type Draft, type Format, State } from "./state.ts";
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
  /** The stamp that a user's sessions have to bear. */
  readonly stampOf: ((userId: string) => MaybePromise<string | undefined>) | undefined;
  readonly now: () => number;
  /** The ends that this process gave to sessions lately, by storage key. */
  readonly ends: Recent<string, number>;
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
  /** What is under way; it never rejects. */
  #running: Promise<void> | undefined;
  /** What a failed save tried to write: it may have been written all the same. */
  #doubtful: SessionRecord | undefined;
  /** A log-out under way. */
  #ending: Promise<void> | undefined;
  /** Where a save that was under way when the session was ended has put it. */
  #moved: Found | undefined;

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
    if (this.#doubtful !== undefined) return this.#run(this.#resolve().then(() => this.#commit(isAnswer)));
    return this.#commit(isAnswer);
  }

  #commit(isAnswer: boolean): MaybePromise<void> {
    const { found, state, core } = this;
    const { draft } = state;
    const isForced = isAnswer && core.savesEveryRequest && found !== undefined;
    if (found === undefined ? draft.values.size === 0 && draft.userId === undefined : !state.isModified) {
      if (isForced) return this.#run(this.#saveUnchanged());
      const isDue = found !== undefined && this.isUsed && core.rolls &&
        isTouchDue(core.limits, draft, core.now());
      return isDue ? this.#run(this.#touch(found)) : undefined;
    }
    if (endOf(core.limits, { ...draft, touchedAt: core.now() }) <= core.now()) return this.flush();
    if (core.schema === undefined) return this.#save(isForced);
    return this.#run(demand(core.schema, draft.values).then(() => this.#save(isForced)));
  }

  /** Commits for `session.save()`. A failure that nobody awaits must not end the process: the answer's commit meets it again. */
  save(): Promise<void> {
    const work = (async () => {
      await this.commit(false);
      await this.core.events.settled();
    })();
    work.catch(() => {});
    return work;
  }

  /** What nobody waited for and is still under way; `undefined` if nothing is. Rejects if it is a log-out and fails. */
  busy(): Promise<void> | undefined {
    return this.#ending ?? this.#running;
  }

  /** While something runs, the next commit waits; the failure belongs to whoever asked for it. */
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
    state.settle();
    const { log, cycles } = state;
    const draft = { ...state.draft };
    const text = core.format.write(draft);
    let renews = false;
    let isReplayed = false;
    let written: SessionRecord | undefined;
    const compose = (life: Life, data: string, base: Found | undefined): SessionRecord => {
      const now = core.now();
      renews = base === undefined || isForced || cycles !== undefined || base.place.isStale ||
        isTouchDue(core.limits, life, now) || endOf(core.limits, life) !== base.record.expiresAt ||
        endsWithBrowser(core.limits, life.notes) !==
          endsWithBrowser(core.limits, readText(base.record.data).notes);
      const touchedAt = renews ? Math.max(now, life.touchedAt) : life.touchedAt;
      const { createdAt, userId } = life;
      const expiresAt = endOf(core.limits, { ...life, touchedAt });
      return written = { data, ...(userId === undefined ? {} : { userId }), createdAt, touchedAt, expiresAt };
    };
    const apply = (base: Found): MaybePromise<SessionRecord> => {
      isReplayed = base.record !== found?.record;
      if (!isReplayed) return compose(draft, text, base);
      const fresh = core.format.read(base.record);
      for (const change of log) change(fresh);
      const merge = () => compose(fresh, core.format.write(fresh), base);
      return core.schema === undefined ? merge() : demand(core.schema, fresh.values).then(merge);
    };
    const done = (saved: Found) => {
      if (this.state !== state) {
        this.#moved = saved;
        return;
      }
      this.#saved(saved, renews, isReplayed || saved.record !== written);
      const { key } = saved.place;
      if (found === undefined) core.events.emit("created", key);
      if (cycles === "login" || found !== undefined && cycles !== undefined) core.events.emit(cycles, key);
    };
    const failed = (error: unknown): never => {
      state.log = [...log, ...state.log];
      state.cycles ??= cycles;
      const isDoubtful = found !== undefined && error instanceof SessionError && error.code === "ERR_STORE";
      if (isDoubtful && this.state === state) this.#doubtful = written;
      return trouble(error);
    };
    state.log = [];
    state.cycles = undefined;
    let saving: MaybePromise<Found>;
    try {
      saving = found === undefined
        ? this.#create(compose(draft, text, undefined))
        : core.lines.save({ found, grace: cycles && state.grace, apply });
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
    if (renews) core.ends.set(saved.place.key, saved.record.expiresAt);
    if (isMerged) state.merged(core.format.read(saved.record), this.#reader(saved));
    else state.saved(saved.record.touchedAt, this.#reader(saved));
    if (renews || isReissued) this.#sendCookie(saved, state.draft.notes);
  }

  /**
   * After a save that failed without telling whether it was written: finds out, so that trying again does not do everything
   * twice (SR-049).
   */
  async #resolve(): Promise<void> {
    const { found, core, state } = this;
    const tried = this.#doubtful!;
    const fresh = await core.carrier.reload(found!.place);
    this.#doubtful = undefined;
    if (fresh === undefined || fresh.place.version === found!.place.version) return;
    const { data, userId, createdAt, touchedAt, expiresAt } = fresh.record;
    const isOurs = data === tried.data && userId === tried.userId && createdAt === tried.createdAt &&
      touchedAt === tried.touchedAt && expiresAt === tried.expiresAt;
    if (!isOurs) {
      this.#doubtful = tried;
      throw new SessionError(
        "ERR_CONFLICT",
        "A save failed, and others changed the session before it could be looked at",
      );
    }
    state.log = [];
    this.#saved(fresh, true, false);
  }

  #sendCookie({ place, record }: Found, notes: Draft["notes"]): void {
    if (this.#header === undefined) return;
    const { carrier, limits, now } = this.core;
    this.fields = carrier.setCookie(place, cookieAge(limits, notes, record.expiresAt, now()), this.#header);
  }

  /** Renews the limits. A session that is gone meanwhile, or a store that fails, does not harm an answer that only read. */
  async #touch(found: Found): Promise<void> {
    const { core, state } = this;
    const { key } = found.place;
    const touchedAt = Math.max(core.now(), state.draft.touchedAt);
    // Another request may have set a later end since this one loaded the session (SR-035).
    const expiresAt = Math.max(endOf(core.limits, { ...state.draft, touchedAt }), core.ends.get(key) ?? 0);
    const record = { ...found.record, touchedAt, expiresAt };
    try {
      const place = await core.carrier.touch(found.place, record);
      if (place === undefined) return core.events.emit("gone", key);
      if (this.state === state) this.found = { record, place };
      state.draft.touchedAt = touchedAt;
      this.#sendCookie({ record, place }, state.draft.notes);
      core.events.emit("touched", key);
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

  /**
   * Ends the session: the record is gone when this resolves, and the cookie is to be cleared. What is written from now on belongs
   * to a new session, also before it resolves. If the record cannot be removed, the session is as it was.
   */
  flush(): Promise<void> {
    const { core, found, state } = this;
    const before = this.#running;
    const fresh = new Unit(core, this.#header).state;
    const end = async () => {
      // A save under way when the session was ended may have moved it.
      await before;
      const last = this.#moved ?? found;
      this.#moved = undefined;
      try {
        if (last !== undefined && await core.carrier.end(last)) core.events.emit("ended", last.place.key);
      } catch (error) {
        if (this.state === fresh && fresh.log.length === 0) {
          this.state = state;
          this.found = last;
        }
        throw error;
      }
      if (this.#header !== undefined) this.fields = core.carrier.clearCookie(this.#header);
      await core.events.settled();
    };
    this.found = undefined;
    this.state = fresh;
    this.#doubtful = undefined;
    const work = this.#run(end());
    this.#ending = work;
    const ended = () => {
      if (this.#ending === work) this.#ending = undefined;
    };
    work.then(ended, ended);
    return work;
  }
}
