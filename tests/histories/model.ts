/**
 * What the ids, ends and writes of a history allow its sessions to show. It sees what was sent and what was answered, in this order, and
 * keeps to what follows from that: of two things that overlap either may have come first.
 */

import { cookieIn, grace, idleAge, type Reply, type Seen, type Work } from "./host.ts";
import { type Id, Known, type Sent } from "./known.ts";

/** With more ids than a current one and eight in grace the oldest may be over. */
const mostIds = 9;

/** What a history found to be wrong. */
export type Complaint = (what: "lost" | "torn" | "back" | "unreadable", words: string) => void;

/** See the first line of this file. */
export class Model {
  readonly sessions: Map<string, Known> = new Map();
  readonly ids: Map<string, Id> = new Map();
  /** The writes under way and refused: by key. */
  readonly refused: Set<number> = new Set();
  readonly #complain: Complaint;
  readonly #clock: { now: number };
  #moment = 1;
  readonly #endings: { readonly user: string; finished: number }[] = [];

  constructor(clock: { now: number }, complain: Complaint) {
    this.#clock = clock;
    this.#complain = complain;
  }

  /** Whether a session is over because nobody used it, for certain. */
  isExpired(known: Known): boolean {
    return known.open === 0 && this.#clock.now - known.used >= idleAge * 1000;
  }

  /** Whether it has to be there. */
  isAlive(known: Known): boolean {
    if (this.#clock.now - known.renewed >= idleAge * 1000) known.mayHaveEnded = true;
    return known.ended === Infinity && !known.mayHaveEnded;
  }

  /** Whether it must not be there. */
  isOver(known: Known): boolean {
    if (this.isExpired(known) && known.ended === Infinity) known.ended = this.#moment;
    return known.ended < Infinity;
  }

  isDead(id: Id): boolean {
    return id.dead < Infinity || this.#clock.now >= id.until;
  }

  /** Every session that a request may change. */
  #of({ id, others }: Pick<Sent, "id" | "others">): Set<Known> {
    return new Set([id, ...others].filter((one) => one !== undefined).map(({ of }) => of));
  }

  #begin(known: Iterable<Known>): void {
    for (const one of known) [one.changed, one.changing] = [++this.#moment, one.changing + 1];
  }

  #finish(known: Iterable<Known>): void {
    for (const one of known) [one.changed, one.changing] = [++this.#moment, one.changing - 1];
  }

  /** Before a request is sent. */
  send(id: Id | undefined, others: readonly Id[], work: Work): Sent {
    const moment = ++this.#moment;
    if (id !== undefined) {
      this.isOver(id.of);
      this.isAlive(id.of);
      if (id.of.ended === Infinity) id.of.used = this.#clock.now;
    }
    const wasAlive = id !== undefined && id.of.ended === Infinity && !this.isDead(id);
    const wasCurrent = wasAlive && id.until === Infinity;
    for (const one of this.#of({ id, others })) one.open++;
    return { id, others, work, arrived: moment, went: Infinity, wasAlive, wasCurrent };
  }

  /** Before its handler goes on. */
  go(sent: Sent): void {
    sent.went = ++this.#moment;
    const known = this.#of(sent);
    const { write, flush, login, cycle } = sent.work;
    for (const one of known) if (flush) one.mayHaveEnded = true;
    if (sent.id !== undefined && sent.id.of.ended === Infinity) sent.id.of.used = this.#clock.now;
    if (write !== undefined) sent.id?.of.possible.add(write);
    if (login !== undefined) sent.id?.of.logins.push({ user: login, answered: Infinity });
    if (flush || login !== undefined || cycle) this.#begin(known);
  }

  /** Whether nothing that was under way since a moment can have ended the session or replaced its ids. */
  #isQuiet(known: Known, since: number): boolean {
    return known.changing === 0 && known.changed < since;
  }

  /** What a handler saw when its session was loaded. */
  saw(sent: Sent, seen: Seen): void {
    sent.seen = seen;
    const { id, arrived } = sent;
    const isThere = seen.user !== undefined || seen.keys.length > 0;
    if (sent.others.length > 0) return;
    if (id === undefined) {
      if (isThere) this.#complain("back", `somebody without a cookie sees ${JSON.stringify(seen)}`);
      return;
    }
    const known = id.of;
    const words = `${id.text} sees ${JSON.stringify(seen)}`;
    if (!isThere) {
      // A session has at least the key or the user that it was made for.
      const must = this.#isQuiet(known, arrived) && this.isAlive(known) && !this.isDead(id) &&
        known.ids.length <= mostIds && !id.isUncertain;
      if (must) this.#complain("lost", `${id.text} is anonymous`);
      return;
    }
    known.seen = arrived;
    if (known.ended < arrived) this.#complain("back", `an ended session: ${words}`);
    if (!sent.wasAlive) this.#complain("back", `a replaced id: ${words}`);
    if (seen.user !== known.users[id.epoch]!.user) {
      this.#complain("torn", `${words}, not ${known.users[id.epoch]!.user}`);
    }
    const isQuiet = known.changing === 0 && known.changed < arrived;
    for (const key of seen.keys) {
      if (this.refused.has(key)) this.#complain("torn", `a refused write: ${words}, ${key}`);
      else if (!known.required.has(key) && !known.possible.has(key)) {
        if (isQuiet) this.#complain("torn", `not its own: ${words}, ${key}`);
      }
    }
    if (!isQuiet) return;
    for (const [key, since] of this.#acknowledged) {
      if (since < arrived && known.required.has(key) && !seen.keys.includes(key)) {
        this.#complain("lost", `${words}, not ${key}`);
      }
    }
  }

