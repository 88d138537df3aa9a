/** A stream that notes in the session how it ended: `deno serve examples/streaming.ts` or `bun examples/streaming.ts`. */

import { createSessions } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";

const sessions = createSessions<{ downloads: number }>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});

async function* lines(id: string | undefined): AsyncGenerator<Uint8Array> {
  const text = new TextEncoder();
  for (let line = 1; line <= 1000; line++) yield text.encode(`line ${line}\n`);
  // The response was sent long ago: writing to the request's session would throw ERR_CLOSED.
  const session = await sessions.open(id);
  if (session.id === undefined) return; // logged out while it ran
  session.update("downloads", (n = 0) => n + 1);
  await session.save();
}

const server: { fetch(request: Request): Response | Promise<Response> } = {
  fetch: sessions.wrap(async (request) => {
    const session = await request.session;
    if (new URL(request.url).pathname !== "/report") {
      return new Response(`${session.get("downloads", 0)} downloads`);
    }
    session.setDefault("downloads", 0);
    await session.save(); // a new session has its id from here on
    return new Response(ReadableStream.from(lines(session.id)));
  }),
};
export default server;
