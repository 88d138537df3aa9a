/** Finds the session imported by `import-django` for a visitor's Django cookie. */

import {
  bringsTransport,
  type CarriedStore,
  type StoredSession,
  type TransportContext,
} from "../../../src/transport/transport.ts";
import { readCookie } from "../../../src/transport/cookie.ts";
import { StoreTransport } from "../../../src/transport/store_transport.ts";
import type { MaybePromise, SessionStore } from "../../../src/store.ts";
import { importedId, isDjangoKey } from "./importer.ts";

/** Settings of {@linkcode adoptDjango}. */
export interface AdoptDjangoOptions {
  /** Django's `SESSION_COOKIE_NAME`. @default "sessionid" */
  readonly cookieName?: string;
}

/**
 * A store for `createSessions` that also accepts the cookies of a former Django site, after the command `import-django` has imported its
 * sessions into `store`. Use it for the transition: as long as browsers keep that cookie, two weeks by Django's default.
 *
 * If a request has no session cookie of this library but a Django cookie of an imported session, it gets that session, and the response
 * to its next write or touch sets the new cookie. Only imported sessions can be reached this way: their ids are hashes of the Django keys,
 * which no other session has. As before the move, the Django key gives access to the session until it ends, or its id is changed by
 * `cycleKey` or a login; without `adoptDjango` the key opens nothing.
 *
 * @throws {TypeError} If an option is unknown or of the wrong type.
 *
 * @example
 * ```ts
 * import { createSessions } from "@sojourn/session";
 * import { adoptDjango } from "@sojourn/session/django";
 * import { MemoryStore } from "@sojourn/session/memory";
 *
 * const store = new MemoryStore(); // the one that import-django filled
 * const secrets = [crypto.getRandomValues(new Uint8Array(32))];
 * createSessions({ store: adoptDjango(store), secrets });
 * ```
 */
export function adoptDjango(store: SessionStore, options: AdoptDjangoOptions = {}): CarriedStore {
  const { cookieName = "sessionid", ...rest } = options;
  for (const name in rest) throw new TypeError(`Cannot adopt sessions: there is no option "${name}"`);
  if (typeof cookieName !== "string" || cookieName === "") {
    throw new TypeError(
      `Cannot adopt sessions: "cookieName" must be a cookie's name: received ${typeof cookieName}`,
    );
  }
  const carried: CarriedStore = { carries: "sessions, with those imported from Django" };
  bringsTransport(carried, (kit) => new AdoptingTransport(store, kit, cookieName));
  return carried;
}

class AdoptingTransport extends StoreTransport {
  readonly #own: string;
  readonly #django: string;

  constructor(store: SessionStore, kit: TransportContext, cookieName: string) {
    super(store, kit);
    this.#own = kit.cookie.name;
    this.#django = cookieName;
  }

  override find(header: string | null): MaybePromise<readonly StoredSession[]> {
    if (header === null || readCookie(header, this.#own, () => false, 1).isPresent) return super.find(header);
    const { values } = readCookie(header, this.#django, isDjangoKey, 2);
    return values.length === 1 ? this.#adopt(values[0]!) : super.find(header);
  }

  async #adopt(key: string): Promise<readonly StoredSession[]> {
    const found = await this.findById(await importedId(key));
    // The request had no cookie of this library, so it needs one
    return found.map(({ record, ref }) => ({
      record,
      ref: { ...ref, cookieValue: "", hasOldSignature: true },
    }));
  }
}
