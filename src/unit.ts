/** One unit of work on one session: what was loaded, what changed, and bringing both back to where sessions are kept. */

import type { Carrier, Found } from "./carrier.ts";
import { gone, SessionError } from "./errors.ts";
import type { Draft } from "./format.ts";
import type { Ends } from "./ends.ts";
import type { Events } from "./events.ts";
import { cookieAge, endOf, idleEndOf, isTouchDue, type Life } from "./lifetime.ts";
import { harmless, trouble } from "./guard.ts";
import type { Manners } from "./manners.ts";
import type { Lines } from "./lines.ts";
import { LogOut } from "./log_out.ts";
import { readChecked, Saving, type SavingKit } from "./saving.ts";
import { demand } from "./schema.ts";
import { fate, isEmpty } from "./stale.ts";
import { State } from "./state.ts";
import type { MaybePromise, SessionRecord } from "./store.ts";

/** What all units of one `Sessions` object share. */
export interface Core extends SavingKit {
  readonly carrier: Carrier;
  readonly lines: Lines;
  readonly events: Events;
  /** Whether reading counts as activity. */
  readonly rolls: boolean;
  readonly savesEveryRequest: boolean;
  readonly attends: Manners["attends"] | undefined;
  /** The stamp that a user's sessions have to bear. */
  readonly stampOf: ((userId: string) => MaybePromise<string | undefined>) | undefined;
  /** The ends that this process gave to sessions lately, by storage key. */
  readonly ends: Ends;
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
  /** Sessions that the request's cookies lead to and that cannot be shown: a log-out ends them. */
  hidden: readonly Found[] = [];
  /** The request's cookies, if they led to no session and that is all there is to say of them. */
  staleCookies: string | null | undefined;
  /** The `Set-Cookie` fields to send: the last word on the cookie. */
  fields: readonly string[] = [];
  /** The request's `Cookie` header; `undefined` outside a request. */
  readonly #header: string | null | undefined;
  /** What is under way; it never rejects. */
  #running: Promise<void> | undefined;
  /** Whether a save failed that may have been written all the same. */
  #isDoubtful = false;
  #logOut: LogOut | undefined;
  /** When this unit began, in this process's own order of events. */
  readonly #begun: number;

  constructor(core: Core, header: string | null | undefined, found?: Found, draft?: Draft) {
    this.core = core;
    this.#header = header;
    this.found = found;
    this.#begun = core.ends.begin();
    this.state = new State(core.format, draft ?? blank(core), core.schema === undefined);
  }

  /**
   * Brings the session up to date where it is kept: a save if it changed, else a touch if one is due.
   *
   * @throws {SessionError} `ERR_STORE`, `ERR_GONE`, `ERR_CONFLICT`, `ERR_TOO_LARGE` or `ERR_SERIALIZE`; what was stored stays.
   */
  commit(isAnswer: boolean): MaybePromise<void> {
    // It is tried once more.
    if (isAnswer && this.#logOut?.isOwed) return this.#endOwed(this.#logOut);
    if (this.#running !== undefined) return this.#running.then(() => this.commit(isAnswer));
    if (this.#isDoubtful) return this.#run(this.#resolve()).then(() => this.commit(isAnswer));
    return this.#commit(isAnswer);
  }

  #commit(isAnswer: boolean): MaybePromise<void> {
    const { found, state, core } = this;
    const { draft } = state;
    if (this.#header === undefined && found !== undefined && !this.#isLive(found)) this.#expire();
    const isForced = isAnswer &&
      (found === undefined ? fate(this) === "replaced" : core.savesEveryRequest);
    const { isModified } = state;
    if (found === undefined ? isEmpty(this) : !isModified) {
      if (isForced) return this.#run(harmless(() => this.#save(true)));
      const isDue = found !== undefined && this.isUsed && core.rolls &&
        isTouchDue(core.limits, draft, found.record.expiresAt, core.now());
      return isDue ? this.#run(this.#touch(found)) : undefined;
    }
    if (found === undefined) draft.createdAt = core.now();
    const now = core.now();
    if (idleEndOf(core.limits, draft, now) <= now) return this.flush();
    if (endOf(core.limits, draft, now) <= now) this.#expire();
    return core.schema === undefined ? this.#save(isForced) : this.#run(this.#saveChecked(isForced));
  }

  /** What would be saved now is refused, not dropped. */
  #expire(): never {
    this.core.events.emit("expired", this.found?.place.key);
    throw gone();
  }

  #isLive({ record }: Found): boolean {
    const { limits, format, now } = this.core;
    return now() < Math.min(record.expiresAt, endOf(limits, format.read(record)));
  }

  /** Saves what fits the schema, and exactly that: the session may change while a slow schema looks at it. */
  async #saveChecked(isForced: boolean): Promise<void> {
    const { core, state } = this;
    for (let text = core.format.write(state.draft);;) {
      await demand(core.schema!, state.draft.values);
      if (this.state !== state) return;
      state.settle();
      const now = core.format.write(state.draft);
      if (now === text) return this.#save(isForced);
      text = now;
    }
  }

  /** Commits for `session.save()`. A failure that nobody awaits is met again by the answer's commit. */
  async save(): Promise<void> {
    await this.commit(false);
    await this.core.events.settled();
  }

  /** What nobody waited for and is still under way; `undefined` if nothing is. Rejects if it is a log-out and fails. */
  busy(): Promise<void> | undefined {
    return this.#logOut?.running ?? this.#running;
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
    const { found, core } = this;
    const saving = new Saving(core, this.state, found, isForced);
    let saved: MaybePromise<Found>;
    try {
      saved = found === undefined ? this.#create(saving.first()) : core.lines.save(found, saving);
    } catch (error) {
      return this.#failed(saving, error);
    }
    return saved instanceof Promise
      ? this.#run(saved.then((saved) => this.#saved(saving, saved), (error) => this.#failed(saving, error)))
      : this.#saved(saving, saved);
  }

