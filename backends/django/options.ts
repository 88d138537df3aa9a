/** Every option of `djangoSessions`, its default, and its validation. */

import {
  makeTransport,
  type Transport,
  type TransportContext,
  type TransportingStore,
} from "../../src/transport/transport.ts";
import type { CookieAttributes, CookieOptions } from "../../src/cookie_options.ts";
import type { SessionError } from "../../src/errors.ts";
import type { SessionEvent } from "../../src/events.ts";
import { check, checkOptions, refuse, type Table } from "../../src/option_checks.ts";
import * as is from "../../src/option_checks.ts";
import { resolveWithSecrets, type Settings, sharedOptions } from "../../src/options.ts";
import { errorResponse } from "../../src/request/response.ts";
import type { StandardSchema } from "../../src/schema.ts";
import type { SessionData } from "../../src/codec.ts";
import type { MaybePromise } from "../../src/store.ts";
import { cookieDomain, cookieName, cookiePath } from "../../src/transport/cookie.ts";
import { CookieJar, type DjangoCookie } from "./transport/cookies.ts";
import type { DjangoEngine } from "./engines/engine.ts";
import { Envelope } from "./format/signed_object.ts";
import { DjangoFormat } from "./format/session_format.ts";
import { djangoManners } from "./transport/policy.ts";
import { RowTransport } from "./transport/row_transport.ts";
import { SignedTransport } from "./transport/signed_transport.ts";

/** What `djangoSessions` takes: the site's settings under Django's names, in camel case. Ages are seconds. */
export interface DjangoSessionsOptions<Data extends object = SessionData> {
  /** `SECRET_KEY`: text or bytes of any length. */
  readonly secretKey: string | Uint8Array;
  /** `SECRET_KEY_FALLBACKS`: older keys, whose signatures are still good. @default [] */
  readonly secretKeyFallbacks?: readonly (string | Uint8Array)[];
  /** Where the site keeps its sessions, such as a `DjangoDbStore`; instead of `engine`. */
  readonly store?: DjangoEngine;
  /** `"signed_cookies"` for sites whose `SESSION_ENGINE` is that; instead of `store`. */
  readonly engine?: "signed_cookies";
  /** `SESSION_COOKIE_NAME`. @default "sessionid" */
  readonly sessionCookieName?: string;
  /** `SESSION_COOKIE_AGE`: how long a session lives after its last save, in seconds. @default 1_209_600 (two weeks) */
  readonly sessionCookieAge?: number;
  /** `SESSION_COOKIE_DOMAIN`. @default null */
  readonly sessionCookieDomain?: string | null;
  /** `SESSION_COOKIE_PATH`. @default "/" */
  readonly sessionCookiePath?: string;
  /** `SESSION_COOKIE_SECURE`. @default false */
  readonly sessionCookieSecure?: boolean;
  /** `SESSION_COOKIE_HTTPONLY`. @default true */
  readonly sessionCookieHttponly?: boolean;
  /** `SESSION_COOKIE_SAMESITE`; `false` leaves the attribute out. @default "Lax" */
  readonly sessionCookieSamesite?: "Lax" | "Strict" | "None" | false;
  /** `SESSION_SAVE_EVERY_REQUEST`. @default false */
  readonly sessionSaveEveryRequest?: boolean;
  /** `SESSION_EXPIRE_AT_BROWSER_CLOSE`. @default false */
  readonly sessionExpireAtBrowserClose?: boolean;
  /** `USE_TZ`: how dates in session data are spelled. `false`: in this process's local time. @default the store's, else true */
  readonly useTz?: boolean;
  /** As for `createSessions`. */
  readonly schema?: StandardSchema<Data>;
  /** Seconds that one call to the store may take. @default 2 */
  readonly timeout?: number;
  /** As for `createSessions`. */
  readonly onEvent?: (event: SessionEvent) => unknown;
  /**
   * The answer when the handler let a `SessionError` pass or the commit failed. @default 400 for `ERR_GONE`, as Django answers
   * `SessionInterrupted`; 409 for `ERR_CONFLICT`; 503 with `Retry-After` for `ERR_STORE`; the rest is thrown again
   */
  readonly onError?: (error: SessionError, request: Request) => MaybePromise<Response>;
  /** As for `createSessions`. @default false */
  readonly asyncContext?: boolean;
  /** The clock, in milliseconds since the epoch. @default () => Date.now() */
  readonly now?: () => number;
}

