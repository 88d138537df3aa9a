/** Decides whether a session in a cookie has ended, and records that it has. */

import type { TransportContext } from "../../src/transport/transport.ts";
import { SessionError } from "../../src/errors.ts";
import { CallGuard, GuardedStore } from "../../src/guard/call_guard.ts";
import type { MaybePromise, SessionRecord, SessionStore } from "../../src/store.ts";

/** A user's sessions that began before some instant have ended. */
export interface NotBefore {
  /** The instant for a user, in milliseconds since the epoch; 0 if there is none. Raise it to log the user out everywhere. */
  notBefore(userId: string): MaybePromise<number>;
}

/** How the transport learns that a session has ended. */
export interface Revocation {
  readonly store: SessionStore | undefined;
  readonly notBefore: NotBefore["notBefore"] | undefined;
}

/** How far, in ms, another server's clock may be ahead (SR-027). */
export const maxClockSkew = 60_000;
/** For how long, in ms, an ended id is kept beyond its session's expiry if there is no absolute limit: 400 days. */
const revocationLifetime = 34_560_000_000;

const isInstant = (value: unknown): value is number => typeof value === "number" && !Number.isNaN(value);

/** The ended sessions: a store of ended ids, or an instant for each user. */
export class Revocations {
  readonly #context: TransportContext;
  readonly #guard: CallGuard;
  readonly #store: GuardedStore | undefined;
  readonly #notBefore: Revocation["notBefore"];

  constructor(context: TransportContext, { store, notBefore }: Revocation) {
    this.#context = context;
    this.#guard = new CallGuard(context.timeout, context.events);
    this.#store = store && new GuardedStore(store, this.#guard);
    this.#notBefore = notBefore;
  }

  /** Whether no session can be revoked, so that a cookie alone decides. */
  get isNone(): boolean {
    return this.#store === undefined && this.#notBefore === undefined;
  }

  /** Whether the session has ended. */
  async hasEnded(key: string, { userId, createdAt }: SessionRecord): Promise<boolean> {
    if (this.#store !== undefined) return await this.#isRevoked(key);
    if (this.#notBefore === undefined || userId === undefined) return false;
    return createdAt < await this.#guard.call("notBefore", () => this.#notBefore!(userId), isInstant);
  }

  /** A damaged entry of an id means that the session has ended. */
  async #isRevoked(key: string): Promise<boolean> {
    try {
      return await this.#store!.load(key) !== undefined;
    } catch (error) {
      if (!(error instanceof SessionError) || error.code !== "ERR_DAMAGED") throw error;
      this.#context.events.emit("damaged", key);
      return true;
    }
  }

  /** Stores that an id has ended, for as long as any cookie with it could be live. Resolves to `false` if it had ended before. */
  async revoke(key: string, record: SessionRecord): Promise<boolean> {
    if (this.#store === undefined) return true;
    const now = this.#context.now();
    const { absoluteAge } = this.#context.limits;
    const expiresAt = absoluteAge === null
      ? Math.max(record.expiresAt, now) + revocationLifetime
      : record.createdAt + absoluteAge * 1000;
    const ended = {
      data: "ended",
      createdAt: now,
      touchedAt: now,
      expiresAt: Math.max(expiresAt, now + maxClockSkew),
    };
    return await this.#store.create(key, ended) !== undefined;
  }

  /** Removes entries of ids whose cookies have expired; `undefined` if there is no store. */
  clearExpired(now: number, limit: number): MaybePromise<number> | undefined {
    return this.#store?.clearExpired(now, limit);
  }
}
