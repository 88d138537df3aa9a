/** The session cookie as Django reads, sets and deletes it. */

import { readCookie } from "../../../src/transport/cookie.ts";
import { isKey } from "../format/keys.ts";

/** Attributes of the cookie, under the names of Django's settings without their common beginning. */
export interface DjangoCookie {
  readonly name: string;
  readonly domain: string | null;
  readonly path: string;
  readonly secure: boolean;
  readonly httponly: boolean;
  readonly samesite: "Lax" | "Strict" | "None" | false;
}

/** The session cookies of a request. */
export interface CookieKeys {
  /** Whether there was any cookie of that name. */
  readonly isPresent: boolean;
  /** The distinct values that may be keys, in order; reading stops at one more than four. */
  readonly keys: readonly string[];
}

/** More different keys than this on one request are refused unread (SR-016). */
export const mostKeys = 4;

/** The value without double quotes, which Django writes when it deletes a cookie. */
const unquote = (value: string) => value.length > 1 && /^".*"$/.test(value) ? value.slice(1, -1) : value;

/** Reads and writes the session cookie in Django's format. */
export class CookieJar {
  readonly #cookie: DjangoCookie;
  readonly #now: () => number;

  constructor(cookie: DjangoCookie, now: () => number) {
    this.#cookie = cookie;
    this.#now = now;
  }

  /** The keys of a header. */
  read(header: string | null): CookieKeys {
    const { isPresent, values } = readCookie(
      header,
      this.#cookie.name,
      (value) => isKey(unquote(value)),
      mostKeys,
    );
    return { isPresent, keys: [...new Set(values.map(unquote))] };
  }

  /** Whether a header carries the cookie and nothing in it that could be a key. */
  isShort(header: string | null): boolean {
    if (header === null || !header.includes(this.#cookie.name)) return false;
    const { isPresent, keys } = this.read(header);
    return isPresent && keys.length === 0;
  }

  /** The field that sets it, for `maxAge` seconds or until the browser closes. */
  set(value: string, maxAge: number | undefined): string {
    const { name, httponly, secure } = this.#cookie;
    const ages = maxAge === undefined
      ? { expires: "", age: "" }
      : { expires: `; expires=${this.#date(maxAge)}`, age: `; Max-Age=${maxAge}` };
    const { domain, path, samesite } = this.#scope();
    return `${name}=${value}${domain}${ages.expires}${
      httponly ? "; HttpOnly" : ""
    }${ages.age}${path}${samesite}` +
      (secure ? "; Secure" : "");
  }

  /** The fields that delete it, if the header carries it. */
  clear(header: string | null): readonly string[] {
    const { name, samesite: rule } = this.#cookie;
    if (!this.read(header).isPresent) return [];
    const { domain, path, samesite } = this.#scope();
    const isSecure = /^__(secure|host)-/i.test(name) || rule === "None";
    return [
      `${name}=""${domain}; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0${path}${samesite}` +
      (isSecure ? "; Secure" : ""),
    ];
  }

  #scope(): { readonly domain: string; readonly path: string; readonly samesite: string } {
    const { domain, path, samesite } = this.#cookie;
    return {
      domain: domain === null ? "" : `; Domain=${domain}`,
      path: `; Path=${path}`,
      samesite: samesite === false ? "" : `; SameSite=${samesite}`,
    };
  }

  #date(maxAge: number): string {
    return new Date(this.#now() + maxAge * 1000).toUTCString();
  }
}
