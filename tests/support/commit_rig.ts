/** What the tests of commits share: both stores, a store whose calls can be held up, a site, browsers, seeded randomness. */

import { mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after } from "node:test";
import { setImmediate } from "node:timers";
import { MemoryStore } from "../../backends/memory.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import {
  createSessions,
  type ListOptions,
  type MaybePromise,
  type Session,
  type SessionEvent,
  type SessionPage,
  type SessionRecord,
  type Sessions,
  type SessionsOptions,
  type SessionStore,
  type StoredRecord,
} from "../../mod.ts";

/** One turn of the event loop. */
export const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

const folder = join(tmpdir(), `sojourn-commit-${process.pid}-${crypto.randomUUID()}`);
const removeFiles = () => rmSync(folder, { recursive: true, force: true });
// Bun runs all test files in one process and takes a shared module's `after` for the first file's; Deno tells no exit.
after(removeFiles);
process.on("exit", removeFiles);
let files = 0;

/** The path of a file that does not exist yet. */
function newPath(): string {
  mkdirSync(folder, { recursive: true });
  return join(folder, `${++files}.db`);
}

/** The stores that every promise about commits is tested on. */
export const stores: readonly { name: string; open: () => MaybePromise<SessionStore> }[] = [
  { name: "MemoryStore", open: () => new MemoryStore() },
  { name: "SqliteStore", open: () => SqliteStore.open(newPath(), { synchronous: "NORMAL", timeout: 10 }) },
];

export { dice, seed } from "./dice.ts";

export type Method = "load" | "create" | "save" | "delete" | "touch" | "list" | "clearExpired";

/** Passes every call on and counts it. `before` and `after` may wait or throw, around what the store really does. */
export class StagedStore implements SessionStore {
  readonly inner: SessionStore;
  counts: Partial<Record<Method, number>> = {};
  before: ((method: Method, key: string) => MaybePromise<void>) | undefined;
  after: ((method: Method, key: string) => MaybePromise<void>) | undefined;

  constructor(inner: SessionStore) {
    this.inner = inner;
    if (inner.touch === undefined) Object.defineProperty(this, "touch", { value: undefined });
  }

  #call<T>(method: Method, key: string, run: () => MaybePromise<T>): MaybePromise<T> {
    this.counts[method] = (this.counts[method] ?? 0) + 1;
    const { before, after } = this;
    if (before === undefined && after === undefined) return run();
    return (async () => {
      await before?.(method, key);
      const answer = await run();
      await after?.(method, key);
      return answer;
    })();
  }

  load(key: string, options?: { fresh?: boolean }): MaybePromise<StoredRecord | undefined> {
    return this.#call("load", key, () => this.inner.load(key, options));
  }
  create(key: string, record: SessionRecord): MaybePromise<string | undefined> {
    return this.#call("create", key, () => this.inner.create(key, record));
  }
  save(key: string, record: SessionRecord, version: string): MaybePromise<string | undefined> {
    return this.#call("save", key, () => this.inner.save(key, record, version));
  }
  delete(key: string): MaybePromise<boolean> {
    return this.#call("delete", key, () => this.inner.delete(key));
  }
  touch(key: string, touchedAt: number, expiresAt: number, version: string): MaybePromise<boolean> {
    return this.#call("touch", key, () => this.inner.touch!(key, touchedAt, expiresAt, version));
  }
  list(userId: string, options?: ListOptions): MaybePromise<SessionPage> {
    return this.#call("list", "", () => this.inner.list!(userId, options));
  }
  clearExpired(now: number, limit: number): MaybePromise<number> {
    return this.#call("clearExpired", "", () => this.inner.clearExpired!(now, limit));
  }
  onEvict(tell: (key: string) => void): void {
    this.inner.onEvict?.(tell);
  }
  close(): MaybePromise<void> {
    return this.inner.close?.();
  }

  /** The calls since the last look. */
  taken(): Partial<Record<Method, number>> {
    const { counts } = this;
    this.counts = {};
    return counts;
  }
}

