/** Every client that a `RedisStore` takes, opened and closed alike. */

import { Cluster, Redis } from "ioredis";
import { createClient, createClientPool, createCluster } from "redis";
import type { BunRedisClient, RedisClient } from "../../../backends/redis.ts";
import type { SessionRecord } from "../../../src/store.ts";

/** An open client. */
export interface Opened {
  readonly client: RedisClient;
  close(): void;
}

interface BunRuntime {
  readonly RedisClient: new (url: string) => BunRedisClient & { close(): void };
}
const bun: BunRuntime | undefined = (globalThis as { Bun?: BunRuntime }).Bun;

/** Clients of one server, by name. */
export const clients: Record<string, (port: number) => Promise<Opened>> = {
  // deno-lint-ignore require-await
  async ioredis(port) {
    const client = new Redis(port, "127.0.0.1", { retryStrategy: () => 20 });
    return { client, close: () => client.disconnect() };
  },
  async "node-redis"(port) {
    const client = createClient({ socket: { port, host: "127.0.0.1", reconnectStrategy: () => 20 } });
    client.on("error", () => {});
    client.connect().catch(() => {});
    await Promise.race([
      new Promise((resolve) => client.once("ready", resolve)),
      new Promise((r) => setTimeout(r, 200)),
    ]);
    return { client, close: () => client.destroy() };
  },
  ...(bun
    ? {
      // deno-lint-ignore require-await
      async "Bun.RedisClient"(port: number) {
        const client = new bun.RedisClient(`redis://127.0.0.1:${port}`);
        return { client, close: () => client.close() };
      },
    }
    : {}),
};

/** A pool of node-redis clients. */
export async function openPool(port: number): Promise<Opened> {
  const pool = createClientPool({ socket: { port, host: "127.0.0.1" } });
  pool.on("error", () => {});
  await pool.connect();
  return { client: pool, close: () => pool.destroy() };
}

/** Clients of a cluster, by name. */
export const clusterClients: Record<string, (ports: number[]) => Promise<Opened>> = {
  // deno-lint-ignore require-await
  async "ioredis Cluster"(ports) {
    const client = new Cluster(ports.map((port) => ({ host: "127.0.0.1", port })), {
      clusterRetryStrategy: () => 50,
      slotsRefreshTimeout: 1000,
    });
    return { client, close: () => client.disconnect() };
  },
  async "node-redis createCluster"(ports) {
    const client = createCluster({
      rootNodes: ports.map((port) => ({ socket: { host: "127.0.0.1", port } })),
    });
    client.on("error", () => {});
    await client.connect();
    return { client, close: () => client.destroy() };
  },
};

let counter = 0;

/** A storage key that was not used before. */
export function freshKey(): string {
  const random = crypto.getRandomValues(new Uint32Array(6));
  return [...random, ++counter, 0].map((word) => word.toString(16).padStart(8, "0")).join("");
}

/** A record that lives for an hour. */
export function recordOf(data: string, more: Partial<SessionRecord> = {}): SessionRecord {
  const now = Date.now();
  return { data, createdAt: now, touchedAt: now, expiresAt: now + 3_600_000, ...more };
}

/** A client with the shape of node-redis. */
export function shaped(send: (args: string[]) => Promise<unknown>): RedisClient {
  return { isOpen: true, isReady: true, sendCommand: send };
}

/** What becomes of a command. */
export type Fate = "pass" | "drop" | "twice";

/** A client that drops commands, as if the process were killed before them, or sends them twice. */
export function intercept(client: Redis, fate: (args: string[]) => Fate): RedisClient {
  return shaped(async (args) => {
    const what = fate(args);
    if (what === "drop") return new Promise(() => {});
    if (what === "twice") await client.call(args[0]!, ...args.slice(1)).catch(() => {});
    return client.call(args[0]!, ...args.slice(1));
  });
}
