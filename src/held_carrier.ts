/** The carrier of server-held sessions: a signed id in the cookie, the record in a `SessionStore`. */

import type { Carrier, CarrierKit, Found, Place } from "./carrier.ts";
import { readCookie } from "./cookie.ts";
import { SessionError } from "./errors.ts";
import { Guard, GuardedStore, trouble } from "./guard.ts";
import { Signer } from "./keyring.ts";
import { comesFrom, withFormer } from "./record.ts";
import { Recent } from "./recent.ts";
import { mask } from "./pointer.ts";
import type { IndexedRecord, MaybePromise, SessionRecord, SessionStore, StoredRecord } from "./store.ts";
import { isId, makeId, storageKey } from "./token.ts";
import { type Sign, Trail } from "./trail.ts";

/** A verified cookie: everything that reading it again would cost crypto to find out. */
type Identity = Omit<Place, "version">;

/** More different cookies than this on one request are refused unread (SR-016). */
const mostCandidates = 4;
/** New ids that may be taken before that means trouble (SR-004). */
const mostIds = 8;
/** Rotations with grace that an old cookie may be behind. */
const mostSteps = 32;
/** Verified cookies remembered per generation. */
const remembered = 4096;
/** A `Cookie` header of more characters is read anew each time. */
const longestKnown = 512;

/** `<id>.<tag>` in its one spelling: a 32-byte tag leaves two spare bits, which are zero (SR-026). */
const isToken = (value: string) => /^[A-Za-z0-9_-]{32}\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(value);

function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return value instanceof Promise;
}

/** See the first line of this file. */
export class HeldCarrier implements Carrier {
  readonly hasGrace = true;
  readonly #store: GuardedStore;
  readonly #kit: CarrierKit;
  readonly #signer: Signer;
  readonly #trail: Trail;
  /** Keyed by whole cookies that were verified before, so a look-up tells nothing about a tag (SR-006). */
  readonly #verified: Recent<string, Identity> = new Recent(remembered);
  /** Keyed by whole `Cookie` headers in which one of them was found alone: browsers send the same one again and again. */
  readonly #headers: Recent<string, Identity> = new Recent(remembered);

  /** Rotations that this process made or makes: from a key to the next one, if it comes to that. */
  readonly #rotations: Recent<string, Promise<string | undefined>> = new Recent(1024);

  constructor(store: SessionStore, kit: CarrierKit) {
    this.#store = new GuardedStore(store, new Guard(kit.timeout, kit.events));
    this.#kit = kit;
    this.#trail = new Trail(this.#store, kit.now);
    this.#signer = new Signer(kit.secrets, "session id", kit.cookie.name);
    store.onEvict?.((key) => kit.events.emit("evicted", key));
  }

  find(header: string | null): MaybePromise<readonly Found[]> {
    const known = header === null ? undefined : this.#headers.get(header);
    if (known !== undefined) return this.#look(known);
    const { isCarried, values } = readCookie(header, this.#kit.cookie.name, isToken, mostCandidates);
    if (values.length === 0 || values.length > mostCandidates) {
      if (isCarried) {
        this.#kit.events.emit("rejected", undefined, values.length === 0 ? "malformed" : "ambiguous");
      }
      return [];
    }
    if (values.length === 1) {
      const identity = this.#verified.get(values[0]!);
      if (identity !== undefined) {
        if (header!.length <= longestKnown) this.#headers.set(header!, identity);
        return this.#look(identity);
      }
    }
    return this.#findAll(values);
  }

  async #findAll(values: readonly string[]): Promise<readonly Found[]> {
    const found: Found[] = [];
    for (const value of values) {
      const identity = this.#verified.get(value) ?? await this.#verify(value);
      if (identity === undefined) this.#kit.events.emit("rejected", undefined, "forged");
      else found.push(...await this.#look(identity));
    }
    // An old cookie and the new one are one session.
    const sessions = new Map<string, Found>();
    for (const one of found) {
      const { key, isFormer } = one.place;
      if (!isFormer || !sessions.has(key)) sessions.set(key, one);
    }
    return [...sessions.values()];
  }

  async #verify(carried: string): Promise<Identity | undefined> {
    const token = copyOf(carried);
    const id = token.slice(0, 32);
    const secret = await this.#signer.verify(id, token.slice(33));
    return secret < 0 ? undefined : this.#remember(id, await storageKey(id), token, secret > 0);
  }

