/** The transport of Django's sessions with an engine: the session key in the cookie, the encoded data in a row. */

import { then } from "../../../src/handled.ts";
import type {
  LogoutResult,
  SessionRef,
  StoredSession,
  Transport,
  TransportContext,
} from "../../../src/transport/transport.ts";
import { SessionError } from "../../../src/errors.ts";
import { CallGuard, rethrowAsStoreError } from "../../../src/guard/call_guard.ts";
import type { Policy } from "../../../src/transport/policy.ts";
import { BoundedCache } from "../../../src/bounded_cache.ts";
import type { MaybePromise, SessionPage, SessionRecord } from "../../../src/store.ts";
import { type CookieJar, mostKeys } from "./cookies.ts";
import type { DjangoEngine, DjangoRow } from "../engines/engine.ts";
import type { Envelope, Opened, Refused } from "../format/signed_object.ts";
import type { DjangoFormat } from "../format/session_format.ts";
import { isKey, makeKey } from "../format/keys.ts";
import { unsupported } from "./policy.ts";

/** How many new keys may be taken in a row before that is an error. */
const mostTries = 8;

/** The parameters of a transport of Django's sessions. */
export interface DjangoKit extends TransportContext {
  readonly jar: CookieJar;
  readonly envelope: Envelope;
  readonly format: DjangoFormat;
  readonly policy: Policy;
}

const isFlag = (value: unknown): value is boolean => typeof value === "boolean";
const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;
const isAnything = (value: unknown): value is void => value === value;
const isInstant = (value: unknown) => value === undefined || Number.isFinite(value);

function isRow(value: unknown): value is DjangoRow | undefined {
  if (value === undefined) return true;
  const { text, expiresAt, savedAt } = Object(value) as Partial<DjangoRow>;
  return typeof text === "string" && isInstant(expiresAt) && isInstant(savedAt) &&
    (expiresAt ?? savedAt) !== undefined;
}

/** Keeps Django's sessions in rows of an engine. */
export class RowTransport implements Transport {
  readonly format: DjangoFormat;
  readonly policy: Policy;
  readonly #engine: DjangoEngine;
  readonly #kit: DjangoKit;
  readonly #guard: CallGuard;
  /** The rotations of this process, finished and running: from a key to the next one, if there is one. */
  readonly #rotations: BoundedCache<string, Promise<string | undefined>> = new BoundedCache(1024);

  constructor(engine: DjangoEngine, kit: DjangoKit) {
    this.#engine = engine;
    this.#kit = kit;
    this.format = kit.format;
    this.policy = kit.policy;
    this.#guard = new CallGuard(kit.timeout, kit.events);
  }

  find(header: string | null): MaybePromise<readonly StoredSession[]> {
    const { isPresent, keys } = this.#kit.jar.read(header);
    const [key] = keys;
    if (key === undefined || keys.length > mostKeys) {
      if (isPresent) {
        this.#kit.events.emit("rejected", undefined, key === undefined ? "malformed" : "ambiguous");
      }
      return [];
    }
    return keys.length === 1 ? this.#look(key) : this.#lookAll(keys);
  }

  async #lookAll(keys: readonly string[]): Promise<readonly StoredSession[]> {
    const found: StoredSession[] = [];
    for (const key of keys) found.push(...await this.#look(key));
    return found;
  }

