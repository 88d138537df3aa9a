/** A browser before a `Sessions` object whose handlers are given visit by visit, and gates to hold them up with. */

import assert from "node:assert/strict";
import type { Session, Sessions } from "../../mod.ts";
import { SessionClient } from "../../src/testing.ts";

/** What the handler of one visit does; a `Response` is answered as it is, anything else as text. */
export type Work = (session: Session, request: Request) => unknown;

/** Keeps cookies as a browser does, several of them too, and speaks to the `Sessions` object that it is told to. */
export class Browser {
  readonly sessions: Sessions;
  readonly #client: SessionClient;
  readonly #now: () => number;
  readonly #visits = new Map<string, { readonly work: Work; readonly sessions: Sessions }>();

  constructor(sessions: Sessions, now: () => number, cookies: Iterable<readonly [string, string]> = []) {
    this.sessions = sessions;
    this.#now = now;
    this.#client = new SessionClient((request) => this.#answer(request), { now });
    for (const [name, value] of cookies) this.cookies.set(name, value);
  }

  /** The cookies it holds, to be read and changed. */
  get cookies(): Map<string, string> {
    return this.#client.cookies;
  }

  /** The `Cookie` header it would send. */
  get header(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** One request; `header` goes out in place of the kept cookies. */
  async visit(work: Work, { header, sessions = this.sessions }: VisitOptions = {}): Promise<Response> {
    const path = `/${this.#visits.size}`;
    this.#visits.set(path, { work, sessions });
    return await this.#client.fetch(path, header === undefined ? {} : { headers: { cookie: header } });
  }

  /** What `work` gives, on a visit that is answered with 200. */
  async see<T>(work: (session: Session) => T | Promise<T>, options?: VisitOptions): Promise<T> {
    const seen: T[] = [];
    const response = await this.visit(async (session) => void seen.push(await work(session)), options);
    assert.equal(response.status, 200);
    return seen[0]!;
  }

  /** The session's data, as a plain object. */
  async data(options?: VisitOptions): Promise<Record<string, unknown>> {
    return await this.see((session) => ({ ...session.toObject() }), options);
  }

  /** Another browser with copies of the same cookies. */
  twin(sessions: Sessions = this.sessions): Browser {
    return new Browser(sessions, this.#now, this.cookies);
  }

  async #answer(request: Request): Promise<Response> {
    const { work, sessions } = this.#visits.get(new URL(request.url).pathname)!;
    return await sessions.wrap(async (request) => {
      const answer = await work(await request.session as Session, request);
      return answer instanceof Response ? answer : new Response(String(answer));
    })(request);
  }
}

export interface VisitOptions {
  readonly header?: string;
  readonly sessions?: Sessions;
}

/** Something to wait for, opened once. */
export function gate(): { readonly wait: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { wait: promise, open: resolve };
}

/** A visit whose session is loaded when this resolves, and whose handler goes on with `work` when it is let go. */
export async function arrive(
  browser: Browser,
  work: Work,
  options?: VisitOptions,
): Promise<{ go(): Promise<Response> }> {
  const [loaded, held] = [gate(), gate()];
  const answer = browser.visit(async (session, request) => {
    loaded.open();
    await held.wait;
    return await work(session, request);
  }, options);
  await Promise.race([loaded.wait, answer]);
  return {
    go() {
      held.open();
      return answer;
    },
  };
}