  /** When the write of a key was answered. */
  readonly #acknowledged = new Map<number, number>();

  /** What was answered to a request. */
  answered(sent: Sent, { status, fields = [] }: Reply): void {
    const { id, work } = sent;
    const known = this.#of(sent);
    const moment = ++this.#moment;
    for (const one of known) one.open--;
    if (work.flush || work.login !== undefined || work.cycle) this.#finish(known);
    const login = id?.of.logins.find(({ user, answered }) => user === work.login && answered === Infinity);
    if (login !== undefined) login.answered = moment;
    const cookie = cookieIn(fields);
    const { write } = work;
    if (status === 409) {
      if (fields.length > 0) this.#complain("torn", `a refusal with ${fields.join()}`);
      this.#refuse(sent);
      return;
    }
    if (status !== 200) return this.#complain("unreadable", `a ${status} to ${JSON.stringify(work)}`);
    if (work.flush) { for (const one of known) one.ended = Math.min(one.ended, moment); }
    if (cookie) return this.#given(sent, cookie, moment);
    if (cookie === "" && !work.flush) this.#complain("lost", `${JSON.stringify(work)} clears the cookie`);
    if (work.flush || id === undefined) {
      if (write !== undefined || work.login !== undefined) {
        this.#complain("lost", `no cookie for ${JSON.stringify(work)}`);
      }
      return;
    }
    const isThere = sent.seen!.user !== undefined || sent.seen!.keys.length > 0;
    if (work.login !== undefined) this.#complain("lost", `no cookie for a log-in by ${id.text}`);
    if (write !== undefined) {
      if (!isThere) this.#complain("lost", `${write} was written nowhere`);
      else this.#wrote(sent, id, moment);
    }
  }

