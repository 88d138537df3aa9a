/** The options of the session cookie, and which of them go together (RFC 6265bis, section 4.1.3). */

/** The attributes of the session cookie, whatever its name. `HttpOnly` is always set. */
export interface CookieAttributes {
  /**
   * The name. One that begins with `__Host-` or `__Secure-` makes browsers enforce what the prefix promises
   * (RFC 6265bis, section 4.1.3).
   * @default "__Host-sid"
   */
  readonly name?: string;
  /** Sent for this path and below. @default "/" */
  readonly path?: string;
  /** Sent to this domain and its subdomains too. @default undefined: only to the host that set it */
  readonly domain?: string;
  /** When other sites may cause it to be sent. @default "Lax" */
  readonly sameSite?: "Strict" | "Lax" | "None";
  /** Sent over https only. `false`, for development over plain http, needs a name without prefix. @default true */
  readonly secure?: boolean;
  /** Kept apart for each embedding site (CHIPS). @default false */
  readonly partitioned?: boolean;
}

/** One character of a text, as a type. */
export type OneOf<Text extends string> = Text extends `${infer First}${infer Rest}` ? First | OneOf<Rest>
  : never;

/**
 * The session cookie. What the prefix of its name forbids does not compile: `__Host-…` and the default name go with neither
 * `secure: false` nor a `path` or `domain`, `__Secure-…` not with `secure: false`. Only a literal is known to have no prefix.
 *
 * @example
 * ```ts
 * import type { CookieOptions } from "@sojourn/session";
 * import assert from "node:assert/strict";
 *
 * const cookie: CookieOptions = { name: "sid", secure: false };
 * // @ts-expect-error: the default name begins with __Host-
 * const wrong: CookieOptions = { secure: false };
 * assert.notDeepEqual(cookie, wrong);
 * ```
 */
export type CookieOptions =
  & CookieAttributes
  & (
    | { readonly path?: "/"; readonly domain?: never; readonly secure?: true }
    | { readonly name: `__Secure-${string}`; readonly secure?: true }
    | {
      readonly name: `${OneOf<"abcdefghijklmnopqrstuvwxyz"> | OneOf<"ABCDEFGHIJKLMNOPQRSTUVWXYZ">}${string}`;
    }
  );
