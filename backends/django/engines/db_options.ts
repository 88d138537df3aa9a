/** Every option of a `DjangoDbStore`, its default, and its validation. */

import { type Checked, checkOptions, type Table } from "../../../src/option_checks.ts";
import * as is from "../../../src/option_checks.ts";
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
export type DjangoDbSettings = Checked<DjangoDbStoreOptions, "dialect">;

const isName = (name: string) => /^(?!sqlite_)[a-z_][a-z0-9_]{0,127}$/i.test(name);
const table: Table<DjangoDbStoreOptions, "dialect"> = {
  useTz: [is.flag, true],
  timeout: [is.seconds, 2],
  table: [is.text("a name of at most 128 letters, digits and underscores", isName), "django_session"],
  dialect: [is.oneOf("postgresql", "mysql")],
};

/** Checks options and fills in defaults. @throws {TypeError} If one is unknown or of another type. @throws {RangeError} If one is out of range. */
export function readDbOptions(given: DjangoDbStoreOptions = {}): DjangoDbSettings {
  return checkOptions("DjangoDbStore", table, given);
}
