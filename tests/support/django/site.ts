/** What the tests of `./django` share: a site's table in memory, its sessions here, requests, and rows as Django writes them. */

import { toColumn } from "../../../backends/django/format/dates.ts";
import { Envelope } from "../../../backends/django/format/signed_object.ts";
import {
  DjangoDbStore,
  type DjangoEngine,
  djangoSessions,
  type DjangoSessionsOptions,
} from "../../../backends/django.ts";
import type { SqliteDatabase } from "../../../backends/sqlite.ts";
import type { Session, SessionEvent, Sessions } from "../../../mod.ts";
import { connect, run } from "../sqlite/rig.ts";

export const start = 1_800_000_000_000;
export const secretKey = "django-insecure-1";
export const twoWeeks = 1_209_600;

/** The statements of Django's migration, exactly. */
export const schema: readonly string[] = [
  `CREATE TABLE "django_session" ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" datetime NOT NULL)`,
  `CREATE INDEX "django_session_expire_date_a5c62663" ON "django_session" ("expire_date")`,
];

export type EngineName = "db" | "signed_cookies";
export type Work = (session: Session, request: Request) => unknown;
export type Changes = Partial<DjangoSessionsOptions>;

const salts = {
  db: "django.contrib.sessions.SessionStore",
  signed_cookies: "django.contrib.sessions.backends.signed_cookies",
};

/** A text as Django would sign it; `at` in milliseconds. */
export function sign(
  json: string,
  { engine = "db", key = secretKey, at = start }: { engine?: EngineName; key?: string; at?: number } = {},
): Promise<string> {
  return new Envelope([new TextEncoder().encode(key)], salts[engine]).close(json, at);
}

/** See the first line of this file. */
export class DjangoSite {
  readonly engine: EngineName;
  readonly clock: { now: number } = { now: start };
  readonly events: SessionEvent[] = [];
  readonly database: SqliteDatabase = connect(":memory:");
  readonly store: DjangoDbStore;
  readonly sessions: Sessions;

  constructor(changes: Changes = {}, engine: EngineName = "db") {
    this.engine = engine;
    for (const statement of schema) run(this.database, statement);
    this.store = new DjangoDbStore(this.database, { useTz: changes.useTz ?? true });
    this.sessions = this.other(changes);
  }

  /** Another process that serves the same site. */
  other(changes: Changes = {}): Sessions {
    const ref = this.engine === "db" ? { store: this.store } : { engine: this.engine };
    return djangoSessions({
      secretKey,
      ...ref,
      now: () => this.clock.now,
      onEvent: (event) => this.events.push(event),
      ...changes,
    });
  }

  /** One request; `cookie` is the value of the session cookie, and what `work` gives is the answer if it is one. */
  async visit(work: Work | undefined, cookie?: string, name = "sessionid"): Promise<Response> {
    const headers = cookie === undefined ? {} : { cookie: `${name}=${cookie}` };
    return await this.request(work, headers);
  }

  /** The same with any headers. */
  async request(work: Work | undefined, headers: Record<string, string>): Promise<Response> {
    const request = new Request("https://site.test/", { headers });
    return await this.sessions.wrap(async (request) => {
      const answer = work === undefined ? undefined : await work(await request.session, request);
      return answer instanceof Response ? answer : new Response("ok");
    })(request);
  }

  /** What `work` sees in the session behind a cookie. */
  async see<T>(work: (session: Session) => T | Promise<T>, cookie?: string): Promise<T> {
    const seen: T[] = [];
    await this.visit(async (session) => void seen.push(await work(session)), cookie);
    return seen[0]!;
  }

  /** Does `work` on a new session; the cookie that came back, if any. */
  async begin(work: Work = (session) => session.set("color", "blue")): Promise<string> {
    return cookieOf(await this.visit(work))?.value ?? "";
  }

  /** Puts a row there as Django would. */
  async put(
    key: string,
    data: string | { readonly text: string },
    expiresAt: number = this.clock.now + twoWeeks * 1000,
  ): Promise<string> {
    const text = typeof data === "string" ? await sign(data, { at: this.clock.now }) : data.text;
    await this.store.create(key, { text, expiresAt });
    return key;
  }

  /** The columns of a row. */
  row(key: string): { session_data: string; expire_date: string } | undefined {
    const statement = this.database.prepare(
      "SELECT session_data, expire_date FROM django_session WHERE session_key = ?",
    );
    try {
      return (statement.get(key) ?? undefined) as { session_data: string; expire_date: string } | undefined;
    } finally {
      statement.finalize?.();
    }
  }

  /** The JSON of a row. */
  async json(key: string): Promise<string | undefined> {
    const row = this.row(key);
    if (row === undefined) return undefined;
    const opened = await new Envelope([new TextEncoder().encode(secretKey)], salts.db).open(row.session_data);
    return typeof opened === "string" ? opened : opened.json;
  }

  get rows(): number {
    return Number(run(this.database, "SELECT count(*) FROM django_session"));
  }

  /** The types of the events so far, which are then forgotten. */
  types(): string[] {
    return this.events.splice(0).map(({ type, reason }) => reason === undefined ? type : `${type} ${reason}`);
  }

  column(at: number): string {
    return toColumn(at, true);
  }
}

/** The one session cookie of an answer, taken apart. */
export function cookieOf(
  response: Response,
): { value: string; field: string; isCleared: boolean } | undefined {
  const fields = response.headers.getSetCookie();
  if (fields.length > 1) throw new Error(`expected one Set-Cookie: received ${fields.length}`);
  const [field] = fields;
  if (field === undefined) return undefined;
  const value = field.slice(field.indexOf("=") + 1, field.indexOf(";"));
  return { value, field, isCleared: value === '""' };
}

/** Whether an answer varies on the cookie. */
export function varies(response: Response): boolean {
  return (response.headers.get("vary") ?? "").split(",").some((name) =>
    name.trim().toLowerCase() === "cookie"
  );
}

/** The same engine with other methods in place of some of its own. */
export function altered(store: DjangoEngine, methods: Partial<DjangoEngine>): DjangoEngine {
  return {
    format: store.format,
    load: (...given) => store.load(...given),
    create: (...given) => store.create(...given),
    replace: (...given) => store.replace(...given),
    rotate: (...given) => store.rotate(...given),
    delete: (...given) => store.delete(...given),
    clearExpired: (...given) => store.clearExpired(...given),
    ...methods,
  };
}