  #refuse({ id, work, arrived, wasAlive }: Sent): void {
    if (work.write !== undefined) {
      this.refused.add(work.write);
      id?.of.possible.delete(work.write);
    }
    const isNeedless = id === undefined ||
      wasAlive && !id.isUncertain && this.isAlive(id.of) && this.#isQuietBut(id.of, arrived, work) &&
        !this.isDead(id);
    if (isNeedless) this.#complain("lost", `a needless refusal of ${JSON.stringify(work)} for ${id?.text}`);
  }

  /** The same as `#isQuiet`, but for what this request itself has begun and finished. */
  #isQuietBut(known: Known, since: number, { flush, login, cycle }: Work): boolean {
    if (!flush && login === undefined && !cycle) return this.#isQuiet(known, since);
    return false;
  }

  /** A write that was answered as done, in the session that it came to. */
  #wrote({ went, work }: Sent, id: Id, moment: number): void {
    const known = id.of;
    const key = work.write!;
    if (known.ended < went) this.#complain("lost", `${key} was acknowledged in an ended session`);
    const since = known.users[id.epoch + 1]?.since ?? Infinity;
    if (since < went) this.#complain("torn", `${key} was written across a log-in by ${id.text}`);
    // A log-in that overlaps may have taken it along, or, as another user, away.
    const later = known.users.slice(id.epoch);
    if (
      later.some(({ user }, i) =>
        user !== undefined && i > 0 && later[i - 1]!.user !== undefined && user !== later[i - 1]!.user
      )
    ) {
      return;
    }
    this.#acknowledged.set(key, moment);
    known.required.add(key);
    known.renewed = Math.max(known.renewed, this.#clock.now - 60_000);
  }

  /** A response with a cookie. */
  #given(sent: Sent, cookie: string, moment: number): void {
    const { id, work, went } = sent;
    const text = cookie.slice(0, 32);
    const words = `${JSON.stringify(work)} of ${id?.text} got ${text}`;
    const before = this.ids.get(text);
    if (before !== undefined) {
      if (before !== id) this.#complain("back", `${words}: another request's`);
      else if (!sent.wasCurrent) this.#complain("back", `${words}: not current`);
      if (work.cycle || work.login !== undefined || work.flush) this.#complain("lost", `${words}: no new id`);
      if (work.write !== undefined && before === id) this.#wrote(sent, id!, moment);
      return;
    }
    const known = this.sessions.get(text.slice(0, 16));
    if (known === undefined) return this.#begun(sent, text, cookie, moment);
    if (id?.of !== known) return this.#complain("back", `${words}: of a session that it did not come with`);
    if (work.login === undefined && !work.cycle || work.flush) {
      this.#complain("back", `${words}: asked for none`);
    }
    if (known.ended < went) this.#complain("back", `${words}: of an ended session`);
    const isLogin = work.login !== undefined;
    const epoch = id.epoch + Number(isLogin);
    if (isLogin) {
      if (known.users.length > epoch) this.#complain("torn", `${words}: a second log-in over the first`);
      const previous = known.users[id.epoch]!.user;
      known.users[epoch] = { user: work.login, since: moment };
      if (previous !== undefined && previous !== work.login) {
        known.possible.clear();
        known.required = new Set();
      }
    } else if ((known.users[epoch + 1]?.since ?? Infinity) < went) {
      this.#complain("torn", `${words}: across a log-in`);
    }
    const made: Id = { text, cookie, of: known, epoch, dead: Infinity, until: Infinity, isUncertain: false };
    const overlapping = known.made.filter(({ answered }) => answered > went).map(({ id }) => id);
    for (const other of known.ids) {
      if (overlapping.includes(other) && other.epoch >= epoch) continue;
      if (isLogin || work.cycle === "plain") other.dead = Math.min(other.dead, moment);
      else if (other === id) other.until = Math.min(other.until, Math.ceil(this.#clock.now + grace * 1000));
    }
    if (known.epoch > epoch) made.dead = moment;
    for (const other of overlapping) if (other.epoch === epoch) other.isUncertain = made.isUncertain = true;
    known.ids.push(made);
    known.made.push({ id: made, sent: went, answered: moment });
    this.ids.set(text, made);
    known.renewed = this.#clock.now;
    if (work.write !== undefined) this.#wrote(sent, made, moment);
  }

  /** A session that a response has begun. */
  #begun(sent: Sent, text: string, cookie: string, moment: number): void {
    const { id, work, seen, went } = sent;
    const words = `${JSON.stringify(work)} of ${id?.text} began ${text}`;
    if (work.write === undefined && work.login === undefined) {
      this.#complain("back", `${words}: asked for none`);
    }
    const isThere = seen!.user !== undefined || seen!.keys.length > 0;
    let keys: number[] = [];
    if (isThere && !work.flush) {
      if (work.login === undefined) this.#complain("torn", `${words}: for a mere write`);
      if (id !== undefined && id.of.ended < went) this.#complain("back", `${words}: from an ended session`);
      // From what it loaded, if that was not another user's.
      if (seen!.user === undefined || seen!.user === work.login) keys = [...seen!.keys];
    }
    if (work.write !== undefined) {
      keys.push(work.write);
      id?.of.possible.delete(work.write);
    }
    const known = new Known(work.login, keys, moment, this.#clock.now);
    for (const key of keys) if (!this.#acknowledged.has(key)) this.#acknowledged.set(key, moment);
    const made: Id = {
      text,
      cookie,
      of: known,
      epoch: 0,
      dead: Infinity,
      until: Infinity,
      isUncertain: false,
    };
    // One that all sessions of the user ended with may have begun before it.
    known.mayHaveEnded = this.#endings.some(({ user, finished }) => user === work.login && finished > went);
    known.ids.push(made);
    this.sessions.set(text.slice(0, 16), known);
    this.ids.set(text, made);
  }

  /** The moment now. */
  get moment(): number {
    return this.#moment;
  }

  /** Before a session is ended from outside. */
  beginEnd(known: Known): void {
    known.mayHaveEnded = true;
    this.#begin([known]);
  }

  /** After it. */
  finishEnd(known: Known, isSure: boolean): void {
    this.#finish([known]);
    if (isSure) known.ended = Math.min(known.ended, this.#moment);
  }

  /** Before all sessions of a user are ended; gives what to call after it. */
  beginEndOf(user: string): () => void {
    const begun = ++this.#moment;
    const isAnothers = (known: Known) =>
      known.user !== user || known.logins.some((login) => login.user !== user && login.answered > begun);
    const before = [...this.sessions.values()];
    const ending = { user, finished: Infinity };
    this.#endings.push(ending);
    const theirs = before.filter((known) => known.user === user);
    const mayBe = (known: Known) => known.user === user || known.logins.some((login) => login.user === user);
    for (const known of before) if (mayBe(known)) known.mayHaveEnded = true;
    this.#begin(before);
    return () => {
      this.#finish(before);
      ending.finished = ++this.#moment;
      for (const known of this.sessions.values()) if (mayBe(known)) known.mayHaveEnded = true;
      for (const known of theirs) {
        if (!isAnothers(known)) known.ended = Math.min(known.ended, this.#moment);
      }
    };
  }
}
