/** Every option of `createSessions`, every default, and all validation. */

import { type CarriedStore, makeTransport } from "./transport/transport.ts";
import { type Codec, strictJson } from "./codec.ts";
import { CookieWriter } from "./transport/cookie.ts";
import type { CookieOptions } from "./cookie_options.ts";
import type { SessionError } from "./errors.ts";
import type { SessionEvent } from "./events.ts";
import type { Secrets } from "./crypto/signer.ts";
import { mostAge } from "./data/lifetime.ts";
import type { StandardSchema } from "./schema.ts";
import type { SessionData } from "./session_map.ts";
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
  readonly maxSessionsPerUser: number;
  readonly codec: Codec;
  readonly maxBytes: number;
  readonly timeout: number;
  readonly onEvent: ((event: SessionEvent) => unknown) | undefined;
  readonly onError: ((error: SessionError, request: Request) => MaybePromise<Response>) | undefined;
  readonly asyncContext: boolean;
  readonly now: () => number;
}

type Kind = (name: string, value: unknown) => void;

const known: Record<keyof SessionsOptions, Kind> = {
  store: (_, value) => {
    const has = (name: string) => typeof (value as Record<string, unknown> | null)?.[name] === "function";
    if (typeof value === "object" && value !== null && makeTransport in value) {
      const own = value[makeTransport];
      if (typeof own === "function") return;
      wrong('store[Symbol.for("sojourn.transport")] must be a function', shape(own));
    }
    const missing = ["load", "create", "save", "delete"].filter((name) => !has(name));
    for (const name of ["touch", "clearExpired", "list", "onEvict", "close"]) {
      const method = (value as Record<string, unknown> | null)?.[name];
      if (method !== undefined && typeof method !== "function") {
        wrong(`store.${name} must be a function`, shape(method));
      }
    }
    if (missing.length > 0) {
      wrong("store must be a session store", `${shape(value)} without ${missing.join(", ")}`);
    }
  },
  secrets: () => {},
  cookie: (name, value) => {
    if (value === undefined) return;
    const prototype = typeof value === "object" && value !== null ? Object.getPrototypeOf(value) : undefined;
    if (prototype !== Object.prototype && prototype !== null) {
      wrong(`${name} must be a plain object`, shape(value));
    }
    const names = ["name", "path", "domain", "sameSite", "secure", "partitioned"];
    for (const key of Object.keys(value as object)) {
      if (!names.includes(key)) {
        wrong(`cookie has no option "${key}"; it has ${names.join(", ")}`, `"${key}"`);
      }
    }
  },
  idleAge: age,
  anonymousIdleAge: age,
  absoluteAge: (name, value) => value === null || age(name, value),
  rolling: optional("boolean"),
  saveEveryRequest: optional("boolean"),
  expireAtBrowserClose: optional("boolean"),
  schema: (name, value) => {
    if (value === undefined) return;
    const standard = (value as Partial<StandardSchema<unknown>> | null)?.["~standard"];
    if (typeof standard?.validate !== "function" || standard.version !== 1) {
      wrong(`${name} must be a Standard Schema, version 1`, shape(value));
    }
  },
  stampOf: optional("function"),
  maxSessionsPerUser: (name, value) => {
    if (value === undefined || value === Infinity) return;
    if (typeof value !== "number") wrong(`${name} must be a number`, shape(value));
    if (!Number.isInteger(value) || value < 1) {
      outOfRange(`${name} must be a whole number of sessions, 1 or more, or Infinity`, value);
    }
  },
  codec: (name, value) => {
    if (value === undefined) return;
    const { encode, decode } = (value ?? {}) as Partial<Codec>;
    if (typeof encode !== "function" || typeof decode !== "function") {
      wrong(`${name} must have the methods encode and decode`, shape(value));
    }
  },
  maxBytes: (name, value) => {
    positive(name, value);
    if (value !== undefined && !Number.isInteger(value)) {
      outOfRange(`${name} must be a whole number of bytes`, value);
    }
  },
  timeout: (name, value) => {
    positive(name, value);
    if (value !== undefined && (value as number) > 2_147_483) {
      outOfRange(`${name} must be at most 2147483 s`, value);
    }
  },
  onEvent: optional("function"),
  onError: optional("function"),
  asyncContext: optional("boolean"),
  now: optional("function"),
};

/** Checks options and fills in defaults. @throws {TypeError} @throws {RangeError} If an option is wrong, missing or unknown. */
export function resolveOptions(options: SessionsOptions<never>): Settings {
  checkOptions(options);
  return withDefaults(options, secretBytes(options.secrets));
}

