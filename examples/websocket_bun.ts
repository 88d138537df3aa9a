/** A WebSocket that belongs to a session, on Bun: `bun examples/websocket_bun.ts`. */

import { createSessions } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";

const sessions = createSessions<{ said: string[] }>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});

type Upgrades = { upgrade(request: Request, options: { headers: Headers; data: { id: string } }): boolean };
type Socket = { data: { id: string }; send(text: string): void; close(code: number, reason: string): void };
type Fetch = (request: Request, server: Upgrades) => unknown;

const fetch: Fetch = sessions.wrap(async (request, server: Upgrades) => {
  const session = await request.session;
  if (request.method === "DELETE") await session.logout();
  if (request.headers.get("upgrade") !== "websocket") return Response.json(session.get("said", []));
  const isOurs = request.headers.get("origin") === new URL(request.url).origin;
  if (!isOurs) return new Response(null, { status: 403 }); // browsers let any site open a socket to your server

  session.setDefault("said", []);
  await session.save(); // a new session has its id from here on
  const headers = await sessions.headersFor(request); // its cookie, for a response that Bun makes
  if (server.upgrade(request, { headers, data: { id: session.id! } })) return undefined;
  return new Response(null, { status: 400 });
});

async function hear(socket: Socket, message: string): Promise<void> {
  const session = await sessions.open(socket.data.id);
  if (session.id === undefined) return socket.close(4401, "logged out");
  const said = session.update("said", (said = []) => [...said, message]);
  await session.save();
  socket.send(`${said.length}: ${message}`);
}

const message = (socket: Socket, text: string): unknown =>
  hear(socket, text).catch(() => socket.close(1011, "failed"));
const server: { fetch: Fetch; websocket: { message: typeof message } } = { fetch, websocket: { message } };
export default server;
