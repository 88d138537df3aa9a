/** What happens to sessions, told to `onEvent` and to the channel `sojourn:event`; the one place that turns a storage key into a log tag. */

import { fromBase64url } from "./crypto/base64url.ts";
import { BoundedCache } from "./bounded_cache.ts";
import type { MaybePromise } from "./store.ts";
import { callListener, eventChannel, publish } from "./diagnostics/channels.ts";

/** The kinds of event. */
export type SessionEventType =
  | "created"
  | "touched"
  | "rotated"
  | "login"
  | "ended"
  | "expired"
  | "evicted"
  | "rejected"
  | "reuse"
  | "gone"
  | "conflict"
  | "damaged"
  | "invalid"
  | "cache-control"
  | "store-error";

/** One step in a session's life, or something suspicious. Never holds an id, a secret, a cookie or session data. */
export interface SessionEvent {
  /** What happened. */
  readonly type: SessionEventType;
  /** Stands for the session in logs: 8 hex digits of a keyed hash, the same for its whole life as long as the newest secret stays. */
  readonly tag?: string;
  /**
   * Why, where that is not clear from the type. For `rejected`: `malformed`, `forged`, `unknown-key`, `unknown`, `ambiguous` or `future`. For
   * `ended`: `stamp`, if the user's credentials have changed, or `limit`, if a log-in went beyond `maxSessionsPerUser`.
   */
  readonly reason?: string;
  /** When, in milliseconds since the epoch. */
  readonly at: number;
}

/** Hands events to the hook and to the channel, in order. One that throws, rejects or hangs harms nobody (SR-070). */
export class Events {
  readonly #hook: ((event: SessionEvent) => unknown) | undefined;
  readonly #now: () => number;
  readonly #sign: (key: string) => Promise<string>;
  readonly #tags = new BoundedCache<string, string>(1024);
  /** Resolves when every event so far was handed over; `undefined` when none waits. */
  pending: Promise<void> | undefined;

  constructor(
    hook: ((event: SessionEvent) => unknown) | undefined,
    now: () => number,
    sign: (key: string) => Promise<string>,
  ) {
    this.#hook = hook;
    this.#now = now;
    this.#sign = sign;
  }

  /** Reports an event; `key` is the storage key of the session it is about. */
  emit(type: SessionEventType, key?: string, reason?: string): void {
    if (this.#hook === undefined && !eventChannel.hasSubscribers) return;
    const event = { type, ...(reason === undefined ? {} : { reason }), at: this.#now() };
    const tag = key === undefined ? undefined : this.#tags.get(key);
    if (this.pending === undefined && (key === undefined || tag !== undefined)) {
      this.#tell(event, tag);
      return;
    }
    const made = key === undefined ? undefined : this.tagOf(key);
    const told = Promise.all([made, this.pending]).then(([tag]) => {
      this.#tell(event, tag);
      if (this.pending === told) this.pending = undefined;
    });
    this.pending = told;
  }

  /** The tag of the session with this storage key; `undefined` if none can be made. */
  tagOf(key: string): MaybePromise<string | undefined> {
    return this.#tags.get(key) ?? this.#tag(key);
  }

  async #tag(key: string): Promise<string | undefined> {
    try {
      const bytes = fromBase64url(await this.#sign(key)) ?? new Uint8Array();
      const tag = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join("");
      this.#tags.set(key, tag);
      return tag;
    } catch {
      return undefined;
    }
  }

  #tell(event: SessionEvent, tag: string | undefined): void {
    const whole = Object.freeze(tag === undefined ? event : { ...event, tag });
    if (this.#hook !== undefined) callListener(this.#hook, whole);
    publish(eventChannel, whole);
  }
}
