/** The database clients that a Django store accepts, each behind one small interface. */

/** A database whose SQL the store speaks, beside SQLite. */
export type SqlDialect = "postgresql" | "mysql";

/** The part of postgres.js (`postgres(…)`) and of `Bun.SQL` that the store uses. */
export interface TaggedSqlClient {
  /** A query by template; the store does not use it. */
  (...template: never[]): unknown;
  /** Runs one statement. */
  unsafe(text: string, values?: never[]): unknown;
}

/** The part of a `Pool` or a connected `Client` of pg that the store uses. */
export interface PgClient {
  /** Runs one statement. */
  query(...statement: never[]): unknown;
}

/** The part of a pool or a connection of mysql2, with callbacks or promises, that the store uses. */
export interface Mysql2Client {
  /** Runs one prepared statement. */
  execute(...statement: never[]): unknown;
}

/** A client of PostgreSQL, MySQL or MariaDB that a `DjangoDbStore` can be given, recognised by its shape. */
export type SqlClient = TaggedSqlClient | PgClient | Mysql2Client;

/** The result of one statement. */
export interface SqlAnswer {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** The rows that a statement changed. */
  readonly changed: number;
}

/** Any of the clients. */
export interface Sql {
  readonly dialect: SqlDialect;
  /** Runs one statement with `$1`, `$2`, … in their order, each once; all values are text. */
  run(text: string, values: readonly string[]): Promise<SqlAnswer>;
}

/** Whether a value is a client of a kind that {@linkcode recogniseSql} knows. */
export function isSqlClient(client: unknown): client is SqlClient {
  return (typeof client === "function" && "unsafe" in client) ||
    (typeof client === "object" && client !== null && !("prepare" in client) &&
      ("execute" in client || "query" in client));
}

/**
 * The client, recognised by its shape.
 *
 * @throws {TypeError} If the shape is unknown, or the client speaks another dialect than the given one.
 */
export function recogniseSql(client: SqlClient, dialect?: SqlDialect): Sql {
  if (!isSqlClient(client)) throw unknown(client);
  if (typeof client === "function") return tagged(client, dialect);
  return "execute" in client ? mysql2(client, dialect) : pg(client, dialect);
}

/** The result of both drivers with templates. */
type Counted = SqlAnswer["rows"] & { readonly count?: number | null };

function tagged(client: TaggedSqlClient, said: SqlDialect | undefined): Sql {
  const { adapter = "postgres" } = (client as { options?: { adapter?: string } }).options ?? {};
  const own = /^postgres/.test(adapter)
    ? "postgresql"
    : /^(mysql|mariadb)$/.test(adapter)
    ? "mysql"
    : undefined;
  if (own === undefined) throw unknown(`Bun.SQL over ${adapter}`);
  const dialect = agreed(own, said);
  return {
    dialect,
    async run(text, values) {
      const result = await client.unsafe(spelled(dialect, text), [...values] as never[]) as Counted;
      return { rows: result, changed: result.count ?? 0 };
    },
  };
}

interface PgAnswer {
  readonly rows: SqlAnswer["rows"];
  readonly rowCount: number | null;
}

function pg(client: PgClient, said: SqlDialect | undefined): Sql {
  return {
    dialect: agreed("postgresql", said),
    async run(text, values) {
      const { rows, rowCount } = await client.query(...[text, [...values]] as never[]) as PgAnswer;
      return { rows, changed: rowCount ?? 0 };
    },
  };
}

type Mysql2Answer = SqlAnswer["rows"] | { readonly affectedRows: number };

function mysql2(client: Mysql2Client, said: SqlDialect | undefined): Sql {
  const dialect = agreed("mysql", said);
  // With callbacks, `promise()` gives the other interface of the same pool or connection
  const callable = client as { promise?: () => Mysql2Client };
  const promising = typeof callable.promise === "function" ? callable.promise() : client;
  return {
    dialect,
    async run(text, values) {
      const sql = spelled(dialect, text);
      const statement = { sql, values: [...values], rowsAsArray: false };
      const [answer] = await promising.execute(statement as never) as [Mysql2Answer];
      return Array.isArray(answer)
        ? { rows: answer, changed: 0 }
        : { rows: [], changed: (answer as { affectedRows: number }).affectedRows };
    },
  };
}

function spelled(dialect: SqlDialect, text: string): string {
  return dialect === "mysql" ? text.replace(/\$\d+/g, "?") : text;
}

function agreed(own: SqlDialect, said: SqlDialect | undefined): SqlDialect {
  if (said === undefined || said === own) return own;
  throw new TypeError(
    `Cannot use the database client: it speaks ${own}, but the option dialect says ${said}`,
  );
}

function unknown(received: unknown): TypeError {
  const what = typeof received === "object" && received !== null ? "another object" : String(received);
  return new TypeError(
    "Cannot use the database client: expected postgres.js, Bun.SQL, pg, mysql2 or a SQLite connection, " +
      `received ${what.slice(0, 40)}`,
  );
}
