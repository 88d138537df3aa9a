/** The transport of server-held sessions: a signed id in the cookie, the record in a `SessionStore` under one key for life. */

import type {
  LogoutResult,
  Rotation,
  SessionRef,
  StoredSession,
  Transport,
  TransportContext,
} from "./transport.ts";
import { SessionError } from "../errors.ts";
import { CallGuard, GuardedStore, ignoreSessionErrors } from "../guard/call_guard.ts";
import { isCurrent, type Proofs, readProofs, rotated, saved, withProofs } from "./id_proofs.ts";
import type { MaybePromise, SessionPage, SessionRecord, SessionStore, StoredRecord } from "../store.ts";
import { SignedIds, type VerifiedId } from "./signed_id_cookie.ts";
import { isId, makeId, nextId } from "../crypto/session_id.ts";

interface StoreRef extends VerifiedId, SessionRef {
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

export class StoreTransport implements Transport {
  readonly hasGrace = true;
  readonly #store: GuardedStore;
  readonly #context: TransportContext;
  readonly #ids: SignedIds;

  constructor(store: SessionStore, kit: TransportContext) {
    this.#store = new GuardedStore(store, new CallGuard(kit.timeout, kit.events));
    this.#context = kit;
    this.#ids = new SignedIds(kit.secrets, kit.cookie);
    store.onEvict?.((key) => kit.events.emit("evicted", key));
  }

  find(header: string | null): MaybePromise<readonly StoredSession[]> {
    const known = header === null ? undefined : this.#ids.ofHeader(header);
    if (known !== undefined) return this.#findOne(known);
    const { isPresent, values } = this.#ids.read(header, mostCandidates);
    if (values.length === 0 || values.length > mostCandidates) {
      if (isPresent) {
        this.#context.events.emit("rejected", undefined, values.length === 0 ? "malformed" : "ambiguous");
      }
      return [];
    }
    const only = values.length === 1 ? this.#ids.ofOnly(values[0]!, header!) : undefined;
    return only === undefined ? this.#findAll(values) : this.#findOne(only);
  }

  #findOne(identity: VerifiedId): MaybePromise<readonly StoredSession[]> {
    const found = this.#look(identity);
    return found instanceof Promise ? found.then((one) => this.#chosenOne(one)) : this.#chosenOne(found);
  }

  #chosenOne(found: StoredSession | undefined): readonly StoredSession[] {
    if (found === undefined) return [];
    const all = [found];
    return found.ref.replacedBy === undefined ? all : this.#chosen(all);
  }

  async #findAll(values: readonly string[]): Promise<readonly StoredSession[]> {
    const found: (StoredSession | undefined)[] = [];
    for (const value of values) {
      const identity = await this.#ids.verify(value);
      if (identity === undefined) this.#context.events.emit("rejected", undefined, "forged");
      else found.push(await this.#look(identity));
    }
    return this.#chosen(found);
  }

