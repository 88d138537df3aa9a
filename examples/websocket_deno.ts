/** A WebSocket that belongs to a session, on Deno: `deno serve examples/websocket_deno.ts`. */

import { createSessions } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";

const sessions = createSessions<{ said: string[] }>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});

const handler = sessions.wrap(async (request) => {
  const session = await request.session;
  if (request.method === "DELETE") await session.logout();
  if (request.headers.get("upgrade") !== "websocket") return Response.json(session.get("said", []));
  const isOurs = request.headers.get("origin") === new URL(request.url).origin;
  if (!isOurs) return new Response(null, { status: 403 }); // browsers let any site open a socket to your server

  session.setDefault("said", []);
  await session.save(); // a new session has its id from here on
  const { id } = session;
  const { socket, response } = Deno.upgradeWebSocket(request);
  const hear = async (message: string) => {
    const session = await sessions.open(id); // the request's own session is closed by now
    if (session.id === undefined) return socket.close(4401, "logged out");
    const said = session.update("said", (said = []) => [...said, message]);
    await session.save();
    socket.send(`${said.length}: ${message}`);
  };
  // an unhandled rejection would end the server
  socket.onmessage = ({ data }) => void hear(String(data)).catch(() => socket.close(1011, "failed"));
  return response; // the commit appends the cookie to it
});

const server: { fetch(request: Request): Response | Promise<Response> } = { fetch: handler };
export default server;
