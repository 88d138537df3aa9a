/** The drivers of databases on either runtime, as small as the hand-written limits and the peers need them. */

import { createClient } from "redis";
import type { BunRedisClient, NodeRedisClient } from "../../backends/redis.ts";
import { onBun } from "./subject.ts";

/** An open SQLite database. */
export interface Sqlite {
  exec(sql: string): unknown;
  prepare(sql: string): {
    get(...values: (string | number | null)[]): unknown;
    all(...values: (string | number | null)[]): unknown[];
    run(...values: (string | number | null)[]): { readonly changes: number | bigint };
  };
  close(): void;
}

/** Opens a SQLite file with the runtime's own driver, in WAL mode. */
export async function openSqlite(path: string, synchronous: "FULL" | "NORMAL"): Promise<Sqlite> {
  // Held in a variable: Deno resolves literal specifiers ahead of time, and knows no `bun:` ones.
  const driver: string = onBun ? "bun:sqlite" : "node:sqlite";
  const { Database, DatabaseSync = Database } = await import(driver);
  const database: Sqlite = new DatabaseSync(path);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec(`PRAGMA synchronous = ${synchronous}`);
  return database;
}

/** A connection to Redis. */
export interface RedisConnection {
  /** What a `RedisStore` takes. */
  readonly client: BunRedisClient | NodeRedisClient;
  send(command: string, args: string[]): Promise<unknown>;
  close(): void;
}

/** Connects with the client that comes first on this runtime: Bun's own, or node-redis. */
export async function connectRedis(port: number): Promise<RedisConnection> {
  if (onBun) {
    const { RedisClient } = (globalThis as unknown as {
      Bun: { RedisClient: new (url: string) => BunRedisClient & { close(): void } };
    }).Bun;
    const client = new RedisClient(`redis://127.0.0.1:${port}`);
    await client.connect();
    return { client, send: (command, args) => client.send(command, args), close: () => client.close() };
  }
  const client = createClient({ socket: { host: "127.0.0.1", port } });
  client.on("error", () => {});
  await client.connect();
  return {
    client: client as NodeRedisClient,
    send: (command, args) => client.sendCommand([command, ...args]),
    close: () => client.destroy(),
  };
}
