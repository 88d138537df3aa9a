/** A visitor of the demo: a cookie-keeping client that reads the page and sends its forms. */

import assert from "node:assert/strict";
import { SessionClient } from "../../src/testing.ts";

/** What browsers call themselves. */
export const agents = {
  firefox: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  safari:
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
  chrome:
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
};

/** A browser that looks at the page and sends its forms. */
export class Visitor {
  readonly client: SessionClient;
  readonly #agent: string;

  constructor(url: string, agent: string = agents.firefox) {
    this.client = new SessionClient(url);
    this.#agent = agent;
  }

  get cookie(): string | undefined {
    return this.client.cookies.get("sid");
  }

  async look(): Promise<string> {
    const response = await this.client.fetch("/", { headers: { "user-agent": this.#agent } });
    assert.equal(response.status, 200);
    return await response.text();
  }

  async post(path: string, fields: Record<string, string> = {}, more: HeadersInit = {}): Promise<Response> {
    const headers = new Headers(more);
    headers.set("user-agent", this.#agent);
    const body = new URLSearchParams(fields);
    const response = await this.client.fetch(path, { method: "POST", body, headers });
    await response.body?.cancel();
    return response;
  }

  /** Sends a form as a person would, and answers the page that follows. */
  async send(path: string, fields?: Record<string, string>): Promise<string> {
    const response = await this.post(path, fields);
    assert.equal(response.status, 303);
    assert.equal(response.headers.get("location"), "/");
    return await this.look();
  }
}

/** The number of visits that a page shows. */
export const visits = (page: string): number =>
  page.includes("your first visit") ? 1 : Number(/class="count">(\d+)</.exec(page)?.[1]);
