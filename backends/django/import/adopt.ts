/** Finds the session imported by `import-django` for a visitor's Django cookie. */

import {
  type CarriedStore,
  type LogoutResult,
  makeTransport,
  type StoredSession,
  type TransportContext,
  type TransportingStore,
} from "../../../src/transport/transport.ts";
import { storageKey } from "../../../src/crypto/session_id.ts";
import { readCookie } from "../../../src/transport/cookie.ts";
import { StoreTransport } from "../../../src/transport/store_transport.ts";
import { check, checkOptions, type Table } from "../../../src/option_checks.ts";
import * as is from "../../../src/option_checks.ts";
import type { MaybePromise, SessionStore } from "../../../src/store.ts";
import { importedId, isDjangoKey } from "./importer.ts";

/** Settings of {@linkcode adoptDjango}. */
export interface AdoptDjangoOptions {
  /** Django's `SESSION_COOKIE_NAME`. @default "sessionid" */
  readonly cookieName?: string;
}

const cookieName = is.text("the name of a cookie", (name) => name !== "");
const table: Table<AdoptDjangoOptions> = { cookieName: [cookieName, "sessionid"] };

/**
 * A store for `createSessions` that also accepts the cookies of a former Django site, after the command `import-django` has imported its
 * sessions into `store`. Use it for the transition: as long as browsers keep that cookie, two weeks by Django's default.
 *
 * If a request has no session cookie of this library but a Django cookie of an imported session, it gets that session, and the response
 * to its next write or touch sets the new cookie. Only imported sessions can be reached this way: their ids are hashes of the Django keys,
 * which no other session has. As before the move, the Django key gives access to the session until it ends, or its id is changed by
 * `cycleKey` or a login; without `adoptDjango` the key opens nothing.
 *
 * @throws {TypeError} If `store` is no session store, or an option is unknown or wrong.
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
  check("adoptDjango", "store", is.store, store);
  const { cookieName } = checkOptions("adoptDjango", table, options);
  const adopting: TransportingStore = {
    [makeTransport]: (context) => new AdoptingTransport(store, context, cookieName),
  };
  return adopting;
}

/** At most so many cookies of Django are looked at when sessions are to be ended. */
const mostEnded = 64;

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

  /** Also what the Django cookie of a visitor who has a cookie of ours would lead to without it. */
  async endOthers(header: string, key: string | undefined): Promise<void> {
    await this.#endImported(header, new Set(key === undefined ? [] : [key]));
  }

  override async endByCookies(header: string | null, except: ReadonlySet<string>): Promise<LogoutResult> {
    const { ended, setCookies } = await super.endByCookies(header, except);
    return { ended: [...ended, ...await this.#endImported(header, except)], setCookies };
  }

  async #endImported(header: string | null, except: ReadonlySet<string>): Promise<string[]> {
    const ended: string[] = [];
    for (const value of readCookie(header, this.#django, isDjangoKey, mostEnded).values) {
      const key = await storageKey(await importedId(value));
      if (!except.has(key) && await this.revoke(key)) ended.push(key);
    }
    return ended;
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
