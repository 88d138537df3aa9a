/** The one error class of the library, and its codes. */

/**
 * What went wrong, as a stable word.
 *
 * - `ERR_STORE`: the store is down, slow, full, or answered nonsense
 * - `ERR_GONE`: another request ended the session, or replaced its id
 * - `ERR_CONFLICT`: other processes kept changing the session, ten times in a row
 * - `ERR_TOO_LARGE`: the encoded data, or the cookie, is over its limit
 * - `ERR_SERIALIZE`: a value cannot be carried by the codec, or the data fails the schema
 * - `ERR_UNBOUND`: there is no wrapped request here
 * - `ERR_CLOSED`: the answer has left, so a write would be lost
 * - `ERR_UNSUPPORTED`: this store cannot do that
 * - `ERR_DAMAGED`: a stored record is not what was written
 */
export type SessionErrorCode =
  | "ERR_STORE"
  | "ERR_GONE"
  | "ERR_CONFLICT"
  | "ERR_TOO_LARGE"
  | "ERR_SERIALIZE"
  | "ERR_UNBOUND"
  | "ERR_CLOSED"
  | "ERR_UNSUPPORTED"
  | "ERR_DAMAGED";

/** Marks session errors. It is registered, so that the errors of one copy of this package are session errors to all others. */
const isSessionError = Symbol.for("sojourn.SessionError");

/**
 * Every error that this library raises while it runs. Wrong options are a `TypeError` or `RangeError` instead.
 *
 * The message never holds an id, a secret, a cookie or session data. `cause` is the store's own error, if there is one.
 *
 * @example
 * ```ts
 * import { SessionError } from "@sojourn/session";
 * import assert from "node:assert/strict";
 *
 * const error = new SessionError("ERR_STORE", "The store did not answer within 2 s");
 * assert.equal(error.code, "ERR_STORE");
 * assert.equal(error.retryable, true);
 * ```
 */
export class SessionError extends Error {
  /** What went wrong. */
  readonly code: SessionErrorCode;
  /** Whether the same request may succeed when it is sent again. */
  readonly retryable: boolean;

  /** An error with a code, a message for people and, when another error led to it, that one as `cause`. */
  constructor(code: SessionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SessionError";
    this.code = code;
    this.retryable = code === "ERR_STORE" || code === "ERR_CONFLICT";
  }

  static {
    Object.defineProperty(this.prototype, isSessionError, { value: true });
    const inherited = Function.prototype[Symbol.hasInstance];
    Object.defineProperty(this, Symbol.hasInstance, {
      value(this: unknown, value: unknown): boolean {
        return this === SessionError ? Object(value)[isSessionError] === true : inherited.call(this, value);
      },
    });
  }
}

/** The session was ended by another request, or by its limits. */
export function gone(): SessionError {
  return new SessionError("ERR_GONE", "The session is over: another request or its limits ended it");
}

/** A rejection that says that there is no session for a request. */
export function unbound(): Promise<never> {
  return Promise.reject(
    new SessionError(
      "ERR_UNBOUND",
      "There is no session here: the request was not wrapped by this sessions object. " +
        "Where a framework hands on another request, create the sessions with asyncContext: true",
    ),
  );
}

/** The answer has left, and the session with it. */
export function closed(what: string, options?: ErrorOptions): SessionError {
  return new SessionError(
    "ERR_CLOSED",
    `Cannot ${what} the session: the answer has left. Streams, timers and sockets use sessions.open(session.id)`,
    options,
  );
}
