/** Handles so many requests of one kind, for `request_path.ts`, which counts what they enter: `requests.ts KIND COUNT`. */

import { MemoryStore } from "../../backends/memory.ts";
import { createSessions } from "../../mod.ts";

const [kind, count] = Deno.args;
const sessions = createSessions<{ visits: number }>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))],
});
const handlers: Record<string, (request: Request) => Response | Promise<Response>> = {
  unused: sessions.wrap(() => new Response()),
  read: sessions.wrap(async (request) => Response.json((await request.session).get("visits"))),
  write: sessions.wrap(async (request) => {
    return Response.json((await request.session).update("visits", (n = 0) => n + 1));
  }),
  logout: sessions.wrap(async (request) => {
    await (await request.session).logout();
    return new Response();
  }),
};
const cookies: string[] = [];
for (let i = 0; i < 3; i++) {
  const response = await handlers.write!(new Request("http://localhost/"));
  const cookie = response.headers.get("set-cookie")!.split(";", 1)[0]!;
  // Seen before, as nearly every cookie is
  await handlers.read!(new Request("http://localhost/", { headers: { cookie } }));
  cookies.push(cookie);
}
for (const cookie of cookies.slice(0, Number(count))) {
  await (await handlers[kind!]!(new Request("http://localhost/", { headers: { cookie } }))).text();
}
