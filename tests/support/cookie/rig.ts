/** What the tests of the cookie store share: sites whose sessions are in cookies, a revocation store with faults, counted crypto. */

import process from "node:process";
import { CookieStore, type CookieStoreOptions } from "../../../backends/cookie.ts";
import { MemoryStore } from "../../../backends/memory.ts";
import {
  createSessions,
  type MaybePromise,
  type SessionEvent,
  type Sessions,
  type SessionsOptions,
  type SessionStore,
  type StoredRecord,
} from "../../../mod.ts";
import { Browser } from "../browser.ts";

/** The default name of the session cookie. */
export const sid = "__Host-sid";
export const start = 1_800_000_000_000;

/** Set `SOJOURN_SEED` to repeat a run. */
export const seed: number = Number(process.env["SOJOURN_SEED"] ?? Date.now() % 2 ** 31);

/** A secret of 32 different bytes, another one for every number. */
export function secret(number: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: 32 }, (_, i) => (i * 37 + number * 101 + 11) & 255);
}

export interface Clock {
  now: number;
}

export type SiteOptions = Partial<SessionsOptions> & Partial<CookieStoreOptions> & { readonly clock?: Clock };

/** Sessions in cookies, what they reported, and a clock that stands until it is moved. */
export class Site {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly events: SessionEvent[] = [];
  readonly #options: SiteOptions;

  constructor(options: SiteOptions = {}) {
    const { clock = { now: start }, revocation = "none", chunks, maxHeaderBytes, seal, ...others } = options;
    this.clock = clock;
    this.#options = { ...options, clock };
    this.sessions = createSessions({
      store: new CookieStore({
        revocation,
        // Nothing is to keep the cookies from being as many as they may.
        ...(chunks === undefined ? {} : { chunks, maxHeaderBytes: 100_000 }),
        ...(maxHeaderBytes === undefined ? {} : { maxHeaderBytes }),
        ...(seal === undefined ? {} : { seal }),
      }),
      secrets: [secret(1)],
      now: () => clock.now,
      onEvent: (event) => this.events.push(event),
      ...others,
    });
  }

  /** A site as another process would make it: nothing in common but the options. */
  other(options: SiteOptions = {}): Site {
    return new Site({ ...this.#options, ...options });
  }

  browser(cookies: Iterable<readonly [string, string]> = []): Browser {
    return new Browser(this.sessions, () => this.clock.now, cookies);
  }

  /** A browser with a session that holds `data`. */
  async begin(data: Record<string, unknown> = { mark: "live" }, userId?: string): Promise<Browser> {
    const browser = this.browser();
    await browser.see((session) => {
      session.assign(data);
      if (userId !== undefined) session.login(userId);
    });
    return browser;
  }

  /** The mark in the session that a `Cookie` header leads to; `undefined` for an anonymous visitor. */
  async mark(header: string): Promise<unknown> {
    return await this.browser().see((session) => session.get("mark"), { header });
  }

  /** The events since the last look, as `type` or `type reason`. */
  reported(): string[] {
    return this.events.splice(0).map(({ type, reason }) => reason === undefined ? type : `${type} ${reason}`);
  }
}

/** A store for ended ids that can be held up or fail: `fault` runs before each call. */
export class Ended extends MemoryStore {
  readonly calls: string[] = [];
  fault: ((method: "load" | "create") => MaybePromise<unknown>) | undefined;

  constructor(clock: Clock = { now: start }) {
    super({ maxEntries: Infinity, now: () => clock.now });
  }

  #call<T>(method: "load" | "create", run: () => T): T {
    this.calls.push(method);
    const { fault } = this;
    if (fault === undefined) return run();
    return (async () => {
      const answer = await fault(method);
      return answer === undefined ? run() : answer;
    })() as T;
  }

  override load(key: string): StoredRecord | undefined {
    return this.#call("load", () => super.load(key));
  }

  override create(key: string, record: Parameters<SessionStore["create"]>[1]): string | undefined {
    return this.#call("create", () => super.create(key, record));
  }
}

/** The names of the WebCrypto calls made while `work` runs. */
export async function cryptoCalls(work: () => Promise<unknown>): Promise<string[]> {
  const names = [
    "encrypt",
    "decrypt",
    "sign",
    "verify",
    "digest",
    "deriveKey",
    "deriveBits",
    "importKey",
  ] as const;
  const calls: string[] = [];
  for (const name of names) {
    const real = crypto.subtle[name];
    Object.defineProperty(crypto.subtle, name, {
      configurable: true,
      writable: true,
      value(...values: unknown[]) {
        calls.push(name);
        return Reflect.apply(real, crypto.subtle, values);
      },
    });
  }
  try {
    await work();
  } finally {
    for (const name of names) Reflect.deleteProperty(crypto.subtle, name);
  }
  return calls;
}
