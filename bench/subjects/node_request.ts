/** Calls a `node:http` listener without a socket, with as little around it as middlewares can live with. */

import { EventEmitter } from "node:events";
import type { Handler, Listener } from "./subject.ts";

class StillRequest extends EventEmitter {
  readonly method = "GET";
  readonly url = "/";
  readonly originalUrl = "/";
  readonly httpVersion = "1.1";
  readonly headers: Record<string, string>;
  readonly connection = { encrypted: false, remoteAddress: "127.0.0.1" };
  readonly socket = this.connection;

  constructor(cookie: string | null) {
    super();
    this.headers = cookie === null ? { host: "localhost" } : { host: "localhost", cookie };
  }
}

class StillResponse extends EventEmitter {
  statusCode = 200;
  headersSent = false;
  finished = false;
  readonly fields = new Map<string, string | string[]>();
  readonly #done: (response: StillResponse) => void;
  body = "";

  constructor(done: (response: StillResponse) => void) {
    super();
    this.#done = done;
  }

  setHeader(name: string, value: string | string[]): this {
    this.fields.set(name.toLowerCase(), value);
    return this;
  }

  getHeader(name: string): string | string[] | undefined {
    return this.fields.get(name.toLowerCase());
  }

  removeHeader(name: string): void {
    this.fields.delete(name.toLowerCase());
  }

  writeHead(status: number): this {
    this.statusCode = status;
    this.headersSent = true;
    return this;
  }

  /** As `node:http` writes them where nobody did it explicitly. */
  _implicitHeader(): void {
    this.writeHead(this.statusCode);
  }

  write(chunk?: unknown): boolean {
    if (!this.headersSent) this.writeHead(this.statusCode);
    if (chunk !== undefined && chunk !== null) this.body += String(chunk);
    return true;
  }

  end(chunk?: unknown): this {
    this.write(chunk);
    this.finished = true;
    this.#done(this);
    return this;
  }
}

/** A handler that calls the listener. What it costs itself, the bare listener's figure has too. */
export function callListener(listener: Listener): Handler {
  return (request) =>
    new Promise((resolve) => {
      const response = new StillResponse(({ statusCode: status, fields, body }) => {
        const answer = new Response(body, { status });
        const set = fields.get("set-cookie");
        for (const field of set === undefined ? [] : [set].flat()) answer.headers.append("set-cookie", field);
        resolve(answer);
      });
      const given = new StillRequest(request.headers.get("cookie"));
      // deno-lint-ignore no-explicit-any -- only what middlewares use of the two is there
      listener(given as any, response as any);
    });
}
