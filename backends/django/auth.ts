/** What Django's own applications keep in a session: who is logged in, and messages to show. */

import { authKeys, userIdOf } from "./format/session_format.ts";
import { secretsOf } from "./options.ts";
import { saltedHmac } from "./format/signing.ts";

/** A session of any data: what Django keeps in it need not be in its type. */
export interface AnySession {
  /** The value of a key. */
  get(key: string): unknown;
}

/** Who is logged in, as `django.contrib.auth` keeps it. */
export interface DjangoUser {
  /** The primary key as text. */
  readonly id: string;
  /** The dotted path of the authentication backend. */
  readonly backend: string;
  /** The session auth hash; undefined for users whose model has none. */
  readonly hash: string | undefined;
}

/**
 * Who is logged in; `undefined` if nobody is. It is what the session says: whether it still holds is for
 * {@linkcode verifySessionAuthHash} to tell.
 *
 * @example
 * ```ts
 * import { djangoSessions, djangoUser } from "@sojourn/session/django";
 * import assert from "node:assert/strict";
 *
 * const sessions = djangoSessions({ secretKey: "the site's own", engine: "signed_cookies" });
 * const response = await sessions.wrap(async (request) => {
 *   const session = await request.session;
 *   return new Response(djangoUser(session)?.id ?? "nobody");
 * })(new Request("https://localhost/"));
 * assert.equal(await response.text(), "nobody");
 * ```
 */
export function djangoUser(session: AnySession): DjangoUser | undefined {
  const id = userIdOf(session.get(authKeys.id));
  const [backend, hash] = [session.get(authKeys.backend), session.get(authKeys.hash)];
  const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
  return id !== undefined && isText(backend)
    ? { id, backend, hash: isText(hash) ? hash : undefined }
    : undefined;
}

const hashSalt = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash";
const bytesOf = new TextEncoder();

/** Compares in a time that depends on the lengths alone. */
function isEqual(one: string, other: string): boolean {
  const [a, b] = [bytesOf.encode(one), bytesOf.encode(other)];
  let difference = a.length ^ b.length;
  for (let i = 0; i < b.length; i++) difference |= a[i]! ^ b[i]!; // beyond its end, `a` has zeros here
  return difference === 0;
}

/**
 * The session auth hash of a user, as `AbstractBaseUser.get_session_auth_hash()` makes it: what `login` wants as `hash`.
 * `passwordHash` is the stored one, the column `password`.
 *
 * @throws {TypeError} If an argument is of the wrong kind.
 *
 * @example
 * ```ts
 * import { sessionAuthHash } from "@sojourn/session/django";
 * import assert from "node:assert/strict";
 *
 * const hash = await sessionAuthHash("pbkdf2_sha256$…", "the site's own");
 * assert.match(hash, /^[0-9a-f]{64}$/);
 * ```
 */
export async function sessionAuthHash(passwordHash: string, secretKey: string | Uint8Array): Promise<string> {
  return await hashWith(passwordHash, secretsOf("sessionAuthHash", secretKey, [])[0]!);
}

async function hashWith(passwordHash: string, secret: Uint8Array): Promise<string> {
  if (typeof passwordHash !== "string") {
    throw new TypeError(
      `Cannot make a session auth hash: expected the stored password hash: received ${typeof passwordHash}`,
    );
  }
  const digest = await saltedHmac(hashSalt, passwordHash, secret);
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Whether the login in a session still holds for a user with this stored password hash, as `django.contrib.auth` decides it:
 * the password was not changed since. Compared in constant time; hashes made with older secret keys are good too.
 *
 * @throws {TypeError} If an argument is of the wrong kind.
 *
 * @example
 * ```ts
 * import { djangoSessions, sessionAuthHash, verifySessionAuthHash } from "@sojourn/session/django";
 * import assert from "node:assert/strict";
 *
 * const secretKey = "the site's own";
 * const password = "pbkdf2_sha256$…"; // the column of the user
 * const sessions = djangoSessions({ secretKey, engine: "signed_cookies" });
 * await sessions.wrap(async (request) => {
 *   const session = await request.session;
 *   const hash = await sessionAuthHash(password, secretKey);
 *   session.login("42", { backend: "django.contrib.auth.backends.ModelBackend", hash });
 *   assert.equal(await verifySessionAuthHash(session, password, secretKey), true);
 *   assert.equal(await verifySessionAuthHash(session, "another", secretKey), false);
 *   return new Response();
 * })(new Request("https://localhost/"));
 * ```
 */
export async function verifySessionAuthHash(
  session: AnySession,
  passwordHash: string,
  secretKey: string | Uint8Array,
  secretKeyFallbacks: readonly (string | Uint8Array)[] = [],
): Promise<boolean> {
  const hash = djangoUser(session)?.hash;
  let isGood = false;
  for (const secret of secretsOf("verifySessionAuthHash", secretKey, secretKeyFallbacks)) {
    const expected = await hashWith(passwordHash, secret);
    if (hash !== undefined && isEqual(hash, expected)) isGood = true;
  }
  return isGood;
}

/** A message of `django.contrib.messages`. */
export interface DjangoMessage {
  /** What it says. */
  readonly message: string;
  /** How weighty it is: 10 debug, 20 info, 25 success, 30 warning, 40 error, or the site's own. */
  readonly level: number;
  /** The site's extra tags; an empty text if there are none. */
  readonly extraTags: string;
  /** Whether Django marked it as safe HTML. */
  readonly isSafe: boolean;
}

/**
 * The messages that wait in a session, for sites whose `MESSAGE_STORAGE` is `SessionStorage`. They stay until they are taken away:
 * `session.delete("_messages")`. Invalid messages are left out.
 *
 * @example
 * ```ts
 * import { djangoMessages, djangoSessions } from "@sojourn/session/django";
 * import assert from "node:assert/strict";
 *
 * const sessions = djangoSessions({ secretKey: "the site's own", engine: "signed_cookies" });
 * await sessions.wrap(async (request) => {
 *   const session = await request.session;
 *   session.set("_messages", '[["__json_message",0,25,"Saved.",""]]'); // as Django leaves it
 *   assert.deepEqual(djangoMessages(session), [
 *     { message: "Saved.", level: 25, extraTags: "", isSafe: false },
 *   ]);
 *   return new Response();
 * })(new Request("https://localhost/"));
 * ```
 */
export function djangoMessages(session: AnySession): DjangoMessage[] {
  let stored: unknown = session.get("_messages");
  try {
    if (typeof stored === "string") stored = JSON.parse(stored);
  } catch {
    return [];
  }
  return Array.isArray(stored) ? stored.flatMap(messageOf) : [];
}

/** `["__json_message", is safe, level, message, extra tags]`: Django leaves the tags out when they are null. */
function messageOf(item: unknown): DjangoMessage[] {
  if (!Array.isArray(item) || item[0] !== "__json_message") return [];
  const [, isSafe, level, message, extraTags] = item;
  if (typeof message !== "string" || typeof level !== "number") return [];
  return [{
    message,
    level,
    extraTags: typeof extraTags === "string" ? extraTags : "",
    isSafe: isSafe === 1 || isSafe === true,
  }];
}
