/** One unit of work on one session: what was loaded, what changed, and bringing both back to where sessions are kept. */

import type { Carrier, Found } from "../transport/transport.ts";
import { gone, SessionError } from "../errors.ts";
import type { Draft } from "../data/format.ts";
import type { Events } from "../events.ts";
import { cookieAge, endOf, idleEndOf, isTouchDue, type Life } from "../data/lifetime.ts";
import { harmless, trouble } from "../guard/call_guard.ts";
import type { Manners } from "../transport/policy.ts";
import { type Lines, overtaken, ownSave } from "./save_queue.ts";
import { LogOut } from "./logout.ts";
import { readChecked, Saving, type SavingKit } from "./save.ts";
import { demand } from "../schema.ts";
import { fate, isEmpty } from "./stale_cookies.ts";
import { State } from "./change_tracker.ts";
import type { MaybePromise } from "../store.ts";
import { keepWithinLimit } from "./live_sessions.ts";

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
  /** The most sessions that a user may have. */
  readonly maxSessionsPerUser: number;
  /** The commits under way: closing waits for them. */
  readonly running: Set<Promise<void>>;
}

/** Shared, as an array for each request has its price. */
const none: readonly never[] = [];

export class Unit {
  readonly core: Core;
  /** The session as it was loaded or last saved; `undefined` while there is no record. */
  found: Found | undefined;
  state: State;
  /** Whether a member of the session that shows or changes something was called. */
  isUsed = false;
  /** Whether the answer has left, so that a write would be lost. */
  isClosed = false;
  /** Sessions that the request's cookies lead to and that cannot be shown: a log-out ends them, and a log-in. */
  hidden: readonly Found[] = none;
  /** The request's cookies, if they led to no session and that is all there is to say of them. */
  staleCookies: string | null | undefined;
  /** Until when a newer cookie than the request's may be on its way to the browser, so that none may take its place; in ms. */
  newerUntil = 0;
  /** The `Set-Cookie` fields to send: the last word on the cookie. */
  fields: readonly string[] = none;
  /** The request's `Cookie` header; `undefined` outside a request. */
  readonly #header: string | null | undefined;
  /** What is under way; it never rejects. */
  #running: Promise<void> | undefined;
  /** The save that failed and may have been written all the same. */
  #doubtful: Saving | undefined;
  #logOut: LogOut | undefined;

  constructor(core: Core, header: string | null | undefined, found?: Found, draft?: Draft) {
    this.core = core;
    this.#header = header;
    this.found = found;
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
    if (this.#doubtful) return this.#run(this.#resolve(this.#doubtful)).then(() => this.commit(isAnswer));
    return this.#commit(isAnswer);
  }

  #commit(isAnswer: boolean): MaybePromise<void> {
    const { found, state, core } = this;
    const { draft } = state;
    if (this.#header === undefined && found !== undefined && !this.#isLive(found)) this.#gone("expired");
    const isForced = isAnswer &&
      (found === undefined ? fate(this) === "replaced" : core.savesEveryRequest);
    const { isModified } = state;
    if (found === undefined ? isEmpty(this) : !isModified) {
      if (isForced) return this.#run(harmless(() => this.#save(true)));
      const isDue = found !== undefined && found.place.replacedBy === undefined && this.isUsed &&
        core.rolls && isTouchDue(core.limits, draft, found.record.expiresAt, core.now());
      return isDue ? this.#run(this.#touch(found)) : undefined;
    }
    const now = core.now();
    if (found === undefined) {
      if (now < this.newerUntil && state.cycles?.why !== "login") this.#gone("gone");
      draft.createdAt = now;
    }
    if (idleEndOf(core.limits, draft, now) <= now) return this.flush();
    if (endOf(core.limits, draft, now) <= now) this.#gone("expired");
    if (this.hidden.length > 0 && state.cycles?.why === "login") {
      return this.#run(this.#endHidden().then(() => this.#commit(isAnswer)));
    }
    return core.schema === undefined ? this.#save(isForced) : this.#run(this.#saveChecked(isForced));
  }

  /** What would be saved now is refused, not dropped. */
  #gone(event: "expired" | "gone"): never {
    this.core.events.emit(event, this.found?.place.key);
    throw gone();
  }