  async #create(record: SessionRecord): Promise<Found> {
    return { record, place: await this.core.carrier.create(record, this.#header) };
  }

  #failed(saving: Saving, error: unknown): never {
    saving.giveBack();
    const isDoubtful = saving.found !== undefined && error instanceof SessionError &&
      error.code === "ERR_STORE";
    if (isDoubtful) {
      if (this.state === saving.state) this.#isDoubtful = true;
      else this.#logOut!.doubt(saving.state);
    }
    return trouble(error);
  }

  #saved(saving: Saving, saved: Found): MaybePromise<void> {
    const { core } = this;
    const { state, found, cycles, renews } = saving;
    if (this.state !== state) {
      this.#logOut!.moved(state, saved);
      return;
    }
    const { key } = saved.place;
    if (found === undefined) core.events.emit("created", key);
    const isMoved = found !== undefined && saved.place.isFormer !== true;
    if (cycles !== undefined && (isMoved || cycles.why === "login")) core.events.emit(cycles.why, key);
    const isReissued = saved.place.token !== this.found?.place.token;
    this.found = saved;
    if (renews) core.ends.set(key, saved.record.expiresAt);
    const needsCookie = renews || isReissued;
    if (!saving.isMerged(saved)) state.saved(saved.record);
    else if (core.schema === undefined) state.merged(core.format.read(saved.record), saved.record);
    else {
      return readChecked(core, saved.record).then((draft) => {
        state.merged(draft, saved.record);
        if (needsCookie) this.#sendCookie(saved, state.draft);
      });
    }
    if (needsCookie) this.#sendCookie(saved, state.draft);
  }

  /** After a save that failed and may have been written: finds out, so that trying again does nothing twice (SR-049). */
  async #resolve(): Promise<void> {
    const { found, core, state } = this;
    const { key, version } = found!.place;
    const fresh = await core.carrier.reload(found!.place);
    if (this.state !== state) return;
    if (fresh !== undefined && (fresh.place.key !== key || fresh.place.version !== version)) {
      throw new SessionError(
        "ERR_CONFLICT",
        "A save failed, and the session changed: it may have been saved",
      );
    }
    this.#isDoubtful = false;
  }

  #sendCookie({ place, record }: Found, life: Life): void {
    if (this.#header === undefined) return;
    const { carrier, limits, now } = this.core;
    this.fields = carrier.setCookie(place, cookieAge(limits, life, record.expiresAt, now()), this.#header);
  }

  /** Renews the limits. A session that is gone meanwhile, or a store that fails, does not harm an answer that only read. */
  async #touch(found: Found): Promise<void> {
    const { core, state } = this;
    const { key } = found.place;
    const touchedAt = Math.max(core.now(), state.draft.touchedAt);
    // Another request may have set a later end since this one loaded the session (SR-035).
    const given = core.ends.since(key, this.#begun);
    const expiresAt = Math.max(endOf(core.limits, { ...state.draft, touchedAt }), given);
    const record = { ...found.record, touchedAt, expiresAt };
    await harmless(async () => {
      const place = await core.carrier.touch(found.place, record);
      if (place === undefined) return core.events.emit("gone", key);
      if (this.state === state) this.found = { record, place };
      state.draft.touchedAt = touchedAt;
      if (given === 0) this.#sendCookie({ record, place }, state.draft); // else that request sends its own
      core.events.emit("touched", key);
    });
  }

  /**
   * Ends the session: the record is gone when this resolves, and the cookie is to be cleared. What is written from now on belongs
   * to a new session, also before it resolves. If the record cannot be removed, the session is as it was.
   */
  flush(): Promise<void> {
    const { core, found, state, hidden } = this;
    const left = found || hidden.length > 0
      ? { found, state, isDoubtful: this.#isDoubtful, hidden }
      : undefined;
    const fresh = new Unit(core, this.#header).state;
    const logOut = this.#logOut ??= new LogOut(core.carrier, core.events);
    const ended = logOut.end(left, this.#running);
    this.found = undefined;
    this.state = fresh;
    this.hidden = [];
    this.#isDoubtful = false;
    const done = this.#run(ended.then(async () => {
      if (this.#header !== undefined) this.fields = await core.carrier.clearCookie(this.#header);
      return await core.events.settled();
    }));
    return logOut.tell(done, () => {
      const { left } = logOut;
      if (left === undefined || (left.found ?? left.hidden?.[0]) === undefined) return;
      // Or somebody began anew, or the next log-out has begun already.
      if (this.found !== undefined || this.state !== fresh || fresh.log.length > 0) return;
      this.found = left.moved ?? left.found;
      this.state = left.state;
      this.hidden = left.hidden ?? [];
      this.#isDoubtful = left.isDoubtful;
    });
  }

  /** Ends what a log-out has left, before what was written since is saved. */
  async #endOwed(logOut: LogOut): Promise<void> {
    await logOut.tell(this.#run(logOut.end(undefined, this.#running)));
    if (this.found === undefined) this.fields = await this.core.carrier.clearCookie(this.#header!);
    return this.commit(true);
  }
}

/** The content of a new session. */
function blank({ format, now }: Core): Draft {
  const createdAt = now();
  return format.draft(new Map(), { notes: {}, userId: undefined, createdAt, touchedAt: createdAt });
}
