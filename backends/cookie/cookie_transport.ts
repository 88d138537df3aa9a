/** The transport of sessions that live in the cookie itself; the server remembers at most which ones have ended. */

import type {
  LogoutResult,
  SessionRef,
  StoredSession,
  Transport,
  TransportContext,
} from "../../src/transport/transport.ts";
import { SessionError } from "../../src/errors.ts";
import { CallGuard, GuardedStore } from "../../src/guard/call_guard.ts";
import { type Seal, Sealer } from "../../src/crypto/sealer.ts";
import type { MaybePromise, SessionRecord, SessionStore } from "../../src/store.ts";
import { makeId, storageKey } from "../../src/crypto/session_id.ts";
import { type Carried, Chunks } from "./chunks.ts";
import { type Contents, type CookieRef, type Deed, Memory, weightOf } from "./memory.ts";
import { Signed } from "./signed_envelope.ts";

/** A user's sessions that began before some instant are over. */
export interface NotBefore {
  /** The instant for a user, in milliseconds since the epoch; 0 if there is none. Raise it to log the user out everywhere. */
  notBefore(userId: string): MaybePromise<number>;
}

/** How the transport learns that a session has ended. */
export interface Revocation {
  readonly store: SessionStore | undefined;
  readonly notBefore: NotBefore["notBefore"] | undefined;
}

/** Seconds by which another server's clock may be ahead (SR-027). */
const skew = 60_000;
/** For how long an ended id is remembered beyond its session's end when there is no absolute limit: 400 days. */
const longMemory = 34_560_000_000;

/** How much a session may take. */
export interface Room {
  /** The most cookies. */
  readonly chunks: number;
  /** The most bytes of the whole `Cookie` header. */
  readonly maxHeaderBytes: number;
}

type Identity = Pick<CookieRef, "id" | "key" | "last">;
type Origin = Pick<CookieRef, "header" | "isDouble">;

/** See the first line of this file. */
export class CookieTransport implements Transport {
  readonly #kit: TransportContext;
  readonly #envelope: Seal;
  readonly #chunks: Chunks;
  readonly #guard: CallGuard;
  readonly #revoked: GuardedStore | undefined;
  readonly #notBefore: Revocation["notBefore"];
  readonly #memory = new Memory();
  #clock = 0;

  constructor(
    kit: TransportContext,
    ending: Revocation,
    { chunks, maxHeaderBytes }: Room,
    isSealed: boolean,
  ) {
    this.#kit = kit;
    this.#chunks = new Chunks(kit.cookie, chunks, maxHeaderBytes);
    this.#envelope = isSealed
      ? new Sealer(kit.secrets, "sealed session", kit.cookie.name, kit.now)
      : new Signed(kit.secrets, kit.cookie.name);
    this.#guard = new CallGuard(kit.timeout, kit.events);
    this.#revoked = ending.store && new GuardedStore(ending.store, this.#guard);
    this.#notBefore = ending.notBefore;
  }

  find(header: string | null): MaybePromise<readonly StoredSession[]> {
    if (header === null) return [];
    const known = this.#memory.header(header);
    if (known !== undefined) return this.#live(known.contents, known.carried, header);
    const { carried, rejected } = this.#chunks.read(header);
    if (rejected !== undefined) this.#kit.events.emit("rejected", undefined, rejected);
    if (carried.length === 0) return [];
    // What nobody has to be asked about: browsers send the same cookie again and again.
    if (carried.length === 1 && this.#revoked === undefined && this.#notBefore === undefined) {
      const contents = this.#memory.contents(carried[0]!);
      if (contents !== undefined) {
        this.#memory.keepHeader(header, { contents, carried: carried[0]! });
        return this.#live(contents, carried[0]!, header);
      }
    }
    return this.#findAll(carried, header);
  }