/** A store without the optional `touch`. */
export function withoutTouch(store: SessionStore): SessionStore {
  return {
    load: (key, options) => store.load(key, options),
    create: (key, record) => store.create(key, record),
    save: (key, record, version) => store.save(key, record, version),
    delete: (key) => store.delete(key),
  };
}

export const secrets: readonly Uint8Array[] = [Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 1)];

export type Work = (session: Session, request: Request) => unknown;

/** A site: sessions over a staged store, what was reported, and a clock that stands until it is moved. */
export class Site {
  readonly sessions: Sessions;
  readonly store: StagedStore;
  readonly events: SessionEvent[] = [];
  readonly clock: { now: number };
  readonly #options: Partial<SessionsOptions>;

  constructor(
    store: SessionStore = new MemoryStore(),
    options: Partial<SessionsOptions> = {},
    clock?: { now: number },
  ) {
    this.store = store instanceof StagedStore ? store : new StagedStore(store);
    this.clock = clock ?? { now: 1_800_000_000_000 };
    this.#options = options;
    this.sessions = createSessions({
      store: this.store,
      secrets,
      now: () => this.clock.now,
      onEvent: (event) => this.events.push(event),
      ...options,
    });
  }

  /** A site like another process's: the same records and clock, but a `Sessions` object and lines of its own. */
  other(): Site {
    return new Site(new StagedStore(this.store.inner), this.#options, this.clock);
  }

  /** What the store holds for a session id, read past the library's cookies. */
  async stored(id: string | undefined): Promise<Record<string, unknown> | undefined> {
    const session = await this.other().sessions.open(id);
    return session.id === undefined ? undefined : { ...session.toObject() };
  }

  eventTypes(): string[] {
    return this.events.map(({ type }) => type);
  }
}

/** A client that keeps the one cookie, and tells what came with each answer. */
export class Browser {
  readonly site: Site;
  cookie: string | undefined;

  constructor(site: Site, cookie?: string) {
    this.site = site;
    this.cookie = cookie;
  }

  /** A request whose handler does `work`, and answers what it returned: a `Response` as it is, anything else as text. */
  async visit(work: Work, site: Site = this.site): Promise<Response> {
    const handler = site.sessions.wrap(async (request) => {
      const answer = await work(await request.session, request);
      return answer instanceof Response ? answer : new Response(String(answer));
    });
    const response = await handler(requestWith(this.cookie));
    this.cookie = cookieAfter(response, this.cookie);
    return response;
  }

  /** Another browser with the same cookie. */
  twin(site: Site = this.site): Browser {
    return new Browser(site, this.cookie);
  }

  /** Visits and answers the session's id. */
  async id(): Promise<string | undefined> {
    let id: string | undefined;
    await this.visit((session) => void (id = session.id));
    return id;
  }
}

export function requestWith(cookie: string | undefined): Request {
  return new Request("https://site.test/", cookie === undefined ? {} : { headers: { cookie } });
}

/** The `Cookie` header that a browser sends after an answer. */
export function cookieAfter(response: Response, before: string | undefined): string | undefined {
  let cookie = before;
  for (const field of response.headers.getSetCookie()) {
    cookie = /; Max-Age=0(;|$)/.test(field) ? undefined : field.split(";", 1)[0];
  }
  return cookie;
}

/** A browser with a session that holds `data`. */
export async function begin(site: Site, data: Record<string, unknown> = { a: 1 }): Promise<Browser> {
  const browser = new Browser(site);
  await browser.visit((session) => session.assign(data).size);
  site.store.taken();
  site.events.length = 0;
  return browser;
}

/** Something to wait for, opened once. */
export function gate(): { wait: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { wait: promise, open: resolve };
}

/** A gate that opens by itself when `count` have come. */
export function barrier(count: number): () => Promise<void> {
  const { wait, open } = gate();
  return () => {
    if (--count === 0) open();
    return wait;
  };
}
