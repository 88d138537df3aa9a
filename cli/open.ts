/** Opens stores by URL. The only file that imports the backends, each when it is needed. */

import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SessionError } from "../src/errors.ts";
import type { CountableStore, SessionRecord, SessionStore } from "../src/store.ts";
import { UsageError } from "./io.ts";

/** The timeout in seconds; longer than for requests, as an operator can wait. */
const timeout = 10;

/** A store, or one that may also count its records. */
export type AnyStore = SessionStore & Partial<Pick<CountableStore, "stats">>;

/** The location of a store. */
export interface Place {
  readonly kind: "sqlite" | "file" | "redis" | "kv";
  /** The URL without a password, for display. */
  readonly name: string;
  /** The file or folder that it is in, if it is in one. */
  readonly path: string | undefined;
  /** The table of SQLite. */
  readonly table: string;
  /** Opens the store, which must exist. */
  open(): Promise<AnyStore>;
}

const forms = "sqlite:PATH, file:PATH, redis://HOST:PORT or kv:PATH";

/**
 * The location of a URL.
 *
 * @throws {UsageError} If the URL is not one of a store.
 */
export function placeOf(
  url: string,
  options: { readonly table?: string | undefined; readonly prefix?: string | undefined },
): Place {
  const scheme = /^([a-z]+):/.exec(url)?.[1] ?? "";
  const { table = "sojourn_session", prefix } = options;
  if (options.table !== undefined && scheme !== "sqlite") throw new UsageError("--table is for sqlite: only");
  if (prefix !== undefined && !/^(rediss?|kv)$/.test(scheme)) {
    throw new UsageError("--prefix is for redis: and kv: only");
  }
  const more = { timeout, ...(prefix === undefined ? {} : { prefix }) };
  switch (scheme) {
    case "sqlite": {
      const path = pathOf(url);
      return { kind: "sqlite", name: url, path, table, open: () => openSqlite(path, table) };
    }
    case "file": {
      const path = pathOf(url);
      return { kind: "file", name: url, path, table, open: () => openFile(path) };
    }
    case "redis":
    case "rediss": {
      const name = withoutPassword(url);
      return { kind: "redis", name, path: undefined, table, open: () => openRedis(url, more) };
    }
    case "kv": {
      const where = url.slice("kv:".length);
      const isRemote = /^https?:/.test(where);
      const path = isRemote || where === "" || where === ":memory:" ? undefined : where;
      const name = isRemote ? `kv:${withoutPassword(where)}` : url;
      return { kind: "kv", name, path, table, open: () => openKv(where || undefined, path, more) };
    }
  }
  throw new UsageError(`expected a store as ${forms}`);
}

/** `sqlite:a/b`, `sqlite:/a/b` and `sqlite:///a/b`. */
function pathOf(url: string): string {
  const path = url.slice(url.indexOf(":") + 1);
  if (path.startsWith("///")) return fileURLToPath(`file:${path}`);
  if (path === "" || path.startsWith("//") || path.includes("\0")) {
    throw new UsageError("expected a path after sqlite: or file:, with no host");
  }
  return path;
}

function withoutPassword(text: string): string {
  try {
    const { protocol, host, pathname } = new URL(text);
    if (host !== "") return `${protocol}//${host}${pathname === "/" ? "" : pathname}`;
  } catch { /* below */ }
  throw new UsageError(`expected a store as ${forms}`);
}

/** Refuses a missing file, as a mistyped path would otherwise become an empty store. */
function mustExist(path: string, kind: "file" | "folder"): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isDirectory() !== (kind === "folder")) {
    throw new SessionError(
      "ERR_STORE",
      `There is no ${kind} of that name, and the command line does not create one`,
    );
  }
}

async function openSqlite(path: string, table: string): Promise<AnyStore> {
  if (path !== ":memory:") {
    const names = `SELECT name FROM sqlite_master WHERE type = 'table' AND name = '${checkedTable(table)}'`;
    if ((await readSqlite(path, names)).length === 0) {
      throw new SessionError(
        "ERR_STORE",
        `The database has no table ${table}, and the command line does not create one`,
      );
    }
  }
  const { SqliteStore } = await import("../backends/sqlite.ts");
  return await SqliteStore.open(path, { table: checkedTable(table), timeout });
}

