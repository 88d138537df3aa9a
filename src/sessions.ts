/** `createSessions`: wraps handlers, and reaches sessions from anywhere else. */

import { promised } from "./handled.ts";
import { resolveOptions, type SessionsOptions, type Settings } from "./options.ts";
import { RequestBinding, wrapHandler } from "./request/wrap.ts";
import { Session } from "./session.ts";
import type { SessionData } from "./codec.ts";
import { clearExpired } from "./transport/housekeeping.ts";
import { closeContext, createContext, type SessionContext } from "./unit_of_work/context.ts";
import { open } from "./unit_of_work/load.ts";
import { list, revoke, revokeAll, type SessionInfo } from "./user_sessions.ts";

/** What `wrap` adds to a request. */
export interface SessionRequest<Data extends object> {
  /** The session. The first look starts the load; a request whose session nobody looks at costs nothing. */
  readonly session: Promise<Session<Data>>;
}

/** The handler that `wrap` takes: anything from a request, and whatever else the server passes, to an answer. */
export type SessionHandler<Data extends object, R extends Request, Rest extends unknown[], This, Answer> = (
  this: This,
  request: R & SessionRequest<Data>,
  ...rest: Rest
) => Answer;

/**
 * Sessions for one cookie and one store. Made by `createSessions`.
 *
 * @example
 * ```ts
 * import { createSessions, type Sessions } from "@sojourn/session";
 * import { MemoryStore } from "@sojourn/session/memory";
 * import assert from "node:assert/strict";
 *
 * const secrets = [crypto.getRandomValues(new Uint8Array(32))];
 * const sessions: Sessions<{ theme: string }> = createSessions({ store: new MemoryStore(), secrets });
 * assert.deepEqual(await sessions.list("ada"), []);
 * assert.equal(await sessions.revokeAll("ada"), 0);
 * ```
 */
export class Sessions<Data extends object = SessionData> {
  readonly #context: SessionContext;
  readonly #binding: RequestBinding;
  #closing: Promise<void> | undefined;

  /** Use `createSessions`. */
  constructor(settings: Settings) {
    this.#context = createContext(settings);
    this.#binding = new RequestBinding(this.#context, settings);
  }

