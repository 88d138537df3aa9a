/** The carrier of server-held sessions: a signed id in the cookie, the record in a `SessionStore` under one key for life. */

import type { Carrier, CarrierKit, Cycle, Ended, Found, Place } from "./transport.ts";
import { SessionError } from "../errors.ts";
import { Guard, GuardedStore, harmless } from "../guard/call_guard.ts";
import { isCurrent, type Proofs, readProofs, rotated, saved, withProofs } from "./id_proofs.ts";
import type { MaybePromise, SessionPage, SessionRecord, SessionStore, StoredRecord } from "../store.ts";
import { type Identity, SignedIds } from "./signed_id_cookie.ts";
import { isId, makeId, nextId } from "../crypto/session_id.ts";

interface HeldPlace extends Identity, Place {
  readonly version: string;
}

/** More different cookies than this on one request are refused unread (SR-016). */
const mostCandidates = 4;
/** So many of them are looked at when they are to be ended. */
const mostEnded = 64;
/** New ids that may be taken before that means trouble (SR-004). */
const mostIds = 8;
/** For how long after an id was replaced the newer cookie may be on its way to the browser, in milliseconds. */
const onTheWay = 60_000;

function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return value instanceof Promise;
}

export class HeldCarrier implements Carrier {
  readonly hasGrace = true;
  readonly #store: GuardedStore;
  readonly #kit: CarrierKit;
  readonly #ids: SignedIds;

  constructor(store: SessionStore, kit: CarrierKit) {
    this.#store = new GuardedStore(store, new Guard(kit.timeout, kit.events));
    this.#kit = kit;
    this.#ids = new SignedIds(kit.secrets, kit.cookie);
    store.onEvict?.((key) => kit.events.emit("evicted", key));
  }

  find(header: string | null): MaybePromise<readonly Found[]> {
    const known = header === null ? undefined : this.#ids.ofHeader(header);
    if (known !== undefined) return this.#findOne(known);
    const { isCarried, values } = this.#ids.read(header, mostCandidates);
    if (values.length === 0 || values.length > mostCandidates) {
      if (isCarried) {
        this.#kit.events.emit("rejected", undefined, values.length === 0 ? "malformed" : "ambiguous");
      }
      return [];
    }
    const only = values.length === 1 ? this.#ids.ofOnly(values[0]!, header!) : undefined;
    return only === undefined ? this.#findAll(values) : this.#findOne(only);
  }

  #findOne(identity: Identity): MaybePromise<readonly Found[]> {
    const found = this.#look(identity);
    return isPromise(found) ? found.then((one) => this.#chosenOne(one)) : this.#chosenOne(found);
  }

