/** The cookies of a client as a map of name to value. */
import type { CookieJar } from "./jar.ts";
import { isTrustworthy } from "./set_cookie.ts";

/**
 * A live view of a jar: it reflects what responses set, and writing to it writes to the jar, so that a test can add,
 * change and remove cookies. If several cookies have the same name (on other paths), it shows the one created last.
 */
export class CookieMap extends Map<string, string> {
  #jar: CookieJar;
  #base: URL;

  constructor(jar: CookieJar, base: URL) {
    super();
    this.#jar = jar;
    this.#base = base;
  }

  /** Reads the current contents of the jar. */
  refresh(): this {
    super.clear();
    for (const { name, value } of this.#jar.cookies()) super.set(name, value);
    return this;
  }

  /** Changes the value of every cookie with this name; a new one is for the whole host, and `Secure` where it can be. */
  override set(name: string, value: string): this {
    const known = this.#jar.cookies().filter((cookie) => cookie.name === name);
    for (const cookie of known) this.#jar.keep({ ...cookie, value });
    if (known.length === 0) {
      this.#jar.keep({
        name,
        value,
        domain: this.#base.hostname,
        hostOnly: true,
        path: "/",
        secure: isTrustworthy(this.#base),
        expiresAt: Infinity,
      });
    }
    return super.set(name, value);
  }

  override delete(name: string): boolean {
    this.#jar.forget(name);
    return super.delete(name);
  }

  override clear(): void {
    for (const { name } of this.#jar.cookies()) this.#jar.forget(name);
    super.clear();
  }
}
