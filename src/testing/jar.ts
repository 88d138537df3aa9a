/** The cookies of one browser: which it keeps, and which it sends where. RFC 6265bis sections 5.7 and 5.8. */
import { domainMatches, isTrustworthy, type KeptCookie, readSetCookie } from "./set_cookie.ts";

/** A cookie jar. It shows every cookie, `HttpOnly` or not, and treats every request as same-site. */
export class CookieJar {
  #now: () => number;
  /** By identity (name, domain, path), in order of creation. */
  #kept: Map<string, KeptCookie> = new Map();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Keeps the cookies of a response from `url`, as far as a browser would. */
  receive(url: URL, fields: readonly string[]): void {
    for (const field of fields) {
      const cookie = readSetCookie(field, url, this.#now());
      if (cookie !== undefined && !this.#shadowsSecure(cookie, url)) this.keep(cookie);
    }
  }

  /** Keeps a cookie, in the place of the one it replaces. */
  keep(cookie: KeptCookie): void {
    const identity = JSON.stringify([cookie.name, cookie.domain, cookie.hostOnly, cookie.path]);
    if (cookie.expiresAt > this.#now()) this.#kept.set(identity, cookie);
    else this.#kept.delete(identity);
  }

  /** The cookies that a request to `url` carries, in the order in which they are sent. */
  cookiesFor(url: URL): KeptCookie[] {
    return this.cookies()
      .filter((cookie) =>
        (cookie.hostOnly ? url.hostname === cookie.domain : domainMatches(url.hostname, cookie.domain)) &&
        pathMatches(url.pathname, cookie.path) && (!cookie.secure || isTrustworthy(url))
      )
      .sort((one, other) => other.path.length - one.path.length);
  }

  /** The `Cookie` header of a request to `url`; `""` if there is nothing to send. */
  header(url: URL): string {
    return this.cookiesFor(url)
      .map(({ name, value }) => name === "" ? value : `${name}=${value}`)
      .join("; ");
  }

  /** All cookies that have not expired, in order of creation. */
  cookies(): KeptCookie[] {
    const now = this.#now();
    for (const [identity, cookie] of this.#kept) {
      if (cookie.expiresAt <= now) this.#kept.delete(identity);
    }
    return [...this.#kept.values()];
  }

  /** Removes every cookie with this name. Returns whether there was one. */
  forget(name: string): boolean {
    let found = false;
    for (const [identity, cookie] of this.#kept) {
      if (cookie.name === name) found = this.#kept.delete(identity);
    }
    return found;
  }

  /** Whether an insecure response tries to shadow a `Secure` cookie ("leave secure cookies alone"). */
  #shadowsSecure(cookie: KeptCookie, url: URL): boolean {
    return !isTrustworthy(url) &&
      this.cookies().some((kept) =>
        kept.secure && kept.name === cookie.name && pathMatches(cookie.path, kept.path) &&
        (domainMatches(kept.domain, cookie.domain) || domainMatches(cookie.domain, kept.domain))
      );
  }
}

function pathMatches(path: string, cookiePath: string): boolean {
  return path === cookiePath ||
    (path.startsWith(cookiePath) && (cookiePath.endsWith("/") || path[cookiePath.length] === "/"));
}
