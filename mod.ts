/**
 * Sessions for servers that speak `Request => Response`, on Deno and Bun: Django's session framework, re-thought.
 *
 * @example
 * ```ts
 * import { createSessions } from "@sojourn/session";
 * import { MemoryStore } from "@sojourn/session/memory";
 *
 * const sessions = createSessions<{ visits: number }>({
 *   store: new MemoryStore(),
 *   secrets: [crypto.getRandomValues(new Uint8Array(32))],
 * });
 *
 * export default {
 *   fetch: sessions.wrap(async (request) => {
 *     const session = await request.session;
 *     const visits = session.update("visits", (n = 0) => n + 1);
 *     return new Response(`You have been here ${visits} times`);
 *   }),
 * };
 * ```
 *
 * @module
 */

export { createSessions } from "./src/sessions.ts";
export type { SessionHandler, SessionRequest, Sessions } from "./src/sessions.ts";
export { SessionError } from "./src/errors.ts";
export type { SessionErrorCode } from "./src/errors.ts";
export { aal2, aal3 } from "./src/nist_limits.ts";
export type { SessionLimits } from "./src/nist_limits.ts";
export type { LoginOptions } from "./src/transport/policy.ts";
export type { ExpiryQuery, Session } from "./src/session.ts";
export type { SessionMap } from "./src/session_map.ts";
export type { CarriedStore } from "./src/transport/transport.ts";
export type { SessionsOptions } from "./src/options.ts";
export type { CookieAttributes, CookieOptions, OneOf } from "./src/cookie_options.ts";
export type { Codec, SessionData, SessionKey } from "./src/codec.ts";
export type { SchemaResult, StandardSchema } from "./src/schema.ts";
export type { SessionEvent, SessionEventType } from "./src/events.ts";
export type { SessionInfo } from "./src/user_sessions.ts";
export type {
  CountableStore,
  IndexedRecord,
  ListOptions,
  MaybePromise,
  SessionPage,
  SessionRecord,
  SessionStore,
  SessionSummary,
  StoredRecord,
  StoreStats,
} from "./src/store.ts";
