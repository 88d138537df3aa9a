/** One unit of work on one session: what was loaded, what changed, and bringing both back to where sessions are kept. */

import type { StoredSession } from "../transport/transport.ts";
import { gone, SessionError } from "../errors.ts";
import { cookieAge, endOf, idleEndOf, isTouchDue, type SessionAge } from "../data/lifetime.ts";
import { ignoreSessionErrors, rethrowAsStoreError } from "../guard/call_guard.ts";
import type { Policy } from "../transport/policy.ts";
import { overtaken, ownSave } from "./save_queue.ts";
import { endOthers, Logout } from "./logout.ts";
import { readChecked, Save } from "./save.ts";
import { isLive, type Loaded, type SessionContext, trackerOf } from "./context.ts";
import { requireFit } from "../schema.ts";
import type { ChangeTracker } from "./change_tracker.ts";
import type { MaybePromise } from "../store.ts";
import { keepWithinLimit } from "./live_sessions.ts";

const none: readonly never[] = [];

export class UnitOfWork {
  readonly context: SessionContext;
  /** The session as it was loaded or last saved; `undefined` while there is no record. */
  stored: StoredSession | undefined;
  tracker: ChangeTracker;
  /** Whether a member of the session that shows or changes something was called. */
  isUsed = false;
  /** Whether the answer has left, so that a write would be lost. */
  isClosed = false;
  #hidden: readonly StoredSession[];
  readonly #hasStaleCookies: boolean;
  #hasEndedOthers = false;
  /** None may take the place of a newer cookie. */
  #newerCookieUntil: number;
  /** The `Set-Cookie` fields to send: the last word on the cookie. */
  setCookies: readonly string[] = none;
  /** The request's `Cookie` header; `undefined` outside a request. */
  readonly #header: string | null | undefined;
  /** It never rejects. */
  #running: Promise<void> | undefined;
  /** The save that failed and may have been written all the same. */
  #uncertainSave: Save | undefined;
  #logout: Logout | undefined;

  constructor(context: SessionContext, header: string | null | undefined, loaded: Loaded = {}) {
    this.context = context;
    this.#header = header;
    this.stored = loaded.stored;
    this.#hidden = loaded.hidden ?? none;
    this.#hasStaleCookies = loaded.hasStaleCookies === true;
    this.#newerCookieUntil = loaded.newerCookieUntil ?? 0;
    this.tracker = trackerOf(context, loaded.draft);
  }

  /**
   * Brings the session up to date where it is kept: a save if it changed, else a touch if one is due.
   *
   * @throws {SessionError} `ERR_STORE`, `ERR_GONE`, `ERR_CONFLICT`, `ERR_TOO_LARGE` or `ERR_SERIALIZE`; what was stored stays.
   */
  commit(isAnswer: boolean): MaybePromise<void> {
    if (isAnswer && this.#logout?.mustRetryBeforeResponding) return this.#retryLogout(this.#logout);
    if (this.#running !== undefined) return this.#running.then(() => this.commit(isAnswer));
    if (this.#uncertainSave) {
      return this.#run(this.#resolve(this.#uncertainSave)).then(() => this.commit(isAnswer));
    }
    return this.#commit(isAnswer);
  }

  #commit(isAnswer: boolean): MaybePromise<void> {
    const { stored, tracker, context } = this;
    const { draft } = tracker;
    if (this.#header === undefined && stored !== undefined && !isLive(context, stored)) {
      return this.#run(this.#catchUp(stored).then(() => this.#commit(isAnswer)));
    }
    const isForced = isAnswer &&
      (stored === undefined ? this.#staleCookieAction() === "replace" : context.savesEveryRequest);
    const { isModified } = tracker;
    if (stored === undefined ? this.isEmpty : !isModified) {
      if (isForced) return this.#run(ignoreSessionErrors(() => this.#save(true)));
      const isDue = stored !== undefined && stored.ref.replacedBy === undefined && this.isUsed &&
        context.rolls && isTouchDue(context.limits, draft, stored.record.expiresAt, context.now());
      return isDue ? this.#run(this.#touch(stored)) : undefined;
    }
    const now = context.now();
    if (stored === undefined) {
      if (now < this.#newerCookieUntil && tracker.rotation?.why !== "login") this.#gone("gone");
      draft.createdAt = now;
    }
    if (idleEndOf(context.limits, draft, now) <= now) return this.flush();
    if (endOf(context.limits, draft, now) <= now) this.#gone("expired");
    const mayLeaveOthers = this.#hidden.length > 0 || context.transport.endOthers !== undefined;
    if (tracker.rotation?.why === "login" && mayLeaveOthers && !this.#hasEndedOthers) {
      // A login leaves no session behind that the same cookies lead to (SR-016).
      return this.#run(
        endOthers(context, this.#header, this.#hidden, stored?.ref.key).then(() => {
          this.#hidden = none;
          this.#hasEndedOthers = true;
          return this.#commit(isAnswer);
        }),
      );
    }
    return context.schema === undefined ? this.#save(isForced) : this.#run(this.#saveChecked(isForced));
  }

  /** Outside a request a session is held for long, and others may have renewed it since it was loaded. */
  async #catchUp(stored: StoredSession): Promise<void> {
    const { context, tracker } = this;
    const now = await context.transport.reload(stored);
    if (now === undefined || now.ref.replacedBy || !isLive(context, now)) return this.#gone("expired");
    const draft = now.ref.version === stored.ref.version ? undefined : await readChecked(context, now.record);
    if (this.tracker !== tracker) return; // ended meanwhile
    if (draft !== undefined) tracker.merged(draft, now.record);
    this.stored = now;
  }

