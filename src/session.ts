/** The session that a handler sees: a map, with Django's names for what happens to it. */

import { SessionError } from "./errors.ts";
import { promised } from "./handled.ts";
import { endFrom, endsWithBrowser, type Expiry, idleAge } from "./data/lifetime.ts";
import type { Login, LoginOptions } from "./transport/policy.ts";
import type { SessionData } from "./codec.ts";
import { read, SessionMap, unitOf, write } from "./session_map.ts";

/** What `getExpiryAge` and `getExpiryDate` may be asked with, as in Django. */
export interface ExpiryQuery {
  /** Counted from here: a `Date` or milliseconds. @default now */
  readonly modification?: Date | number;
  /** In place of the session's own: seconds, a fixed end, or `null` for the policy. @default the session's own */
  readonly expiry?: Date | number | null;
}

/** The longest grace, in seconds. */
const mostGrace = 300;
/** The most bytes of a user id and of a label, in UTF-8. */
const mostOf = { userId: 1024, label: 256 };
const testKey = "testcookie";
const testValue = "worked";

/**
 * One visitor's session: typed keys and values, changed in memory, saved before the answer leaves.
 *
 * All members are synchronous except `save`, `flush` and `logout`. Objects that it hands out may be changed in place;
 * that is noticed and saved. After the answer has left, reading goes on and writing throws `ERR_CLOSED`.
 *
 * @example
 * ```ts
 * import { createSessions } from "@sojourn/session";
 * import { MemoryStore } from "@sojourn/session/memory";
 * import assert from "node:assert/strict";
 *
 * const secrets = [crypto.getRandomValues(new Uint8Array(32))];
 * const sessions = createSessions<{ cart: string[] }>({ store: new MemoryStore(), secrets });
 *
 * const session = await sessions.open();
 * session.set("cart", []);
 * session.get("cart")!.push("tea");
 * await session.save();
 *
 * const again = await sessions.open(session.id);
 * assert.deepEqual(again.get("cart"), ["tea"]);
 * ```
 */
export class Session<Data extends object = SessionData> extends SessionMap<Data> {
  /**
   * Log-out: the record is gone when this resolves, the session is empty, the cookie is cleared with the answer. No cookie that was ever
   * given out for the session finds it any more, also those of ids that it had before or that another process has made meanwhile.
   * What is written afterwards starts a new session. One that fails leaves the session as it was. One that fails and that nobody
   * awaits is not answered as done: it is tried once more for the answer if the handler still ran, else the answer is a 503.
   *
   * @throws {SessionError} `ERR_STORE` if the record may still be there; `ERR_CLOSED`.
   */
  flush(): Promise<void> {
    return promised(() => write(this).flush());
  }

  /** The same as `flush`. @throws {SessionError} As `flush` does. */
  logout(): Promise<void> {
    return this.flush();
  }

  /**
   * Gives the session a new id at the commit, in one save with its data; the old id is dead before the answer leaves. Call
   * it at every change of rights that is not a `login`. Of two requests that do so concurrently one gets a 409.
   *
   * The old id reads nothing from then on. What is written under it within a minute is `ERR_GONE`, 409, as the newer cookie may be on its
   * way to the browser; later it is a new session's. A request that was under way may save once more, unless it changes the id too.
   *
   * With `grace`, the old id leads to the session for that many seconds more, so that requests on their way are not logged
   * out: for a change of ids now and then, not for a change of rights. They read, write and log out as under the new id,
   * but get no cookie: the browser has it from the answer that made it. Asked for again under the old id, it does nothing.
   * Of several calls in one request the shortest grace counts, and with a `login` there is none. At most eight old ids are in grace.
   * Who comes with the old id after the grace is a new visitor, and also an event, `reuse`.
   *
   * @throws {TypeError} If `grace` is not a number. @throws {RangeError} If it is not from 0, the default, to 300 seconds.
   * @throws {SessionError} `ERR_UNSUPPORTED` for a grace when sessions are kept in the cookie; `ERR_CLOSED`.
   *
   * @example
   * ```ts
   * import { createSessions } from "@sojourn/session";
   * import { MemoryStore } from "@sojourn/session/memory";
   * import assert from "node:assert/strict";
   *
   * const secrets = [crypto.getRandomValues(new Uint8Array(32))];
   * const sessions = createSessions<{ a: number }>({ store: new MemoryStore(), secrets });
   * const session = await sessions.open();
   * await session.set("a", 1).save();
   * const { id } = session;
   *
   * session.cycleKey({ grace: 30 });
   * await session.save();
   * assert.notEqual(session.id, id);
   * assert.equal((await sessions.open(id)).get("a"), 1);
   * ```
   */
  cycleKey(options: { readonly grace?: number } = {}): void {
    const { tracker, context } = write(this);
    const { grace = 0 } = options;
    if (typeof grace !== "number") {
      throw new TypeError(`Cannot cycle the key: expected a grace in seconds: received ${typeof grace}`);
    }
    if (!(grace >= 0 && grace <= mostGrace)) {
      throw new RangeError(
        `Cannot cycle the key: grace must be 0 to ${mostGrace} seconds: received ${grace}`,
      );
    }
    if (grace > 0 && context.transport.hasGrace !== true) {
      throw new SessionError(
        "ERR_UNSUPPORTED",
        "Cannot cycle the key with grace: these sessions have no record that could lead from one id to the next",
      );
    }
    tracker.requestRotation("rotated", grace);
    tracker.change(() => {});
  }

