/** One of the processes of a history: it answers requests, holds some of them up after they have loaded, and ends sessions. */

import { createSessions, type Session, type Sessions, type SessionStore } from "../../mod.ts";
import { secrets } from "../support/processes_stores.ts";

/** What a request does, in this order: log out, log in, write a key, get a new id. */
export interface Work {
  readonly flush?: boolean;
  readonly login?: string;
  /** The key that it writes. */
  readonly write?: number;
  readonly cycle?: "plain" | "grace";
}

/** What a process is asked. */
export type Command =
  | { readonly do: "clock"; readonly now: number }
  /** With `held` it is answered when the session is loaded, and the handler waits for `go`. */
  | { readonly do: "request"; readonly cookie: string; readonly work: Work; readonly held?: number }
  | { readonly do: "go"; readonly held: number }
  | { readonly do: "revoke"; readonly handle: string; readonly userId?: string }
  | { readonly do: "revokeAll"; readonly userId: string }
  | { readonly do: "list"; readonly userId: string }
  | { readonly do: "clear" }
  /** Rotates sessions one after the other until they are gone, with so many visitors; answers all cookies. */
  | { readonly do: "spin"; readonly cookies: readonly string[]; readonly together: number }
  | { readonly do: "spun" };

/** What a handler saw before it did anything. */
export interface Seen {
  readonly keys: readonly number[];
  readonly user?: string;
}

/** What came of a command; each answers with some of it. */
export interface Reply {
  readonly seen?: Seen;
  readonly status?: number;
  /** The `Set-Cookie` fields. */
  readonly fields?: readonly string[];
  /** A number that was ended or counted. */
  readonly count?: number;
  readonly handles?: readonly string[];
  readonly cookies?: readonly string[];
  /** Events that must not be, and errors. */
  readonly troubles?: readonly string[];
}

/** Seconds. */
export const idleAge = 3600;
export const grace = 30;
export const cookieName = "sid";

/** The value of the session cookie in these fields: `""` for one that is cleared, `undefined` without any. */
export function cookieIn(fields: readonly string[]): string | undefined {
  const values = fields.map((field) => new RegExp(`^${cookieName}=([^;]*)`).exec(field)?.[1]);
  return values.find((value) => value !== undefined);
}

/** See the first line of this file. */
export class Host {
  readonly #sessions: Sessions;
  readonly #now: { now: number };
  readonly #held = new Map<number, { go(): void; readonly answer: Promise<Reply> }>();
  #troubles: string[] = [];
  #spins = 0;

  constructor(store: SessionStore, clock: { now: number }) {
    this.#now = clock;
    this.#sessions = createSessions({
      store,
      secrets,
      now: () => clock.now,
      timeout: 30,
      idleAge,
      anonymousIdleAge: idleAge,
      absoluteAge: null,
      cookie: { name: cookieName, secure: false },
      onEvent: ({ type, reason = "" }) => {
        if (["store-error", "damaged", "invalid", "conflict"].includes(type)) {
          this.#troubles.push(`${type} ${reason}`);
        }
      },
    });
  }

  /** Does what it is asked; troubles since the last answer come with it. */
  async ask(command: Command): Promise<Reply> {
    let reply: Reply;
    try {
      reply = await this.#ask(command);
    } catch (error) {
      reply = { troubles: [`${command.do}: ${String((error as Error)?.stack ?? error)}`] };
    }
    const troubles = [...reply.troubles ?? [], ...this.#troubles.splice(0)];
    return troubles.length > 0 ? { ...reply, troubles } : reply;
  }

  async #ask(command: Command): Promise<Reply> {
    const sessions = this.#sessions;
    switch (command.do) {
      case "clock":
        this.#now.now = command.now;
        return {};
      case "request":
        return await this.#request(command.cookie, command.work, command.held);
      case "go": {
        const { go, answer } = this.#held.get(command.held)!;
        this.#held.delete(command.held);
        go();
        return await answer;
      }
      case "revoke": {
        const { handle, userId } = command;
        return { count: await sessions.revoke(handle, userId === undefined ? {} : { userId }) };
      }
      case "revokeAll":
        return { count: await sessions.revokeAll(command.userId) };
      case "list":
        return { handles: (await sessions.list(command.userId)).map(({ handle }) => handle) };
      case "clear":
        return { count: await sessions.clearExpired() };
      case "spin":
        return { cookies: await this.#spin(command.cookies, command.together) };
      case "spun":
        return { count: this.#spins };
    }
  }

  async #request(cookie: string, work: Work, held: number | undefined): Promise<Reply> {
    const loaded = Promise.withResolvers<Seen>();
    const gate = Promise.withResolvers<void>();
    const answer = this.#send(cookie, async (session) => {
      const keys = Object.keys(session.toObject()).map((key) => Number(key.slice(1)));
      const { userId } = session;
      const seen = userId === undefined ? { keys } : { keys, user: userId };
      loaded.resolve(seen);
      if (held !== undefined) await gate.promise;
      if (work.flush) await session.flush();
      if (work.login !== undefined) session.login(work.login);
      if (work.write !== undefined) session.set(`k${work.write}`, work.write);
      if (work.cycle !== undefined) session.cycleKey(work.cycle === "grace" ? { grace } : {});
    });
    if (held === undefined) return { seen: await loaded.promise, ...await answer };
    this.#held.set(held, { go: gate.resolve, answer });
    return { seen: await loaded.promise };
  }

  async #send(cookie: string, work: (session: Session) => Promise<void>): Promise<Reply> {
    const request = new Request("http://localhost/", { headers: cookie === "" ? {} : { cookie } });
    const response = await this.#sessions.wrap(async (request) => {
      await work(await request.session as Session);
      return new Response("done");
    })(request);
    return { status: response.status, fields: response.headers.getSetCookie() };
  }

  /** Every visitor goes on until the session is gone. */
  async #spin(cookies: readonly string[], together: number): Promise<string[]> {
    const all = [...cookies];
    const waiting = [...cookies];
    const spin = async () => {
      for (let cookie = waiting.shift(); cookie !== undefined; cookie = waiting.shift()) {
        let isThere = false;
        const { status, fields } = await this.#send(`${cookieName}=${cookie}`, async (session) => {
          isThere = session.userId !== undefined;
          if (isThere) session.cycleKey(this.#spins % 3 === 0 ? { grace } : {});
          await Promise.resolve();
        });
        const next = cookieIn(fields!);
        if (!isThere || status !== 200 || !next) continue;
        this.#spins++;
        all.push(next);
        waiting.push(next);
      }
    };
    await Promise.all(Array.from({ length: together }, spin));
    return all;
  }

  close(): Promise<void> {
    return Promise.resolve(this.#sessions.close());
  }
}
