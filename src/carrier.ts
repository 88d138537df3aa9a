/**
 * The seam under the core: how a session travels in a cookie and where its record lives. Server-held sessions, sealed
 * cookies and Django's formats are three carriers; the core knows none of them by name.
 */

import type { Events } from "./events.ts";
import type { CookieWriter } from "./cookie.ts";
import type { Limits } from "./lifetime.ts";
import type { Secrets } from "./keyring.ts";
import type { Manners } from "./manners.ts";
import type { DataFormat } from "./format.ts";
import type { IndexedRecord, MaybePromise, SessionRecord } from "./store.ts";

/** Where a session is. What else a carrier needs, it keeps in its own places. */
export interface Place {
  /** The client's secret: `session.id`. */
  readonly id: string;
  /** What a store sees of it; parallel commits queue up by it. */
  readonly key: string;
  /** The version of the record. */
  readonly version: string;
  /** What the cookie holds. A place with another token than before needs its cookie sent. */
  readonly token: string;
  /** Whether the token was made with an older secret, so that the next write or touch makes it anew. */
  readonly isStale: boolean;
  /** Whether the cookie held an id that was given up with grace. No cookie is sent for it: the newer one stays (SR-036). */
  readonly isFormer?: boolean;
}

/** A session that exists: its record and its place. */
export interface Found {
  readonly record: SessionRecord;
  readonly place: Place;
}

/** Brings sessions from request to request. "Not found" is a value; trouble is a `SessionError`. */
export interface Carrier {
  /** Whether `rotate` can let the old id lead to the new one for a while. */
  readonly hasGrace?: boolean;
  /** How its sessions are written, where that is not the library's own way. */
  readonly format?: DataFormat;
  /** What is done differently for its sessions. */
  readonly manners?: Manners;
  /** Every session that the cookies of this header lead to, expired ones included. */
  find(cookieHeader: string | null): MaybePromise<readonly Found[]>;
  /** The session with this id, outside a request; without one only whether that can be at all. */
  open(id: string | undefined): MaybePromise<Found | undefined>;
  /** The session as it is now. */
  reload(place: Place): MaybePromise<Found | undefined>;
  /** Begins a session under a new id, for a request with these cookies. */
  create(record: SessionRecord, cookieHeader?: string | null): MaybePromise<Place>;
  /** Replaces the record of this version; `undefined`: another version, or gone. */
  save(place: Place, record: SessionRecord): MaybePromise<Place | undefined>;
  /** The same under a new id; the old one leads there for `grace` seconds, and is dead afterwards. */
  rotate(place: Place, record: SessionRecord, grace: number): MaybePromise<Place | undefined>;
  /** Renews the limits in the record and changes nothing else; `undefined`: gone. */
  touch(place: Place, record: SessionRecord): MaybePromise<Place | undefined>;
  /** Ends the session; whether there was one. */
  end(found: Found): MaybePromise<boolean>;
  /** Removes an expired record, unless it was changed since it was found. */
  retire(found: Found): MaybePromise<void>;
  /** The `Set-Cookie` fields for a place; `maxAge` in seconds, `undefined` until the browser closes. */
  setCookie(place: Place, maxAge: number | undefined, cookieHeader: string | null): readonly string[];
  /** The `Set-Cookie` fields that clear what this header carries of ours. */
  clearCookie(cookieHeader: string | null): MaybePromise<readonly string[]>;
  /** A user's sessions. */
  list(userId: string): MaybePromise<readonly IndexedRecord[]>;
  /** One session by its storage key. */
  inspect(key: string): MaybePromise<SessionRecord | undefined>;
  /** Ends a session by its storage key; whether there was one. */
  revoke(key: string): MaybePromise<boolean>;
  /** Removes at most `limit` records that expired by `now`; the number removed. */
  clearExpired(now: number, limit: number): MaybePromise<number>;
  /** Closes the store. */
  close(): MaybePromise<void>;
}

/** What a carrier is made from. */
export interface CarrierKit {
  readonly secrets: Secrets;
  readonly cookie: CookieWriter;
  /** Seconds for one store call. */
  readonly timeout: number;
  readonly events: Events;
  readonly limits: Limits;
  readonly now: () => number;
}

/** A store that keeps no records of its own but brings sessions from request to request in another way. */
export interface CarriedStore {
  /** What it does, in words. */
  readonly carries: string;
}

type MakeCarrier = (kit: CarrierKit) => Carrier;

const makers = new WeakMap<object, MakeCarrier>();

/** Says how to make the carrier of a store that is not held on the server. */
export function bringsCarrier(store: CarriedStore, make: MakeCarrier): void {
  makers.set(store, make);
}

/** How to make a store's own carrier; `undefined` for any ordinary store. */
export function ownCarrier(store: object): MakeCarrier | undefined {
  return makers.get(store);
}
