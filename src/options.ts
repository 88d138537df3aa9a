/** Every option of `createSessions`, every default, and all validation. */

import { type CarriedStore, makeTransport } from "./transport/transport.ts";
import { type Codec, type SessionData, strictJson } from "./codec.ts";
import { CookieWriter } from "./transport/cookie.ts";
import type { CookieOptions } from "./cookie_options.ts";
import type { SessionError } from "./errors.ts";
import type { SessionEvent } from "./events.ts";
import type { Secrets } from "./crypto/signer.ts";
import { mostAge } from "./data/lifetime.ts";
import { check, type Checked, checkOptions, refuse, type Table } from "./option_checks.ts";
import * as is from "./option_checks.ts";
import type { StandardSchema } from "./schema.ts";
import type { MaybePromise, SessionStore } from "./store.ts";

/** What `createSessions` takes. Ages and times are seconds. */
export interface SessionsOptions<Data extends object = SessionData> {
  /** Where sessions are kept. */
  readonly store: SessionStore | CarriedStore;
  /**
   * Newest first, each at least 32 bytes of text or bytes, at random. The first signs, all verify, so a secret is changed
   * by putting the new one in front. `openssl rand -base64 32` makes a good one.
   */
  readonly secrets: readonly (string | Uint8Array)[];
  /** The cookie's name and attributes. */
  readonly cookie?: CookieOptions;
  /** Seconds without activity after which a session ends, at most ten years. @default 1_209_600 (14 days, Django's number) */
  readonly idleAge?: number;
  /** The idle age of sessions without a user, in seconds. @default as `idleAge` */
  readonly anonymousIdleAge?: number;
  /** Seconds since creation or log-in after which a session ends whatever happens; `null` for never. @default 2_592_000 (30 days) */
  readonly absoluteAge?: number | null;
  /** Whether reading counts as activity, with throttled touches. `false`: only a save does, as in Django. @default true */
  readonly rolling?: boolean;
  /** Django's `SESSION_SAVE_EVERY_REQUEST`: saves every session that exists at every request. @default false */
  readonly saveEveryRequest?: boolean;
  /** Django's `SESSION_EXPIRE_AT_BROWSER_CLOSE`: the cookie has no `Max-Age`. @default false */
  readonly expireAtBrowserClose?: boolean;
  /**
   * A Standard Schema (Zod, Valibot, ArkType): gives `Data`, and checks what is loaded and what is saved, so it has to accept its own
   * output. What is stored is what was stored before and what the handler changed: what the schema leaves out, such as values of
   * a newer release, stays, and what it adds or makes of a value is stored once the handler sets it. A session that does not fit
   * is an empty one for the visitor, who may log out of it.
   */
  readonly schema?: StandardSchema<Data>;
  /**
   * What a user's sessions have to bear since `login(userId, { stamp })`: something that changes with the credentials. A session with
   * another stamp, or none, ends when it is next used; `undefined` ends all that bear one. Asked at every load of a session with
   * a user. @default none
   */
  readonly stampOf?: (userId: string) => MaybePromise<string | undefined>;
  /**
   * The most sessions that a user may have: when a log-in makes one more, those end that were longest without activity. `Infinity` for no
   * limit, and for log-ins that cost no look at the list. @default 1_000
   */
  readonly maxSessionsPerUser?: number;
  /** How data becomes text. @default strict JSON */
  readonly codec?: Codec;
  /** The most bytes that the encoded data of one session may take. @default 65_536 */
  readonly maxBytes?: number;
  /** Seconds that one store call may take. @default 2 */
  readonly timeout?: number;
  /** Is told what happens to sessions; never gets an id or a secret. A failing hook harms nobody. */
  readonly onEvent?: (event: SessionEvent) => unknown;
  /**
   * The answer when the handler let a `SessionError` pass or the commit failed. @default 503 with `Retry-After` for
   * `ERR_STORE`, 409 for `ERR_GONE` and `ERR_CONFLICT`; the rest, programming errors, is thrown again
   */
  readonly onError?: (error: SessionError, request: Request) => MaybePromise<Response>;
  /**
   * Also keeps the session in an `AsyncLocalStorage`, so that `get` finds it when a framework replaced the request object.
   * Costs up to a fifth of a bare server's throughput. @default false
   */
  readonly asyncContext?: boolean;
  /** The clock, in milliseconds since the epoch. @default () => Date.now() */
  readonly now?: () => number;
}

/** Options with their defaults, checked. */
export interface Settings {
  readonly store: SessionStore | CarriedStore;
  readonly secrets: Secrets;
  readonly cookie: CookieWriter;
  readonly idleAge: number;
  readonly anonymousIdleAge: number;
  readonly absoluteAge: number | null;
  readonly rolling: boolean;
  readonly saveEveryRequest: boolean;
  readonly expireAtBrowserClose: boolean;
  readonly schema: StandardSchema<unknown> | undefined;
  readonly stampOf: ((userId: string) => MaybePromise<string | undefined>) | undefined;
  readonly maxSessionsPerUser: number | undefined;
  readonly codec: Codec;
  readonly maxBytes: number;
  readonly timeout: number;
  readonly onEvent: ((event: SessionEvent) => unknown) | undefined;
  readonly onError: ((error: SessionError, request: Request) => MaybePromise<Response>) | undefined;
  readonly asyncContext: boolean;
  readonly now: () => number;
}