/** The same with secrets that were checked by other rules: those of a Django site may be short. */
export function resolveWithSecrets(
  options: Omit<SessionsOptions<never>, "secrets">,
  secrets: Secrets,
): Settings {
  checkOptions(options);
  return withDefaults(options, secrets);
}

function checkOptions(options: Partial<SessionsOptions<never>>): void {
  if (typeof options !== "object" || options === null) wrong("options must be an object", shape(options));
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(known, name)) {
      wrong(`there is no option "${name}"; there are ${Object.keys(known).join(", ")}`, `"${name}"`);
    }
  }
  for (const [name, check] of Object.entries(known)) check(name, options[name as keyof SessionsOptions]);
}

function withDefaults(options: Omit<SessionsOptions<never>, "secrets">, secrets: Secrets): Settings {
  const idleAge = options.idleAge ?? 1_209_600;
  return {
    store: options.store,
    secrets,
    cookie: new CookieWriter(options.cookie ?? {}),
    idleAge,
    anonymousIdleAge: options.anonymousIdleAge ?? idleAge,
    absoluteAge: options.absoluteAge === undefined ? 2_592_000 : options.absoluteAge,
    rolling: options.rolling ?? true,
    saveEveryRequest: options.saveEveryRequest ?? false,
    expireAtBrowserClose: options.expireAtBrowserClose ?? false,
    schema: options.schema,
    stampOf: options.stampOf,
    maxSessionsPerUser: options.maxSessionsPerUser ?? 1_000,
    codec: options.codec ?? strictJson,
    maxBytes: options.maxBytes ?? 65_536,
    timeout: options.timeout ?? 2,
    onEvent: options.onEvent,
    onError: options.onError,
    asyncContext: options.asyncContext ?? false,
    now: wholeClock(options.now),
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
function secretBytes(secrets: unknown): Secrets {
  const hint = "`openssl rand -base64 32` makes one";
  if (!Array.isArray(secrets) || secrets.length === 0) {
    wrong(`secrets must be an array of at least one secret, newest first; ${hint}`, shape(secrets));
  }
  return Array.from(secrets, (secret, index) => {
    const name = `secrets[${index}]`;
    if (typeof secret !== "string" && !(secret instanceof Uint8Array)) {
      wrong(`${name} must be at least 32 bytes of text or bytes; ${hint}`, shape(secret));
    }
    const bytes = typeof secret === "string" ? new TextEncoder().encode(secret) : Uint8Array.from(secret);
    const trimmed = new TextDecoder().decode(bytes).trim();
    const word = trimmed.toLowerCase().replace(/[\s\p{ASCII}]/gu, (one) => /[a-z0-9]/.test(one) ? one : "");
    const repeats = (unit: string) =>
      unit !== "" && unit.repeat(Math.ceil(word.length / unit.length)).startsWith(word);
    if (word !== "" && placeholders.some(repeats)) wrong(`${name} must be random; ${hint}`, "a placeholder");
    if (
      bytes.length < 32 || typeof secret === "string" && trimmed.length < 32 && trimmed.length < secret.length
    ) {
      outOfRange(
        `${name} must have at least 32 bytes; ${hint}`,
        `${trimmed === "" ? 0 : bytes.length}, spaces included`,
      );
    }
    if (bytes.every((byte) => byte === bytes[0])) {
      wrong(`${name} must be random; ${hint}`, "one byte repeated");
    }
    return bytes;
  });
}

function positive(name: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value !== "number") wrong(`${name} must be a number`, shape(value));
  if (!(value > 0 && value <= 8.64e12)) outOfRange(`${name} must be greater than 0 and finite`, value);
}

function age(name: string, value: unknown): void {
  positive(name, value);
  if (value !== undefined && (value as number) > mostAge) {
    outOfRange(`${name} must be at most ${mostAge} s, ten years, and is in seconds, not milliseconds`, value);
  }
}

function optional(type: "boolean" | "function"): Kind {
  return (name, value) => {
    if (value !== undefined && typeof value !== type) wrong(`${name} must be a ${type}`, shape(value));
  };
}

function shape(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : "an array";
  if (value instanceof Promise) return "a promise (await it)";
  return typeof value === "undefined" ? "undefined" : `a value of type ${typeof value}`;
}

function wrong(expected: string, received: string): never {
  throw new TypeError(`Cannot make sessions: ${expected}: received ${received}`);
}

function outOfRange(expected: string, received: unknown): never {
  throw new RangeError(`Cannot make sessions: ${expected}: received ${received}`);
}

/** Instants are whole: a clock may tell fractions of a millisecond, as `performance.now` does. */
function wholeClock(now: (() => number) | undefined): () => number {
  return now === undefined ? () => Date.now() : () => Math.floor(now());
}