  #look(key: string): MaybePromise<readonly StoredSession[]> {
    return then(this.#load(key), (found) => {
      if (found !== undefined) return [found];
      this.#kit.events.emit("rejected", key, "unknown");
      return [];
    });
  }

  /** The session under a key. An invalid row is passed on as unreadable data, so that the core treats it as damaged. */
  #load(key: string): MaybePromise<StoredSession | undefined> {
    const damaged = (error: unknown): DjangoRow => {
      if (!(error instanceof SessionError) || error.code !== "ERR_DAMAGED") throw error;
      return { text: "", expiresAt: 0 };
    };
    const found = (row: DjangoRow | undefined) =>
      row && then(this.#open(row.text), (opened) => this.#found(key, row, opened));
    let row: MaybePromise<DjangoRow | undefined>;
    try {
      row = this.#guard.call("load", () => this.#engine.load(key), isRow, key);
    } catch (error) {
      row = damaged(error);
    }
    return row instanceof Promise ? row.catch(damaged).then(found) : found(row);
  }

  #open(text: string): MaybePromise<Opened | Refused> {
    const { envelope, now } = this.#kit;
    if (this.#engine.format === "signed") return envelope.known(text) ?? envelope.open(text);
    return { json: text, signedAt: Math.floor(now() / 1000), hasOldKey: false };
  }

  #found(key: string, row: DjangoRow, opened: Opened | Refused): StoredSession {
    const ref = { id: key, key, cookieValue: key, version: row.text };
    const now = this.#kit.now();
    if (typeof opened === "string") {
      const record = { data: "", createdAt: now, touchedAt: now, expiresAt: row.expiresAt ?? now };
      return { record, ref: { ...ref, hasOldSignature: false } };
    }
    const { json: data, signedAt, hasOldKey } = opened;
    const expiresAt = row.expiresAt ?? this.#endOf(data, row.savedAt!) ?? now;
    return {
      record: { data, createdAt: signedAt * 1000, touchedAt: now, expiresAt },
      ref: { ...ref, hasOldSignature: hasOldKey },
    };
  }

  /** The expiry of a session with only a known save time; `undefined` if it cannot be read. */
  #endOf(data: string, savedAt: number): number | undefined {
    const record = { data, createdAt: savedAt, touchedAt: savedAt, expiresAt: savedAt };
    try {
      return Math.floor(this.format.endOf(this.format.read(record).values, savedAt));
    } catch {
      return undefined;
    }
  }

  async open(id: string | undefined): Promise<StoredSession | undefined> {
    return isKey(id) ? (await this.#look(id))[0] : undefined;
  }

  reload({ ref }: StoredSession): MaybePromise<StoredSession | undefined> {
    return this.#load(ref.key);
  }

  async create(record: SessionRecord): Promise<StoredSession> {
    const row = await this.#row(record);
    for (let tries = 0; tries < mostTries; tries++) {
      const key = makeKey();
      if (await this.#write("create", () => this.#engine.create(key, row), isFlag, key)) {
        return { record, ref: placeOf(key, row) };
      }
    }
    throw noFreeKey();
  }

  async save({ ref }: StoredSession, record: SessionRecord): Promise<StoredSession | undefined> {
    const row = await this.#row(record);
    const isSaved = await this.#write(
      "save",
      () => this.#engine.replace(ref.key, row, ref.version),
      isFlag,
      ref.key,
    );
    return isSaved ? { record, ref: placeOf(ref.key, row) } : undefined;
  }

  async rotate({ ref }: StoredSession, record: SessionRecord): Promise<StoredSession | undefined> {
    const row = await this.#row(record);
    for (let tries = 0; tries < mostTries; tries++) {
      const key = makeKey();
      const rotating = Promise.resolve(
        this.#write(
          "rotate",
          () => this.#engine.rotate(ref.key, key, row, ref.version),
          isFlag,
          ref.key,
        ),
      );
      this.#rotations.set(ref.key, rotating.then((isDone) => isDone ? key : undefined, () => key));
      if (await rotating) return { record, ref: placeOf(key, row) };
      const now = await this.#guard.call("load", () => this.#engine.load(ref.key), isRow, ref.key);
      if (now?.text !== ref.version) return undefined;
    }
    throw noFreeKey();
  }

  /** The same text with a new expiry. */
  async touch({ ref }: StoredSession, record: SessionRecord): Promise<StoredSession | undefined> {
    const row = { text: ref.version, expiresAt: record.expiresAt };
    return await this.#write(
        "save",
        () => this.#engine.replace(ref.key, row, ref.version),
        isFlag,
        ref.key,
      )
      ? { record, ref }
      : undefined;
  }

  /** Ends the session, also under the key to which this process has rotated it since. */
  async end({ ref }: StoredSession): Promise<boolean> {
    for (let key: string | undefined = ref.key; key !== undefined; key = await this.#rotations.get(key)) {
      const dead = key;
      if (await this.#write("delete", () => this.#engine.delete(dead), isFlag, dead)) return true;
    }
    return false;
  }

  /** Django's keys are not signed: the row of a key is the visitor's own. */
  async endByCookies(header: string | null, except: ReadonlySet<string>): Promise<LogoutResult> {
    const ended: string[] = [];
    const { keys } = this.#kit.jar.read(header);
    for (const key of keys.slice(0, mostKeys)) {
      if (except.has(key)) continue;
      if (await this.#write("delete", () => this.#engine.delete(key), isFlag, key)) ended.push(key);
    }
    return { ended, setCookies: this.#kit.jar.clear(header) };
  }

  /** Django leaves expired rows to `clearsessions`. */
  removeExpired(): void {}

  setCookie(ref: SessionRef, maxAge: number | undefined): readonly string[] {
    return [this.#kit.jar.set(ref.cookieValue, maxAge)];
  }

  list(): MaybePromise<SessionPage> {
    return unsupported("list a user's sessions: Django's keep no index of users");
  }

  inspect(): never {
    return unsupported("be looked at by a handle");
  }

  revoke(): never {
    return unsupported("be ended by a handle");
  }

  clearExpired(now: number, limit: number): MaybePromise<number> {
    const endOf = async ({ text, expiresAt, savedAt }: DjangoRow) => {
      if (expiresAt !== undefined || savedAt === undefined) return expiresAt;
      const opened = await this.#open(text);
      return typeof opened === "string" ? undefined : this.#endOf(opened.json, savedAt);
    };
    return this.#write("clearExpired", () => this.#engine.clearExpired(now, limit, endOf), isCount);
  }

  close(): MaybePromise<void> {
    return this.#guard.call("close", () => this.#engine.close?.(), isAnything);
  }

  async #row({ data, expiresAt }: SessionRecord): Promise<DjangoRow> {
    const { envelope, now } = this.#kit;
    const text = this.#engine.format === "signed" ? await envelope.close(data, now()) : data;
    return { text, expiresAt };
  }

  /** A write that finds damage is an error: only a load can treat the visitor as anonymous. */
  async #write<T>(
    operation: string,
    run: () => MaybePromise<T>,
    isRight: (value: unknown) => value is T,
    key?: string,
  ): Promise<T> {
    try {
      return await this.#guard.call(operation, run, isRight, key);
    } catch (error) {
      return rethrowAsStoreError(error);
    }
  }
}

function placeOf(key: string, { text }: DjangoRow): SessionRef {
  return { id: key, key, cookieValue: key, version: text, hasOldSignature: false };
}

function noFreeKey(): SessionError {
  return new SessionError(
    "ERR_STORE",
    `The session engine reported ${mostTries} new keys in a row as already taken`,
  );
}
