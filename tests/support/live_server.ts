/** A real server of the runtime that runs the test: `Deno.serve` or `Bun.serve`. */

import { connect } from "node:net";

/** A server that listens. */
export interface LiveServer {
  readonly port: number;
  readonly url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The server of Bun, as far as tests need it. */
export interface BunServer {
  readonly port: number;
  upgrade(request: Request, options?: { headers?: Headers }): boolean;
  stop(force: boolean): Promise<void>;
}

type Handler = (request: Request, server: never) => unknown;
interface BunApi {
  serve(
    options: { port: number; hostname: string; fetch: Handler; websocket?: unknown; tls?: Identity },
  ): BunServer;
}

/** What a server shows to speak https: a certificate and its key, as PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** Whether this is Bun. */
export const isBun: boolean = "Bun" in globalThis;

/** Starts a server on a free port. `websocket` is what Bun wants beside `fetch`; with `tls` it speaks https. */
export function listen(fetch: Handler, websocket?: unknown, tls?: Identity): LiveServer {
  if (isBun) {
    const { Bun } = globalThis as unknown as { Bun: BunApi };
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch,
      ...(websocket === undefined ? {} : { websocket }),
      ...(tls === undefined ? {} : { tls }),
    });
    return live(server.port, () => server.stop(true));
  }
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {}, ...tls },
    fetch as Deno.ServeHandler,
  );
  return live(server.addr.port, () => server.shutdown());
}

function live(port: number, stop: () => Promise<void>): LiveServer {
  return { port, url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: stop };
}

/** One HTTP/1.1 request, written as it stands; all that comes back until the server closes. */
export function rawRequest(port: number, head: readonly string[], host = "site.test"): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => text += chunk);
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
    socket.write([...head, `host: ${host}`, "connection: close", "", ""].join("\r\n"), "latin1");
  });
}
