/** What the tests of ids, cookies and keys share: secrets, a store that counts its calls, short visits, seeded randomness. */

import process from "node:process";
import { MemoryStore } from "../../backends/memory.ts";
import {
  createSessions,
  type ListOptions,
  type MaybePromise,
  type Session,
  type SessionEvent,
  type SessionRecord,
  type Sessions,
  type SessionsOptions,
  type SessionStore,
} from "../../mod.ts";

/** Set `SOJOURN_SEED` to repeat a run. */
export const seed: number = Number(process.env["SOJOURN_SEED"] ?? Date.now() % 2 ** 31);

/** Numbers from 0 up to `below`, the same for the same seed (mulberry32). Prints the seed. */
export function randomness(what: string): (below: number) => number {
  console.log(`${what}: SOJOURN_SEED=${seed}`);
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6D2B79F5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** A secret of 32 different bytes, another one for every number. */
export function secret(number: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: 32 }, (_, i) => (i * 37 + number * 101 + 11) & 255);
}

/** Passes everything on, and writes down each call; `fault` may throw, or answer something else, before the call is made. */
export class SpyStore implements SessionStore {
  readonly inner: MemoryStore = new MemoryStore();
  readonly calls: { readonly method: string; readonly args: readonly unknown[] }[] = [];
  fault: ((method: string, args: readonly unknown[]) => unknown) | undefined;

  #call<T>(method: string, args: readonly unknown[], run: () => T): T {
    this.calls.push({ method, args });
    const answer = this.fault?.(method, args);
    return answer === undefined ? run() : answer as T;
  }

  load(...args: Parameters<SessionStore["load"]>): ReturnType<MemoryStore["load"]> {
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
    return this.#call(
      "touch",
      [key, touchedAt, expiresAt, version],
      () => this.inner.touch(key, touchedAt, expiresAt, version),
    );
  }
  list(userId: string, options?: ListOptions): ReturnType<MemoryStore["list"]> {
    return this.#call("list", [userId], () => this.inner.list(userId, options));
  }

  /** How often a method was called; without a name, all of them. */
  count(method?: string): number {
    return method === undefined
      ? this.calls.length
      : this.calls.filter((call) => call.method === method).length;
  }
}

/** A site: sessions over a counting store, everything that was reported, and a clock that stands until it is moved. */
export interface Site {
  readonly sessions: Sessions;
  readonly store: SpyStore;
  readonly events: SessionEvent[];
  readonly clock: { now: number };
  /** One request with this `Cookie` header to a handler that does `work` and answers 200. */
  visit(cookie: string | undefined, work?: (session: Session) => unknown): Promise<Response>;
}

/** Makes a site. */
export function makeSite(options: Partial<SessionsOptions> = {}): Site {
  const store = options.store instanceof SpyStore ? options.store : new SpyStore();
  const events: SessionEvent[] = [];
  const clock = { now: 1_800_000_000_000 };
  const sessions = createSessions({
    store,
    secrets: [secret(1)],
    now: () => clock.now,
    onEvent: (event) => events.push(event),
    ...options,
  });
  const visit = async (cookie: string | undefined, work: (session: Session) => unknown = read) => {
    const handler = sessions.wrap(async (request) => new Response(String(await work(await request.session))));
    return await handler(
      new Request("https://site.test/", cookie === undefined ? {} : { headers: { cookie } }),
    );
  };
  return { sessions, store, events, clock, visit };
}

/** What `visit` does by default: says which mark the session bears. */
export function read(session: Session): unknown {
  return session.get("mark", "anonymous");
}

/** Work for `visit` that writes a mark. */
export function writes(mark: string): (session: Session) => string {
  return (session) => {
    session.set("mark", mark);
    return mark;
  };
}

/** The value of the one cookie that an answer sets. */
export function tokenOf(response: Response, name = "__Host-sid"): string {
  const fields = response.headers.getSetCookie().filter((field) => field.startsWith(`${name}=`));
  if (fields.length !== 1) throw new Error(`expected one cookie ${name}: received ${fields.length}`);
  return fields[0]!.slice(name.length + 1).split(";", 1)[0]!;
}

/** Begins a session on a site that bears a mark; its cookie value. */
export async function begin(site: Site, mark: string): Promise<string> {
  return tokenOf(await site.visit(undefined, writes(mark)));
}

/** A header of the vectors with live sessions in place of the stand-ins for ids. */
export async function withLive(site: Site, header: string): Promise<string> {
  let live = header;
  for (const letter of "ABabcdefgh") {
    const id = letter.repeat(32);
    if (live.includes(id)) live = live.replaceAll(id, await begin(site, letter));
  }
  return live;
}

/** Which session a header leads to; headers that a `Headers` object refuses lead to none. */
export async function markFor(site: Site, cookie: string): Promise<string> {
  try {
    new Headers({ cookie });
  } catch {
    return "anonymous";
  }
  return await (await site.visit(cookie)).text();
}
