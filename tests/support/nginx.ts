/** A real nginx in front of a server: plain, or as a careless cache that keys on the address alone, ignores `Vary`, and keeps answers that set cookies. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { LiveServer } from "./live_server.ts";
import { freePort } from "./redis/server.ts";

/** Where Debian, and a few others, put it; `undefined` if it is nowhere. */
export const nginx: string | undefined = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"]
  .find((path) => existsSync(path));

type Config = (folder: string, port: number) => string;

const config = (folder: string, port: number, upstream: number, http: string, location: string): string => `
daemon off;
master_process off;
${process.getuid?.() === 0 ? "user root;" : ""}
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  scgi_temp_path ${folder}/scgi;
  uwsgi_temp_path ${folder}/uwsgi;
  ${http}
  upstream app { server 127.0.0.1:${upstream}; keepalive 32; }
  server {
    listen 127.0.0.1:${port};
    keepalive_requests 100000;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      ${location}
    }
  }
}
`;

/**
 * Starts a cache before a server on `upstream`, empty and in a folder of its own. Everything is kept for an hour unless `Cache-Control`
 * or `Expires` forbid it. `X-Cache` says what the cache did.
 */
export function carelessCache(upstream: number): Promise<LiveServer> {
  return start((folder, port) =>
    config(
      folder,
      port,
      upstream,
      `proxy_cache_path ${folder}/cache keys_zone=careless:4m;`,
      `proxy_cache careless;
      proxy_cache_key $request_uri;
      proxy_cache_valid any 1h;
      proxy_ignore_headers Vary Set-Cookie;
      add_header X-Cache $upstream_cache_status always;`,
    )
  );
}

/** Starts a proxy before a server on `upstream`, as Debian sets it up but for these directives. */
export function plainProxy(upstream: number, directives = ""): Promise<LiveServer> {
  return start((folder, port) => config(folder, port, upstream, "", directives));
}

async function start(config: Config): Promise<LiveServer> {
  const folder = await mkdtemp(join(tmpdir(), "sojourn-nginx-"));
  for (let attempt = 1;; attempt++) {
    const port = await freePort();
    await writeFile(join(folder, "nginx.conf"), config(folder, port));
    const child = spawn(nginx!, ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"], {
      stdio: "ignore",
    });
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    const stop = async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    };
    if (await listens(child, port)) {
      return { port, url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: stop };
    }
    const why = await readFile(join(folder, "error.log"), "utf8").catch(() => "");
    // Somebody else may have taken the port in between.
    if (attempt < 3 && why.includes("Address already in use")) continue;
    await stop();
    throw new Error(`nginx does not start: ${why}`);
  }
}

/** Resolves when it answers, or when it has ended. */
async function listens(child: ChildProcess, port: number): Promise<boolean> {
  while (child.exitCode === null && child.signalCode === null) {
    const answers = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => (socket.destroy(), resolve(true)));
      socket.on("error", () => resolve(false));
    });
    if (answers) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}
