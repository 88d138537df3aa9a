/** The transport of sessions that are stored in the cookie itself. */

import type {
  LogoutResult,
  SessionRef,
  StoredSession,
  Transport,
  TransportContext,
} from "../../src/transport/transport.ts";
import { SessionError } from "../../src/errors.ts";
import { type Seal, Sealer } from "../../src/crypto/sealer.ts";
import type { MaybePromise, SessionRecord } from "../../src/store.ts";
import { makeId, storageKey } from "../../src/crypto/session_id.ts";
import { type Carried, Chunks } from "./chunks.ts";
import { type Contents, type CookieRef, type Deed, Memory, weightOf } from "./memory.ts";
import { maxClockSkew, type Revocation, Revocations } from "./revocation.ts";
import { Signed } from "./signed_envelope.ts";

export type { NotBefore, Revocation } from "./revocation.ts";

/** The space that a session may take. */
export interface Room {
  /** The maximum number of cookies. */
  readonly chunks: number;
  /** The maximum bytes of the whole `Cookie` header. */
  readonly maxHeaderBytes: number;
}

type Identity = Pick<CookieRef, "id" | "key" | "last">;
type Origin = Pick<CookieRef, "header" | "isDouble">;

/** Keeps sessions in the cookie itself; the server stores at most which ones have ended. */
export class CookieTransport implements Transport {
  readonly #context: TransportContext;
  readonly #envelope: Seal;
  readonly #chunks: Chunks;
  readonly #revocations: Revocations;
  readonly #memory = new Memory();
  #clock = 0;

  constructor(
    context: TransportContext,
    revocation: Revocation,
    { chunks, maxHeaderBytes }: Room,
    isSealed: boolean,
  ) {
    this.#context = context;
    this.#chunks = new Chunks(context.cookie, chunks, maxHeaderBytes);
    this.#envelope = isSealed
      ? new Sealer(context.secrets, "sealed session", context.cookie.name, context.now)
      : new Signed(context.secrets, context.cookie.name);
    this.#revocations = new Revocations(context, revocation);
  }

  find(header: string | null): MaybePromise<readonly StoredSession[]> {
    if (header === null) return [];
    const known = this.#memory.header(header);
    if (known !== undefined) return this.#live(known.contents, known.carried, header);
    const { carried, rejected } = this.#chunks.read(header);
    if (rejected !== undefined) this.#context.events.emit("rejected", undefined, rejected);
    if (carried.length === 0) return [];
    // Without revocations no store is asked, and browsers send the same cookie again and again.
    if (carried.length === 1 && this.#revocations.isNone) {
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
      this.#context.events.emit("rejected", undefined, reason);
    });
    const found: StoredSession[] = [];
    for (const [contents, one] of ours) {
      const { key, record } = contents;
      if (this.#isFuture(contents)) continue;
      if (await this.#revocations.hasEnded(key, record)) {
        this.#context.events.emit("rejected", key, "unknown");
      } else found.push(this.#found(contents, one, header, ours.length > 1));
    }
    return found;
  }

  /** The contents of those cookies that our keys can open. */
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

  /** Whether a cookie was issued further in the future than clock skew explains; it is refused without asking a store (SR-027). */
  #isFuture({ key, issuedAt }: Contents): boolean {
    if (issuedAt <= this.#context.now() + maxClockSkew) return false;
    this.#context.events.emit("rejected", key, "future");
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

  open(): never {
    return unsupported("be opened from outside a request");
  }

  /** The latest state of the session that this process knows. */
  async reload({ ref }: StoredSession): Promise<StoredSession | undefined> {
    const found = (ref as CookieRef).last.deed?.found;
    return found === undefined || await this.#revocations.hasEnded(ref.key, found.record) ? undefined : found;
  }

  /** The change that this process made to a session after the request with this ref arrived. */
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
    if (await this.#revocations.hasEnded(ref.key, record)) return undefined;
    const made = await this.#make(ref as CookieRef, ref as CookieRef, record);
    return this.#later(ref) === undefined ? this.#keep(made, record) : undefined;
  }

  /** Creates the new cookie before ending the old id, so that after a failure the old cookie is still valid. */
  async rotate({ ref }: StoredSession, record: SessionRecord): Promise<StoredSession | undefined> {
    const made = await this.#make(await this.#new(), ref as CookieRef, record);
    if (this.#later(ref) !== undefined || !await this.#revoke(ref, record)) return undefined;
    return this.#keep(made, record);
  }

  /** Includes what this process saved in the meantime, so that a late response does not restore older data. */
  async touch({ ref }: StoredSession, record: SessionRecord): Promise<StoredSession | undefined> {
    if (await this.#revocations.hasEnded(ref.key, record)) return undefined;
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

  /** @throws {SessionError} If the session does not fit into the cookies (`ERR_TOO_LARGE`). */
  async #make(to: Identity, from: Origin, record: SessionRecord): Promise<CookieRef> {
    const { id, key, last } = to;
    const { header, isDouble } = from;
    const issuedAt = this.#context.now();
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

  /** Remembers this as the latest state of the session. */
  #keep(made: CookieRef, record: SessionRecord): StoredSession {
    const ref = { ...made, seen: ++this.#clock };
    const { id, key, cookieValue, header, last, seen } = ref;
    const issuedAt = this.#context.now();
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

  /** Ends an id; resolves to `false` if it had ended before. */
  async #revoke(ref: SessionRef, record: SessionRecord): Promise<boolean> {
    const isFirst = await this.#revocations.revoke(ref.key, record);
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
   * Ends and clears the cookies that our keys can open. If all cookies of this name are ours, or two of them are, one of them may have
   * no domain.
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
    return this.#revocations.clearExpired(now, limit) ?? unsupported("clear expired sessions");
  }

  close(): void {}
}

function unsupported(what: string): never {
  throw new SessionError("ERR_UNSUPPORTED", `A session in a cookie cannot ${what}`);
}
