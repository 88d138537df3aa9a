/** The carrier of sessions that live in the cookie itself; the server remembers at most which ones have ended. */

import type { Carrier, CarrierKit, Found, Place } from "../../src/carrier.ts";
import { SessionError } from "../../src/errors.ts";
import { Guard, GuardedStore } from "../../src/guard.ts";
import { Recent } from "../../src/recent.ts";
import { type Envelope, Sealer } from "../../src/seal.ts";
import type { MaybePromise, SessionRecord, SessionStore } from "../../src/store.ts";
import { makeId, storageKey } from "../../src/token.ts";
import { Chunks } from "./chunks.ts";
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
    this.#guard = new Guard(kit.timeout, () => kit.events.emit("store-error"));
    this.#revoked = ending.store && new GuardedStore(ending.store, this.#guard);
    this.#notBefore = ending.notBefore;
  }

  find(header: string | null): MaybePromise<readonly Found[]> {
    const { carried, rejected } = this.#chunks.read(header);
    if (rejected !== undefined) this.#kit.events.emit("rejected", undefined, rejected);
    return carried.length === 0 ? [] : this.#findAll(carried);
  }

  async #findAll(carried: ReturnType<Chunks["read"]>["carried"]): Promise<readonly Found[]> {
    const found: Found[] = [];
    for (const { token, count } of carried) {
      const contents = this.#contents.get(`${count}.${token}`) ?? await this.#open(token, count);
      if (contents === undefined) continue;
      const { id, key, record, issuedAt, isStale } = contents;
      if (issuedAt > this.#kit.now() + skew) this.#kit.events.emit("rejected", key, "future");
      else if (await this.#hasEnded(key, record)) this.#kit.events.emit("rejected", key, "unknown");
      else {
        const place: CookiePlace = { id, key, version: token, token, isStale, count, seen: ++this.#clock };
        found.push({ record, place });
      }
    }
    return found;
  }

  async #open(token: string, count: number): Promise<Contents | undefined> {
    const result = await this.#envelope.open(token, String(count));
    if (typeof result === "string") {
      this.#kit.events.emit("rejected", undefined, result);
      return undefined;
    }
    const end = result.text.indexOf("\n");
    const [id, issuedAt, createdAt, touchedAt, expiresAt, userId] = JSON.parse(result.text.slice(0, end));
    const data = result.text.slice(end + 1);
    const record = { data, ...(userId === null ? {} : { userId }), createdAt, touchedAt, expiresAt };
    const contents = { id, key: await storageKey(id), issuedAt, record, isStale: result.isStale };
    this.#contents.set(`${count}.${token}`, contents);
    return contents;
  }

  async #hasEnded(key: string, { userId, createdAt }: SessionRecord): Promise<boolean> {
    if (this.#revoked !== undefined) {
      const ended = await this.#revoked.load(key);
      return ended !== undefined && this.#kit.now() >= readEnding(ended.data).from;
    }
    if (this.#notBefore === undefined || userId === undefined) return false;
    return createdAt < await this.#guard.call(() => this.#notBefore!(userId), isInstant);
  }

  open(): never {
    return unsupported("be opened from outside a request");
  }

  /** As far as this process knows. */
  async reload(place: Place): Promise<Found | undefined> {
    const found = this.#last.get(place.key)?.found;
    return found === undefined || await this.#hasEnded(place.key, found.record) ? undefined : found;
  }

  /** What this process did with a session after a request brought it here. */
  #later(place: Place): { readonly found: Found | undefined } | undefined {
    const last = this.#last.get(place.key);
    return last !== undefined && last.seen > (place as CookiePlace).seen ? last : undefined;
  }

  async create(record: SessionRecord): Promise<Place> {
    const id = makeId();
    return this.#keep(await this.#make(id, await storageKey(id), record), record);
  }

  async save(place: Place, record: SessionRecord): Promise<Place | undefined> {
    if (await this.#hasEnded(place.key, record)) return undefined;
    const made = await this.#make(place.id, place.key, record);
    return this.#later(place) === undefined ? this.#keep(made, record) : undefined;
  }

  /** Made before the old id is ended: what cannot be made leaves the old cookie as good as it was. */
  async rotate(place: Place, record: SessionRecord, grace: number): Promise<Place | undefined> {
    const id = makeId();
    const made = await this.#make(id, await storageKey(id), record);
    const isFree = this.#later(place) === undefined;
    if (!isFree || !await this.#revoke(place, record, grace, made.key)) return undefined;
    const kept = this.#keep(made, record);
    // What overlaps goes on under the new id.
    if (grace > 0) this.#last.set(place.key, { seen: ++this.#clock, found: { record, place: kept } });
    return kept;
  }

  /** Over what this process saved meanwhile, so that a late answer does not bring older data back. */
  async touch(place: Place, record: SessionRecord): Promise<Place | undefined> {
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
    const { data, userId, createdAt, touchedAt, expiresAt } = record;
    const text = `${
      JSON.stringify([id, issuedAt, createdAt, touchedAt, expiresAt, userId ?? null])
    }\n${data}`;
    const token = await this.#envelope.close(text, "1");
    const count = this.#chunks.count(token.length);
    const chunked = count === 1 ? token : await this.#envelope.close(text, String(count));
    this.#contents.set(`${count}.${chunked}`, { id, key, issuedAt, record, isStale: false });
    return { id, key, version: chunked, token: chunked, isStale: false, count, seen: 0 };
  }

  /** From now on this is what this process knows of the session. */
  #keep(made: CookiePlace, record: SessionRecord): Place {
    const place = { ...made, seen: ++this.#clock };
    this.#last.set(place.key, { seen: place.seen, found: { record, place } });
    return place;
  }

  async end({ place, record }: Found): Promise<boolean> {
    const later = this.#later(place)?.found?.record.expiresAt ?? 0;
    return await this.#revoke(place, { ...record, expiresAt: Math.max(record.expiresAt, later) });
  }

  /**
   * Remembers that an id ends, for as long as any cookie with it could be live; `false` if that was known before. One that was
   * rotated away with grace takes the session it led to along.
   */
  async #revoke(place: Place, record: SessionRecord, grace = 0, next?: string): Promise<boolean> {
    const now = this.#kit.now();
    let isFirst = true;
    if (this.#revoked !== undefined) {
      const { absoluteAge } = this.#kit.limits;
      const end = absoluteAge === null
        ? Math.max(record.expiresAt, now) + longMemory
        : record.createdAt + absoluteAge * 1000;
      const data = writeEnding({
        from: Math.ceil(now + grace * 1000),
        ...(next === undefined ? {} : { next }),
      });
      const ended = {
        data,
        createdAt: now,
        touchedAt: now,
        expiresAt: Math.max(end, now + grace * 1000 + skew),
      };
      isFirst = await this.#revoked.create(place.key, ended) !== undefined;
      if (!isFirst && next === undefined) isFirst = await this.#revokeNext(place, record);
    }
    this.#last.set(place.key, { seen: ++this.#clock, found: undefined });
    return isFirst;
  }

  /** Log-out under an id that was rotated away with grace; whether it ended anything. */
  async #revokeNext(place: Place, record: SessionRecord): Promise<boolean> {
    const known = await this.#revoked!.load(place.key);
    const next = known && readEnding(known.data).next;
    if (known === undefined || next === undefined) return false;
    await this.#revoked!.save(place.key, { ...known, data: writeEnding({ from: 0 }) }, known.version);
    return await this.#revoke({ ...place, key: next }, record);
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

/** What is remembered of an ended id. */
interface Remembered {
  /** From when on it is of no use, in milliseconds since the epoch. */
  readonly from: number;
  /** The storage key of the session that it was rotated to, with grace. */
  readonly next?: string;
}

const writeEnding = ({ from, next = "" }: Remembered) => `ended ${from} ${next}`;

function readEnding(data: string): Remembered {
  const [, from, next] = /^ended (\d{1,16}) ([0-9a-f]{64})?$/.exec(data) ?? [];
  return { from: Number(from ?? 0), ...(next === undefined ? {} : { next }) };
}

const isInstant = (value: unknown): value is number => typeof value === "number" && !Number.isNaN(value);

function unsupported(what: string): never {
  throw new SessionError("ERR_UNSUPPORTED", `A session in a cookie cannot ${what}`);
}
