/** A test of your own app: no server, no network, and a clock that you control. `deno test` or `bun test`. */

import { createSessions } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";
import { SessionClient } from "@sojourn/session/testing";
import assert from "node:assert/strict";
import { it } from "node:test";

/** Your app, as a function of its sessions: the server passes real ones, the test these. */
const makeApp = (now: () => number): (request: Request) => Promise<Response> =>
  createSessions<{ cart: string[] }>({
    store: new MemoryStore(),
    secrets: [crypto.getRandomValues(new Uint8Array(32))],
    idleAge: 3600,
    now,
  }).wrap(async (request) => {
    const session = await request.session;
    if (request.method === "POST") session.update("cart", (cart = []) => [...cart, "tea"]);
    return Response.json(session.get("cart", []));
  });

it("the cart is kept for an hour, for one browser", async () => {
  let time = Date.now();
  const now = () => time;
  const app = makeApp(now);
  const [ada, bob] = [new SessionClient(app, { now }), new SessionClient(app, { now })];
  await ada.fetch("/", { method: "POST" });
  assert.deepEqual(await (await ada.fetch("/")).json(), ["tea"]);
  assert.deepEqual(await (await bob.fetch("/")).json(), []);
  time += 3601_000;
  assert.deepEqual(await (await ada.fetch("/")).json(), []);
});
