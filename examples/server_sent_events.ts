/** Server-sent events that end with the session: `deno serve examples/server_sent_events.ts`, or with `bun`. */

import { createSessions } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";

const sessions = createSessions<{ visits: number }>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});
/** The number of visits whenever it has changed, until the visitor logs out or leaves. */
async function* counts(id: string | undefined): AsyncGenerator<Uint8Array> {
  const text = new TextEncoder();
  for (let last = -1;;) {
    const session = await sessions.open(id); // with the changes of other requests
    if (session.id === undefined) return yield text.encode("event: end\ndata: logged out\n\n");
    const visits = session.get("visits", 0);
    // always send something: a failing write shows that the visitor has left, and ends the stream
    yield text.encode(visits === last ? ":\n\n" : `data: ${visits}\n\n`);
    last = visits;
    await new Promise((resolve) => setTimeout(resolve, 100)); // better: wait for your own queue
  }
}

const server: { fetch(request: Request): Response | Promise<Response> } = {
  fetch: sessions.wrap(async (request) => {
    const { pathname } = new URL(request.url);
    const session = await request.session;
    if (pathname === "/events") {
      const headers = { "content-type": "text/event-stream" };
      return new Response(ReadableStream.from(counts(session.id)), { headers });
    }
    if (pathname === "/logout") await session.logout();
    else session.update("visits", (n = 0) => n + 1);
    return new Response(`visit ${session.get("visits", 0)}`);
  }),
};
export default server;
