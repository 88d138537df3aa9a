/** The behaviour of Django's session middleware and `auth.login`, as a policy of the core. */

import { SessionError } from "../../../src/errors.ts";
import type { Draft } from "../../../src/data/format.ts";
import type { Login, LoginOptions, Policy } from "../../../src/transport/policy.ts";
import { storedOf } from "../../../src/data/values.ts";
import type { CookieJar } from "./cookies.ts";
import { authKeys } from "../format/session_format.ts";
import { makeToken } from "../format/keys.ts";

/** The key of the token of Django's `CsrfViewMiddleware`, if it is in the session. */
const csrfKey = "_csrftoken";

/** The differences between the two kinds of engine. */
export interface EngineKind {
  /** Whether a key that leads nowhere is replaced by that of an empty session when it was read, as `signed_cookies` does. */
  readonly replacesStale: boolean;
  /** `SESSION_SAVE_EVERY_REQUEST`. */
  readonly savesEveryRequest: boolean;
}

/** The policy of sessions shared with Django. */
export function djangoManners(jar: CookieJar, { replacesStale, savesEveryRequest }: EngineKind): Policy {
  return {
    extendsOnEverySave: true,
    rotatesEmpty: true,
    sendsGoneUnmodified: true,
    needsSession: (header) => jar.isShort(header),
    staleCookieAction(header, isUsed) {
      const { isPresent, keys } = jar.read(header);
      if (!isPresent) return "keep";
      if (keys.length === 0) return jar.clear(header);
      // A session that was not read may still exist for Django; its own middleware saves it then.
      if (!isUsed) return savesEveryRequest ? "replace" : "keep";
      return replacesStale ? "replace" : jar.clear(header);
    },
    login,
    requireUserIndex() {
      unsupported("list or end a user's sessions: Django's keep no index of users");
    },
  };
}

/** The error of operations that sessions shared with Django do not support. */
export function unsupported(what: string): never {
  throw new SessionError("ERR_UNSUPPORTED", `Sessions shared with Django cannot ${what}`);
}

/**
 * The new CSRF token that replaces one in the session (`CSRF_USE_SESSIONS`). Before 4.1 Django stores it masked, as 64 characters, and
 * reads nothing else; later versions store 32 characters and read both, so the length is kept.
 */
function tokenFor(before: unknown): string | undefined {
  if (before === undefined) return undefined;
  return makeToken(typeof before === "string" && before.length === 64 ? 64 : 32);
}

function login(userId: string, { stamp, backend, hash }: LoginOptions, { values }: Draft): Login {
  if (stamp !== undefined) unsupported("bear a stamp: Django's is the session auth hash");
  if (backend === undefined || hash === undefined) {
    unsupported(
      "log a user in without { backend, hash }: the path of the authentication backend and the session auth hash",
    );
  }
  for (const [name, value] of Object.entries({ backend, hash })) {
    if (typeof value === "string" && value !== "") continue;
    const received = value === "" ? '""' : typeof value;
    throw new TypeError(`Cannot log in: expected ${name} to be a non-empty string: received ${received}`);
  }
  // Created once, so that a login that is replayed on newer data keeps the token that the handler saw
  let token = tokenFor(values.get(csrfKey));
  const isRepeated: Login["isRepeated"] = ({ userId: before, values }) =>
    before === userId && storedOf(values).get(authKeys.hash) === hash;
  return {
    isRepeated,
    // However the user is stored there: nothing of another user is kept
    replaces: (draft) => storedOf(draft.values).has(authKeys.id) && !isRepeated(draft),
    enter({ values }) {
      values.set(authKeys.id, userId);
      values.set(authKeys.backend, backend);
      values.set(authKeys.hash, hash);
      token ??= tokenFor(values.get(csrfKey));
      if (token !== undefined) values.set(csrfKey, token);
    },
  };
}
