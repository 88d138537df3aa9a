/** A WebSocket of Elysia that belongs to a session, on Bun: `bun examples/elysia_websocket.ts`. */

import { createSessions, SessionError } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";
import { type AnyElysia, Elysia } from "elysia";
import process from "node:process";

const sessions = createSessions<{ said: string[] }>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});
async function hear(request: Request, message: string): Promise<string | undefined> {
  const { id } = await sessions.get(request); // closed by now: the response was sent
  const session = await sessions.open(id);
  if (session.id === undefined) return undefined;
  const said = session.update("said", (said = []) => [...said, message]);
  await session.save();
  return `${said.length}: ${message}`;
}
export const app: AnyElysia = new Elysia()
  .wrap((fetch) => sessions.wrap(fetch)) // for `listen`, which serves by itself
  .onError(({ error }) => {
    if (error instanceof SessionError) throw error; // `wrap` responds: 503 or 409
  })
  .get("/", async ({ request }) => Response.json((await sessions.get(request)).get("said", [])))
  .delete("/", async ({ request }) => void await (await sessions.get(request)).logout())
  .ws("/", {
    async upgrade({ request, set, status }) {
      const isOurs = request.headers.get("origin") === new URL(request.url).origin;
      if (!isOurs) throw status(403); // browsers let any site open a socket to your server
      (await sessions.get(request)).setDefault("said", []);
      const headers = await sessions.headersFor(request); // saves; Elysia upgrades by itself, with what is in `set`
      Object.assign(set.headers, Object.fromEntries(headers));
    },
    message: ({ data, send, close }, message) =>
      hear(data.request, String(message)) // an uncaught error here would end the server
        .then((text) => text === undefined ? void close(4401, "logged out") : void send(text))
        .catch(() => void close(1011, "failed")),
  });
if (import.meta.main) app.listen(Number(process.env["PORT"] ?? 3000));
