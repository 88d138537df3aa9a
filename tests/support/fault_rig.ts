/** What the tests of faults and of the public members share: a store that fails on order, a site, visitors, seeded randomness. */

import assert from "node:assert/strict";
import { MemoryStore } from "../../backends/memory.ts";
import {
  createSessions,
  type ListOptions,
  type MaybePromise,
  type Session,
  SessionError,
  type SessionErrorCode,
  type SessionEvent,
  type SessionPage,
  type SessionRecord,
  type Sessions,
  type SessionsOptions,
  type SessionStore,
  type StoredRecord,
} from "../../mod.ts";
import { SessionClient } from "../../src/testing.ts";
import { dice, seed } from "./dice.ts";

export { seed };

export type Method =
  | "load"
  | "create"
  | "save"
  | "delete"
  | "touch"
  | "list"
  | "clearExpired"
  | "close";
/** The ways to fail. `lost`: the store does it, then the answer is an error; `late`: it does it, and never answers. */
export type Fault = "reject" | "throw" | "hang" | "wrong" | "lost" | "late";

/** The ways to fail that leave the store as it was. */
export const cleanFaults: readonly Fault[] = ["reject", "throw", "hang", "wrong"];

/** What a driver would throw; it says more than a visitor may see. */
export class DriverError extends Error {
  override readonly name = "DriverError";
}

const nonsense: Record<Method, unknown> = {
  load: { data: 42 },
  create: 7,
  save: { version: "1" },
  delete: "yes",
  touch: 1,
  list: { entries: [{ key: 1 }] },
  clearExpired: -1,
  close: undefined,
};

/** A store in memory. It counts its calls and fails where `plan` says so; with `isAsync` its answers are promises. */
export class FaultyStore implements SessionStore {
  readonly inner: MemoryStore;
  readonly calls: { readonly method: Method; readonly args: readonly unknown[] }[] = [];
  plan: ((method: Method, nth: number) => Fault | undefined) | undefined;
  /** Waited for before each call. */
  before: ((method: Method) => Promise<void>) | undefined;
  isAsync = false;
  /** Settles the calls that hang. */
  readonly hanging: {
    readonly method: Method;
    resolve(value: unknown): void;
    reject(error: unknown): void;
  }[] = [];

  constructor(now: () => number = Date.now) {
    this.inner = new MemoryStore({ maxEntries: 1_000_000, now });
  }

  /** From now on every call of these methods fails in this way; without methods, all of them. */
  fail(fault: Fault, ...methods: Method[]): void {
    this.plan = (method) => methods.length === 0 || methods.includes(method) ? fault : undefined;
  }

  heal(): void {
    this.plan = undefined;
  }

  /** The names of the calls since the last look. */
  taken(): Method[] {
    return this.calls.splice(0).map(({ method }) => method);
  }

  #call<T>(method: Method, args: readonly unknown[], run: () => T): MaybePromise<T> {
    this.calls.push({ method, args });
    const fault = this.plan?.(method, this.calls.length);
    const fails = () => new DriverError(`${method} failed for ${JSON.stringify(args)}`);
    if (fault === "throw") throw fails();
    if (fault === "reject") return Promise.reject(fails());
    if (fault === "wrong") return nonsense[method] as T;
    if (fault === "lost") {
      run();
      return Promise.reject(fails());
    }
    if (fault === "hang" || fault === "late") {
      if (fault === "late") run();
      return new Promise<never>((resolve, reject) => {
        this.hanging.push({ method, resolve: resolve as (value: unknown) => void, reject });
      });
    }
    const { before } = this;
    if (before !== undefined) return before(method).then(run);
    return this.isAsync ? Promise.resolve().then(run) : run();
  }

  load(...args: Parameters<SessionStore["load"]>): MaybePromise<StoredRecord | undefined> {
    return this.#call("load", args, () => this.inner.load(args[0]));
  }
  create(key: string, record: SessionRecord): MaybePromise<string | undefined> {
    return this.#call("create", [key, record], () => this.inner.create(key, record));
  }
  save(key: string, record: SessionRecord, version: string): MaybePromise<string | undefined> {
    return this.#call("save", [key, record, version], () => this.inner.save(key, record, version));
  }
  delete(key: string): MaybePromise<boolean> {
    return this.#call("delete", [key], () => this.inner.delete(key));
  }
  touch(key: string, touchedAt: number, expiresAt: number, version: string): MaybePromise<boolean> {
    return this.#call("touch", [key], () => this.inner.touch(key, touchedAt, expiresAt, version));
  }
  list(userId: string, options?: ListOptions): MaybePromise<SessionPage> {
    return this.#call("list", [userId], () => this.inner.list(userId, options));
  }
  clearExpired(now: number, limit: number): MaybePromise<number> {
    return this.#call("clearExpired", [now, limit], () => this.inner.clearExpired(now, limit));
  }
  close(): MaybePromise<void> {
    return this.#call("close", [], () => this.inner.close());
  }
}

