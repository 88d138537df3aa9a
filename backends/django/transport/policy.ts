/** What Django's session middleware and `auth.login` do, as the core asks for it. */

import { SessionError } from "../../../src/errors.ts";
import type { Draft } from "../../../src/data/format.ts";
import type { Login, LoginOptions, Policy } from "../../../src/transport/policy.ts";
import { storedOf } from "../../../src/data/values.ts";
import type { CookieJar } from "./cookies.ts";
import { authKeys } from "../format/session_format.ts";
import { makeToken } from "../format/keys.ts";

/** Where Django's `CsrfViewMiddleware` keeps its token, if it keeps it in the session. */
const csrfKey = "_csrftoken";

/** How the two kinds of engine differ. */
export interface EngineKind {
  /** Whether a key that leads nowhere is replaced by that of an empty session when it was read, as `signed_cookies` does. */
  readonly replacesStale: boolean;
  /** `SESSION_SAVE_EVERY_REQUEST`. */
  readonly savesEveryRequest: boolean;
}

/** See the first line of this file. */
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
      // What nobody looked at may still be a session for Django; its own middleware saves it then.
      if (!isUsed) return savesEveryRequest ? "replace" : "keep";
      return replacesStale ? "replace" : jar.clear(header);
    },
    login,
    requireUserIndex() {
      unsupported("list or end a user's sessions: Django's keep no index of users");
    },
  };
}

/** What sessions shared with Django cannot do. */
export function unsupported(what: string): never {
  throw new SessionError("ERR_UNSUPPORTED", `Sessions shared with Django cannot ${what}`);
}

/**
 * The token against forged requests that takes the place of one in the session (`CSRF_USE_SESSIONS`). Before 4.1 Django keeps it
 * masked, as 64 characters, and reads nothing else; since then it keeps 32, and reads both: so the length stays.
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
  // Made once, so that a log-in that is made again on fresh data leaves the token that the handler saw
  let token = tokenFor(values.get(csrfKey));
  const isRepeated: Login["isRepeated"] = ({ userId: before, values }) =>
    before === userId && storedOf(values).get(authKeys.hash) === hash;
  return {
    isRepeated,
    // Whatever stands for the user there: nothing of another one is kept
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
