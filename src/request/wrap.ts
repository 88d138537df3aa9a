/** One wrapped call, from the request to its response, and how a request gets its session. */

import { AsyncLocalStorage } from "node:async_hooks";
import { SessionError, unbound } from "../errors.ts";
import { handled, isThenable } from "../handled.ts";
import type { Settings } from "../options.ts";
import type { Session } from "../session.ts";
import type { MaybePromise } from "../store.ts";
import type { SessionContext } from "../unit_of_work/context.ts";
import { needsSession, type OnError, RequestSession } from "./request_session.ts";
import { errorResponse, nextTurn, withoutOthersCookies } from "./response.ts";

/** The same handler, with sessions: this is what happens to a request. */
export function wrapHandler<Answer, R extends Request, Bound extends R, Rest extends unknown[], This>(
  binding: RequestBinding,
  handler: (this: This, request: Bound, ...rest: Rest) => Answer,
): (this: This, request: R, ...rest: Rest) => Answer | Promise<Awaited<Answer>> {
  if (typeof handler !== "function") {
    throw new TypeError(`Cannot wrap the handler: expected a function: received ${typeof handler}`);
  }
  type Outcome = Answer | Promise<Awaited<Answer>>;
  return function (this: This, request: R, ...rest: Rest): Outcome {
    const bound = request as Bound;
    // A request that these sessions have wrapped already gets its response where that was done.
    if (!binding.bind(request)) return handler.call(this, bound, ...rest);
    const began = nextTurn();
    let answer: Answer;
    try {
      answer = binding.requests === undefined
        ? handler.call(this, bound, ...rest)
        : binding.requests.run(request, () => handler.call(this, bound, ...rest));
    } catch (error) {
      return binding.fail(request, error, began) as Outcome;
    }
    if (!(answer instanceof Promise) && !isThenable(answer)) {
      return binding.respondAfterLoad(request, answer, began) as Outcome;
    }
    const pending = answer instanceof Promise ? answer : Promise.resolve(answer);
    return pending.then(
      (answer) => binding.respond(request, answer, began),
      (error) => binding.fail(request, error, began),
    ) as Outcome;
  };
}

/**
 * What the slot of a wrapped request holds: `undefined` until its session is asked for, then the session. `null` if the response has left
 * before that: a session that is asked for later can only be read.
 */
type Slot = RequestSession | undefined | null;

/** The requests of one `Sessions` object. */
export class RequestBinding {
  /** With `asyncContext`: the request that is being handled. */
  readonly requests: AsyncLocalStorage<Request> | undefined;
  readonly #context: SessionContext;
  readonly #onError: OnError;
  /** The key of the slot. It is this object's own: several may wrap one request. */
  readonly #slot: symbol = Symbol("session");
  /** What was derived from each prototype of requests. */
  readonly #derived = new WeakMap<object, object>();
  /** The prototype seen last, and what was derived from it: nearly always the next request's too. */
  #latest: object | undefined;
  #latestDerived: object | null = null;

  constructor(
    context: SessionContext,
    { onError, asyncContext }: Pick<Settings, "onError" | "asyncContext">,
  ) {
    this.#context = context;
    this.#onError = onError ?? refuse;
    this.requests = asyncContext ? new AsyncLocalStorage() : undefined;
  }

  /**
   * Gives a request its `session` and its slot; `false` if it has them already. Both are on a prototype derived from the request's own, once
   * for all requests of a kind: properties of each request would cost ten times as much.
   */
  bind(request: Request): boolean {
    if (this.#slot in request) return false;
    const prototype = Object.getPrototypeOf(request);
    if (prototype !== this.#latest) {
      this.#latestDerived = this.#derive(prototype);
      this.#latest = prototype;
    }
    Object.setPrototypeOf(request, this.#latestDerived);
    return true;
  }

  #derive(prototype: object): object {
    const known = this.#derived.get(prototype);
    if (known !== undefined) return known;
    const sessionOf = (request: Request) => this.#sessionOf(request).session();
    const derived: object = Object.create(prototype, {
      session: {
        get(this: Request) {
          return sessionOf(this);
        },
        configurable: true,
      },
      [this.#slot]: { value: undefined, writable: true },
    });
    this.#derived.set(prototype, derived);
    return derived;
  }

  /** The session of a bound request, or of the one being handled; a rejection if there is neither. */
  session(request: Request): Promise<Session> {
    return this.#find(request)?.session() ?? handled(unbound());
  }

  /** Commits that session now; the headers to send. */
  headers(request: Request): Promise<Headers> {
    return handled(this.#find(request)?.headers() ?? unbound());
  }

  #find(request: Request): RequestSession | undefined {
    const isBound = typeof request === "object" && request !== null && this.#slot in request;
    const bound = isBound ? request : this.requests?.getStore();
    return bound && this.#sessionOf(bound);
  }

  #sessionOf(request: Request): RequestSession {
    const slots = request as Request & Record<symbol, Slot>;
    const present = slots[this.#slot];
    if (present) return present;
    const session = new RequestSession(this.#context, request, this.#onError);
    if (present === null) session.close();
    return slots[this.#slot] = session;
  }

  /** The response to send for the handler's. */
  respond<T>(request: Request, answer: T, began: number): MaybePromise<T | Response> {
    return this.#canSkip(request)
      ? withoutOthersCookies(answer, this.#context, request, began)
      : this.#sessionOf(request).finish(answer, began);
  }

  /** The same for a handler that waited for nothing: what it left to do once its session is loaded comes first. */
  respondAfterLoad<T>(request: Request, answer: T, began: number): MaybePromise<T | Response> {
    if (this.#canSkip(request)) return withoutOthersCookies(answer, this.#context, request, began);
    const session = this.#sessionOf(request);
    return session.settled().then(() => session.finish(answer, began));
  }

  /** The response to send when the handler threw. @throws Anything but a `SessionError`. */
  fail(request: Request, error: unknown, began: number): Promise<Response> {
    if (this.#canSkip(request) && !(error instanceof SessionError)) throw error;
    return this.#sessionOf(request).fail(error, began);
  }

  /** Whether nothing asked for the session and nothing else needs it. It can only be read then, as the response leaves. */
  #canSkip(request: Request): boolean {
    const slots = request as Request & Record<symbol, Slot>;
    if (slots[this.#slot] !== undefined) return false;
    if (needsSession(this.#context, request)) return false;
    slots[this.#slot] = null;
    return true;
  }
}

/** The default `onError`: programming errors are thrown again. */
function refuse(error: SessionError): Response {
  const { code } = error;
  if (code === "ERR_STORE" || code === "ERR_GONE" || code === "ERR_CONFLICT") return errorResponse(code);
  throw error;
}