function checkedTable(table: string): string {
  if (!/^[a-z_][a-z0-9_]{0,63}$/i.test(table)) throw new UsageError("--table must be the name of a table");
  return table;
}

/** The rows of one query to an existing database, without the store and its repairs. */
export async function readSqlite(path: string, sql: string): Promise<Record<string, unknown>[]> {
  mustExist(path, "file");
  const { openDatabase } = await import("../backends/sqlite/database.ts");
  const { troubleOf } = await import("../backends/sqlite/errors.ts");
  const database = await openDatabase(path);
  try {
    for (const text of [`PRAGMA busy_timeout = ${timeout * 1000}`, sql]) {
      const statement = database.prepare(text);
      const rows = statement.all();
      statement.finalize?.();
      if (text === sql) return rows as Record<string, unknown>[];
    }
    return [];
  } catch (error) {
    throw troubleOf(error, "open");
  } finally {
    database.close();
  }
}

async function openFile(path: string): Promise<AnyStore> {
  mustExist(path, "folder");
  mustExist(`${path}/sessions`, "folder");
  const { FileStore } = await import("../backends/file.ts");
  return await FileStore.open(path, { timeout });
}

async function openKv(
  where: string | undefined,
  path: string | undefined,
  options: { readonly prefix?: string },
): Promise<AnyStore> {
  if (path !== undefined) mustExist(path, "file");
  const { DenoKvStore } = await import("../backends/deno_kv.ts");
  if ("Deno" in globalThis) return await DenoKvStore.open(where, options);
  const { openKv } = await load(["@deno/kv"], "npm install @deno/kv");
  const unused = () => { // the store keeps bytes only
    throw new Error("The V8 codec was asked for");
  };
  let kv;
  try {
    kv = await openKv(where, { encodeV8: unused, decodeV8: unused });
  } catch (cause) {
    throw new SessionError("ERR_STORE", "Cannot open the Deno KV database", { cause });
  }
  return closing(new DenoKvStore(kv, options), () => kv.close());
}

async function openRedis(url: string, options: { readonly prefix?: string }): Promise<AnyStore> {
  const { RedisStore } = await import("../backends/redis.ts");
  const { Bun } = globalThis as { Bun?: { RedisClient?: new (url: string, options: object) => Closable } };
  let client: Closable | undefined;
  try {
    if (Bun?.RedisClient) {
      client = new Bun.RedisClient(url, { connectionTimeout: timeout * 1000, autoReconnect: false });
    } else {
      const names = "Deno" in globalThis ? ["redis", "npm:redis@6"] : ["redis"];
      const { createClient } = await load(names, "npm install redis");
      const made = createClient({
        url,
        socket: { connectTimeout: timeout * 1000, reconnectStrategy: false },
      });
      made.on("error", () => {}); // calls that wait for a reply are rejected
      client = Object.assign(made, { close: () => made.destroy() }) as Closable;
    }
    await client.connect();
  } catch (cause) {
    if (cause instanceof SessionError) throw cause;
    client?.close();
    throw new SessionError("ERR_STORE", "Cannot connect to Redis", { cause });
  }
  const opened = client;
  return closing(new RedisStore(opened as never, options), () => opened.close());
}

/** A converted row of a Django site; `key` is the storage key. */
export type DjangoRow =
  | { readonly kind: "session"; readonly key: string; readonly record: SessionRecord }
  | { readonly kind: "expired" }
  | { readonly kind: "unreadable"; readonly key: string };

/** The sessions of a Django site, for reading all of them once. */
export interface DjangoSessions {
  /** The number of rows after `from`, expired ones included. */
  count(from: string): Promise<number>;
  /**
   * At most the given number of converted rows after `from`; `mark` is where to continue: the beginning of a key, which is useless as a
   * cookie.
   */
  pages(
    size: number,
    now: number,
    from: string,
  ): AsyncGenerator<{ readonly rows: DjangoRow[]; readonly mark: string | undefined }>;
  close(): Promise<void>;
}

