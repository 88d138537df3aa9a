/** One way to start a server on both runtimes. */

/** A running server. */
export interface RunningServer {
  /** Where it listens. */
  readonly port: number;
  /** Waits for running requests, then closes the port. */
  stop(): Promise<void>;
}

type Handler = (request: Request) => Response | Promise<Response>;
type Bun = {
  serve(
    options: { hostname: string; port: number; fetch: Handler; development: boolean; reusePort: boolean },
  ): { port: number; stop(): Promise<void> };
};

/** Serves this machine only; port 0 takes a free one. @throws {Error} If the port is taken. */
export function serve(fetch: Handler, port: number): RunningServer {
  const hostname = "127.0.0.1";
  const bun = (globalThis as { Bun?: Bun }).Bun;
  try {
    if (bun) {
      // in development mode Bun shows source lines on an error; otherwise it shares a taken port unless reusePort is off
      const server = bun.serve({ hostname, port, fetch, development: false, reusePort: false });
      return { port: server.port, stop: () => server.stop() };
    }
    const server = Deno.serve({ hostname, port, onListen: () => {} }, fetch);
    return { port: server.addr.port, stop: () => server.shutdown() };
  } catch (error) {
    if ((error as { code?: string }).code !== "EADDRINUSE") throw error;
    throw new Error(
      `port ${port} is taken; choose another with the environment variable PORT, such as PORT=${port + 1}`,
    );
  }
}