  #chosenOne(found: Found | undefined): readonly Found[] {
    if (found === undefined) return [];
    const all = [found];
    return found.place.replacedBy === undefined ? all : this.#chosen(all);
  }

  async #findAll(values: readonly string[]): Promise<readonly Found[]> {
    const found: (Found | undefined)[] = [];
    for (const value of values) {
      const identity = await this.#ids.verify(value);
      if (identity === undefined) this.#kit.events.emit("rejected", undefined, "forged");
      else found.push(await this.#look(identity));
    }
    return this.#chosen(found);
  }

  /** One for each session: by its current id, else by one in grace. A replaced id beside it is no surprise, and alone an event. */
  #chosen(all: readonly (Found | undefined)[]): readonly Found[] {
    const rank = ({ place }: Found) => place.replacedBy ? 2 : place.isFormer ? 1 : 0;
    const best = new Map<string, Found>();
    for (const one of all) {
      const other = one && best.get(one.place.key);
      if (one && (!other || rank(one) < rank(other))) best.set(one.place.key, one);
    }
    const chosen = [...best.values()];
    if (chosen.every(({ place }) => place.replacedBy)) {
      for (const { place } of chosen) this.#kit.events.emit("reuse", place.key);
    }
    return chosen;
  }

  /** The session that a verified cookie leads to. A damaged one is reported and left alone. */
  #look(identity: Identity): MaybePromise<Found | undefined> {
    try {
      const record = this.#store.load(identity.key);
      return isPromise(record)
        ? record.then((one) => this.#seen(one, identity), (error) => this.#damaged(error, identity))
        : this.#seen(record, identity);
    } catch (error) {
      return this.#damaged(error, identity);
    }
  }

  #seen(record: StoredRecord | undefined, identity: Identity): MaybePromise<Found | undefined> {
    if (record === undefined) return this.#unknown(identity);
    if (isCurrent(record.head, identity.proof)) return { record, place: placeOf(identity, record.version) };
    return this.#seenFresh(identity).catch((error) => this.#damaged(error, identity));
  }

  /** A copy never decides that an id was replaced. */
  async #seenFresh(identity: Identity): Promise<Found | undefined> {
    const record = await this.#store.loadFresh(identity.key);
    if (record === undefined) return this.#unknown(identity);
    const found = this.#at(identity, record, record.version);
    // Struck out, so that no clock that steps back revives it (SR-038).
    if (
      found.place.replacedBy && readProofs(record.head).formers.some(({ proof }) => proof === identity.proof)
    ) {
      await harmless(async () => void await this.save(found, record));
    }
    return found;
  }

  #unknown({ key }: Identity): undefined {
    this.#kit.events.emit("rejected", key, "unknown");
  }

  #damaged(error: unknown, { key }: Identity): undefined {
    if (!(error instanceof SessionError) || error.code !== "ERR_DAMAGED") throw error;
    this.#kit.events.emit("damaged", key);
  }

  /** A record as the holder of an id sees it; `loaded` is what it saw before. */
  #at(identity: Identity, record: SessionRecord, version: string, loaded?: Proofs): Found {
    const [place, isNow] = [placeOf(identity, version), isCurrent(record.head, identity.proof)];
    if (isNow && loaded === undefined) return { record, place };
    const { since, logins, formers } = readProofs(record.head);
    const newerUntil = since + onTheWay;
    // Also when the id stays: what it leads to is another user's session, or nobody's.
    if (loaded !== undefined && loaded.logins !== logins) {
      return { record, place: { ...place, replacedBy: "login", newerUntil } };
    }
    if (isNow) return { record, place };
    const former = formers.find(({ proof }) => proof === identity.proof);
    if (former !== undefined && this.#kit.now() < former.until) {
      return { record, place: { ...place, isFormer: true } };
    }
    return { record, place: { ...place, replacedBy: "rotation", newerUntil } };
  }

  /** What a cookie with this id would lead to. */
  protected async findById(id: string): Promise<readonly Found[]> {
    return await this.#findOne(await this.#ids.sign(id));
  }

  async open(id: string | undefined): Promise<Found | undefined> {
    if (!isId(id)) return undefined;
    const found = await this.#look(await this.#ids.sign(id));
    return found?.place.replacedBy === undefined ? found : undefined;
  }

  async reload(found: Found): Promise<Found | undefined> {
    const record = await this.#store.loadFresh(found.place.key);
    return record && this.#at(identityOf(found), record, record.version, readProofs(found.record.head));
  }

  seenBy(found: Found, { record, place }: Found): Found {
    return this.#at(identityOf(found), record, place.version, readProofs(found.record.head));
  }

  async create(record: SessionRecord): Promise<Found> {
    for (let i = 0; i < mostIds; i++) {
      const identity = await this.#ids.sign(makeId());
      const proofs = { proof: identity.proof, since: this.#kit.now(), logins: 0, formers: [] };
      const created = { ...record, head: withProofs(record.head, proofs) };
      const version = await this.#store.create(identity.key, created);
      if (version !== undefined) {
        return { record: created, place: placeOf(this.#ids.remember(identity), version) };
      }
    }
    throw new SessionError("ERR_STORE", `The session store said of ${mostIds} new ids that each was taken`);
  }

  save(found: Found, record: SessionRecord): MaybePromise<Found | undefined> {
    const { key, version, isStale } = found.place;
    const before = found.record;
    const head = saved(before.head, record.head!, this.#kit.now(), before.userId !== record.userId);
    const written = head === record.head ? record : { ...record, head };
    const answer = this.#store.save(key, written, version);
    if (isPromise(answer) || isStale) return this.#saved(found, written, answer);
    return answer === undefined ? undefined : { record: written, place: { ...found.place, version: answer } };
  }

  async #saved(
    { place }: Found,
    record: SessionRecord,
    saved: MaybePromise<string | undefined>,
  ): Promise<Found | undefined> {
    const version = await saved;
    return version === undefined ? undefined : { record, place: { ...await this.#renewed(place), version } };
  }

  /** The same place with a token under the newest secret. */
  async #renewed(place: Place): Promise<Place> {
    if (!place.isStale || place.isFormer || place.replacedBy) return place;
    const { token } = this.#ids.remember(await this.#ids.sign(place.id));
    return { ...place, token, isStale: false };
  }

  async rotate(found: Found, record: SessionRecord, cycle: Cycle): Promise<Found | undefined> {
    const { key, id, version } = found.place;
    const next = await this.#next(id, cycle);
    const isLogin = cycle.why === "login" || found.record.userId !== record.userId;
    const to = { proof: next.proof, now: this.#kit.now(), grace: cycle.grace, isLogin };
    const head = rotated(found.record.head, record.head!, to);
    const written = { ...record, head };
    const answer = await this.#store.save(key, written, version);
    if (answer === undefined) return undefined;
    return { record: written, place: placeOf(this.#ids.remember(next), answer) };
  }

  async #next(id: string, cycle: Cycle): Promise<HeldPlace> {
    cycle.next ??= placeOf(await this.#ids.sign(nextId(id)), "");
    return cycle.next as HeldPlace;
  }

  async touch(found: Found, record: SessionRecord): Promise<Found | undefined> {
    if (!this.#store.canTouch) return await this.save(found, record);
    const { place } = found;
    const isDone = await this.#store.touch(place.key, record.touchedAt, record.expiresAt, place.version);
    return isDone ? { record, place: await this.#renewed(place) } : undefined;
  }

  end({ place }: Found): MaybePromise<boolean> {
    return this.#store.delete(place.key);
  }

  /** Of a cookie that is not ours nothing is known, and nothing is done to it. */
  async endCarried(header: string | null, except: ReadonlySet<string>): Promise<Ended> {
    const { values } = this.#ids.read(header, mostEnded);
    const keys = new Set<string>();
    for (const value of values) {
      const identity = await this.#ids.verify(value);
      if (identity !== undefined) keys.add(identity.key);
    }
    const ended: string[] = [];
    for (const key of keys) if (!except.has(key) && await this.#store.delete(key)) ended.push(key);
    return { ended, fields: keys.size > 0 ? this.#kit.cookie.clearAll() : [] };
  }

  /** Saved once more before it is deleted, so that whoever renews it at this moment learns that it is gone (SR-038). */
  async retire({ place, record }: Found): Promise<void> {
    const version = await this.#store.save(place.key, record, place.version);
    if (version !== undefined) await this.#store.delete(place.key);
  }

  setCookie(place: Place, maxAge: number | undefined, header: string | null): readonly string[] {
    if (place.isFormer || place.replacedBy) return [];
    const { cookie } = this.#kit;
    const field = cookie.set(place.token, maxAge);
    // One that was set before there was a domain would stand beside it.
    return cookie.hasTwin && this.#ids.read(header, 1).values.length > 1
      ? [cookie.clearTwin(), field]
      : [field];
  }

  get canList(): boolean {
    return this.#store.canList;
  }

  list(userId: string, after: string | undefined): MaybePromise<SessionPage> {
    return this.#store.list(userId, after);
  }

  inspect(key: string): MaybePromise<SessionRecord | undefined> {
    return this.#store.loadFresh(key);
  }

  revoke(key: string): MaybePromise<boolean> {
    return this.#store.delete(key);
  }

  clearExpired(now: number, limit: number): MaybePromise<number> {
    return this.#store.clearExpired(now, limit);
  }

  close(): MaybePromise<void> {
    return this.#store.close();
  }
}

function placeOf({ id, key, proof, token, isStale }: Identity, version: string): HeldPlace {
  return { id, key, proof, token, isStale, version };
}

function identityOf({ place }: Found): Identity {
  return place as HeldPlace;
}