  /**
   * Logs a user in: a new id at the commit, both limits start again, the data stays. If another user was logged in, the
   * session starts empty. Old ids are dead at once, in grace or not. If another request was faster to replace the id, this one begins a session of
   * its own, from what it loaded and changed itself. Sessions of the user beyond `maxSessionsPerUser` end. `stamp` stands for the user's credentials, a hash of the password hash say: when `stampOf` of
   * `createSessions` gives another one later, the session is over, as with Django's session auth hash.
   *
   * Sessions shared with Django want `{ backend, hash }` instead, and keep their id when the same user logs in again.
   *
   * @throws {TypeError} If `userId` is not a string of 1 to 1,024 bytes in UTF-8, or the stamp is missing where `stampOf` was
   * given, or not a string of at most 200 characters. @throws {SessionError} `ERR_CLOSED`; `ERR_UNSUPPORTED` for what
   * these sessions cannot keep of a log-in.
   */
  login(userId: string, options: LoginOptions = {}): void {
    const { tracker, context } = write(this);
    if (typeof userId !== "string" || userId === "") {
      throw new TypeError(
        `Cannot log in: expected a user id, a non-empty string: received ${
          userId === "" ? '""' : typeof userId
        }`,
      );
    }
    if (isLonger(userId, mostOf.userId)) {
      throw new TypeError(
        `Cannot log in: expected a user id of at most ${mostOf.userId} bytes: received a longer one`,
      );
    }
    const { stamp } = options;
    if (
      stamp === undefined ? context.stampOf !== undefined : typeof stamp !== "string" || stamp.length > 200
    ) {
      throw new TypeError(
        `Cannot log in: expected a stamp of at most 200 characters: received ${typeof stamp}`,
      );
    }
    const now = context.now();
    const entrance = context.policy.login?.(userId, options, tracker.draft) ?? stamped(userId, stamp);
    if (!entrance.isRepeated(tracker.draft)) {
      if (entrance.replaces(tracker.draft)) tracker.clear();
      tracker.requestRotation("login", 0);
    }
    tracker.change((draft) => {
      if (entrance.replaces(draft)) {
        draft.values.clear();
        draft.meta = {};
      }
      entrance.enter(draft);
      draft.createdAt = now;
      draft.touchedAt = now;
    });
  }

  /**
   * Commits now, in the middle of a handler or after `open`. @throws {SessionError} `ERR_STORE`, `ERR_GONE`,
   * `ERR_CONFLICT`, `ERR_TOO_LARGE`, `ERR_SERIALIZE` or `ERR_CLOSED`; what was stored before stays.
   */
  save(): Promise<void> {
    return promised(() => write(this).save());
  }

  /**
   * This session's own expiry: seconds of idle time, a `Date` as a fixed end, `0` for "until the browser closes", `null` for
   * the policy. `absoluteAge` still caps it. Not part of the data.
   *
   * @throws {TypeError} If it is none of these. @throws {SessionError} `ERR_CLOSED`.
   */
  setExpiry(value: number | Date | null): void {
    const { tracker } = write(this);
    const expiry = expiryOf(value);
    tracker.change((draft) => {
      const { expiry: _, ...others } = draft.meta;
      draft.meta = expiry === null ? others : { ...others, expiry };
    });
  }

