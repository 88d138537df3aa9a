/** The carrier of sessions that live in the cookie itself; the server remembers at most which ones have ended. */

import type { Carrier, CarrierKit, Ended, Found, Place } from "../../src/carrier.ts";
import { SessionError } from "../../src/errors.ts";
import { Guard, GuardedStore } from "../../src/guard.ts";
import { Recent } from "../../src/recent.ts";
import { type Envelope, Sealer } from "../../src/seal.ts";
import type { MaybePromise, SessionRecord, SessionStore } from "../../src/store.ts";
import { makeId, storageKey } from "../../src/token.ts";
import { type Carried, Chunks } from "./chunks.ts";
import { Signed } from "./signed.ts";

/** A user's sessions that began before some instant are over. */
export interface NotBefore {
  /** The instant for a user, in milliseconds since the epoch; 0 if there is none. Raise it to log the user out everywhere. */
  notBefore(userId: string): MaybePromise<number>;
}

/** How the carrier learns that a session has ended. */
export interface Ending {
  readonly store: SessionStore | undefined;
  readonly notBefore: NotBefore["notBefore"] | undefined;
}

/** Seconds by which another server's clock may be ahead (SR-027). */
const skew = 60_000;
/** For how long an ended id is remembered beyond its session's end when there is no absolute limit: 400 days. */
const longMemory = 34_560_000_000;
const opened = 1024;
/** A `Cookie` header of more characters is read anew each time. */
const longestKnown = 2048;

interface CookiePlace extends Place {
  readonly count: number;
  /** When this process saw it, in its own order of events. */
  readonly seen: number;
}

interface Contents {
  readonly id: string;
  readonly key: string;
  readonly issuedAt: number;
  readonly record: SessionRecord;
  readonly isStale: boolean;
}

