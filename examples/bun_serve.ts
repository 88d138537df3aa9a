/** `Bun.serve` and its routes, as a default export: `bun examples/bun_serve.ts`. */

import { createSessions } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";

const sessions = createSessions<{ visits: number }>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});
const home = (): Response => new Response(null, { status: 303, headers: { location: "/" } });
type Named = Request & { readonly params: { readonly name: string } }; // Bun.BunRequest<"/hello/:name">

const routes: Record<string, unknown> = {
  "/": sessions.wrap(async (request) => {
    const session = await request.session;
    const visits = session.update("visits", (n = 0) => n + 1);
    return new Response(`${session.userId ?? "nobody"}: visit ${visits}`);
  }),
  "/hello/:name": sessions.wrap((request: Named) => { // this route costs no session
    return new Response(`Hello ${request.params.name}`);
  }),
  "/login": {
    POST: sessions.wrap(async (request) => {
      const form = await request.formData();
      (await request.session).login(String(form.get("user"))); // once the password is checked
      return home();
    }),
  },
  "/logout": {
    POST: sessions.wrap(async (request) => {
      await (await request.session).logout();
      return home();
    }),
  },
};

const fetch = (): Response => new Response("not found", { status: 404 });
const server: { routes: typeof routes; fetch(): Response } = { routes, fetch };
export default server;