  /** Seconds until the session ends, if nothing more happens. */
  getExpiryAge(query: ExpiryQuery = {}): number {
    const { context, tracker } = read(this);
    const expiry = query.expiry === undefined ? tracker.draft.meta.expiry : expiryOf(query.expiry);
    const from = instant(query.modification ?? context.now());
    const end = endFrom(context.limits, tracker.draft, from, expiry ?? null);
    if (typeof expiry === "object" && expiry !== null) return Math.floor((end - from) / 1000);
    return Math.min(
      idleAge(context.limits, { ...tracker.draft, meta: { expiry: expiry ?? 0 } }),
      (end - from) / 1000,
    );
  }

  /** When the session ends, if nothing more happens. */
  getExpiryDate(query: ExpiryQuery = {}): Date {
    const { context, tracker } = read(this);
    const expiry = query.expiry === undefined ? undefined : expiryOf(query.expiry);
    return new Date(
      endFrom(context.limits, tracker.draft, instant(query.modification ?? context.now()), expiry),
    );
  }

  /** Whether the cookie ends with the browser. */
  getExpireAtBrowserClose(): boolean {
    const { context, tracker } = read(this);
    return endsWithBrowser(context.limits, tracker.draft.meta);
  }

  /** Stores a value by which a later request can tell that the browser returns cookies. @throws {SessionError} `ERR_CLOSED`. */
  setTestCookie(): void {
    write(this).tracker.set(testKey, testValue);
  }

  /** Whether the test value came back. */
  testCookieWorked(): boolean {
    return read(this).tracker.draft.values.get(testKey) === testValue;
  }

  /** Removes the test value. @throws {SessionError} `ERR_CLOSED`. */
  deleteTestCookie(): void {
    write(this).tracker.remove(testKey);
  }

  /**
   * What `list` shows for this session, such as "Firefox on Linux".
   *
   * @throws {TypeError} If it is not a string of at most 256 bytes in UTF-8. @throws {SessionError} `ERR_CLOSED`; `ERR_UNSUPPORTED` for
   * sessions shared with Django, which have no list.
   */
  setLabel(text: string): void {
    const { tracker, context } = write(this);
    context.policy.requireUserIndex();
    if (typeof text !== "string" || isLonger(text, mostOf.label)) {
      throw new TypeError(
        `Cannot label the session: expected a string of at most ${mostOf.label} bytes: received ${
          typeof text === "string" ? "a longer one" : typeof text
        }`,
      );
    }
    if (tracker.draft.meta.label === text) return;
    tracker.change((draft) => {
      draft.meta = { ...draft.meta, label: text };
    });
  }

  /** The id, by which `sessions.open` finds the session; `undefined` until it was saved. A secret. */
  get id(): string | undefined {
    return read(this).stored?.ref.id;
  }

  /** The user who is logged in. */
  get userId(): string | undefined {
    return read(this).tracker.draft.userId;
  }

  /** When the session was created or the user logged in, in milliseconds since the epoch. */
  get createdAt(): number {
    return read(this).tracker.draft.createdAt;
  }

  /** Whether there is no record of it yet. */
  get isNew(): boolean {
    return read(this).stored === undefined;
  }

  /** Whether any other member was used. Asking is no use: a middleware may mark what used its session, and nothing else. */
  get accessed(): boolean {
    return unitOf(this).isUsed;
  }

  /** Whether there are changes to save. */
  get modified(): boolean {
    return read(this).tracker.isModified;
  }
}

// Also when an inspector is told to show getters, neither id nor data shows (SR-068).
Object.defineProperty(Session.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value: () => "Session {}",
});

/** The library's own log-in: a user, and a stamp beside the data. */
function stamped(userId: string, stamp: string | undefined): Login {
  return {
    isRepeated: () => false,
    replaces: (draft) => draft.userId !== undefined && draft.userId !== userId,
    enter(draft) {
      const { stamp: _, ...notes } = draft.meta;
      draft.meta = stamp === undefined ? notes : { ...notes, stamp };
      draft.userId = userId;
    },
  };
}

/** Whether a text has more than so many bytes in UTF-8. */
function isLonger(text: string, bytes: number): boolean {
  return text.length > bytes || text.length * 3 > bytes && new TextEncoder().encode(text).length > bytes;
}

function instant(value: Date | number): number {
  const at = Number(value);
  if (Number.isFinite(at)) return at;
  throw new TypeError("Cannot compute the expiry: expected a valid Date or milliseconds");
}

function expiryOf(value: number | Date | null): Expiry {
  if (value === null) return null;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (value instanceof Date && Number.isFinite(value.getTime())) return { at: value.getTime() };
  throw new TypeError(
    `Cannot set the expiry: expected seconds, a valid Date, 0 or null: received ${
      typeof value === "number" ? value : typeof value
    }`,
  );
}
