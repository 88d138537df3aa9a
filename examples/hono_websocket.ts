/** A WebSocket of Hono that belongs to a session, on Bun: `bun examples/hono_websocket.ts`. */

import { createSessions } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";
import { Hono } from "hono";
import { websocket } from "hono/bun";
import { defineWebSocketHelper, type WSContext } from "hono/ws";

const sessions = createSessions<{ said: string[] }>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});
async function hear(request: Request, message: string, socket: WSContext): Promise<void> {
  const { id } = await sessions.get(request); // closed by now: the response was sent
  const session = await sessions.open(id);
  if (session.id === undefined) return socket.close(4401, "logged out");
  const said = session.update("said", (said = []) => [...said, message]);
  await session.save();
  socket.send(`${said.length}: ${message}`);
}
type Upgrades = { upgrade(request: Request, options: { headers: Headers; data: unknown }): boolean };
// replaces the one from `hono/bun`, which sends no headers: this saves, and the cookie is sent with the upgrade
const upgradeWebSocket = defineWebSocketHelper(async (c, events) => {
  const options = { headers: await sessions.headersFor(c.req.raw), data: { events, protocol: "" } };
  if ((c.env as Upgrades).upgrade(c.req.raw, options)) return new Response();
});
const upgrade = upgradeWebSocket(({ req: { raw } }) => ({
  onMessage: ({ data }, socket) => hear(raw, String(data), socket),
  onError: (_, socket) => socket.close(1011, "failed"), // without it, a failure would end the server
}));
const app = new Hono().all("/", async (c, next) => {
  const session = await sessions.get(c.req.raw);
  if (c.req.method === "DELETE") await session.logout();
  if (c.req.header("upgrade") !== "websocket") return c.json(session.get("said", []));
  if (c.req.header("origin") !== new URL(c.req.url).origin) return c.body(null, 403); // any site may open a socket
  session.setDefault("said", []);
  return upgrade(c, next);
}).onError((error) => Promise.reject(error)); // `wrap` responds to a SessionError: 503 or 409
const fetch = sessions.wrap((request: Request, server: Upgrades) => app.fetch(request, server));
export default { fetch, websocket } as { fetch: unknown; websocket: unknown };