  /**
   * The same function, with sessions: its request has `session`, and what it changed is saved before the answer leaves.
   * Extra arguments and `this` pass through. A request whose session is not used gets the handler's own response back.
   *
   * @example
   * ```ts
   * import { createSessions } from "@sojourn/session";
   * import { MemoryStore } from "@sojourn/session/memory";
   * import { SessionClient } from "@sojourn/session/testing";
   * import assert from "node:assert/strict";
   *
   * const secrets = [crypto.getRandomValues(new Uint8Array(32))];
   * const sessions = createSessions<{ visits: number }>({ store: new MemoryStore(), secrets });
   * const client = new SessionClient(sessions.wrap(async (request) => {
   *   const session = await request.session;
   *   return new Response(String(session.update("visits", (n = 0) => n + 1)));
   * }));
   * await client.fetch("/");
   * assert.equal(await (await client.fetch("/")).text(), "2");
   * ```
   */
  wrap<Answer, R extends Request = Request, Rest extends unknown[] = [], This = unknown>(
    handler: SessionHandler<Data, R, Rest, This, Answer>,
  ): (this: This, request: R, ...rest: Rest) => Answer | Promise<Awaited<Answer>> {
    return wrapHandler(this.#binding, handler);
  }

  /**
   * The session of a wrapped request, from any helper; the same promise as `request.session`.
   *
   * @throws {SessionError} `ERR_UNBOUND`, as a rejection, if the request was not wrapped by this object.
   */
  get(request: Request): Promise<Session<Data>> {
    return this.#binding.session(request) as Promise<Session<Data>>;
  }

  /**
   * A session outside any request: for jobs, streams, sockets and tests. `id` is `session.id`, not the cookie; an unknown one
   * gives an empty session whose `id` is undefined. Nothing is saved until `save()`; it never closes.
   *
   * @throws {SessionError} `ERR_STORE`; `ERR_UNSUPPORTED` when sessions are kept in the cookie.
   */
  open(id?: string): Promise<Session<Data>> {
    return promised(async () => new Session<Data>(await open(this.#context, id)));
  }

  /**
   * Commits now and gives the headers to send along, for `server.upgrade(request, { headers })` and other answers that are no
   * `Response`. Afterwards the request's session can only be read.
   *
   * @throws {SessionError} `ERR_UNBOUND` if the request was not wrapped, and whatever a commit throws.
   */
  headersFor(request: Request): Promise<Headers> {
    return this.#binding.headers(request);
  }

  /**
   * The live sessions of a user: "your devices". They come in no particular order, and are read page by page, without their data.
   *
   * @throws {TypeError} If `userId` is no string. @throws {SessionError} `ERR_UNSUPPORTED` if the store has no index; `ERR_STORE`.
   */
  list(userId: string, options: { readonly current?: Session<Data> } = {}): Promise<SessionInfo[]> {
    return promised(() => list(this.#context, userId, options.current));
  }

  /**
   * Ends the session with this handle immediately; resolves to the number ended. A handle names its session for life, whatever ids it has had.
   * With `userId` the session ends only if it is that user's: pass it whenever the handle came from a form. An undefined one, of a visitor
   * who is not logged in, ends nothing.
   *
   * @throws {TypeError} If `userId` is given and is not a string.
   * @throws {SessionError} `ERR_STORE`; `ERR_UNSUPPORTED`; `ERR_CONFLICT` if the session of that user changed ten times in a row meanwhile.
   */
  revoke(handle: string, options: { readonly userId?: string } = {}): Promise<number> {
    return promised(() => revoke(this.#context, handle, options));
  }

  /**
   * Ends all sessions of a user, except one if it is given; resolves to the number ended. When it resolves, every session that was the user's when
   * it was called has ended. One that a login creates in the meantime may stay.
   *
   * @throws {TypeError} If `userId` is no string. @throws {SessionError} `ERR_UNSUPPORTED` if the store has no index; `ERR_STORE`.
   */
  revokeAll(userId: string, options: { readonly except?: Session<Data> } = {}): Promise<number> {
    return promised(() => revokeAll(this.#context, userId, options.except));
  }

  /**
   * Removes expired records, all of them or at most `limit`, 50 at a time with a pause between; the number removed.
   *
   * @throws {SessionError} `ERR_UNSUPPORTED`, or `ERR_STORE`. Throws the signal's reason when it is aborted.
   */
  clearExpired(
    options: { readonly limit?: number; readonly signal?: AbortSignal } = {},
  ): Promise<number> {
    return promised(() => clearExpired(this.#context, options));
  }

  /** Waits for running saves, then closes the store. May be called twice. */
  close(): Promise<void> {
    return this.#closing ??= promised(() => closeContext(this.#context));
  }

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Sessions for a store and a cookie. Nothing is read from the environment and nothing starts before the first request.
 *
 * @throws {TypeError} If an option is unknown, missing or of another type; the message says what was expected.
 * @throws {RangeError} If an option is out of range.
 *
 * @example
 * ```ts
 * import { createSessions } from "@sojourn/session";
 * import { MemoryStore } from "@sojourn/session/memory";
 * import assert from "node:assert/strict";
 *
 * const secrets = [crypto.getRandomValues(new Uint8Array(32))];
 * const sessions = createSessions<{ visits: number }>({ store: new MemoryStore(), secrets });
 * const answer = await sessions.wrap(async (request) => {
 *   const session = await request.session;
 *   return Response.json(session.update("visits", (n = 0) => n + 1));
 * })(new Request("https://localhost/"));
 * assert.match(answer.headers.get("set-cookie")!, /^__Host-sid=/);
 * ```
 */
export function createSessions<Data extends object = SessionData>(
  options: SessionsOptions<Data>,
): Sessions<Data> {
  return new Sessions<Data>(resolveOptions(options as SessionsOptions<never>));
}