  /** What would be saved now is refused, not dropped. */
  #gone(event: "expired" | "gone"): never {
    this.context.events.emit(event, this.stored?.ref.key);
    throw gone();
  }

  /** Saves what fits the schema, and exactly that: the session may change while a slow schema looks at it. */
  async #saveChecked(isForced: boolean): Promise<void> {
    const { context, tracker } = this;
    for (let text = context.format.write(tracker.draft);;) {
      await requireFit(context.schema!, tracker.draft.values);
      if (this.tracker !== tracker) return;
      tracker.recordMutations();
      const now = context.format.write(tracker.draft);
      if (now === text) return this.#save(isForced);
      text = now;
    }
  }

  /** Whether a session without a record holds nothing that makes it worth one. */
  get isEmpty(): boolean {
    const { draft, rotation } = this.tracker;
    return draft.values.size === 0 && draft.userId === undefined &&
      !(rotation !== undefined && this.context.policy.rotatesEmpty);
  }

  /** What becomes of the request's cookies that led to no session. */
  #staleCookieAction(): ReturnType<Policy["staleCookieAction"]> {
    const { context, stored, setCookies, isUsed } = this;
    const isOpen = this.#hasStaleCookies && this.#header !== undefined && setCookies.length === 0 &&
      stored === undefined && this.isEmpty;
    return isOpen ? context.policy.staleCookieAction(this.#header, isUsed) : "keep";
  }

  /** The last word on the cookies, before the response gets its headers. */
  finalizeCookies(): void {
    const action = this.#staleCookieAction();
    if (typeof action !== "string") this.setCookies = action;
  }

  /** Commits for `session.save()`. A failure that nobody awaits is met again by the answer's commit. */
  async save(): Promise<void> {
    await this.commit(false);
    await this.context.events.pending;
  }

  /** What nobody waited for and is still under way; `undefined` if nothing is. Rejects if it is a log-out and fails. */
  pending(): Promise<void> | undefined {
    return this.#logout?.running ?? this.#running;
  }

  /** While something runs, the next commit waits; the failure belongs to whoever asked for it. */
  #run(work: Promise<void>): Promise<void> {
    const { running } = this.context;
    const quiet = work.catch(() => {}).finally(() => {
      running.delete(quiet);
      if (this.#running === quiet) this.#running = undefined;
    });
    running.add(quiet);
    this.#running = quiet;
    return work;
  }

  #save(isForced: boolean): MaybePromise<void> {
    const { stored, context } = this;
    const saving = new Save(context, this.tracker, stored, isForced);
    let saved: MaybePromise<StoredSession>;
    try {
      saved = stored === undefined
        ? context.transport.create(saving.newRecord(), this.#header)
        : context.saves.save(stored, saving);
    } catch (error) {
      return this.#failed(saving, error);
    }
    if (!(saved instanceof Promise)) return this.#saved(saving, saved);
    return this.#run(saved.then(
      (saved) => this.#saved(saving, saved),
      (error) => error === overtaken ? this.#saveAsNew(saving) : this.#failed(saving, error),
    ));
  }

  /** A log-in that another one has overtaken gets a session of its own, from what it loaded and changed itself. */
  async #saveAsNew(saving: Save): Promise<void> {
    let saved: StoredSession;
    try {
      saved = await this.context.transport.create(saving.newRecord(), this.#header);
    } catch (error) {
      return this.#failed(saving, error);
    }
    return this.#saved(saving, saved);
  }

  #failed(saving: Save, error: unknown): never {
    saving.rollBack();
    const isDoubtful = saving.stored !== undefined && error instanceof SessionError &&
      error.code === "ERR_STORE";
    if (isDoubtful) {
      if (this.tracker === saving.tracker) this.#uncertainSave = saving;
      else this.#logout!.markUncertain(saving);
    }
    return rethrowAsStoreError(error);
  }

  #saved(saving: Save, saved: StoredSession): MaybePromise<void> {
    const { context } = this;
    const { tracker, stored, rotation, extendsExpiry } = saving;
    if (this.tracker !== tracker) {
      this.#logout!.moved(tracker, saved);
      return;
    }
    const { key } = saved.ref;
    if (stored === undefined) context.events.emit("created", key);
    const isMoved = stored !== undefined && saved.ref.viaOldId !== true;
    if (rotation !== undefined && (isMoved || rotation.why === "login")) {
      context.events.emit(rotation.why, key);
    }
    const needsCookie = extendsExpiry || saved.ref.cookieValue !== this.stored?.ref.cookieValue;
    this.stored = saved;
    const goOn = () => {
      if (needsCookie) this.#sendCookie(saved, tracker.draft);
      const { userId } = tracker.draft;
      if (rotation?.why === "login" && userId !== undefined) return keepWithinLimit(context, userId);
    };
    // Under an id that was replaced nothing of the record is shown that it did not show before.
    if (!saving.isMerged || saved.ref.replacedBy) tracker.saved(saved.record);
    else if (context.schema === undefined) tracker.merged(context.format.read(saved.record), saved.record);
    else {
      return readChecked(context, saved.record).then((draft) => {
        tracker.merged(draft, saved.record);
        return goOn();
      });
    }
    return goOn();
  }

  /** After a save that failed and may have been written: finds out, so that trying again does nothing twice (SR-049). */
  async #resolve(saving: Save): Promise<void> {
    const { transport } = this.context;
    const found = saving.stored!;
    const fresh = await transport.reload(found);
    if (this.tracker !== saving.tracker) return;
    const own = fresh && ownSave(transport, saving.rotation, fresh);
    if (own !== undefined) {
      this.#uncertainSave = undefined;
      saving.confirm();
      saving.isShared = true;
      return this.#saved(saving, own);
    }
    if (fresh !== undefined && fresh.ref.version !== found.ref.version) {
      throw new SessionError(
        "ERR_CONFLICT",
        "A save failed, and the session changed: it may have been saved",
      );
    }
    this.#uncertainSave = undefined;
  }

  #sendCookie({ ref, record }: StoredSession, life: SessionAge): void {
    if (this.#header === undefined) return;
    const { transport, limits, now } = this.context;
    this.setCookies = transport.setCookie(
      ref,
      cookieAge(limits, life, record.expiresAt, now()),
      this.#header,
    );
  }

  /** Renews the limits. A session that is gone meanwhile, or a store that fails, does not harm an answer that only read. */
  async #touch(found: StoredSession): Promise<void> {
    const { context, tracker } = this;
    const touchedAt = Math.max(context.now(), tracker.draft.touchedAt);
    const expiresAt = endOf(context.limits, { ...tracker.draft, touchedAt });
    await ignoreSessionErrors(async () => {
      const touched = await context.transport.touch(found, { ...found.record, touchedAt, expiresAt });
      const { key } = found.ref;
      if (touched === undefined) {
        // Saved by somebody else, who has renewed it, or gone.
        if (await context.transport.reload(found) === undefined) context.events.emit("gone", key);
        return;
      }
      if (this.tracker === tracker) this.stored = touched;
      tracker.draft.touchedAt = touchedAt;
      this.#sendCookie(touched, tracker.draft);
      context.events.emit("touched", key);
    });
  }

  /**
   * Ends the session: the record is gone when this resolves, and the cookie is to be cleared. What is written from now on belongs
   * to a new session, also before it resolves. If the record cannot be removed, the session is as it was.
   */
  flush(): Promise<void> {
    const { context, stored, tracker } = this;
    const hidden = this.#hidden;
    const left = stored || hidden.length > 0
      ? { stored, tracker, uncertainSave: this.#uncertainSave, hidden }
      : undefined;
    const fresh = trackerOf(context);
    const logout = this.#logout ??= new Logout(context.transport, context.events, this.#header);
    const ended = logout.end(left, this.#running);
    this.stored = undefined;
    this.tracker = fresh;
    this.#hidden = [];
    this.#uncertainSave = undefined;
    const done = this.#run(ended.then((fields) => {
      this.#cleared(fields);
      return context.events.pending;
    }));
    return logout.expose(done, () => {
      const { unfinished } = logout;
      if (unfinished === undefined || (unfinished.stored ?? unfinished.hidden?.[0]) === undefined) return;
      // Or somebody began anew, or the next log-out has begun already.
      if (this.stored !== undefined || this.tracker !== fresh || fresh.log.length > 0) return;
      this.stored = unfinished.moved ?? unfinished.stored;
      this.tracker = unfinished.tracker;
      this.#hidden = unfinished.hidden ?? [];
      this.#uncertainSave = unfinished.uncertainSave;
    });
  }

  /** All that the cookies led to has ended: what is written from now on may take their place. */
  #cleared(fields: readonly string[]): void {
    if (this.#header !== undefined) this.setCookies = fields;
    this.#newerCookieUntil = 0;
  }

  /** Ends what a log-out has left, before what was written since is saved. */
  async #retryLogout(logout: Logout): Promise<void> {
    await logout.expose(this.#run(
      logout.end(undefined, this.#running).then((fields) => {
        if (this.stored === undefined) this.#cleared(fields);
      }),
    ));
    return this.commit(true);
  }
}
