/** What becomes of a `SessionError` below each framework: the recipes answer as a bare handler does, on a real server. */

import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import bare from "../../examples/ctx_state.ts";
import { SessionError, type SessionErrorCode } from "../../mod.ts";
import { Session } from "../../src/session.ts";
import { SessionClient } from "../../src/testing.ts";
import { listen } from "../support/live_server.ts";

const frameworks = ["hono", "elysia", "h3", "oak", "react_router"];
const { load } = MemoryStore.prototype;
const { flush, logout } = Session.prototype;

/** Takes the store away from every example. */
function takeAway(): void {
  MemoryStore.prototype.load = () => {
    throw new Error("Größe: nichts für Besucher");
  };
}

/** Lets a log-out be lost in a way that no example reaches by itself. */
function loseLogOut(code: SessionErrorCode): void {
  const lose = () => Promise.reject(new SessionError(code, "nothing for visitors"));
  Object.assign(Session.prototype, { flush: lose, logout: lose });
}

afterEach(() => {
  MemoryStore.prototype.load = load;
  Object.assign(Session.prototype, { flush, logout });
});

/** All that a visitor is told, without the day. */
async function told(response: Response) {
  const fields = [...response.headers].filter(([name]) =>
    !["date", "connection", "keep-alive"].includes(name)
  );
  return { status: response.status, fields: fields.sort(), text: await response.text() };
}

type Server = { fetch(request: Request): unknown };

/** What a visitor with a live session is told when a visit, and then a log-out, meets `trouble`; and whether he is known after it. */
async function inTrouble(server: Server, path: string, trouble: () => void) {
  await using running = listen(server.fetch as never);
  const client = new SessionClient(running.url);
  await (await client.fetch("/")).text();
  trouble();
  const answer = await told(await client.fetch(path, { method: path === "/" ? "GET" : "POST" }));
  MemoryStore.prototype.load = load;
  Object.assign(Session.prototype, { flush, logout });
  assert.equal(await (await client.fetch("/")).text(), "nobody: visit 2", "nothing is lost");
  return answer;
}

describe("a recipe in trouble", () => {
  for (const name of frameworks) {
    const server = async () => (await import(`../../examples/${name}.ts`)).default as Server;

    for (const path of ["/", "/logout"]) {
      it(`${name}: without its store ${path} is 503 with Retry-After, as without a framework`, async () => {
        const answer = await inTrouble(await server(), path, takeAway);
        assert.equal(answer.status, 503);
        assert.deepEqual(answer, await inTrouble(bare, path, takeAway));
        const fields = Object.fromEntries(answer.fields);
        assert.equal(fields["retry-after"], "1");
        assert.equal(fields["cache-control"], "no-store");
      });
    }

    for (const code of ["ERR_GONE", "ERR_CONFLICT"] as const) {
      it(`${name}: ${code} is 409, as without a framework`, async () => {
        const lose = () => loseLogOut(code);
        const answer = await inTrouble(await server(), "/logout", lose);
        assert.equal(answer.status, 409);
        assert.deepEqual(answer, await inTrouble(bare, "/logout", lose));
      });
    }
  }
});
