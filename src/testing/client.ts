/** A cookie-keeping client for tests. */
import { checkOptions, type Table } from "../option_checks.ts";
import * as is from "../option_checks.ts";
import type { MaybePromise } from "../store.ts";
import { CookieMap } from "./cookie_map.ts";
import { CookieJar } from "./jar.ts";

const maxRedirects = 20;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);

/** What a {@linkcode SessionClient} sends requests to: a function that returns responses. */
export type ClientHandler = (request: Request) => MaybePromise<Response | undefined>;

/** Options of a {@linkcode SessionClient}. */
export interface SessionClientOptions {
  /**
   * The clock by which cookies expire, in milliseconds since the epoch.
   *
   * @default () => Date.now()
   */
  readonly now?: () => number;
}

const table: Table<SessionClientOptions> = { now: is.clock };

/**
 * A client that keeps cookies as a browser does (RFC 6265bis): around a handler, without any network, or for a URL.
 *
 * Over a handler it speaks to `https://localhost/`. It honours `Path`, `Domain`, `Secure` (over https and localhost
 * only), `Max-Age` and `Expires`, the `__Host-` and `__Secure-` prefixes and the size limits of browsers. It shows
 * `HttpOnly` cookies and treats every request as same-site.
 *
 * Redirects are followed only with `redirect: "follow"`: at most 20, cookies kept at each hop.
 *
 * @example
 * ```ts
 * import { SessionClient } from "@sojourn/session/testing";
 * import assert from "node:assert/strict";
 *
 * const client = new SessionClient((request) => {
 *   const visits = Number(request.headers.get("cookie")?.slice("visits=".length) ?? 0) + 1;
 *   return new Response(`visit ${visits}`, { headers: { "set-cookie": `visits=${visits}; Secure; HttpOnly` } });
 * });
 * await client.fetch("/");
 * const response = await client.fetch("/");
 *
 * assert.equal(await response.text(), "visit 2");
 * assert.equal(client.cookies.get("visits"), "2");
 * ```
 */
export class SessionClient {
  #base: URL;
  #send: ClientHandler;
  #jar: CookieJar;
  #cookies: CookieMap;

  /**
   * A client without cookies.
   *
   * @throws {TypeError} If the first argument is neither a function nor an http or https URL, or an option is unknown or wrong.
   */
  constructor(handlerOrUrl: ClientHandler | string | URL, options: SessionClientOptions = {}) {
    const { now } = checkOptions("SessionClient", table, options);
    if (typeof handlerOrUrl === "function") {
      this.#base = new URL("https://localhost/");
      this.#send = handlerOrUrl;
    } else {
      this.#base = new URL(handlerOrUrl);
      this.#send = (request) => fetch(request);
    }
    if (!/^https?:$/.test(this.#base.protocol)) {
      throw new TypeError(
        `Cannot create a client: the URL must be http or https: received ${this.#base.protocol}`,
      );
    }
    this.#jar = new CookieJar(now);
    this.#cookies = new CookieMap(this.#jar, this.#base);
  }

  /**
   * The cookies that the client holds, name to value. It reflects what responses set; writing to it adds, changes and
   * removes cookies: `client.cookies.clear()` is a new browser.
   */
  get cookies(): Map<string, string> {
    return this.#cookies.refresh();
  }

  /**
   * Sends a request, with the cookies a browser would send, and keeps those of the response.
   *
   * `path` is resolved against the base address. A `cookie` header in `init` replaces the kept cookies, on the
   * first hop only. Redirects: `"manual"` (the default here) returns them, `"follow"` follows, `"error"` throws.
   *
   * @throws {TypeError} If there are more than 20 redirects, one that may not be followed, or no response at all.
   */
  async fetch(path: string | URL = "/", init: RequestInit = {}): Promise<Response> {
    let url = new URL(path, this.#base);
    let hop: RequestInit = init;
    for (let redirects = 0;; redirects++) {
      const response = await this.#exchange(url, hop);
      const location = redirectStatuses.has(response.status) ? response.headers.get("location") : null;
      if (location === null || (init.redirect ?? "manual") === "manual") return response;
      await response.body?.cancel();
      if (init.redirect === "error") throw new TypeError('Cannot follow a redirect as `redirect` is "error"');
      if (redirects === maxRedirects) {
        throw new TypeError(`Cannot follow more than ${maxRedirects} redirects`);
      }
      const next = new URL(location, url);
      hop = redirected(hop, response.status, next.origin === url.origin);
      url = next;
    }
  }

  async #exchange(url: URL, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    const cookie = this.#jar.header(url);
    if (cookie !== "" && !headers.has("cookie")) headers.set("cookie", cookie);
    const response = await this.#send(new Request(url, { ...init, headers, redirect: "manual" }));
    if (response === undefined) {
      throw new TypeError("Cannot give a response as the handler answered undefined");
    }
    this.#jar.receive(url, response.headers.getSetCookie());
    this.#cookies.refresh();
    return response;
  }
}

/** The request that follows a redirect: the Fetch standard, "HTTP-redirect fetch". */
function redirected(init: RequestInit, status: number, sameOrigin: boolean): RequestInit {
  const headers = new Headers(init.headers);
  headers.delete("cookie");
  if (!sameOrigin) headers.delete("authorization");
  const method = (init.method ?? "GET").toUpperCase();
  const becomesGet = status === 303
    ? method !== "GET" && method !== "HEAD"
    : method === "POST" && (status === 301 || status === 302);
  if (!becomesGet) {
    if (init.body instanceof ReadableStream) {
      throw new TypeError("Cannot send a stream again after a redirect");
    }
    return { ...init, headers };
  }
  for (
    const name of [
      "content-encoding",
      "content-language",
      "content-location",
      "content-type",
      "content-length",
    ]
  ) {
    headers.delete(name);
  }
  return { ...init, method: "GET", headers, body: null };
}