  /** One for each session: by its current id, else by one in grace. A replaced id beside it is no surprise, and alone an event. */
  #chosen(all: readonly (StoredSession | undefined)[]): readonly StoredSession[] {
    const rank = ({ ref }: StoredSession) => ref.replacedBy ? 2 : ref.viaOldId ? 1 : 0;
    const best = new Map<string, StoredSession>();
    for (const one of all) {
      const other = one && best.get(one.ref.key);
      if (one && (!other || rank(one) < rank(other))) best.set(one.ref.key, one);
    }
    const chosen = [...best.values()];
    if (chosen.every(({ ref }) => ref.replacedBy)) {
      for (const { ref } of chosen) this.#context.events.emit("reuse", ref.key);
    }
    return chosen;
  }

  /** The session that a verified cookie leads to. A damaged one is reported and left alone. */
  #look(identity: VerifiedId): MaybePromise<StoredSession | undefined> {
    try {
      const record = this.#store.load(identity.key);
      return record instanceof Promise
        ? record.then((one) => this.#seen(one, identity), (error) => this.#damaged(error, identity))
        : this.#seen(record, identity);
    } catch (error) {
      return this.#damaged(error, identity);
    }
  }

  #seen(record: StoredRecord | undefined, identity: VerifiedId): MaybePromise<StoredSession | undefined> {
    if (record === undefined) return this.#unknown(identity);
    if (isCurrent(record.head, identity.proof)) return { record, ref: refOf(identity, record.version) };
    return this.#seenFresh(identity).catch((error) => this.#damaged(error, identity));
  }

  /** A copy never decides that an id was replaced. */
  async #seenFresh(identity: VerifiedId): Promise<StoredSession | undefined> {
    const record = await this.#store.loadFresh(identity.key);
    if (record === undefined) return this.#unknown(identity);
    const found = this.#at(identity, record, record.version);
    // Struck out, so that no clock that steps back revives it (SR-038).
    if (
      found.ref.replacedBy && readProofs(record.head).formers.some(({ proof }) => proof === identity.proof)
    ) {
      await ignoreSessionErrors(async () => void await this.save(found, record));
    }
    return found;
  }

  #unknown({ key }: VerifiedId): undefined {
    this.#context.events.emit("rejected", key, "unknown");
  }

  #damaged(error: unknown, { key }: VerifiedId): undefined {
    if (!(error instanceof SessionError) || error.code !== "ERR_DAMAGED") throw error;
    this.#context.events.emit("damaged", key);
  }

  /** A record as the holder of an id sees it; `loaded` is what it saw before. */
  #at(identity: VerifiedId, record: SessionRecord, version: string, loaded?: Proofs): StoredSession {
    const [ref, isNow] = [refOf(identity, version), isCurrent(record.head, identity.proof)];
    if (isNow && loaded === undefined) return { record, ref };
    const { since, logins, formers } = readProofs(record.head);
    // A clock that was set back far says nothing of what is on its way.
    const newerCookieUntil = this.#context.now() < since - onTheWay ? 0 : since + onTheWay;
    // Also when the id stays: what it leads to is another user's session, or nobody's.
    if (loaded !== undefined && loaded.logins !== logins) {
      return { record, ref: { ...ref, replacedBy: "login", newerCookieUntil } };
    }
    if (isNow) return { record, ref };
    const former = formers.find(({ proof }) => proof === identity.proof);
    if (former !== undefined && this.#context.now() < former.until) {
      return { record, ref: { ...ref, viaOldId: true } };
    }
    return { record, ref: { ...ref, replacedBy: "rotation", newerCookieUntil } };
  }

  /** What a cookie with this id would lead to. */
  protected async findById(id: string): Promise<readonly StoredSession[]> {
    return await this.#findOne(await this.#ids.sign(id));
  }

  async open(id: string | undefined): Promise<StoredSession | undefined> {
    if (!isId(id)) return undefined;
    const found = await this.#look(await this.#ids.sign(id));
    return found?.ref.replacedBy === undefined ? found : undefined;
  }

  async reload(found: StoredSession): Promise<StoredSession | undefined> {
    const record = await this.#store.loadFresh(found.ref.key);
    return record && this.#at(identityOf(found), record, record.version, readProofs(found.record.head));
  }

  seenBy(found: StoredSession, { record, ref }: StoredSession): StoredSession {
    return this.#at(identityOf(found), record, ref.version, readProofs(found.record.head));
  }

  async create(record: SessionRecord): Promise<StoredSession> {
    for (let i = 0; i < mostIds; i++) {
      const identity = await this.#ids.sign(makeId());
      const proofs = { proof: identity.proof, since: this.#context.now(), logins: 0, formers: [] };
      const created = { ...record, head: withProofs(record.head, proofs) };
      const version = await this.#store.create(identity.key, created);
      if (version !== undefined) {
        return { record: created, ref: refOf(this.#ids.remember(identity), version) };
      }
    }
    throw new SessionError("ERR_STORE", `The session store said of ${mostIds} new ids that each was taken`);
  }

  save(found: StoredSession, record: SessionRecord): MaybePromise<StoredSession | undefined> {
    const { key, version, hasOldSignature } = found.ref;
    const before = found.record;
    const head = saved(before.head, record.head!, this.#context.now(), before.userId !== record.userId);
    const written = head === record.head ? record : { ...record, head };
    const answer = this.#store.save(key, written, version);
    if (answer instanceof Promise || hasOldSignature) return this.#saved(found, written, answer);
    return answer === undefined ? undefined : { record: written, ref: { ...found.ref, version: answer } };
  }

  async #saved(
    { ref }: StoredSession,
    record: SessionRecord,
    saved: MaybePromise<string | undefined>,
  ): Promise<StoredSession | undefined> {
    const version = await saved;
    return version === undefined ? undefined : { record, ref: { ...await this.#renewed(ref), version } };
  }

  /** The same with a cookie under the newest secret. */
  async #renewed(ref: SessionRef): Promise<SessionRef> {
    if (!ref.hasOldSignature || ref.viaOldId || ref.replacedBy) return ref;
    const { cookieValue } = this.#ids.remember(await this.#ids.sign(ref.id));
    return { ...ref, cookieValue, hasOldSignature: false };
  }

  async rotate(
    found: StoredSession,
    record: SessionRecord,
    cycle: Rotation,
  ): Promise<StoredSession | undefined> {
    const { key, id, version } = found.ref;
    const next = await this.#next(id, cycle);
    const isLogin = cycle.why === "login" || found.record.userId !== record.userId;
    const to = { proof: next.proof, now: this.#context.now(), grace: cycle.grace, isLogin };
    const head = rotated(found.record.head, record.head!, to);
    const written = { ...record, head };
    const answer = await this.#store.save(key, written, version);
    if (answer === undefined) return undefined;
    return { record: written, ref: refOf(this.#ids.remember(next), answer) };
  }

  async #next(id: string, cycle: Rotation): Promise<StoreRef> {
    cycle.next ??= refOf(await this.#ids.sign(nextId(id)), "");
    return cycle.next as StoreRef;
  }

  async touch(found: StoredSession, record: SessionRecord): Promise<StoredSession | undefined> {
    if (!this.#store.canTouch) return await this.save(found, record);
    const { ref } = found;
    const isDone = await this.#store.touch(ref.key, record.touchedAt, record.expiresAt, ref.version);
    return isDone ? { record, ref: await this.#renewed(ref) } : undefined;
  }

  end({ ref }: StoredSession): MaybePromise<boolean> {
    return this.#store.delete(ref.key);
  }

  /** Of a cookie that is not ours nothing is known, and nothing is done to it. */
  async endByCookies(header: string | null, except: ReadonlySet<string>): Promise<LogoutResult> {
    const { values } = this.#ids.read(header, mostEnded);
    const keys = new Set<string>();
    for (const value of values) {
      const identity = await this.#ids.verify(value);
      if (identity !== undefined) keys.add(identity.key);
    }
    const ended: string[] = [];
    for (const key of keys) if (!except.has(key) && await this.#store.delete(key)) ended.push(key);
    return { ended, setCookies: keys.size > 0 ? this.#context.cookie.clearAll() : [] };
  }

  /** Saved as expired before it is deleted, so that a request that saves or renews it now learns that it has ended. */
  async endUnchanged({ ref, record }: StoredSession): Promise<boolean> {
    const expiresAt = Math.min(record.expiresAt, this.#context.now());
    if (await this.#store.save(ref.key, { ...record, expiresAt }, ref.version) === undefined) return false;
    await this.#store.delete(ref.key);
    return true;
  }

  /** Not if a touch has come since it was loaded, which leaves the version as it is (SR-038). */
  async removeExpired({ ref, record: { expiresAt } }: StoredSession): Promise<void> {
    const now = await this.inspect(ref.key);
    if (now?.record.expiresAt === expiresAt && now.ref.version === ref.version) await this.endUnchanged(now);
  }

  setCookie(ref: SessionRef, maxAge: number | undefined, header: string | null): readonly string[] {
    if (ref.viaOldId || ref.replacedBy) return [];
    const { cookie } = this.#context;
    const field = cookie.set(ref.cookieValue, maxAge);
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

  async inspect(key: string): Promise<StoredSession | undefined> {
    const record = await this.#store.loadFresh(key);
    return record &&
      { record, ref: { id: "", key, version: record.version, cookieValue: "", hasOldSignature: false } };
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

function refOf({ id, key, proof, cookieValue, hasOldSignature }: VerifiedId, version: string): StoreRef {
  return { id, key, proof, cookieValue, hasOldSignature, version };
}

function identityOf({ ref }: StoredSession): VerifiedId {
  return ref as StoreRef;
}