  #remember(id: string, key: string, token: string, isStale: boolean): Identity {
    const identity = { id, key, token, isStale };
    this.#verified.set(token, identity);
    return identity;
  }

  /** The record that a verified cookie leads to. A damaged one is reported and left alone. */
  #look(identity: Identity): MaybePromise<readonly Found[]> {
    try {
      const found = this.#load(identity);
      return isPromise(found)
        ? found.then((one) => this.#seen(one, identity), (error) => this.#damaged(error, identity))
        : this.#seen(found, identity);
    } catch (error) {
      return this.#damaged(error, identity);
    }
  }

  #seen(found: Found | Sign | undefined, { key }: Identity): MaybePromise<readonly Found[]> {
    if (found === undefined) this.#kit.events.emit("rejected", key, "unknown");
    else if ("place" in found) return [found];
    else return this.#reused(found, key);
    return [];
  }

  async #reused(sign: Sign, key: string): Promise<readonly Found[]> {
    this.#kit.events.emit("reuse", key);
    await this.#trail.close(sign);
    return [];
  }

  #damaged(error: unknown, { key }: Identity): readonly Found[] {
    if (!(error instanceof SessionError) || error.code !== "ERR_DAMAGED") throw error;
    this.#kit.events.emit("damaged", key);
    return [];
  }

  /** The session under this id, or where that leads to; a sign on the way whose grace is over. */
  #load(identity: Identity): MaybePromise<Found | Sign | undefined> {
    const record = this.#store.load(identity.key);
    return isPromise(record)
      ? record.then((record) => this.#at(identity, record))
      : this.#at(identity, record);
  }

  #at(identity: Identity, record: StoredRecord | undefined): MaybePromise<Found | Sign | undefined> {
    if (record === undefined) return this.#follow(identity);
    const { id, key, token, isStale, isFormer = false } = identity;
    return { record, place: { id, key, token, isStale, isFormer, version: record.version } };
  }

  async #follow({ id, key, token }: Identity): Promise<Found | Sign | undefined> {
    for (let step = 0; step < mostSteps; step++) {
      const sign = await this.#trail.from(key);
      if (sign === undefined) return undefined;
      if (this.#kit.now() >= sign.until) return sign;
      id = await mask(sign.masked, id);
      key = await storageKey(id);
      const record = await this.#store.load(key);
      if (record === undefined) continue;
      return {
        record,
        place: { id, key, token, isStale: false, isFormer: true, version: record.version },
      };
    }
    return undefined;
  }

  async open(id: string | undefined): Promise<Found | undefined> {
    if (!isId(id)) return undefined;
    const [key, tag] = await Promise.all([storageKey(id), this.#signer.sign(id)]);
    const [found] = await this.#look({ id, key, token: `${id}.${tag}`, isStale: false });
    return found;
  }

  async reload(place: Place): Promise<Found | undefined> {
    const found = await this.#load(place);
    return found !== undefined && "place" in found ? found : undefined;
  }

  async create(record: SessionRecord): Promise<Place> {
    for (let i = 0; i < mostIds; i++) {
      const id = makeId();
      const [key, tag] = await Promise.all([storageKey(id), this.#signer.sign(id)]);
      const version = await this.#store.create(key, record);
      if (version !== undefined) return { ...this.#remember(id, key, `${id}.${tag}`, false), version };
    }
    throw noFreeId();
  }

  save(place: Place, record: SessionRecord): MaybePromise<Place | undefined> {
    const version = this.#store.save(place.key, record, place.version);
    if (isPromise(version) || place.isStale) return this.#saved(place, version);
    return version === undefined ? undefined : { ...place, version };
  }

  async #saved(place: Place, saved: MaybePromise<string | undefined>): Promise<Place | undefined> {
    const version = await saved;
    return version === undefined ? undefined : { ...await this.#fresh(place), version };
  }

  /** The same place with a token under the newest secret. */
  async #fresh(place: Place): Promise<Place> {
    if (!place.isStale) return place;
    const token = `${place.id}.${await this.#signer.sign(place.id)}`;
    return { ...this.#remember(place.id, place.key, token, false), version: place.version };
  }

  async rotate(place: Place, record: SessionRecord, grace: number): Promise<Place | undefined> {
    let id: string | undefined;
    for (let i = 0; i < mostIds; i++) {
      id = grace > 0 ? await this.#trail.leave(place, grace, id) : makeId();
      if (id === undefined) return undefined;
      const [key, tag] = await Promise.all([storageKey(id), this.#signer.sign(id)]);
      const moved = { ...record, data: withFormer(record.data, place.key) };
      const rotating = Promise.resolve(this.#store.rotate(place.key, key, moved, place.version));
      this.#rotations.set(place.key, rotating.then((version) => version && key, () => key));
      const version = await rotating;
      if (version !== undefined) return { ...this.#remember(id, key, `${id}.${tag}`, false), version };
      const now = await this.#store.load(place.key);
      if (now?.version !== place.version) return undefined;
    }
    throw noFreeId();
  }

  async touch(place: Place, record: SessionRecord): Promise<Place | undefined> {
    if (this.#store.canTouch) {
      if (await this.#store.touch(place.key, record.touchedAt, record.expiresAt)) {
        return await this.#fresh(place);
      }
    } else {
      const saved = await this.save(place, record);
      if (saved !== undefined) return saved;
    }
    const now = await this.reload(place);
    if (now === undefined) return undefined;
    // Somebody else saved or moved it: the version stays the old one, so that a save of ours will notice.
    return now.place.isFormer ? { ...place, isFormer: true } : await this.#fresh(place);
  }

  /** The keys that a session has had since this one, by rotations with grace and, for a log-out, by all of this process. */
  async *#since(key: string, isLogOut = false): AsyncGenerator<string> {
    const keys = new Set([key]);
    for (const one of keys) {
      yield one;
      const own = isLogOut ? await this.#rotations.get(one) : undefined;
      if (own !== undefined) keys.add(own);
      const sign = await this.#trail.from(one).catch(trouble);
      if (sign !== undefined) keys.add(sign.key);
    }
  }

  /**
   * Ends the session wherever it has gone. No rotation overtakes it: one under way has left its pointer before. Looks on also
   * when it was at the first place: of a rotation that a crash cut short in files there may be a second record.
   */
  async end({ place, record }: Found): Promise<boolean> {
    let isEnded = false;
    for await (const key of this.#since(place.key, true)) isEnded = await this.#store.delete(key) || isEnded;
    return isEnded || await this.#endMoved(record, place.key);
  }

  /** Ends a user's session that another process has given a new id without grace: its record says where it was before. */
  async #endMoved({ userId }: SessionRecord, key: string): Promise<boolean> {
    if (userId === undefined || !this.#store.canList) return false;
    let isEnded = false;
    for (const { key: at, record } of await this.#store.list(userId)) {
      if (comesFrom(record, key)) isEnded = await this.#store.delete(at) || isEnded;
    }
    return isEnded;
  }

  /** Saved once more before it is deleted, so that whoever renews it at this moment learns that it is gone (SR-038). */
  async retire({ place, record }: Found): Promise<void> {
    const version = await this.#store.save(place.key, record, place.version);
    if (version !== undefined) await this.#store.delete(place.key);
  }

  setCookie(place: Place, maxAge: number | undefined): readonly string[] {
    return place.isFormer ? [] : [this.#kit.cookie.set(place.token, maxAge)];
  }

  clearCookie(header: string | null): readonly string[] {
    return readCookie(header, this.#kit.cookie.name, isToken, mostCandidates).isCarried
      ? [this.#kit.cookie.clear()]
      : [];
  }

  list(userId: string): MaybePromise<readonly IndexedRecord[]> {
    return this.#store.list(userId);
  }

  async inspect(key: string): Promise<SessionRecord | undefined> {
    for await (const one of this.#since(key)) {
      const record = await this.#store.load(one);
      if (record !== undefined) return record;
    }
    return undefined;
  }

  async revoke(key: string): Promise<boolean> {
    for await (const one of this.#since(key)) if (await this.#store.delete(one)) return true;
    return false;
  }

  clearExpired(now: number, limit: number): MaybePromise<number> {
    return this.#store.clearExpired(now, limit);
  }

  close(): MaybePromise<void> {
    return this.#store.close();
  }
}

/** The same text in memory of its own: on Bun a part of a header keeps the whole header alive. */
function copyOf(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text));
}

function noFreeId(): SessionError {
  return new SessionError("ERR_STORE", `The session store said of ${mostIds} new ids that each was taken`);
}
