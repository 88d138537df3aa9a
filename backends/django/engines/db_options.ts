/** Every option of a `DjangoDbStore`, its default, and its validation. */

import type { SqlDialect } from "./sql/client.ts";

/** How a `DjangoDbStore` behaves. */
export interface DjangoDbStoreOptions {
  /**
   * The site's `USE_TZ`: dates are kept in UTC. `false`: they are this process's local time, which has to be the site's
   * `TIME_ZONE`; PostgreSQL keeps instants either way. @default true
   */
  readonly useTz?: boolean;
  /**
   * The maximum seconds that one call waits for the database, without blocking the event loop; after that it is not carried out. The
   * timeout of `djangoSessions` should not be shorter. @default 2
   */
  readonly timeout?: number;
  /** The name of the table, for sites with a session model of their own. @default "django_session" */
  readonly table?: string;
  /** What a client that was handed in speaks, to be sure of it. @default what its shape says */
  readonly dialect?: SqlDialect;
}

/** The options with their defaults. */
export interface DjangoDbSettings {
  readonly useTz: boolean;
  readonly timeout: number;
  readonly table: string;
  readonly dialect: SqlDialect | undefined;
}

/** Checks options and fills in defaults. @throws {TypeError} @throws {RangeError} If one is wrong or unknown. */
export function readDbOptions(given: DjangoDbStoreOptions = {}): DjangoDbSettings {
  const { useTz = true, timeout = 2, table = "django_session", dialect, ...others } = given;
  for (const name of Object.keys(others)) {
    throw new TypeError(
      `"${name}" is not an option of DjangoDbStore; there are useTz, timeout, table, dialect`,
    );
  }
  if (typeof useTz !== "boolean") {
    throw new TypeError(`"useTz" must be a boolean: received ${typeof useTz}`);
  }
  if (typeof timeout !== "number") {
    throw new TypeError(`"timeout" must be a number of seconds: received ${typeof timeout}`);
  }
  if (!(timeout > 0 && timeout <= 86_400)) {
    throw new RangeError(`"timeout" must be a positive number of seconds up to 86400: received ${timeout}`);
  }
  if (typeof table !== "string" || !/^(?!sqlite_)[a-z_][a-z0-9_]{0,127}$/i.test(table)) {
    throw new TypeError(
      `"table" must be a name of letters, digits and underscores: received ${String(table)}`,
    );
  }
  if (dialect !== undefined && dialect !== "postgresql" && dialect !== "mysql") {
    throw new TypeError(`"dialect" must be "postgresql" or "mysql": received ${String(dialect)}`);
  }
  return { useTz, timeout, table, dialect };
}
