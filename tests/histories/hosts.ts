/** The three processes of the histories over one store, on both runtimes where both are there; memory has three `Sessions` objects instead. */

import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { CachedStore } from "../../backends/cached.ts";
import { DenoKvStore } from "../../backends/deno_kv.ts";
import { FileStore } from "../../backends/file.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { RedisStore } from "../../backends/redis.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import type { SessionStore } from "../../mod.ts";
import { openTestKv } from "../support/deno_kv/open_kv.ts";
import { other, own } from "../support/processes.ts";
import { clients } from "../support/redis/clients.ts";
import { startServer } from "../support/redis/server.ts";
import { type Command, Host, type Reply } from "./host.ts";

/** The stores that processes can share. */
export type Shared = "SqliteStore" | "CachedStore" | "FileStore" | "RedisStore" | "DenoKvStore";
export type StoreName = Shared | "MemoryStore";

interface Opening {
  readonly store: SessionStore;
  release?(): unknown;
}

/** With time enough for a machine that has other work. */
const timeout = 20;

/** How every process opens a store. What a crash of the machine would need, the histories do not. */
export const openShared: Record<Shared, (place: string, now: () => number) => Promise<Opening>> = {
  async SqliteStore(path, now) {
    return { store: await SqliteStore.open(path, { now, timeout, synchronous: "NORMAL" }) };
  },
  async CachedStore(path, now) {
    const { store: durable } = await openShared.SqliteStore(path, now);
    const cache = new MemoryStore({ maxEntries: 100_000, now });
    return { store: new CachedStore(cache, durable, { now }), release: () => durable.close?.() };
  },
  async FileStore(folder, now) {
    return { store: await FileStore.open(folder, { now, timeout, durability: "os" }) };
  },
  async RedisStore(port, now) {
    const { client, close } = await Object.values(clients).at(-1)!(Number(port));
    return { store: new RedisStore(client, { now, timeout }), release: close };
  },
  async DenoKvStore(path, now) {
    const database = await openTestKv(path);
    return { store: new DenoKvStore(database, { now, timeout }), release: () => database.close() };
  },
};

/** One process, as the histories see it. */
export interface Process {
  ask(command: Command): Promise<Reply>;
}

/** Three of them. */
export interface Processes {
  readonly all: readonly Process[];
  close(): Promise<void>;
}

/** Starts them, with a store of their own in `folder`. */
export async function startProcesses(name: StoreName, folder: string): Promise<Processes> {
  if (name === "MemoryStore") {
    const clock = { now: 0 };
    const store = new MemoryStore({ maxEntries: Infinity, now: () => clock.now });
    return { all: Array.from({ length: 3 }, () => new Host(store, clock)), close: () => Promise.resolve() };
  }
  const server = name === "RedisStore" ? await startServer() : undefined;
  const place = server ? String(server.port) : `${folder}/sessions`;
  const second = other() ?? own;
  const children = [own, second, own].map((runtime) =>
    startOne(runtime(["-A", "--unstable-kv", "--no-check"]), [name, place])
  );
  await Promise.all(children.map(({ ready }) => ready));
  return {
    all: children,
    async close() {
      await Promise.all(children.map((child) => child.close()));
      await server?.stop();
    },
  };
}

const script = fileURLToPath(new URL("./worker.ts", import.meta.url));

function startOne(
  [program, ...before]: string[],
  args: string[],
): Process & { ready: Promise<void>; close(): Promise<void> } {
  const child = spawn(program!, [...before, script, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  const waiting = new Map<number, { resolve(reply: Reply): void; reject(error: Error): void }>();
  const ready = Promise.withResolvers<void>();
  let count = 0;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { n, reply } = JSON.parse(line);
    if (n === undefined) return ready.resolve();
    waiting.get(n)!.resolve(reply);
    waiting.delete(n);
  });
  const ended = new Promise<void>((resolve) =>
    child.on("exit", (code, signal) => {
      const error = new Error(`A process ended with ${code ?? signal}`);
      ready.reject(error);
      for (const { reject } of waiting.values()) reject(error);
      resolve();
    })
  );
  return {
    ready: ready.promise,
    ask: (command) =>
      new Promise((resolve, reject) => {
        waiting.set(++count, { resolve, reject });
        child.stdin.write(`${JSON.stringify({ n: count, command })}\n`);
      }),
    async close() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(timer);
    },
  };
}
