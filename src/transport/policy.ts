/** What may differ from one kind of sessions to the next in how requests are answered, as data: the core asks for nothing else. */

import type { Draft } from "../data/format.ts";

/** What `login` is told beside the user. */
export interface LoginOptions {
  /** What stands for the user's credentials, for `stampOf`. */
  readonly stamp?: string;
  /** For sessions shared with Django: the dotted path of the authentication backend. */
  readonly backend?: string;
  /** For sessions shared with Django: the user's session auth hash. */
  readonly hash?: string;
}

/** A log-in whose arguments were checked. */
export interface Login {
  /** Whether this very log-in stands in the session already, so that id and data stay. */
  isRepeated(draft: Draft): boolean;
  /** Whether another log-in stands there, with which its data goes. */
  replaces(draft: Draft): boolean;
  /** Writes the log-in into the session. */
  enter(draft: Draft): void;
}

/** How requests are answered with one kind of sessions. */
export interface Policy {
  /** Whether every save renews the limits and sends the cookie again; else only when that is due. */
  readonly extendsOnEverySave: boolean;
  /** Whether `cycleKey` makes a record of an empty new session too. */
  readonly rotatesEmpty: boolean;
  /** Whether an answer that stands for `ERR_GONE` goes out as it is, without the headers of a used session. */
  readonly sendsGoneUnmodified: boolean;
  /** Whether a request needs its session whatever its handler does. */
  readonly needsSession?: (cookieHeader: string | null) => boolean;
  /** What becomes of a cookie that led to no session, if the session stayed empty: replaced by that of an empty one, or the fields that clear it. */
  staleCookieAction(cookieHeader: string | null, isUsed: boolean): "keep" | "replace" | readonly string[];
  /**
   * How a log-in is written into a session, which is left as it is, where a user id alone does not say it.
   * @throws {TypeError} @throws {SessionError} `ERR_UNSUPPORTED`.
   */
  login?(userId: string, options: LoginOptions, draft: Draft): Login;
  /** Refuses what needs an index of users. @throws {SessionError} `ERR_UNSUPPORTED`. */
  requireUserIndex(): void;
}

/** The library's own. */
export const ownPolicy: Policy = {
  extendsOnEverySave: false,
  rotatesEmpty: false,
  sendsGoneUnmodified: false,
  staleCookieAction: () => "keep",
  requireUserIndex: () => {},
};
