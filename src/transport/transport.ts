/**
 * The seam under the core: how a session travels in a cookie and where its record lives. Server-held sessions, sealed
 * cookies and Django's formats are three transports; the core knows none of them by name.
 */

import type { Events } from "../events.ts";
import type { CookieWriter } from "./cookie.ts";
import type { Limits } from "../data/lifetime.ts";
import type { Secrets } from "../crypto/signer.ts";
import type { Policy } from "./policy.ts";
import type { DataFormat } from "../data/format.ts";
import type { MaybePromise, SessionPage, SessionRecord } from "../store.ts";

/** Where a session is. What else a transport needs, it keeps in its own places. */
export interface SessionRef {
  /** The client's secret: `session.id`. */
  readonly id: string;
  /** What a store sees of it; parallel commits queue up by it. */
  readonly key: string;
  /** The version of the record. */
  readonly version: string;
  /** What the cookie holds. A place with another token than before needs its cookie sent. */
  readonly cookieValue: string;
  /** Whether the token was made with an older secret, so that the next write or touch makes it anew. */
  readonly hasOldSignature: boolean;
  /** Whether the id was given up with grace. No cookie is sent for it: the newer one stays (SR-036). */
  readonly viaOldId?: boolean;
  /**
   * How the id was replaced, if it was, without a grace that still runs: it leads to the session no more. Who loaded the session
   * before may save once after a mere rotation, and never across a log-in.
   */
  readonly replacedBy?: "rotation" | "login";
  /** Of an id that was replaced: until when the newer cookie may be on its way to the browser, in milliseconds. */
  readonly newerCookieUntil?: number;
}

/** A session that exists: its record and its place. */
export interface StoredSession {
  readonly record: SessionRecord;
  readonly ref: SessionRef;
}

/** A wish for a new id. */
export interface Rotation {
  readonly why: "rotated" | "login";
  /** Seconds for which the old id goes on. */
  readonly grace: number;
  /** The new id, once a transport has made it: however often a save is tried, it is for this one. */
  next?: SessionRef | undefined;
}

/** What a log-out did to the cookies of a request. */
export interface LogoutResult {
  /** The storage keys of the sessions that it ended. */
  readonly ended: readonly string[];
  /** The `Set-Cookie` fields that clear them. */
  readonly setCookies: readonly string[];
}

/** Brings sessions from request to request. "Not found" is a value; trouble is a `SessionError`. */
export interface Transport {
  /** Whether `rotate` can let the old id lead to the session for a while. */
  readonly hasGrace?: boolean;
  /** Whether it can list a user's sessions. */
  readonly canList?: boolean;
  /** How its sessions are written, where that is not the library's own way. */
  readonly format?: DataFormat;
  /** What is done differently for its sessions. */
  readonly policy?: Policy;
  /** Every session that the cookies of this header lead to, expired ones and those by replaced ids included. */
  find(cookieHeader: string | null): MaybePromise<readonly StoredSession[]>;
  /** The session with this id, outside a request; without one only whether that can be at all. */
  open(id: string | undefined): MaybePromise<StoredSession | undefined>;
  /** The session as it is now, seen by the id that it was found by. */
  reload(found: StoredSession): MaybePromise<StoredSession | undefined>;
  /** What `reload` would give if the session were now as another request has saved it. Without it, just that. */
  seenBy?(found: StoredSession, now: StoredSession): StoredSession;
  /** Begins a session under a new id, for a request with these cookies. */
  create(record: SessionRecord, cookieHeader?: string | null): MaybePromise<StoredSession>;
  /** Replaces the record of this version; `undefined`: another version, or gone. */
  save(found: StoredSession, record: SessionRecord): MaybePromise<StoredSession | undefined>;
  /** The same under a new id. */
  rotate(
    found: StoredSession,
    record: SessionRecord,
    cycle: Rotation,
  ): MaybePromise<StoredSession | undefined>;
  /** Renews the limits in the record and changes nothing else; `undefined`: not that version any more, or gone. */
  touch(found: StoredSession, record: SessionRecord): MaybePromise<StoredSession | undefined>;
  /** Ends the session; whether there was one. */
  end(found: StoredSession): MaybePromise<boolean>;
  /** The same, unless the session was changed since it was found; without it, just the same. */
  endUnchanged?(found: StoredSession): MaybePromise<boolean>;
  /** Ends what else the cookies of this header lead to, beside the session with this key, where `find` does not look for it. */
  endOthers?(cookieHeader: string, key: string | undefined): MaybePromise<void>;
  /** Ends every session that the cookies of this header prove, but those with these keys, and clears the cookies. */
  endByCookies(cookieHeader: string | null, except: ReadonlySet<string>): MaybePromise<LogoutResult>;
  /** Removes an expired record, unless it was changed since it was found. */
  removeExpired(found: StoredSession): MaybePromise<void>;
  /** The `Set-Cookie` fields for a place; `maxAge` in seconds, `undefined` until the browser closes. */
  setCookie(ref: SessionRef, maxAge: number | undefined, cookieHeader: string | null): readonly string[];
  /** A page of a user's sessions. */
  list(userId: string, after: string | undefined): MaybePromise<SessionPage>;
  /** One session by its storage key. */
  inspect(key: string): MaybePromise<StoredSession | undefined>;
  /** Ends a session by its storage key; whether there was one. */
  revoke(key: string): MaybePromise<boolean>;
  /** Removes at most `limit` records that expired by `now`; the number removed. */
  clearExpired(now: number, limit: number): MaybePromise<number>;
  /** Closes the store. */
  close(): MaybePromise<void>;
}

/** What a transport is made from. */
export interface TransportContext {
  readonly secrets: Secrets;
  readonly cookie: CookieWriter;
  /** Seconds for one store call. */
  readonly timeout: number;
  readonly events: Events;
  readonly limits: Limits;
  readonly now: () => number;
}

/** A store that keeps no records of its own but brings sessions from request to request in another way, such as a `CookieStore`. */
export interface CarriedStore {
  /**
   * What it does, in words.
   *
   * @deprecated Nothing reads it.
   */
  readonly carries?: string;
}

/**
 * The name of the method by which such a store makes its transport. It is registered, so that a store from one copy of this package works
 * with the sessions of another: from JSR and from npm, or of two versions. What passes between them is therefore a contract: `Transport`,
 * `TransportContext` and what they are made of may get optional members, and no member may change its meaning.
 */
export const makeTransport: unique symbol = Symbol.for("sojourn.transport");

/** What a `CarriedStore` has to be. Its method is no part of the public types: they would show the whole of what is below. */
export interface TransportingStore extends CarriedStore {
  [makeTransport](context: TransportContext): Transport;
}
