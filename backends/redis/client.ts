/** The clients that a store can be given, each behind one small interface. */

import { slotOf } from "./cluster_slot.ts";

/** What the store sees of an ioredis `Redis` or `Cluster`. */
export interface IoRedisClient {
  /** `"ready"` when commands go out at once. */
  readonly status: string;
  /** True for a `Cluster`. */
  readonly isCluster: boolean;
  /** Starts a lazy connection. */
  connect(): Promise<unknown>;
  /** Sends any command. */
  call(command: string, ...args: string[]): Promise<unknown>;
}

/** What the store sees of a node-redis client or client pool (version 5 and later). */
export interface NodeRedisClient {
  /** Whether `connect` was called. */
  readonly isOpen: boolean;
  /** Whether commands go out at once; a pool does not say. */
  readonly isReady?: boolean;
  /** Sends any command. */
  sendCommand(args: string[]): Promise<unknown>;
}

/** What the store sees of a node-redis `createCluster` (version 5 and later). */
export interface NodeRedisCluster {
  /** Whether `connect` was called. */
  readonly isOpen: boolean;
  /** The nodes, by slot. */
  readonly slots: unknown;
  /** Sends any command to the node that holds `firstKey`. */
  sendCommand(firstKey: string, isReadonly: boolean, args: string[]): Promise<unknown>;
}

/** What the store sees of a `Bun.RedisClient`. */
export interface BunRedisClient {
  /** Whether commands go out at once. */
  readonly connected: boolean;
  /** Starts a connection. */
  connect(): Promise<unknown>;
  /** Sends any command. */
  send(command: string, args: string[]): Promise<unknown>;
}

/** A client that a `RedisStore` can be given, recognised by its shape. */
export type RedisClient = IoRedisClient | NodeRedisClient | NodeRedisCluster | BunRedisClient;

/** Any of them. */
export interface Client {
  /** Whether two keys may live on two servers. */
  readonly cluster: boolean;
  /** Whether a command given now would go out at once. A lazy client is told to connect. */
  ready(): boolean;
  /** Sends one command about `key`, its name first, and answers the reply. May throw what the client throws. */
  run(command: string[], key: string): Promise<unknown>;
  /** A name of the server that holds `key`; empty for the only one, or if the client does not know yet. */
  server(key: string): string;
}

/** The client behind the shape. */
export function recognise(client: RedisClient): Client {
  const given: unknown = client;
  if (typeof given !== "object" || given === null) throw unknownClient(given);
  if ("call" in client && "status" in client) return hear(client, ioRedis(client));
  if ("sendCommand" in client && "slots" in client) return hear(client, nodeRedisCluster(client));
  // A node-redis sentinel has a `sendCommand` of yet another form
  if ("sendCommand" in client && !("getMasterNode" in client)) return hear(client, nodeRedis(client));
  if ("send" in client && "connected" in client) return bunRedis(client);
  throw unknownClient(given);
}

function ioRedis(client: IoRedisClient): Client {
  const wake = once(() => client.connect());
  return {
    cluster: client.isCluster === true,
    ready() {
      if (client.status === "wait") wake();
      return client.status === "ready";
    },
    run: (command) => client.call(...command as [string, ...string[]]),
    server(key) {
      const { slots, options } = client as { slots?: string[][]; options?: { keyPrefix?: string } };
      return slots?.[slotOf((options?.keyPrefix ?? "") + key)]?.[0] ?? "";
    },
  };
}

function nodeRedis(client: NodeRedisClient): Client {
  return {
    cluster: false,
    ready: () => client.isReady ?? client.isOpen,
    run: (command) => client.sendCommand(command),
    server: () => "",
  };
}

function nodeRedisCluster(client: NodeRedisCluster): Client {
  return {
    cluster: true,
    // Not `isReady`: one node that is down does not stop the others
    ready: () => client.isOpen,
    run: (command, key) => client.sendCommand(key, false, command),
    server(key) {
      const slots = client.slots as { master?: { address?: string } }[];
      return slots[slotOf(key)]?.master?.address ?? "";
    },
  };
}

function bunRedis(client: BunRedisClient): Client {
  const wake = once(() => client.connect());
  return {
    cluster: false,
    ready() {
      // Bun gives up after `maxRetries`; asking again is what brings it back
      if (!client.connected) wake();
      return client.connected;
    },
    run: ([command, ...args]) => client.send(command!, args),
    server: () => "",
  };
}

/** Starts `connect`, unless an earlier start is still on its way. Whether it worked shows in the client's state. */
function once(connect: () => Promise<unknown>): () => void {
  let running = false;
  const done = () => void (running = false);
  return () => {
    if (running) return;
    running = true;
    try {
      connect().then(done, done);
    } catch {
      done();
    }
  };
}

const heard: WeakSet<object> = new WeakSet();

/**
 * Listens to the client's `error` event, once per client. Without any listener an outage would end the process; the
 * store reports the outage to the caller that meets it.
 */
function hear(client: object, result: Client): Client {
  if (!heard.has(client) && "on" in client && typeof client.on === "function") {
    client.on("error", () => {});
    heard.add(client);
  }
  return result;
}

function unknownClient(received: unknown): TypeError {
  const isObject = typeof received === "object" && received !== null;
  const what = !isObject
    ? String(received)
    : "getMasterNode" in received
    ? "a sentinel client of node-redis; ioredis has one that works, new Redis({ sentinels, name })"
    : "another object";
  return new TypeError(
    `Cannot use the Redis client: expected ioredis, node-redis or Bun.RedisClient, received ${what}`,
  );
}