const by = "djangoSessions";
const key = is.kind(
  "text or bytes, not empty",
  (value) => (typeof value === "string" || value instanceof Uint8Array) && value.length > 0,
);
const keys = is.kind("an array", Array.isArray);
const engine = { ...is.oneOf("signed_cookies"), expected: '"signed_cookies"; other engines are stores' };
const methods = ["load", "create", "replace", "rotate", "delete", "clearExpired"];
/** Browsers ignore the dot that old sites put in front. */
const withoutDot = (domain: unknown) => typeof domain === "string" ? domain.replace(/^\./, "") : domain;
const domain: is.Kind = {
  ...cookieDomain,
  problem: (value) => value === null ? undefined : cookieDomain.problem(withoutDot(value)),
};
const table: Table<DjangoSessionsOptions, "secretKey" | "store" | "engine" | "useTz" | "schema" | "onEvent"> =
  {
    secretKey: [is.required(key)],
    secretKeyFallbacks: [keys, []],
    store: [is.having("a Django engine, such as a DjangoDbStore", methods)],
    engine: [engine],
    sessionCookieName: [cookieName, "sessionid"],
    sessionCookieAge: [
      is.number("a number of seconds, above 0 and finite", (age) => age > 0 && age <= 8.64e12),
      1_209_600,
    ],
    sessionCookieDomain: [domain, null],
    sessionCookiePath: [cookiePath, "/"],
    sessionCookieSecure: [is.flag, false],
    sessionCookieHttponly: [is.flag, true],
    sessionCookieSamesite: [is.oneOf("Lax", "Strict", "None", false), "Lax"],
    sessionSaveEveryRequest: [is.flag, false],
    sessionExpireAtBrowserClose: [is.flag, false],
    useTz: [is.flag],
    ...sharedOptions,
    onError: [is.callback, djangoRefusal],
  };

/** The salt of a class `SessionStore` that keeps rows, and of the one that keeps cookies. */
const salts = {
  rows: "django.contrib.sessions.SessionStore",
  cookies: "django.contrib.sessions.backends.signed_cookies",
};

/** All secret keys as bytes, newest first. @throws {TypeError} If one is none; nothing of it is shown. */
export function secretsOf(
  by: string,
  secretKey: unknown,
  fallbacks: readonly unknown[],
): readonly Uint8Array<ArrayBuffer>[] {
  check(by, "secretKeyFallbacks", keys, fallbacks);
  const names = ["secretKey", ...fallbacks.map((_, index) => `secretKeyFallbacks[${index}]`)];
  return [secretKey, ...fallbacks].map((secret, index) => {
    check(by, names[index]!, key, secret);
    return typeof secret === "string"
      ? new TextEncoder().encode(secret)
      : Uint8Array.from(secret as Uint8Array);
  });
}

/** Django's answers: `SessionInterrupted` is a bad request. */
function djangoRefusal(error: SessionError): Response {
  const { code } = error;
  if (code === "ERR_GONE") {
    return new Response("Bad Request", { status: 400, headers: { "cache-control": "no-store" } });
  }
  if (code === "ERR_STORE" || code === "ERR_CONFLICT") return errorResponse(code);
  throw error;
}

/**
 * The options with their defaults.
 *
 * @throws {TypeError} If an option is unknown, missing or of another type.
 * @throws {RangeError} If an option is out of range.
 */
export function settleDjango(given: DjangoSessionsOptions<never>): Settings {
  const options = checkOptions(by, table, given as DjangoSessionsOptions);
  const { engine, store, sessionCookieAge, sessionSaveEveryRequest: savesEveryRequest } = options;
  const secrets = secretsOf(by, options.secretKey, options.secretKeyFallbacks);
  if ((engine === undefined) === (store === undefined)) {
    const received = store === undefined ? "neither" : "both";
    refuse(by, 'expected either store, such as a DjangoDbStore, or engine: "signed_cookies"', received);
  }
  const cookie: DjangoCookie = {
    name: options.sessionCookieName,
    domain: options.sessionCookieDomain,
    path: options.sessionCookiePath,
    secure: options.sessionCookieSecure,
    httponly: options.sessionCookieHttponly,
    samesite: options.sessionCookieSamesite,
  };
  if ((store?.cookieName ?? cookie.name) !== cookie.name) {
    refuse(by, "sessionCookieName must be the one that the store was opened for", "another cookie name");
  }
  const useTz = options.useTz ?? store?.useTz ?? true;
  if (useTz !== (store?.useTz ?? useTz)) {
    refuse(by, "useTz must be what the store was opened with", String(useTz));
  }
  const travelling: TransportingStore = { [makeTransport]: make };
  const { schema, timeout, onEvent, onError, asyncContext, now } = options;
  const shared = { schema, timeout, onEvent, onError, asyncContext, now };
  const settings = resolveWithSecrets(
    {
      ...shared as object,
      store: travelling,
      cookie: {
        name: cookie.name,
        path: cookie.path,
        ...cookie.domain === null ? {} : { domain: withoutDot(cookie.domain) },
      } as CookieAttributes as CookieOptions,
      absoluteAge: null,
      rolling: false,
      saveEveryRequest: savesEveryRequest,
      expireAtBrowserClose: options.sessionExpireAtBrowserClose,
    },
    secrets,
    by,
  );
  function make(kit: TransportContext): Transport {
    const jar = new CookieJar(cookie, kit.now);
    const all = {
      ...kit,
      jar,
      envelope: new Envelope(secrets, store === undefined ? salts.cookies : salts.rows),
      format: new DjangoFormat({ cookieAge: sessionCookieAge, useTz }),
      policy: djangoManners(jar, { replacesStale: store === undefined, savesEveryRequest }),
    };
    return store === undefined ? new SignedTransport(all) : new RowTransport(store, all);
  }
  // As long as the site says, ten years or more.
  return { ...settings, idleAge: sessionCookieAge, anonymousIdleAge: sessionCookieAge };
}