/** The settings of a Django site. */
export interface DjangoOptions {
  /** The site's secret keys, newest first. */
  readonly secrets: readonly string[];
  readonly table: string;
  /** Seconds. */
  readonly cookieAge: number;
  readonly useTz: boolean;
}

/**
 * The sessions of a Django site by its database URL.
 *
 * @throws {UsageError} If the URL is not one of a database.
 */
export async function openDjango(url: string, options: DjangoOptions): Promise<DjangoSessions> {
  const { cookieAge, useTz } = options;
  const table = checkedTable(options.table);
  const scheme = /^([a-z0-9]+):/.exec(url)?.[1] ?? "";
  if (!/^(sqlite|postgres|postgresql|mysql|mariadb)$/.test(scheme)) {
    throw new UsageError("expected the Django site's database as sqlite:PATH, postgres://… or mysql://…");
  }
  const { Importer } = await import("../backends/django/import/importer.ts");
  const encoder = new TextEncoder();
  const secrets = options.secrets.map((secret) => encoder.encode(secret));
  const importer = new Importer(secrets, { cookieAge, useTz });
  const { source, close } = scheme === "sqlite"
    ? await djangoSqlite(pathOf(url), table, useTz)
    : await djangoSql(url, table, useTz);
  return {
    count: (from) => source.count(from),
    async *pages(size, now, from) {
      for await (const rows of source.pages(size, from)) {
        const last = rows.at(-1)!.key;
        yield {
          rows: await Promise.all(rows.map((row) => importer.convert(row, now))),
          mark: typeof last === "string" ? last.slice(0, 8) : undefined,
        };
      }
    },
    close,
  };
}

async function djangoSqlite(path: string, table: string, useTz: boolean) {
  const names = `SELECT name FROM sqlite_master WHERE type = 'table' AND name = '${table}'`;
  if ((await readSqlite(path, names)).length === 0) {
    throw new SessionError("ERR_STORE", `The Django site's database has no table ${table}`);
  }
  const { openDatabase } = await import("../backends/sqlite/database.ts");
  const { sqliteSource } = await import("../backends/django/import/source.ts");
  const database = await openDatabase(path);
  const patience = database.prepare(`PRAGMA busy_timeout = ${timeout * 1000}`);
  patience.all();
  patience.finalize?.();
  return {
    source: sqliteSource(database, table, useTz),
    close: () => Promise.resolve(database.close()),
  };
}

async function djangoSql(url: string, table: string, useTz: boolean) {
  const { recogniseSql } = await import("../backends/django/engines/sql/client.ts");
  const { sqlSource } = await import("../backends/django/import/source.ts");
  const { client, close } = await sqlClient(url);
  return { source: sqlSource(recogniseSql(client), table, useTz), close };
}

// The client comes from a package that may not be installed
async function sqlClient(url: string): Promise<{ client: any; close(): Promise<void> }> { // as above
  const { Bun } = globalThis as { Bun?: { SQL: new (url: string) => { close(): Promise<void> } } };
  if (Bun) {
    const client = new Bun.SQL(url);
    return { client, close: () => client.close() };
  }
  if (url.startsWith("postgres")) {
    const { default: postgres } = await load(["postgres", "npm:postgres@3"], "npm install postgres");
    const client = postgres(url, { max: 1, connect_timeout: timeout });
    return { client, close: () => client.end() };
  }
  const { default: mysql } = await load(
    ["mysql2/promise", "npm:mysql2@3/promise"],
    "npm install mysql2",
  );
  const client = mysql.createPool(url.replace(/^mariadb:/, "mysql:"));
  return { client, close: () => client.end() };
}

interface Closable {
  connect(): Promise<unknown>;
  close(): void;
}

/** Makes the store close the client that it was given. */
function closing(store: AnyStore, close: () => void): AnyStore {
  return Object.assign(store, { close });
}

/** Imports a package that may be missing. Its name is not a literal, so that it is not a dependency. */
async function load(names: readonly string[], hint: string): Promise<any> { // it may not be installed
  let cause: unknown;
  for (const name of names) {
    try {
      return await import(name);
    } catch (error) {
      cause = error;
    }
  }
  throw new SessionError("ERR_UNSUPPORTED", `This store needs the package ${names[0]}: ${hint}`, { cause });
}