export const secrets: readonly Uint8Array[] = [Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 1)];

/** A site: sessions over a store that can fail, what was reported, and a clock that stands until it is moved. */
export class Site {
  readonly clock: { now: number } = { now: 1_800_000_000_000 };
  readonly store: FaultyStore = new FaultyStore(() => this.clock.now);
  readonly events: SessionEvent[] = [];
  readonly sessions: Sessions;

  constructor(options: Partial<SessionsOptions> = {}) {
    this.sessions = createSessions({
      store: this.store,
      secrets,
      timeout: 0.03,
      now: () => this.clock.now,
      onEvent: (event) => this.events.push(event),
      ...options,
    });
  }

  eventTypes(): string[] {
    return this.events.map(({ type }) => type);
  }

  /** The storage key and the record of a session, read past the library. */
  async stored(id: string): Promise<{ key: string; record: StoredRecord | undefined }> {
    const key = await keyOf(id);
    return { key, record: this.store.inner.load(key) };
  }

  /** Puts a text in place of a session's record, as a fault or an attacker with access to the store would. */
  async plant(
    id: string,
    data: string,
    headOf: (head: string) => string = (head) => head,
  ): Promise<StoredRecord> {
    const { key, record } = await this.stored(id);
    this.store.inner.save(key, { ...record!, data, head: headOf(record!.head!) }, record!.version);
    return this.store.inner.load(key)!;
  }
}

/** What the store sees of an id (SR-005). */
export async function keyOf(id: string): Promise<string> {
  const bytes = new TextEncoder().encode(`sojourn session key 2\n${id.slice(0, 16)}`);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export type Work = (session: Session, request: Request) => unknown;

/** A browser at a site. */
export class Visitor {
  readonly site: Site;
  readonly client: SessionClient;
  #handler: (request: Request) => MaybePromise<Response> = () => new Response("none");

  constructor(site: Site) {
    this.site = site;
    const wrapped = site.sessions.wrap((request) => this.#handler(request));
    this.client = new SessionClient(wrapped, { now: () => site.clock.now });
  }

  /** One request to this handler. */
  send(
    handler: (request: Request & { session: Promise<Session> }) => MaybePromise<Response>,
  ): Promise<Response> {
    this.#handler = handler as (request: Request) => MaybePromise<Response>;
    return this.client.fetch("/");
  }

  /** One request whose handler does `work`, and answers what it returned: a `Response` as it is, anything else as text. */
  visit(work: Work): Promise<Response> {
    return this.send(async (request) => {
      const answer = await work(await request.session, request);
      return answer instanceof Response ? answer : new Response(String(answer));
    });
  }

  /** What the session holds, as the next request sees it. */
  async data(): Promise<Record<string, unknown>> {
    let data: Record<string, unknown> = {};
    await this.visit((session) => void (data = { ...session.toObject() }));
    return data;
  }

  get cookie(): string | undefined {
    return this.client.cookies.get("__Host-sid");
  }

  get id(): string {
    return this.cookie!.slice(0, 32);
  }
}

/** A visitor with a session that holds `data`; the store's calls and the events so far are forgotten. */
export async function begin(
  site: Site,
  data: Record<string, unknown> = { a: 1 },
  userId?: string,
): Promise<Visitor> {
  const visitor = new Visitor(site);
  await visitor.visit((session) => {
    if (userId !== undefined) session.login(userId);
    session.assign(data);
  });
  site.store.taken();
  site.events.length = 0;
  return visitor;
}

/** Awaits the `SessionError` that `work` must end in, thrown or rejected. */
export async function fails(work: () => unknown, code: SessionErrorCode): Promise<SessionError> {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof SessionError, `not a SessionError: ${String(error)}`);
    assert.equal(error.code, code, `${error.code}: ${error.message} ${String(error.cause)}`);
    return error;
  }
  assert.fail(`expected ${code}`);
}

/** Whole numbers from 0 up to `below`, the same for the same seed. Prints the seed. */
export function randomness(what: string): (below: number) => number {
  console.log(`${what}: SOJOURN_SEED=${seed}`);
  return dice(seed);
}