  #live(contents: Contents, carried: Carried, header: string): readonly StoredSession[] {
    return this.#isFuture(contents) ? [] : [this.#found(contents, carried, header, false)];
  }

  async #findAll(carried: readonly Carried[], header: string): Promise<readonly StoredSession[]> {
    const ours = await this.#openAll(carried, header, (reason) => {
      this.#kit.events.emit("rejected", undefined, reason);
    });
    const found: StoredSession[] = [];
    for (const [contents, one] of ours) {
      const { key, record } = contents;
      if (this.#isFuture(contents)) continue;
      if (await this.#hasEnded(key, record)) this.#kit.events.emit("rejected", key, "unknown");
      else found.push(this.#found(contents, one, header, ours.length > 1));
    }
    return found;
  }

  /** What those of these cookies hold that our keys open. */
  async #openAll(
    carried: readonly Carried[],
    header: string,
    refuse?: (reason: string) => void,
  ): Promise<(readonly [Contents, Carried])[]> {
    const opened: (readonly [Contents, Carried])[] = [];
    for (const one of carried) {
      const contents = this.#memory.contents(one) ?? await this.#open(one, header);
      if (typeof contents === "string") refuse?.(contents);
      else opened.push([contents, one]);
    }
    return opened;
  }

  /** Whether a cookie says that it was made later than clocks may differ by; nobody is asked about one (SR-027). */
  #isFuture({ key, issuedAt }: Contents): boolean {
    if (issuedAt <= this.#kit.now() + skew) return false;
    this.#kit.events.emit("rejected", key, "future");
    return true;
  }

  #found(contents: Contents, { token, count }: Carried, header: string, isDouble: boolean): StoredSession {
    const { id, key, record, hasOldKey, last } = contents;
    const seen = ++this.#clock;
    return {
      record,
      ref: {
        id,
        key,
        version: token,
        cookieValue: token,
        hasOldSignature: hasOldKey,
        count,
        header,
        isDouble,
        seen,
        last,
      } as CookieRef,
    };
  }

  async #open(carried: Carried, header: string): Promise<Contents | string> {
    const { token, count } = carried;
    const result = await this.#envelope.open(token, String(count));
    if (typeof result === "string") return result;
    const end = result.text.indexOf("\n");
    const [id, issuedAt, createdAt, touchedAt, expiresAt, head, ...user] = JSON.parse(
      result.text.slice(0, end),
    );
    const data = result.text.slice(end + 1);
    const userId = user.length === 0 ? {} : { userId: user[0] };
    const record = { data, head, ...userId, createdAt, touchedAt, expiresAt };
    const key = await storageKey(id);
    const { hasOldKey } = result;
    const weight = weightOf(token, header, record);
    const contents = { id, key, issuedAt, record, hasOldKey, last: this.#memory.last(key), weight };
    this.#memory.keepContents(carried, contents);
    return contents;
  }

  async #hasEnded(key: string, { userId, createdAt }: SessionRecord): Promise<boolean> {
    if (this.#revoked !== undefined) return await this.#isRevoked(key);
    if (this.#notBefore === undefined || userId === undefined) return false;
    return createdAt < await this.#guard.call("notBefore", () => this.#notBefore!(userId), isInstant);
  }

  /** A damaged memory of an id means that it has ended. */
  async #isRevoked(key: string): Promise<boolean> {
    try {
      return await this.#revoked!.load(key) !== undefined;
    } catch (error) {
      if (!(error instanceof SessionError) || error.code !== "ERR_DAMAGED") throw error;
      this.#kit.events.emit("damaged", key);
      return true;
    }
  }

  open(): never {
    return unsupported("be opened from outside a request");
  }

  /** As far as this process knows. */
  async reload({ ref }: StoredSession): Promise<StoredSession | undefined> {
    const found = (ref as CookieRef).last.deed?.found;
    return found === undefined || await this.#hasEnded(ref.key, found.record) ? undefined : found;
  }

  /** What this process did with a session after a request brought it here. */
  #later(ref: SessionRef): Deed | undefined {
    const { last: { deed }, seen } = ref as CookieRef;
    return deed !== undefined && deed.at > seen ? deed : undefined;
  }

  async create(record: SessionRecord, header: string | null = null): Promise<StoredSession> {
    const { carried } = this.#chunks.candidates(header);
    const ours = header === null ? [] : await this.#openAll(carried, header);
    const from = { header, isDouble: ours.length > 1 };
    return this.#keep(await this.#make(await this.#new(), from, record), record);
  }

  async save({ ref }: StoredSession, record: SessionRecord): Promise<StoredSession | undefined> {
    if (await this.#hasEnded(ref.key, record)) return undefined;
    const made = await this.#make(ref as CookieRef, ref as CookieRef, record);
    return this.#later(ref) === undefined ? this.#keep(made, record) : undefined;
  }

  /** Made before the old id is ended: what cannot be made leaves the old cookie as good as it was. */
  async rotate({ ref }: StoredSession, record: SessionRecord): Promise<StoredSession | undefined> {
    const made = await this.#make(await this.#new(), ref as CookieRef, record);
    if (this.#later(ref) !== undefined || !await this.#revoke(ref, record)) return undefined;
    return this.#keep(made, record);
  }

  /** Over what this process saved meanwhile, so that a late answer does not bring older data back. */
  async touch({ ref }: StoredSession, record: SessionRecord): Promise<StoredSession | undefined> {
    if (await this.#hasEnded(ref.key, record)) return undefined;
    const { touchedAt, expiresAt } = record;
    const later = this.#later(ref);
    const touched = { ...(later?.found?.record ?? record), touchedAt, expiresAt };
    const made = await this.#make(ref as CookieRef, ref as CookieRef, touched);
    return this.#later(ref) === later && (later === undefined || later.found !== undefined)
      ? this.#keep(made, touched)
      : undefined;
  }

  async #new(): Promise<Identity> {
    const id = makeId();
    const key = await storageKey(id);
    return { id, key, last: this.#memory.last(key) };
  }

  /** @throws {SessionError} `ERR_TOO_LARGE` if the cookies would have no room for it. */
  async #make(to: Identity, from: Origin, record: SessionRecord): Promise<CookieRef> {
    const { id, key, last } = to;
    const { header, isDouble } = from;
    const issuedAt = this.#kit.now();
    const { data, head, userId, createdAt, touchedAt, expiresAt } = record;
    const user = userId === undefined ? [] : [userId];
    const text = `${JSON.stringify([id, issuedAt, createdAt, touchedAt, expiresAt, head, ...user])}\n${data}`;
    const single = await this.#envelope.close(text, "1");
    const count = this.#chunks.count(single.length, header);
    const token = count === 1 ? single : await this.#envelope.close(text, String(count));
    return {
      id,
      key,
      version: token,
      cookieValue: token,
      hasOldSignature: false,
      count,
      header,
      isDouble,
      seen: 0,
      last,
    };
  }

  /** From now on this is what this process knows of the session. */
  #keep(made: CookieRef, record: SessionRecord): StoredSession {
    const ref = { ...made, seen: ++this.#clock };
    const { id, key, cookieValue, header, last, seen } = ref;
    const issuedAt = this.#kit.now();
    const weight = weightOf(cookieValue, header, record);
    this.#memory.keepContents({ token: cookieValue, count: ref.count }, {
      id,
      key,
      issuedAt,
      record,
      hasOldKey: false,
      last,
      weight,
    });
    const found = { record, ref };
    last.deed = { at: seen, found };
    return found;
  }

  async end({ ref, record }: StoredSession): Promise<boolean> {
    const later = this.#later(ref)?.found?.record ?? record;
    return await this.#revoke(ref, {
      ...record,
      expiresAt: Math.max(record.expiresAt, later.expiresAt),
    });
  }

  /** Remembers that an id has ended, for as long as any cookie with it could be live; `false` if it had ended before. */
  async #revoke(ref: SessionRef, record: SessionRecord): Promise<boolean> {
    const now = this.#kit.now();
    let isFirst = true;
    if (this.#revoked !== undefined) {
      const { absoluteAge } = this.#kit.limits;
      const expiresAt = absoluteAge === null
        ? Math.max(record.expiresAt, now) + longMemory
        : record.createdAt + absoluteAge * 1000;
      const ended = {
        data: "ended",
        createdAt: now,
        touchedAt: now,
        expiresAt: Math.max(expiresAt, now + skew),
      };
      isFirst = await this.#revoked.create(ref.key, ended) !== undefined;
    }
    (ref as CookieRef).last.deed = { at: ++this.#clock, found: undefined };
    return isFirst;
  }

  removeExpired(): void {}

  setCookie(ref: SessionRef, maxAge: number | undefined, header: string | null): readonly string[] {
    const { cookieValue, count, isDouble } = ref as CookieRef;
    const fields = this.#chunks.set(cookieValue, count, maxAge, header);
    return isDouble ? [...fields, ...this.#chunks.clearTwins(header)] : fields;
  }

  /**
   * Ends and clears what our keys open. Where all there is of the name is ours, or two of it are, one without a domain may be among it.
   */
  async endByCookies(header: string | null, except: ReadonlySet<string>): Promise<LogoutResult> {
    const { carried, isAlone } = this.#chunks.candidates(header);
    const ours = header === null ? [] : await this.#openAll(carried, header);
    const ended: string[] = [];
    for (const [contents, one] of ours) {
      const { key } = contents;
      if (!except.has(key) && await this.end(this.#found(contents, one, header!, false))) ended.push(key);
    }
    if (ours.length === 0) return { ended, setCookies: [] };
    const fields = this.#chunks.clear(header);
    const isTwin = isAlone || ours.length > 1;
    return { ended, setCookies: isTwin ? [...fields, ...this.#chunks.clearTwins(header)] : fields };
  }

  list(): never {
    return unsupported("list a user's sessions");
  }

  inspect(): never {
    return unsupported("look at another session");
  }

  revoke(): never {
    return unsupported("end another session");
  }

  clearExpired(now: number, limit: number): MaybePromise<number> {
    return this.#revoked?.clearExpired(now, limit) ?? unsupported("clear expired sessions");
  }

  close(): void {}
}

const isInstant = (value: unknown): value is number => typeof value === "number" && !Number.isNaN(value);

function unsupported(what: string): never {
  throw new SessionError("ERR_UNSUPPORTED", `A session in a cookie cannot ${what}`);
}
