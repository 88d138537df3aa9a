/** Limits that standards ask for, to be spread into the options of `createSessions`. */

import type { SessionsOptions } from "./options.ts";

/** The limits of a session: a part of the options of `createSessions`. */
export type SessionLimits = Required<
  Pick<SessionsOptions, "absoluteAge" | "idleAge" | "expireAtBrowserClose">
>;

/**
 * Authenticator assurance level 2 of NIST SP 800-63B-4 (section 2.2.3): 24 hours, 1 hour without activity, until the browser
 * closes.
 *
 * @example
 * ```ts
 * import { aal2, createSessions } from "@sojourn/session";
 * import { MemoryStore } from "@sojourn/session/memory";
 * import assert from "node:assert/strict";
 *
 * const secrets = [crypto.getRandomValues(new Uint8Array(32))];
 * const sessions = createSessions({ ...aal2, store: new MemoryStore(), secrets });
 * const session = await sessions.open();
 * assert.equal(session.getExpiryAge(), 3600);
 * ```
 */
export const aal2: SessionLimits = Object.freeze({
  absoluteAge: 86_400,
  idleAge: 3_600,
  expireAtBrowserClose: true,
});

/**
 * Authenticator assurance level 3 of NIST SP 800-63B-4 (section 2.3.3): 12 hours, 15 minutes without activity, until the browser
 * closes.
 *
 * @example
 * ```ts
 * import { aal3 } from "@sojourn/session";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(aal3, { absoluteAge: 43_200, idleAge: 900, expireAtBrowserClose: true });
 * ```
 */
export const aal3: SessionLimits = Object.freeze({
  absoluteAge: 43_200,
  idleAge: 900,
  expireAtBrowserClose: true,
});
