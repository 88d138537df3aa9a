/** `createSessions`: wraps handlers, and reaches sessions from anywhere else. */

import { AsyncLocalStorage } from "node:async_hooks";
import { createContext, type SessionContext } from "./unit_of_work/context.ts";
import * as devices from "./user_sessions.ts";
import { SessionError, unbound } from "./errors.ts";
import { handled, promised } from "./handled.ts";
import { open } from "./unit_of_work/load.ts";
import { resolveOptions, type SessionsOptions, type Settings } from "./options.ts";
import { errorResponse, nextTurn, withoutOthersCookies } from "./request/response.ts";
import { needsSession, type OnError, RequestSession } from "./request/request_session.ts";
import { Session } from "./session.ts";
import type { SessionData } from "./session_map.ts";
import type { MaybePromise } from "./store.ts";

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
  readonly #onError: OnError;
  readonly #requests: AsyncLocalStorage<Request> | undefined;
  /** Where a wrapped request keeps its scope: absent until its session is asked for, `null` after the answer has left. */
  readonly #slot: symbol = Symbol("session");
  readonly #prototypes = new WeakMap<object, object>();
  /** The prototype seen last and what was derived from it: nearly always the next one too. */
  #latest: object | undefined;
  #latestDerived: object | null = null;
  #closing: Promise<void> | undefined;

  /** Use `createSessions`. */
  constructor(settings: Settings) {
    this.#context = createContext(settings);
    this.#onError = settings.onError ?? answerOrThrow;
    this.#requests = settings.asyncContext ? new AsyncLocalStorage() : undefined;
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
    if (typeof handler !== "function") {
      throw new TypeError(`Cannot wrap the handler: expected a function: received ${typeof handler}`);
    }
    type Wrapped = ReturnType<typeof handler> | Promise<Awaited<Answer>>;
    const sessions = this as unknown as Sessions;
    return function (this: This, request: R, ...rest: Rest): Wrapped {
      const bound = request as R & SessionRequest<Data>;
      if (!sessions.#bind(request)) return handler.call(this, bound, ...rest);
      const began = nextTurn();
      let answer: Answer;
      try {
        answer = sessions.#requests === undefined
          ? handler.call(this, bound, ...rest)
          : sessions.#requests.run(request, () => handler.call(this, bound, ...rest));
      } catch (error) {
        if (sessions.#isIdle(request) && !(error instanceof SessionError)) throw error;
        return sessions.#scope(request).fail(error, began) as Wrapped;
      }
      return isThenable(answer)
        ? (answer instanceof Promise ? answer : Promise.resolve(answer)).then(
          (answer) => sessions.#finish(request, answer, began),
          (error) => sessions.#scope(request).fail(error, began),
        ) as Wrapped
        : sessions.#finishAtOnce(request, answer, began) as Wrapped;
    };
  }

  /** Gives a request its `session`; `false` if it has ours already. */
  #bind(request: Request): boolean {
    if (this.#slot in request) return false;
    const prototype = Object.getPrototypeOf(request);
    if (prototype === this.#latest) {
      Object.setPrototypeOf(request, this.#latestDerived);
      return true;
    }
    let derived = this.#prototypes.get(prototype);
    if (derived === undefined) {
      const sessions = this as unknown as Sessions;
      derived = Object.create(prototype, {
        session: {
          get(this: Request) {
            return sessions.#scope(this).session();
          },
          configurable: true,
        },
        [this.#slot]: { value: undefined, writable: true },
      });
      this.#prototypes.set(prototype, derived!);
    }
    this.#latest = prototype;
    this.#latestDerived = derived!;
    Object.setPrototypeOf(request, derived!);
    return true;
  }

  #scope(request: Request): RequestSession {
    const slots = request as unknown as Record<symbol, RequestSession | null | undefined>;
    const present = slots[this.#slot];
    if (present) return present;
    const scope = new RequestSession(this.#context, request, this.#onError);
    if (present === null) scope.close();
    return slots[this.#slot] = scope;
  }

  /** A handler that answers at once may have left something to do when its session is loaded. */
  #finishAtOnce<T>(request: Request, answer: T, began: number): MaybePromise<T | Response> {
    if (this.#isIdle(request)) return withoutOthersCookies(answer, this.#context, request, began);
    const scope = this.#scope(request);
    return scope.settled().then(() => scope.finish(answer, began));
  }

  #finish<T>(request: Request, answer: T, began: number): MaybePromise<T | Response> {
    return this.#isIdle(request)
      ? withoutOthersCookies(answer, this.#context, request, began)
      : this.#scope(request).finish(answer, began);
  }

  /** Whether there is nothing to do for this request. From now on its session can only be read: the answer leaves. */
  #isIdle(request: Request): boolean {
    const slots = request as unknown as Record<symbol, RequestSession | null | undefined>;
    if (slots[this.#slot] !== undefined) return false;
    if (needsSession(this.#context, request)) return false;
    slots[this.#slot] = null;
    return true;
  }

  /**
   * The session of a wrapped request, from any helper; the same promise as `request.session`.
   *
   * @throws {SessionError} `ERR_UNBOUND`, as a rejection, if the request was not wrapped by this object.
   */
  get(request: Request): Promise<Session<Data>> {
    const wrapped = this.#wrapped(request);
    return (wrapped === undefined ? handled(unbound()) : this.#scope(wrapped).session()) as Promise<
      Session<Data>
    >;
  }

  #wrapped(request: Request): Request | undefined {
    const isRequest = typeof request === "object" && request !== null;
    return isRequest && this.#slot in request ? request : this.#requests?.getStore();
  }

  /**
   * A session outside any request: for jobs, streams, sockets and tests. `id` is `session.id`, not the cookie; an unknown one
   * gives an empty session whose `id` is undefined. Nothing is saved until `save()`; it never closes.
   *
   * @throws {SessionError} `ERR_STORE`; `ERR_UNSUPPORTED` when sessions are kept in the cookie.
   */
  open(id?: string): Promise<Session<Data>> {
    return promised(async () => {
      const unit = await open(this.#context, id);
      await this.#context.events.pending;
      return new Session<Data>(unit);
    });
  }

  /**
   * Commits now and gives the headers to send along, for `server.upgrade(request, { headers })` and other answers that are no
   * `Response`. Afterwards the request's session can only be read.
   *
   * @throws {SessionError} `ERR_UNBOUND` if the request was not wrapped, and whatever a commit throws.
   */
  headersFor(request: Request): Promise<Headers> {
    const wrapped = this.#wrapped(request);
    return handled(wrapped === undefined ? unbound() : this.#scope(wrapped).headers());
  }

  /**
   * The live sessions of a user: "your devices". They come in no particular order, and are read page by page, without their data.
   *
   * @throws {TypeError} If `userId` is no string. @throws {SessionError} `ERR_UNSUPPORTED` if the store has no index; `ERR_STORE`.
   */
  list(userId: string, options: { readonly current?: Session<Data> } = {}): Promise<devices.SessionInfo[]> {
    return promised(() => devices.list(this.#context, userId, options.current));
  }

  /**
   * Ends the session with this handle at once; the number ended. A handle names its session for life, whatever ids it has had. With `userId` only if it is that user's: pass it whenever
   * the handle came from a form. An undefined one, of a visitor who is not logged in, ends nothing.
   *
   * @throws {TypeError} If `userId` is given and no string. @throws {SessionError} `ERR_STORE`, or `ERR_UNSUPPORTED`.
   */
  revoke(handle: string, options: { readonly userId?: string } = {}): Promise<number> {
    return promised(async () => {
      this.#context.policy.requireUserIndex();
      const ended = await devices.revoke(this.#context, handle, options);
      await this.#context.events.pending;
      return ended;
    });
  }

  /**
   * Ends all sessions of a user at once, except one if it is given; the number ended. When it resolves, every session that was the user's when
   * it was called has ended. One that a log-in creates meanwhile may stay.
   *
   * @throws {TypeError} If `userId` is no string. @throws {SessionError} `ERR_UNSUPPORTED` if the store has no index; `ERR_STORE`.
   */
  revokeAll(userId: string, options: { readonly except?: Session<Data> } = {}): Promise<number> {
    return promised(async () => {
      const ended = await devices.revokeAll(this.#context, userId, options.except);
      await this.#context.events.pending;
      return ended;
    });
  }

  /**
   * Removes expired records, all of them or at most `limit`, 50 at a time with a pause between; the number removed.
   *
   * @throws {SessionError} `ERR_UNSUPPORTED`, or `ERR_STORE`. Throws the signal's reason when it is aborted.
   */
  clearExpired(
    options: { readonly limit?: number; readonly signal?: AbortSignal } = {},
  ): Promise<number> {
    return promised(() => this.#clearExpired(options));
  }

  async #clearExpired(options: { readonly limit?: number; readonly signal?: AbortSignal }): Promise<number> {
    const { limit = Infinity, signal } = options;
    if (typeof limit !== "number") {
      throw new TypeError(
        `Cannot clear expired sessions: expected a number as limit: received ${typeof limit}`,
      );
    }
    if (limit !== Infinity && !(Number.isInteger(limit) && limit >= 0)) {
      throw new RangeError(`Cannot clear expired sessions: limit must be a whole number: received ${limit}`);
    }
    const batch = 50; // some 5 ms of a large SQLite database, which holds up all else, and altogether no slower than more
    let removed = 0;
    while (removed < limit) {
      signal?.throwIfAborted();
      const [most, began] = [Math.min(batch, limit - removed), performance.now()];
      const count = await this.#context.transport.clearExpired(this.#context.now(), most);
      removed += count;
      if (count < most) break;
      const rest = Math.min(50, performance.now() - began); // half of the time is for others
      await new Promise((resolve) => setTimeout(resolve, rest));
    }
    return removed;
  }

  /** Waits for running saves, then closes the store. May be called twice. */
  close(): Promise<void> {
    return this.#closing ??= promised(async () => {
      while (this.#context.running.size > 0) await Promise.allSettled(this.#context.running);
      await this.#context.transport.close();
    });
  }

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Sessions for a store and a cookie. Nothing is read from the environment and nothing starts before the first request.
 *
 * @throws {TypeError} @throws {RangeError} If an option is wrong, missing or unknown; the message says what was expected.
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

const answerOrThrow: OnError = (error) => {
  const { code } = error;
  if (code === "ERR_STORE" || code === "ERR_GONE" || code === "ERR_CONFLICT") return errorResponse(code);
  throw error;
};

function isThenable<T>(value: T): value is T & Promise<Awaited<T>> {
  return typeof (value as Promise<unknown> | undefined)?.then === "function";
}