const hint = "`openssl rand -base64 32` makes one";
const isSecret = (value: unknown) => typeof value === "string" || value instanceof Uint8Array;
const secret = is.kind(`at least 32 bytes of text or bytes; ${hint}`, isSecret);
const secrets = is.kind(
  `an array of at least one secret, newest first; ${hint}`,
  (value) => Array.isArray(value) && value.length > 0,
);
/** A store that keeps records, or one that travels in a way of its own. */
const store: is.Kind = {
  ...is.store,
  problem: (value) => isTransporting(value) ? travelling.problem(value) : is.store.problem(value),
  received: (value) => (isTransporting(value) ? travelling : is.store).received(value),
};
const isTransporting = (value: unknown) =>
  typeof value === "object" && value !== null && makeTransport in value;
const travelling = is.kind(
  is.store.expected,
  (value) => typeof (value as Record<symbol, unknown>)[makeTransport] === "function",
  undefined,
  () => 'an object whose Symbol.for("sojourn.transport") is not a method',
);
const age = is.number(
  `a number above 0 and at most ${mostAge} (ten years), in seconds, not milliseconds`,
  (value) => value > 0 && value <= mostAge,
);
const isStandard = (value: unknown) => {
  const standard = (value as Partial<StandardSchema<unknown>> | null)?.["~standard"];
  return typeof standard?.validate === "function" && standard.version === 1;
};

type Shared = Pick<SessionsOptions, "schema" | "timeout" | "onEvent" | "onError" | "asyncContext" | "now">;
type Bare = "schema" | "onEvent" | "onError";
/** The options that `djangoSessions` has as well. */
export const sharedOptions: Table<Shared, Bare> = {
  schema: [is.kind("a Standard Schema, version 1", isStandard)],
  timeout: [is.seconds, 2],
  onEvent: [is.callback],
  onError: [is.callback],
  asyncContext: [is.flag, false],
  now: is.clock,
};
type Own = Bare | "store" | "stampOf" | "anonymousIdleAge" | "maxSessionsPerUser";
type Sealed = Omit<SessionsOptions, "secrets">;
const withoutSecrets: Table<Sealed, Own> = {
  store: [is.required(store)],
  cookie: [is.plainObject, {}],
  idleAge: [age, 1_209_600],
  anonymousIdleAge: [age],
  absoluteAge: [{ ...age, problem: (value) => value === null ? undefined : age.problem(value) }, 2_592_000],
  rolling: [is.flag, true],
  saveEveryRequest: [is.flag, false],
  expireAtBrowserClose: [is.flag, false],
  stampOf: [is.callback],
  maxSessionsPerUser: [is.wholeOrInfinity],
  codec: [is.having("an object with the methods encode and decode", ["encode", "decode"]), strictJson],
  maxBytes: [is.whole(1), 65_536],
  ...sharedOptions,
};

const { store: keptIn, ...others } = withoutSecrets;
const table: Table<SessionsOptions, Own | "secrets"> = {
  store: keptIn,
  secrets: [is.required(secrets)],
  ...others,
};

/**
 * The options of `createSessions` with their defaults.
 *
 * @throws {TypeError} If an option is unknown, missing or of another type.
 * @throws {RangeError} If an option is out of range.
 */
export function resolveOptions(given: SessionsOptions<never>): Settings {
  const by = "createSessions";
  const options = checkOptions(by, table, given as SessionsOptions);
  return settingsOf(options, secretBytes(options.secrets, by), by);
}

/** The same for `by`, with secrets that were checked by other rules: those of a Django site may be short. */
export function resolveWithSecrets(
  given: Omit<SessionsOptions<never>, "secrets">,
  secrets: Secrets,
  by: string,
): Settings {
  return settingsOf(checkOptions(by, withoutSecrets, given as Sealed), secrets, by);
}

function settingsOf(
  options: Checked<Sealed, Own>,
  secrets: Secrets,
  by: string,
): Settings {
  const { now } = options;
  return {
    schema: undefined,
    stampOf: undefined,
    maxSessionsPerUser: undefined,
    onEvent: undefined,
    onError: undefined,
    anonymousIdleAge: options.idleAge,
    ...options,
    secrets,
    cookie: new CookieWriter(options.cookie, by),
    // Instants are whole: a clock may tell fractions of a millisecond, as `performance.now` does.
    now: now === is.clock[1] ? now : () => Math.floor(now()),
  };
}

/** Words that people put where a secret belongs, in lower case without anything between the letters. */
const placeholders = [
  "secret",
  "changeme",
  "keyboardcat",
  "password",
  "default",
  "example",
  "development",
  "insecure",
  "supersecret",
  "yoursecret",
  "yoursecrethere",
  "mysecret",
  "sessionsecret",
  "secretkey",
  "todo",
  "test",
];

/** The secrets as bytes. No message shows anything of them (SR-024). */
function secretBytes(secrets: SessionsOptions["secrets"], by: string): Secrets {
  return Array.from(secrets, (given, index) => {
    const name = `secrets[${index}]`;
    check(by, name, secret, given);
    const bytes = typeof given === "string" ? new TextEncoder().encode(given) : Uint8Array.from(given);
    const trimmed = new TextDecoder().decode(bytes).trim();
    const word = trimmed.toLowerCase().replace(/[\s\p{ASCII}]/gu, (one) => /[a-z0-9]/.test(one) ? one : "");
    const repeats = (unit: string) =>
      unit !== "" && unit.repeat(Math.ceil(word.length / unit.length)).startsWith(word);
    if (word !== "" && placeholders.some(repeats)) {
      refuse(by, `${name} must be random; ${hint}`, "a placeholder");
    }
    if (
      bytes.length < 32 || typeof given === "string" && trimmed.length < 32 && trimmed.length < given.length
    ) {
      const received = `${trimmed === "" ? 0 : bytes.length}, spaces included`;
      refuse(by, `${name} must have at least 32 bytes; ${hint}`, received, RangeError);
    }
    if (bytes.every((byte) => byte === bytes[0])) {
      refuse(by, `${name} must be random; ${hint}`, "one byte repeated");
    }
    return bytes;
  });
}
