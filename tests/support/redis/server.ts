/** Real Redis servers for tests: one alone, three as a cluster, and a proxy that spoils the line to one. */

import { execFile, execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** For `describe`: runs where redis-server is; where tests must be complete, its absence is a failure. */
export const skip: string | false = process.env.SOJOURN_CI || installed()
  ? false
  : "redis-server is not installed";

function installed(): boolean {
  try {
    execFileSync("redis-server", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** A running server. */
export interface Server {
  readonly port: number;
  /** Runs redis-cli against it. */
  cli(...args: string[]): Promise<string>;
  /** SIGSTOP and SIGCONT. */
  signal(name: "SIGSTOP" | "SIGCONT"): void;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again on the same port, with what it stored. */
  restart(): Promise<void>;
  /** Kills it and removes its files. */
  stop(): Promise<void>;
}

/** Starts a server without persistence, plus `args`. */
export async function startServer(...args: string[]): Promise<Server> {
  const dir = await mkdtemp(join(tmpdir(), "sojourn-redis-"));
  const port = await freePort();
  let child: ChildProcess;
  const start = async () => {
    const all = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", dir, ...args];
    child = spawn("redis-server", all, { stdio: "ignore" });
    let failure: unknown;
    child.once("error", (error) => failure = error);
    while (!await answers(port)) {
      if (failure) throw failure;
      if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    process.kill(child.pid!, "SIGKILL");
    await gone;
  };
  await start();
  return {
    port,
    cli: (...words) => redisCli(port, words),
    // Not `child.kill`: on Deno it signals only once
    signal: (name) => void process.kill(child.pid!, name),
    kill,
    restart: start,
    async stop() {
      await kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Starts three servers that share the slots. */
export async function startCluster(): Promise<Server[]> {
  const bus = await Promise.all([freePort(), freePort(), freePort()]);
  const nodes = await Promise.all(bus.map((port) =>
    startServer(
      ...["--cluster-enabled", "yes", "--cluster-port", String(port), "--cluster-node-timeout", "1500"],
      ...["--cluster-require-full-coverage", "no", "--cluster-announce-ip", "127.0.0.1"],
    )
  ));
  const bounds = [[0, 5460], [5461, 10922], [10923, 16383]];
  for (const [i, node] of nodes.entries()) {
    await node.cli("CLUSTER", "ADDSLOTSRANGE", ...bounds[i]!.map(String));
    await node.cli("CLUSTER", "SET-CONFIG-EPOCH", String(i + 1));
  }
  for (const i of [1, 2]) {
    await nodes[0]!.cli("CLUSTER", "MEET", "127.0.0.1", String(nodes[i]!.port), String(bus[i]));
  }
  for (const node of nodes) {
    await until(async () => {
      const info = await node.cli("CLUSTER", "INFO");
      return /cluster_state:ok/.test(info) && /cluster_slots_assigned:16384/.test(info);
    });
  }
  return nodes;
}

/** Waits for something to become true. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000;
  while (!await condition()) {
    if (performance.now() > end) throw new Error("waited for 10 s in vain");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** All that servers hold, with the instants at which it expires. */
export async function contents(...servers: Server[]): Promise<string[]> {
  const script = `local all = {}
    for i, key in ipairs(redis.call('KEYS', '*')) do
      all[i] = key .. ' ' .. redis.sha1hex(redis.call('DUMP', key)) .. ' ' .. redis.call('PEXPIRETIME', key)
    end
    return all`;
  const all = await Promise.all(servers.map((server) => server.cli("EVAL", script, "0")));
  return all.join("\n").split("\n").sort();
}

/** Bytes to pass on, milliseconds to wait, or the end of the connection. */
export type Piece = Uint8Array | number | "cut";

/** A line between clients and a server that can be spoilt while it is in use. */
export interface Proxy {
  readonly port: number;
  /** When set, each command is answered with this error and not passed on. */
  refuse: string | undefined;
  /** How many commands were refused. */
  refused: number;
  /** While set, nothing is passed on in either direction; afterwards all of it is. */
  silent: boolean;
  /** When set, answers go through it and leave in pieces. */
  spoil: ((answer: Uint8Array) => Piece[]) | undefined;
  /** Ends all connections, with what is held back on them. */
  cut(): void;
  close(): Promise<void>;
}

/** Starts a proxy in front of a port. */
export async function startProxy(target: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    const up = queue(proxy, (chunk) => {
      if (proxy.refuse === undefined) return void far.write(chunk);
      proxy.refused += commands(chunk);
      near.write(`-${proxy.refuse}\r\n`.repeat(commands(chunk)));
    });
    const down = queue(proxy, async (chunk) => {
      for (const piece of proxy.spoil ? proxy.spoil(chunk) : [chunk]) {
        if (piece === "cut") near.destroy();
        else if (typeof piece === "number") await new Promise((resolve) => setTimeout(resolve, piece));
        else {
          near.write(piece);
          // So that each piece is sent and read by itself
          if (proxy.spoil) await new Promise((resolve) => setImmediate(resolve));
        }
      }
    });
    near.on("data", up);
    far.on("data", down);
  });
  const proxy: Proxy = {
    port: 0,
    refuse: undefined,
    refused: 0,
    silent: false,
    spoil: undefined,
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    close() {
      proxy.cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(proxy, { port: (server.address() as { port: number }).port });
}

/** Chunks one after the other, each held back while the proxy is silent. */
function queue(proxy: Proxy, handle: (chunk: Uint8Array) => unknown): (chunk: Uint8Array) => void {
  let last: Promise<unknown> = Promise.resolve();
  return (chunk) => {
    last = last.then(async () => {
      while (proxy.silent) await new Promise((resolve) => setTimeout(resolve, 5).unref());
      await handle(chunk);
    });
  };
}

/** How many commands begin in a chunk: one that is cut counts where it begins. */
function commands(chunk: Uint8Array): number {
  return new TextDecoder("latin1").decode(chunk).match(/\*\d+\r\n\$/g)?.length ?? 0;
}

/** A port that nothing listens on. */
export function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    const end = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.on("data", (chunk) => end(String(chunk).startsWith("+PONG")));
    socket.on("error", () => end(false));
  });
}

function redisCli(port: number, words: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      "redis-cli",
      ["-p", String(port), ...words],
      (error, out) => error ? reject(error) : resolve(out.trim()),
    );
  });
}