  /** A log-in leaves no session behind that the same cookies lead to (SR-016). */
  async #endHidden(): Promise<void> {
    const { carrier, events } = this.core;
    for (const found of this.hidden) if (await carrier.end(found)) events.emit("ended", found.place.key);
    this.hidden = [];
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
      saved = found === undefined
        ? core.carrier.create(saving.first(), this.#header)
        : core.lines.save(found, saving);
    } catch (error) {
      return this.#failed(saving, error);
    }
    if (!(saved instanceof Promise)) return this.#saved(saving, saved);
    return this.#run(saved.then(
      (saved) => this.#saved(saving, saved),
      (error) => error === overtaken ? this.#beginAnew(saving) : this.#failed(saving, error),
    ));
  }

  /** A log-in that another one has overtaken gets a session of its own, from what it loaded and changed itself. */
  async #beginAnew(saving: Saving): Promise<void> {
    let saved: Found;
    try {
      saved = await this.core.carrier.create(saving.first(), this.#header);
    } catch (error) {
      return this.#failed(saving, error);
    }
    return this.#saved(saving, saved);
  }

  #failed(saving: Saving, error: unknown): never {
    saving.giveBack();
    const isDoubtful = saving.found !== undefined && error instanceof SessionError &&
      error.code === "ERR_STORE";
    if (isDoubtful) {
      if (this.state === saving.state) this.#doubtful = saving;
      else this.#logOut!.doubt(saving);
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
    const needsCookie = renews || saved.place.token !== this.found?.place.token;
    this.found = saved;
    const goOn = () => {
      if (needsCookie) this.#sendCookie(saved, state.draft);
      const { userId } = state.draft;
      if (cycles?.why === "login" && userId !== undefined) return this.#keepWithinLimit(userId);
    };
    // Under an id that was replaced nothing of the record is shown that it did not show before.
    if (!saving.isMerged || saved.place.replacedBy) state.saved(saved.record);
    else if (core.schema === undefined) state.merged(core.format.read(saved.record), saved.record);
    else {
      return readChecked(core, saved.record).then((draft) => {
        state.merged(draft, saved.record);
        return goOn();
      });
    }
    return goOn();
  }

  /** The log-in is saved already: what fails here is told, and does not undo it. */
  #keepWithinLimit(userId: string): Promise<void> | undefined {
    const { core } = this;
    if (core.maxSessionsPerUser === Infinity || core.carrier.canList !== true) return undefined;
    return harmless(() => keepWithinLimit(core, userId));
  }

  /** After a save that failed and may have been written: finds out, so that trying again does nothing twice (SR-049). */
  async #resolve(saving: Saving): Promise<void> {
    const { carrier } = this.core;
    const found = saving.found!;
    const fresh = await carrier.reload(found);
    if (this.state !== saving.state) return;
    const own = fresh && ownSave(carrier, saving.cycles, fresh);
    if (own !== undefined) {
      this.#doubtful = undefined;
      saving.takeBack();
      saving.isShared = true;
      return this.#saved(saving, own);
    }
    if (fresh !== undefined && fresh.place.version !== found.place.version) {
      throw new SessionError(
        "ERR_CONFLICT",
        "A save failed, and the session changed: it may have been saved",
      );
    }
    this.#doubtful = undefined;
  }

  #sendCookie({ place, record }: Found, life: Life): void {
    if (this.#header === undefined) return;
    const { carrier, limits, now } = this.core;
    this.fields = carrier.setCookie(place, cookieAge(limits, life, record.expiresAt, now()), this.#header);
  }

  /** Renews the limits. A session that is gone meanwhile, or a store that fails, does not harm an answer that only read. */
  async #touch(found: Found): Promise<void> {
    const { core, state } = this;
    const touchedAt = Math.max(core.now(), state.draft.touchedAt);
    const expiresAt = endOf(core.limits, { ...state.draft, touchedAt });
    await harmless(async () => {
      const touched = await core.carrier.touch(found, { ...found.record, touchedAt, expiresAt });
      const { key } = found.place;
      if (touched === undefined) {
        // Saved by somebody else, who has renewed it, or gone.
        if (await core.carrier.reload(found) === undefined) core.events.emit("gone", key);
        return;
      }
      if (this.state === state) this.found = touched;
      state.draft.touchedAt = touchedAt;
      this.#sendCookie(touched, state.draft);
      core.events.emit("touched", key);
    });
  }

  /**
   * Ends the session: the record is gone when this resolves, and the cookie is to be cleared. What is written from now on belongs
   * to a new session, also before it resolves. If the record cannot be removed, the session is as it was.
   */
  flush(): Promise<void> {
    const { core, found, state, hidden } = this;
    const left = found || hidden.length > 0 ? { found, state, doubtful: this.#doubtful, hidden } : undefined;
    const fresh = new Unit(core, this.#header).state;
    const logOut = this.#logOut ??= new LogOut(core.carrier, core.events, this.#header);
    const ended = logOut.end(left, this.#running);
    this.found = undefined;
    this.state = fresh;
    this.hidden = [];
    this.#doubtful = undefined;
    const done = this.#run(ended.then((fields) => {
      this.#cleared(fields);
      return core.events.settled();
    }));
    return logOut.tell(done, () => {
      const { left } = logOut;
      if (left === undefined || (left.found ?? left.hidden?.[0]) === undefined) return;
      // Or somebody began anew, or the next log-out has begun already.
      if (this.found !== undefined || this.state !== fresh || fresh.log.length > 0) return;
      this.found = left.moved ?? left.found;
      this.state = left.state;
      this.hidden = left.hidden ?? [];
      this.#doubtful = left.doubtful;
    });
  }

  /** All that the cookies led to has ended: what is written from now on may take their place. */
  #cleared(fields: readonly string[]): void {
    if (this.#header !== undefined) this.fields = fields;
    this.newerUntil = 0;
  }

  /** Ends what a log-out has left, before what was written since is saved. */
  async #endOwed(logOut: LogOut): Promise<void> {
    await logOut.tell(this.#run(
      logOut.end(undefined, this.#running).then((fields) => {
        if (this.found === undefined) this.#cleared(fields);
      }),
    ));
    return this.commit(true);
  }
}

/** The content of a new session. */
function blank({ format, now }: Core): Draft {
  const createdAt = now();
  return format.draft(new Map(), { notes: {}, userId: undefined, createdAt, touchedAt: createdAt });
}
