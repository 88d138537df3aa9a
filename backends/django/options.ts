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
import { resolveWithSecrets, type Settings } from "../../src/options.ts";
import { errorResponse } from "../../src/request/response.ts";
import type { StandardSchema } from "../../src/schema.ts";
import type { SessionData } from "../../src/session_map.ts";
import type { MaybePromise } from "../../src/store.ts";
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

const names: readonly (keyof DjangoSessionsOptions)[] = [
  "secretKey",
  "secretKeyFallbacks",
  "store",
  "engine",
  "sessionCookieName",
  "sessionCookieAge",
  "sessionCookieDomain",
  "sessionCookiePath",
  "sessionCookieSecure",
  "sessionCookieHttponly",
  "sessionCookieSamesite",
  "sessionSaveEveryRequest",
  "sessionExpireAtBrowserClose",
  "useTz",
  "schema",
  "timeout",
  "onEvent",
  "onError",
  "asyncContext",
  "now",
];

/** The salt of a class `SessionStore` that keeps rows, and of the one that keeps cookies. */
const salts = {
  rows: "django.contrib.sessions.SessionStore",
  cookies: "django.contrib.sessions.backends.signed_cookies",
};

function wrong(expected: string, received: unknown): never {
  const shown = received === null || received === "" ? JSON.stringify(received) : typeof received;
  throw new TypeError(`Cannot share Django's sessions: ${expected}: received ${shown}`);
}

/** A secret key as bytes. @throws {TypeError} If it is none; nothing of it is shown. */
export function secretBytes(name: string, secret: unknown): Uint8Array<ArrayBuffer> {
  const isSecret = typeof secret === "string" || secret instanceof Uint8Array;
  if (!isSecret || secret.length === 0) wrong(`${name} must be text or bytes, not empty`, secret);
  return typeof secret === "string" ? new TextEncoder().encode(secret) : Uint8Array.from(secret);
}

/** All secret keys as bytes, newest first. @throws {TypeError} If one is none. */
export function secretsOf(secretKey: unknown, fallbacks: unknown): readonly Uint8Array<ArrayBuffer>[] {
  if (!Array.isArray(fallbacks)) wrong("secretKeyFallbacks must be an array", fallbacks);
  return [
    secretBytes("secretKey", secretKey),
    ...Array.from(fallbacks, (secret, index) => secretBytes(`secretKeyFallbacks[${index}]`, secret)),
  ];
}

function flag(options: DjangoSessionsOptions<never>, name: keyof DjangoSessionsOptions, otherwise: boolean) {
  const value = options[name] ?? otherwise;
  if (typeof value !== "boolean") wrong(`${name} must be a boolean`, value);
  return value;
}

function engineOf({ store, engine, sessionCookieName = "sessionid" }: DjangoSessionsOptions<never>) {
  if (engine !== undefined && engine !== "signed_cookies") {
    wrong('engine must be "signed_cookies"; other engines are stores', engine);
  }
  if ((engine === undefined) === (store === undefined)) {
    wrong(
      'expected either store, such as a DjangoDbStore, or engine: "signed_cookies"',
      engine ?? store,
    );
  }
  if (store === undefined) return undefined;
  const methods = ["load", "create", "replace", "rotate", "delete", "clearExpired"] as const;
  const missing = methods.filter((name) => typeof (store as DjangoEngine | null)?.[name] !== "function");
  if (missing.length > 0) {
    const hint = store instanceof Promise ? "; a promise has to be awaited" : "";
    wrong(`store must be a Django engine; it has no ${missing.join(", ")}${hint}`, store);
  }
  if (store.cookieName !== undefined && store.cookieName !== sessionCookieName) {
    throw new TypeError(
      "Cannot share Django's sessions: the store was opened for another cookie name than sessionCookieName",
    );
  }
  return store;
}

function cookieOf(options: DjangoSessionsOptions<never>): DjangoCookie {
  const samesite = options.sessionCookieSamesite ?? "Lax";
  const rules = ["Lax", "Strict", "None", false];
  if (!rules.includes(samesite)) {
    wrong('sessionCookieSamesite must be "Lax", "Strict", "None" or false', samesite);
  }
  return {
    name: options.sessionCookieName ?? "sessionid",
    domain: options.sessionCookieDomain ?? null,
    path: options.sessionCookiePath ?? "/",
    secure: flag(options, "sessionCookieSecure", false),
    httponly: flag(options, "sessionCookieHttponly", true),
    samesite,
  };
}

function useTzOf(options: DjangoSessionsOptions<never>, store: DjangoEngine | undefined): boolean {
  const useTz = flag(options, "useTz", store?.useTz ?? true);
  if (useTz === (store?.useTz ?? useTz)) return useTz;
  throw new TypeError("Cannot share Django's sessions: useTz differs from what the store was opened with");
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

/** Checks options and fills in defaults. @throws {TypeError} @throws {RangeError} If an option is wrong, missing or unknown. */
export function settleDjango(options: DjangoSessionsOptions<never>): Settings {
  if (typeof options !== "object" || options === null) wrong("options must be an object", options);
  for (const name of Object.keys(options)) {
    if (!(names as readonly string[]).includes(name)) {
      throw new TypeError(
        `Cannot share Django's sessions: there is no option "${name}"; there are ${names.join(", ")}`,
      );
    }
  }
  const { secretKey, secretKeyFallbacks = [], sessionCookieAge = 1_209_600 } = options;
  const secrets = secretsOf(secretKey, secretKeyFallbacks);
  const store = engineOf(options);
  const cookie = cookieOf(options);
  const useTz = useTzOf(options, store);
  if (typeof sessionCookieAge !== "number") wrong("sessionCookieAge must be a number", sessionCookieAge);
  if (!(sessionCookieAge > 0 && sessionCookieAge <= 8.64e12)) {
    throw new RangeError(
      `Cannot share Django's sessions: sessionCookieAge must be greater than 0 and finite: received ${sessionCookieAge}`,
    );
  }
  const savesEveryRequest = flag(options, "sessionSaveEveryRequest", false);
  const travelling: TransportingStore = { [makeTransport]: make };
  const { schema, timeout, onEvent, asyncContext, now } = options;
  const given = { schema, timeout, onEvent, asyncContext, now };
  const settings = resolveWithSecrets({
    ...given as object,
    onError: options.onError ?? djangoRefusal,
    store: travelling,
    cookie: {
      name: cookie.name,
      path: cookie.path,
      // Browsers ignore the dot that old sites put in front.
      ...cookie.domain === null ? {} : { domain: String(cookie.domain).replace(/^\./, "") },
    } as CookieAttributes as CookieOptions,
    absoluteAge: null,
    rolling: false,
    saveEveryRequest: savesEveryRequest,
    expireAtBrowserClose: flag(options, "sessionExpireAtBrowserClose", false),
  }, secrets);
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
