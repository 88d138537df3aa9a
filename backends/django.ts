/**
 * Sessions shared live with a Django site: a login on one side is a login on both.
 *
 * @module
 */

import { Sessions } from "../src/sessions.ts";
import type { SessionData } from "../src/codec.ts";
import { adoptDjango, type AdoptDjangoOptions } from "./django/import/adopt.ts";
import { DjangoCacheStore, type DjangoCacheStoreOptions } from "./django/engines/cache.ts";
import type { DjangoCacheClient } from "./django/engines/cache_removal.ts";
import { DjangoCachedDbStore, type DjangoCachedDbStoreOptions } from "./django/engines/cached_db.ts";
import { DjangoDbStore } from "./django/engines/db.ts";
import type { DjangoDbStoreOptions } from "./django/engines/db_options.ts";
import type { DjangoEngine, DjangoRow } from "./django/engines/engine.ts";
import { DjangoFileStore, type DjangoFileStoreOptions } from "./django/engines/file.ts";
import { type DjangoSessionsOptions, settleDjango } from "./django/options.ts";
import {
  type AnySession,
  type DjangoMessage,
  djangoMessages,
  type DjangoUser,
  djangoUser,
  sessionAuthHash,
  verifySessionAuthHash,
} from "./django/auth.ts";

export {
  adoptDjango,
  DjangoCachedDbStore,
  DjangoCacheStore,
  DjangoDbStore,
  DjangoFileStore,
  djangoMessages,
  djangoUser,
  sessionAuthHash,
  verifySessionAuthHash,
};
export type {
  Mysql2Client,
  PgClient,
  SqlClient,
  SqlDialect,
  TaggedSqlClient,
} from "./django/engines/sql/client.ts";
export type { SqliteDatabase, SqliteStatement } from "./sqlite/database.ts";
export type {
  BunRedisClient,
  IoRedisClient,
  NodeRedisClient,
  NodeRedisCluster,
  RedisClient,
} from "./redis/client.ts";
export type {
  AdoptDjangoOptions,
  AnySession,
  DjangoCacheClient,
  DjangoCachedDbStoreOptions,
  DjangoCacheStoreOptions,
  DjangoDbStoreOptions,
  DjangoEngine,
  DjangoFileStoreOptions,
  DjangoMessage,
  DjangoRow,
  DjangoSessionsOptions,
  DjangoUser,
};

/**
 * The sessions of a Django site, with Django's settings, cookie, formats and middleware; the same object that `createSessions` returns.
 *
 * `_session_expiry` and the user are in the data, as in Django; `login(userId, { backend, hash })` writes Django's three keys.
 * If a session ends during its request, the response is 400, as with Django's `SessionInterrupted`. `list`, `revoke` and `revokeAll` fail
 * with `ERR_UNSUPPORTED`, as Django's sessions have no user index. They have no creation date either: `createdAt` is when the session was
 * last saved. Integers that a `number` cannot hold are `bigint`s, and unchanged values are written back exactly as they were.
 *
 * @throws {TypeError} If an option is unknown, missing or of another type; the message says what was expected.
 * @throws {RangeError} If an option is out of range.
 *
 * @example
 * ```ts
 * import { djangoSessions } from "@sojourn/session/django";
 * import assert from "node:assert/strict";
 *
 * const sessions = djangoSessions<{ visits: number }>({
 *   secretKey: "the site's SECRET_KEY",
 *   engine: "signed_cookies", // or store: await DjangoDbStore.open("db.sqlite3")
 * });
 * const response = await sessions.wrap(async (request) => {
 *   const session = await request.session;
 *   return Response.json(session.update("visits", (n = 0) => n + 1));
 * })(new Request("https://localhost/"));
 * assert.match(response.headers.get("set-cookie")!, /^sessionid=eyJ2aXNpdHMiOjF9:/); // {"visits":1}
 * ```
 */
export function djangoSessions<Data extends object = SessionData>(
  options: DjangoSessionsOptions<Data>,
): Sessions<Data> {
  return new Sessions<Data>(settleDjango(options as DjangoSessionsOptions<never>));
}