/** See the first line of this file. */
export class CookieCarrier implements Carrier {
  readonly #kit: CarrierKit;
  readonly #envelope: Envelope;
  readonly #chunks: Chunks;
  readonly #guard: Guard;
  readonly #revoked: GuardedStore | undefined;
  readonly #notBefore: Ending["notBefore"];
  /** Cookies that were opened or sealed before, so that seeing one again costs no crypto. */
  readonly #contents: Recent<string, Contents> = new Recent(opened);
  /** Whole `Cookie` headers in which one of them was found alone, with nobody to ask whether it has ended. */
  readonly #headers: Recent<string | null, { readonly contents: Contents; readonly carried: Carried }> =
    new Recent(opened);
  /** What this process did last with a session, so that overlapping requests merge here as they do in a store. */
  readonly #last: Recent<string, { readonly seen: number; readonly found: Found | undefined }> = new Recent(
    opened,
  );
  #clock = 0;

  constructor(kit: CarrierKit, ending: Ending, chunks: number, isSealed: boolean) {
    this.#kit = kit;
    this.#chunks = new Chunks(kit.cookie, chunks);
    this.#envelope = isSealed
      ? new Sealer(kit.secrets, "sealed session", kit.cookie.name, kit.now)
      : new Signed(kit.secrets, kit.cookie.name);
    this.#guard = new Guard(kit.timeout, kit.events);
    this.#revoked = ending.store && new GuardedStore(ending.store, this.#guard);
    this.#notBefore = ending.notBefore;
  }

  find(header: string | null): MaybePromise<readonly Found[]> {
    const known = this.#headers.get(header);
    if (known !== undefined) return this.#live(known.contents, known.carried);
    const { carried, rejected } = this.#chunks.read(header);
    if (rejected !== undefined) this.#kit.events.emit("rejected", undefined, rejected);
    if (carried.length === 0) return [];
    // What nobody has to be asked about: browsers send the same cookie again and again.
    if (carried.length === 1 && this.#revoked === undefined && this.#notBefore === undefined) {
      const contents = this.#known(carried[0]!);
      if (contents !== undefined) {
        if (header!.length <= longestKnown) this.#headers.set(header, { contents, carried: carried[0]! });
        return this.#live(contents, carried[0]!);
      }
    }
    return this.#findAll(carried);
  }

  #live(contents: Contents, carried: Carried): readonly Found[] {
    return this.#isFuture(contents) ? [] : [this.#found(contents, carried)];
  }

  async #findAll(carried: readonly Carried[]): Promise<readonly Found[]> {
    const found: Found[] = [];
    for (const one of carried) {
      const contents = this.#known(one) ?? await this.#open(one.token, one.count);
      if (contents === undefined) continue;
      const { key, record } = contents;
      if (this.#isFuture(contents)) continue;
      if (await this.#hasEnded(key, record)) this.#kit.events.emit("rejected", key, "unknown");
      else found.push(this.#found(contents, one));
    }
    return found;
  }

  #known({ token, count }: Carried): Contents | undefined {
    return this.#contents.get(`${count}.${token}`);
  }

  /** Whether a cookie says that it was made later than clocks may differ by; nobody is asked about one (SR-027). */
  #isFuture({ key, issuedAt }: Contents): boolean {
    if (issuedAt <= this.#kit.now() + skew) return false;
    this.#kit.events.emit("rejected", key, "future");
    return true;
  }

  #found({ id, key, record, isStale }: Contents, { token, count }: Carried): Found {
    const place: CookiePlace = { id, key, version: token, token, isStale, count, seen: ++this.#clock };
    return { record, place };
  }

  async #open(token: string, count: number, isTold = true): Promise<Contents | undefined> {
    const result = await this.#envelope.open(token, String(count));
    if (typeof result === "string") {
      if (isTold) this.#kit.events.emit("rejected", undefined, result);
      return undefined;
    }
    const end = result.text.indexOf("\n");
    const [id, issuedAt, createdAt, touchedAt, expiresAt, head, userId] = JSON.parse(
      result.text.slice(0, end),
    );
    const data = result.text.slice(end + 1);
    const record = {
      data,
      head,
      ...(userId === undefined ? {} : { userId }),
      createdAt,
      touchedAt,
      expiresAt,
    };
    const contents = {
      id,
      key: await storageKey(id),
      issuedAt,
      record,
      isStale: result.isStale,
    };
    this.#contents.set(`${count}.${token}`, contents);
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
  async reload({ place }: Found): Promise<Found | undefined> {
    const found = this.#last.get(place.key)?.found;
    return found === undefined || await this.#hasEnded(place.key, found.record) ? undefined : found;
  }

  /** What this process did with a session after a request brought it here. */
  #later(place: Place): { readonly found: Found | undefined } | undefined {
    const last = this.#last.get(place.key);
    return last !== undefined && last.seen > (place as CookiePlace).seen ? last : undefined;
  }

  async create(record: SessionRecord): Promise<Found> {
    const id = makeId();
    return this.#keep(await this.#make(id, await storageKey(id), record), record);
  }

  async save({ place }: Found, record: SessionRecord): Promise<Found | undefined> {
    if (await this.#hasEnded(place.key, record)) return undefined;
    const made = await this.#make(place.id, place.key, record);
    return this.#later(place) === undefined ? this.#keep(made, record) : undefined;
  }

  /** Made before the old id is ended: what cannot be made leaves the old cookie as good as it was. */
  async rotate({ place }: Found, record: SessionRecord): Promise<Found | undefined> {
    const id = makeId();
    const made = await this.#make(id, await storageKey(id), record);
    if (this.#later(place) !== undefined || !await this.#revoke(place, record)) return undefined;
    return this.#keep(made, record);
  }

  /** Over what this process saved meanwhile, so that a late answer does not bring older data back. */
  async touch({ place }: Found, record: SessionRecord): Promise<Found | undefined> {
    if (await this.#hasEnded(place.key, record)) return undefined;
    const { touchedAt, expiresAt } = record;
    const later = this.#later(place);
    const touched = { ...(later?.found?.record ?? record), touchedAt, expiresAt };
    const made = await this.#make(place.id, place.key, touched);
    return this.#later(place) === later && (later === undefined || later.found !== undefined)
      ? this.#keep(made, touched)
      : undefined;
  }

  /** @throws {SessionError} `ERR_TOO_LARGE` if the cookies would have no room for it. */
  async #make(id: string, key: string, record: SessionRecord): Promise<CookiePlace> {
    const issuedAt = this.#kit.now();
    const { data, head, userId, createdAt, touchedAt, expiresAt } = record;
    const user = userId === undefined ? [] : [userId];
    const text = `${JSON.stringify([id, issuedAt, createdAt, touchedAt, expiresAt, head, ...user])}\n${data}`;
    const token = await this.#envelope.close(text, "1");
    const count = this.#chunks.count(token.length);
    const chunked = count === 1 ? token : await this.#envelope.close(text, String(count));
    return { id, key, version: chunked, token: chunked, isStale: false, count, seen: 0 };
  }

  /** From now on this is what this process knows of the session. */
  #keep(made: CookiePlace, record: SessionRecord): Found {
    const seen = ++this.#clock;
    const place = { ...made, seen };
    const { id, key, token, count } = place;
    this.#contents.set(`${count}.${token}`, {
      id,
      key,
      issuedAt: this.#kit.now(),
      record,
      isStale: false,
    });
    const found = { record, place };
    this.#last.set(key, { seen, found });
    return found;
  }

  async end({ place, record }: Found): Promise<boolean> {
    const later = this.#later(place)?.found?.record ?? record;
    return await this.#revoke(place, {
      ...record,
      expiresAt: Math.max(record.expiresAt, later.expiresAt),
    });
  }

  async endCarried(header: string | null, except: ReadonlySet<string>): Promise<Ended> {
    const ended: string[] = [];
    for (const one of this.#chunks.read(header).carried) {
      const contents = this.#known(one) ?? await this.#open(one.token, one.count, false);
      if (contents === undefined || except.has(contents.key)) continue;
      if (await this.end(this.#found(contents, one))) ended.push(contents.key);
    }
    return { ended, fields: this.clearCookie(header) };
  }

  /** Remembers that an id has ended, for as long as any cookie with it could be live; `false` if it had ended before. */
  async #revoke(place: Place, record: SessionRecord): Promise<boolean> {
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
      isFirst = await this.#revoked.create(place.key, ended) !== undefined;
    }
    this.#last.set(place.key, { seen: ++this.#clock, found: undefined });
    return isFirst;
  }

  retire(): void {}

  setCookie(place: Place, maxAge: number | undefined, header: string | null): readonly string[] {
    return this.#chunks.set(place.token, (place as CookiePlace).count, maxAge, header);
  }

  clearCookie(header: string | null): readonly string[] {
    return this.#chunks.clear(header);
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
