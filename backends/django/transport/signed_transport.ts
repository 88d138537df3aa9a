/** The transport of Django's `signed_cookies`: the session itself, signed, is the cookie's value and the session key. */

import type { LogoutResult, SessionRef, StoredSession, Transport } from "../../../src/transport/transport.ts";
import { maxCookieBytes } from "../../../src/transport/cookie.ts";
import { SessionError } from "../../../src/errors.ts";
import type { Policy } from "../../../src/transport/policy.ts";
import type { MaybePromise, SessionRecord } from "../../../src/store.ts";
import { mostKeys } from "./cookies.ts";
import type { DjangoFormat } from "../format/session_format.ts";
import { unsupported } from "./policy.ts";
import type { DjangoKit } from "./row_transport.ts";

/** Keeps Django's sessions in signed cookies. */
export class SignedTransport implements Transport {
  readonly format: DjangoFormat;
  readonly policy: Policy;
  readonly #kit: DjangoKit;

  constructor(kit: DjangoKit) {
    this.#kit = kit;
    this.format = kit.format;
    this.policy = kit.policy;
  }

  find(header: string | null): MaybePromise<readonly StoredSession[]> {
    const { isPresent, keys } = this.#kit.jar.read(header);
    if (keys.length > 0 && keys.length <= mostKeys) return this.#openAll(keys);
    if (isPresent) {
      this.#kit.events.emit("rejected", undefined, keys.length === 0 ? "malformed" : "ambiguous");
    }
    return [];
  }

  async #openAll(tokens: readonly string[]): Promise<readonly StoredSession[]> {
    const found: StoredSession[] = [];
    for (const token of tokens) {
      const one = await this.#open(token);
      if (typeof one !== "string") found.push(one);
      else if (one === "expired") this.#kit.events.emit("expired", token);
      else this.#kit.events.emit("rejected", undefined, one);
    }
    return found;
  }

  async #open(cookieValue: string): Promise<StoredSession | "forged" | "malformed" | "expired"> {
    const { envelope, limits, now } = this.#kit;
    const opened = await envelope.open(cookieValue);
    if (typeof opened === "string") return opened;
    const { json: data, signedAt, hasOldKey } = opened;
    // As in Django, an age of exactly the cookie's is still valid.
    const end = (signedAt + limits.idleAge) * 1000 + 1;
    if (now() >= end) return "expired";
    const record = { data, createdAt: signedAt * 1000, touchedAt: now(), expiresAt: end };
    try {
      // The session's own expiry counts too. The time of signing has no fraction, so its second is granted.
      const { values } = this.format.read(record);
      const own = Math.floor(this.format.endOf(values, signedAt * 1000 + 999));
      const ref = {
        id: cookieValue,
        key: cookieValue,
        version: cookieValue,
        cookieValue,
        hasOldSignature: hasOldKey,
      };
      return { record: { ...record, expiresAt: Math.min(end, own) }, ref };
    } catch (error) {
      if ((error as SessionError).code === "ERR_UNSUPPORTED") throw error;
      return "malformed";
    }
  }

  open(): never {
    return unsupported("be opened from outside a request when they are in the cookie");
  }

  /** The session exists only in the browser. */
  reload(): undefined {}

  async create(record: SessionRecord): Promise<StoredSession> {
    const token = await this.#make(record);
    return {
      record,
      ref: { id: token, key: token, version: token, cookieValue: token, hasOldSignature: false },
    };
  }

  /** Keeps the key within this process, so that overlapping requests are saved one after the other. */
  async save(found: StoredSession, record: SessionRecord): Promise<StoredSession> {
    const { ref } = await this.create(record);
    return { record, ref: { ...ref, key: found.ref.key } };
  }

  rotate(_found: StoredSession, record: SessionRecord): Promise<StoredSession> {
    return this.create(record);
  }

  touch(found: StoredSession, record: SessionRecord): Promise<StoredSession> {
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

  /** The cookie is deleted in the browser; as in Django, a copy stays valid until it is too old. */
  end(): boolean {
    return true;
  }

  /** The same for all of them. */
  endByCookies(header: string | null): LogoutResult {
    return { ended: [], setCookies: this.#kit.jar.clear(header) };
  }

  removeExpired(): void {}

  setCookie(ref: SessionRef, maxAge: number | undefined): readonly string[] {
    return [this.#kit.jar.set(ref.cookieValue, maxAge)];
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

  /** Does nothing, as nothing is stored. */
  clearExpired(): number {
    return 0;
  }

  close(): void {}
}
