/** The carrier of Django's `signed_cookies`: the session itself, signed, is the cookie's value and the session key. */

import type { Carrier, Ended, Found, Place } from "../../../src/transport/transport.ts";
import { maxCookieBytes } from "../../../src/transport/cookie.ts";
import { SessionError } from "../../../src/errors.ts";
import type { Manners } from "../../../src/transport/policy.ts";
import type { MaybePromise, SessionRecord } from "../../../src/store.ts";
import { mostKeys } from "./cookies.ts";
import type { DjangoFormat } from "../format/session_format.ts";
import { unsupported } from "./policy.ts";
import type { DjangoKit } from "./row_transport.ts";

/** See the first line of this file. */
export class SignedCarrier implements Carrier {
  readonly format: DjangoFormat;
  readonly manners: Manners;
  readonly #kit: DjangoKit;

  constructor(kit: DjangoKit) {
    this.#kit = kit;
    this.format = kit.format;
    this.manners = kit.manners;
  }

  find(header: string | null): MaybePromise<readonly Found[]> {
    const { isCarried, keys } = this.#kit.jar.read(header);
    if (keys.length > 0 && keys.length <= mostKeys) return this.#openAll(keys);
    if (isCarried) {
      this.#kit.events.emit("rejected", undefined, keys.length === 0 ? "malformed" : "ambiguous");
    }
    return [];
  }

  async #openAll(tokens: readonly string[]): Promise<readonly Found[]> {
    const found: Found[] = [];
    for (const token of tokens) {
      const one = await this.#open(token);
      if (typeof one !== "string") found.push(one);
      else if (one === "expired") this.#kit.events.emit("expired", token);
      else this.#kit.events.emit("rejected", undefined, one);
    }
    return found;
  }

  async #open(token: string): Promise<Found | "forged" | "malformed" | "expired"> {
    const { envelope, limits, now } = this.#kit;
    const opened = await envelope.open(token);
    if (typeof opened === "string") return opened;
    const { json: data, signedAt, isStale } = opened;
    // Django's own limit: an age of exactly the cookie's is still good.
    const end = (signedAt + limits.idleAge) * 1000 + 1;
    if (now() >= end) return "expired";
    const record = { data, createdAt: signedAt * 1000, touchedAt: now(), expiresAt: end };
    try {
      // The session's own end counts too. The time of signing has no fraction, so the second it is in is granted.
      const { values } = this.format.read(record);
      const own = Math.floor(this.format.endOf(values, signedAt * 1000 + 999));
      const place = { id: token, key: token, version: token, token, isStale };
      return { record: { ...record, expiresAt: Math.min(end, own) }, place };
    } catch (error) {
      if ((error as SessionError).code === "ERR_UNSUPPORTED") throw error;
      return "malformed";
    }
  }

  open(): never {
    return unsupported("be opened from outside a request when they are in the cookie");
  }

  /** There is nothing but what the browser has. */
  reload(): undefined {}

  async create(record: SessionRecord): Promise<Found> {
    const token = await this.#make(record);
    return { record, place: { id: token, key: token, version: token, token, isStale: false } };
  }

  /** Under the same name for this process, so that requests that overlap are saved in turn. */
  async save(found: Found, record: SessionRecord): Promise<Found> {
    const { place } = await this.create(record);
    return { record, place: { ...place, key: found.place.key } };
  }

  rotate(_found: Found, record: SessionRecord): Promise<Found> {
    return this.create(record);
  }

  touch(found: Found, record: SessionRecord): Promise<Found> {
    return this.save(found, record);
  }

  async #make({ data }: SessionRecord): Promise<string> {
    const { envelope, cookie, now } = this.#kit;
    const token = await envelope.close(data, now());
    if (cookie.name.length + token.length <= maxCookieBytes) return token;
    throw new SessionError(
      "ERR_TOO_LARGE",
      `Cannot save the session: its cookie would have over ${maxCookieBytes} bytes, which browsers drop`,
    );
  }

  /** The browser is told to forget; a copy stays good until its age is over, as in Django. */
  end(): boolean {
    return true;
  }

  /** The same for all of them. */
  endCarried(header: string | null): Ended {
    return { ended: [], fields: this.#kit.jar.clear(header) };
  }

  retire(): void {}

  setCookie(place: Place, maxAge: number | undefined): readonly string[] {
    return [this.#kit.jar.set(place.token, maxAge)];
  }

  list(): never {
    return unsupported("list a user's sessions: Django's keep no index of users");
  }

  inspect(): never {
    return unsupported("be looked at by a handle");
  }

  revoke(): never {
    return unsupported("be ended by a handle");
  }

  /** There is nothing to clear. */
  clearExpired(): number {
    return 0;
  }

  close(): void {}
}
