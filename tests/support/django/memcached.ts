/** Memcached servers for tests, on a free port of 127.0.0.1. */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { freePort, until } from "../redis/server.ts";
import { isRoot } from "./real_site.ts";

/** Whether it is installed. */
export const memcachedFound: boolean = existsSync("/usr/bin/memcached");

/** A running server. */
export interface MemcachedServer {
  readonly port: number;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts Memcached under a shell that ends it when this process ends, however that comes about. */
export async function startMemcached(): Promise<MemcachedServer> {
  const port = await freePort();
  const args = ["-l", "127.0.0.1", "-p", String(port), "-U", "0", ...(isRoot ? ["-u", "nobody"] : [])];
  const script = '"$@" </dev/null >/dev/null 2>&1 & server=$!; cat; kill -KILL $server; wait $server';
  const shell = spawn("/bin/sh", ["-c", script, "sh", "/usr/bin/memcached", ...args], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  const ended = new Promise<void>((resolve) => shell.once("close", () => resolve()));
  await until(() => takesConnections(port));
  return {
    port,
    async [Symbol.asyncDispose]() {
      shell.stdin.end();
      await ended;
    },
  };
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
