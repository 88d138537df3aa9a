/** Reads one cookie from a request's header and writes one `Set-Cookie` (RFC 6265bis). */

import type { CookieAttributes } from "../cookie_options.ts";
import { checkOptions, refuse, type Table } from "../option_checks.ts";
import * as is from "../option_checks.ts";

/** The most bytes of name and value together that browsers keep (RFC 6265bis, section 5.6). */
export const maxCookieBytes = 4096;

/** What a request carries under one cookie name. */
export interface CookieValues {
  /** Whether there was any cookie of that name. */
  readonly isPresent: boolean;
  /** The distinct well-formed values, in order; reading stops at one more than `most`. */
  readonly values: readonly string[];
}

const nothing: CookieValues = { isPresent: false, values: [] };

/**
 * The cookies of exactly this name. Only `;` divides, only space and tab are trimmed, names are case-sensitive, nothing is
 * decoded (RFC 6265bis, sections 4.2 and 5.6). Never throws; takes linear time.
 */
export function readCookie(
  header: string | null,
  name: string,
  isWellFormed: (value: string) => boolean,
  most: number,
): CookieValues {
  if (header === null) return nothing;
  let isCarried = false;
  const values: string[] = [];
  for (let at = header.indexOf(name); at >= 0 && values.length <= most; at = header.indexOf(name, at + 1)) {
    let before = at - 1;
    while (isBlank(header, before)) before--;
    if (before >= 0 && header[before] !== ";") continue;
    let equals = at + name.length;
    while (isBlank(header, equals)) equals++;
    if (header[equals] !== "=") continue;
    isCarried = true;
    let end = header.indexOf(";", equals);
    if (end < 0) end = header.length;
    let start = equals + 1;
    let stop = end;
    while (start < stop && isBlank(header, start)) start++;
    while (stop > start && isBlank(header, stop - 1)) stop--;
    const value = header.slice(start, stop);
    if (isWellFormed(value) && !values.includes(value)) values.push(value);
    at = end;
  }
  return isCarried ? { isPresent: isCarried, values } : nothing;
}

function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 0x20 || code === 0x09;
}

const isToken = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const isCookieOctets = /^[\x21\x23-\x2B\x2D-\x3A\x3C-\x5B\x5D-\x7E]*$/;
const isPath = /^\/(?:[\x20-\x3A\x3C-\x7E]*[\x21-\x3A\x3C-\x7E])?$/;
const isDomain =
  /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;

/** Attributes are no secrets: they are shown, cut short. */
const attribute = (expected: string, isRight: (text: string) => boolean): is.Kind => ({
  ...is.text(expected, isRight),
  received: (value) => typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : is.typeName(value),
});
export const cookieName: is.Kind = attribute(
  "a token (RFC 9110, section 5.6.2) of at most 256 characters",
  (name) => isToken.test(name) && name.length <= 256,
);
export const cookiePath: is.Kind = attribute(
  'a path that begins with "/", in ASCII without ";" or a space at the end, of at most 1024 characters',
  (path) => isPath.test(path) && path.length <= 1024,
);
export const cookieDomain: is.Kind = attribute(
  "a host name without a leading dot",
  (name) => isDomain.test(name),
);
const table: Table<CookieAttributes, "domain"> = {
  name: [cookieName, "__Host-sid"],
  path: [cookiePath, "/"],
  domain: [cookieDomain],
  sameSite: [is.oneOf("Strict", "Lax", "None"), "Lax"],
  secure: [is.flag, true],
  partitioned: [is.flag, false],
};

/** Writes the `Set-Cookie` fields of one cookie, whose name and attributes were checked once, at construction (SR-008). */
export class CookieWriter {
  /** The cookie's name. */
  readonly name: string;
  /** Whether a cookie of this name without a domain would stand beside this one. */
  readonly hasTwin: boolean;
  readonly #attributes: string;
  readonly #domain: string;

  /** `by` is whose options these are. */
  constructor(options: CookieAttributes, by = "createSessions") {
    const impossible = (what: string, received: string) => refuse(by, what, received);
    const given = checkOptions(by, table, options, "cookie");
    const { name, path, domain, sameSite, secure, partitioned } = given;
    // Browsers match the prefixes without regard to case (RFC 6265bis, section 5.4).
    const prefix = /^__(?:host-http|http|host|secure)-/i.exec(name)?.[0].toLowerCase() ?? "";
    if (prefix !== "" && !secure) {
      impossible(
        `a cookie named ${
          name.slice(0, prefix.length)
        }… must be secure; for plain http in development use a name without prefix, such as "sid"`,
        "secure: false",
      );
    }
    if (prefix.startsWith("__host-") && path !== "/") {
      impossible("a cookie named __Host-… must have the path /", JSON.stringify(path));
    }
    if (prefix.startsWith("__host-") && domain !== undefined) {
      impossible("a cookie named __Host-… must have no domain", JSON.stringify(domain));
    }
    if (sameSite === "None" && !secure) impossible('sameSite: "None" needs secure: true', "secure: false");
    if (partitioned && !secure) impossible("partitioned: true needs secure: true", "secure: false");
    this.name = name;
    this.hasTwin = domain !== undefined;
    this.#domain = domain === undefined ? "" : `; Domain=${domain}`;
    this.#attributes = `; Path=${path}` +
      (secure ? "; Secure" : "") + `; HttpOnly; SameSite=${sameSite}` + (partitioned ? "; Partitioned" : "");
  }

  /** A field that sets the cookie, for `maxAge` seconds or, without one, until the browser closes. */
  set(value: string, maxAge: number | undefined, name: string = this.name): string {
    if (!isCookieOctets.test(value)) {
      throw new TypeError("Cannot write a cookie value that is not plain ASCII");
    }
    return `${name}=${value}${this.#domain}${this.#attributes}` +
      (maxAge === undefined ? "" : `; Max-Age=${maxAge}`);
  }

  /** A field that clears it: the same attributes, or a browser refuses it for a prefixed name (SR-010). */
  clear(name: string = this.name): string {
    return this.#clear(name, this.#domain);
  }

  /** Fields that clear it, and the one without a domain beside it. */
  clearAll(name: string = this.name): string[] {
    return this.hasTwin ? [this.clear(name), this.clearTwin(name)] : [this.clear(name)];
  }

  /** A field that clears the cookie of this name that has no domain. */
  clearTwin(name: string = this.name): string {
    return this.#clear(name, "");
  }

  #clear(name: string, domain: string): string {
    return `${name}=${domain}${this.#attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`;
  }
}
